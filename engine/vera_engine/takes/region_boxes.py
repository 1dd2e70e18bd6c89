"""From the region that an artist asks for to one box a frame, all of one size and inside the picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vera_engine.errors import FailedPrecondition, InvalidArgument
from vera_engine.plates.frames import frames_as_text
from vera_engine.takes.region import Box, Region, RegionKind


class RegionInvalid(InvalidArgument):
    """A region that says no box, or one that is none."""


class RegionEmpty(InvalidArgument):
    """A region that has no pixel of the picture in any frame."""


class RegionUnknown(FailedPrecondition):
    """A region around something that there is not, or that nothing is known of."""


def check_region(region: Region, has_base: bool) -> None:
    """Checks what a region says before anything is looked at.

    Raises:
        RegionInvalid, RegionUnknown
    """
    if region.margin < 0:
        raise RegionInvalid(
            "A margin is pixels more, and never less than none.",
            argument="region.margin",
            value=region.margin,
            remedy="Give 0 or more.",
        )
    if region.kind is RegionKind.BASE and not has_base:
        raise RegionUnknown(
            "The region is to lie around the base's matte, and there is no base.",
            argument="region.from_base",
            value=True,
            remedy="Name a base, or draw the region.",
        )
    if region.kind is not RegionKind.BOXES:
        return
    frames = [frame for frame, _ in region.keys]
    if not frames or frames != sorted(set(frames)):
        raise RegionInvalid(
            "A moving region is said by boxes at frames that rise." if frames else "The region says no box.",
            argument="region.boxes",
            value=frames,
            remedy="Give one box, or boxes at frames one after another.",
        )
    for _, box in region.keys:
        if box.width < 1 or box.height < 1:
            raise RegionEmpty(
                "The region has no pixels.",
                argument="region",
                value=_text(box),
                remedy="Draw a box that is at least one pixel wide and high, or leave the region out.",
            )


def resolve_region(region: Region, frames: Iterable[int], picture: Box, found: Mapping[int, Box]) -> Region:
    """The region with a box for every frame: grown by its margin, all of the largest's size, moved into the picture.

    A frame in which nothing was found has its box between those of the frames around it.

    Args:
        region: As asked for, checked.
        frames: Host frames, rising.
        picture: The pixels that the plate has, in its display window's coordinates.
        found: For a region of kind MASK or BASE, the boxes found in those frames that have any; else not looked at.

    Raises:
        RegionEmpty: There is no box, or none that has a pixel of the picture.
    """
    said = region if region.kind is RegionKind.BOXES else Region(RegionKind.BOXES, tuple(sorted(found.items())))
    grown = {frame: _grown(said.box(frame), region.margin) for frame in frames} if said.keys else {}
    if not any(_touches(box, picture) for box in grown.values()):
        around = {RegionKind.MASK: "The mask is empty", RegionKind.BASE: "The base's matte is empty"}
        raise RegionEmpty(
            f"{around.get(region.kind, 'The region lies outside the picture')} in all frames.",
            argument="region",
            value=region.kind if region.kind in around else _text(region.keys[0][1]),
            remedy=f"Draw a region inside the picture, which is {_text(picture)}, or leave it out.",
        )
    width = min(picture.width, max(box.width for box in grown.values()))
    height = min(picture.height, max(box.height for box in grown.values()))
    boxes = [
        (
            frame,
            Box(
                _moved_in(box.x - (width - box.width) // 2, width, picture.x, picture.width),
                _moved_in(box.y - (height - box.height) // 2, height, picture.y, picture.height),
                width,
                height,
            ),
        )
        for frame, box in grown.items()
    ]
    if len({box for _, box in boxes}) == 1:
        return Region.resting(boxes[0][1])
    return Region(RegionKind.BOXES, _without_rests(boxes))


def region_warnings(
    asked: Region, frames: Iterable[int], picture: Box, size: Box, working: tuple[int, int]
) -> list[str]:
    """What an artist should know of a region.

    Args:
        asked: As asked for.
        frames: Host frames.
        picture: As for `resolve_region`.
        size: A box that came of it.
        working: Width and height that the model works at.
    """
    warnings = []
    if asked.kind is RegionKind.BOXES:
        beyond = [frame for frame in frames if not _contains(picture, asked.box(frame))]
        if beyond:
            warnings.append(
                f"The region reaches beyond the picture in {frames_as_text(beyond)}: it was moved in, or cut there."
            )
    if size.width < working[0] and size.height < working[1]:
        warnings.append(
            f"The region has {size.width}x{size.height} pixels, and the model works at {working[0]}x{working[1]}: it "
            "sees them enlarged. A larger margin lets it see more of the picture."
        )
    return warnings


def is_cut(matte: Box, region: Box, picture: Box) -> bool:
    """Whether a matte goes up to a side of its region beyond which there is more of the picture."""
    return any(
        at_side and not at_edge
        for at_side, at_edge in zip(_sides_shared(matte, region), _sides_shared(region, picture), strict=True)
    )


def box_around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of these."""
    boxes = list(boxes)
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right = max(box.x + box.width for box in boxes)
    bottom = max(box.y + box.height for box in boxes)
    return Box(left, top, right - left, bottom - top)


def _sides_shared(one: Box, other: Box) -> tuple[bool, bool, bool, bool]:
    """Whether two boxes have the same left, top, right, lower side."""
    return (
        one.x == other.x,
        one.y == other.y,
        one.x + one.width == other.x + other.width,
        one.y + one.height == other.y + other.height,
    )


def _grown(box: Box, margin: int) -> Box:
    return Box(box.x - margin, box.y - margin, box.width + 2 * margin, box.height + 2 * margin)


def _touches(box: Box, picture: Box) -> bool:
    return (
        box.x < picture.x + picture.width
        and picture.x < box.x + box.width
        and box.y < picture.y + picture.height
        and picture.y < box.y + box.height
    )


def _contains(picture: Box, box: Box) -> bool:
    return box_around([picture, box]) == picture


def _moved_in(start: int, length: int, first: int, available: int) -> int:
    return min(max(start, first), first + available - length)


def _without_rests(boxes: list[tuple[int, Box]]) -> tuple[tuple[int, Box], ...]:
    """The keys without those that lie between two alike: interpolation gives them again, exactly."""
    return tuple(
        (frame, box)
        for index, (frame, box) in enumerate(boxes)
        if index in (0, len(boxes) - 1) or not boxes[index - 1][1] == box == boxes[index + 1][1]
    )


def _text(box: Box) -> str:
    return f"{box.width}x{box.height} at {box.x},{box.y}"
