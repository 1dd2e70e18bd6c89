"""What the engine must still know after it was killed: every take and every event of it, in `engine.sqlite3`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from vera_engine.errors import NotFound
from vera_engine.takes.events import Preview, StateChanged, TakeEvent, event_as_dict, event_from_dict
from vera_engine.takes.pace import StepSize, step_count
from vera_engine.takes.schema import open_database
from vera_engine.takes.take import LaneKind, Take, TakeState

MOST_EVENTS_AT_ONCE = 500
MOST_EVENT_BYTES_AT_ONCE = 1 << 21
"""Of their JSON, as far as one event alone is not longer: takes of thousands of regions make long ones."""
WAITING = "NOT is_final AND NOT is_deleted"
IN_TURN = "priority DESC, turn"
WAITING_IN_TURN = f"WHERE {WAITING} ORDER BY {IN_TURN}"
NEXT_TURN = "(SELECT COALESCE(MAX(turn), 0) + 1 FROM takes)"

Work = tuple[str, float]
"""Steps to be done, and their size as `str(StepSize)`."""


class TakeNotFound(NotFound):
    """The engine knows no take of that id."""


class TakeDatabase:
    """Takes and their events. For one thread of one process: the engine's lock sees to it that there is no second."""

    def __init__(self, path: Path) -> None:
        """Opens the file, makes it where it is not there, brings an older engine's up to date.

        Raises:
            StateDirNewer: where a newer engine wrote it.
        """
        self._connection = open_database(path)

    def close(self) -> None:
        self._connection.close()

    def add(self, take: Take) -> None:
        """Keeps a new take; it waits behind those of its priority."""
        with self._transaction():
            self._insert(take)

    def adopt(self, take: Take) -> None:
        """Keeps a take that was not this engine's, or that lay elsewhere or was deleted when it last was."""
        with self._transaction():
            self._connection.execute("DELETE FROM takes WHERE take_id = ?", (take.take_id,))
            self._insert(take)

    def update(self, take: Take) -> None:
        """Keeps what the take is now."""
        self._connection.execute(
            "UPDATE takes SET is_final = ?, is_finished = ?, data = ? WHERE take_id = ?", (*_as_row(take), take.take_id)
        )

    def to_the_end(self, take_id: str) -> None:
        """Lets a take wait behind all others of its priority."""
        self._connection.execute(f"UPDATE takes SET turn = {NEXT_TURN} WHERE take_id = ?", (take_id,))

    def get(self, take_id: str) -> Take:
        """The take of that id.

        Raises:
            TakeNotFound: where there is none, or it was deleted.
        """
        take = self._first("take_id = ? AND NOT is_deleted", take_id)
        if take is None:
            raise TakeNotFound(
                "The engine knows no such take.",
                argument="take_id",
                value=take_id,
                remedy="List the takes to see which there are.",
            )
        return take

    def knows(self, take_id: str) -> bool:
        """Whether there is such a take that was not deleted."""
        return self._first("take_id = ? AND NOT is_deleted", take_id) is not None

    def find_request(self, request_id: str) -> Take | None:
        """The take that a request of that id made, deleted or not."""
        return self._first("request_id = ?", request_id)

    def find_directory(self, directory: Path) -> Take | None:
        """The take of that version directory, which may be there or not yet."""
        return self._first(
            "node_folder = ? AND json_extract(data, '$.version') = ? AND NOT is_deleted",
            str(directory.parent),
            directory.name,
        )

    def find_fingerprint(self, fingerprint: str) -> list[Take]:
        """The finished takes of that fingerprint, newest first."""
        return self._all("fingerprint = ? AND is_finished AND NOT is_deleted ORDER BY number DESC", fingerprint)

    def based_on(self, take_id: str) -> list[Take]:
        """The takes whose base it is, oldest first."""
        return self._all("base_take_id = ? AND NOT is_deleted ORDER BY number", take_id)

    def takes(self, node_folder: Path | None = None) -> list[Take]:
        """All takes that were not deleted, oldest first."""
        return list(decoded(self.rows(node_folder)))

    def rows(self, node_folder: Path | None = None) -> list[str]:
        """`takes` as they are kept, to be `decoded` by another thread: thousands take a second."""
        rows = self._connection.execute(
            "SELECT data FROM takes WHERE NOT is_deleted AND (?1 IS NULL OR node_folder = ?1) ORDER BY number",
            (None if node_folder is None else str(node_folder),),
        )
        return [data for (data,) in rows]

    def directories(self, node_folder: Path) -> set[Path]:
        """The version directories of a node's takes that were not deleted."""
        rows = self._connection.execute(
            "SELECT json_extract(data, '$.directory') FROM takes WHERE node_folder = ? AND NOT is_deleted",
            (str(node_folder),),
        )
        return {Path(directory) for (directory,) in rows}

    def begun(self) -> list[Take]:
        """Takes that are not final, and that somebody worked on or wanted stopped when the engine ended."""
        return self._all(
            f"{WAITING} AND (json_extract(data, '$.state') <> 'queued' OR json_extract(data, '$.cancel_requested'))"
            f" ORDER BY {IN_TURN}"
        )

    def unfinished(self) -> list[str]:
        """The ids of all takes that are not final, in the order of their turns."""
        return [take_id for (take_id,) in self._connection.execute(f"SELECT take_id FROM takes {WAITING_IN_TURN}")]

    def unfinished_count(self) -> int:
        return int(self._connection.execute(f"SELECT COUNT(*) FROM takes WHERE {WAITING}").fetchone()[0])

    def next_in_turn(self, lane: LaneKind) -> Take | None:
        """Of a lane's takes that are not final nor to be stopped, the one of the highest priority that was there
        first."""
        condition = f"lane = ? AND {WAITING} AND NOT json_extract(data, '$.cancel_requested')"
        return self._first(f"{condition} ORDER BY {IN_TURN}", str(lane))

    def work(self, lane: LaneKind) -> list[tuple[str, Work]]:
        """The ids of a lane's takes that are not final, in the order of their turns, and what each needs done."""
        rows = self._connection.execute(
            f"SELECT take_id, step_size, step_count FROM takes WHERE lane = ? AND {WAITING} ORDER BY {IN_TURN}",
            (str(lane),),
        )
        return [(take_id, (size, steps)) for take_id, size, steps in rows]

    def work_before(self, take_id: str, running: str | None) -> tuple[int, list[Work]]:
        """How many takes of its lane come before this one, the running one aside, and what is to be done for them, by
        size."""
        rows = self._connection.execute(
            "SELECT other.step_size, COUNT(*), SUM(other.step_count) FROM takes AS other, takes AS own"
            " WHERE own.take_id = ? AND other.take_id <> ? AND other.lane = own.lane"
            " AND NOT other.is_final AND NOT other.is_deleted"
            " AND (other.priority > own.priority OR other.priority = own.priority AND other.turn < own.turn)"
            " GROUP BY other.step_size",
            (take_id, running or ""),
        ).fetchall()
        return sum(count for _, count, _ in rows), [(size, steps) for size, _, steps in rows]

    def uploads_in_use(self) -> set[str]:
        """The uploads of takes that are not final, and of those stopped with frames done: they may be resumed."""
        rows = self._connection.execute(
            "SELECT json_extract(data, '$.request.plate.upload_id'),"
            " json_extract(data, '$.request.mask.source.upload_id'),"
            " json_extract(data, '$.request.holdout.source.upload_id') FROM takes WHERE NOT is_deleted AND"
            " (NOT is_final OR NOT is_finished AND json_array_length(data, '$.finished_frames') > 0)"
        )
        return {upload_id for row in rows for upload_id in row if upload_id}

    def last_version(self, node_folder: Path) -> int:
        """The highest version number this engine ever gave to a node; 0 where none."""
        row = self._connection.execute(
            "SELECT MAX(version_number) FROM takes WHERE node_folder = ?", (str(node_folder),)
        ).fetchone()
        return int(row[0] or 0)

    def delete(self, take_id: str) -> None:
        """Forgets a take but for its request id and version number."""
        with self._transaction():
            self._connection.execute("UPDATE takes SET is_deleted = 1 WHERE take_id = ?", (take_id,))
            self._connection.execute("DELETE FROM events WHERE take_id = ?", (take_id,))

    def add_event(self, take_id: str, event: TakeEvent, take: Take | None = None) -> int:
        """Keeps an event, and with it what the take is now; returns the event's sequence (1, 2, ...).

        Args:
            take_id: Whose event it is.
            event: What happened. A change of state says itself what the take is now.
            take: What it is now, where the event changes it otherwise.
        """
        if isinstance(event, StateChanged):
            take = event.take
        with self._transaction():
            (last,) = self._connection.execute(
                "SELECT COALESCE(MAX(sequence), 0) FROM events WHERE take_id = ?", (take_id,)
            ).fetchone()
            if isinstance(event, Preview):
                self._drop_picture(take_id)
            self._connection.execute(
                "INSERT INTO events (take_id, sequence, kind, data) VALUES (?, ?, ?, ?)",
                (take_id, last + 1, event.name, json.dumps(event_as_dict(event))),
            )
            if take is not None:
                self.update(take)
        return int(last) + 1

    def events(self, take_id: str, after_sequence: int) -> list[tuple[int, TakeEvent]]:
        """The take's next events with a greater sequence, in order; none where there are no more."""
        rows = self._connection.execute(
            "SELECT sequence, data FROM events WHERE take_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            (take_id, after_sequence, MOST_EVENTS_AT_ONCE),
        )
        found: list[tuple[int, TakeEvent]] = []
        size = 0
        for sequence, data in rows:
            size += len(data)
            if found and size > MOST_EVENT_BYTES_AT_ONCE:
                break
            found.append((sequence, event_from_dict(json.loads(data))))
        return found

    def paces(self, machine: str) -> dict[str, float]:
        """Seconds per step by its size, as measured with a model on a device."""
        rows = self._connection.execute("SELECT step_size, seconds FROM paces WHERE machine = ?", (machine,))
        return dict(rows.fetchall())

    def keep_pace(self, machine: str, step_size: str, seconds: float) -> None:
        """Keeps what a step takes."""
        self._connection.execute("INSERT OR REPLACE INTO paces VALUES (?, ?, ?)", (machine, step_size, seconds))

    def _insert(self, take: Take) -> None:
        self._connection.execute(
            "INSERT INTO takes (lane, take_id, request_id, node_folder, version_number, priority, turn, step_size,"
            " step_count, base_take_id, fingerprint, is_final, is_finished, data)"
            f" VALUES (?, ?, ?, ?, ?, ?, {NEXT_TURN}, ?, ?, ?, ?, ?, ?, ?)",
            (
                str(take.lane),
                take.take_id,
                take.request_id,
                str(take.directory.parent),
                int(take.version.removeprefix("v")),
                take.request.priority,
                str(StepSize.of(take)),
                step_count(take),
                "" if take.request.base is None else take.request.base.take_id,
                take.fingerprint,
                *_as_row(take),
            ),
        )

    def _drop_picture(self, take_id: str) -> None:
        """Takes the picture out of the newest preview so far: only one is kept."""
        row = self._connection.execute(
            "SELECT sequence, data FROM events WHERE take_id = ? AND kind = ? ORDER BY sequence DESC LIMIT 1",
            (take_id, Preview.name),
        ).fetchone()
        if row is not None:
            sequence, data = row
            event = event_from_dict(json.loads(data))
            assert isinstance(event, Preview)
            self._connection.execute(
                "UPDATE events SET data = ? WHERE take_id = ? AND sequence = ?",
                (json.dumps(event_as_dict(replace(event, png=""))), take_id, sequence),
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Whole or not at all, what is within."""
        with self._connection:
            self._connection.execute("BEGIN")
            yield

    def _all(self, condition: str, *values: object) -> list[Take]:
        rows = self._connection.execute(f"SELECT data FROM takes WHERE {condition}", values)
        return list(decoded(data for (data,) in rows))

    def _first(self, condition: str, *values: object) -> Take | None:
        row = self._connection.execute(f"SELECT data FROM takes WHERE {condition} LIMIT 1", values).fetchone()
        return None if row is None else Take.from_dict(json.loads(row[0]))


def decoded(rows: Iterable[str]) -> Iterator[Take]:
    """Takes as they are kept, read."""
    return (Take.from_dict(json.loads(data)) for data in rows)


def _as_row(take: Take) -> tuple[bool, bool, str]:
    """The columns that change with the take."""
    return take.state.is_final, take.state is TakeState.FINISHED, json.dumps(take.as_dict())
