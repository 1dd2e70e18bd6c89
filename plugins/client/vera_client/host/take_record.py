"""What `take.json` and `note.json` of a take say. Standard library only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VISIBLE_SEAM = 1.5
"""Above that a join may be seen; about 1 is as smooth as the clip itself."""

_read: dict[Path, tuple[tuple[int, int, int], dict[str, Any]]] = {}
"""By file: which one it was (inode, size, time), and what it said."""


@dataclass(frozen=True)
class Notes:
    """What an artist says of a take."""

    label: str = ""
    """One line."""
    note: str = ""
    starred: bool = False


@dataclass(frozen=True)
class Seam:
    """How well two neighboring frames join that were not made together."""

    first_side: int
    second_side: int
    value: float

    @property
    def may_be_seen(self) -> bool:
        return self.value > VISIBLE_SEAM

    @property
    def text(self) -> str:
        return f"seam {self.value:.1f} at {self.first_side}-{self.second_side}"


def read_json(file: Path) -> dict[str, Any]:
    """The object in a file; empty where there is none. Not read again while the file is the same; not to be changed."""
    try:
        status = file.stat()
        which = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = _read.get(file)
        if known is None or known[0] != which:
            said = json.loads(file.read_text(encoding="utf-8"))
            _read[file] = known = (which, said if isinstance(said, dict) else {})
        return known[1]
    except (OSError, ValueError):
        return {}


def read_notes(directory: Path) -> Notes:
    """Of a take's folder; what is not said there is empty."""
    said = read_json(directory / "note.json")
    return Notes(str(said.get("label", "")), str(said.get("note", "")), bool(said.get("starred", False)))


def largest_seam(record: dict[str, Any]) -> Seam | None:
    """The join of a take that shows most; None where it has none."""
    seams = [Seam(seam["between"][0], seam["between"][1], seam["seam"]) for seam in record.get("seams") or ()]
    return max(seams, key=lambda seam: seam.value, default=None)
