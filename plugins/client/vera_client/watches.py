"""What a client keeps of the takes it watches, so that each event is told once, whichever bridge brings it.

Standard library only.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Callable

from .interface import FINAL_STATES

Message = dict[str, Any]


@dataclass
class Watch:
    """One watched take, so that a new bridge can go on where the old one ended."""

    number: int
    """Told back with every message, so that an older watch's last words are not taken for the newer one's."""
    after_sequence: int
    outcome: Message | None = None
    """The last message of the watch: a final state, or `failed`."""
    listeners: list[queue.SimpleQueue[Message]] = field(default_factory=list)
    """Those that wait for the take; they are told instead of the client's inbox."""


class Watches:
    """The watches of one client. The client's lock guards every call.

    Args:
        tell: Called with messages that no listener takes.
    """

    def __init__(self, tell: Callable[[Message], None]) -> None:
        self._tell = tell
        self._watches: dict[str, Watch] = {}

    def get(self, take_id: str) -> Watch | None:
        """The take's watch, over or not; None where it never had one."""
        return self._watches.get(take_id)

    def begin(self, take_id: str, number: int, after_sequence: int) -> Watch:
        """A new watch in place of the take's former one, whose listeners go on listening."""
        former = self._watches.get(take_id)
        watch = Watch(number, after_sequence, listeners=former.listeners if former else [])
        self._watches[take_id] = watch
        return watch

    def unfinished(self) -> Iterator[tuple[str, Watch]]:
        """Those whose last message has not come."""
        return ((take_id, watch) for take_id, watch in list(self._watches.items()) if watch.outcome is None)

    def forget(self, take_id: str) -> None:
        """Drops a watch that is over: its take may go on, and who waits for it next has to watch it anew."""
        watch = self._watches.get(take_id)
        if watch is not None and watch.outcome is not None:
            del self._watches[take_id]

    def receive(self, message: Message) -> None:
        """Takes in a message of a watch, `watch` in it being the watch's number."""
        watch = self._watches.get(message["take_id"])
        if watch is not None and watch.number == message.pop("watch"):
            self.pass_on(watch, message)

    def pass_on(self, watch: Watch, message: Message) -> None:
        """Tells a message to the take's listeners, else to the inbox; one that is known already to nobody."""
        if watch.outcome is not None:
            return
        if "sequence" in message:
            if message["sequence"] <= watch.after_sequence:
                return
            watch.after_sequence = message["sequence"]
        if is_last(message):
            watch.outcome = message
        for listener in watch.listeners:
            listener.put(message)
        if not watch.listeners:
            self._tell(message)


def is_last(message: Message) -> bool:
    """Whether a watch is over with this message: a final state, or `failed`."""
    take = message.get("state_changed", {}).get("take", {})
    return "failed" in message or take.get("state") in FINAL_STATES
