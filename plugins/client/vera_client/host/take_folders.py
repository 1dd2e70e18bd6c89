"""Takes as they lie on disk: `<take root>/<node id>/v003/layers.1001.exr`, and `v003.partial` of one that is not
finished. Standard library only."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .take_record import Notes, Seam, largest_seam, read_json, read_notes

LAYERS = re.compile(r"layers\.(-\d{3,}|\d{4,})\.exr")
VERSION = re.compile(r"v(\d{3,})")
PARTIAL = re.compile(r"v(\d{3,})\.partial")
HEARTBEAT = "worker.json"
HEARTBEAT_SECONDS = 60.0
"""A worker writes its heartbeat every few seconds; after that long without it nobody works on the take."""
SETTLED_SECONDS = 2.0
"""A folder that was changed less long ago may be changed again without its time telling so."""

_shows_below_zero = False
"""Whether the host shows files that are numbered below 0."""
_listed: dict[Path, tuple[int, tuple[int, ...]]] = {}
"""By folder: its own time when it was listed, and the frames that were in it."""


@dataclass(frozen=True)
class TakeFolder:
    """A finished take: one version directory. Frames are the host's."""

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
        """Frames that ought to be there by take.json and are not; hosts show them as empty without a word."""
        promised = self.record.get("frames")
        return sorted({int(frame) for frame in promised} - set(self.frames)) if isinstance(promised, dict) else []

    def layers_file(self, frame: int) -> Path:
        return self.directory / f"layers.{frame:04d}.exr"

    def residual_file(self, frame: int) -> Path:
        return self.directory / f"residual.{frame:04d}.exr"

    @property
    def residual_frames(self) -> list[int]:
        """The frames that have a residual."""
        return [frame for frame in self.frames if self.residual_file(frame).is_file()]

    @cached_property
    def record(self) -> dict[str, Any]:
        """What take.json says; empty where it cannot be read."""
        return read_json(self.directory / "take.json")

    @cached_property
    def notes(self) -> Notes:
        """What an artist said of it."""
        return read_notes(self.directory)

    @property
    def seam(self) -> Seam | None:
        """The join that shows most; None where it has none."""
        return largest_seam(self.record)

    @property
    def is_held_out(self) -> bool:
        """Its matte has a hold-out in it already."""
        return bool((self.record.get("request") or {}).get("holdout"))

    @property
    def warnings(self) -> list[str]:
        """What the engine said an artist should know of it."""
        return [str(text) for text in self.record.get("warnings") or ()]

    @property
    def base(self) -> TakeFolder | None:
        """The take it is a repair of, where that is on disk: named from here, so that projects can be moved."""
        named = (self.record.get("base_take") or {}).get("directory")
        return read_take_folder(Path(os.path.normpath(self.directory / named))) if named else None


@dataclass(frozen=True)
class PartialTake:
    """A take that is not finished: in work, or cancelled, failed or left by an engine that is gone."""

    directory: Path
    """`v003.partial`."""
    frames: tuple[int, ...]
    """Those whose layers are on disk."""

    @property
    def number(self) -> int:
        return int(self.version[1:])

    @property
    def version(self) -> str:
        return self.directory.name.partition(".")[0]

    @property
    def version_directory(self) -> Path:
        """What it will be called once it is finished."""
        return self.directory.with_name(self.version)

    @cached_property
    def record(self) -> dict[str, Any]:
        return read_json(self.directory / "take.json")

    @cached_property
    def notes(self) -> Notes:
        return read_notes(self.directory)

    @property
    def take_id(self) -> str:
        """Empty where its take.json was never written."""
        return str(self.record.get("take_id", ""))

    @property
    def is_stopped(self) -> bool:
        """Cancelled or failed: it can be resumed, or its frames kept."""
        return self.record.get("state") in ("cancelled", "failed")

    @property
    def is_in_work(self) -> bool:
        """Some engine's worker lives on it."""
        try:
            return time.time() - (self.directory / HEARTBEAT).stat().st_mtime < HEARTBEAT_SECONDS
        except OSError:
            return False

    @property
    def is_in_work_here(self) -> bool:
        """That worker is on this machine."""
        return self.is_in_work and read_json(self.directory / HEARTBEAT).get("host") == socket.gethostname()

    @property
    def text(self) -> str:
        """What an artist is told of it."""
        made = f", {len(self.frames)} frames made" if self.frames else ""
        if self.is_stopped:
            return f"{self.version} {self.record['state']}{made}"
        return f"{self.version} {'in work' if self.is_in_work else 'waits for its engine'}{made}"


def show_below_zero() -> None:
    """Has frames below 0 be listed too, for a host that shows their files. Blender does not: it takes the sign of
    `layers.-007.exr` for a part of the name, and would show that file at frame 7. There they are missing."""
    global _shows_below_zero
    _shows_below_zero = True


def read_take_folder(directory: Path) -> TakeFolder | None:
    """The take in a version directory, or None where it holds no layers."""
    frames = _frames_in(directory)
    return TakeFolder(directory, frames) if frames else None


def list_take_folders(node_folder: Path) -> list[TakeFolder]:
    """The finished takes of a node, oldest first; `v003.partial` is none."""
    takes = [read_take_folder(entry) for entry in _entries(node_folder) if VERSION.fullmatch(entry.name)]
    return sorted((take for take in takes if take), key=lambda take: take.number)


def list_partial_takes(node_folder: Path) -> list[PartialTake]:
    """The takes of a node that are not finished, oldest first."""
    entries = [entry for entry in _entries(node_folder) if PARTIAL.fullmatch(entry.name)]
    return sorted((PartialTake(entry, _frames_in(entry) or ()) for entry in entries), key=lambda take: take.number)


def frame_ranges(frames: Iterable[int]) -> list[dict[str, int]]:
    """As proto's `FrameRange`s."""
    return [{"first_frame": first, "last_frame": last} for first, last in _runs(frames)]


def spell_frames(frames: list[int]) -> str:
    """`1001, 1004-1006`."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in _runs(frames))


def _runs(frames: Iterable[int]) -> list[list[int]]:
    """First and last of each run of frames without a gap."""
    runs: list[list[int]] = []
    for frame in sorted(frames):
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return runs


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _frames_in(directory: Path) -> tuple[int, ...] | None:
    """The frames whose layers are in a folder; None where it is not there. Panels ask at every redraw, so a folder that
    has not changed is not listed again."""
    try:
        changed_ns = directory.stat().st_mtime_ns
        known = _listed.get(directory)
        if known is None or known[0] != changed_ns:
            found = (LAYERS.fullmatch(file.name) for file in directory.iterdir())
            numbers = sorted(int(match[1]) for match in found if match)
            known = (changed_ns, tuple(number for number in numbers if number >= 0 or _shows_below_zero))
            if time.time_ns() - changed_ns > SETTLED_SECONDS * 1e9:
                _listed[directory] = known
        return known[1]
    except OSError:
        return None
