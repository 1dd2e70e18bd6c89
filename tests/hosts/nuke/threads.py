"""Work beside Nuke's main thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import nuke


def in_thread(work: Callable[[], Any]) -> list[Any]:
    """What some work in a thread gives or raises, while the main thread is served."""
    outcome: list[Any] = []

    def do() -> None:
        try:
            outcome.append(work())
        except Exception as error:  # noqa: BLE001
            outcome.append(error)

    threading.Thread(target=do, daemon=True).start()
    nuke.main_thread.pump_until(lambda: bool(outcome), 20)
    return outcome
