"""What the command line finds out about this machine without disturbing it: torch's device, a running engine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from vera_client.engine_files import EngineFiles, PortFile, default_state_dir

_ASK_TORCH = """
import json, torch
from vera_engine.pipeline.device import choose_device
device, dtype = choose_device("auto")
print(json.dumps({"version": torch.__version__, "device": f"{device} {str(dtype).removeprefix('torch.')}"}))
"""
_TORCH_SECONDS = 120


@dataclass(frozen=True)
class TorchFound:
    """What torch says of itself and of the device that the engine would take."""

    version: str
    """As in `2.13.0+cpu`."""
    device: str
    """As in `cpu float32`."""


class TorchMissing(Exception):
    """torch cannot be imported; the message is its last line."""


def ask_torch() -> TorchFound:
    """Ask torch in a process of its own, since a broken driver may take the asking process down with it.

    Raises:
        TorchMissing: It cannot be imported, or does not answer.
    """
    try:
        asked = subprocess.run(
            [sys.executable, "-c", _ASK_TORCH], capture_output=True, text=True, timeout=_TORCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TorchMissing(f"no answer within {_TORCH_SECONDS} seconds") from error
    if asked.returncode != 0:
        lines = [line for line in asked.stderr.splitlines() if line.strip()]
        raise TorchMissing(lines[-1].strip() if lines else f"the process ended with {asked.returncode}")
    said = json.loads(asked.stdout.splitlines()[-1])
    return TorchFound(version=said["version"], device=said["device"])


@dataclass(frozen=True)
class EngineFound:
    """An engine's port file, and whether the engine that wrote it answers."""

    port_file: PortFile
    answers: bool


def find_engine(files: EngineFiles) -> EngineFound | None:
    """The engine of a state directory; None where no port file tells of one. Starts none."""
    port_file = files.read_port_file()
    return None if port_file is None else EngineFound(port_file, _answers(port_file.address))


def state_files(state_dir: Path | None) -> EngineFiles:
    """The files of the state directory that is named, else of the one that the engine takes by itself."""
    return EngineFiles(state_dir.absolute() if state_dir else default_state_dir().absolute())


def is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or in the nearest folder above it that exists. Makes none."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _answers(address: str, timeout: float = 2.0) -> bool:
    try:
        if address.startswith("unix:"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(timeout)
                connection.connect(address.removeprefix("unix:"))
        else:
            host, _, port = address.rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), timeout).close()
    except (OSError, ValueError):
        return False
    return True
