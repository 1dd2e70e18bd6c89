"""What the panel's buttons and knobs do. None of it waits for the engine, and none raises in a Nuke with a window."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any, Callable

import nuke

from vera_client.errors import Refused, VeraClientError
from vera_client.host.requests import whole_range
from vera_client.host.take_folders import TakeFolder

from . import engine, engine_actions, layers, marks, moved, news, orders, panel, settings, shown_takes, undo, work
from . import node as nodes
from .shown_takes import shown_take

ASKED_ABOUT = ("TakeStarred", "TakeShared")
"""What an engine refuses to delete unless it is told so."""
Action = Callable[[nuke.Node], object]


def generate(node: nuke.Node) -> None:
    """Takes of the plate as it is now."""
    _have_script_saved(node)
    work.start(node, orders.order_takes(node))


def rerun(node: nuke.Node) -> None:
    """A range of the take shown, made again."""
    work.start(node, orders.order_reruns(node, _require_take(node)))


def finish_again(node: nuke.Node) -> None:
    """The layers of the take shown, made anew without the model."""
    work.start(node, orders.order_finish(node, _require_take(node)))


def resume(node: nuke.Node) -> None:
    """The newest stopped take, gone on with."""
    _go_on(node, "resume_take")


def keep_frames(node: nuke.Node) -> None:
    """A take of what the newest stopped one has done."""
    _go_on(node, "keep_frames")


def refresh(node: nuke.Node) -> None:
    """A look at the disk."""
    panel.show_take_notes(node)
    marks.look_soon(node, is_asked_for=True)


def delete_take(node: nuke.Node) -> None:
    """A take that no node shows, chosen in a dialog."""
    takes = {name: take.directory for name, take in shown_takes.takes_by_name(node).items()}
    takes.update({take.text: take.version_directory for take in shown_takes.partial_takes(node) if take.is_stopped})
    if not takes:
        raise Refused("This node has no takes.", argument="take", remedy="Generate one.")
    names = [name for name, directory in takes.items() if not news.shown_by(directory)]
    if not names:
        raise Refused(
            "All takes of this node are shown by nodes.", argument="take", remedy="Choose another take there first."
        )
    chosen = nuke.choice("Delete a take", "Its files are deleted for good.", names)
    if chosen is not None:
        delete(node, takes[names[int(chosen)]])


def delete(node: nuke.Node, directory: Path, is_sure: bool = False) -> None:
    """Deletes a take and its files; where it is starred or others are based on it, the artist is asked first.

    Args:
        directory: Its version directory.
        is_sure: The artist was asked.

    Raises:
        Refused: A node shows it.
    """
    showing = news.shown_by(directory)
    if showing:
        raise Refused(
            f"{directory.name} is shown by {', '.join(showing)}.",
            argument="take",
            value=directory,
            remedy="Choose another take there first.",
        )

    def answered(message: dict[str, Any]) -> None:
        error = message.get("error")
        if error and error["kind"] in ASKED_ABOUT and nuke.ask(f"{error['reason']} Delete it all the same?"):
            delete(node, directory, is_sure=True)
        panel.show_take_notes(node)

    news.ask(node, "delete_take", answered, directory=str(directory), force=is_sure)


def adopt_settings(node: nuke.Node) -> None:
    """Sets the node to what the take shown was made with."""
    take = _require_take(node)
    if "request" not in take.record:
        raise Refused(f"The take.json of {take.version} does not say how it was made.", argument="take")
    with undo.one_step(f"Settings of {take.version}"):
        for name, value in settings.of_take(take).items():
            node[name].setValue(value)
    nodes.gray_out(node)  # Nuke tells nobody of knobs that a script sets
    marks.look_soon(node, is_asked_for=True)


def start_own_stack(node: nuke.Node) -> None:
    """From now on the node's takes are its own; those it has stay in its list."""
    nodes.start_own_stack(node)
    panel.show_take_notes(node)


def rerun_from_viewer(node: nuke.Node) -> None:
    """The range between the viewer's in and out points."""
    viewer = nuke.activeViewer()
    said = str(viewer.node()["frame_range"].value()) if viewer is not None else ""
    ends = re.match(r"\s*(-?\d+)(?:\s*-\s*(-?\d+))?", said)
    if ends is None:
        reason = "No viewer is open, or it has no in and out points."
        raise Refused(reason, argument="frames", value=said, remedy="Set them, or give the range by hand.")
    frames = whole_range(int(ends[1]), int(ends[2] or ends[1]))
    with undo.one_step("Viewer's in and out"):
        node["rerun_first_frame"].setValue(frames[0])
        node["rerun_last_frame"].setValue(frames[-1])


def check_take(node: nuke.Node) -> None:
    """Has the engine prove that the take shown leaves the plate alone outside its matte."""
    take = _require_take(node)

    def show(message: dict[str, Any]) -> None:
        error = message.get("error")
        said = f"{error['reason']} {error['remedy']}" if error else message["result"]["verdict"]
        panel.say(node, "verdict", f"{take.version}: {said}".strip())

    panel.say(node, "verdict", f"{take.version}: checking")
    news.ask(node, "check_take", show, directory=str(take.directory))


def updated(node: nuke.Node) -> None:
    """Something in the script has changed, perhaps above the node."""
    shown_otherwise(node)
    with contextlib.suppress(Refused):  # said when a button is pressed
        marks.look_if_changed(node)


