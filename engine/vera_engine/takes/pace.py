"""How long takes take: from how long windows of their size took before, on this machine with this model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vera_engine.pipeline.presets import PLAIN_PRESET
from vera_engine.takes.take import LaneKind, Take

WEIGHT_OF_NEWEST = 0.5
"""Of a new measurement against all before it: machines are busy at times."""


@dataclass(frozen=True)
class StepSize:
    """What one denoising step works on, or where no model runs the finishing of a frame. Its text form is a key in the
    engine's records."""

    latents: int
    """In the longest of a take's windows."""
    width: int
    """Pixels, working size."""
    height: int
    guided: bool
    """With classifier-free guidance the model runs twice a step."""
    preset: str = PLAIN_PRESET
    """How much of a step is saved."""

    @classmethod
    def of(cls, take: Take) -> StepSize:
        if take.lane is LaneKind.FINISH:
            return cls(1, *take.working_size, guided=False)
        settings = take.settings
        return cls(max(take.window_latents), *take.working_size, settings.guidance_scale != 1, settings.preset)

    @classmethod
    def parse(cls, text: str) -> StepSize:
        size, _, preset = text.partition(" ")
        latents, width, height, passes = map(int, size.split("x"))
        return cls(latents, width, height, passes == 2, preset or PLAIN_PRESET)

    @property
    def tokens(self) -> int:
        """What time is taken to grow with, where nothing of the very size was measured: latent pixels, all passes."""
        return self.latents * self.width * self.height * (2 if self.guided else 1)

    def __str__(self) -> str:
        size = f"{self.latents}x{self.width}x{self.height}x{2 if self.guided else 1}"
        return size if self.preset == PLAIN_PRESET else f"{size} {self.preset}"


def step_count(take: Take, first_window: int = 0) -> float:
    """Steps that the take's windows need from `first_window` (from 0) on, shorter ones counted in proportion; frames,
    where no model runs."""
    if take.lane is LaneKind.FINISH:
        return float(sum(take.window_latents[first_window:]))
    longest = max(take.window_latents)
    return take.settings.num_inference_steps * sum(take.window_latents[first_window:]) / longest


class Paces:
    """Seconds for one step, by its size: a window's reading, decoding and writing included."""

    def __init__(self, measured: dict[str, float]) -> None:
        """Args:
        measured: Seconds by `str(StepSize)`.
        """
        self._measured = {StepSize.parse(size): seconds for size, seconds in measured.items()}

    def learn(self, size: StepSize, seconds: float) -> float:
        """Takes in what a step of a known size took; returns what is now expected of one."""
        before = self._measured.get(size, seconds)
        self._measured[size] = before + (seconds - before) * WEIGHT_OF_NEWEST
        return self._measured[size]

    def measured(self, size: StepSize) -> float | None:
        """What is expected of a step of that very size; None where none was measured."""
        return self._measured.get(size)

    def seconds_per_step(self, size: StepSize) -> float | None:
        """As measured; of another size, from the nearest one in proportion; None where none was ever measured."""
        if not self._measured:
            return None
        nearest = min(self._measured, key=lambda known: (abs(known.tokens - size.tokens), known.preset != size.preset))
        return self._measured[nearest] * (size.tokens / nearest.tokens)

    def seconds(self, work: Iterable[tuple[str, float]]) -> float | None:
        """For steps by size, as in the engine's records; None where nothing was ever measured."""
        total = 0.0
        for size, steps in work:
            pace = self.seconds_per_step(StepSize.parse(size))
            if pace is None:
                return None
            total += pace * steps
        return total
