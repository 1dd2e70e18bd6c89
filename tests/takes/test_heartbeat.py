"""Who works on a take is said in its folder, and found out by others."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vera_engine.plates.disk import FolderNotWritable
from vera_engine.takes import heartbeat
from vera_engine.takes.heartbeat import HEARTBEAT_NAME, Heartbeat, TakeHeldElsewhere, check_free, engine_id

BEATS = """
import sys, time
from pathlib import Path
from vera_engine.takes.heartbeat import Heartbeat

with Heartbeat(Path(sys.argv[1]), "take", "theirs"):
    print("beats", flush=True)
    time.sleep(600)
"""


def write(folder: Path, seconds_ago: float = 0, **fields: object) -> Path:
    """A heartbeat as an engine on another machine leaves it."""
    path = folder / HEARTBEAT_NAME
    said = {"host": "far", "process_id": 1, "take_id": "take", "engine_id": "theirs", "time": 0.0, **fields}
    path.write_text(json.dumps(said))
    then = time.time() - seconds_ago
    os.utime(path, (then, then))
    return path


def test_the_folder_says_who_works_in_it_and_nothing_afterwards(tmp_path: Path) -> None:
    with Heartbeat(tmp_path, "take", "ours") as heart:
        heart.check()
        said = json.loads((tmp_path / HEARTBEAT_NAME).read_text())
        assert (said["host"], said["process_id"], said["take_id"], said["engine_id"]) == (
            socket.gethostname(),
            os.getpid(),
            "take",
            "ours",
        )
        assert abs(time.time() - said["time"]) < 60
    assert list(tmp_path.iterdir()) == []


def test_another_engine_that_lives_is_not_disturbed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", BEATS, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"beats\n"
        before = (tmp_path / HEARTBEAT_NAME).read_bytes()
        with pytest.raises(TakeHeldElsewhere, match=f"process {other.pid}"):
            check_free(tmp_path, "ours")
        with pytest.raises(TakeHeldElsewhere), Heartbeat(tmp_path, "take", "ours"):
            pass
        assert (tmp_path / HEARTBEAT_NAME).read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == [HEARTBEAT_NAME]
        check_free(tmp_path, "theirs")  # one engine has one worker: this one is known to be gone
        other.kill()
        other.wait()
    check_free(tmp_path, "ours")  # a process of this machine that is gone
    with Heartbeat(tmp_path, "take", "ours"):
        assert json.loads((tmp_path / HEARTBEAT_NAME).read_text())["engine_id"] == "ours"


def test_a_machine_that_was_silent_for_a_minute_is_gone(tmp_path: Path) -> None:
    write(tmp_path, seconds_ago=50)
    with pytest.raises(TakeHeldElsewhere, match="on far"):
        check_free(tmp_path, "ours")
    write(tmp_path, seconds_ago=70)
    check_free(tmp_path, "ours")


def test_a_copy_of_the_state_folder_on_another_machine_is_another_engine(tmp_path: Path) -> None:
    write(tmp_path, engine_id="ours")
    with pytest.raises(TakeHeldElsewhere, match="on far"):
        check_free(tmp_path, "ours")
    write(tmp_path, engine_id="ours", host=socket.gethostname(), process_id=os.getppid())
    check_free(tmp_path, "ours")


def test_a_heartbeat_that_is_not_whole_yet_is_somebodys(tmp_path: Path) -> None:
    path = tmp_path / HEARTBEAT_NAME
    path.write_bytes(b'{"host": "fa')
    with pytest.raises(TakeHeldElsewhere):
        check_free(tmp_path, "ours")
    os.utime(path, (0, 0))
    check_free(tmp_path, "ours")


def test_a_take_that_was_taken_over_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "SECONDS_BETWEEN_BEATS", 0.01)
    with Heartbeat(tmp_path, "take", "ours") as heart:
        path = tmp_path / HEARTBEAT_NAME
        first = path.stat().st_mtime_ns
        deadline = time.monotonic() + 60
        while path.stat().st_mtime_ns == first:  # it beats
            assert time.monotonic() < deadline
            time.sleep(0.01)
        theirs = json.dumps({"host": "far", "process_id": 1, "take_id": "take", "engine_id": "theirs"}).encode()
        while True:
            path.write_bytes(theirs)  # more than once, for the case that it was beating just then
            time.sleep(0.05)
            try:
                heart.check()
            except TakeHeldElsewhere:
                break
            assert time.monotonic() < deadline
    assert path.read_bytes() == theirs


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(FolderNotWritable), Heartbeat(tmp_path / "gone", "take", "ours"):
        pass


def test_an_engine_keeps_its_name(tmp_path: Path) -> None:
    ours = engine_id(tmp_path)
    assert engine_id(tmp_path) == ours
    (tmp_path / "other").mkdir()
    assert engine_id(tmp_path / "other") != ours


def test_a_heart_goes_on_beating_after_a_share_was_gone_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "SECONDS_BETWEEN_BEATS", 0.01)
    path, read_bytes, failed = tmp_path / HEARTBEAT_NAME, Path.read_bytes, []

    def flaky(file: Path) -> bytes:
        if len(failed) < 3:
            failed.append(file)
            raise OSError(errno.ESTALE, "Stale file handle", str(file))
        return read_bytes(file)

    with Heartbeat(tmp_path, "take", "ours"):
        monkeypatch.setattr(Path, "read_bytes", flaky)
        deadline = time.monotonic() + 60
        while len(failed) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        last = path.stat().st_mtime_ns
        while path.stat().st_mtime_ns == last:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert not path.exists()