def shown_otherwise(node: nuke.Node) -> None:
    """The node may show another take than its panel speaks of, after an undo. A terminal has neither."""
    if not nuke.GUI or all(shown_takes.is_said(node, choice) for choice in shown_takes.CHOICES):
        return
    if _said_before.get(node.fullName()) != _said(node):
        panel.show_take_notes(node)
        _said_before[node.fullName()] = _said(node)  # what an expression holds cannot be set, and is not tried again
        with contextlib.suppress(Refused):
            marks.look_soon(node, is_asked_for=True)


_said_before: dict[str, list[tuple[str, Path | None]]] = {}
"""By node: what its choices stood at, and what they should have, after they were set."""


def _said(node: nuke.Node) -> list[tuple[str, Path | None]]:
    choices = shown_takes.CHOICES.items()
    return [(str(node[choice].value()), nodes.shown_directory(node, which)) for choice, which in choices]


def asked_otherwise(node: nuke.Node) -> None:
    """A knob that says what is asked for has changed."""
    with contextlib.suppress(Refused):
        marks.look_soon(node)


def loaded(node: nuke.Node) -> None:
    """The node has come with its script: its choices and marks are as the disk says."""
    panel.show_take_notes(node)
    panel.show_engine(node)
    with contextlib.suppress(Refused):
        marks.look_soon(node, is_asked_for=True)


def _go_on(node: nuke.Node, method: str) -> None:
    stopped = shown_takes.newest_stopped(node)
    if stopped is None:
        raise Refused(
            "No take of this node was stopped.",
            argument="take",
            remedy="Generate one, or reconnect to what is in work.",
        )
    work.start(node, orders.order_going_on(node, method, stopped.version_directory))


def _require_take(node: nuke.Node) -> TakeFolder:
    take = shown_take(node)
    if take is None:
        gone = nodes.shown_directory(node)
        raise Refused(
            "The node shows no take." if gone is None else "The files of the take shown are gone.",
            argument="take",
            value=gone or "",
            remedy="Choose the one that is meant." if gone is None else "Put them back, or choose another take.",
        )
    return take


def _have_script_saved(node: nuke.Node) -> None:
    """Offers to save a script that never was, where takes are kept beside it."""
    is_beside = nodes.is_beside_script(str(nodes.value(node, "take_root")))
    question = "Takes are kept beside the script, which was never saved. Save it now?"
    if nuke.GUI and is_beside and not nodes.script_path() and nuke.ask(question):
        with contextlib.suppress(RuntimeError):  # the dialog was cancelled
            nuke.scriptSaveAs()


def _annotate(node: nuke.Node, **changed: Any) -> None:
    """Has what the artist says of the take shown be kept with it, where it is something new."""
    take = shown_take(node)
    if take is None or all(getattr(take.notes, name) == value for name, value in changed.items()):
        return
    if not shown_takes.is_said(node):
        raise Refused(
            f"The panel spoke of another take than {take.version}, which the node shows.",
            argument="take",
            value=str(node["take"].value()),
            remedy="Press Refresh, and say it again.",
        )
    shown = lambda _: panel.show_take_notes(node)  # noqa: E731
    news.ask(node, "update_take", shown, directory=str(take.directory), **changed)


def _root_chosen(node: nuke.Node) -> None:
    moved.follow_root(node)
    panel.show_take_notes(node)


def _take_chosen(node: nuke.Node) -> None:
    shown_takes.choose(node)
    panel.show_take_notes(node)
    marks.look_soon(node, is_asked_for=True)


def guarded(action: Action) -> Action:
    """What cannot be done is said in artist's words: in the panel and a dialog, or without a window by raising."""

    def do(node: nuke.Node) -> None:
        try:
            action(node)
        except VeraClientError as error:
            if not nuke.GUI:
                raise
            panel.say(node, "status", str(error))
            nuke.message(str(error))

    return do


PRESSED: dict[str, Action] = {
    name: guarded(action)
    for name, action in {
        "generate": generate,
        "cancel": work.cancel,
        "resume": resume,
        "keep_frames": keep_frames,
        "refresh": refresh,
        "delete_take": delete_take,
        "adopt_settings": adopt_settings,
        "start_own_stack": start_own_stack,
        "rerun_from_viewer": rerun_from_viewer,
        "rerun": rerun,
        "unfold": layers.unfold,
        "finish_again": finish_again,
        "check_take": check_take,
        "ask_engine": engine_actions.ask_engine,
        "stop_engine": engine_actions.stop_engine,
        "unload": engine_actions.unload,
        "doctor": engine_actions.look_for_faults,
        "reconnect": work.reconnect,
    }.items()
}
"""By the button's name."""

ASKS = """
    edit_type prompt frames_from first_frame last_frame mask_meaning mask_invert seed use_new_seed variants
    preset use_model_settings steps guidance exposure region_from region_box region_margin finish_detail finish_refine
    finish_black finish_white finish_despill finish_highlights holdout_invert plate_colorspace plate_view inputChange
"""
"""Knobs that say what is asked for: the take that is shown may be stale when they change."""

CHANGED: dict[str, Action] = {
    **dict.fromkeys(ASKS.split(), asked_otherwise),
    "showPanel": lambda node: panel.show_take_notes(node),
    "engine_address": guarded(engine.choose),
    **dict.fromkeys(("device", "device_name"), panel.show_device),
    "take_root": _root_chosen,
    **dict.fromkeys(("take_path", "compare_path"), shown_otherwise),
    "take": guarded(_take_chosen),
    "compare_take": guarded(shown_takes.choose_compared),
    "take_label": guarded(lambda node: _annotate(node, label=str(nodes.value(node, "take_label")))),
    "take_note": guarded(lambda node: _annotate(node, note=str(nodes.value(node, "take_note")))),
    "take_starred": guarded(lambda node: _annotate(node, starred=settings.is_on(node, "take_starred"))),
}
"""By the knob's name."""
