"""What the engine still knows after it was killed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest

from vera_engine.takes.database import StateDirNewer, TakeDatabase, TakeNotFound
from vera_engine.takes.take import FrameWritten, QueuedAt, StateChanged, TakeState


@pytest.fixture
def path(tmp_path):
    return tmp_path / "engine.sqlite3"


@pytest.fixture
def database(path):
    database = TakeDatabase(path)
    yield database
    database.close()


def test_takes_and_events_are_there_after_the_process_was_killed(path, tmp_path):
    script = f"""
import os, signal
from pathlib import Path
from vera_engine.plates.frames import FrameRange
from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.request import EditType, PlateReference, TakeRequest, TakeSettings
from vera_engine.takes.take import QueuedAt, StateChanged, Take, TakeState

database = TakeDatabase(Path({str(path)!r}))
request = TakeRequest("hero", EditType.ADD, "a ball", FrameRange(1, 2), PlateReference("/p.####.exr"))
settings = TakeSettings(1, 2, 3.0)
take = Take("t1", "r1", "v001", TakeState.QUEUED, request, settings, Path("/takes/hero/v001"), 1.0)
database.add(take)
database.add_event("t1", StateChanged(take))
database.add_event("t1", QueuedAt(1))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    database = TakeDatabase(path)
    (take,) = database.unfinished()
    assert (take.take_id, take.request.prompt) == ("t1", "a ball")
    assert database.events("t1", 0) == [(1, StateChanged(take)), (2, QueuedAt(1))]
    database.close()


def test_events_count_up_by_one_within_each_take(database, reserved_take):
    first, second = reserved_take(), reserved_take()
    database.add(first)
    database.add(second)
    sequences = [
        database.add_event(take.take_id, FrameWritten(frame)) for frame in (1001, 1002) for take in (first, second)
    ]
    assert sequences == [1, 1, 2, 2]
    assert database.events(first.take_id, 1) == [(2, FrameWritten(1002))]
    assert database.events(first.take_id, 2) == []


def test_a_change_of_state_is_kept_with_its_event(database, reserved_take):
    take = reserved_take()
    database.add(take)
    database.add_event(take.take_id, StateChanged(replace(take, state=TakeState.CANCELLED)))
    assert database.get(take.take_id).state is TakeState.CANCELLED
    assert database.unfinished() == []


def test_takes_come_in_the_order_they_were_made(database, reserved_take):
    takes = [reserved_take(node_id=node) for node in ("b", "a", "b")]
    for take in takes:
        database.add(take)
    assert [take.take_id for take in database.takes()] == [take.take_id for take in takes]
    assert [take.take_id for take in database.unfinished()] == [take.take_id for take in takes]


def test_a_request_id_makes_one_take(database, reserved_take):
    take = reserved_take()
    database.add(take)
    assert database.find_request(take.request_id) == take
    assert database.find_request("another") is None
    with pytest.raises(sqlite3.IntegrityError):
        database.add(replace(reserved_take(), request_id=take.request_id))


def test_of_a_deleted_take_only_its_version_number_stays(database, reserved_take):
    take = replace(reserved_take(), version="v012")
    database.add(take)
    database.add_event(take.take_id, QueuedAt(1))
    database.delete(take.take_id)
    assert (database.takes(), database.events(take.take_id, 0)) == ([], [])
    assert database.last_version(take.directory.parent) == 12
    assert database.last_version(take.directory.parent.with_name("other")) == 0
    with pytest.raises(TakeNotFound) as caught:
        database.get(take.take_id)
    assert caught.value.value == take.take_id


def test_records_of_a_newer_engine_are_refused(path):
    TakeDatabase(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(StateDirNewer, match="version 2; this engine knows up to 1"):
        TakeDatabase(path)
