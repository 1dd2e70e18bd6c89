"""What can be checked of a request before a version is reserved: fast, without a model, in an artist's words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vera_engine.model.settings import ModelSettings
from vera_engine.pipeline.windows import frames_needed
from vera_engine.plates.frames import FrameSet
from vera_engine.takes.base import FoundBase, check_base, check_frames, fill_from_base
from vera_engine.takes.fingerprint import fingerprint
from vera_engine.takes.plan import TakeWindow, plan_take
from vera_engine.takes.request import MaskMeaning, PlateReference, TakeRequest, TakeSettings
from vera_engine.takes.rules import (
    check_mask_given,
    check_rules,
    effective_edit_type,
    effective_settings,
    word_warnings,
)
from vera_engine.takes.store import check_disk_room

if TYPE_CHECKING:
    from vera_engine.plates.source import PlateSource

LAYER_CHANNELS = 7
COMP_CHANNELS = 3
BYTES_PER_HALF = 2
BYTES_PER_LATENT_PIXEL = 3 * 48 * 2
"""Three branches, as many channels as any codec here has, half float."""
PIXELS_PER_LATENT_PIXEL = 64
LONGEST_CODEC_CONTEXT = 4
"""Latents before a window that a codec may go through first; the server does not know which codec."""


@dataclass(frozen=True)
class CheckedRequest:
    """A request that can be run, with nothing left open."""

    request: TakeRequest
    """With all that the base fills in, the plate's colour space and the mask's meaning said."""
    settings: TakeSettings
    frames: FrameSet
    """Every frame that the finished version has."""
    working_size: tuple[int, int]
    windows: tuple[TakeWindow, ...]
    fingerprint: str
    """The same for the very same request; see there."""
    warnings: tuple[str, ...]


def check_request(
    request: TakeRequest, model: ModelSettings, own_take_root: Path, base: FoundBase | None = None
) -> CheckedRequest:
    """Checks all that needs no pixels: every frame's header and last row, sizes, colour space, words, disk room.

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
        request = fill_from_base(request, base)
    settings = effective_settings(request, model)
    edit_type = effective_edit_type(request)
    check_mask_given(request, model)
    frames = made if base is None else base.frames
    windows = plan_take(frames, made, model)

    # 2. The files' headers and last rows. Imported here: plates bring OpenImageIO, and the engine answers before that
    from vera_engine.plates.source import check_mask, check_plate

    read = read_frames(windows)
    plate_format = check_plate(plate_source(request.plate), read)
    mask = request.mask
    if mask is not None:
        check_mask(plate_source(mask.source), read, plate_format)
        mask = replace(mask, meaning=mask.meaning or MaskMeaning.default(edit_type))
    color_space = request.plate.color_space or plate_format.color_space.name
    request = replace(request, plate=replace(request.plate, color_space=color_space), mask=mask)
    working_size = model.working_size(plate_format.width, plate_format.height)
    if base is not None:
        check_base(request, base, plate_format, working_size, model)

    # 3. Room for what will be written
    channels = LAYER_CHANNELS + (COMP_CHANNELS if request.write_comp else 0)
    layers_bytes = len(made) * plate_format.width * plate_format.height * channels * BYTES_PER_HALF
    latents = sum(window.latent_count for window in windows)
    latents_bytes = latents * math.prod(working_size) // PIXELS_PER_LATENT_PIXEL * BYTES_PER_LATENT_PIXEL
    take_root = take_root_of(request, own_take_root)
    check_disk_room(take_root, layers_bytes + latents_bytes)

    return CheckedRequest(
        request,
        settings,
        frames,
        working_size,
        windows,
        fingerprint(request, settings, take_root / request.node_id, read, model),
        word_warnings(request.prompt, model),
    )


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


def plate_source(reference: PlateReference) -> PlateSource:
    """The sequence as plates know it."""
    from vera_engine.plates.source import PlateSource

    return PlateSource(reference.path, reference.frame_offset, reference.color_space)
