"""Frame ranges in a host's numbering, both ends inclusive. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vera_engine.errors import InvalidArgument

_RANGE = re.compile(r"\s*(-?\d+)\s*(?:-\s*(-?\d+)\s*)?")


class FrameRangeInvalid(InvalidArgument):
    """A frame range that is reversed, or text that is none."""


@dataclass(frozen=True)
class FrameRange:
    """Frames `first` to `last`, both included: 1001-1017 is 17 frames.

    Raises:
        FrameRangeInvalid: `last` lies before `first`.
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise FrameRangeInvalid(
                "The frame range ends before it begins.",
                argument="frames",
                value=f"{self.first}-{self.last}",
                remedy=f"Did you mean {self.last}-{self.first}? Both ends are included.",
            )

    @classmethod
    def parse(cls, text: str) -> FrameRange:
        """Reads `1001-1017`, or `1001` for one frame; negative numbers as in `-5-10` or `-5--1`.

        Raises:
            FrameRangeInvalid: The text is empty, reversed, or anything else.
        """
        match = _RANGE.fullmatch(text)
        if match is None:
            raise FrameRangeInvalid(
                "This is not a frame range.",
                argument="frames",
                value=text,
                remedy="Write the first and the last frame, as in 1001-1017; steps and lists are not supported.",
            )
        first = int(match[1])
        return cls(first, first if match[2] is None else int(match[2]))

    @property
    def frames(self) -> list[int]:
        """Every frame number, rising."""
        return list(range(self.first, self.last + 1))

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self.first <= frame <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def frames_as_ranges(frames: Iterable[int]) -> list[FrameRange]:
    """Gathers frame numbers, in any order and with repeats, into as few ranges as they make, rising."""
    ranges: list[FrameRange] = []
    for frame in sorted(set(frames)):
        if ranges and ranges[-1].last == frame - 1:
            ranges[-1] = FrameRange(ranges[-1].first, frame)
        else:
            ranges.append(FrameRange(frame, frame))
    return ranges


def frames_as_text(frames: Iterable[int]) -> str:
    """Names frames as an artist would: `1004-1006, 1010`."""
    return ", ".join(str(frame_range) for frame_range in frames_as_ranges(frames))
