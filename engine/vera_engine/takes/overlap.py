"""Reading and writing beside the work on pixels: the next frame is read, and the last one written, by other threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")
Written = TypeVar("Written")


def read_ahead(items: Iterable[Item], load: Callable[[Item], Loaded]) -> Iterator[tuple[Item, Loaded]]:
    """Every item with what `load` makes of it, in order; while one is worked on the next is being loaded, no more.

    Raises:
        What `load` raises, when the turn of that item has come.
    """
    with ThreadPoolExecutor(1, "read-ahead") as thread:
        ahead: list[tuple[Item, Future[Loaded]]] = []
        for item in items:
            ahead.append((item, thread.submit(load, item)))
            if len(ahead) > 1:
                before, loaded = ahead.pop(0)
                yield before, loaded.result()
        for item, loaded in ahead:
            yield item, loaded.result()


class WriteBehind(Generic[Written]):
    """Writes one frame after another by a thread of its own, in a `with` block.

    At most one frame is being written: whoever brings the next waits for it, so that no more than two are in memory.
    Where the block ends well all frames are on the disk; where it raises, the one that is being written is still
    written to its end, so that nothing half-done is left.

    Args:
        on_written: Called by the block's own thread with each frame and what its writing returned, in order.
    """

    def __init__(self, on_written: Callable[[int, Written], None]) -> None:
        self._on_written = on_written
        self._thread = ThreadPoolExecutor(1, "write-behind")
        self._pending: tuple[int, Future[Written]] | None = None

    def write(self, frame: int, write: Callable[[], Written]) -> None:
        """Has a frame written.

        Raises:
            What the writing of the frame before raised.
        """
        self._wait()
        self._pending = (frame, self._thread.submit(write))

    def __enter__(self) -> WriteBehind[Written]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._wait()
        finally:
            self._thread.shutdown(wait=True)

    def _wait(self) -> None:
        if self._pending is not None:
            frame, future = self._pending
            self._pending = None
            self._on_written(frame, future.result())
