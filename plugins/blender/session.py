# SPDX-License-Identifier: GPL-3.0-or-later
"""The takes in work: one client for this Blender, and for each node what its last request has come to.

Knows nothing of bpy. Running state lives here and not in the file, where it would go stale after a crash.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .client_package import VeraClient, VeraClientError

FINAL_STATES = ("finished", "cancelled", "failed")
WORDS = {
    "queued": "In the queue",
    "checking": "Reading the plate",
    "running": "Loading the model",
    "writing": "Writing",
}
REPLY_SECONDS = 120.0
"""How long a blocking caller waits for the engine to be found or started and to answer; starting takes seconds."""


@dataclass
class Run:
    """What has become of a node's request."""

    node_id: str
    request: dict[str, Any]
    scratch: Path | None = None
    """Folder of plates rendered for this request alone; removed when it is over."""
    ticket: Any = None
    take_id: str = ""
    version: str = ""
    state: str = "sent"
    text: str = "Asking the engine"
    progress: float = 0.0
    """0 to 1."""
    warnings: list[str] = field(default_factory=list)
    error: dict[str, str] | None = None
    sequence: int = 0
    wants_cancel: bool = False
    is_settled: bool = False
    """The node has been pointed at the take and the scratch folder removed."""

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def directory(self) -> Path:
        """The version directory as this machine sees it."""
        return Path(self.request["take_root"]) / self.node_id / self.version

    def fail(self, error: dict[str, str]) -> None:
        self.state, self.error = "failed", error
        self.text = " ".join(["Failed:", error["reason"], error.get("remedy", "")]).strip()

    def take_changed(self, take: dict[str, Any]) -> None:
        self.take_id, self.version, self.state = take["take_id"], take["version"], take["state"]
        self.warnings = list(take.get("warnings", []))
        if self.state == "failed":
            self.fail(take["error"])
        elif self.state == "finished":
            self.progress, self.text = 1.0, f"{self.version} finished in {take['seconds']['total']:.0f} s"
        elif self.state == "cancelled":
            self.text = f"{self.version} cancelled"
        else:
            self.text = WORDS[self.state]


class Session:
    """One client and the runs of its nodes. All methods are for the main thread.

    Args:
        client: A `VeraClient`, or whatever speaks as it does.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.runs: dict[str, Run] = {}
        self.engine: dict[str, Any] | None = None
        """What the engine says of itself, once it was asked."""
        self.notice = ""
        """What concerns no single node: why the engine could not be asked."""

    def start(self, run: Run) -> Run:
        """Sends a run's request; returns at once."""
        run.ticket = self.client.submit("create_take", request=run.request)
        self.runs[run.node_id] = run
        if self.engine is None:
            self.ask_engine()
        return run

    def ask_engine(self) -> Any:
        """Asks the engine for its model, words and working size; the answer comes with `drain`."""
        self.notice = ""
        return self.client.submit("engine_info")

    def cancel(self, node_id: str) -> None:
        """Asks the node's take to stop, at once or as soon as the engine has named it."""
        run = self.runs.get(node_id)
        if run is None or run.is_final:
            return
        run.wants_cancel, run.text = True, "Stopping"
        if run.take_id:
            self.client.submit("cancel_take", take_id=run.take_id)

    def drain(self) -> list[Run]:
        """Takes in all messages that have come, without waiting.

        Returns:
            The runs they were about, each once.
        """
        changed = {}
        for message in self.client.poll():
            for run in self.apply(message):
                changed[run.node_id] = run
        return list(changed.values())

    def wait(self, run: Run) -> Run:
        """Blocks until the run is final. A KeyboardInterrupt cancels it and is passed on."""
        try:
            with contextlib.suppress(VeraClientError):  # its message comes by `drain` too
                run.ticket.result(REPLY_SECONDS)
            self.drain()
            if run.take_id and not run.is_final:
                with contextlib.suppress(VeraClientError):  # `apply` has seen the same failure
                    self.client.wait(run.take_id, on_event=self.apply)
                self.drain()
            if not run.is_final:
                run.fail({"reason": "The engine does not answer.", "remedy": "`vera-edit doctor` says how it is."})
        except KeyboardInterrupt:
            self.cancel(run.node_id)
            raise
        return run

    def apply(self, message: dict[str, Any]) -> list[Run]:
        """Takes in one message of the client.

        Returns:
            The runs it was about.
        """
        if "reply" in message:
            return self._reply(message)
        if "take_id" not in message:
            return []
        about = [run for run in self.runs.values() if run.take_id == message["take_id"] and not run.is_final]
        for run in about:
            # Events are numbered: one that comes late by another way says nothing new.
            if message.get("sequence", run.sequence + 1) > run.sequence:
                run.sequence = message.get("sequence", run.sequence)
                self._event(run, message)
        return about

    def _reply(self, message: dict[str, Any]) -> list[Run]:
        error = message.get("error")
        if message["method"] == "engine_info":
            self.engine, self.notice = (None, error["reason"]) if error else (message["result"], "")
            return []
        about = [run for run in self.runs.values() if run.ticket and run.ticket.ticket_id == message["reply"]]
        for run in about:
            if error:
                run.fail(error)
                continue
            run.take_changed(message["result"])
            self.client.watch(run.take_id)
            if run.wants_cancel:
                self.client.submit("cancel_take", take_id=run.take_id)
        return about

    @staticmethod
    def _event(run: Run, message: dict[str, Any]) -> None:
        if "state_changed" in message:
            run.take_changed(message["state_changed"]["take"])
        elif "failed" in message:
            run.fail(message["failed"])
        elif "engine_lost" in message:
            run.text = f"Engine lost: {message['engine_lost']['reason']} Looking for it"
        elif "engine_back" in message:
            run.text = "Engine is back"
        elif "queued_at" in message:
            run.text = f"In the queue, place {message['queued_at']['place']}"
        elif "step_done" in message:
            done = message["step_done"]
            steps_before = (done["window"] - 1) * done["step_count"]
            run.progress = (steps_before + done["step"]) / (done["window_count"] * done["step_count"])
            window = f", window {done['window']} of {done['window_count']}" if done["window_count"] > 1 else ""
            run.text = f"Step {done['step']} of {done['step_count']}{window}"
        elif "frame_written" in message:
            run.text = f"Frame {message['frame_written']['frame']} written"


_current: Session | None = None


def current(**connection: Any) -> Session:
    """The session of this Blender; made, with a client that is given `connection`, where there is none yet."""
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


def unfinished() -> Iterator[Run]:
    """The runs that are not over."""
    if _current is not None:
        yield from (run for run in _current.runs.values() if not run.is_final)
