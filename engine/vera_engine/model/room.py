"""Room on the disk for what is to be written. Standard library only."""

from __future__ import annotations

import shutil
from pathlib import Path

from vera_engine.errors import FailedPrecondition


class DiskFull(FailedPrecondition):
    """The disk has not room enough for what is to be written."""


def check_room(folder: Path, byte_count: int, argument: str) -> None:
    """Refuse to write more than a disk has free.

    Args:
        folder: Where to; the nearest folder above it that is there says what is free.
        byte_count: How much.
        argument: Which argument named the folder.

    Raises:
        DiskFull: Nothing is written yet.
    """
    free = room_at(folder)
    if free < byte_count:
        raise DiskFull(
            f"{byte_count / 1e9:.1f} GB are needed, and {free / 1e9:.1f} GB are free.",
            argument=argument,
            value=folder,
            remedy="Free some room, or name another disk.",
        )


def room_at(folder: Path) -> int:
    """Free bytes where a folder is, or would be made."""
    return shutil.disk_usage(next(place for place in (folder, *folder.absolute().parents) if place.is_dir())).free
