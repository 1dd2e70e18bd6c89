"""Presets: how much time a take is worth, as settings of the sampler in one table. Standard library only.

What each lever is worth is measured by `benchmarks/levers.py`; docs/presets.md says it to artists, DR033 why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vera_engine.errors import InvalidArgument
from vera_engine.model.settings import ModelSettings

DEFAULT_PRESET = "standard"
PLAIN_PRESET = "final"
"""The plain sampler; what takes were made with that say no preset."""


class PresetUnknown(InvalidArgument):
    """A preset that is not in the table."""


@dataclass(frozen=True)
class Levers:
    """How latents are sampled. All but the steps at their defaults: the plain sampler, bit for bit."""

    num_inference_steps: int = 50
    """Evaluations of the model, 1 or more; where there is guidance, of both prompts."""
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


@dataclass(frozen=True)
class Preset:
    """A name for levers."""

    name: str
    description: str
    """One sentence for an artist."""
    levers: Levers


PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "draft",
            "To see what the prompt does: the fewest steps, details may be another's.",
            Levers(num_inference_steps=12, guidance_above=0.6, step_cache=0.1),
        ),
        Preset(
            "standard",
            "For daily work: what final gives but for small details, in a fraction of its time.",
            Levers(num_inference_steps=25, guidance_above=0.3, step_cache=0.05),
        ),
        Preset(
            PLAIN_PRESET,
            "For delivery: every step computed whole, nothing saved.",
            Levers(),
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
    own = min(preset.levers.num_inference_steps, model.num_inference_steps)
    return model.preset_steps.get(preset.name, own)


def levers_of(preset: str, num_inference_steps: int) -> Levers:
    """A preset's levers, with the steps of a take.

    Raises:
        PresetUnknown
    """
    return replace(find_preset(preset).levers, num_inference_steps=num_inference_steps)
