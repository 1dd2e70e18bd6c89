"""A script that is saved elsewhere, or takes that are kept elsewhere: those that its nodes show are still shown.

Takes are named as the take root is: from the script's folder on, so that script and takes can be moved together, or by
whole paths, so that copies of the script find them. *Save as* into another folder moves the script alone.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

import nuke

from vera_client.errors import Refused
from vera_client.host.take_record import read_json

from . import undo
from .node import is_beside_script, shown_directory, spell_path, take_root, value


class Shown(NamedTuple):
    """What a node was last seen to show."""

    script: str
    text: str
    """As the knob has it, its expression not evaluated."""
    directory: Path
    """What that meant."""


_seen: dict[tuple[str, str], Shown] = {}
"""By node and which of its takes."""


def keep_shown(node: nuke.Node) -> None:
    """Points a node at its takes anew where its script's folder has become another one, and they are not there.

    Asks the disk only after such a change.
    """
    script = str(nuke.root().name())
    for which in ("take", "compare"):
        key, text = (node.fullName(), which), str(value(node, f"{which}_path"))
        was = _seen.get(key)
        if was is not None and (was.script, was.text) == (script, text):
            continue
        directory = shown_directory(node, which)
        if directory is not None and was is not None and was.text == text and not directory.is_dir():
            directory = was.directory
            with undo.unrecorded():  # it is the same take
                node[f"{which}_path"].setValue(spell_path(node, directory))
        if directory is None:
            _seen.pop(key, None)
        else:
            _seen[key] = Shown(script, str(value(node, f"{which}_path")), directory)


def follow_root(node: nuke.Node) -> None:
    """Names the takes that are shown as the take root is named now, where they lie below it. What lies elsewhere stays
    what it is: the same version below another root may be another take."""
    with contextlib.suppress(Refused):  # a root that is none yet is said when a button is pressed
        root = take_root(node)
        for which in ("take", "compare"):
            knob, directory = node[f"{which}_path"], shown_directory(node, which)
            if directory is None:
                continue
            below = root / directory.parent.name / directory.name
            said, text = str(value(node, knob.name())), spell_path(node, below)
            is_named_so = below == directory and is_beside_script(said) == is_beside_script(text)
            if not is_named_so and (below == directory or _take_id(below) == _take_id(directory) != ""):
                with undo.unrecorded():  # it is the same take
                    knob.setValue(text)


def _take_id(directory: Path) -> str:
    return str(read_json(directory / "take.json").get("take_id", ""))


def forget() -> None:
    """Another script: what was seen says nothing of it."""
    _seen.clear()
