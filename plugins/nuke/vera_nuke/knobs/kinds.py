"""What a knob of the table is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Union

Value = Union[bool, int, float, str, tuple[float, ...]]


class Kind(Enum):
    """What a knob holds, by the name of Nuke's class."""

    TEXT = "String_Knob"
    LONG_TEXT = "Multiline_Eval_String_Knob"
    FOLDER = "File_Knob"
    WHOLE = "Int_Knob"
    NUMBER = "Double_Knob"
    SWITCH = "Boolean_Knob"
    CHOICE = "Enumeration_Knob"
    BOX = "BBox_Knob"
    BUTTON = "PyScript_Knob"
    NOTE = "Text_Knob"
    """A line of text. With none Nuke draws a rule under its label; what has nothing to say therefore says "-"."""
    LINK = "Link_Knob"
    """A knob of an inner node, shown on the group."""


@dataclass(frozen=True)
class Knob:
    """One knob. Names are the same words as in Blender's node and, where they reach it, in the engine's requests."""

    name: str
    kind: Kind
    label: str
    tooltip: str
    default: Value = ""
    choices: tuple[tuple[str, str], ...] = ()
    """Of a choice: the word that code and requests use, and what the artist reads."""
    limits: tuple[float, float] | None = None
    """Of a number: what its slider covers, both ends included."""
    target: str = ""
    """Of a link: the inner node and its knob, `Layers.raw`."""
    is_hidden: bool = False
    """For the node itself, not for the artist."""
    is_passing: bool = False
    """Says what is so at the moment; not saved."""
    joins_line: bool = False
    """Stands beside the knob before it."""
    needs: tuple[str, Value] | None = None
    """Another knob and what it has to say, a choice by its word, for this one to count; else it is grayed out."""


@dataclass(frozen=True)
class Tab:
    """A tab of the node's panel."""

    name: str
    label: str
    knobs: tuple[Knob, ...]


def rule(name: str, label: str) -> Knob:
    """A line across the panel."""
    return Knob(name, Kind.NOTE, label, "")
