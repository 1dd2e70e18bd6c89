"""`python -m vera_client.bridge`: a JSON object a line, requests on stdin, answers and events on stdout.

In: first `{"options": {...}}`, then `{"id", "method", "params"}`, or `{"method": "watch", "params": {"take_id",
"after_sequence", "watch"}}`, which has no reply but events. Out: `{"hello": {...}}`, `{"reply", "result" | "error"}`
and the messages of `VeraClient.poll`. It ends when its stdin does; the engine goes on.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import traceback
from collections.abc import Mapping
from typing import Any, BinaryIO, Callable

from ..errors import VeraClientError
from ..interface import INTERFACE_VERSION
from .deliveries import Deliveries
from .engine_link import EngineLink, LinkOptions
from .requests import Requests
from .watch import TakeWatch

SECONDS_TO_CLOSE = 1.0


class Bridge:
    """One client's bridge.

    Args:
        options: The client's first line.
        tell: Sends a message to the client.
    """

    def __init__(self, options: LinkOptions, tell: Callable[[Mapping[str, Any]], None]) -> None:
        self._tell = tell
        self._link = EngineLink(options)
        self._deliveries = Deliveries(self._link.files.deliveries)
        self._requests = Requests(self._link, self._deliveries, tell)
        self._tasks: set[asyncio.Task[None]] = set()
        self._watches: dict[str, asyncio.Task[None]] = {}

    async def run(self, lines: asyncio.Queue[bytes]) -> None:
        """Until an empty line, which stands for the end of stdin."""
        while line := await lines.get():
            message = _message(line, "method")
            if message is not None:
                self._begin(message)
        for task in self._tasks:
            task.cancel()
        await asyncio.wait_for(self._link.close(), SECONDS_TO_CLOSE)

    def _begin(self, message: Mapping[str, Any]) -> None:
        params = message.get("params", {})
        if message["method"] == "watch":
            task = asyncio.create_task(self._watch(**params))
            previous = self._watches.pop(params["take_id"], None)
            if previous:
                previous.cancel()
            self._watches[params["take_id"]] = task
        else:
            task = asyncio.create_task(self._answer(message["id"], message["method"], params))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request_id: int, method: str, params: Mapping[str, Any]) -> None:
        try:
            self._tell({"reply": request_id, "result": await self._requests.answer(method, params)})
        except VeraClientError as error:
            self._tell({"reply": request_id, "error": error.as_dict()})
        except Exception as error:  # noqa: BLE001 - whatever it is, the host gets an answer
            self._tell({"reply": request_id, "error": _fault(error).as_dict()})

    async def _watch(self, take_id: str, after_sequence: int, watch: int) -> None:
        def tell(message: dict[str, Any]) -> None:
            self._tell({"take_id": take_id, "watch": watch, **message})

        try:
            await TakeWatch(self._link, self._deliveries, take_id, after_sequence, tell).run()
        except Exception as error:  # noqa: BLE001 - whatever it is, the host learns that no more events come
            tell({"failed": _fault(error).as_dict()})


def _message(line: bytes, key: str) -> dict[str, Any] | None:
    """A line's JSON object that has the key; None, and a word in the log, where it is none."""
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if isinstance(message, dict) and key in message:
        return message
    print(f"not a message of the client: {line[:200]!r}", file=sys.stderr, flush=True)
    return None


def _fault(error: Exception) -> VeraClientError:
    """A fault of the bridge's own; the log gets where it happened."""
    traceback.print_exc()
    return VeraClientError(
        f"The bridge failed: {type(error).__name__}: {error}.", kind="BridgeFault", remedy="Its log says where."
    )


def _read_lines(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[bytes]) -> None:
    for line in sys.stdin.buffer:
        loop.call_soon_threadsafe(lines.put_nowait, line)
    loop.call_soon_threadsafe(lines.put_nowait, b"")


async def _main(out: BinaryIO) -> None:
    def tell(message: Mapping[str, Any]) -> None:
        try:
            out.write(json.dumps(message).encode("ascii") + b"\n")
            out.flush()
        except BrokenPipeError:
            os._exit(1)  # the client has died and nobody listens

    lines: asyncio.Queue[bytes] = asyncio.Queue()
    reader = threading.Thread(target=_read_lines, args=(asyncio.get_running_loop(), lines), daemon=True)
    reader.start()
    tell({"hello": {"interface_version": INTERFACE_VERSION, "process_id": os.getpid()}})
    first = _message(await lines.get(), "options")
    if first is not None:
        await Bridge(LinkOptions(**first["options"]), tell).run(lines)


def main() -> None:
    # Whatever prints, prints to the log; the pipe to the client carries messages alone.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asyncio.run(_main(out))
    os._exit(0)  # the reading thread may still hold stdin, which an orderly exit would wait for


if __name__ == "__main__":
    main()
