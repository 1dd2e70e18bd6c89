"""An account of a take for who asks before it is made: memory, measures, and the work of each preset."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from diffusers import FlowMatchEulerDiscreteScheduler

from vera_engine.errors import InvalidArgument
from vera_engine.model.settings import ModelSettings, read_settings
from vera_engine.pipeline.blueprint import KNOWN_SIZES, Blueprint
from vera_engine.pipeline.fit import Fit, choose, usable, ways_to_fit
from vera_engine.pipeline.needs import Job, evaluations
from vera_engine.pipeline.presets import PRESETS, find_preset, preset_steps
from vera_engine.pipeline.windows import latent_count

_WAN_WINDOW, _WAN_SIZE, _WAN_SHIFT = 49, (832, 480), 3.0
"""Of the sizes that have no folder: what Vera was trained on, and the schedule of Wan2.1 at 480 lines."""


class FramesRefused(InvalidArgument):
    """A number of frames that is no window."""


@dataclass(frozen=True)
class Estimate:
    """What a window of a take needs."""

    model: str
    preset: str
    fit: Fit
    ways: tuple[str, ...]
    """What would fit, in words, where it does not."""
    presets: dict[str, tuple[int, int]]
    """For each, how often the model is evaluated, and floating-point operations of all of a window. With a step cache
    it is less: how much less depends on the shot."""

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values, in bytes and operations."""
        fit = self.fit
        return {
            "model": self.model,
            "preset": self.preset,
            "frames": fit.job.frames,
            "size": [fit.job.width, fit.job.height],
            "device": fit.device_type,
            "fits": fit.fits,
            "peak": fit.peak,
            "room": fit.room,
            "beside": fit.beside,
            "room_beside": fit.room_beside,
            "measures": asdict(fit.measures),
            "phases": {phase.name: {"weights": phase.weights, "work": phase.work} for phase in fit.phases},
            "weights": fit.parts,
            "operations": fit.operations,
            "presets": {name: {"evaluations": n, "operations": work} for name, (n, work) in self.presets.items()},
            "would_fit": list(self.ways),
        }


def estimate(
    model: str,
    *,
    frames: int | None,
    size: tuple[int, int] | None,
    device_type: str,
    device_memory: int | None,
    memory: int | None,
    preset: str,
    guided: bool,
) -> Estimate:
    """Accounts for one window.

    Args:
        model: "1.3B", "14B", "small", or a model folder.
        frames: 4n + 1; None: the model's window.
        size: (width, height), multiples of 16; None: the model's first.
        device_type: `cuda` or `cpu`.
        device_memory: Bytes that the device has in all; None: as many as are needed.
        memory: Bytes that are free beside a card; None: as many as are needed.
        preset: Whose levers are pulled.
        guided: Whether there is guidance, where the model has any by itself.

    Raises:
        FramesRefused, PresetUnknown, ModelFolderMissing, ModelSettingsInvalid, WeightsCorrupt, CodecUnknown
    """
    settings = None if model in KNOWN_SIZES else read_settings(model)
    if frames is None:
        frames = settings.window_frames if settings else _WAN_WINDOW
    if frames < 1 or frames % 4 != 1:
        raise FramesRefused("A window has 4n + 1 frames.", argument="frames", value=frames, remedy="As in 49.")
    width, height = size or (settings.working_sizes[0] if settings else _WAN_SIZE)
    guided = guided and (settings is None or settings.guidance_scale != 1)
    job = Job(latent_count(frames), width, height, guided, find_preset(preset).levers.step_cache > 0)
    room = usable(device_memory, device_type) if device_memory is not None else None
    blueprint = Blueprint.of(model)
    fit = choose(blueprint, job, device_type, room, memory)
    return Estimate(
        model, preset, fit, () if fit.fits else ways_to_fit(blueprint, fit), _work_of_presets(fit, settings)
    )


def _work_of_presets(fit: Fit, settings: ModelSettings | None) -> dict[str, tuple[int, int]]:
    """As `Estimate.presets`: text, plate and mask encoded, every step whole, all branches decoded."""
    scheduler = FlowMatchEulerDiscreteScheduler(shift=settings.flow_shift if settings else _WAN_SHIFT)
    around = 2 * fit.operations["text"] + 2 * fit.operations["encode"] + fit.operations["decode"]
    work = {}
    for preset in PRESETS.values():
        scheduler.set_timesteps(preset_steps(preset, settings) if settings else preset.num_inference_steps)
        sigmas = scheduler.sigmas[:-1].tolist()
        count = evaluations(sigmas, fit.job.guided, preset.levers.guidance_above)
        work[preset.name] = count, count * fit.operations["evaluation"] + around
    return work
