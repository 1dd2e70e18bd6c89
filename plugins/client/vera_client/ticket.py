"""The stub a host keeps of a request that is under way. Standard library only."""

from __future__ import annotations

import concurrent.futures
from typing import Any

from .errors import NoReply


class Ticket:
    """A request's answer, once it is there.

    Args:
        ticket_id: Stands as `reply` in the message that `VeraClient.poll` returns when the answer has come.
        method: The request's method.
    """

    def __init__(self, ticket_id: int, method: str) -> None:
        self.ticket_id = ticket_id
        self.method = method
        self._future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def done(self) -> bool:
        """Whether the answer, or an error in its place, is there. Never blocks."""
        return self._future.done()

    def result(self, timeout: float | None = None) -> Any:
        """The answer, waiting at most `timeout` seconds for it (None: as long as it takes).

        Raises:
            NoReply: It did not come in time.
            VeraClientError: It is an error: the one the engine, the bridge or the client gave.
        """
        try:
            return self._future.result(timeout)
        except concurrent.futures.TimeoutError:
            raise NoReply(
                f"No answer within {timeout:g} s.",
                argument=self.method,
                remedy="Try again; `vera-edit doctor` says how the engine is.",
            ) from None

    def resolve(self, result: Any) -> None:
        """Puts the answer in; for the client alone."""
        self._future.set_result(result)

    def fail(self, error: Exception) -> None:
        """Puts an error in the answer's place; for the client alone."""
        self._future.set_exception(error)
