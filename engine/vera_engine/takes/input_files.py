"""Where a take's plate, mask and hold-out lie, as plates know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vera_engine.takes.request import PlateReference, TakeRequest

if TYPE_CHECKING:
    from vera_engine.plates.frame_files import FrameFiles
    from vera_engine.plates.source import PlateSource


def plate_source(reference: PlateReference) -> PlateSource:
    """The sequence or movie as plates know it."""
    # Imported here, and below: plates bring OpenImageIO, and the engine answers before that
    from vera_engine.plates.source import PlateSource

    return PlateSource(
        reference.path,
        reference.frame_offset,
        reference.color_space,
        reference.fallback_color_space,
        reference.view,
        reference.part,
        reference.layer,
        reference.nan,
    )


def input_files(request: TakeRequest) -> dict[str, FrameFiles]:
    """The files of `plate`, `mask` and `holdout` by host frame, of those that the request needs.

    Raises:
        PatternInvalid
    """
    from vera_engine.plates.mask import HOLDOUT, MASK
    from vera_engine.plates.source import PLATE

    files = {"plate": plate_source(request.plate).files(PLATE)}
    if request.mask is not None and not request.finish_only:
        files["mask"] = plate_source(request.mask.source).files(MASK)
    if request.holdout is not None:
        files["holdout"] = plate_source(request.holdout.source).files(HOLDOUT)
    return files
