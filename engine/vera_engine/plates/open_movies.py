"""Movies that stay open between frames, so that reading the next frame decodes on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from vera_engine.plates.channels import Role
from vera_engine.plates.image import check_openable
from vera_engine.plates.movie import Movie
from vera_engine.plates.movie_index import MovieIndex

_MOST_IDLE = 4  # a plate read twice, its mask, its hold-out
_MOST_INDEXES = 16

_File = tuple[Path, int, int]
"""A file that stayed as it was: path, size, time of change."""
_idle: list[tuple[_File, Role, Movie]] = []
"""Open movies that nobody reads at the moment, the one used last at the end."""
_indexes: dict[_File, MovieIndex] = {}
"""Of movies opened lately: for some containers all of the file is read to find it."""
_lock = threading.Lock()


@contextlib.contextmanager
def open_movie(path: Path, role: Role, number: int, stays_open: bool = True) -> Iterator[Movie]:
    """A movie to read a frame from; another file under its name is another movie.

    Several threads may read one movie, each from a decoder of its own: the one that is nearest before its frame.

    Args:
        path: The file.
        role: What it is read as.
        number: The frame that is wanted, from 1.
        stays_open: Whether it is left open for the next frame.

    Raises:
        PlateForbidden, PlateUnreadable: As `Movie` does.
    """
    check_openable(path, role)
    status = path.stat()
    file = (path, status.st_size, status.st_mtime_ns)
    with _lock:
        own = [entry for entry in _idle if entry[:2] == (file, role)]
        nearest = max(own, key=lambda entry: (entry[2].at <= number, entry[2].at), default=None)
        if nearest is not None:
            _idle.remove(nearest)
        index = _indexes.get(file)
    movie = Movie(path, role, index) if nearest is None else nearest[2]
    try:
        yield movie
    except BaseException:
        movie.close()
        raise
    with _lock:
        _indexes[file] = movie.index
        if len(_indexes) > _MOST_INDEXES:
            del _indexes[next(iter(_indexes))]
        leaving = [movie]
        if stays_open:
            _idle.append((file, role, movie))
            leaving = [other for *_, other in _idle[:-_MOST_IDLE]]
            del _idle[:-_MOST_IDLE]
    for other in leaving:
        other.close()


def close_movies() -> None:
    """Lets go of all movies that were left open, such as at the end of a take. What is known of them stays."""
    with _lock:
        movies = [movie for *_, movie in _idle]
        _idle.clear()
    for movie in movies:
        movie.close()
