"""Frame ranges in a host's numbering, both ends inclusive, and sets of them. Standard library only."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

from vera_engine.errors import InvalidArgument

_RANGE = re.compile(r"\s*(-?\d+)\s*(?:-\s*(-?\d+)\s*)?")
_RANGE_WITH_STEP = re.compile(r"\s*(-?\d+\s*(?:-\s*-?\d+)?)\s*[x/:]\s*-?\d+\s*")
"""`1001-1100x2` as most write it, `1-100/2` as Nuke does."""


class FrameRangeInvalid(InvalidArgument):
    """A frame range that is reversed, ranges that overlap, or text that is none."""


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
            FrameRangeInvalid: The text is empty, reversed, has a step, or is anything else.
        """
        match = _RANGE.fullmatch(text)
        if match is None:
            stepped = _RANGE_WITH_STEP.fullmatch(text)
            if stepped is not None:
                raise FrameRangeInvalid(
                    "Every frame of a take follows from the one before, so none can be left out by a step.",
                    argument="frames",
                    value=text,
                    remedy=f"Ask for all of them, {stepped[1].strip()}, and use those you want.",
                )
            raise FrameRangeInvalid(
                "This is not a frame range.",
                argument="frames",
                value=text,
                remedy="Write the first and the last frame, as in 1001-1017.",
            )
        first = int(match[1])
        return cls(first, first if match[2] is None else int(match[2]))

    @property
    def frames(self) -> list[int]:
        """Every frame number, rising."""
        return list(range(self.first, self.last + 1))

    def as_dict(self) -> dict[str, int]:
        """As plain JSON values, with the keys that the wire has."""
        return {"first_frame": self.first, "last_frame": self.last}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FrameRange:
        return cls(data["first_frame"], data["last_frame"])

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self.first <= frame <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True)
class FrameSet:
    """One or several frame ranges with gaps between them, rising: 1011-1018,1040 is 9 frames.

    Raises:
        FrameRangeInvalid: There is no range, or one overlaps, touches or lies before the one it follows.
    """

    ranges: tuple[FrameRange, ...]

    def __post_init__(self) -> None:
        if not self.ranges:
            raise FrameRangeInvalid(
                "There are no frames.", argument="frames", value="", remedy="Say first and last frame, as in 1001-1017."
            )
        for before, after in pairwise(self.ranges):
            if after.first > before.last + 1:
                continue
            if after.last < before.first:
                reason = f"The ranges are out of order: {after} comes after {before}."
            elif after.first == before.last + 1:
                reason = f"The ranges {before} and {after} are one."
            else:
                twice = FrameRange(max(before.first, after.first), min(before.last, after.last))
                reason = f"{twice} is named twice, in {before} and in {after}."
            raise FrameRangeInvalid(
                reason,
                argument="frames",
                value=",".join(map(str, self.ranges)),
                remedy=f"Did you mean {FrameSet.covering(self.ranges)}?",
            )

    @classmethod
    def parse(cls, text: str) -> FrameSet:
        """Reads ranges as `FrameRange.parse` does, with commas between them: `1011-1018,1040`.

        Raises:
            FrameRangeInvalid: The text is empty, has a step, names a frame twice or out of order, or is anything else.
        """
        parts = text.split(",")
        if len(parts) > 1 and not all(part.strip() for part in parts):
            raise FrameRangeInvalid(
                "There is a comma without a frame range beside it.",
                argument="frames",
                value=text,
                remedy="Put commas between ranges only, as in 1011-1018,1040.",
            )
        return cls(tuple(FrameRange.parse(part) for part in parts))

    @classmethod
    def covering(cls, ranges: Iterable[FrameRange]) -> FrameSet:
        """All frames of ranges that may overlap, touch, and come in any order; at least one."""
        merged: list[FrameRange] = []
        for new in sorted(ranges, key=lambda new: new.first):
            if merged and new.first <= merged[-1].last + 1:
                merged[-1] = FrameRange(merged[-1].first, max(merged[-1].last, new.last))
            else:
                merged.append(new)
        return cls(tuple(merged))

    @classmethod
    def of(cls, frames: Iterable[int]) -> FrameSet:
        """Gathers frame numbers, in any order and with repeats; at least one."""
        return cls.covering(FrameRange(frame, frame) for frame in frames)

    @property
    def first(self) -> int:
        return self.ranges[0].first

    @property
    def last(self) -> int:
        return self.ranges[-1].last

    def with_handles(self, handles: int) -> FrameSet:
        """So many frames more at each end of every range; ranges that come to touch or overlap become one."""
        return FrameSet.covering(FrameRange(part.first - handles, part.last + handles) for part in self.ranges)

    def as_dicts(self) -> list[dict[str, int]]:
        """As plain JSON values, with the keys that the wire has."""
        return [part.as_dict() for part in self.ranges]

    @classmethod
    def from_dicts(cls, data: Iterable[dict[str, Any]]) -> FrameSet:
        return cls(tuple(map(FrameRange.from_dict, data)))

    def __len__(self) -> int:
        return sum(map(len, self.ranges))

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self.ranges)

    def __contains__(self, frame: object) -> bool:
        if not isinstance(frame, int):
            return False
        index = bisect_right(self.ranges, frame, key=lambda part: part.first) - 1
        return index >= 0 and frame in self.ranges[index]

    def __str__(self) -> str:
        return ",".join(map(str, self.ranges))


def frames_as_ranges(frames: Iterable[int]) -> list[FrameRange]:
    """Gathers frame numbers, in any order and with repeats, into as few ranges as they make, rising."""
    numbers = list(frames)
    return list(FrameSet.of(numbers).ranges) if numbers else []


def frames_as_text(frames: Iterable[int]) -> str:
    """Names frames as an artist would: `1004-1006, 1010`."""
    return ", ".join(str(frame_range) for frame_range in frames_as_ranges(frames))
