"""The region of interest on the command line: a box, keys of a moving one, or what it is drawn around."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from vera_engine.errors import InvalidArgument

_BOX = re.compile(r"\s*(?:(-?\d+)\s*:)?\s*(-?\d+)\s*,\s*(-?\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*")
_AROUND = {"mask": "from_mask", "base": "from_base"}


class RegionTextInvalid(InvalidArgument):
    """Text that is no region, or keys that contradict each other."""


def parse_region(texts: Sequence[str], margin: int) -> dict[str, Any] | None:
    """A request's `region` from what `--region` was given, once or several times; None where it was not.

    Reads `640,200,800,600` (x, y, width, height; pixels of the plate's picture from its upper left), several of them
    with frames, `1001:640,200,800,600` and so on, or `mask` or `base`.

    Raises:
        RegionTextInvalid: Anything else, several boxes without frames, or a frame twice.
    """
    if not texts:
        return None
    if len(texts) == 1 and texts[0] in _AROUND:
        return {_AROUND[texts[0]]: True, "margin": margin}
    keys: dict[int | None, dict[str, int]] = {}
    for text in texts:
        match = _BOX.fullmatch(text)
        if match is None:
            raise _invalid(
                "This is no region.", text, "Write x,y,width,height, as in 640,200,800,600, or mask or base."
            )
        frame = None if match[1] is None else int(match[1])
        if frame in keys:
            said = "Two boxes have no frame." if frame is None else f"Frame {frame} has two boxes."
            raise _invalid(said, text, "Say from which frame on each counts, as in 1001:640,200,800,600.")
        keys[frame] = dict(zip(("x", "y", "width", "height"), map(int, match.groups()[1:]), strict=True))
    if None not in keys:
        boxes = [
            {"frame": frame, "box": box} for frame, box in sorted((f, box) for f, box in keys.items() if f is not None)
        ]
        return {"boxes": {"keys": boxes}, "margin": margin}
    if len(keys) > 1:
        raise _invalid("Some boxes have a frame and one has none.", ", ".join(texts), "Give every box its frame.")
    return {"box": keys[None], "margin": margin}


def region_text(region: dict[str, Any]) -> str:
    """A region as the client has it, in the words that `parse_region` reads; of many keys the first and the last."""
    if "box" in region:
        text = _box(region["box"])
    elif "boxes" in region:
        keys = region["boxes"]["keys"]
        shown = keys if len(keys) <= 2 else [keys[0], keys[-1]]
        text = " to ".join(f"{key['frame']}:{_box(key['box'])}" for key in shown)
    else:
        text = next(word for word, field in _AROUND.items() if region.get(field))
    return f"{text}, margin {region['margin']}" if region.get("margin") else text


def _box(box: dict[str, int]) -> str:
    return f"{box['x']},{box['y']},{box['width']},{box['height']}"


def _invalid(reason: str, text: str, remedy: str) -> RegionTextInvalid:
    return RegionTextInvalid(reason, argument="region", value=text, remedy=remedy)
