"""Frames from what the model made to files on the disk: read, finished and written, several at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from vera_engine.plates.exr import ModelOutput
from vera_engine.plates.frames import FrameSet
from vera_engine.takes.attempt import Report
from vera_engine.takes.delivery import Delivery
from vera_engine.takes.events import FrameWritten
from vera_engine.takes.overlap import at_once
from vera_engine.takes.progress import FileWritten, Statistics
from vera_engine.takes.request import TakeRequest
from vera_engine.takes.seen import SeenFiles

_MOST_AT_ONCE = 8
"""Frames: more of them wait for the disk, and for Python."""
_MEMORY = 1 << 30  # bytes, for all that are worked on at once
_BYTES_A_PIXEL = 50  # of the plate, what is being finished takes at most


def deliver(
    delivery: Delivery,
    request: TakeRequest,
    seen: SeenFiles,
    output_of: Callable[[int], ModelOutput],
    frames: FrameSet,
    report: Report,
    check_going_on: Callable[[], None],
) -> tuple[dict[int, Statistics], dict[str, FileWritten]]:
    """Makes and writes the layers of frames; returns their statistics, and their files by name.

    Args:
        delivery: Of the take.
        request: The effective request.
        seen: Its files, as they were when they were looked at: others than these are never used.
        output_of: What the model made of a frame.
        frames: Host frames.
        report: Is told of each frame that is on the disk, in order.
        check_going_on: Called for every frame; raises where the take is to be stopped.

    Raises:
        PlateChanged, DiskFull, FolderNotWritable, FileNotWritten, ImageNotWritten, and what reading a plate raises
    """
    statistics: dict[int, Statistics] = {}
    files: dict[str, FileWritten] = {}
    # Frames are read one after another: from a movie that is many times quicker.
    reading = threading.Lock()

    def make(frame: int) -> tuple[Statistics, dict[str, FileWritten]]:
        with reading:
            seen.check_unchanged(request, check_going_on, [frame])
            files_of_frame, output = delivery.read(frame), output_of(frame)
        made = delivery.finish(frame, files_of_frame, output)
        return made.statistics, made.write()

    for frame, (statistics_of_frame, written) in at_once(frames, make, frames_at_once(delivery.pixels)):
        check_going_on()
        statistics[frame] = statistics_of_frame
        files.update(written)
        report({"event": FrameWritten.name, "frame": frame})
    return statistics, files


def frames_at_once(pixels: int) -> int:
    """How many frames of so many pixels are worked on at once: one for each core and one that waits for the disk, two
    at least, and no more than there is memory for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(2, min(cores + 1, _MOST_AT_ONCE, _MEMORY // (_BYTES_A_PIXEL * pixels)))
