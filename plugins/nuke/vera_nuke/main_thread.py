"""The way from a thread to Nuke's main thread, the only one that may touch the graph."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any, TypeVar

import nuke

Value = TypeVar("Value")
Steps = Generator[Any, Any, Value]
"""Work in steps that are short each; what it returns is its value. Where a step yields a function, which is for what
takes long and needs no Nuke, that is called off the main thread, and the next step begins with what it gives."""
SLICE_SECONDS = 0.01
"""So long at most, and a step more, the main thread is held by one slice of such work."""


def is_here() -> bool:
    """Whether this is the main thread."""
    return threading.current_thread() is threading.main_thread()


def call(work: Callable[..., Value], *args: Any) -> Value:
    """Does some work on the main thread and waits for it: at once where this is the main thread.

    `nuke.executeInMainThreadWithResult` prints what its work raises and gives None, and hangs on the main thread; here
    the work's value comes back and what it raises is raised.

    Raises:
        RuntimeError: Nuke has no window, so that its main thread serves nobody.
    """
    if is_here():
        return work(*args)
    return _send(work, args).result()


def in_slices(steps: Steps[Value]) -> Value:
    """Does work on the main thread that would hold it too long in one go, a slice at a time, and waits for it.

    Raises:
        RuntimeError: As `call`.
    """
    given: Any = None
    while True:
        turn: tuple[Value] | Callable[[], Any] | None = call(_slice, steps, given)
        if isinstance(turn, tuple):
            return turn[0]
        given = None if turn is None else turn()


def _slice(steps: Steps[Value], given: Any) -> tuple[Value] | Callable[[], Any] | None:
    """Some steps; their value once there are no more, or what is to be done aside.

    Args:
        given: What has come of what was done aside.
    """
    end = time.perf_counter() + SLICE_SECONDS
    try:
        aside: Callable[[], Any] | None = steps.send(given)
        while aside is None and time.perf_counter() < end:
            aside = next(steps)
    except StopIteration as over:
        return (over.value,)
    return aside


def post(work: Callable[..., Any], *args: Any) -> None:
    """Has some work done on the main thread and returns at once; what it raises, it raises there."""
    if is_here():
        work(*args)
    else:
        nuke.executeInMainThread(work, args)


def _send(work: Callable[..., Value], args: tuple[Any, ...]) -> Future[Value]:
    if not nuke.GUI:
        raise RuntimeError("Without a window Nuke's main thread serves no other: call this on the main thread.")
    answer: Future[Value] = Future()

    def do() -> None:
        try:
            answer.set_result(work(*args))
        except BaseException as error:  # noqa: BLE001, it belongs to who waits
            answer.set_exception(error)

    nuke.executeInMainThread(do)
    return answer
