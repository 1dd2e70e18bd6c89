"""The cache: right or empty, never too large, never without what somebody uses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vera_engine.takes.cache import CacheSize, ContentCache, key_of

HOLDS = """
import sys, time
from pathlib import Path
from vera_engine.takes.cache import ContentCache

with ContentCache(Path(sys.argv[1])).holding(*sys.argv[2:]):
    print("holds", flush=True)
    time.sleep(600)
"""


def arrays(value: int, count: int = 1000) -> dict[str, np.ndarray]:
    return {"latents": np.full(count, value, np.uint8)}


def used(folder: Path, key: str, when: int) -> None:
    """As if the entry had been used so many nanoseconds after 1970: clocks of file systems are coarse."""
    os.utime(folder / f"{key}.safetensors", ns=(when, when))


def entry_bytes(tmp_path: Path) -> int:
    """What an entry of `arrays` takes on the disk."""
    cache = ContentCache(tmp_path / "measured")
    cache.put("a", arrays(1))
    return cache.size().bytes


def test_what_was_put_comes_back_bit_for_bit(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path / "not" / "there")
    assert cache.get("text-a") is None
    assert cache.size() == CacheSize(0, 0)
    put = {"states": np.array([[0.1, -0.0], [np.nan, 3]], np.float32)}
    cache.put("text-a", put)
    got = cache.get("text-a")
    assert got is not None
    assert got["states"].tobytes() == put["states"].tobytes()
    assert got["states"].shape == (2, 2)


def test_keys_tell_all_parts_apart() -> None:
    keys = [
        key_of("text", "ab", "c"),
        key_of("text", "a", "bc"),
        key_of("plate", "ab", "c"),
        key_of("text", ["ab", "c"]),
        key_of("text", "ab", "c", None),
    ]
    assert len(set(keys)) == len(keys)
    assert key_of("text", {"a": 1, "b": 2}) == key_of("text", {"b": 2, "a": 1})


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    each = entry_bytes(tmp_path)
    folder = tmp_path / "cache"
    cache = ContentCache(folder, largest_bytes=3 * each)
    for number, key in enumerate("abc", start=1):
        cache.put(key, arrays(number))
        used(folder, key, number)
    assert cache.get("a") is not None  # now b is the one used longest ago
    cache.put("d", arrays(4))
    assert [cache.get(key) is not None for key in "abcd"] == [True, False, True, True]
    assert cache.size() == CacheSize(3, 3 * each)


def test_what_is_larger_than_the_cache_is_not_kept_and_moves_nothing(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path, largest_bytes=5000)
    cache.put("a", arrays(1))
    cache.put("b", arrays(2, count=5001))
    assert cache.get("a") is not None
    assert cache.get("b") is None


def test_what_another_process_holds_is_not_removed(tmp_path: Path) -> None:
    each = entry_bytes(tmp_path)
    folder = tmp_path / "cache"
    cache = ContentCache(folder, largest_bytes=2 * each)
    cache.put("a", arrays(1))
    cache.put("b", arrays(2))
    used(folder, "a", 1)
    used(folder, "b", 2)
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(folder), "a", "gone"], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"holds\n"
        cache.put("c", arrays(3))
        assert [cache.get(key) is not None for key in "abc"] == [True, False, True]
        assert cache.clear() == CacheSize(1, each)
        holder.kill()  # whoever dies holds nothing
    assert cache.clear() == CacheSize(0, 0)


def test_what_this_process_holds_is_not_removed(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path)
    cache.put("a", arrays(1))
    with cache.holding("a"):
        assert cache.clear().entries == 1
    assert cache.clear().entries == 0


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_entry_is_dropped_and_made_again(tmp_path: Path, damage: str) -> None:
    cache = ContentCache(tmp_path)
    cache.put("a", arrays(1))
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes({"flip": bytes(content), "cut": bytes(content[:-1]), "empty": b""}[damage])
    assert cache.get("a") is None
    assert cache.size().entries == 0
    cache.put("a", arrays(1))
    assert cache.get("a") is not None


def test_what_a_killed_writer_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path)
    for name in ("old", "new"):
        (tmp_path / f"{name}.safetensors.tmp").write_bytes(b"half")
    os.utime(tmp_path / "old.safetensors.tmp", (0, 0))
    assert cache.clear() == CacheSize(0, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["new.safetensors.tmp"]


def test_a_folder_that_cannot_be_made_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = ContentCache(tmp_path / "file" / "cache")
    cache.put("a", arrays(1))
    assert cache.get("a") is None
    assert cache.clear() == CacheSize(0, 0)
