"""The engine's own `vera-edit doctor`, run in a thread."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path
from typing import Callable

import nuke

from vera_client.bridge_process import child_environment, find_python
from vera_client.engine_files import EngineFiles, default_state_dir
from vera_client.errors import VeraClientError

from . import main_thread

SECONDS = 120


def examine(take_root: Path | None, tell: Callable[[str], None]) -> None:
    """Looks for what is wrong with the installation; returns at once in a Nuke with a window, else with the report.

    Args:
        take_root: Is looked at too; None: it is not known.
        tell: Called on the main thread with the report.
    """
    if not nuke.GUI:
        tell(report(take_root))
        return

    def work() -> None:
        main_thread.call(tell, report(take_root))

    threading.Thread(target=work, name="Vera Edit doctor", daemon=True).start()


def report(take_root: Path | None) -> str:
    """What the doctor says, line by line, or why it cannot be asked."""
    more = [] if take_root is None else ["--take-root", str(take_root)]
    try:
        python = find_python(EngineFiles(default_state_dir()))
        ended = subprocess.run(
            [python, "-m", "vera_engine.cli.main", "doctor", *more],
            env=child_environment(python, os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            creationflags=0 if os.name == "posix" else 0x08000000,  # no window
        )
    except VeraClientError as error:
        return str(error)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"The doctor could not be asked: {error}"
    return ended.stdout.decode("utf-8", "replace").strip()
