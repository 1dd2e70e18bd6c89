"""What a request may say, whatever there is on disk: words, numbers and names, in an artist's terms."""

from __future__ import annotations

import difflib
import math
import re
import secrets
from pathlib import Path
from typing import Any

from vera_engine.errors import InvalidArgument
from vera_engine.model.settings import ModelSettings, unknown_words
from vera_engine.pipeline.presets import DEFAULT_PRESET, find_preset, preset_steps
from vera_engine.plates.finish_settings import Detail
from vera_engine.plates.frames import FrameSet
from vera_engine.takes.notes import check_notes
from vera_engine.takes.region_boxes import check_region
from vera_engine.takes.request import AskedFinish, EditType, TakeRequest, TakeSettings
from vera_engine.takes.take import Notes

NODE_ID_PATTERN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
LONGEST_PROMPT = 2000
LARGEST_SEED = 2**63 - 1
MOST_STEPS = 1000
MOST_FRAMES = 10_000
MOST_STOPS = 20
DRAWN_SEEDS = 2**31
"""Seeds the engine draws itself lie below this: every host has a number field for them."""


class NodeIdInvalid(InvalidArgument):
    """A node id that cannot be a folder's name."""


class PromptInvalid(InvalidArgument):
    """A prompt that is empty, or too long to be one."""


class RangeTooLong(InvalidArgument):
    """More frames than one take may have."""


class HandlesInvalid(InvalidArgument):
    """Handles of less than no frame."""


class StrengthInvalid(InvalidArgument):
    """A strength that is none, or has no base to be held against."""


class EditTypeMissing(InvalidArgument):
    """A request that does not say what kind of edit it asks for."""


class MaskNeeded(InvalidArgument):
    """An edit that the model does not make without a mask."""


class MaskUnclear(InvalidArgument):
    """A request that names a mask, and says that there is none."""


class ExposureOutOfRange(InvalidArgument):
    """An exposure that leaves nothing to be seen."""


class HoldoutUnclear(InvalidArgument):
    """A request that names a hold-out, and says that there is none."""


class FinishNeedsBase(InvalidArgument):
    """A request to finish anew what was never made."""


class SettingOutOfRange(InvalidArgument):
    """A seed, number of steps or guidance that no model could be run with."""


class PathNotAbsolute(InvalidArgument):
    """A path that means another place to the engine than to the host."""


def check_rules(request: TakeRequest, has_base: bool) -> None:
    """Checks what a request says before a base fills anything in.

    Raises:
        NodeIdInvalid, PromptInvalid, StrengthInvalid, HandlesInvalid, MaskUnclear, HoldoutUnclear, NoteInvalid,
        PathNotAbsolute, RangeTooLong, ExposureOutOfRange, RegionInvalid, RegionEmpty, RegionUnknown, FinishNeedsBase
    """
    _check_node_id(request.node_id)
    _check_prompt(request.prompt, has_base)
    _check_strength(request, has_base)
    _check_handles(request.handles)
    _check_masks_are_clear(request)
    _check_exposure(request.exposure)
    if request.region is not None:
        check_region(request.region, has_base)
    if request.finish_only and not has_base:
        raise FinishNeedsBase(
            "Layers can be finished anew where a take has some, and none is named.",
            argument="finish_only",
            value=True,
            remedy="Name the take as the base.",
        )
    check_notes(Notes(label=request.label))
    for argument, path in _paths(request, has_base):
        check_absolute(argument, path)
    _check_length(request.made_frames)


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


def _check_prompt(prompt: str, has_base: bool) -> None:
    if not (prompt.strip() or (has_base and not prompt)):
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


def effective_settings(request: TakeRequest, model: ModelSettings) -> TakeSettings:
    """The settings asked for, those left open from preset and model; a seed that was left open is drawn.

    Raises:
        PresetUnknown, SettingOutOfRange
    """
    asked = request.settings
    seed = secrets.randbelow(DRAWN_SEEDS) if asked.seed is None else asked.seed
    preset = find_preset(DEFAULT_PRESET if asked.preset is None else asked.preset)
    steps = preset_steps(preset, model) if asked.num_inference_steps is None else asked.num_inference_steps
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
    return TakeSettings(seed, steps, guidance, preset.name)


