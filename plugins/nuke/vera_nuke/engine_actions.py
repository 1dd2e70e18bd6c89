"""What the Engine tab's buttons do. None of it waits for the engine."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import nuke

from vera_client.errors import Refused

from . import doctor, engine, news, panel
from .node import take_root

IN_WORK = "TakeRunning"
"""Why an engine refuses to end unless it is told so."""


def ask_engine(node: nuke.Node) -> None:
    """Finds or starts the engine and has it say how it is."""
    panel.say(node, "engine_status", "Asking the engine")
    engine.connect(node).ask_engine()
    news.follow()


def stop_engine(node: nuke.Node, is_sure: bool = False) -> None:
    """Ends the engine; while takes are in work the artist is asked first. One that others work with too is not ended
    under them.

    Args:
        is_sure: The artist was asked.
    """

    def answered(message: dict[str, Any]) -> None:
        error = message.get("error")
        panel.show_engines()
        if error and error["kind"] == IN_WORK and not engine.is_elsewhere():
            news.forget_refusal(node)
            if nuke.ask("Takes are in work. Cancel them and stop the engine? What is done of them stays."):
                stop_engine(node, is_sure=True)
            return
        _say_outcome(node, message, "The engine has ended; the next take starts it")

    news.ask(node, "stop_engine", answered, cancel_running=is_sure)


def unload(node: nuke.Node) -> None:
    """Has the engine free its model and the graphics card's memory."""
    news.ask(node, "unload", lambda message: _say_outcome(node, message, "The engine has let go of its model"))


def look_for_faults(node: nuke.Node) -> None:
    """Runs the engine's own doctor, which looks at the node's take root too."""
    root: Path | None = None
    with contextlib.suppress(Refused):  # a script that was never saved has none
        root = take_root(node)

    def tell(report: str) -> None:
        if news.is_there(node):
            panel.say(node, "engine_status", report)

    panel.say(node, "engine_status", "The doctor looks")
    doctor.examine(root, tell)


def _say_outcome(node: nuke.Node, message: dict[str, Any], done: str) -> None:
    error = message.get("error")
    panel.say(node, "engine_status", f"{error['reason']} {error['remedy']}".strip() if error else done)
