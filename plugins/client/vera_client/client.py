"""The engine as a host sees it: requests out, messages in, and never a wait on the host's main thread.

Standard library only, so that it runs inside any host's Python from 3.9 on.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from .bridge_process import BridgeProcess
from .engine_files import EngineFiles, default_state_dir
from .errors import BridgeUnavailable, ClientClosed, NoReply, Refused, VeraClientError
from .interface import FINAL_STATES
from .ticket import Ticket


@dataclass
class _Watch:
    """What the client keeps of a watched take, so that a new bridge can go on where the old one ended."""

    number: int
    """Told back with every message, so that an older watch's last words are not taken for the newer one's."""
    after_sequence: int
    outcome: dict[str, Any] | None = None
    """The last message of the watch: a final state, or `failed`."""
    waiting: list[queue.SimpleQueue[dict[str, Any]]] = field(default_factory=list)


class VeraClient:
    """Speaks with one engine through a bridge process, which it starts on the first request.

    Requests: `submit` returns at once with a `Ticket`, and `poll` brings the answer as a message. The methods named
    after a request (`create_take`, `cancel`, ...) submit it and wait for the answer, at most `timeout` seconds; what
    they answer is not repeated by `poll`.

    Messages that `poll` returns, each a dict:

    - `{"reply": ticket_id, "method": ..., "result": ...}` or `{"reply": ticket_id, "method": ..., "error": {...}}`:
      the answer to a `submit`. An error has `kind`, `nature`, `argument`, `value`, `reason`, `remedy`.
    - `{"take_id", "sequence", "queued_at" | "state_changed" | "step_done" | "frame_written": ...}`: an event of a
      watched take, in order and each once. `state_changed` holds `{"take": {...}}`; `finished`, `cancelled` and
      `failed` are the last.
    - `{"take_id", "fetched": {"file_name", "file_count"}}`: a file has been brought from an engine that shares no file
      system; the state `finished` is told when all of them are there.
    - `{"take_id", "engine_lost": {"reason"}}`: the engine has died or does not answer; the bridge looks for it or
      starts another. Then `{"take_id", "engine_back": {"engine_version", "process_id"}}`, and the events go on.
    - `{"take_id", "failed": {...error...}}`: the watch is over without the take's final state being known.
    - `{"request_id", "uploaded": {"file_name", "file", "file_count"}}`: a file of the plate or mask has been sent.
    - `{"bridge_restarted": {"reason"}}`: the bridge had died; a new one has taken up its requests and watches.

    A take is a dict with the fields of proto's `Take`; enums are words: `edit_type` `add` or `background`, a mask's
    `meaning` `edit` or `keep`, `color_space` `lin_rec709`, `acescg` or `srgb`, `state` `queued`, `checking`, `running`,
    `writing`, `finished`, `cancelled` or `failed`; an empty word is left to the default.

    Args:
        python: The interpreter of the engine's environment. None: the variable VERA_EDIT_PYTHON, else the `python` file
            of the state directory, else the running interpreter where it has grpcio.
        state_dir: Where engine and clients meet. None: VERA_EDIT_STATE_DIR, else the platform's place.
        address: `host:port` or `unix:/path` of an engine that runs already; None: the engine of this user and state
            directory, started where it does not run.
        token: That engine's token. None: the variable VERA_EDIT_TOKEN.
        certificate: PEM file of the authority that signed the engine's certificate. None: the system's authorities.
            Beyond this machine a token and TLS are needed.
        model: `small` or a model folder for the engine; one that runs with another model is refused. None: any.
        device: `auto`, `cpu`, `cuda` or `mps`, for an engine that is started.
        idle_seconds: After that long without work, an engine that is started ends by itself. None: 1800; 0: never.
        threads: CPU threads, for an engine that is started. None: its own default.
    """

    def __init__(
        self,
        python: str | None = None,
        state_dir: os.PathLike[str] | str | None = None,
        address: str | None = None,
        *,
        token: str | None = None,
        certificate: os.PathLike[str] | str | None = None,
        model: str | None = None,
        device: str | None = None,
        idle_seconds: float | None = None,
        threads: int | None = None,
    ) -> None:
        self._files = EngineFiles(Path(state_dir).absolute() if state_dir else default_state_dir().absolute())
        self._python = python
        self._options = {
            "state_dir": str(self._files.state_dir),
            "address": address,
            "token": token or os.environ.get("VERA_EDIT_TOKEN"),
            "certificate": None if certificate is None else os.path.abspath(certificate),
            "model": os.path.abspath(model) if model and os.path.isdir(model) else model,
            "device": device,
            "idle_seconds": idle_seconds,
            "threads": threads,
        }
        self._lock = threading.RLock()
        self._inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._pending: dict[int, tuple[Ticket, dict[str, Any], bool]] = {}
        self._watches: dict[str, _Watch] = {}
        self._bridge: BridgeProcess | None = None
        self._may_restart = False
        self._is_closed = False
        atexit.register(self.close)

    # Requests

    def submit(self, method: str, **params: Any) -> Ticket:
        """Sends a request and returns at once; its answer comes by `poll` and in the ticket.

        Args:
            method: `engine_info`, `stop_engine`, `create_take`, `get_take`, `list_takes`, `cancel_take`, `delete_take`.
            params: As the method of (nearly) that name takes them.
        """
        return self._submit(method, params, tell=True)

    def engine_info(self, timeout: float = 30.0) -> dict[str, Any]:
        """Finds or starts the engine; proto's `GetEngineInfoResponse`.

        Raises:
            EngineUnavailable: None runs and none can be started; says why.
            EngineMismatch: One runs, with another interface version or model.
            BridgeUnavailable: The engine's environment is not there or broken.
        """
        info: dict[str, Any] = self._call("engine_info", {}, timeout)
        return info

    def create_take(
        self, request: dict[str, Any], timeout: float | None = 30.0, request_id: str | None = None
    ) -> dict[str, Any]:
        """Checks and queues a take; the take, with its effective settings.

        Where the engine does not see the plate's files they are sent first, which may take longer than `timeout`.

        Args:
            request: `{"node_id", "edit_type", "prompt", "frames": {"first_frame", "last_frame"}, "plate": {"path",
                "frame_offset", "color_space"}, "mask": {"source": {...}, "meaning", "invert"}, "settings": {"seed",
                "num_inference_steps", "guidance_scale"}, "take_root", "write_comp"}`. Left out or None: the default.
            request_id: The same id again answers with the same take. None: a new one.

        Raises:
            Refused: With the field at fault, its value, the reason and the remedy.
            VeraClientError: As `engine_info`.
        """
        params = {"request": request, "request_id": request_id or uuid.uuid4().hex}
        take: dict[str, Any] = self._call("create_take", params, timeout)
        return take

    def get_take(self, take_id: str, timeout: float = 30.0) -> dict[str, Any]:
        """The take as it is now."""
        take: dict[str, Any] = self._call("get_take", {"take_id": take_id}, timeout)
        return take

    def list_takes(self, node_id: str = "", take_root: str = "", timeout: float = 30.0) -> list[dict[str, Any]]:
        """Takes of one node or all, below one take root or all; oldest first, in every state."""
        params = {"node_id": node_id, "take_root": take_root}
        takes: list[dict[str, Any]] = self._call("list_takes", params, timeout)
        return takes

    def cancel(self, take_id: str, timeout: float = 30.0) -> dict[str, Any]:
        """Asks a take to stop, which it does within a step; the take as it is now. A final one stays as it is."""
        take: dict[str, Any] = self._call("cancel_take", {"take_id": take_id}, timeout)
        return take

    def delete_take(self, take_id: str, timeout: float = 30.0) -> None:
        """Removes a final take and its files."""
        self._call("delete_take", {"take_id": take_id}, timeout)

    def stop_engine(self, cancel_running: bool = False, timeout: float = 30.0) -> None:
        """Ends a running engine, of any interface version; refused while a take is queued or running, unless
        `cancel_running`. Does nothing where none runs."""
        self._call("stop_engine", {"cancel_running": cancel_running}, timeout)

    def watch(self, take_id: str, after_sequence: int = 0) -> None:
        """Has the take's events after that sequence come by `poll`, to its final state. Returns at once."""
        with self._lock:
            if self._is_closed:
                self._inbox.put({"take_id": take_id, "failed": _closed_error().as_dict()})
                return
            old = self._watches.get(take_id)
            watch = _Watch(next(self._numbers), after_sequence, waiting=old.waiting if old else [])
            self._watches[take_id] = watch
            self._may_restart = True
            self._send_watch(take_id, watch)

    # Messages

    def poll(self) -> list[dict[str, Any]]:
        """All messages that have come since the last call; never blocks."""
        messages = []
        with contextlib.suppress(queue.Empty):
            while True:
                messages.append(self._inbox.get_nowait())
        return messages

    def wait(
        self,
        take_id: str,
        on_event: Callable[[dict[str, Any]], None] | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Waits for a take's end, for use without a host; its messages go to `on_event` instead of `poll`.

        Returns:
            The take in its final state, which may be `cancelled` or `failed`.

        Raises:
            NoReply: It has not ended after `timeout` seconds.
            VeraClientError: The engine is lost and did not come back, or does not know the take.
        """
        messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        with self._lock:
            if self._is_closed:
                raise _closed_error()
            watch = self._watches.get(take_id)
            if watch and watch.outcome and "failed" not in watch.outcome:
                return dict(watch.outcome["state_changed"]["take"])
            if watch is None or watch.outcome:
                self.watch(take_id)
            waiting = self._watches[take_id].waiting
            waiting.append(messages)
        try:
            return self._wait(messages, take_id, on_event, timeout)
        finally:
            with self._lock:
                waiting.remove(messages)

    def close(self) -> None:
        """Ends the bridge; the engine and its takes go on. Requests still open fail with `ClientClosed`."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            bridge, self._bridge = self._bridge, None
            self._fail_all(_closed_error())
        if bridge:
            bridge.close()
        atexit.unregister(self.close)

    # What goes on behind

    def _submit(self, method: str, params: dict[str, Any], tell: bool) -> Ticket:
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
            try:
                self._send(message)
            except (TypeError, ValueError) as error:
                self._answer(ticket.ticket_id, error=_not_json(method, error))
            return ticket

    def _call(self, method: str, params: dict[str, Any], timeout: float | None) -> Any:
        return self._submit(method, params, tell=False).result(timeout)

    def _send(self, message: dict[str, Any]) -> None:
        if self._bridge is None:
            self._bridge = BridgeProcess(self._files, self._python, self._options, self._receive, self._bridge_ended)
        self._bridge.send(message)

    def _send_watch(self, take_id: str, watch: _Watch) -> None:
        params = {"take_id": take_id, "after_sequence": watch.after_sequence, "watch": watch.number}
        self._send({"method": "watch", "params": params})

    def _receive(self, bridge: BridgeProcess, message: dict[str, Any]) -> None:
        """In the reading thread: a line of the bridge."""
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
                watch = self._watches.get(message["take_id"])
                if watch and watch.number == message.pop("watch"):
                    self._tell_watch(watch, message)
            elif "hello" not in message:
                self._inbox.put(message)

    def _answer(self, ticket_id: int, result: Any = None, error: VeraClientError | None = None) -> None:
        if ticket_id not in self._pending:
            return  # answered twice: by a bridge that died after its answer, and by the next one
        ticket, _, tell = self._pending.pop(ticket_id)
        answer: dict[str, Any] = {"reply": ticket_id, "method": ticket.method}
        if error is None:
            ticket.resolve(result)
            answer["result"] = result
        else:
            ticket.fail(error)
            answer["error"] = error.as_dict()
        if tell:
            self._inbox.put(answer)

    def _tell_watch(self, watch: _Watch, message: dict[str, Any]) -> None:
        if watch.outcome is not None:
            return
        if "sequence" in message:
            if message["sequence"] <= watch.after_sequence:
                return
            watch.after_sequence = message["sequence"]
        take = message.get("state_changed", {}).get("take", {})
        if "failed" in message or take.get("state") in FINAL_STATES:
            watch.outcome = message
        for waiting in watch.waiting:
            waiting.put(message)
        if not watch.waiting:
            self._inbox.put(message)

    def _bridge_ended(self, bridge: BridgeProcess, error: BridgeUnavailable) -> None:
        """In the reading thread: the bridge has died, or could not be started."""
        with self._lock:
            if bridge is not self._bridge:
                return
            self._bridge = None
            if not (bridge.has_greeted and self._may_restart):
                self._fail_all(error)
                return
            self._may_restart = False  # until the next request: a request that kills bridges gets no third one
            self._inbox.put({"bridge_restarted": {"reason": error.reason}})
            for take_id, watch in self._watches.items():
                if watch.outcome is None:
                    self._send_watch(take_id, watch)
            for _, message, _ in self._pending.values():
                self._send(message)

    def _fail_all(self, error: VeraClientError) -> None:
        for ticket_id in list(self._pending):
            self._answer(ticket_id, error=error)
        for take_id, watch in self._watches.items():
            if watch.outcome is None:
                self._tell_watch(watch, {"take_id": take_id, "failed": error.as_dict()})

    @staticmethod
    def _wait(
        messages: queue.SimpleQueue[dict[str, Any]],
        take_id: str,
        on_event: Callable[[dict[str, Any]], None] | None,
        timeout: float | None,
    ) -> dict[str, Any]:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                message = messages.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise NoReply(f"Not ended after {timeout:g} s.", argument="take_id", value=take_id) from None
            if on_event:
                on_event(message)
            if "failed" in message:
                raise VeraClientError.from_dict(message["failed"])
            take: dict[str, Any] = message.get("state_changed", {}).get("take", {})
            if take.get("state") in FINAL_STATES:
                return take


def _closed_error() -> ClientClosed:
    return ClientClosed("The client is closed.", remedy="Make a new VeraClient.")


def _not_json(method: str, error: Exception) -> Refused:
    return Refused(f"The request holds something that is no JSON value: {error}.", argument=method)
