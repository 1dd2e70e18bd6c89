"""Takes on the way: a thread brings what the engine has to see to disk, and nothing waits on Nuke's main thread.

What runs is known by the session alone, never by a knob, where it would go stale after a crash.
"""

from __future__ import annotations

import threading
import traceback

import nuke

from vera_client.errors import Refused, VeraClientError
from vera_client.host import session
from vera_client.host.plate_files import NAMES
from vera_client.host.run import Run

from . import engine, main_thread, news, panel, shown_takes
from .node import shown_directory, value
from .orders import Order
from .upstream import Stopped


def start(node: nuke.Node, order: Order) -> None:
    """Has an order be made. With a window it returns at once; else when the takes are over.

    Raises:
        Refused: The node's take is still in work.
    """
    if not nuke.GUI:
        make(node, order)
        return
    job = _reserve(node, order)
    news.follow()
    threading.Thread(target=job.work, name="Vera Edit plate", daemon=True).start()
    panel.show_status(node)


def make(node: nuke.Node, order: Order) -> list[Run]:
    """Makes an order here and now, and waits for its takes.

    Returns:
        The runs, all over.

    Raises:
        Refused: The node's take is still in work.
    """
    _reserve(node, order).work()
    here = engine.connect(node)
    runs = here.runs[order.node_id]
    try:
        here.wait([run for run in runs if not run.is_final])
    finally:
        for run in runs:
            news.settle(run)
        panel.show_status(node)
    return runs


def _reserve(node: nuke.Node, order: Order) -> Job:
    here = engine.connect(node)
    running = here.run_of(order.node_id)
    if running is not None and not running.is_final:
        raise Refused(
            "This node's take is still in work.",
            argument="node",
            value=order.node_id,
            remedy="Wait for it or cancel it.",
        )
    run = Run(order.node_id, "", {}, shown_before=str(shown_directory(node) or ""), text="Looking at the plate")
    here.reserve(run)
    news.asked_by(node)
    return Job(order, run)


class Job:
    """The way from an order to requests that are sent; the order's `Progress`. Where none are sent, `run` says why."""

    def __init__(self, order: Order, run: Run) -> None:
        self.order = order
        self.run = run

    def tell(self, name: str, frame: int, done: int, count: int) -> None:
        self.run.progress = done / count
        self.run.text = (
            f"Rendering the {NAMES[name]}, frame {frame}: Nuke stands still for each frame, {done} of {count} are done"
        )
        if done == 0:  # what can only block says so first
            news.show_now(self.run.node_id)
        news.stir()

    def is_stopped(self) -> bool:
        return self.run.wants_cancel

    def work(self) -> None:
        """In a thread, or on the main thread of a Nuke without a window."""
        runs: list[Run] = []
        try:
            runs = self.order.make(self)
        except Stopped:
            self.run.state, self.run.text = "cancelled", "Cancelled before it was sent"
        except VeraClientError as error:
            self.run.fail(error.as_dict())
        except Exception as error:  # noqa: BLE001, a thread has nobody else to tell
            traceback.print_exc()
            self.run.fail({"reason": f"{type(error).__name__}: {error}.", "remedy": "Nuke's terminal says more."})
        main_thread.call(self._send, runs)

    def _send(self, runs: list[Run]) -> None:
        here = session.known()
        if here is None or here.runs.get(self.run.node_id) != [self.run]:
            return  # the session was closed meanwhile
        if not runs or self.run.wants_cancel:
            if not self.run.is_final:
                self.run.state, self.run.text = "cancelled", "Cancelled before it was sent"
            news.settle(self.run)
        else:
            for run in runs:
                run.shown_before = self.run.shown_before
            here.start(runs)
        news.stir()


def cancel(node: nuke.Node) -> None:
    """Asks the node's takes to stop, within a step."""
    here = session.known()
    if here is not None:
        here.cancel(str(value(node, "vera_node_id")))
        news.follow()
        panel.show_status(node)


def left_in_work(node: nuke.Node) -> list[Run]:
    """Takes of a node that an engine works on, or will once it runs, and that nobody here follows yet: of a Nuke that
    has ended since, or of another one."""
    here = session.known()
    followed = {run.take_id for runs in here.runs.values() for run in runs} if here else set()
    node_id, shown = str(value(node, "vera_node_id")), str(shown_directory(node) or "")
    return [
        Run(node_id, "", {}, shown_before=shown, take_id=take.take_id, version=take.version)
        for take in shown_takes.partial_takes(node)
        if take.take_id and not take.is_stopped and take.take_id not in followed
    ]


def reconnect(node: nuke.Node) -> None:
    """Follows takes again that are in work since an earlier session.

    Raises:
        Refused: There are none.
    """
    runs = left_in_work(node)
    if not runs:
        raise Refused("No take is in work but those that are followed.", argument="node", value=node.name())
    news.asked_by(node)
    engine.connect(node).start(runs)
    news.follow()
    panel.show_status(node)
