"""Where a take's region lies: around what a mask or a base's matte shows, inside the picture that the plate has."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from vera_engine.model.settings import ModelSettings
from vera_engine.plates.mask import MASK_TOLERANCE, read_mask_frame
from vera_engine.plates.source import PlateFormat
from vera_engine.takes.base import FoundBase
from vera_engine.takes.input_files import plate_source
from vera_engine.takes.inputs import edit_here, picture_corner
from vera_engine.takes.region import Box, Region, RegionKind
from vera_engine.takes.region_boxes import RegionUnknown, resolve_region
from vera_engine.takes.request import TakeRequest

THREADS = 8


def find_region(request: TakeRequest, frames: Iterable[int], plate: PlateFormat, base: FoundBase | None) -> Region:
    """The request's region with a box for every frame. Reads all of the mask's pixels where it lies around the mask.

    Args:
        request: With a region, and with all that a base fills in.
        frames: All of the take's, host numbering.
        plate: What all frames of the plate have in common.
        base: The take's base.

    Raises:
        RegionEmpty, RegionUnknown, and what reading a mask raises
    """
    assert request.region is not None
    frames = list(frames)
    found: dict[int, Box] = {}
    if request.region.kind is RegionKind.MASK:
        found = _around_mask(request, frames, plate)
    elif request.region.kind is RegionKind.BASE:
        assert base is not None
        found = _around_matte(base)
    return resolve_region(request.region, frames, picture_of(plate), found)


def picture_of(plate: PlateFormat) -> Box:
    """The pixels that a plate has, in its display window's coordinates."""
    return Box(*picture_corner(plate), plate.width, plate.height)


def working_size(model: ModelSettings, plate: PlateFormat, region: Region | None) -> tuple[int, int]:
    """Width and height that the model works at: of the aspect that the region, or all of the picture, is shown in."""
    picture = picture_of(plate) if region is None else region.keys[0][1]
    return model.working_size(max(1, round(picture.width * plate.pixel_aspect)), picture.height)


def _around_mask(request: TakeRequest, frames: list[int], plate: PlateFormat) -> dict[int, Box]:
    if request.mask is None:
        raise RegionUnknown(
            "The region is to lie around the mask, and there is no mask.",
            argument="region.from_mask",
            value=True,
            remedy="Connect a mask (--mask), or draw the region.",
        )
    mask, source = request.mask, plate_source(request.mask.source)

    def around(frame: int) -> Box | None:
        return _box_of(edit_here(read_mask_frame(source, frame, plate), mask) > MASK_TOLERANCE, plate)

    with ThreadPoolExecutor(THREADS) as threads:
        boxes = dict(zip(frames, threads.map(around, frames), strict=True))
    return {frame: box for frame, box in boxes.items() if box is not None}


def _around_matte(base: FoundBase) -> dict[int, Box]:
    if base.matte_boxes is None:
        raise RegionUnknown(
            "The base does not say where its matte is: an older engine made it.",
            argument="region.from_base",
            value=base.take.directory,
            remedy="Draw the region.",
        )
    return base.matte_boxes


def _box_of(touched: NDArray[np.bool_], plate: PlateFormat) -> Box | None:
    rows, columns = np.flatnonzero(touched.any(axis=1)), np.flatnonzero(touched.any(axis=0))
    if not rows.size:
        return None
    across, down = picture_corner(plate)
    left, top = int(columns[0]), int(rows[0])
    return Box(left + across, top + down, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1)
