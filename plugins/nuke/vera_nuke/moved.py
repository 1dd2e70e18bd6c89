"""A script that is saved elsewhere: the takes that its nodes show stay where they are, and are still shown.

Takes are named from the script's folder on, so that script and takes can be moved together. *Save as* into another
folder moves the script alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import nuke

from . import undo
from .node import relative, shown_directory, value


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
                node[f"{which}_path"].setValue(relative(directory))
        if directory is None:
            _seen.pop(key, None)
        else:
            _seen[key] = Shown(script, str(value(node, f"{which}_path")), directory)


def forget() -> None:
    """Another script: what was seen says nothing of it."""
    _seen.clear()
