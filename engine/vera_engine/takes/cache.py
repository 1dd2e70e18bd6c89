"""What was computed before and is kept by what it was made of: text embeddings, plate latents.

A key is the hash of all that went in, so an entry is right for as long as it is there and never has to be renewed.
Entries are safetensors files with a checksum of their own; a damaged one is dropped, and so made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import VeraEditError
from vera_engine.takes.tensors import TensorsDamaged, read_tensors, write_tensors

if sys.platform != "win32":
    import fcntl

LARGEST_BYTES = 4_000_000_000
SECONDS_TO_WRITE = 3600.0
"""A file that is not whole by then was left by a process that was killed."""
SUFFIX = ".safetensors"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheSize:
    """What lies in the cache."""

    entries: int
    bytes: int


def key_of(kind: str, *parts: object) -> str:
    """The key of what was made from `parts` (JSON values) alone: a hexadecimal hash after its kind."""
    return f"{kind}-{hashlib.sha256(json.dumps([kind, *parts], sort_keys=True).encode()).hexdigest()}"


class ContentCache:
    """Arrays by key in a folder, at most so many bytes of them: the least recently used go first.

    Several processes may use one folder. An entry that somebody holds is never removed.

    Args:
        folder: Made where it is not there.
        largest_bytes: Of all entries together.
    """

    def __init__(self, folder: Path, largest_bytes: int = LARGEST_BYTES) -> None:
        self._folder = folder
        self._largest_bytes = largest_bytes

    def get(self, key: str) -> dict[str, NDArray[np.generic]] | None:
        """The arrays of `put`, bit for bit; None where they are not there, or were damaged and are dropped now."""
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            arrays, _ = read_tensors(path)
        except TensorsDamaged as error:
            log.warning("the cache's %s: %s It is dropped.", path.name, error.reason)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):  # another process removed it meanwhile
            os.utime(path)
        return arrays

    def put(self, key: str, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Keeps arrays, and removes what has to go for them; more than fits into the cache is not kept.

        A disk that refuses them is no failure: it is logged.
        """
        if sum(array.nbytes for array in arrays.values()) > self._largest_bytes:
            return
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_tensors(path, arrays, {})
        except (OSError, VeraEditError) as error:
            log.warning("nothing is kept in the cache: %s", error)
            return
        with self.holding(key):
            self._trim(self._largest_bytes)

    @contextlib.contextmanager
    def holding(self, *keys: str) -> Iterator[None]:
        """Entries of these keys that are there are not removed by any process while the block runs, however it ends."""
        with contextlib.ExitStack() as held:
            for key in keys:
                with contextlib.suppress(OSError):
                    file = held.enter_context(self._path(key).open("rb"))
                    if sys.platform != "win32":  # there, an open file cannot be removed
                        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            yield

    def size(self) -> CacheSize:
        """What lies there now."""
        sizes = [status.st_size for _, status in self._entries()]
        return CacheSize(len(sizes), sum(sizes))

    def sizes(self) -> dict[str, CacheSize]:
        """What lies there now, by the kind that keys begin with."""
        sizes: dict[str, CacheSize] = {}
        for path, status in self._entries():
            kind = path.name.partition("-")[0]
            before = sizes.get(kind, CacheSize(0, 0))
            sizes[kind] = CacheSize(before.entries + 1, before.bytes + status.st_size)
        return sizes

    def clear(self) -> CacheSize:
        """Removes all that nobody holds; returns what is left."""
        self._trim(0)
        return self.size()

    def _trim(self, largest_bytes: int) -> None:
        for path in self._folder.glob(f"*{SUFFIX}.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > SECONDS_TO_WRITE:
                    path.unlink()
        entries = sorted(self._entries(), key=lambda entry: entry[1].st_mtime_ns)
        total = sum(status.st_size for _, status in entries)
        for path, status in entries:
            if total <= largest_bytes:
                return
            if _remove_unless_held(path):
                total -= status.st_size

    def _entries(self) -> list[tuple[Path, os.stat_result]]:
        entries = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):  # removed by another process since it was listed
                entries.append((path, path.stat()))
        return entries

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{SUFFIX}"


def _remove_unless_held(path: Path) -> bool:
    """Removes a file that nobody holds; True where it is gone."""
    try:
        with contextlib.ExitStack() as opened:
            if sys.platform != "win32":  # there, removing a file that is open fails by itself
                fcntl.flock(opened.enter_context(path.open("rb")), fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except OSError:
        return not path.exists()
    return True
