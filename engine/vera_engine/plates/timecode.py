"""SMPTE ST 12-1 timecode of movies: read as text, counted on frame by frame, packed as image files store it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TEXT = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.,])(\d\d)")
_MOST_FRAMES = 39
"""Of a second, that two bits for the tens can say."""


@dataclass(frozen=True)
class Timecode:
    """A moment, in frames since midnight."""

    frames: int
    """Counted; numbers that drop-frame timecode leaves out are no frames."""
    rate: int
    """Frames of a second, rounded: 24 for 23.976."""
    drops: bool
    """Whether the first two (of 60: four) numbers of each minute are left out, but for every tenth minute."""

    @classmethod
    def parse(cls, text: str, rate: int) -> Timecode | None:
        """Reads `01:02:03:04`, or `01:02:03;04` with dropped numbers; None for anything else."""
        match = _TEXT.fullmatch(text.strip())
        if match is None or rate < 1:
            return None
        hours, minutes, seconds, number = (int(match[group]) for group in (1, 2, 3, 5))
        if number >= rate or seconds > 59 or minutes > 59:
            return None
        drops = match[4] in ";." and rate % 30 == 0
        all_minutes = 60 * hours + minutes
        frames = (60 * all_minutes + seconds) * rate + number
        if drops:
            frames -= rate // 15 * (all_minutes - all_minutes // 10)
        return cls(frames, rate, drops)

    def later(self, frames: int) -> Timecode:
        """So many frames later."""
        return Timecode(self.frames + frames, self.rate, self.drops)

    @property
    def fields(self) -> tuple[int, int, int, int]:
        """Hours, minutes, seconds and the frame's number; after a day it begins anew."""
        number = self.frames
        if self.drops:
            dropped = self.rate // 15
            ten_minutes, rest = divmod(number, 600 * self.rate - 9 * dropped)
            minutes = max(0, (rest - dropped) // (60 * self.rate - dropped))
            number += dropped * (9 * ten_minutes + minutes)
        seconds, number = divmod(number, self.rate)
        return seconds // 3600 % 24, seconds // 60 % 60, seconds % 60, number

    def __str__(self) -> str:
        hours, minutes, seconds, number = self.fields
        return f"{hours:02d}:{minutes:02d}:{seconds:02d}{';' if self.drops else ':'}{number:02d}"

    @property
    def packed(self) -> tuple[int, int] | None:
        """The two words of OpenEXR's `timecode`, binary-coded decimals; None above 39 frames, which have no place."""
        hours, minutes, seconds, number = self.fields
        if number > _MOST_FRAMES:
            return None
        words = (_decimal(hours) << 24) | (_decimal(minutes) << 16) | (_decimal(seconds) << 8) | _decimal(number)
        return words | self.drops << 6, 0


def _decimal(value: int) -> int:
    return value // 10 << 4 | value % 10
