"""What can be checked of a request before a version is reserved: fast, without a model, in an artist's words."""

from __future__ import annotations

import difflib
import math
import re
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vera_engine.errors import InvalidArgument
from vera_engine.model.settings import ModelSettings, unknown_words
from vera_engine.takes.request import EditType, MaskMeaning, PlateReference, TakeRequest, TakeSettings
from vera_engine.takes.store import check_disk_room

if TYPE_CHECKING:
    from vera_engine.plates.source import PlateSource

NODE_ID_PATTERN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
LONGEST_PROMPT = 2000
LARGEST_SEED = 2**63 - 1
MOST_STEPS = 1000
DRAWN_SEEDS = 2**31
"""Seeds the engine draws itself lie below this: every host has a number field for them."""

LAYER_CHANNELS = 7
COMP_CHANNELS = 3
BYTES_PER_HALF = 2
LATENTS_BYTES = 32 << 20
"""More than the final latents of one window take."""


class NodeIdInvalid(InvalidArgument):
    """A node id that cannot be a folder's name."""


class PromptInvalid(InvalidArgument):
    """A prompt that is empty, or too long to be one."""


class RangeTooLong(InvalidArgument):
    """More frames than the model makes at once."""


class MaskNeeded(InvalidArgument):
    """An edit that the model does not make without a mask."""


class SettingOutOfRange(InvalidArgument):
    """A seed, number of steps or guidance that no model could be run with."""


class PathNotAbsolute(InvalidArgument):
    """A path that means another place to the engine than to the host."""


@dataclass(frozen=True)
class CheckedRequest:
    """A request that can be run, with nothing left open."""

    request: TakeRequest
    """With the plate's colour space and the mask's meaning said."""
    settings: TakeSettings
    warnings: tuple[str, ...]


def check_request(request: TakeRequest, model: ModelSettings, own_take_root: Path) -> CheckedRequest:
    """Checks all that needs no pixels: every frame's header and last row, sizes, colour space, words, disk room.

    Args:
        request: What an artist asks for.
        model: The model that will run it.
        own_take_root: Where takes go whose request names no take root.

    Raises:
        InvalidArgument, NotFound, PermissionRefused, FailedPrecondition: kinds of them, for the first fault found.
    """
    # 1. What costs nothing
    _check_node_id(request.node_id)
    _check_prompt(request.prompt)
    settings = _effective_settings(request, model)
    _check_length(request, model)
    _check_mask_given(request, model)
    for argument, path in _paths(request):
        _check_absolute(argument, path)

    # 2. The files' headers and last rows. Imported here: plates bring OpenImageIO, and the engine answers before that
    from vera_engine.plates.source import check_mask, check_plate

    plate_format = check_plate(plate_source(request.plate), request.frames)
    mask = request.mask
    if mask is not None:
        check_mask(plate_source(mask.source), request.frames, plate_format)
        mask = replace(mask, meaning=mask.meaning or MaskMeaning.default(request.edit_type))
    plate = replace(request.plate, color_space=plate_format.color_space.value)

    # 3. Room for what will be written
    channels = LAYER_CHANNELS + (COMP_CHANNELS if request.write_comp else 0)
    frame_bytes = plate_format.width * plate_format.height * channels * BYTES_PER_HALF
    check_disk_room(take_root_of(request, own_take_root), len(request.frames) * frame_bytes + LATENTS_BYTES)

    return CheckedRequest(replace(request, plate=plate, mask=mask), settings, word_warnings(request.prompt, model))


def take_root_of(request: TakeRequest, own_take_root: Path) -> Path:
    """Where the request's takes lie."""
    return Path(request.take_root) if request.take_root else own_take_root


def plate_source(reference: PlateReference) -> PlateSource:
    """The sequence as plates know it.

    Raises:
        ColorSpaceUnknown: where the reference names a colour space that is none.
    """
    from vera_engine.plates.color import ColorSpace
    from vera_engine.plates.source import PlateSource

    space = None if reference.color_space is None else ColorSpace.parse(reference.color_space)
    return PlateSource(reference.path, reference.frame_offset, space)


