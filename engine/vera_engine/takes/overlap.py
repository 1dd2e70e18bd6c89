"""Several frames on their way to the disk at once: what one waits for, or works out in one thread, does not hold up the
others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def at_once(items: Iterable[Item], make: Callable[[Item], Made], count: int) -> Iterator[tuple[Item, Made]]:
    """Every item with what `make` makes of it, in order; up to `count` are being made at once, each in a thread.

    Whatever happens, what has been begun is made to its end, so that nothing half-done is left: where `make` raises,
    where whoever asks for the items raises, and where they leave. Nothing else is begun then.

    Args:
        count: 1 or more. So many are in memory at most, one that is being waited for included.

    Raises:
        What `make` raises, when the turn of that item has come.
    """
    waiting = iter(items)
    begun: deque[tuple[Item, Future[Made]]] = deque()
    threads = ThreadPoolExecutor(count, "frame")
    try:
        begun.extend((item, threads.submit(make, item)) for item in islice(waiting, count))
        while begun:
            item, future = begun.popleft()
            made = future.result()
            begun.extend((following, threads.submit(make, following)) for following in islice(waiting, 1))
            yield item, made
    finally:
        threads.shutdown(wait=True, cancel_futures=True)
