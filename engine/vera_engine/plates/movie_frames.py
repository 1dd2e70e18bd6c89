"""Frames of a movie as pictures of host frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from vera_engine.plates.channels import Choice, Role, choose_picture
from vera_engine.plates.frame_files import FrameFiles, FrameMissing, PlateNotFound
from vera_engine.plates.frames import frames_as_text
from vera_engine.plates.image import Header, Pixels, PlateUnreadable
from vera_engine.plates.movie import Movie
from vera_engine.plates.nan_policy import NanPolicy
from vera_engine.plates.open_movies import open_movie

Found = TypeVar("Found")


class MovieFrames(FrameFiles):
    """Frames of a movie, numbered from 1 as they are shown."""

    def __init__(self, role: Role, choice: Choice, frame_offset: int, path: Path) -> None:
        super().__init__(role, choice, frame_offset)
        self._path = path

    def file(self, frame: int) -> Path:
        """The movie, whichever frame is asked for."""
        return self._path

    def check(self, frames: list[int], describe: Callable[[Header], Found]) -> dict[int, Found]:
        """Goes through the movie's index, and decodes the first of the frames to see that it can be decoded."""
        self._check_any(frames)
        self._check_existence()
        with open_movie(self._path, self.role, frames[0] + self._frame_offset, stays_open=False) as movie:
            self._check_frames(movie, frames)
            header = self._header(movie, frames[0])
            movie.read(frames[0] + self._frame_offset)
        return dict.fromkeys(frames, describe(header))

    def read(self, frame: int, nan: NanPolicy) -> Pixels:
        """Reads the role's channels of one host frame. No movie has values that are no numbers."""
        self._check_existence()
        with open_movie(self._path, self.role, frame + self._frame_offset) as movie:
            self._check_frames(movie, [frame])
            header = self._header(movie, frame)
            try:
                values = movie.read(frame + self._frame_offset)
            except PlateUnreadable as error:
                error.reason = f"{self._named([frame])}: {error.reason}"
                raise
        return Pixels(np.ascontiguousarray(values[..., list(header.channels)]), header, not_finite=0)

    def _header(self, movie: Movie, frame: int) -> Header:
        spec = movie.header.spec_of(frame + self._frame_offset)
        return Header(self._path, 0, spec, choose_picture(self._path, [spec], self.role, self._choice).channels)

    def _check_existence(self) -> None:
        try:
            is_there = self._path.exists()
        except OSError:
            is_there = True  # opening it tells what is wrong
        if not is_there:
            raise PlateNotFound(
                f"There is no such {self.role.noun}: no movie has this name.",
                argument=self.role.argument,
                value=self._path,
                remedy="Check the folder and the file's name.",
            )

    def _check_frames(self, movie: Movie, frames: list[int]) -> None:
        count = movie.index.frame_count
        missing = [frame for frame in frames if not 1 <= frame + self._frame_offset <= count]
        if not missing:
            return
        if movie.index.is_cut_off:
            raise PlateUnreadable(
                f"{self._named(missing)} cannot be read: the movie is cut off after its {count} first frames.",
                argument=self.role.argument,
                value=self._path,
                remedy="Copy the movie again, or choose another range.",
            )
        first = 1 - self._frame_offset
        raise FrameMissing(
            f"{self._named(missing)} {'is' if len(missing) == 1 else 'are'} not in the movie.",
            argument=self.role.argument,
            value=self._path,
            remedy=f"Its {count} frames are {frames_as_text(range(first, first + count))}. Choose another range, or "
            "another frame offset.",
        )
