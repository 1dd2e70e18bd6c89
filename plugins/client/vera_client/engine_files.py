"""Where the engine and its clients meet on disk: the state directory and the files in it. Standard library only."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


def default_state_dir(environment: Mapping[str, str] | None = None) -> Path:
    """`VERA_EDIT_STATE_DIR`, else the platform's place for a user's state: the engine looks in the same order."""
    environment = os.environ if environment is None else environment
    if environment.get("VERA_EDIT_STATE_DIR"):
        return Path(environment["VERA_EDIT_STATE_DIR"])
    if sys.platform == "win32" and environment.get("LOCALAPPDATA"):
        return Path(environment["LOCALAPPDATA"]) / "vera-edit"
    if environment.get("XDG_STATE_HOME"):
        return Path(environment["XDG_STATE_HOME"]) / "vera-edit"
    return Path.home() / ".local" / "state" / "vera-edit"


@dataclass(frozen=True)
class PortFile:
    """What a running engine says of itself in `<state dir>/engine.json`."""

    address: str
    """`unix:/path/engine.sock` or `127.0.0.1:PORT`."""
    token: str | None
    """Sent as `authorization: Bearer <token>`; None on a Unix socket, which the file system guards."""
    process_id: int
    engine_version: str
    interface_version: int


@dataclass(frozen=True)
class EngineFiles:
    """The files of one state directory."""

    state_dir: Path

    @property
    def port_file(self) -> Path:
        return self.state_dir / "engine.json"

    @property
    def engine_log(self) -> Path:
        return self.state_dir / "engine.log"

    @property
    def bridge_log(self) -> Path:
        return self.state_dir / "bridge.log"

    @property
    def python_file(self) -> Path:
        """Names the interpreter of the engine's environment; written when the add-on is installed."""
        return self.state_dir / "python"

    @property
    def engine_lock(self) -> Path:
        """Held by an engine from its start to its very end, with or without a port file."""
        return self.state_dir / "engine.lock"

    @property
    def start_lock(self) -> Path:
        """Held by a bridge while it looks for an engine and starts one, so that two clients start one engine."""
        return self.state_dir / "starting.lock"

    @property
    def deliveries(self) -> Path:
        """One file for each take whose files the bridge moves itself."""
        return self.state_dir / "deliveries"

    def read_port_file(self) -> PortFile | None:
        """What `engine.json` says, or None where there is none that can be used."""
        try:
            said = json.loads(self.port_file.read_text(encoding="utf-8"))
            token = said.get("token")
            return PortFile(
                address=str(said["address"]),
                token=None if token is None else str(token),
                process_id=int(said["process_id"]),
                engine_version=str(said["engine_version"]),
                interface_version=int(said["interface_version"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def read_python(self) -> str | None:
        """The interpreter named by the `python` file, or None."""
        try:
            return self.python_file.read_text(encoding="utf-8").strip() or None
        except (OSError, ValueError):
            return None


def last_lines(log: Path, begin: int = 0, count: int = 8) -> str:
    """The end of a log file from byte `begin` on, for an error that says why a process has died; empty without one."""
    try:
        with open(log, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(begin, size - 8192))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join([line for line in lines if line.strip()][-count:])
