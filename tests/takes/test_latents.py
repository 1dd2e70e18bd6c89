"""Latents on disk: a timeline of pieces, of which a later one wins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vera_engine.takes.latents import (
    LatentSlice,
    LatentsMissing,
    Piece,
    Timeline,
    latents_file,
    next_number,
    write_latents,
)
from vera_engine.takes.tensors import TensorsDamaged, write_tensors


def slice_of(*values: float, seed: int = 7) -> LatentSlice:
    """Latents of 2 channels, 2x3, whose branches are the value, the value + 0.25 and the value + 0.5."""
    latents = np.empty((3, 2, len(values), 2, 3), np.float16)
    for branch, offset in enumerate((0, 0.25, 0.5)):
        latents[branch] = (np.array(values) + offset).reshape(1, -1, 1, 1)
    return LatentSlice(latents, (seed,) * len(values))


def put(folder: Path, number: int, run: int, first: int, made: LatentSlice, *, last: int | None = None) -> Piece:
    write_latents(folder / latents_file(number), run, first, made)
    return Piece(latents_file(number), run, first, first + len(made.seeds) - 1 if last is None else last)


def values(read: LatentSlice) -> list[float]:
    """The edit branch's value of each latent."""
    assert np.array_equal(read.latents[1], read.latents[0] + np.float16(0.25))
    assert np.array_equal(read.latents[2], read.latents[0] + np.float16(0.5))
    return read.latents[0, 0, :, 0, 0].tolist()


def test_pieces_make_one_timeline_and_the_later_one_wins(tmp_path: Path) -> None:
    pieces = [
        put(tmp_path, 1, 0, 0, slice_of(0, 1, 2, 3, 4)),
        put(tmp_path, 2, 0, 3, slice_of(30, 40, 50, seed=8)),
        put(tmp_path, 3, 0, 1, slice_of(100, seed=9)),
    ]
    read = Timeline(tmp_path, pieces, 0).read(0, 5)
    assert values(read) == [0, 100, 2, 30, 40, 50]
    assert read.seeds == (7, 9, 7, 8, 8, 8)
    assert values(Timeline(tmp_path, pieces, 0).read(2, 3)) == [2, 30]


def test_bits_come_back(tmp_path: Path) -> None:
    made = LatentSlice(np.random.default_rng(1).normal(size=(3, 2, 4, 2, 3)).astype(np.float16), (2**63 - 1, 0, 1, 2))
    read = Timeline(tmp_path, [put(tmp_path, 1, 0, 5, made)], 0).read(6, 7)
    assert read.latents.tobytes() == np.ascontiguousarray(made.latents[:, :, 1:3]).tobytes()
    assert read.seeds == (0, 1)


def test_what_a_file_holds_beyond_its_piece_is_not_read(tmp_path: Path) -> None:
    pieces = [put(tmp_path, 1, 0, 0, slice_of(0, 1, 2, 3), last=1), put(tmp_path, 2, 0, 3, slice_of(30))]
    with pytest.raises(LatentsMissing) as caught:
        Timeline(tmp_path, pieces, 0).read(0, 3)
    assert caught.value.value == "[2]"


def test_ranges_have_timelines_of_their_own(tmp_path: Path) -> None:
    pieces = [put(tmp_path, 1, 0, 0, slice_of(0, 1)), put(tmp_path, 2, 1, 0, slice_of(5, 6))]
    assert values(Timeline(tmp_path, pieces, 0).read(0, 1)) == [0, 1]
    assert values(Timeline(tmp_path, pieces, 1).read(0, 1)) == [5, 6]
    with pytest.raises(LatentsMissing):
        Timeline(tmp_path, pieces, 2).read(0, 0)


def test_numbers_go_on_above_those_of_a_base() -> None:
    assert next_number([]) == 1
    assert next_number([Piece("latents.012.safetensors", 0, 0, 1), Piece("latents.003.safetensors", 0, 0, 1)]) == 13
    assert latents_file(1000) == "latents.1000.safetensors"
    assert next_number([Piece("latents.1000.safetensors", 0, 0, 0)]) == 1001


def test_a_file_that_is_gone_damaged_or_another_is_refused(tmp_path: Path) -> None:
    piece = put(tmp_path, 1, 0, 0, slice_of(0, 1))
    path = tmp_path / piece.file
    for change in (
        lambda: path.write_bytes(path.read_bytes()[:-1]),
        path.unlink,
        lambda: write_tensors(path, {"edit": np.zeros((2, 2, 2, 3), np.float16)}, {"first": "0", "seeds": "7 7"}),
        lambda: write_latents(path, 0, 1, slice_of(1, 2)),
        lambda: write_latents(path, 0, 0, slice_of(0)),
        lambda: write_latents(path, 0, 0, LatentSlice(slice_of(0, 1).latents, (7,))),
    ):
        change()
        with pytest.raises(TensorsDamaged) as caught:
            Timeline(tmp_path, [piece], 0).read(0, 1)
        assert caught.value.value == str(path)


def test_pieces_of_other_sizes_do_not_mix(tmp_path: Path) -> None:
    pieces = [put(tmp_path, 1, 0, 0, slice_of(0, 1))]
    write_latents(tmp_path / latents_file(2), 0, 1, LatentSlice(np.zeros((3, 2, 1, 2, 4), np.float16), (7,)))
    with pytest.raises(TensorsDamaged, match="shape"):
        Timeline(tmp_path, [*pieces, Piece(latents_file(2), 0, 1, 1)], 0).read(0, 1)
