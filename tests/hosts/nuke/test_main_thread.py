"""The way from a thread to the main thread, with values and errors carried."""

from __future__ import annotations

import threading
import time

import nuke
import pytest
from threads import in_thread

from vera_nuke import main_thread


def test_values_and_errors_come_back() -> None:
    assert in_thread(lambda: main_thread.call(nuke.views)) == [["main"]]
    (error,) = in_thread(lambda: main_thread.call(lambda: nuke.root()["no such knob"]))
    assert isinstance(error, NameError)


def test_the_main_thread_does_it_at_once() -> None:
    assert main_thread.call(lambda a, b: a + b, 1, 2) == 3
    assert nuke.main_thread.pump() == 0


def test_what_is_posted_is_not_waited_for() -> None:
    seen: list[int] = []
    thread = threading.Thread(target=main_thread.post, args=(seen.append, 7))
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert seen == []
    nuke.main_thread.pump()
    assert seen == [7]


def test_without_a_window_nobody_is_waited_for() -> None:
    nuke.GUI = False
    (error,) = in_thread(lambda: main_thread.call(nuke.views))
    with pytest.raises(RuntimeError, match="window"):
        raise error


def test_long_work_is_done_in_slices() -> None:
    def steps() -> main_thread.Steps[int]:
        for _ in range(8):
            end = time.perf_counter() + main_thread.SLICE_SECONDS / 2
            while time.perf_counter() < end:
                pass
            yield
        return 42

    nuke.main_thread.served.clear()
    assert in_thread(lambda: main_thread.in_slices(steps())) == [42]
    assert len(nuke.main_thread.served) >= 3
    assert main_thread.in_slices(steps()) == 42

    def broken() -> main_thread.Steps[int]:
        yield
        raise KeyError("gone")

    (error,) = in_thread(lambda: main_thread.in_slices(broken()))
    assert isinstance(error, KeyError)


def test_what_needs_no_nuke_is_done_aside() -> None:
    def steps() -> main_thread.Steps[tuple[int, int]]:
        yield
        aside = yield threading.get_ident
        yield
        return threading.get_ident(), aside

    (((here, aside), waiting),) = in_thread(lambda: (main_thread.in_slices(steps()), threading.get_ident()))
    assert (here, aside) == (threading.get_ident(), waiting) != (waiting, here)
    assert main_thread.in_slices(steps()) == (here, here)
