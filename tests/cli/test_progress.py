"""What is said while a take is made, on a terminal and elsewhere."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import struct
import termios
from fcntl import ioctl

import pytest

from vera_engine.cli.take_progress import TakeProgress

TAKE = {
    "version": "v003",
    "state": "queued",
    "frames": [{"first_frame": 1001, "last_frame": 1028}],
    "finished_frames": [],
    "window_count": 2,
    "base_version": "",
    "color_space": "",
    "warnings": ["'bonsai' is a word the model does not know"],
    "seams": [],
    "request": {"frames": [], "settings": {"seed": 7, "num_inference_steps": 2, "guidance_scale": 4.5}},
}


def step(window: int, number: int, seconds_left: float) -> dict[str, object]:
    return {
        "step_done": {
            "step": number,
            "step_count": 2,
            "window": window,
            "window_count": 2,
            "seconds_per_step": 1.0,
            "seconds_left": seconds_left,
        }
    }


def window_done(window: int, first: int, last: int) -> dict[str, object]:
    frames = [{"first_frame": first, "last_frame": last}]
    return {"window_done": {"window": window, "window_count": 2, "frames": frames}}


SHOWN = [
    {"queued_at": {"place": 3, "seconds_to_start": 250.0}},
    {"queued_at": {"place": 3, "seconds_to_start": 240.0}},
    {"state_changed": {"take": {**TAKE, "state": "queued"}}},
    {"queued_at": {"place": 1}},
    {"queued_at": {"place": 1, "seconds_to_start": 0.0}},
    {"state_changed": {"take": {**TAKE, "state": "running"}}},
    step(1, 1, 95.0),
    step(1, 2, 90.0),
    {"preview": {"png": "", "window": 1, "step": 2}},
    {"frame_written": {"frame": 1001}},
    window_done(1, 1001, 1015),
    step(2, 1, 45.0),
    step(2, 2, 0.0),
    window_done(2, 1016, 1028),
]


def show(progress: TakeProgress, last: dict[str, object]) -> None:
    with progress:
        progress.begin(TAKE)
        for message in [*SHOWN, last]:
            progress.show(message)


def test_lines_where_there_is_no_terminal():
    out = io.StringIO()
    finished = {**TAKE, "state": "finished", "seconds": {"total": 200.0}}
    finished["seams"] = [{"value": 0.5}, {"value": 1.75}]
    show(TakeProgress(out), {"state_changed": {"take": finished}})
    assert out.getvalue().splitlines() == [
        "vera-edit: v003: frames 1001-1028 in 2 windows; seed 7, 2 steps, guidance 4.5",
        "vera-edit: warning: 'bonsai' is a word the model does not know",
        "vera-edit: at place 3 of the queue, begins in about 4 min 10 s",
        "vera-edit: next in the queue",
        "vera-edit: running",
        "vera-edit: window 1 of 2 is on disk: frames 1001-1015, 1 min 30 s left",
        "vera-edit: window 2 of 2 is on disk: frames 1016-1028",
        "vera-edit: finished in 3 min 20 s; largest seam 1.75! (above 1.5 it may be seen)",
    ]


@pytest.mark.parametrize("state", ["cancelled", "failed"])
def test_a_stopped_take_says_what_there_is_of_it(state):
    out = io.StringIO()
    done = [{"first_frame": 1001, "last_frame": 1015}]
    show(TakeProgress(out), {"state_changed": {"take": {**TAKE, "state": state, "finished_frames": done}}})
    assert out.getvalue().splitlines()[-1] == (
        f"vera-edit: {state}; frames 1001-1015 are done: `vera-edit resume` goes on after them"
    )


def written_to(terminal: int) -> str:
    """All that was written to the other end, which is closed: it comes in as many pieces as the system likes."""
    pieces = []
    with contextlib.suppress(OSError):  # Linux' word for its end
        while piece := os.read(terminal, 65536):
            pieces.append(piece)
    os.close(terminal)
    return b"".join(pieces).decode()


def test_a_bar_on_a_terminal():
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
    with open(theirs, "w", encoding="utf-8") as terminal:
        show(TakeProgress(terminal), {"state_changed": {"take": {**TAKE, "state": "cancelled"}}})
    said = written_to(ours)
    bars = [line.rstrip() for line in said.replace("\n", "\r").split("\r") if "|" in line]
    assert bars[1].startswith("v003 window 1/2 step 1/2 |")
    assert bars[1].endswith("|  25%, 1 min 35 s left")
    assert any(bar.startswith("v003 window 1/2 writing 1001 |") for bar in bars)
    assert bars[-1].startswith("v003 window 2/2 step 2/2 |")
    assert bars[-1].endswith("| 100%")
    assert all(len(bar) < 90 for bar in bars)
    assert "is on disk" not in said
