"""The part of the picture that the model works on, as proto's `Region`. Standard library only.

Boxes are (x, y, width, height) in pixels of the plate's display window, y downward from its upper left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import Refused
from .take_folders import TakeFolder

Box = tuple[int, int, int, int]
SIDES = ("x", "y", "width", "height")


def around_mask(margin: int) -> dict[str, Any]:
    """Around what the mask lets be edited, frame by frame: the engine looks."""
    return {"from_mask": True, "margin": margin}


def of_boxes(boxes: Mapping[int, Box], margin: int) -> dict[str, Any]:
    """A drawn box.

    Args:
        boxes: By host frame, at least one; the same in all frames is a box that rests.
        margin: Pixels more on each side.
    """
    if len(set(boxes.values())) == 1:
        return {"box": _named(next(iter(boxes.values()))), "margin": margin}
    keys = [{"frame": frame, "box": _named(box)} for frame, box in sorted(boxes.items())]
    return {"boxes": {"keys": keys}, "margin": margin}


def around_matte(take: TakeFolder, margin: int) -> dict[str, Any]:
    """Around what a take has edited, frame by frame; in frames without matte between the boxes of those beside them.

    Raises:
        Refused: Its matte is empty, or its take.json does not say where it lies.
    """
    frames = take.record.get("frames")
    boxes = {
        int(frame): tuple(said["matte_box"])
        for frame, said in (frames.items() if isinstance(frames, dict) else ())
        if said.get("matte_box")
    }
    if not boxes:
        raise Refused(
            f"The take.json of {take.version} does not say where its matte lies, or it is empty.",
            argument="region",
            value=take.directory,
            remedy="Draw the region, or choose another take.",
        )
    return of_boxes(boxes, margin)


def is_made_so(
    asked: dict[str, Any] | None, made: dict[str, Any] | None, frames: Iterable[int], size: Sequence[int] | None
) -> bool:
    """Whether a take has the region that is asked for, as far as that can be told from here.

    Args:
        asked: Proto's `Region`, or None for all of the picture.
        made: What take.json says of it, which is a box for every frame.
        frames: The take's.
        size: Width and height of its plate; None: not known.
    """
    if asked is None or made is None:
        return asked is made
    if "from_mask" in asked or not size:
        return True
    drawn = [(0, asked["box"])] if "box" in asked else [(key["frame"], key["box"]) for key in asked["boxes"]["keys"]]
    given = [(key["frame"], key) for key in made["keys"]]
    boxes = {frame: _grown(_box_at(drawn, frame), asked["margin"]) for frame in frames}
    width, height = (max(box[side] for box in boxes.values()) for side in (2, 3))
    for frame, (x, y, own_width, own_height) in boxes.items():
        expected = (x - (width - own_width) // 2, y - (height - own_height) // 2, width, height)
        is_inside = min(expected) >= 0 and expected[0] + width <= size[0] and expected[1] + height <= size[1]
        if is_inside and expected != _box_at(given, frame):  # others the engine has moved into the picture
            return False
    return True


def _named(box: Box) -> dict[str, int]:
    return dict(zip(SIDES, box))


def _box_at(keys: Sequence[tuple[int, Mapping[str, int]]], frame: int) -> Box:
    """Of a box that moves: linear between its keys, rounded to whole pixels; it rests before the first and after the
    last one."""
    before = max((key for key in keys if key[0] <= frame), key=lambda key: key[0], default=keys[0])
    after = min((key for key in keys if key[0] > frame), key=lambda key: key[0], default=keys[-1])
    span = after[0] - before[0]
    share = (frame - before[0]) / span if span > 0 else 0.0
    x, y, width, height = (round(before[1][side] + (after[1][side] - before[1][side]) * share) for side in SIDES)
    return x, y, width, height


def _grown(box: Box, margin: int) -> Box:
    x, y, width, height = box
    return x - margin, y - margin, width + 2 * margin, height + 2 * margin
