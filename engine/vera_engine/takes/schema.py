"""The tables of `engine.sqlite3`, and how an older engine's become this one's."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from vera_engine.errors import FailedPrecondition
from vera_engine.pipeline.windows import latent_count

SCHEMA_VERSION = 3
"""Written into the file as `user_version`; a file of a newer one is refused, never guessed at."""

WAITING_INDEX = """
CREATE INDEX takes_waiting ON takes (lane, priority DESC, turn, step_size, step_count, take_id)
    WHERE NOT is_final AND NOT is_deleted
"""
SCHEMA = f"""
CREATE TABLE takes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of creation
    take_id TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL UNIQUE,
    lane TEXT NOT NULL DEFAULT 'model',        -- whose worker makes it
    node_folder TEXT NOT NULL,
    version_number INTEGER NOT NULL,
    priority INTEGER NOT NULL,                 -- the queue goes by priority, then by turn
    turn INTEGER NOT NULL,
    step_size TEXT NOT NULL,                   -- with step_count: how long it will take
    step_count REAL NOT NULL,
    base_take_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    is_final INTEGER NOT NULL,
    is_finished INTEGER NOT NULL,
    is_deleted INTEGER NOT NULL DEFAULT 0,     -- kept, so that its version number is never given again
    data TEXT NOT NULL
);
CREATE INDEX takes_by_node ON takes (node_folder, version_number);
CREATE INDEX takes_by_turn ON takes (turn);
CREATE INDEX takes_by_base ON takes (base_take_id);
CREATE INDEX takes_by_fingerprint ON takes (fingerprint);
{WAITING_INDEX};
CREATE TABLE events (
    take_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (take_id, sequence)
) WITHOUT ROWID;
CREATE TABLE paces (
    machine TEXT NOT NULL,                     -- model and device
    step_size TEXT NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (machine, step_size)
) WITHOUT ROWID;
"""


class StateDirNewer(FailedPrecondition):
    """The state folder was written by a newer engine."""


class RecordsDamaged(FailedPrecondition):
    """The engine's records cannot be read."""


def open_database(path: Path) -> sqlite3.Connection:
    """Opens the file with this engine's tables in it, made or brought up to date where they are not.

    Raises:
        StateDirNewer: where a newer engine wrote it.
        RecordsDamaged: where no engine wrote it so; it stays as it is.
    """
    # autocommit: each statement is whole or not at all; what has to be whole together is in a transaction
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        _bring_up_to_date(connection, path)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.DatabaseError | ValueError | KeyError | TypeError):
            raise RecordsDamaged(
                f"The engine's records cannot be read ({error}).",
                argument="state_dir",
                value=path,
                remedy="Move the file away and start again: takes that lie on disk are found there.",
            ) from error
        raise
    return connection


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # no shared memory file: works on network disks
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > SCHEMA_VERSION:
        raise StateDirNewer(
            f"The engine's records are of version {found}; this engine knows up to {SCHEMA_VERSION}.",
            argument="state_dir",
            value=path.parent,
            remedy="Use the newer engine, or give this one another state folder.",
        )
    if found < SCHEMA_VERSION:
        with connection:
            connection.execute("BEGIN")
            if found == 2:
                _add_lanes(connection)
            else:
                if found == 1:
                    _rename_tables_of_version_1(connection)
                for statement in SCHEMA.split(";"):  # not executescript, which would end the transaction
                    connection.execute(statement)
                if found == 1:
                    _take_over_version_1(connection)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _add_lanes(connection: sqlite3.Connection) -> None:
    """Version 2 knew takes that need the model, and no others."""
    connection.execute("ALTER TABLE takes ADD COLUMN lane TEXT NOT NULL DEFAULT 'model'")
    connection.execute("DROP INDEX takes_waiting")
    connection.execute(WAITING_INDEX)


def _rename_tables_of_version_1(connection: sqlite3.Connection) -> None:
    connection.execute("DROP INDEX takes_by_node")
    for table in ("takes", "events"):
        connection.execute(f"ALTER TABLE {table} RENAME TO {table}_1")


def _take_over_version_1(connection: sqlite3.Connection) -> None:
    """Version 1 had takes of one range and one window, without base, label, priority or measured steps."""
    connection.execute(
        "INSERT INTO takes SELECT number, take_id, request_id, 'model', node_folder, version_number, 0, number, '', 0,"
        " '', '', is_final, json_extract(data, '$.state') = 'finished', is_deleted, data FROM takes_1"
    )
    for number, data in connection.execute("SELECT number, data FROM takes_1").fetchall():
        take = _take_of_version_1(json.loads(data))
        step_size = f"{take['window_latents'][0]}x0x0x{1 if take['settings']['guidance_scale'] == 1 else 2}"
        connection.execute(
            "UPDATE takes SET step_size = ?, step_count = ?, data = ? WHERE number = ?",
            (step_size, take["settings"]["num_inference_steps"], json.dumps(take), number),
        )
    for take_id, sequence, data in connection.execute("SELECT take_id, sequence, data FROM events_1").fetchall():
        event = _event_of_version_1(json.loads(data))
        connection.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?)", (take_id, sequence, event["event"], json.dumps(event))
        )
    for table in ("takes", "events"):
        connection.execute(f"DROP TABLE {table}_1")


def _take_of_version_1(data: dict[str, Any]) -> dict[str, Any]:
    frames = data["request"]["frames"]
    request = {
        **data["request"],
        "frames": [frames],
        "handles": 0,
        "base": None,
        "strength": None,
        "without_mask": False,
        "label": "",
        "priority": 0,
        "reuse": False,
    }
    take = {key: value for key, value in data.items() if key != "attempts"}
    return {
        **take,
        "request": request,
        "frames": [frames],
        "working_size": [0, 0],
        "window_latents": [latent_count(frames["last_frame"] - frames["first_frame"] + 1)],
        "notes": {"label": "", "note": "", "starred": False},
        "seams": [],
        "finished_frames": [frames] if data["state"] == "finished" else [],
        "worker_deaths": 0,
        "fingerprint": "",
    }


def _event_of_version_1(data: dict[str, Any]) -> dict[str, Any]:
    match data["event"]:
        case "queued_at":
            return {**data, "seconds_to_start": None}
        case "step_done":
            return {**data, "seconds_left": 0.0}
        case "state_changed":
            return {**data, "take": _take_of_version_1(data["take"])}
        case _:
            return data
