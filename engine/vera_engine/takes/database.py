"""What the engine must still know after it was killed: every take and every event of it, in `engine.sqlite3`."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from vera_engine.errors import FailedPrecondition, NotFound
from vera_engine.takes.take import StateChanged, Take, TakeEvent, event_as_dict, event_from_dict

SCHEMA_VERSION = 1
"""Written into the file as `user_version`; a file of a newer one is refused, never guessed at."""

SCHEMA = """
CREATE TABLE takes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of creation, which is the order of the queue
    take_id TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL UNIQUE,
    node_folder TEXT NOT NULL,
    version_number INTEGER NOT NULL,
    is_final INTEGER NOT NULL,
    is_deleted INTEGER NOT NULL DEFAULT 0,     -- kept, so that its version number is never given again
    data TEXT NOT NULL
);
CREATE TABLE events (
    take_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (take_id, sequence)
) WITHOUT ROWID;
CREATE INDEX takes_by_node ON takes (node_folder);
"""


class StateDirNewer(FailedPrecondition):
    """The state folder was written by a newer engine."""


class TakeNotFound(NotFound):
    """The engine knows no take of that id."""


class TakeDatabase:
    """Takes and their events. For one thread of one process: the engine's lock sees to it that there is no second."""

    def __init__(self, path: Path) -> None:
        """Opens the file, makes it where it is not there.

        Raises:
            StateDirNewer: where a newer engine wrote it.
        """
        # autocommit: each statement is whole or not at all; what has to be whole together is in a `with` block
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # no shared memory file: works on network disks
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        (found,) = self._connection.execute("PRAGMA user_version").fetchone()
        if found > SCHEMA_VERSION:
            self._connection.close()
            raise StateDirNewer(
                f"The engine's records are of version {found}; this engine knows up to {SCHEMA_VERSION}.",
                argument="state_dir",
                value=path.parent,
                remedy="Use the newer engine, or give this one another state folder.",
            )
        if found == 0:
            self._connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")

    def close(self) -> None:
        self._connection.close()

    def add(self, take: Take) -> None:
        """Keeps a new take."""
        self._connection.execute(
            "INSERT INTO takes (take_id, request_id, node_folder, version_number, is_final, data)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                take.take_id,
                take.request_id,
                str(take.directory.parent),
                int(take.version.removeprefix("v")),
                take.state.is_final,
                json.dumps(take.as_dict()),
            ),
        )

    def update(self, take: Take) -> None:
        """Keeps what the take is now."""
        self._connection.execute(
            "UPDATE takes SET is_final = ?, data = ? WHERE take_id = ?",
            (take.state.is_final, json.dumps(take.as_dict()), take.take_id),
        )

    def get(self, take_id: str) -> Take:
        """The take of that id.

        Raises:
            TakeNotFound: where there is none, or it was deleted.
        """
        row = self._connection.execute(
            "SELECT data FROM takes WHERE take_id = ? AND NOT is_deleted", (take_id,)
        ).fetchone()
        if row is None:
            raise TakeNotFound(
                "The engine knows no such take.",
                argument="take_id",
                value=take_id,
                remedy="List the takes to see which there are.",
            )
        return Take.from_dict(json.loads(row[0]))

    def find_request(self, request_id: str) -> Take | None:
        """The take that a request of that id made, deleted or not."""
        row = self._connection.execute("SELECT data FROM takes WHERE request_id = ?", (request_id,)).fetchone()
        return None if row is None else Take.from_dict(json.loads(row[0]))

    def takes(self, node_folder: Path | None = None) -> list[Take]:
        """All takes that were not deleted, oldest first."""
        rows = self._connection.execute(
            "SELECT data FROM takes WHERE NOT is_deleted AND (? IS NULL OR node_folder = ?) ORDER BY number",
            (None if node_folder is None else str(node_folder),) * 2,
        )
        return [Take.from_dict(json.loads(data)) for (data,) in rows]

    def unfinished(self) -> list[Take]:
        """All takes that are not final, oldest first: the queue, with what runs at its head."""
        rows = self._connection.execute("SELECT data FROM takes WHERE NOT is_final AND NOT is_deleted ORDER BY number")
        return [Take.from_dict(json.loads(data)) for (data,) in rows]

    def last_version(self, node_folder: Path) -> int:
        """The highest version number this engine ever gave to a node; 0 where none."""
        row = self._connection.execute(
            "SELECT MAX(version_number) FROM takes WHERE node_folder = ?", (str(node_folder),)
        ).fetchone()
        return int(row[0] or 0)

    def delete(self, take_id: str) -> None:
        """Forgets a take but for its request id and version number."""
        with self._connection:
            self._connection.execute("BEGIN")
            self._connection.execute("UPDATE takes SET is_deleted = 1 WHERE take_id = ?", (take_id,))
            self._connection.execute("DELETE FROM events WHERE take_id = ?", (take_id,))

    def add_event(self, take_id: str, event: TakeEvent) -> int:
        """Keeps an event, and with a change of state the take itself; returns the event's sequence (1, 2, ...)."""
        with self._connection:
            self._connection.execute("BEGIN")
            (last,) = self._connection.execute(
                "SELECT COALESCE(MAX(sequence), 0) FROM events WHERE take_id = ?", (take_id,)
            ).fetchone()
            self._connection.execute(
                "INSERT INTO events (take_id, sequence, data) VALUES (?, ?, ?)",
                (take_id, last + 1, json.dumps(event_as_dict(event))),
            )
            if isinstance(event, StateChanged):
                self.update(event.take)
        return int(last) + 1

    def events(self, take_id: str, after_sequence: int) -> list[tuple[int, TakeEvent]]:
        """The take's events with a greater sequence, in order."""
        rows = self._connection.execute(
            "SELECT sequence, data FROM events WHERE take_id = ? AND sequence > ? ORDER BY sequence",
            (take_id, after_sequence),
        )
        return [(sequence, event_from_dict(json.loads(data))) for sequence, data in rows]
