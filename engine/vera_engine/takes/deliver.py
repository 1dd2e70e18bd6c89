"""Frames one after another, from what the model made to files on the disk: reading, finishing, writing at once."""

from __future__ import annotations

from collections.abc import Callable

from vera_engine.plates.exr import ModelOutput
from vera_engine.plates.frames import FrameSet
from vera_engine.takes.attempt import Report
from vera_engine.takes.delivery import Delivery, ReadFrame
from vera_engine.takes.events import FrameWritten
from vera_engine.takes.overlap import WriteBehind, read_ahead
from vera_engine.takes.progress import FileWritten, Statistics
from vera_engine.takes.request import TakeRequest
from vera_engine.takes.seen import SeenFiles


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
        report: Is told of each frame that is on the disk.
        check_going_on: Called for every frame; raises where the take is to be stopped.

    Raises:
        PlateChanged, DiskFull, FolderNotWritable, FileNotWritten, ImageNotWritten, and what reading a plate raises
    """
    statistics: dict[int, Statistics] = {}
    files: dict[str, FileWritten] = {}

    def on_written(frame: int, written: dict[str, FileWritten]) -> None:
        files.update(written)
        report({"event": FrameWritten.name, "frame": frame})

    def read(frame: int) -> tuple[ReadFrame, ModelOutput]:
        seen.check_unchanged(request, check_going_on, [frame])
        return delivery.read(frame), output_of(frame)

    with WriteBehind(on_written) as writer:
        for frame, (files_of_frame, output) in read_ahead(frames, read):
            check_going_on()
            made = delivery.finish(frame, files_of_frame, output)
            statistics[frame] = made.statistics
            writer.write(frame, made.write)
    return statistics, files
