# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished takes as they lie on disk: `<take root>/<node id>/v003/layers.1001.exr`. Standard library only."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LAYERS = re.compile(r"layers\.(\d{4,})\.exr")
VERSION = re.compile(r"v(\d{3,})")


@dataclass(frozen=True)
class TakeFolder:
    """One version directory. Frames are the host's: the scene's."""

    directory: Path
    frames: tuple[int, ...]
    """In order; not empty."""

    @property
    def version(self) -> str:
        return self.directory.name

    @property
    def number(self) -> int:
        return int(self.version[1:])

    @property
    def first_frame(self) -> int:
        return self.frames[0]

    @property
    def last_frame(self) -> int:
        return self.frames[-1]

    @property
    def missing_frames(self) -> list[int]:
        """Frames that ought to be there by take.json and are not; Blender shows them as empty without a word."""
        promised = {int(frame) for frame in self.record().get("frames", {})}
        return sorted(promised - set(self.frames))

    def layers_file(self, frame: int) -> Path:
        return self.directory / f"layers.{frame:04d}.exr"

    def record(self) -> dict[str, Any]:
        """What take.json says; empty where it cannot be read."""
        try:
            said = json.loads((self.directory / "take.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}


def read_take_folder(directory: Path) -> TakeFolder | None:
    """The take in a version directory, or None where it holds no layers."""
    try:
        names = [file.name for file in directory.iterdir()]
    except OSError:
        return None
    frames = sorted(int(found[1]) for found in map(LAYERS.fullmatch, names) if found)
    return TakeFolder(directory, tuple(frames)) if frames else None


def list_take_folders(node_folder: Path) -> list[TakeFolder]:
    """The finished takes of a node, oldest first; `v003.partial` is none."""
    try:
        versions = [entry for entry in node_folder.iterdir() if VERSION.fullmatch(entry.name)]
    except OSError:
        return []
    takes = [take for take in map(read_take_folder, versions) if take]
    return sorted(takes, key=lambda take: take.number)


def spell_frames(frames: list[int]) -> str:
    """`1001, 1004-1006`."""
    runs: list[list[int]] = []
    for frame in sorted(frames):
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
