"""What an artist takes back with one step of undo, and what is none of it."""

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


@contextmanager
def unrecorded() -> Iterator[None]:
    """What is done meanwhile cannot be taken back."""
    nuke.Undo.disable()
    try:
        yield
    finally:
        nuke.Undo.enable()


@contextmanager
def unnoticed() -> Iterator[None]:
    """What is done meanwhile the node says by itself, of what is so anyway: there is nothing to take back, and no other
    script that has to be saved."""
    was_modified = nuke.modified()
    try:
        with unrecorded():
            yield
    finally:
        if not was_modified and nuke.modified():
            nuke.modified(False)
