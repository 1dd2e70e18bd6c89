"""Files of arrays: their bits come back, and nothing else is ever taken for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from vera_engine.takes.tensors import TensorsDamaged, read_tensors, write_tensors

ARRAYS = {
    "edit": np.array([[1.5, np.nan], [-0.0, np.inf]], np.float16),
    "alpha": np.arange(6, dtype=np.float32).reshape(1, 2, 3),
    "none": np.zeros((0, 3), np.float32),
}


def test_arrays_and_words_come_back_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "latents.001.safetensors"
    write_tensors(path, ARRAYS, {"seed": "7", "words": "Übergang"})
    arrays, metadata = read_tensors(path)
    assert metadata == {"seed": "7", "words": "Übergang"}
    assert {name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items()} == {
        name: (array.dtype, array.shape, array.tobytes()) for name, array in ARRAYS.items()
    }
    with safe_open(path, "numpy") as file:  # any other program reads it too
        assert sorted(file.keys()) == ["alpha", "edit", "none"]
        assert file.get_tensor("alpha").tolist() == ARRAYS["alpha"].tolist()


def test_the_same_arrays_are_the_same_bytes(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a", ARRAYS, {"seed": "7", "run": "0"})
    write_tensors(tmp_path / "b", dict(reversed(ARRAYS.items())), {"run": "0", "seed": "7"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_array_that_is_a_view_is_written_as_it_looks(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4).T[::2]
    write_tensors(tmp_path / "a", {"a": array}, {})
    assert read_tensors(tmp_path / "a")[0]["a"].tolist() == [[0, 4, 8], [2, 6, 10]]


def test_any_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"a": np.arange(4, dtype=np.float16)}, {"seed": "7"})
    content = path.read_bytes()
    read = 0
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        try:
            arrays, metadata = read_tensors(path)
        except TensorsDamaged:
            continue
        read += 1  # white space around the header is all that may change
        assert arrays["a"].tolist() == [0, 1, 2, 3]
        assert metadata == {"seed": "7"}
    assert read < 8


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_file_that_is_cut_off_is_noticed(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"a": np.arange(400, dtype=np.float16)}, {})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(TensorsDamaged) as caught:
        read_tensors(path)
    assert caught.value.value == str(path)


def test_what_is_not_there_or_has_no_checksum_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TensorsDamaged, match="No such file"):
        read_tensors(tmp_path / "gone")
    (tmp_path / "a").write_bytes(save({"a": np.zeros(2, np.float32)}, {"seed": "7"}))
    (tmp_path / "b").write_bytes(save({"a": np.zeros(2, np.float32)}))
    for name in ("a", "b"):
        with pytest.raises(TensorsDamaged):
            read_tensors(tmp_path / name)
