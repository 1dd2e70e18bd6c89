"""docs/nuke_knobs.md, made of the very table that the Nuke node is made of: `python docs/make_nuke_knobs.py`."""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "nuke_knobs.md"
sys.path.insert(0, str(REPOSITORY / "plugins" / "nuke"))

from vera_nuke import knobs  # noqa: E402
from vera_nuke.knobs import Kind, Knob, Tab  # noqa: E402

WORDS = {
    Kind.TEXT: "text",
    Kind.LONG_TEXT: "text, several lines",
    Kind.FOLDER: "folder",
    Kind.WHOLE: "whole number",
    Kind.NUMBER: "number",
    Kind.SWITCH: "switch",
    Kind.CHOICE: "choice",
    Kind.BOX: "box",
    Kind.BUTTON: "button",
    Kind.NOTE: "tells",
    Kind.LINK: "of the Read inside",
}
HEAD = """# The knobs of the Nuke node

This page is made by `docs/make_nuke_knobs.py` from `plugins/nuke/vera_nuke/knobs`, the table that the node itself is
made from. The names are those for Python (`node["prompt"].setValue("add a red ball")`) and for expressions. What the
buttons do is told in [first take in Nuke](tutorials/first-take-nuke.md); renders and render farms need none of them.
"""


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join([HEAD, *(section(tab) for tab in knobs.TABS)])


def section(tab: Tab) -> str:
    lead = ["Hidden; the inner nodes follow some of them by expressions.", ""] if tab is knobs.HIDDEN else []
    rows = [row(knob) for knob in tab.knobs if knob.kind is not Kind.NOTE or knob.is_passing]
    return "\n".join(
        [f"## {tab.label}", "", *lead, "| knob | name | is | default | |", "|---|---|---|---|---|", *rows, ""]
    )


def row(knob: Knob) -> str:
    cells = (knob.label, f"`{knob.name}`", kind_of(knob), default_of(knob), knob.tooltip + needs_of(knob))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def kind_of(knob: Knob) -> str:
    if knob.name in knobs.OF_TAKES:
        return "choice of the takes on disk"
    if knob.choices:
        return ", ".join(shown for _, shown in knob.choices)
    return WORDS[knob.kind]


def default_of(knob: Knob) -> str:
    if knob.kind is Kind.CHOICE:
        return knobs.text(knob.name, str(knob.default))
    if knob.kind is Kind.SWITCH:
        return "on" if knob.default else "off"
    if knob.kind in (Kind.NOTE, Kind.BUTTON) or knob.default == "":
        return ""
    if isinstance(knob.default, tuple):
        return " ".join(f"{value:g}" for value in knob.default)
    return f"`{knob.default}`" if isinstance(knob.default, str) else f"{knob.default:g}"


def needs_of(knob: Knob) -> str:
    if knob.needs is None:
        return ""
    other, wanted = knob.needs
    needed = knobs.BY_NAME[other]
    said = knobs.text(other, str(wanted)) if needed.kind is Kind.CHOICE else "on" if wanted else "off"
    return f" Counts where *{needed.label}* is *{said}*."


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
