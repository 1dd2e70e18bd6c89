"""The engine's own `vera-edit doctor`, run in a thread."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import Callable

from vera_client.bridge_process import child_environment, find_python
from vera_client.engine_files import EngineFiles, default_state_dir
from vera_client.errors import VeraClientError

from . import main_thread

SECONDS = 120


def examine(tell: Callable[[str], None]) -> None:
    """Looks for what is wrong with the installation; returns at once in a Nuke with a window.

    Args:
        tell: Called on the main thread with the report.
    """
    thread = threading.Thread(target=lambda: main_thread.call(tell, report()), name="Vera Edit doctor", daemon=True)
    thread.start()


def report() -> str:
    """What the doctor says, line by line, or why it cannot be asked."""
    try:
        python = find_python(EngineFiles(default_state_dir()))
        ended = subprocess.run(
            [python, "-m", "vera_engine.cli.main", "doctor"],
            env=child_environment(python, os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
        )
    except VeraClientError as error:
        return str(error)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"The doctor could not be asked: {error}"
    return ended.stdout.decode("utf-8", "replace").strip()
