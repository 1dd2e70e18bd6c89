"""The takes in work: one client for this host, and for each node what its last requests have come to.

Running state lives here and not in the file, where it would go stale after a crash.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from ..client import VeraClient
from ..errors import VeraClientError
from .run import Run

REPLY_SECONDS = 120.0
"""How long a blocking caller waits for the engine to be found or started and to answer; starting takes seconds."""


class Session:
    """One client and the runs of its nodes. All methods are for the main thread.

    Args:
        client: A `VeraClient`, or whatever speaks as it does.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.runs: dict[str, list[Run]] = {}
        """By node: those of its last request, one a variant."""
        self.engine: dict[str, Any] | None = None
        """What the engine says of itself, once it was asked."""
        self.notice = ""
        """What concerns no single node: why the engine could not be asked."""
        self.refusals: dict[str, dict[str, str]] = {}
        """By node: why its last errand was refused."""
        self.color_spaces: list[str] = []
        """The names that the engine knows, once it was asked."""
        self.proofs: dict[str, dict[str, Any]] = {}
        """By version directory: what `check_take` has found."""
        self._errands: dict[int, tuple[str, str, dict[str, Any]]] = {}
        """Requests under way that are no runs: for which node, the method and its parameters."""

    def reserve(self, run: Run) -> None:
        """Has a node's request be known before it can be sent: its plate is on the way to the disk."""
        self.refusals.pop(run.node_id, None)
        self.runs[run.node_id] = [run]

    def start(self, runs: list[Run]) -> None:
        """Sends a node's requests; returns at once."""
        for run in runs:
            if run.method:
                run.ticket = self.client.submit(run.method, **run.params)
            else:
                self.client.watch(run.take_id)
            self.refusals.pop(run.node_id, None)
        self.runs.update({run.node_id: runs for run in runs})
        if self.engine is None:
            self.ask_engine()

    def ask_engine(self) -> Any:
        """Asks the engine for its model, words and working size; the answer comes with `drain`."""
        self.notice = ""
        ticket = self.client.submit("engine_info")
        self._errands[ticket.ticket_id] = ("", "engine_info", {})
        return ticket

    def ask_color_spaces(self) -> Any:
        """Asks the engine for the names of colour spaces; the answer comes with `drain`."""
        return self.client.submit("color_spaces")

    def send(self, node_id: str, method: str, **params: Any) -> Any:
        """Sends a node's errand: a request that makes no take. Where it is refused, `refusals` says so.

        Returns:
            The client's ticket.
        """
        self.refusals.pop(node_id, None)
        ticket = self.client.submit(method, **params)
        self._errands[ticket.ticket_id] = (node_id, method, params)
        return ticket

    def is_checking(self, directory: str) -> bool:
        """Whether `check_take` of a version directory is under way."""
        asked = (params.get("directory") for _, method, params in self._errands.values() if method == "check_take")
        return directory in asked

    def run_of(self, node_id: str) -> Run | None:
        """The one of a node's runs to speak of: the first that is not over, else the first that failed, else the last.
        None where it has none."""
        runs = self.runs.get(node_id, [])
        unfinished = [run for run in runs if not run.is_final] or [run for run in runs if run.state == "failed"]
        return next(iter([*unfinished, *reversed(runs)]), None)

    def cancel(self, node_id: str) -> None:
        """Asks the node's takes to stop, at once or as soon as the engine has named them."""
        for run in self.runs.get(node_id, []):
            if run.is_final:
                continue
            run.wants_cancel, run.text = True, "Stopping"
            if run.take_id:
                self.client.submit("cancel_take", take_id=run.take_id)

    def unfinished(self) -> Iterator[Run]:
        """The runs that are not over."""
        yield from (run for runs in self.runs.values() for run in runs if not run.is_final)

    @property
    def is_waiting(self) -> bool:
        """Whether something is to come: worth draining for."""
        return bool(self._errands) or any(True for _ in self.unfinished())

    def drain(self) -> list[Run]:
        """Takes in all messages that have come, without waiting.

        Returns:
            The runs they were about, each once.
        """
        return self.take_in(self.client.poll())

    def take_in(self, messages: Iterable[dict[str, Any]]) -> list[Run]:
        """Takes in messages of the client that another thread has polled for.

        Returns:
            The runs they were about, each once.
        """
        changed: dict[int, Run] = {}
        for message in messages:
            changed |= {id(run): run for run in self.apply(message)}
        return list(changed.values())

    def wait(self, runs: list[Run]) -> None:
        """Blocks until the runs are final. A KeyboardInterrupt cancels them and is passed on."""
        try:
            for run in runs:
                self._wait(run)
        except KeyboardInterrupt:
            self.cancel(runs[0].node_id)
            raise

    def _wait(self, run: Run) -> None:
        if run.ticket is not None:
            with contextlib.suppress(VeraClientError):  # its message comes by `drain` too
                run.ticket.result(REPLY_SECONDS)
            self.drain()
        if run.take_id and not run.is_final:
            with contextlib.suppress(VeraClientError):  # `apply` has seen the same failure
                self.client.wait(run.take_id, on_event=self.apply)
            self.drain()
        if not run.is_final:
            run.fail({"reason": "The engine does not answer.", "remedy": "`vera-edit doctor` says how it is."})

    def apply(self, message: dict[str, Any]) -> list[Run]:
        """Takes in one message of the client.

        Returns:
            The runs it was about.
        """
        if "reply" in message:
            return self._reply(message)
        if "take_id" not in message:
            return []
        about = [run for run in self.unfinished() if run.take_id == message["take_id"]]
        for run in about:
            # Events are numbered: one that comes late by another way says nothing new.
            if message.get("sequence", run.sequence + 1) > run.sequence:
                run.sequence = message.get("sequence", run.sequence)
                run.event(message)
        return about

    def _reply(self, message: dict[str, Any]) -> list[Run]:
        error = message.get("error")
        node_id, method, params = self._errands.pop(message["reply"], ("", "", {}))
        if message["method"] == "engine_info":
            self.engine, self.notice = (None, error["reason"]) if error else (message["result"], "")
            return []
        if message["method"] == "color_spaces" and not error:
            self.color_spaces = list(message["result"]["names"])
        if method == "stop_engine" and not error:
            self.engine = None
        if node_id and error:
            self.refusals[node_id] = error
        elif method == "check_take":
            self.proofs[params["directory"]] = message["result"]
        about = [run for run in self._all() if run.ticket and run.ticket.ticket_id == message["reply"]]
        for run in about:
            if error:
                run.fail(error)
                continue
            run.take_changed(message["result"])
            if not run.is_final:
                self.client.watch(run.take_id)
                if run.wants_cancel:
                    self.client.submit("cancel_take", take_id=run.take_id)
        return about

    def _all(self) -> Iterator[Run]:
        yield from (run for runs in self.runs.values() for run in runs)


_current: Session | None = None


def current(**connection: Any) -> Session:
    """The session of this host; made, with a client that is given `connection`, where there is none yet."""
    global _current
    if _current is None:
        _current = Session(VeraClient(**connection))
    return _current


def known() -> Session | None:
    """The session, if there is one: for drawing, which must start nothing."""
    return _current


def close() -> None:
    """Lets go of the engine; takes in work go on in it."""
    global _current
    if _current is not None:
        _current.client.close()
    _current = None


def let_go() -> None:
    """As `close`, without waiting for the bridge's end."""
    global _current
    here, _current = _current, None
    if here is not None:
        threading.Thread(target=here.client.close, name="vera-client-parting", daemon=True).start()
