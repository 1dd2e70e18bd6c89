"""Watching one take: its events in order and each once, across the loss of an engine, to the take's end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Callable

import grpc

from vera_edit.v1 import engine_pb2, takes_pb2

from ..errors import EngineUnavailable, Refused, TransferFailed, VeraClientError
from ..interface import FINAL_STATES
from .channel import answered
from .convert import WORDS, error_from_status, to_dict
from .deliveries import Deliveries
from .engine_link import SECONDS_TO_ANSWER, Engine, EngineLink
from .transfer import fetch_layers

QUIET_SECONDS = 15.0
"""After that long without an event the engine is asked whether it is still there."""
SECONDS_TO_COME_BACK = 60.0
"""For how long an engine that is not ours to start is looked for again."""
SECONDS_BETWEEN_LOOKS = 1.0
MOST_LOSSES = 3
"""Without news between them: an engine that dies of a take would do so for ever."""

LOST = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
    }
)
"""What a call says when its engine dies under it, in one moment of its death or another."""


WORDS_OF_STATES = {value: word for word, value in WORDS["TakeState"].items()}


class TakeWatch:
    """One watch of one take.

    Args:
        link: The way to the engine.
        deliveries: What has to be fetched at the end.
        take_id: The take.
        after_sequence: Events after this one are told.
        tell: Called with every message of the watch but for its `take_id`.
    """

    def __init__(
        self,
        link: EngineLink,
        deliveries: Deliveries,
        take_id: str,
        after_sequence: int,
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        self._link = link
        self._deliveries = deliveries
        self._take_id = take_id
        self._after_sequence = after_sequence
        self._tell = tell

    async def run(self) -> None:
        """To the take's final state, or `failed` where that cannot be known."""
        try:
            await self._run()
        except (VeraClientError, OSError) as error:
            if isinstance(error, OSError):
                error = TransferFailed(f"The layers cannot be written: {error}.", nature="internal")
            self._tell({"failed": error.as_dict()})

    async def _run(self) -> None:
        losses = 0
        engine = await self._link.connect()
        while True:
            sequence_before = self._after_sequence
            try:
                if await self._follow(engine):
                    return
                reason = "The engine has ended the events before the take's end."
            except grpc.aio.AioRpcError as error:
                told = error_from_status(error)
                if error.code() not in LOST or isinstance(told, Refused):
                    raise told from error
                reason = f"The engine is lost: {error.details()}."
            losses = losses + 1 if self._after_sequence == sequence_before else 1
            if losses > MOST_LOSSES:
                raise EngineUnavailable(
                    f"The engine was lost {losses} times without getting on with this take.",
                    argument="take_id",
                    value=self._take_id,
                    remedy=f"Its log is {self._link.files.engine_log}.",
                )
            self._tell({"engine_lost": {"reason": reason}})
            self._link.drop(engine)
            engine = await self._reconnect()
            self._tell(
                {"engine_back": {name: engine.info[name] for name in ("engine_version", "process_id")}},
            )

    async def _reconnect(self) -> Engine:
        deadline = time.monotonic() + SECONDS_TO_COME_BACK
        while True:
            try:
                return await self._link.connect()
            except EngineUnavailable:
                if self._link.options.address is None or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def _follow(self, engine: Engine) -> bool:
        """Tells events until the stream's end; True where the take's final state is told by then.

        A take that had ended and was resumed has final states in the middle of its events: the engine ends the stream
        after the last of them only.
        """
        end: takes_pb2.TakeEvent | None = None
        async for event in self._events(engine):
            if end is not None:
                self._tell_event(end, "ended_before")
                end = None
            if WORDS_OF_STATES.get(event.state_changed.take.state) in FINAL_STATES:
                end = event
            else:
                self._tell_event(event)
        if end is None:
            return await self._end_without_news(engine)
        await self._tell_end(engine, end.state_changed.take, end.sequence)
        return True

    def _tell_event(self, event: takes_pb2.TakeEvent, state_changed: str = "state_changed") -> None:
        message = to_dict(event)
        del message["take_id"]
        if "state_changed" in message:
            message[state_changed] = {"take": self._deliveries.localize(message.pop("state_changed")["take"])}
        self._after_sequence = event.sequence
        self._tell(message)

    async def _tell_end(self, engine: Engine, take: takes_pb2.Take, sequence: int | None) -> None:
        """The final state, once the files of a finished take are on this side."""
        delivery = self._deliveries.get(self._take_id)
        if take.state == takes_pb2.TAKE_STATE_FINISHED and delivery.directory and delivery.is_open:
            await fetch_layers(engine, self._take_id, delivery.directory, lambda file: self._tell({"fetched": file}))
        message: dict[str, Any] = {"state_changed": {"take": self._deliveries.localize(to_dict(take))}}
        if sequence is not None:
            message = {"sequence": sequence, **message}
            self._after_sequence = sequence
        self._tell(message)

    async def _end_without_news(self, engine: Engine) -> bool:
        """Where a watch begins at a take's last event or after it, the take itself says how it ended."""
        request = takes_pb2.GetTakeRequest(take_id=self._take_id)
        take = (await answered(engine.takes.GetTake(request, timeout=SECONDS_TO_ANSWER, metadata=engine.metadata))).take
        if WORDS_OF_STATES.get(take.state) not in FINAL_STATES:
            return False
        await self._tell_end(engine, take, None)
        return True

    async def _events(self, engine: Engine) -> AsyncIterator[takes_pb2.TakeEvent]:
        request = takes_pb2.WatchTakeRequest(take_id=self._take_id, after_sequence=self._after_sequence)
        call = engine.takes.WatchTake(request, metadata=engine.metadata)
        read: asyncio.Future[Any] | None = None
        try:
            while True:
                read = asyncio.ensure_future(answered(call.read()))
                while not (await asyncio.wait({read}, timeout=QUIET_SECONDS))[0]:
                    ping = engine_pb2.GetEngineInfoRequest()
                    await answered(
                        engine.service.GetEngineInfo(ping, timeout=3 * SECONDS_TO_ANSWER, metadata=engine.metadata)
                    )
                response = read.result()
                if not isinstance(response, takes_pb2.WatchTakeResponse):
                    return
                yield response.event
        finally:
            if read:
                read.cancel()
            call.cancel()
