"""The bridge as a child process of the host: which interpreter, in what environment, and its two pipes.

Standard library only. No method blocks: threads of their own start the child, write to it and read from it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Callable

from .engine_files import EngineFiles, last_lines
from .errors import BridgeUnavailable

LARGEST_LOG_BYTES = 1 << 20
PARTING_SECONDS = 3.0


def find_python(files: EngineFiles, python: str | None = None) -> str:
    """The interpreter of the engine's environment, which the bridge needs for grpcio and protobuf.

    In this order: `python` as given; the variable VERA_EDIT_PYTHON; the `python` file of the state directory; that of
    the environment which this client lies in; the running interpreter where it is a Python by name and has grpcio:
    inside a host it may be the host itself, and what other plugins brought along is found there too.

    Raises:
        BridgeUnavailable: None of them is there.
    """
    named = python or os.environ.get("VERA_EDIT_PYTHON") or files.read_python()
    if named:
        if not Path(named).is_file():
            raise BridgeUnavailable(
                "The Python of the engine's environment is not there.",
                argument="python",
                value=named,
                remedy="Set VERA_EDIT_PYTHON to the Python of the environment that Vera Edit is installed in.",
            )
        return named
    around = _environment_around(Path(os.path.abspath(__file__)))
    if around is not None:
        return str(around)
    is_python = Path(sys.executable or "").name.lower().startswith("python")
    if is_python and importlib.util.find_spec("grpc") is not None:
        return sys.executable
    raise BridgeUnavailable(
        "It is not known where the engine is installed.",
        argument="python",
        remedy=(
            "Run `vera-edit install` in the engine's environment, or set VERA_EDIT_PYTHON to the Python of that "
            "environment."
        ),
    )


def _environment_around(file: Path) -> Path | None:
    """The interpreter of the virtual environment that a file lies in, as where a host is pointed into one."""
    folder = next((folder for folder in file.parents if (folder / "pyvenv.cfg").is_file()), None)
    if folder is None:
        return None
    places = (folder / "bin" / "python", folder / "Scripts" / "python.exe")
    return next((python for python in places if python.is_file()), None)


def child_environment(python: str, environment: Mapping[str, str]) -> dict[str, str]:
    """A copy of the host's variables in which another Python can run.

    A host points PYTHONHOME, PYTHONPATH and its library path at its own Python and libraries; in another interpreter
    they break `import` or crash. Where the bridge runs in the host's own interpreter (a shell, a test), the paths are
    that interpreter's own and stay.
    """
    cleaned = dict(environment)
    for name in ("PYTHONHOME", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__"):
        cleaned.pop(name, None)
    if os.path.abspath(python) != os.path.abspath(sys.executable or ""):
        for name in ("PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FRAMEWORK_PATH"):
            cleaned.pop(name, None)
    if "PYTHONPATH" in cleaned:  # the engine is started in another folder
        cleaned["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, cleaned["PYTHONPATH"].split(os.pathsep)))
    cleaned["PYTHONSAFEPATH"] = "1"  # a shot's folder may hold a file named like a module
    cleaned["PYTHONUTF8"] = "1"
    return cleaned


class BridgeProcess:
    """One life of the bridge.

    Args:
        files: Of the state directory; the child's stderr goes to its `bridge.log`.
        python: As for `find_python`.
        options: The first line sent: state directory, address and the like.
        on_line: Called in the reading thread with every JSON object the child sends.
        on_end: Called once, in the reading thread, when the child has ended or could not be started.
    """

    def __init__(
        self,
        files: EngineFiles,
        python: str | None,
        options: Mapping[str, Any],
        on_line: Callable[[BridgeProcess, dict[str, Any]], None],
        on_end: Callable[[BridgeProcess, BridgeUnavailable], None],
    ) -> None:
        self.has_greeted = False
        self._files = files
        self._python = python
        self._on_line = on_line
        self._on_end = on_end
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        self.send({"options": dict(options)})
        self._thread = threading.Thread(target=self._run, name="vera-bridge-reader", daemon=True)
        self._thread.start()

    @property
    def process_id(self) -> int | None:
        return self._process.pid if self._process else None

    def send(self, message: dict[str, Any]) -> None:
        """Leaves a message to be written as one line.

        Raises:
            TypeError, ValueError: JSON has no word for something in it.
        """
        self._outbox.put(json.dumps(message).encode("ascii") + b"\n")

    def close(self) -> None:
        """Lets the child end by closing its input; it is killed where it does not. Waits for it."""
        self._outbox.put(None)
        self._thread.join(PARTING_SECONDS)
        if self._thread.is_alive() and self._process:
            self._process.kill()
            self._thread.join(PARTING_SECONDS)

    def _run(self) -> None:
        try:
            process = self._start()
        except BridgeUnavailable as error:
            self._on_end(self, error)
            return
        self._process = process
        writer = threading.Thread(target=self._write, args=(process,), name="vera-bridge-writer", daemon=True)
        writer.start()
        assert process.stdout is not None
        for line in process.stdout:
            self._receive(line)
        code = process.wait()
        self._outbox.put(None)
        writer.join()
        process.stdout.close()
        said = last_lines(self._files.bridge_log)
        self._on_end(
            self,
            BridgeUnavailable(
                f"The bridge to the engine has ended (exit status {code})." + (f" It said:\n{said}" if said else ""),
                remedy=f"Its log is {self._files.bridge_log}.",
            ),
        )

    def _start(self) -> subprocess.Popen[bytes]:
        python = find_python(self._files, self._python)
        with self._open_log() as stderr:
            try:
                return subprocess.Popen(
                    [python, str(Path(__file__).with_name("start_bridge.py"))],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    env=child_environment(python, os.environ),
                    # Ctrl-C in the host's terminal is for the host to act on.
                    start_new_session=os.name == "posix",
                    creationflags=0 if os.name == "posix" else 0x08000200,  # no window, a process group of its own
                )
            except OSError as error:
                raise BridgeUnavailable(
                    f"The bridge to the engine cannot be started: {error}.",
                    argument="python",
                    value=python,
                    remedy="Set VERA_EDIT_PYTHON to the Python of the environment that Vera Edit is installed in.",
                ) from error

    def _open_log(self) -> BinaryIO:
        log = self._files.bridge_log
        try:
            log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            too_long = log.exists() and log.stat().st_size > LARGEST_LOG_BYTES
            return open(log, "wb" if too_long else "ab")
        except OSError as error:
            raise BridgeUnavailable(
                f"The bridge to the engine cannot be started: its log cannot be written ({error.strerror}).",
                argument="state_dir",
                value=log.parent,
                remedy="Set VERA_EDIT_STATE_DIR to a folder you may write to.",
            ) from error

    def _write(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        # Where the child has died, the reader sees it too and says so.
        with contextlib.suppress(OSError):
            while (line := self._outbox.get()) is not None:
                process.stdin.write(line)
                process.stdin.flush()
        with contextlib.suppress(OSError):
            process.stdin.close()

    def _receive(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            with open(self._files.bridge_log, "ab") as log:
                log.write(b"not a message of the bridge: " + line[:200].rstrip() + b"\n")
            return
        if "hello" in message:
            self.has_greeted = True
        self._on_line(self, message)
