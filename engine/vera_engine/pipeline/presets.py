"""Presets: how much time a take is worth, as settings of the sampler in one table. Standard library only.

What each lever is worth is measured by `benchmarks/levers.py`; docs/presets.md says it to artists, DR033 why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from vera_engine.errors import InvalidArgument
from vera_engine.model.settings import ModelSettings

DEFAULT_PRESET = "standard"
PLAIN_PRESET = "final"
"""The plain sampler; what takes were made with that say no preset."""


class PresetUnknown(InvalidArgument):
    """A preset that is not in the table."""


@dataclass(frozen=True)
class Levers:
    """What of the plain sampler's work is left out, and how the rest is computed. By default nothing is: the plain
    sampler, bit for bit."""

    guidance_above: float = 0.0
    """The sigma, 0 to 1, below which steps go without guidance (arXiv 2404.07724); 0: none do."""
    step_cache: float = 0.0
    """How much the first layer may change, relative to what it did, for a step to reuse what the others added in an
    earlier one (first block cache); 0: every step computes all layers."""
    batched_guidance: bool = True
    """Both prompts of a guided step in one batch: faster, with more memory; the same to rounding."""
    attention: str = "native"
    """An attention backend of diffusers, by its name: `native` is PyTorch's own."""
    compiled: bool = False
    """Whether the layers are compiled when they first run."""

    def __post_init__(self) -> None:
        """Raises InvalidArgument for what no sampler could do."""
        for lever, valid, rule in (
            ("guidance_above", 0 <= self.guidance_above <= 1, "a sigma, 0 to 1"),
            ("step_cache", 0 <= self.step_cache < math.inf, "0 or more"),
        ):
            if not valid:
                raise InvalidArgument(
                    "The lever is out of range.",
                    argument=f"levers.{lever}",
                    value=getattr(self, lever),
                    remedy=f"Give {rule}.",
                )


PLAIN = Levers()


@dataclass(frozen=True)
class Preset:
    """A name for a number of steps, and levers."""

    name: str
    description: str
    """One sentence for an artist."""
    num_inference_steps: int
    """Of models that take 50 by themselves; see `preset_steps`."""
    levers: Levers


PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "draft",
            "To see what the prompt does: the fewest steps, details still change.",
            12,
            Levers(guidance_above=0.6, step_cache=0.2),
        ),
        Preset(
            "standard",
            "For daily work: what final gives but for small details, in a fraction of the time.",
            25,
            Levers(step_cache=0.15),
        ),
        Preset(
            PLAIN_PRESET,
            "For delivery: every step computed whole, nothing left out.",
            50,
            PLAIN,
        ),
    )
}


def find_preset(name: str) -> Preset:
    """A preset by its name.

    Raises:
        PresetUnknown
    """
    if name not in PRESETS:
        raise PresetUnknown(
            "There is no such preset.",
            argument="settings.preset",
            value=name,
            remedy=f"Choose from {', '.join(PRESETS)}, or leave it unset.",
        )
    return PRESETS[name]


def preset_steps(preset: Preset, model: ModelSettings) -> int:
    """The preset's steps with a model: what the model's folder says, else the table's, but no more than are its own."""
    own = min(preset.num_inference_steps, model.num_inference_steps)
    return model.preset_steps.get(preset.name, own)
