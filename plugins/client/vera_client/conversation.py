"""The talk between a client and its bridge: open requests, watches, and another bridge where one has died.

Standard library only, and no call waits: threads of `BridgeProcess` write and read.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import threading
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from .bridge_process import BridgeProcess
from .engine_files import EngineFiles
from .errors import BridgeUnavailable, ClientClosed, Refused, VeraClientError
from .ticket import Ticket
from .watches import Message, Watch, Watches

REOPENING = ("resume_take", "keep_frames")
"""Requests after which a final take may be final no longer, or otherwise."""


class Conversation:
    """What one client says and hears.

    Args:
        files: Of the state directory.
        python: The bridge's interpreter, as for `find_python`.
        options: The bridge's first line.
    """

    def __init__(self, files: EngineFiles, python: str | None, options: Mapping[str, Any]) -> None:
        self._files = files
        self._python = python
        self._options = options
        self._lock = threading.RLock()
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._pending: dict[int, tuple[Ticket, Message, bool]] = {}
        self._watches = Watches(self._inbox.put)
        self._bridge: BridgeProcess | None = None
        self._may_restart = False
        self._is_closed = False

    def submit(self, method: str, params: dict[str, Any], tell: bool) -> Ticket:
        """Sends a request; its answer comes in the ticket and, where `tell` is true, by `poll` too."""
        if method == "create_take":
            params = {"request_id": uuid.uuid4().hex, **params}
        with self._lock:
            ticket = Ticket(next(self._numbers), method)
            message = {"id": ticket.ticket_id, "method": method, "params": params}
            self._pending[ticket.ticket_id] = (ticket, message, tell)
            if self._is_closed:
                self._answer(ticket.ticket_id, error=_closed_error())
                return ticket
            self._may_restart = True
            if method in REOPENING:
                self._watches.forget(params.get("take_id", ""))
            try:
                self._send(message)
            except (TypeError, ValueError) as error:
                self._answer(ticket.ticket_id, error=_not_json(method, error))
            return ticket

    def watch(self, take_id: str, after_sequence: int) -> None:
        """Has the take's events after that sequence come by `poll` or to who listens."""
        with self._lock:
            if self._is_closed:
                self._inbox.put({"take_id": take_id, "failed": _closed_error().as_dict()})
                return
            watch = self._watches.begin(take_id, next(self._numbers), after_sequence)
            self._may_restart = True
            self._send_watch(take_id, watch)

    @contextlib.contextmanager
    def listen(self, take_id: str) -> Iterator[queue.SimpleQueue[Message]]:
        """The take's messages as they come, which `poll` does not return meanwhile; watches the take where nobody did.

        Where its end is known already, that is the first and only message.

        Raises:
            ClientClosed
        """
        messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        with self._lock:
            if self._is_closed:
                raise _closed_error()
            watch = self._watches.get(take_id)
            if watch and watch.outcome and "failed" not in watch.outcome:
                messages.put(watch.outcome)
            elif watch is None or watch.outcome:
                self.watch(take_id, 0)
                watch = self._watches.get(take_id)
            assert watch is not None
            listeners = watch.listeners
            listeners.append(messages)
        try:
            yield messages
        finally:
            with self._lock:
                listeners.remove(messages)

    def poll(self) -> list[Message]:
        """All messages that have come since the last call; never blocks."""
        messages = []
        with contextlib.suppress(queue.Empty):
            while True:
                messages.append(self._inbox.get_nowait())
        return messages

    def close(self) -> None:
        """Ends the bridge; what is still open fails with `ClientClosed`. Waits for the bridge's end."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            bridge, self._bridge = self._bridge, None
            self._fail_all(_closed_error())
        if bridge:
            bridge.close()

    # To the bridge

    def _send(self, message: Message) -> None:
        if self._bridge is None:
            self._bridge = BridgeProcess(self._files, self._python, self._options, self._receive, self._bridge_ended)
        self._bridge.send(message)

    def _send_watch(self, take_id: str, watch: Watch) -> None:
        params = {"take_id": take_id, "after_sequence": watch.after_sequence, "watch": watch.number}
        self._send({"method": "watch", "params": params})

    # From the bridge, in its reading thread

    def _receive(self, bridge: BridgeProcess, message: Message) -> None:
        with self._lock:
            if bridge is not self._bridge:
                return
            if "reply" in message:
                error = message.get("error")
                self._answer(
                    message["reply"],
                    result=message.get("result"),
                    error=VeraClientError.from_dict(error) if error is not None else None,
                )
            elif "watch" in message:
                self._may_restart |= not self._pending  # a bridge that brings events may die of anything but a request
                self._watches.receive(message)
            elif "hello" not in message:
                self._inbox.put(message)

    def _answer(self, ticket_id: int, result: Any = None, error: VeraClientError | None = None) -> None:
        if ticket_id not in self._pending:
            return  # answered twice: by a bridge that died after its answer, and by the next one
        ticket, _, tell = self._pending.pop(ticket_id)
        answer: Message = {"reply": ticket_id, "method": ticket.method}
        if error is None:
            if ticket.method in REOPENING:
                self._watches.forget(result["take_id"])  # the request may have named the take by its directory
            ticket.resolve(result)
            answer["result"] = result
        else:
            ticket.fail(error)
            answer["error"] = error.as_dict()
        if tell:
            self._inbox.put(answer)

    def _bridge_ended(self, bridge: BridgeProcess, error: BridgeUnavailable) -> None:
        """The bridge has died, or could not be started."""
        with self._lock:
            if bridge is not self._bridge:
                return
            self._bridge = None
            if not (bridge.has_greeted and self._may_restart):
                self._fail_all(error)
                return
            self._may_restart = False  # until the next request: a request that kills bridges gets no third one
            self._inbox.put({"bridge_restarted": {"reason": error.reason}})
            for take_id, watch in self._watches.unfinished():
                self._send_watch(take_id, watch)
            for _, message, _ in self._pending.values():
                self._send(message)

    def _fail_all(self, error: VeraClientError) -> None:
        for ticket_id in list(self._pending):
            self._answer(ticket_id, error=error)
        for take_id, watch in self._watches.unfinished():
            self._watches.pass_on(watch, {"take_id": take_id, "failed": error.as_dict()})


def _closed_error() -> ClientClosed:
    return ClientClosed("The client is closed.", remedy="Make a new VeraClient.")


def _not_json(method: str, error: Exception) -> Refused:
    return Refused(f"The request holds something that is no JSON value: {error}.", argument=method)
