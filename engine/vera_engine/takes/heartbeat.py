"""Who works on a take: `worker.json` in its partial directory, written anew every few seconds.

Engines on several machines may share a take root, and a state folder may be copied. So whoever works on a partial
directory says so in it, and nobody touches one in which another engine's heart beats.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any

from vera_engine.errors import FailedPrecondition, VeraEditError
from vera_engine.plates.disk import read_if_there, write_error, write_file

HEARTBEAT_NAME = "worker.json"
ENGINE_ID_NAME = "engine_id"

SECONDS_BETWEEN_BEATS = 5.0
SECONDS_UNTIL_STALE = 60.0
"""A heart that was silent for so long has stopped: its machine was switched off, or lost the take root."""


class TakeHeldElsewhere(FailedPrecondition):
    """Another engine works on the take."""


def engine_id(state_dir: Path) -> str:
    """The name of the engine that has this state folder, drawn once and kept there.

    Raises:
        DiskFull, FolderNotWritable, FileNotWritten
    """
    path = state_dir / ENGINE_ID_NAME
    with contextlib.suppress(OSError):
        known = path.read_text("utf-8")
        if known:
            return known
    drawn = uuid.uuid4().hex
    write_file(path, drawn.encode())
    return drawn


def check_free(directory: Path, own_engine_id: str) -> None:
    """Checks that no other engine works in a partial directory.

    An engine has one worker at a time, so what it left itself on this machine is no hindrance. Nor is a heart that
    stopped: whose process is gone from this machine, or which was silent for `SECONDS_UNTIL_STALE` by the clock of the
    file system, which all machines share.

    Raises:
        TakeHeldElsewhere: One does.
        DiskFull, FolderNotWritable, FileNotWritten: It cannot be found out.
    """
    path = directory / HEARTBEAT_NAME
    holder = _read(path)
    if holder is None or _was_own(holder, own_engine_id) or _is_gone(holder):
        return
    silent = _seconds_silent(path)
    if silent is None or silent > SECONDS_UNTIL_STALE:
        return
    raise TakeHeldElsewhere(
        f"Another engine works on this take: process {holder.get('process_id')} on {holder.get('host')}.",
        argument="directory",
        value=directory,
        remedy=f"Let it finish. Where it ended without a word, try again {SECONDS_UNTIL_STALE:.0f} seconds later.",
    )


class Heartbeat:
    """Says that this process works on a take, for as long as the `with` block runs.

    Args:
        directory: The take's partial directory.
        take_id: The take's.
        own_engine_id: From `engine_id`.

    Raises:
        TakeHeldElsewhere: Another engine works there.
        DiskFull, FolderNotWritable, FileNotWritten: The directory cannot be written to.
    """

    def __init__(self, directory: Path, take_id: str, own_engine_id: str) -> None:
        self._directory = directory
        self._path = directory / HEARTBEAT_NAME
        self._own = {
            "host": socket.gethostname(),
            "process_id": os.getpid(),
            "take_id": take_id,
            "engine_id": own_engine_id,
        }
        self._is_lost = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        check_free(self._directory, str(self._own["engine_id"]))
        try:
            self._path.unlink(missing_ok=True)
            with self._path.open("xb") as file:  # one of two engines that see a stale heart at once
                file.write(self._content())
        except FileExistsError:
            check_free(self._directory, str(self._own["engine_id"]))
        except OSError as error:
            raise write_error(self._path, error) from error
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        with contextlib.suppress(OSError, VeraEditError):  # a share that vanished: the heart is silent anyway
            found = _read(self._path)
            if found is not None and self._names_self(found):
                self._path.unlink(missing_ok=True)

    def check(self) -> None:
        """Raises `TakeHeldElsewhere` where another engine took the take over, having found this heart silent."""
        if self._is_lost:
            raise TakeHeldElsewhere(
                "Another engine took this take over while its folder could not be reached from here.",
                argument="directory",
                value=self._directory,
                remedy="Let it finish there.",
            )

    def _beat(self) -> None:
        while not self._stopped.wait(SECONDS_BETWEEN_BEATS):
            with contextlib.suppress(VeraEditError):  # a share that is gone for a moment; who writes frames is told
                found = _read(self._path)
                if found is not None and not self._names_self(found):
                    self._is_lost = True
                    return
                write_file(self._path, self._content())

    def _names_self(self, holder: dict[str, Any]) -> bool:
        return all(holder.get(key) == value for key, value in self._own.items())

    def _content(self) -> bytes:
        return json.dumps({**self._own, "time": time.time()}).encode()


def _read(path: Path) -> dict[str, Any] | None:
    """Who the file names; an unknown holder where it is not whole yet; None where there is no file."""
    content = read_if_there(path)
    if content is None:
        return None
    with contextlib.suppress(ValueError):
        found = json.loads(content)
        if isinstance(found, dict):
            return found
    return {}


def _was_own(holder: dict[str, Any], own_engine_id: str) -> bool:
    """Whether an earlier worker of this engine wrote it, and not that of a copy of its state folder elsewhere."""
    return holder.get("engine_id") == own_engine_id and holder.get("host") == socket.gethostname()


def _is_gone(holder: dict[str, Any]) -> bool:
    """Whether the holder was a process of this machine that has ended."""
    process_id = holder.get("process_id")
    if holder.get("host") != socket.gethostname() or not isinstance(process_id, int) or sys.platform == "win32":
        return False  # Windows has no way to ask that does not end the process
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's, so it lives
    return False


def _seconds_silent(path: Path) -> float | None:
    """How long ago the file was written; None where it is gone by now."""
    probe = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        with probe.open("xb") as file:
            now = os.fstat(file.fileno()).st_mtime
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(path, error) from error
    try:
        return now - path.stat().st_mtime
    except FileNotFoundError:
        return None
