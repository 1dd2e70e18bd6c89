"""The part of the picture that the model works on, as a request says it.

A box for every frame, in pixels of the plate's display window, x to the right and y downward from its upper left.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Box:
    """A rectangle of whole pixels; its first column and row, and how many it has of both."""

    x: int
    y: int
    width: int
    height: int


class RegionKind(StrEnum):
    """Where boxes come from."""

    BOXES = "boxes"
    """They are said: one, or keys of a moving one."""
    MASK = "mask"
    """Around what the mask lets be edited."""
    BASE = "base"
    """Around the base's matte."""


@dataclass(frozen=True)
class Region:
    """As it is asked for; in an effective request as BOXES of one size, without a margin."""

    kind: RegionKind
    keys: tuple[tuple[int, Box], ...] = ()
    """Of BOXES: by rising host frame; between two keys the box moves linearly. One key rests in all frames."""
    margin: int = 0
    """Pixels more on each side."""

    @classmethod
    def resting(cls, box: Box, margin: int = 0) -> Region:
        """The same box in all frames."""
        return cls(RegionKind.BOXES, ((0, box),), margin)

    @property
    def rests(self) -> bool:
        """Whether it is one box for all frames."""
        return len(self.keys) == 1

    def box(self, frame: int) -> Box:
        """The box of a frame, BOXES only: linear between keys, rounded to whole pixels, without the margin."""
        after = bisect_right(self._key_frames, frame)
        if after in (0, len(self.keys)):
            return self.keys[min(after, len(self.keys) - 1)][1]
        (first, before), (last, behind) = self.keys[after - 1], self.keys[after]
        share = (frame - first) / (last - first)
        return Box(*(round(a + (b - a) * share) for a, b in zip(_values(before), _values(behind), strict=True)))

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        keys = [{"frame": frame, **vars(box)} for frame, box in self.keys]
        return {"kind": str(self.kind), "keys": keys, "margin": self.margin}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Region:
        """What `as_dict` gave, also after a way through JSON."""
        keys = tuple(
            (key["frame"], Box(*(key[name] for name in ("x", "y", "width", "height")))) for key in data["keys"]
        )
        return cls(RegionKind(data["kind"]), keys, data["margin"])

    @cached_property
    def _key_frames(self) -> list[int]:
        return [frame for frame, _ in self.keys]


def _values(box: Box) -> tuple[int, int, int, int]:
    return box.x, box.y, box.width, box.height
