"""The engine's state folder: its lock, its port file, its socket, its records."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from vera_engine.errors import FailedPrecondition, PermissionRefused
from vera_engine.takes.lock import FileLock

LONGEST_SOCKET_PATH_BYTES = 100
"""The system allows 104 or 108, its end included."""
LONGEST_LOG_BYTES = 5_000_000


class EngineRunning(FailedPrecondition):
    """This user has an engine already."""


class StateDirRefused(PermissionRefused):
    """The state folder cannot be used."""


@dataclass(frozen=True)
class PortFile:
    """What `engine.json` tells clients."""

    address: str
    """`unix:/.../engine.sock` or `127.0.0.1:PORT`."""
    token: str | None
    """For `authorization: Bearer <token>`; None where the socket's own permissions guard it."""
    process_id: int
    engine_version: str
    interface_version: int


class StateDir:
    """A state folder, made where it is not there, open to its user alone."""

    def __init__(self, path: Path) -> None:
        """Raises:
        StateDirRefused: where it cannot be made or written.
        """
        self.path = path.expanduser().absolute()
        try:
            for folder in (self.path, self.uploads, self.takes):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.log.exists() and self.log.stat().st_size > LONGEST_LOG_BYTES:
                self.log.replace(self.log.with_suffix(".log.1"))
            self._lock = FileLock(self.path / "engine.lock")
        except OSError as error:
            raise StateDirRefused(
                f"The engine cannot keep its records there: {error.strerror}.",
                argument="state_dir",
                value=self.path,
                remedy="Choose another one with --state-dir or VERA_EDIT_STATE_DIR.",
            ) from error

    @property
    def uploads(self) -> Path:
        return self.path / "uploads"

    @property
    def takes(self) -> Path:
        """Take root of takes whose request names none."""
        return self.path / "takes"

    @property
    def cache(self) -> Path:
        """What the worker keeps so that it need not be computed again."""
        return self.path / "cache"

    @property
    def database(self) -> Path:
        return self.path / "engine.sqlite3"

    @property
    def log(self) -> Path:
        return self.path / "engine.log"

    @property
    def port_file(self) -> Path:
        return self.path / "engine.json"

    @property
    def socket(self) -> Path:
        """Where the Unix socket is: in the state folder, or in a private one where that path is too long for it."""
        path = self.path / "engine.sock"
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH_BYTES:
            return path
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"vera-edit-{digest}" / "engine.sock"

    def make_socket_folder(self) -> None:
        """Makes the socket's folder, removes a dead engine's socket.

        Raises:
            StateDirRefused: where the private folder is somebody else's, or open to others.
        """
        folder = self.socket.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        is_private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
        if folder != self.path and sys.platform != "win32" and not (is_private and status.st_uid == os.getuid()):
            raise StateDirRefused(
                "The folder for the engine's socket is not this user's alone.",
                argument="state_dir",
                value=folder,
                remedy="Remove it, or use a state folder with a shorter path.",
            )
        self.socket.unlink(missing_ok=True)

    def lock(self) -> None:
        """Takes the lock of the one engine of this user.

        Raises:
            EngineRunning: where another one has it; names its address.
        """
        if not self._lock.acquire():
            port_file = self.read_port_file()
            where = "It is just starting." if port_file is None else f"It answers at {port_file.address}."
            raise EngineRunning(
                f"An engine is running already. {where}",
                argument="state_dir",
                value=self.path,
                remedy="Use that one, or stop it first.",
            )

    def read_port_file(self) -> PortFile | None:
        """What is written there; None where nothing is."""
        try:
            return PortFile(**json.loads(self.port_file.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write_port_file(self, content: PortFile) -> None:
        """Writes it whole or not at all, readable to its user alone."""
        temporary = self.port_file.with_suffix(".json.tmp")
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(content), file)
        temporary.replace(self.port_file)

    def leave(self) -> None:
        """Removes port file and socket, then lets the next engine in."""
        self.port_file.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)
        if self.socket.parent != self.path:
            with contextlib.suppress(OSError):
                self.socket.parent.rmdir()
        self._lock.release()


def default_state_dir() -> Path:
    """`VERA_EDIT_STATE_DIR`, else `vera-edit` where the system keeps programs' state for this user."""
    if named := os.environ.get("VERA_EDIT_STATE_DIR"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ["LOCALAPPDATA"]) / "vera-edit"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "vera-edit"
