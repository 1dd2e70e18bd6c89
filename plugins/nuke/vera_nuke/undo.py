"""What an artist takes back with one step of undo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import nuke


@contextmanager
def one_step(name: str) -> Iterator[None]:
    """All that is done meanwhile is one step, by that name in the menu."""
    nuke.Undo.begin(name)
    try:
        yield
    finally:
        nuke.Undo.end()
