"""Changes anywhere in the script. Nuke tells a node of its own knobs alone, and a take may be stale by another's."""

from __future__ import annotations

import contextlib
import threading

from vera_client.errors import Refused

from . import main_thread
from .main_thread import Steps

SECONDS_TO_WAIT = 2.0
"""From a change to the look: what an artist drags changes many times."""

_timer: threading.Timer | None = None


def noticed() -> None:
    """Some node has changed. Main thread; called for every node of a script that is loaded, so it does next to
    nothing."""
    global _timer
    if _timer is None:
        _timer = threading.Timer(SECONDS_TO_WAIT, lambda: main_thread.in_slices(_look()))
        _timer.name, _timer.daemon = "Vera Edit changes", True
        _timer.start()


def _look() -> Steps[None]:
    """Has the nodes of ours looked at whose inputs Nuke says to be others than before, a step each. Main thread."""
    from . import marks, node

    global _timer
    _timer = None
    for each in node.vera_nodes():
        # What is refused is said when a button is pressed; a node may be deleted between two steps.
        with contextlib.suppress(Refused, ValueError):
            if node.is_of_this_version(each) and not marks.look_if_changed(each):
                noticed()  # another look was under way
        yield
