"""Files are whole or not there, and what the system refuses is said in an artist's words."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vera_engine.plates.disk import DiskFull, FileNotWritten, FolderNotWritable, replacing, write_error, write_file

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from vera_engine.plates.disk import replacing

with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half of the n")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    write_file(path, b"one")
    write_file(path, b"")
    assert path.read_bytes() == b""
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_that_is_killed_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    write_file(path, b"one")
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(path)], check=False)
    assert killed.returncode == -9
    assert path.read_bytes() == b"one"
    write_file(path, b"two")  # what it left beside the file is in nobody's way
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"two"


def test_what_fails_inside_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    write_file(path, b"one")

    def write_and_fail() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"two")
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EBADF, errno.ENOTSUP])
def test_a_file_system_that_does_not_sync_folders_has_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    sync = os.fsync

    def sync_files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync_files_only)
    write_file(tmp_path / "progress.json", b"one")
    assert (tmp_path / "progress.json").read_bytes() == b"one"

    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(FileNotWritten):
        write_file(tmp_path / "progress.json", b"two")
    assert (tmp_path / "progress.json").read_bytes() == b"one"


def test_a_real_full_disk_is_said() -> None:
    with pytest.raises(OSError, match="No space") as caught:
        Path("/dev/full").write_bytes(b"x" * 100_000)
    error = write_error(Path("/takes/hero/v001.partial/layers.1001.exr"), caught.value)
    assert isinstance(error, DiskFull)
    assert error.argument == "take_root"
    assert "kept" in error.remedy


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EDQUOT, DiskFull),
        (errno.EROFS, FolderNotWritable),
        (errno.ENOENT, FolderNotWritable),
        (errno.ESTALE, FileNotWritten),  # a network share that went away
        (errno.EIO, FileNotWritten),
    ],
)
def test_what_the_system_says_becomes_a_typed_error(number: int, kind: type[Exception]) -> None:
    error = write_error(Path("/takes/f"), OSError(number, os.strerror(number)))
    assert type(error) is kind
    assert os.strerror(number) in error.reason
    assert error.value == "/takes/f"
    assert error.remedy
