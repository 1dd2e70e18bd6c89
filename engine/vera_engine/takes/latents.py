"""A take's final latents: one file for each window that made some, and the timeline that the files make together.

What a later window is anchored to and what a repair is anchored to is read from here, always from disk, so that a take
that was resumed sees the very bits that an undisturbed one does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import Internal
from vera_engine.takes.tensors import TensorsDamaged, read_tensors, write_tensors

BRANCHES = ("edit", "alpha", "composite")


class LatentsMissing(Internal):
    """Latents that no piece of a timeline has."""


@dataclass(frozen=True)
class Piece:
    """A file of latents, and which of a run's it stands for. In a list of pieces a later one wins."""

    file: str
    """`latents.001.safetensors`, within the take's directory."""
    run: int
    """Which of the take's frame ranges, from 0."""
    first: int
    last: int
    """Latents of the run's timeline, both inclusive. The file may hold more after them: what the next window of this
    take was anchored to."""

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class LatentSlice:
    """Latents of one run, one after another."""

    latents: NDArray[np.float16]
    """(3, C, n, h, w): edit, alpha, composite."""
    seeds: tuple[int, ...]
    """The seed of each latent's noise, n of them."""


def latents_file(number: int) -> str:
    """`latents.001.safetensors`."""
    return f"latents.{number:03d}.safetensors"


def next_number(pieces: Iterable[Piece]) -> int:
    """The first number above those that pieces have."""
    return max((int(piece.file.split(".")[1]) for piece in pieces), default=0) + 1


def write_latents(path: Path, run: int, first: int, made: LatentSlice) -> None:
    """Writes what a window made, whole or not at all, each branch as (C, n, h, w) float16.

    Raises:
        DiskFull, FolderNotWritable, FileNotWritten
    """
    metadata = {"run": str(run), "first": str(first), "seeds": " ".join(map(str, made.seeds))}
    write_tensors(path, dict(zip(BRANCHES, made.latents, strict=True)), metadata)


class Timeline:
    """The latents of one run, in the pieces that a directory has of them.

    Args:
        directory: Where the files lie.
        pieces: Of any runs; a later one wins.
        run: Which one this is about.
    """

    def __init__(self, directory: Path, pieces: Iterable[Piece], run: int) -> None:
        self._directory = directory
        self._pieces = [piece for piece in pieces if piece.run == run]

    def read(self, first: int, last: int) -> LatentSlice:
        """The latents `first` to `last`, inclusive.

        Raises:
            LatentsMissing: No piece has one of them.
            TensorsDamaged: A piece's file is damaged, or not there.
        """
        count = last - first + 1
        latents: NDArray[np.float16] | None = None
        seeds: list[int | None] = [None] * count
        for piece in self._pieces:
            start, stop = max(first, piece.first), min(last, piece.last) + 1
            if start >= stop:
                continue
            held, held_first = _read_file(self._directory / piece.file)
            if latents is None:
                latents = np.zeros((*held.latents.shape[:2], count, *held.latents.shape[3:]), np.float16)
            _check_fits(piece, held, held_first, latents.shape, self._directory)
            latents[:, :, start - first : stop - first] = held.latents[:, :, start - held_first : stop - held_first]
            seeds[start - first : stop - first] = held.seeds[start - held_first : stop - held_first]
        known = tuple(seed for seed in seeds if seed is not None)
        if latents is None or len(known) < count:
            missing = [first + i for i, seed in enumerate(seeds) if seed is None]
            raise LatentsMissing("The timeline has no such latents.", argument="latents", value=missing)
        return LatentSlice(latents, known)


def _read_file(path: Path) -> tuple[LatentSlice, int]:
    """A file's latents, and the place of the first of them in the timeline."""
    arrays, metadata = read_tensors(path)
    try:
        latents = np.stack([arrays[branch] for branch in BRANCHES]).astype(np.float16, casting="safe")
        return LatentSlice(latents, tuple(map(int, metadata["seeds"].split()))), int(metadata["first"])
    except (KeyError, ValueError, TypeError) as error:
        raise _no_latents(path, str(error)) from error


def _check_fits(piece: Piece, held: LatentSlice, held_first: int, shape: Sequence[int], directory: Path) -> None:
    """Raises `TensorsDamaged` where a file does not have the latents that its piece stands for."""
    found = held.latents.shape
    if len(found) != 5 or (*found[:2], *found[3:]) != (*shape[:2], *shape[3:]) or len(held.seeds) != found[2]:
        raise _no_latents(directory / piece.file, f"of shape {found}, with {len(held.seeds)} seeds")
    if not held_first <= piece.first <= piece.last < held_first + found[2]:
        raise _no_latents(directory / piece.file, f"it has {found[2]} from {held_first} on, not {piece}")


def _no_latents(path: Path, how: str) -> TensorsDamaged:
    return TensorsDamaged(
        f"These are not the latents that were to be here: {how}.",
        argument="path",
        value=path,
        remedy="Make the take again.",
    )
