"""The records of an older engine are taken over, those of a newer one refused."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from vera_engine.plates.frames import FrameRange, FrameSet
from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.events import FrameWritten, QueuedAt, StateChanged, StepDone
from vera_engine.takes.request import EditType
from vera_engine.takes.schema import RecordsDamaged, StateDirNewer
from vera_engine.takes.take import LaneKind, Notes, TakeState

VERSION_1 = """
CREATE TABLE takes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    take_id TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL UNIQUE,
    node_folder TEXT NOT NULL,
    version_number INTEGER NOT NULL,
    is_final INTEGER NOT NULL,
    is_deleted INTEGER NOT NULL DEFAULT 0,
    data TEXT NOT NULL
);
CREATE TABLE events (
    take_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (take_id, sequence)
) WITHOUT ROWID;
CREATE INDEX takes_by_node ON takes (node_folder);
PRAGMA user_version = 1;
"""


def take_of_version_1(take_id: str, version: str, state: str) -> dict[str, object]:
    return {
        "take_id": take_id,
        "request_id": f"request {take_id}",
        "version": version,
        "state": state,
        "request": {
            "node_id": "hero",
            "edit_type": "add",
            "prompt": "a red ball",
            "frames": {"first_frame": 1001, "last_frame": 1013},
            "plate": {"path": "/p.####.exr", "frame_offset": 0, "color_space": "acescg", "upload_id": "ab"},
            "mask": None,
            "settings": {"seed": None, "num_inference_steps": None, "guidance_scale": None},
            "take_root": "/takes",
            "write_comp": False,
        },
        "settings": {"seed": 7, "num_inference_steps": 12, "guidance_scale": 1.0},
        "directory": f"/takes/hero/{version}",
        "created_at": 100.5,
        "started_at": None,
        "attempts": 1,
        "cancel_requested": False,
        "seconds": {"total": 4.0, "queued": 1.0, "model": 2.0, "pixels": 1.0},
        "warnings": ["mind"],
        "error": None,
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file as version 1 left it: a finished take with its events, one that waits, and a deleted one."""
    path = tmp_path / "engine.sqlite3"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(VERSION_1)
    takes = [("done", "v001", "finished", 1, 0), ("waits", "v002", "queued", 0, 0), ("gone", "v007", "failed", 1, 1)]
    for take_id, version, state, is_final, is_deleted in takes:
        data = json.dumps(take_of_version_1(take_id, version, state))
        connection.execute(
            "INSERT INTO takes (take_id, request_id, node_folder, version_number, is_final, is_deleted, data)"
            " VALUES (?, ?, '/takes/hero', ?, ?, ?, ?)",
            (take_id, f"request {take_id}", int(version[1:]), is_final, is_deleted, data),
        )
    events = [
        {"event": "state_changed", "take": take_of_version_1("done", "v001", "queued")},
        {"event": "queued_at", "place": 1},
        {"event": "step_done", "step": 1, "step_count": 1, "window": 1, "window_count": 1, "seconds_per_step": 0.5},
        {"event": "frame_written", "frame": 1001},
    ]
    for sequence, event in enumerate(events, start=1):
        connection.execute("INSERT INTO events VALUES ('done', ?, ?)", (sequence, json.dumps(event)))
    connection.close()
    return path


def test_takes_and_events_of_version_1_are_taken_over(path):
    database = TakeDatabase(path)
    done, waits = database.takes()
    assert (done.take_id, done.state, done.worker_deaths, done.notes) == ("done", TakeState.FINISHED, 0, Notes())
    assert done.frames == done.request.frames == FrameSet.parse("1001-1013")
    assert (done.request.edit_type, done.request.base, done.request.handles) == (EditType.ADD, None, 0)
    assert (done.finished_frames, waits.finished_frames) == ((FrameRange(1001, 1013),), ())
    assert done.window_latents == (4,)
    assert (done.seconds.total, done.warnings, done.created_at) == (4.0, ("mind",), 100.5)
    first, *others = database.events("done", 0)
    assert first == (1, StateChanged(first[1].take))
    assert first[1].take.state is TakeState.QUEUED
    assert others == [(2, QueuedAt(1)), (3, StepDone(1, 1, 1, 1, 0.5, 0.0)), (4, FrameWritten(1001))]
    assert database.unfinished() == ["waits"]
    assert database.next_in_turn(LaneKind.MODEL) == waits
    assert database.next_in_turn(LaneKind.FINISH) is None
    assert database.find_request("request gone").take_id == "gone"
    assert not database.knows("gone")
    assert database.last_version(Path("/takes/hero")) == 7
    assert database.uploads_in_use() == {"ab"}
    database.close()


def test_what_was_taken_over_stays_so_and_goes_on(path, reserved_take):
    TakeDatabase(path).close()
    database = TakeDatabase(path)
    assert len(database.takes()) == 2
    assert database.add_event("done", FrameWritten(1002)) == 5
    new = reserved_take()
    database.add(new)
    assert database.unfinished() == ["waits", new.take_id]
    assert database.work_before(new.take_id, running=None) == (1, [("4x0x0x1", 12.0)])
    database.close()
    tables = sqlite3.connect(path).execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert {name for (name,) in tables} == {"takes", "events", "paces", "sqlite_sequence"}


def test_takes_of_version_2_wait_for_the_model(tmp_path, reserved_take):
    path = tmp_path / "engine.sqlite3"
    database = TakeDatabase(path)
    waits = reserved_take()
    database.add(waits)
    database.close()
    connection = sqlite3.connect(path)  # as version 2 left it: no lanes
    connection.executescript(
        "DROP INDEX takes_waiting; ALTER TABLE takes DROP COLUMN lane; PRAGMA user_version = 2;"
        "CREATE INDEX takes_waiting ON takes (priority DESC, turn, step_size, step_count, take_id)"
        " WHERE NOT is_final AND NOT is_deleted;"
    )
    connection.close()
    database = TakeDatabase(path)
    finishing = reserved_take(finish_only=True)
    database.add(finishing)
    assert database.next_in_turn(LaneKind.MODEL).take_id == waits.take_id
    assert database.next_in_turn(LaneKind.FINISH).take_id == finishing.take_id
    assert database.work_before(finishing.take_id, running=None) == (0, [])
    assert database.unfinished_count() == 2
    database.close()


def test_a_file_that_cannot_be_taken_over_stays_as_it_was(path):
    connection = sqlite3.connect(path)
    connection.execute("UPDATE takes SET data = '{}' WHERE take_id = 'waits'")
    connection.commit()
    connection.close()
    with pytest.raises(RecordsDamaged) as caught:
        TakeDatabase(path)
    assert caught.value.value == str(path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert connection.execute("SELECT COUNT(*) FROM takes").fetchone() == (3,)
    assert connection.execute("SELECT COUNT(*) FROM events").fetchone() == (4,)
    connection.close()


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "engine.sqlite3"
    path.write_bytes(b"a letter to the editor " * 100)
    with pytest.raises(RecordsDamaged, match="not a database"):
        TakeDatabase(path)
    assert path.read_bytes() == b"a letter to the editor " * 100


def test_records_of_a_newer_engine_are_refused(tmp_path):
    path = tmp_path / "engine.sqlite3"
    TakeDatabase(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 4")
    connection.close()
    with pytest.raises(StateDirNewer, match="version 4; this engine knows up to 3"):
        TakeDatabase(path)
