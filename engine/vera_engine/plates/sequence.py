"""Image sequences: a path pattern, one file or a folder, and the files on disk that are meant.

Standard library only, so that requests can be looked at without loading image libraries.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vera_engine.errors import InvalidArgument

IMAGE_SUFFIXES = (".exr", ".dpx", ".cin", ".tif", ".tiff", ".png", ".jpg", ".jpeg")
MOVIE_SUFFIXES = (".mov", ".mp4", ".m4v", ".mxf", ".mkv")
"""Files of frames, in either case of letters; others in a folder are no plates."""

_TOKEN = re.compile(r"#+|%(?:0\d+)?d")
_LAST_NUMBER = re.compile(r"\d{2,}(?=\D*$)")
_FRAME_NUMBER = re.compile(r"(?<![vV\d])((?:(?<=[._ ])-)?\d+)$")
"""At the end of a name without its suffix. `v003` is a version, not a frame."""
_MOST_NAMED = 8


class PatternInvalid(InvalidArgument):
    """A path pattern without exactly one place for the frame number, or a folder without exactly one sequence."""


class Sequence(Protocol):
    """Files by the frame numbers that they carry themselves."""

    def file(self, frame: int) -> Path:
        """The path of a frame's file, whether it exists or not."""

    def has(self, frame: int) -> bool:
        """Whether the frame has a file. Raises OSError where nobody can tell."""

    def frames(self) -> list[int]:
        """The frame numbers that have a file, rising; empty where the folder cannot be read or holds none."""

    @property
    def hint(self) -> str:
        """What else may have been meant, for an artist whose frames are missing; empty where nothing is known."""


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
        _check_unicode(text, argument)
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
        return self.folder / f"{self.prefix}{_filled(frame, self.digits)}{self.suffix}"

    def has(self, frame: int) -> bool:
        """Whether the frame has a file. Raises OSError where nobody can tell."""
        return self.file(frame).is_file()

    def frames(self) -> list[int]:
        """The frame numbers that have a file, rising; empty where the folder cannot be read or holds none."""
        number = re.compile(re.escape(self.prefix) + r"(-?\d+)" + re.escape(self.suffix))
        found: list[int] = []
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    match = number.fullmatch(entry.name)
                    if match and match[1] == _filled(int(match[1]), self.digits) and entry.is_file():
                        found.append(int(match[1]))
        except OSError:
            return []
        return sorted(found)

    @property
    def hint(self) -> str:
        """Nothing: a pattern says what it means."""
        return ""

    def __str__(self) -> str:
        return str(self.folder / f"{self.prefix}{'#' * self.digits}{self.suffix}")


@dataclass(frozen=True)
class SingleFile:
    """One file as a sequence of one frame: the number in its name, else 1."""

    path: Path
    frame: int

    @classmethod
    def of(cls, path: Path) -> SingleFile:
        """`plate.1001.exr` is frame 1001, `plate.exr` and `plate_v002.exr` are frame 1."""
        number = _FRAME_NUMBER.search(path.stem)
        return cls(path, int(number[1]) if number else 1)

    def file(self, frame: int) -> Path:
        """The file, whichever frame is asked for."""
        return self.path

    def has(self, frame: int) -> bool:
        """Whether the file is there and this is its frame. Raises OSError where nobody can tell."""
        return frame == self.frame and self.path.is_file()

    def frames(self) -> list[int]:
        """Its frame, or nothing where there is no such file."""
        try:
            return [self.frame] if self.path.is_file() else []
        except OSError:
            return []

    @property
    def hint(self) -> str:
        """The pattern of the sequence that the file may be one of."""
        return f"This is one file. {_suggestion(self.path.name)}"

    def __str__(self) -> str:
        return str(self.path)


def find_sequence(text: str, argument: str = "plate.path") -> Sequence | Path:
    """What a path means: a pattern, one file, a folder with one sequence, or a movie.

    What is there under the very name comes first, so that names may carry `#` and `%`.

    Args:
        text: The path.
        argument: The argument named in an error.

    Returns:
        The sequence of image files, whether they exist or not; the path itself of a movie.

    Raises:
        PatternInvalid: The text is empty or not valid Unicode; the file name has more than one place for the frame
            number; a folder holds no sequence, or several.
    """
    path = Path(text)
    _check_unicode(text, argument)
    if not path.name or (re.search("[#%]", path.name) and not os.path.lexists(path)):
        return SequencePattern.parse(text, argument)
    if os.path.isdir(path):
        return _only_one(path, argument)
    return path if path.suffix.lower() in MOVIE_SUFFIXES else SingleFile.of(path)


def _only_one(folder: Path, argument: str) -> Sequence | Path:
    found = sequences_in(folder)
    if len(found) == 1:
        _check_unicode(str(found[0]), argument)
        return found[0]
    if not found:
        raise PatternInvalid(
            "The folder holds no images and no movie.",
            argument=argument,
            value=folder,
            remedy="Name the folder that the frames lie in.",
        )
    names = [_shown(Path(str(sequence)).name) for sequence in found[:_MOST_NAMED]]
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    raise PatternInvalid(
        f"The folder holds {len(found)} sequences: {', '.join(names)}{more}.",
        argument=argument,
        value=folder,
        remedy="Name one of them.",
    )


def sequences_in(folder: Path) -> list[Sequence | Path]:
    """The sequences and movies of a folder, by name, hidden files left out; none where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file() and not entry.name.startswith("."))
    except OSError:
        return []
    found: list[Sequence | Path] = []
    numbers: dict[tuple[str, str], list[str]] = {}
    for path in map(folder.joinpath, names):
        number = _FRAME_NUMBER.search(path.stem)
        if path.suffix.lower() in MOVIE_SUFFIXES:
            found.append(path)
        elif path.suffix.lower() in IMAGE_SUFFIXES and number is None:
            found.append(SingleFile.of(path))
        elif path.suffix.lower() in IMAGE_SUFFIXES and number is not None:
            numbers.setdefault((path.stem[: number.start()], path.suffix), []).append(number[1])
    for (prefix, suffix), texts in numbers.items():
        found.extend(SequencePattern(folder, prefix, digits, suffix) for digits in _digits(texts))
    return sorted(found, key=str)


def _digits(texts: list[str]) -> list[int]:
    """To how many digits numbers are filled with zeros: once for all that one pattern can mean."""
    widths = sorted({len(text) for text in texts if _filled(int(text), 1) != text})
    rest = [len(text) for text in texts if not any(_filled(int(text), width) == text for width in widths)]
    return [*widths, min(rest)] if rest else widths


def _filled(frame: int, digits: int) -> str:
    return f"{frame:0{digits}d}"


def _suggestion(name: str) -> str:
    """What a file name without a place for the frame number may have been meant as."""
    number = _LAST_NUMBER.search(os.path.splitext(name)[0])
    if number is None:
        return "Write #### where the frame number goes, as in plate.####.exr."
    return f"Did you mean {name[: number.start()]}{'#' * len(number[0])}{name[number.end() :]}?"


def _shown(name: str) -> str:
    """A file's name as text, whatever bytes it holds."""
    return name.encode("utf-8", "backslashreplace").decode()


def _check_unicode(text: str, argument: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise PatternInvalid(
            "The path has a character that is not Unicode, which image files cannot be opened by.",
            argument=argument,
            value=ascii(text),
            remedy="Rename the file or folder.",
        ) from None
