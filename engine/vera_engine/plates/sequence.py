"""Image sequences: a path pattern, and the files on disk that it means."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from vera_engine.errors import InvalidArgument

_TOKEN = re.compile(r"#+|%(?:0\d+)?d")
_LAST_NUMBER = re.compile(r"\d{2,}(?=\D*$)")


class PatternInvalid(InvalidArgument):
    """A path pattern without exactly one place for the frame number."""


@dataclass(frozen=True)
class SequencePattern:
    """Where the frames of a sequence lie: `folder/prefix<number>suffix`, numbers filled with zeros to `digits`.

    Written as C's printf does: 10000 after 9999, and -005 for frame -5 in four places.
    """

    folder: Path
    prefix: str
    digits: int
    suffix: str

    @classmethod
    def parse(cls, text: str, argument: str = "plate.path") -> SequencePattern:
        """Reads `.../plate.####.exr` (as many digits as `#`) or `.../plate.%04d.exr`. `%d` fills nothing up.

        Only the file name is looked at for the token: folders may carry `#` and `%`.

        Args:
            text: The pattern.
            argument: The argument named in an error.

        Raises:
            PatternInvalid: The file name has no token, or more than one; or the path is not valid Unicode.
        """
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise PatternInvalid(
                "The path has a character that is not Unicode, which image files cannot be opened by.",
                argument=argument,
                value=ascii(text),
                remedy="Rename the file or folder.",
            ) from None
        folder, name = os.path.split(text)
        tokens = list(_TOKEN.finditer(name))
        if len(tokens) != 1:
            raise PatternInvalid(
                "The path needs exactly one place for the frame number, in the file's name.",
                argument=argument,
                value=text,
                remedy=_suggestion(name) if not tokens else "Keep one of the #### or %04d.",
            )
        token = tokens[0]
        digits = len(token[0]) if token[0].startswith("#") else int(token[0][1:-1] or "1")
        return cls(Path(folder), name[: token.start()], digits, name[token.end() :])

    def file(self, frame: int) -> Path:
        """The path of a frame's file, whether it exists or not."""
        return self.folder / f"{self.prefix}{self._number(frame)}{self.suffix}"

    def frames(self) -> list[int]:
        """The frame numbers that have a file, rising; empty where the folder cannot be read or holds none."""
        number = re.compile(re.escape(self.prefix) + r"(-?\d+)" + re.escape(self.suffix))
        found: list[int] = []
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    match = number.fullmatch(entry.name)
                    if match and match[1] == self._number(int(match[1])) and entry.is_file():
                        found.append(int(match[1]))
        except OSError:
            return []
        return sorted(found)

    def _number(self, frame: int) -> str:
        return f"{frame:0{self.digits}d}"

    def __str__(self) -> str:
        return str(self.folder / f"{self.prefix}{'#' * self.digits}{self.suffix}")


def _suggestion(name: str) -> str:
    number = _LAST_NUMBER.search(os.path.splitext(name)[0])
    if number is None:
        return "Write #### where the frame number goes, as in plate.####.exr."
    return f"Did you mean {name[: number.start()]}{'#' * len(number[0])}{name[number.end() :]}?"
