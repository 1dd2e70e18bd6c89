"""What can be checked of a request before a version is reserved: fast, without a model, in an artist's words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vera_engine.model.settings import ModelSettings
from vera_engine.pipeline.windows import frames_needed
from vera_engine.plates.frames import FrameSet
from vera_engine.takes.base import FoundBase, check_frames, fill_from_base
from vera_engine.takes.base_checks import check_base, check_plate_of_base, check_same
from vera_engine.takes.disk_room import finish_bytes, model_bytes
from vera_engine.takes.fingerprint import fingerprint
from vera_engine.takes.input_files import plate_source
from vera_engine.takes.plan import TakeWindow, plan_finish, plan_take
from vera_engine.takes.region_boxes import region_warnings
from vera_engine.takes.request import EditType, MaskMeaning, TakeRequest, TakeSettings
from vera_engine.takes.rules import (
    check_mask_given,
    check_rules,
    effective_edit_type,
    effective_finish,
    effective_settings,
    word_warnings,
)
from vera_engine.takes.store import check_disk_room
from vera_engine.takes.take import TakeColor

if TYPE_CHECKING:
    from vera_engine.plates.source import PlateFormat

LONGEST_CODEC_CONTEXT = 4
"""Latents before a window that a codec may go through first; the server does not know which codec."""


@dataclass(frozen=True)
class CheckedRequest:
    """A request that can be run, with nothing left open."""

    request: TakeRequest
    """With all that the base fills in, the plate's colour space, the mask's meaning and every frame's region said."""
    settings: TakeSettings
    frames: FrameSet
    """Every frame that the finished version has."""
    working_size: tuple[int, int]
    window_latents: tuple[int, ...]
    """As `Take.window_latents`."""
    color: TakeColor
    fingerprint: str
    """The same for the very same request; see there."""
    warnings: tuple[str, ...]


def check_request(
    request: TakeRequest, model: ModelSettings, own_take_root: Path, base: FoundBase | None = None
) -> CheckedRequest:
    """Checks all that needs no pixels but a mask's that a region is to lie around: every frame's header and last row,
    sizes, colour space, words, disk room.

    Args:
        request: What an artist asks for.
        model: The model that will run it.
        own_take_root: Where takes go whose request names no take root.
        base: What `request.base` names.

    Raises:
        InvalidArgument, NotFound, PermissionRefused, FailedPrecondition: kinds of them, for the first fault found.
    """
    # 1. What costs nothing
    check_rules(request, base is not None)
    made = request.made_frames
    if base is not None:
        check_frames(made, base)
        if request.finish_only:
            return _check_finish_only(request, base, model, own_take_root)
    asked, request = request, request if base is None else fill_from_base(request, base)
    edit_type = effective_edit_type(request)
    settings = effective_settings(request, model)
    finish = effective_finish(asked.finish, None if base is None else base.request.finish, edit_type)
    request = replace(request, finish=finish, exposure=request.exposure or 0.0)
    check_mask_given(request, model)
    frames = made if base is None else base.frames
    windows = plan_take(frames, made, model)
    read = read_frames(windows)

    # 2. The files' headers and last rows, and where the region lies
    request, plate_format, warnings = _check_files(request, read, edit_type)
    # Imported here: it brings arrays, and the engine answers before they are there
    from vera_engine.takes.find_region import find_region, picture_of, working_size

    if request.region is not None:
        region = find_region(request, frames, plate_format, base)
        size = working_size(model, plate_format, region)
        if asked.region is not None:
            picture = picture_of(plate_format)
            warnings += region_warnings(asked.region, frames, picture, region.box(frames.first), size)
        request = replace(request, region=region)
    else:
        size = working_size(model, plate_format, None)
    if base is not None:
        check_base(request, base, plate_format, size, model)

    # 3. Room for what will be written
    needed = model_bytes(windows, size, len(made)) + finish_bytes(request, plate_format)
    take_root = take_root_of(request, own_take_root)
    check_disk_room(take_root, needed)

    color = _color(plate_format, asked, base)
    return CheckedRequest(
        request,
        settings,
        frames,
        size,
        tuple(window.latent_count for window in windows),
        color,
        fingerprint(request, settings, take_root / request.node_id, read, model, color),
        (*word_warnings(request.prompt, model), *warnings),
    )


