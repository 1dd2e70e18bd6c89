"""The knobs of the node, as one table: from it the node is made, brought up to date and documented.

No Nuke here: the table is read by the documentation too.
"""

from __future__ import annotations

from collections.abc import Iterator

from .color import COLOR
from .edit import EDIT
from .engine import ENGINE
from .hidden import HIDDEN, VERSION
from .kinds import Kind, Knob, Tab, Value
from .matte import MATTE
from .model import MODEL

__all__ = [
    "BY_NAME",
    "HIDDEN",
    "OF_TAKES",
    "TABS",
    "VERSION",
    "Kind",
    "Knob",
    "Tab",
    "Value",
    "all_knobs",
    "text",
    "word",
]

TABS = (EDIT, MATTE, MODEL, COLOR, ENGINE, HIDDEN)


def all_knobs() -> Iterator[Knob]:
    """Every knob of every tab, in order."""
    for tab in TABS:
        yield from tab.knobs


BY_NAME = {knob.name: knob for knob in all_knobs()}
OF_TAKES = ("take", "compare_take")
"""Choices that besides their own words offer the takes on disk."""


def word(name: str, text: str) -> str:
    """The word for what a choice shows.

    Raises:
        KeyError: It is none of the table's.
    """
    return {shown: word for word, shown in BY_NAME[name].choices}[text]


def text(name: str, word: str) -> str:
    """What a choice shows for a word.

    Raises:
        KeyError: The choice has no such word.
    """
    return dict(BY_NAME[name].choices)[word]
