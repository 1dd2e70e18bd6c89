"""An image sequence by its files, and whether they are the ones that a take was made from. Standard library only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Refused
from .take_folders import spell_frames

NAMES = {"plate": "plate", "mask": "mask", "holdout": "hold-out"}
"""What artists call what a request names so."""
READ_AS = ("color_space", "view", "part", "layer", "nan")
"""What a source says besides where its files are."""
_hashed: dict[Path, tuple[tuple[int, int, int], str]] = {}
"""By file: which one it was (inode, size, time), and its SHA-256."""


@dataclass(frozen=True)
class Plate:
    """An image sequence: file frame = host frame + `frame_offset`."""

    pattern: str
    """Absolute path with `####` for the file's frame number."""
    frame_offset: int
    color_space: str
    """By a name of the engine's configuration; empty for a mask, which is data."""
    view: str = ""
    """Of a multi-view file."""
    part: str = ""
    """Of a multi-part file."""
    layer: str = ""
    """The channels' prefix."""
    nan: str = ""
    """What becomes of pixels that are no numbers: `refuse`, `zero`; empty: refused."""

    def as_source(self) -> dict[str, object]:
        """As proto's `PlateSource`; what is empty left out."""
        source: dict[str, object] = {"path": self.pattern, "frame_offset": self.frame_offset}
        words = {name: getattr(self, name) for name in READ_AS}
        return {**source, **{name: word for name, word in words.items() if word}}

    @classmethod
    def from_record(cls, source: dict[str, Any]) -> Plate:
        """What a take.json's request names."""
        return cls(source["path"], source["frame_offset"], **{name: source.get(name) or "" for name in READ_AS})

    def file(self, frame: int) -> Path:
        """The file of a host frame."""
        folder, name = Path(self.pattern).parent, Path(self.pattern).name
        number = frame + self.frame_offset
        return folder / re.sub(r"#+|%0\d+d", lambda marks: f"{number:0{_digits(marks[0])}d}", name, count=1)

    def has_files(self, frames: Iterable[int]) -> bool:
        """Whether all of them are on disk."""
        return all(self.file(frame).is_file() for frame in frames)


def require_files(plate: Plate, frames: Iterable[int], argument: str, reader: str) -> None:
    """Finds gaps ourselves: hosts show a missing file as empty, or fail later.

    Args:
        argument: `plate`, `mask` or `holdout`.
        reader: What the host calls the node that names the files: `Image`, `Read`.

    Raises:
        Refused: Names the frames that are not on disk.
    """
    asked = list(frames)
    missing = [frame for frame in asked if not plate.file(frame).is_file()]
    if not missing:
        return
    if len(missing) == len(asked):
        raise Refused(
            f"None of the {NAMES[argument]}'s files is there.",
            argument=f"{argument}.path",
            value=plate.pattern,
            remedy=f"Check the path of the {reader} node that is plugged in.",
        )
    files = spell_frames([frame + plate.frame_offset for frame in missing])
    numbers = f" (files {files})" if plate.frame_offset else ""
    raise Refused(
        f"The {NAMES[argument]} lacks frames {spell_frames(missing)}{numbers}.",
        argument=f"{argument}.path",
        value=plate.pattern,
        remedy="Put the files there, or choose a frame range without them.",
    )


def changed_frames(plate: Plate, seen: dict[str, Any]) -> list[int]:
    """Which frames of a plate are not the files any more that a take was made from.

    Size and time tell at once where they are as they were. Where only the time differs, as in a copied project, the
    content is compared.

    Args:
        plate: The plate as it is now, wherever it lies.
        seen: What take.json says of its files: `{"1001": {"file", "sha256", ...}}`.
    """
    return sorted(int(frame) for frame, was in seen.items() if not _is_same(plate.file(int(frame)), was))


def _is_same(file: Path, was: dict[str, Any]) -> bool:
    if file.name != was.get("file"):
        return False
    try:
        status = file.stat()
        if was.get("size", status.st_size) != status.st_size:
            return False
        if was.get("modified_ns") == status.st_mtime_ns:
            return True
        which = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = _hashed.get(file)
        if known is None or known[0] != which:
            _hashed[file] = known = (which, _sha256(file))
        return known[1] == was.get("sha256")
    except OSError:
        return False


def _sha256(file: Path) -> str:
    hashed = hashlib.sha256()
    with open(file, "rb") as opened:
        while block := opened.read(1 << 20):
            hashed.update(block)
    return hashed.hexdigest()


def _digits(marks: str) -> int:
    return len(marks) if marks.startswith("#") else int(marks[1:-1])
