"""The files that a take is made of, known by their content: whether they still are what the model saw."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from vera_engine.errors import FailedPrecondition
from vera_engine.takes.input_files import input_files
from vera_engine.takes.request import TakeRequest


class PlateChanged(FailedPrecondition):
    """A plate's file is not the one any more that the model saw."""


@dataclass(frozen=True)
class FileSeen:
    """A file as it was when the model saw it."""

    name: str
    sha256: str
    """Of all its bytes, lower-case hex."""
    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> FileSeen:
        status = path.stat()
        return cls(path.name, _digest(path, status.st_size, status.st_mtime_ns), status.st_size, status.st_mtime_ns)

    def is_unchanged(self, path: Path) -> bool:
        """Whether the file still has its size and time of change; or where only the time is another, its content.

        A file that is gone was not changed: what was made of it stays right.
        """
        try:
            status = path.stat()
        except FileNotFoundError:
            return True
        if (status.st_size, status.st_mtime_ns) == (self.size, self.modified_ns):
            return True
        return status.st_size == self.size and FileSeen.of(path).sha256 == self.sha256

    def check_unchanged(self, path: Path, argument: str = "plate.path") -> None:
        """Raises `PlateChanged` where the file has another content by now."""
        if not self.is_unchanged(path):
            raise PlateChanged(
                "The file was changed while the take was made.",
                argument=argument,
                value=path,
                remedy="Resume the take, or generate it again, once the plate is rendered to its end.",
            )

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class SeenFiles:
    """Plate, mask and hold-out files by host frame."""

    plate: Mapping[int, FileSeen]
    mask: Mapping[int, FileSeen]
    holdout: Mapping[int, FileSeen] = field(default_factory=dict)

    @classmethod
    def of(
        cls, request: TakeRequest, frames: Iterable[int], delivered: Iterable[int], check_going_on: Callable[[], None]
    ) -> SeenFiles:
        """The files of frames as they are now.

        Args:
            request: The effective request.
            frames: Host frames that the model sees; none where it does not run.
            delivered: Those that layers are made of: their plate, and their hold-out.
            check_going_on: Called for every file.
        """
        needed = {"plate": sorted({*frames, *delivered}), "mask": frames, "holdout": delivered}
        seen: dict[str, dict[int, FileSeen]] = {kind: {} for kind in needed}
        for kind, files in input_files(request).items():
            for frame in needed[kind]:
                check_going_on()
                seen[kind][frame] = FileSeen.of(files.file(frame))
        return cls(**seen)

    def are_unchanged(self, request: TakeRequest, check_going_on: Callable[[], None]) -> bool:
        """Whether all of them still have their content."""
        try:
            self.check_unchanged(request, check_going_on)
        except PlateChanged:
            return False
        return True

    def check_unchanged(
        self, request: TakeRequest, check_going_on: Callable[[], None], frames: Container[int] | None = None
    ) -> None:
        """Raises `PlateChanged` where one of them, or of these frames', has another content by now."""
        for kind, files in input_files(request).items():
            for frame, file in getattr(self, kind).items():
                if frames is None or frame in frames:
                    check_going_on()
                    file.check_unchanged(files.file(frame), files.role.argument)


@lru_cache(maxsize=16)
def _digest(path: Path, size: int, modified_ns: int) -> str:
    """SHA-256 of a file of that size and time of change; a movie is asked for with every frame, and read once."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
