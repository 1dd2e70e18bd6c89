"""What the node says of itself: its status, the take it shows, whether that is stale, and the engine. Main thread."""

from __future__ import annotations

import contextlib
from typing import Any

import nuke

from vera_client.errors import Refused
from vera_client.host import engine_words, session, take_folders
from vera_client.host.freshness import Verdict
from vera_client.host.run import Run
from vera_client.host.take_folders import TakeFolder

from . import engine, shown_takes, undo
from .node import TILE_COLOR, shown_directory, value, vera_nodes
from .shown_takes import shown_take

STALE_COLOR = 0xC87800FF
"""Amber."""
STALE_LINE = "stale"


def show_status(node: nuke.Node) -> None:
    """What the node's take is doing, or which one it shows."""
    say(node, "status", status_of(node))


def show_take_notes(node: nuke.Node) -> None:
    """Label, star and note of the take that is shown, and the choices."""
    with contextlib.suppress(Refused):  # a script that was never saved has no takes
        shown_takes.fill(node)
    take = shown_take(node)
    notes = take.notes if take else None
    for name, said in (
        ("take_label", notes.label if notes else ""),
        ("take_note", notes.note if notes else ""),
        ("take_starred", notes.starred if notes else False),
    ):
        if value(node, name) != said:
            _set(node[name], said)
    show_status(node)


def status_of(node: nuke.Node) -> str:
    here, node_id = session.known(), str(value(node, "vera_node_id"))
    run = here.run_of(node_id) if here else None
    lines = [text_of(run, behind(here, run))] if here and run else [shown_text(node, shown_take(node))]
    refusal = here.refusals.get(node_id) if here else None
    if refusal:
        lines.append(f"{refusal['reason']} {refusal['remedy']}".strip())
    return "\n".join([*lines, *left_open(node, here is not None and run is not None)])


def left_open(node: nuke.Node, is_known: bool) -> list[str]:
    """The node's takes that are not finished, for those that nobody here speaks of.

    Args:
        is_known: What is going on is said already.
    """
    with contextlib.suppress(Refused):
        return [] if is_known else [take.text for take in shown_takes.partial_takes(node)]
    return []


def text_of(run: Run, more: int) -> str:
    """A run's news, and how many wait behind it."""
    return "\n".join([run.text, *([f"{more} more to come"] if more else []), *run.warnings])


def behind(here: session.Session, run: Run) -> int:
    """How many of a node's takes come after the one that is spoken of."""
    others = [each for each in here.runs.get(run.node_id, ()) if each is not run]
    return sum(not each.is_final for each in others)


def shown_text(node: nuke.Node, take: TakeFolder | None) -> str:
    if take is None:
        is_gone = shown_directory(node) is not None
        gone = "The files of the take shown are gone: put them back, or choose another take"
        return gone if is_gone else "No take yet"
    gaps = f"; lacks {take_folders.spell_frames(take.missing_frames)}" if take.missing_frames else ""
    seam = f"; largest {take.seam.text}" if take.seam is not None and take.seam.may_be_seen else ""
    base = f", made from {take.base.version}" if take.base is not None else ""
    return "\n".join([f"{take.version}, frames {take.first_frame}-{take.last_frame}{base}{gaps}{seam}", *take.warnings])


def show_verdict(node: nuke.Node, verdict: Verdict | None) -> None:
    """Marks a stale take on the node itself, beside what the artist has put there, and says why in the panel.

    Args:
        verdict: None where there is no take to be stale.
    """
    reasons = verdict.reasons if verdict else ()
    unseen = verdict.unseen if verdict else ()
    lines = [*reasons, *([f"Not looked at: {', '.join(unseen)}"] if unseen else [])]
    say(node, "stale", "\n".join(lines) or ("It is what the node asks for" if verdict else "-"))
    label: Any = node["label"]
    color = node["tile_color"]
    own = label.getText()  # its value is what the Tcl in it gives
    lines = own.split("\n") if own else []
    if (STALE_LINE in lines) != bool(reasons):
        _set(label, "\n".join([*lines, STALE_LINE] if reasons else [line for line in lines if line != STALE_LINE]))
    if int(color.value()) == (TILE_COLOR if reasons else STALE_COLOR):  # no color of the artist's own
        _set(color, STALE_COLOR if reasons else TILE_COLOR)


def show_engine(node: nuke.Node) -> None:
    """What is known of the engine."""
    here = session.known()
    say(node, "engine_status", "\n".join(engine_words.engine_lines(here)) or "Not asked yet")
    show_device(node)


def show_engines() -> None:
    """The same, of every node."""
    for node in vera_nodes():
        show_engine(node)


def show_device(node: nuke.Node) -> None:
    """What the engine computes on, beside what the node would have it start on."""
    say(node, "device_now", engine.device_line(node))


def say(node: nuke.Node, name: str, text: str) -> None:
    """Sets a line of text, where it is another: a knob that is set has Nuke draw."""
    if node[name].value() != text:
        _set(node[name], text)


def _set(knob: Any, value: Any) -> None:
    with undo.unnoticed():
        knob.setValue(value)
