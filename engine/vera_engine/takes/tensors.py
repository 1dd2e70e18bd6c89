"""Arrays as safetensors files that know their own checksum: what is damaged or cut off is never taken for whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from vera_engine.errors import FailedPrecondition
from vera_engine.plates.disk import write_file

RECORD = "vera_edit"
"""The one key of the file's metadata: safetensors writes several in no fixed order, and the same arrays would give
other bytes."""

Arrays = Mapping[str, NDArray[np.generic]]


class TensorsDamaged(FailedPrecondition):
    """A file of arrays that cannot be read, is cut off, or does not match its own checksum."""


def write_tensors(path: Path, arrays: Arrays, metadata: Mapping[str, str]) -> None:
    """Writes arrays and a few words about them, whole or not at all.

    Args:
        path: Where to; replaced where it exists.
        arrays: By name, of any shape and of a type that safetensors knows.
        metadata: Kept beside them.

    Raises:
        DiskFull, FolderNotWritable, FileNotWritten
    """
    dense = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
    record = {"metadata": dict(metadata), "sha256": _checksum(dense, metadata)}
    write_file(path, save(dense, {RECORD: json.dumps(record, sort_keys=True)}))


def read_tensors(path: Path) -> tuple[dict[str, NDArray[np.generic]], dict[str, str]]:
    """The arrays of `write_tensors` and the metadata, as they were given.

    Raises:
        TensorsDamaged: The file is not there, or is not what was written.
    """
    try:
        content = path.read_bytes()
        arrays: dict[str, NDArray[np.generic]] = load(content)
        record = _record(content)
        metadata: dict[str, str] = record["metadata"]
        is_whole = record["sha256"] == _checksum(arrays, metadata)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, f"it cannot be read ({error})") from error
    if not is_whole:
        raise _damaged(path, "it is not what was written")
    return arrays, metadata


def _record(content: bytes) -> dict[str, Any]:
    """As safetensors lays it down: eight bytes of length, then a JSON object with `__metadata__` in it."""
    length = int.from_bytes(content[:8], "little")
    return dict(json.loads(json.loads(content[8 : 8 + length])["__metadata__"][RECORD]))


def _checksum(arrays: Arrays, metadata: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name, array in sorted(arrays.items()):
        digest.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _damaged(path: Path, how: str) -> TensorsDamaged:
    return TensorsDamaged(
        f"This file is damaged: {how}.", argument="path", value=path, remedy="It has to be made again."
    )