def _check_finish_only(
    asked: TakeRequest, base: FoundBase, model: ModelSettings, own_take_root: Path
) -> CheckedRequest:
    """As `check_request`, of a take that needs no model: what the model made is the base's, and stays so."""
    check_same(asked, base)
    request = fill_from_base(asked, base)
    edit_type = effective_edit_type(request)
    finish = effective_finish(asked.finish, base.request.finish, edit_type)
    request = replace(request, finish=finish, exposure=base.request.exposure or 0.0)
    made = request.made_frames
    request, plate_format, warnings = _check_files(request, made, edit_type)
    check_plate_of_base(request, base, plate_format)
    take_root = take_root_of(request, own_take_root)
    check_disk_room(take_root, finish_bytes(request, plate_format))
    color = _color(plate_format, asked, base)
    return CheckedRequest(
        request,
        base.settings,
        base.frames,
        base.working_size,
        tuple(map(len, plan_finish(made))),
        color,
        fingerprint(request, base.settings, take_root / request.node_id, made, model, color),
        tuple(warnings),
    )


def _check_files(
    request: TakeRequest, read: FrameSet, edit_type: EditType
) -> tuple[TakeRequest, PlateFormat, list[str]]:
    """Looks at every file that is read, but for pixels; says what the files and the edit type say."""
    # Imported here: plates bring OpenImageIO, and the engine answers before that
    from vera_engine.plates.mask import HOLDOUT, MASK, check_mask
    from vera_engine.plates.source import check_plate

    plate_format = check_plate(plate_source(request.plate), read)
    warnings = _color_warnings(plate_format)
    mask, holdout = request.mask, request.holdout
    if mask is not None:
        if not request.finish_only:
            warnings += check_mask(plate_source(mask.source), read, plate_format, MASK)
        mask = replace(mask, meaning=mask.meaning or MaskMeaning.default(edit_type))
    if holdout is not None:
        warnings += check_mask(plate_source(holdout.source), request.made_frames, plate_format, HOLDOUT)
        holdout = replace(holdout, meaning=holdout.meaning or MaskMeaning.KEEP_THIS)
    color_space = request.plate.color_space or plate_format.color_space.name
    plate = replace(request.plate, color_space=color_space)
    return replace(request, plate=plate, mask=mask, holdout=holdout), plate_format, warnings


def read_frames(windows: tuple[TakeWindow, ...]) -> FrameSet:
    """The host frames of plate and mask that windows need: their own, those that anchor them, and a codec's warm-up."""
    frames: set[int] = set()
    for window in windows:
        first, last = frames_needed(window.window, LONGEST_CODEC_CONTEXT)
        frames.update(range(window.host_frame(first), window.host_frame(last) + 1))
    return FrameSet.of(frames)


def take_root_of(request: TakeRequest, own_take_root: Path) -> Path:
    """Where the request's takes lie."""
    return Path(request.take_root) if request.take_root else own_take_root


def _color(plate_format: PlateFormat, asked: TakeRequest, base: FoundBase | None) -> TakeColor:
    space, found_by = plate_format.color_space, plate_format.color_space_source
    if base is not None and not asked.plate.path:  # said by the base's request, which says how it was found
        found_by = base.color.found_by or found_by
    return TakeColor(space.name, found_by, space.linear.name, space.config)


def _color_warnings(plate_format: PlateFormat) -> list[str]:
    if plate_format.color_space_source != "rules":
        return []
    space = plate_format.color_space
    return [f"The plate is taken for {space}, by the studio's file rules: neither node nor file say its space."]