def effective_edit_type(request: TakeRequest) -> EditType:
    """The edit type that is said, or filled in from a base.

    Raises:
        EditTypeMissing: Neither.
    """
    if request.edit_type is None:
        raise EditTypeMissing(
            "The request does not say what kind of edit it asks for.",
            argument="edit_type",
            remedy="Choose object addition or background change.",
        )
    return request.edit_type


def effective_finish(asked: AskedFinish, base: AskedFinish | None, edit_type: EditType) -> AskedFinish:
    """What is asked for, else the base's, else the default; all of it said.

    Raises:
        FinishInvalid
    """
    by_edit_type = Detail.EDIT if edit_type is EditType.ADD else Detail.PLATE
    said = {"detail": by_edit_type, **_said(base or AskedFinish()), **_said(asked)}
    settings = AskedFinish(**said).settings
    settings.check()
    return AskedFinish(**settings.as_dict())


def _said(finish: AskedFinish) -> dict[str, Any]:
    return {name: value for name, value in vars(finish).items() if value is not None}


def _check_strength(request: TakeRequest, has_base: bool) -> None:
    strength = request.strength
    if strength is not None and not (has_base and 0 < strength <= 1):
        raise StrengthInvalid(
            "The strength is not above 0 and at most 1."
            if has_base
            else "A strength says how far frames may leave a base take, and there is none.",
            argument="strength",
            value=strength,
            remedy="Give more than 0 and at most 1, or leave it unset."
            if has_base
            else "Leave it unset, or name a base.",
        )


def _check_handles(handles: int) -> None:
    if handles < 0:
        raise HandlesInvalid(
            "Handles are frames more, and never less than none.",
            argument="handles",
            value=handles,
            remedy="Give 0 or more.",
        )


def _check_masks_are_clear(request: TakeRequest) -> None:
    for kind, error, named, without in (
        ("mask", MaskUnclear, request.mask, request.without_mask),
        ("holdout", HoldoutUnclear, request.holdout, request.without_holdout),
    ):
        if named is not None and without:
            raise error(
                f"A {kind} is named, and none is asked for.",
                argument=f"without_{kind}",
                value=True,
                remedy="Leave one of the two away.",
            )


def _check_exposure(exposure: float | None) -> None:
    if exposure is not None and not (math.isfinite(exposure) and abs(exposure) <= MOST_STOPS):
        raise ExposureOutOfRange(
            "The exposure is out of range.",
            argument="exposure",
            value=exposure,
            remedy=f"Give -{MOST_STOPS} to {MOST_STOPS} stops, or leave it unset.",
        )


def _check_length(made: FrameSet) -> None:
    if len(made) > MOST_FRAMES:
        raise RangeTooLong(
            f"These are {len(made)} frames, handles included; one take has at most {MOST_FRAMES}.",
            argument="frames",
            value=made,
            remedy=f"Ask for a shorter range, as {made.first}-{made.first + MOST_FRAMES - 1}.",
        )


def check_mask_given(request: TakeRequest, model: ModelSettings) -> None:
    """Raises `MaskNeeded` where there is no mask, filled in from a base or not, and the model needs one."""
    if request.edit_type is EditType.BACKGROUND and request.mask is None and model.background_needs_mask:
        raise MaskNeeded(
            "This model changes a background only where a mask says what has to stay.",
            argument="mask",
            remedy="Connect a mask of the subject: white on what is kept.",
        )


def _paths(request: TakeRequest, has_base: bool) -> list[tuple[str, str]]:
    paths = [] if has_base and not request.plate.path else [("plate.path", request.plate.path)]
    if request.mask is not None:
        paths.append(("mask.source.path", request.mask.source.path))
    if request.holdout is not None:
        paths.append(("holdout.source.path", request.holdout.source.path))
    if request.take_root:
        paths.append(("take_root", request.take_root))
    return paths


def check_absolute(argument: str, path: str) -> None:
    """Raises `PathNotAbsolute` where a path is relative, or none."""
    if not Path(path).is_absolute():
        raise PathNotAbsolute(
            "The path is relative; the engine has another working folder than the host."
            if path
            else "There is no path.",
            argument=argument,
            value=path,
            remedy="Give the whole path, from the root on.",
        )