def word_warnings(prompt: str, model: ModelSettings) -> tuple[str, ...]:
    """One sentence for each word of the prompt that the model does not know, with the nearest of those it knows."""
    warnings = []
    for word in unknown_words(prompt, model.vocabulary):
        near = difflib.get_close_matches(word, model.vocabulary, n=3, cutoff=0.6)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"It knows: {', '.join(model.vocabulary)}."
        warnings.append(f'The model does not know the word "{word}". {hint}')
    return tuple(warnings)


def _check_node_id(node_id: str) -> None:
    if not NODE_ID_PATTERN.fullmatch(node_id):
        raise NodeIdInvalid(
            "A node's id becomes a folder's name, and this cannot be one.",
            argument="node_id",
            value=node_id,
            remedy="Use letters, digits, -, _ and ., at most 128 of them, not beginning with a dot.",
        )


def _check_prompt(prompt: str) -> None:
    if not prompt.strip():
        raise PromptInvalid(
            "The prompt is empty.", argument="prompt", value=prompt, remedy="Say in a few words what is to be made."
        )
    if len(prompt) > LONGEST_PROMPT:
        raise PromptInvalid(
            f"The prompt has {len(prompt)} characters; {LONGEST_PROMPT} is the most.",
            argument="prompt",
            value=f"{prompt[:60]}...",
            remedy="Say it in fewer words.",
        )


def _effective_settings(request: TakeRequest, model: ModelSettings) -> TakeSettings:
    asked = request.settings
    seed = secrets.randbelow(DRAWN_SEEDS) if asked.seed is None else asked.seed
    steps = model.num_inference_steps if asked.num_inference_steps is None else asked.num_inference_steps
    guidance = model.guidance_scale if asked.guidance_scale is None else asked.guidance_scale
    for name, value, is_good, rule in (
        ("seed", seed, 0 <= seed <= LARGEST_SEED, f"a whole number from 0 to {LARGEST_SEED}"),
        ("num_inference_steps", steps, 1 <= steps <= MOST_STEPS, f"a whole number from 1 to {MOST_STEPS}"),
        ("guidance_scale", guidance, math.isfinite(guidance) and guidance >= 0, "0 or more"),
    ):
        if not is_good:
            raise SettingOutOfRange(
                f"The {name.replace('_', ' ')} is out of range.",
                argument=f"settings.{name}",
                value=value,
                remedy=f"Give {rule}, or leave it unset.",
            )
    return TakeSettings(seed, steps, guidance)


def _check_length(request: TakeRequest, model: ModelSettings) -> None:
    if len(request.frames) > model.window_frames:
        first = request.frames.first
        raise RangeTooLong(
            f"The range has {len(request.frames)} frames; this model makes at most {model.window_frames} at once.",
            argument="frames",
            value=request.frames,
            remedy=f"Ask for a shorter range, as {first}-{first + model.window_frames - 1}.",
        )


def _check_mask_given(request: TakeRequest, model: ModelSettings) -> None:
    if request.edit_type is EditType.BACKGROUND and request.mask is None and model.background_needs_mask:
        raise MaskNeeded(
            "This model changes a background only where a mask says what has to stay.",
            argument="mask",
            remedy="Connect a mask of the subject: white on what is kept.",
        )


def _paths(request: TakeRequest) -> list[tuple[str, str]]:
    paths = [("plate.path", request.plate.path)]
    if request.mask is not None:
        paths.append(("mask.source.path", request.mask.source.path))
    if request.take_root:
        paths.append(("take_root", request.take_root))
    return paths


def _check_absolute(argument: str, path: str) -> None:
    if not Path(path).is_absolute():
        raise PathNotAbsolute(
            "The path is relative; the engine has another working folder than the host."
            if path
            else "There is no path.",
            argument=argument,
            value=path,
            remedy="Give the whole path, from the root on.",
        )
