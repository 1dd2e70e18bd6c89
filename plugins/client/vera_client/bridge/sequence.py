"""The files of a plate or mask on the client's side: those of a pattern, of a folder, or one that holds all frames."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from vera_edit.v1 import takes_pb2

from ..errors import Refused

FRAME_PLACE = re.compile(r"#+|%(?:0\d+)?d")
LAST_NUMBER = re.compile(r"(.*?)(-?\d+)(\D*)")


def frame_file(pattern: str, file_frame: int) -> Path | None:
    """A frame's file of a pattern with `####` or `%04d` in the file's name; None where it has not exactly one."""
    folder, name = os.path.split(pattern)
    places = list(FRAME_PLACE.finditer(name))
    if len(places) != 1:
        return None
    place = places[0]
    digits = len(place[0]) if place[0].startswith("#") else int(place[0][1:-1] or "1")
    return Path(folder) / f"{name[: place.start()]}{file_frame:0{digits}d}{name[place.end() :]}"


def patterns_in(folder: Path) -> list[str]:
    """The sequences of a folder as patterns, by name; of each file's name the last number counts its frames."""
    patterns = set()
    for entry in sorted(folder.iterdir()):
        match = LAST_NUMBER.fullmatch(entry.stem)
        if match and entry.is_file():
            patterns.add(str(folder / f"{match[1]}{'#' * len(match[2])}{match[3]}{entry.suffix}"))
    return sorted(patterns)


class Sequence:
    """What has to be sent of a plate or mask.

    Args:
        source: As in the request; its location is a path: a pattern, a folder with one sequence, or one file.
        frames: What is needed of it, host numbering: ranges in any order, which may overlap.
        argument: The source's dotted name, for errors.
    """

    def __init__(self, source: takes_pb2.PlateSource, frames: Iterable[range], argument: str) -> None:
        self.path = source.path
        self.argument = argument
        self._choices = patterns_in(Path(source.path)) if os.path.isdir(source.path) else []
        pattern = self._choices[0] if self._choices else source.path
        self.file_name = os.path.basename(pattern)
        """As the engine is to call it: with `####` for the frame number, or one file's own name."""
        self.files: dict[int, Path] = {}
        """By file frame; one file that holds all frames, or is the only one, as frame 0."""
        if os.path.isfile(pattern):
            self.files[0] = Path(pattern)
            return
        for frame in sorted({frame + source.frame_offset for run in frames for frame in run}):
            file = frame_file(pattern, frame)
            if file is not None:
                self.files[frame] = file
        self.file_name = FRAME_PLACE.sub("####", self.file_name)

    def first_file(self) -> Path | None:
        """The first one that is there.

        Raises:
            Refused: Their folder may not be looked into.
        """
        return next((file for file in self.files.values() if self._is_there(file)), None)

    def _is_there(self, file: Path) -> bool:
        try:
            return file.is_file()
        except OSError as error:
            raise Refused(
                f"Its folder cannot be looked into: {error.strerror}.",
                argument=f"{self.argument}.path",
                value=self.path,
                remedy="Ask for it to be opened to you.",
                kind="PlateUnreadable",
                nature="permission_denied",
            ) from error

    def check_complete(self) -> None:
        """
        Raises:
            Refused: The folder has several sequences, or may not be looked into; or a frame of the range has no file:
                names them.
        """
        if len(self._choices) > 1:
            raise Refused(
                f"The folder holds several sequences: {', '.join(map(os.path.basename, self._choices))}.",
                argument=f"{self.argument}.path",
                value=self.path,
                remedy="Name one of them.",
                kind="PatternInvalid",
            )
        missing = [frame for frame, file in self.files.items() if not self._is_there(file)]
        if missing:
            named = ", ".join(map(str, missing[:8])) + (" ..." if len(missing) > 8 else "")
            raise Refused(
                f"{len(missing)} of {len(self.files)} frames are missing: file frames {named}.",
                argument=f"{self.argument}.path",
                value=self.path,
                remedy="Render them, or choose a range whose files are all there.",
                kind="FrameMissing",
                nature="not_found",
            )
