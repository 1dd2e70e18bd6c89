"""Rendered plates and masks on disk: `<node folder>/upstream/plate.1001-1017.<fingerprint>/plate.####.exr`.

They stay as long as a take speaks of them: to resume it, to repair it, and to say whether what feeds the node has
changed since, which the folder's name tells. Standard library only.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .plate_files import Plate

FOLDER = "upstream"
NAME = re.compile(r"(plate|mask|holdout)\.(-?\d+)-(-?\d+)\.([0-9a-f]{16})(?:\.[0-9a-f]{8})?")
YOUNG_SECONDS = 3600.0
"""So long a folder that no take speaks of is left alone: its request may be on the way."""


@dataclass(frozen=True)
class Rendered:
    """One rendered sequence, by its folder's name, which says all but its color space."""

    folder: Path
    name: str
    """`plate`, `mask` or `holdout`."""
    frames: range
    fingerprint: str
    """Of the chain it was rendered from."""
    color_space: str = "lin_rec709"
    """The host's working space when it was rendered; a mask has none."""

    @property
    def plate(self) -> Plate:
        return Plate(str(self.folder / f"{self.name}.####.exr"), 0, self.color_space if self.name == "plate" else "")

    @property
    def is_whole(self) -> bool:
        """A folder gets its name when its last frame is there; what an artist deleted since is missed."""
        return self.plate.has_files(self.frames)


def place(node_folder: Path, name: str, frames: range, fingerprint: str, is_alone: bool) -> Rendered:
    """Where a rendering belongs.

    Args:
        is_alone: It shows more than the fingerprint tells of: no later rendering may take its place.
    """
    token = f".{uuid.uuid4().hex[:8]}" if is_alone else ""
    folder = node_folder / FOLDER / f"{name}.{frames[0]}-{frames[-1]}.{fingerprint}{token}"
    return Rendered(folder, name, frames, fingerprint)


def of_path(pattern: str, take_root: Path) -> Rendered | None:
    """The rendering that a take.json names, in its place below the take root as that lies now; None where the path is
    none of a rendering."""
    parts = re.split(r"[/\\]", pattern)
    if len(parts) < 4 or parts[-3] != FOLDER:
        return None
    matched = NAME.fullmatch(parts[-2])
    if matched is None:
        return None
    frames = range(int(matched[2]), int(matched[3]) + 1)
    return Rendered(take_root / parts[-4] / FOLDER / parts[-2], matched[1], frames, matched[4])


def prune(take_root: Path, node_folder: Path, in_use: Iterable[str]) -> None:
    """Removes a node's renderings that no take below the root speaks of any more.

    Args:
        in_use: Paths that requests on the way name.
    """
    with contextlib.suppress(OSError):
        old = [
            folder
            for folder in (node_folder / FOLDER).iterdir()
            if time.time() - folder.stat().st_mtime > YOUNG_SECONDS
        ]
        if not old:
            return
        spoken = [record.read_text(encoding="utf-8") for record in take_root.glob("*/v*/take.json")]
        spoken += in_use
        for folder in old:
            if not any(folder.name in text for text in spoken):
                shutil.rmtree(folder, ignore_errors=True)
        (node_folder / FOLDER).rmdir()  # where none is left
