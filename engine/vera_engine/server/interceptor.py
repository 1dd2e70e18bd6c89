"""Around every call: who may call, how errors are answered, and when there was last something to do."""

from __future__ import annotations

import contextlib
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import grpc

from vera_engine.server.status import Unauthenticated, abort

OWN_SERVICES = "/vera_edit.v1."

Context = grpc.aio.ServicerContext[Any, Any]


class Activity:
    """Whether calls are being answered, and how long ago the last one was."""

    def __init__(self) -> None:
        self._calls = 0
        self._last = time.monotonic()

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """For the length of a call."""
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            self.touch()

    def touch(self) -> None:
        self._last = time.monotonic()

    def idle_seconds(self) -> float:
        """Seconds without a call; 0 while one is answered."""
        return 0.0 if self._calls else time.monotonic() - self._last


class CallInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in its stubs alone
    """Asks every caller for the token; answers errors of the engine's own services."""

    def __init__(self, token: str | None, activity: Activity) -> None:
        """Args:
        token: What callers must show as `authorization: Bearer <token>`; None: nothing.
        activity: Told of calls to the engine's own services (a health watch would keep an engine alive for ever).
        """
        self._expected = None if token is None else f"Bearer {token}".encode()
        self._activity = activity

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        may_call = self._may_call(handler_call_details)
        if may_call and not handler_call_details.method.startswith(OWN_SERVICES):
            return handler
        asked = "stream" if handler.request_streaming else "unary"
        if handler.response_streaming:
            name = f"{asked}_stream"
            return handler._replace(**{name: self._streaming(getattr(handler, name) if may_call else _refuse_stream)})
        name = f"{asked}_unary"
        return handler._replace(**{name: self._single(getattr(handler, name) if may_call else _refuse)})

    def _may_call(self, details: grpc.HandlerCallDetails) -> bool:
        if self._expected is None:
            return True
        shown = dict(details.invocation_metadata or ()).get("authorization", "")
        return hmac.compare_digest(str(shown).encode(), self._expected)

    def _single(self, behaviour: Callable[[Any, Context], Awaitable[Any]]) -> Any:
        async def answer(request: Any, context: Context) -> Any:
            with self._activity.call():
                try:
                    return await behaviour(request, context)
                except Exception as error:  # noqa: BLE001 - every error has an answer; `typed` logs the unforeseen
                    await abort(context, error)

        return answer

    def _streaming(self, behaviour: Callable[[Any, Context], AsyncIterator[Any]]) -> Any:
        async def answer(request: Any, context: Context) -> AsyncIterator[Any]:
            with self._activity.call():
                try:
                    async for response in behaviour(request, context):
                        yield response
                except Exception as error:  # noqa: BLE001 - every error has an answer; `typed` logs the unforeseen
                    await abort(context, error)

        return answer


async def _refuse(request: Any, context: Context) -> Any:
    raise Unauthenticated(
        "The engine's token is missing or wrong.",
        argument="authorization",
        remedy="Take the token from the engine's own engine.json; it is new with every start.",
    )


async def _refuse_stream(request: Any, context: Context) -> AsyncIterator[Any]:
    yield await _refuse(request, context)
