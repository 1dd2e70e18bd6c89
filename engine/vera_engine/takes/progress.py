"""What of a take is done: `progress.json` in its partial directory, written anew with every window.

A window counts as done only once this file names it, and it is named only once all its files are on the disk. So a
take that was stopped at any moment goes on with the first window that is not named, or whose files are not as they
were.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vera_engine.plates.disk import read_if_there, write_error, write_file
from vera_engine.plates.frames import FrameRange, FrameSet
from vera_engine.takes.latents import Piece
from vera_engine.takes.plan import TakeWindow
from vera_engine.takes.seen import FileSeen, SeenFiles
from vera_engine.takes.store import PROGRESS_NAME
from vera_engine.takes.take import Seam

Statistics = dict[str, Any]
"""Of one frame, as plain JSON values: `matte_coverage`, `matte_max` and `matte_box` ([x, y, width, height] in pixels of
the plate's display window, or None), `highlights_limited` and `not_finite` (pixels)."""


@dataclass(frozen=True)
class FileWritten:
    """A file of the take, as it was when its window was done."""

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> FileWritten:
        """A file that was written just now.

        Raises:
            FolderNotWritable, FileNotWritten: It is gone again, as from a share that was lost.
        """
        try:
            return cls._read(path)
        except OSError as error:
            raise write_error(path, error) from error

    def is_whole(self, path: Path) -> bool:
        """Whether the file is there, with this very content.

        Raises:
            FolderNotWritable, FileNotWritten: It cannot be read now. That says nothing of what it holds, and nothing
                finished is thrown away for a share that was gone for a moment.
        """
        try:
            return path.stat().st_size == self.size and self._read(path) == self
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise write_error(path, error) from error

    @classmethod
    def _read(cls, path: Path) -> FileWritten:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return cls(file.tell(), digest)


@dataclass(frozen=True)
class MadeBy:
    """What made a window: the same request by the same gives the same bits."""

    model: str
    """Its name."""
    engine_version: str
    device: str
    weights_sha256: dict[str, str]


@dataclass(frozen=True)
class WindowRecord:
    """A window that is done; or of a take that needs no model, a part of its frames."""

    number: int
    piece: Piece | None
    """The latents it delivered, and their file; None where no model ran."""
    slice: tuple[int, int]
    """The latents [start, stop) that the model saw."""
    weights: tuple[float, ...]
    """How strongly each of them was anchored."""
    frames: FrameSet
    """What it delivered."""
    files: dict[str, FileWritten]
    """By name: layers, what the model made, comps, residuals, latents."""
    statistics: dict[int, Statistics]
    seen: SeenFiles
    """The plate and mask files that the model saw, those around the frames it delivered included; the hold-out's."""
    mask_range: tuple[float, float] | None
    """The least and the greatest value of the mask; None without one."""
    seams: tuple[Seam, ...]
    """Those that could be measured with this window."""
    plate_size: tuple[int, int]
    """Width and height of the plate's data window."""
    made_by: MadeBy
    model_seconds: float
    pixel_seconds: float

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            **asdict(self),
            "frames": self.frames.as_dicts(),
            "seams": [seam.as_record() for seam in self.seams],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> WindowRecord:
        """What `as_dict` gave, after a way through JSON."""
        return cls(
            **{
                **data,
                "piece": None if data["piece"] is None else Piece(**data["piece"]),
                "slice": tuple(data["slice"]),
                "weights": tuple(data["weights"]),
                "frames": FrameSet.from_dicts(data["frames"]),
                "files": {name: FileWritten(**file) for name, file in data["files"].items()},
                "statistics": {int(frame): values for frame, values in data["statistics"].items()},
                "seen": SeenFiles(**{kind: _files_seen(files) for kind, files in data["seen"].items()}),
                "mask_range": None if data["mask_range"] is None else tuple(data["mask_range"]),
                "seams": tuple(map(Seam.from_record, data["seams"])),
                "plate_size": tuple(data["plate_size"]),
                "made_by": MadeBy(**data["made_by"]),
            }
        )

    def is_of(self, window: TakeWindow) -> bool:
        """Whether it is what a plan asks for now."""
        planned = window.window
        return (
            self.piece is not None
            and (self.number, self.piece.run, self.piece.first, self.piece.last)
            == (window.number, window.run, planned.first, planned.last)
            and self.slice == (planned.start, planned.stop)
            and self.weights == planned.weights
            and self.frames == window.frames
        )


@dataclass(frozen=True)
class Progress:
    """What of a take is done, in the order it was made in."""

    take_id: str
    windows: tuple[WindowRecord, ...] = ()
    warnings: tuple[str, ...] = ()

    def write(self, directory: Path) -> None:
        """Writes `progress.json`, whole or not at all.

        Raises:
            DiskFull, FolderNotWritable, FileNotWritten
        """
        data = {
            "take_id": self.take_id,
            "windows": [window.as_dict() for window in self.windows],
            "warnings": self.warnings,
        }
        write_file(directory / PROGRESS_NAME, json.dumps(data).encode())

    @classmethod
    def read(cls, directory: Path, take_id: str) -> Progress:
        """What the directory says of the take; nothing done where it says nothing, or what no engine writes.

        Raises:
            FolderNotWritable, FileNotWritten: Its file is there and cannot be read now.
        """
        content = read_if_there(directory / PROGRESS_NAME)
        if content is None:
            return cls(take_id)
        try:
            data = json.loads(content)
            windows = tuple(map(WindowRecord.from_dict, data["windows"]))
            if data["take_id"] == take_id:
                return cls(take_id, windows, tuple(data["warnings"]))
        except (ValueError, KeyError, TypeError):
            pass
        return cls(take_id)

    @property
    def frames(self) -> tuple[FrameRange, ...]:
        """The frames that are done."""
        frames = [frame for window in self.windows for frame in window.frames]
        return FrameSet.of(frames).ranges if frames else ()


def still_whole(
    directory: Path, windows: Sequence[WindowRecord], check_cancelled: Callable[[], None]
) -> tuple[WindowRecord, ...]:
    """The windows up to the first that has a file which is not as it was written; later ones are anchored to it."""
    whole: list[WindowRecord] = []
    for window in windows:
        for name, file in window.files.items():
            check_cancelled()
            if not file.is_whole(directory / name):
                return tuple(whole)
        whole.append(window)
    return tuple(whole)


def as_planned(
    windows: Sequence[WindowRecord], planned: Iterable[TakeWindow], weights_sha256: dict[str, str]
) -> tuple[WindowRecord, ...]:
    """The windows up to the first that another plan or other weights made."""
    same: list[WindowRecord] = []
    for window, plan in zip(windows, planned, strict=False):
        if not (window.is_of(plan) and window.made_by.weights_sha256 == weights_sha256):
            break
        same.append(window)
    return tuple(same)


def as_parted(windows: Sequence[WindowRecord], planned: Iterable[FrameSet]) -> tuple[WindowRecord, ...]:
    """The parts of a take that needs no model, up to the first that would be another one now."""
    same: list[WindowRecord] = []
    for window, frames in zip(windows, planned, strict=False):
        if window.piece is not None or window.frames != frames:
            break
        same.append(window)
    return tuple(same)


def _files_seen(data: dict[str, Any]) -> dict[int, FileSeen]:
    return {int(frame): FileSeen(**file) for frame, file in data.items()}
