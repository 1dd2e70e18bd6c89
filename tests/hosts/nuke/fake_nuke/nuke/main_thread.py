"""Nuke's main thread: what other threads ask of it waits in a queue until the test serves it."""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

_waiting: queue.Queue[Callable[[], None]] = queue.Queue()
served: list[tuple[str, float]] = []
"""What was done for other threads: its name, and the seconds it held the main thread."""


def require(what: str) -> None:
    """Refuses what only the main thread may do; real Nuke crashes, at times."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(f"{what} from the thread {threading.current_thread().name}: only the main thread may")


def executeInMainThread(call: Callable[..., Any], args: Any = (), kwargs: Any = None) -> None:
    """Queues a call; errors in it are printed and lost, as Nuke does it."""
    _queue(call, args, kwargs)


def executeInMainThreadWithResult(call: Callable[..., Any], args: Any = (), kwargs: Any = None) -> Any:
    """Queues a call and waits; an error in it is printed, and None comes back."""
    done = threading.Event()
    results: list[Any] = [None]
    _queue(call, args, kwargs, results, done)
    done.wait()
    return results[0]


def _queue(
    call: Callable[..., Any],
    args: Any,
    kwargs: Any,
    results: list[Any] | None = None,
    done: threading.Event | None = None,
) -> None:
    if threading.current_thread() is threading.main_thread():
        raise RuntimeError("You can't call this from the main thread: it would wait for itself")
    arguments = args if isinstance(args, tuple) else (args,)

    def serve() -> None:
        began = time.perf_counter()
        try:
            value = call(*arguments, **(kwargs or {}))
            if results is not None:
                results[0] = value
        except Exception:  # noqa: BLE001, as Nuke does it
            traceback.print_exc()
        finally:
            served.append((getattr(call, "__qualname__", repr(call)), time.perf_counter() - began))
            if done is not None:
                done.set()

    _waiting.put(serve)


def pump(seconds: float = 0.0) -> int:
    """Serves what waits, and what comes within some seconds; how many calls that were."""
    count, deadline = 0, time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        try:
            _waiting.get(block=left > 0, timeout=max(left, 0.001))()
        except queue.Empty:
            return count
        count += 1


def pump_until(condition: Callable[[], bool], seconds: float) -> None:
    """Serves until something is so.

    Raises:
        TimeoutError: It was not so in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Not within {seconds} seconds")
        try:
            _waiting.get(timeout=0.02)()
        except queue.Empty:
            continue
