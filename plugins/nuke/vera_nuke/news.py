"""What the engine says of takes, taken in as it comes: a thread listens, and Nuke's main thread is called only where
there is news."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Callable

import nuke

from vera_client.errors import Refused, VeraClientError
from vera_client.host import engine_words, rendered, session, take_folders
from vera_client.host.run import Run

from . import engine, main_thread, marks, panel, progress, shown_takes
from .node import show_take, shown_directory, take_root, value, vera_nodes

TICK_SECONDS = 0.25

_askers: dict[str, nuke.Node] = {}
"""By node id: the node that asked. Copies share an id, and the one that asked is the one to show the take."""
_follower: threading.Thread | None = None
_stirred = threading.Event()
"""There is something to follow that the engine has not said."""
_awaited: dict[int, tuple[nuke.Node, Callable[[dict[str, Any]], None]]] = {}
"""By ticket: whose it is, and what to do with the answer."""


def follow() -> None:
    """Has what the engine says be taken in until nothing is to come. Main thread; does nothing without a window, where
    who waits takes it in himself."""
    global _follower
    _stirred.set()
    if nuke.GUI and (_follower is None or not _follower.is_alive()):
        _follower = threading.Thread(target=_follow, name="Vera Edit news", daemon=True)
        _follower.start()


def _follow() -> None:
    """In a thread: asks for news, and the main thread only where there are some."""
    bars = progress.Bars()
    goes_on = True
    while goes_on:
        is_due = _stirred.wait(TICK_SECONDS)
        _stirred.clear()
        here = session.known()
        messages = here.client.poll() if here is not None else []
        cancelled = bars.cancelled()
        if is_due or messages or cancelled or here is None:
            goes_on, shown = main_thread.call(_tick, messages, cancelled)
            bars.follow(shown)
        bars.draw()


def _tick(messages: list[dict[str, Any]], cancelled: list[str]) -> tuple[bool, list[tuple[str, Run]]]:
    """On the main thread: takes in what the engine has said.

    Returns:
        Whether more is to come, and what is going on: each node's name and the run to speak of.
    """
    global _follower
    here = session.known()
    if here is None:
        _follower = None
        return False, []
    for node_id in cancelled:
        here.cancel(node_id)
    changed = here.take_in(messages)
    for run in changed:
        _settle(here, run)
    _show_status({run.node_id for run in [*changed, *here.unfinished()]} | set(here.refusals))
    _answered(messages)
    if engine_words.is_device_open(here) and any(run.state == "finished" and not run.existing for run in changed):
        here.ask_engine()  # it has loaded its model, and says on what
    unfinished = dict.fromkeys(run.node_id for run in here.unfinished())
    spoken_of = ((node_id, here.run_of(node_id)) for node_id in unfinished)
    if not here.is_waiting:
        _follower = None
    return here.is_waiting, [(_name_of(node_id), run) for node_id, run in spoken_of if run is not None]


def _settle(here: session.Session, run: Run) -> None:
    try:
        settle(run)
    except VeraClientError as error:  # somebody was at the node's inside
        here.refusals[run.node_id] = error.as_dict()


def show_now(node_id: str) -> None:
    """Has the panels of a node's copies say what is going on before something holds the main thread. From any thread;
    waits."""
    main_thread.call(_show_status, {node_id})


def _show_status(node_ids: set[str]) -> None:
    for node in vera_nodes():
        if str(value(node, "vera_node_id")) in node_ids:
            panel.show_status(node)


def stir() -> None:
    """Has the follower look, for there is something that the engine has not said. From any thread."""
    _stirred.set()


def ask(node: nuke.Node, method: str, answered: Callable[[dict[str, Any]], None] | None = None, **params: Any) -> Any:
    """Sends a request of a node that makes no take: its refusal is said in the panel.

    Args:
        answered: Called on the main thread with the message of the answer, if the node is still there.

    Returns:
        The client's ticket.
    """
    ticket = engine.connect(node).send(str(value(node, "vera_node_id")), method, **params)
    if answered is not None:
        _awaited[ticket.ticket_id] = node, answered
    follow()
    return ticket


def forget_refusal(node: nuke.Node) -> None:
    """The artist has seen it, and decides."""
    here = session.known()
    if here is not None:
        here.refusals.pop(str(value(node, "vera_node_id")), None)
        panel.show_status(node)


def _answered(messages: list[dict[str, Any]]) -> None:
    for message in messages:
        awaited = _awaited.pop(message.get("reply", 0), None)
        if awaited is not None and is_there(awaited[0]):
            _hear(*awaited, message)
    if any(message.get("method") == "engine_info" for message in messages):
        panel.show_engines()


def _hear(node: nuke.Node, answered: Callable[[dict[str, Any]], None], message: dict[str, Any]) -> None:
    """What follows from an answer may be refused too."""
    try:
        answered(message)
    except VeraClientError as error:
        panel.say(node, "status", str(error))
        nuke.message(str(error))


def asked_by(node: nuke.Node) -> None:
    """Remembers a node that is about to ask."""
    _askers[str(value(node, "vera_node_id"))] = node


def settle(run: Run) -> None:
    """Ends a run that is final: shows its take in the node that asked, if that is still there, the artist has chosen no
    other take since, and no other variant is shown."""
    if not run.is_final or run.is_settled:
        return
    run.is_settled = True
    node = asker(run.node_id)
    here = session.known()
    if node is None or here is None:
        return
    _prune(node)
    is_wanted = str(shown_directory(node) or "") == run.shown_before
    is_first = not any(each.is_shown for each in here.runs[run.node_id])
    if run.state == "finished" and is_wanted and is_first:
        take = take_folders.read_take_folder(run.directory)
        if take is None:
            run.fail({"reason": f"The take's folder {run.directory} holds no layers.", "remedy": "Generate again."})
        else:
            show_take(node, take)
            run.is_shown = True
            marks.look_soon(node, is_asked_for=True)
    panel.show_take_notes(node)


def asker(node_id: str) -> nuke.Node | None:
    """The node whose takes a node id's are: the one that asked, or after an undo or another loading of the script the
    one there is; None where it is gone, or copies leave it open."""
    asked = _askers.get(node_id)
    if asked is not None and is_there(asked) and str(value(asked, "vera_node_id")) == node_id:
        return asked
    nodes = [node for node in vera_nodes() if str(value(node, "vera_node_id")) == node_id]
    return nodes[0] if len(nodes) == 1 else None


def is_there(node: nuke.Node) -> bool:
    """A node that was deleted answers nothing any more."""
    try:
        node.name()
    except ValueError:
        return False
    return True


def shown_by(directory: Path) -> list[str]:
    """The nodes of the script that show the take of a version directory, or compare with it."""
    return [
        node.name() for node in vera_nodes() if directory in (shown_directory(node), shown_directory(node, "compare"))
    ]


def _name_of(node_id: str) -> str:
    node = asker(node_id)
    return "a node that is gone" if node is None else str(node.name())


def _prune(node: nuke.Node) -> None:
    """Removes rendered plates of the node that no take speaks of."""
    here = session.known()
    in_use = [str(run.params) for run in here.unfinished()] if here else []
    try:
        root, folder = take_root(node), shown_takes.node_folder(node)
    except Refused:
        return
    threading.Thread(target=rendered.prune, args=(root, folder, in_use), daemon=True).start()
