"""Makes one take of what the model made for another: layers finished anew, in seconds a frame. No torch here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from vera_engine import __version__
from vera_engine.plates.frames import FrameSet
from vera_engine.plates.source import check_plate
from vera_engine.takes import store
from vera_engine.takes.attempt import (
    Report,
    attempt_at,
    report_untold_windows,
    report_window,
    told,
    what_is_done,
)
from vera_engine.takes.deliver import deliver
from vera_engine.takes.delivery import Delivery, pixel_warnings, residual_warnings
from vera_engine.takes.input_files import plate_source
from vera_engine.takes.inputs import PlateReader
from vera_engine.takes.kept import KeptBase, keep_base
from vera_engine.takes.plan import plan_finish
from vera_engine.takes.progress import MadeBy, WindowRecord, as_parted
from vera_engine.takes.record import write_finished
from vera_engine.takes.seen import SeenFiles
from vera_engine.takes.take import Take, TakeState


def finish_take(take: Take, report: Report, check_cancelled: Callable[[], None], engine_id: str) -> None:
    """Makes the take's version directory, or what is left to make of it.

    Args:
        take: The take, its version reserved, its base there.
        report: Is told of states, warnings, frames and parts, as in `worker_process`.
        check_cancelled: Raises `Cancelled` where the take is to be stopped; called at every frame.
        engine_id: Whose worker this is.

    Raises:
        Cancelled, VeraEditError: All parts that are done stay, and are not made again when the take is resumed.
    """
    # 1. Its own directory; unless a worker before this one died with its very last step done
    if store.finished_record(take) is not None:
        return
    with attempt_at(take, report, check_cancelled, engine_id) as (directory, report, check_going_on):
        # 2. What the model made for the base, the layers that stay, and what an earlier attempt finished
        made = take.request.made_frames
        parts = plan_finish(made)
        base = keep_base(take, directory, made)
        progress, lost = what_is_done(take, directory, lambda done: as_parted(done, parts), check_going_on)
        progress = told(report, take, progress, [*base.warnings, *lost])
        report_untold_windows(report, take, progress, len(parts))

        # 3. The other parts, one after another
        remaining = parts[len(progress.windows) :]
        if remaining:
            plate_format = check_plate(plate_source(take.request.plate), made)
            reader = PlateReader(take.request, plate_format, take.working_size)
            maker = PartMaker(take, base, Delivery(directory, reader, take.request), report, check_going_on)
            for frame in base.frames:
                check_going_on()
                maker.delivery.write_missing(frame)
            if take.request.write_residual:
                progress = told(report, take, progress, residual_warnings(maker.delivery, base.frames))
            for frames in remaining:
                part = maker.make(len(progress.windows) + 1, frames, (plate_format.width, plate_format.height))
                progress = replace(progress, windows=(*progress.windows, part))
                progress.write(directory)
                report_window(report, part, len(parts))
            statistics = {frame: values for part in progress.windows for frame, values in part.statistics.items()}
            progress = told(report, take, progress, pixel_warnings(statistics, take.request, plate_format))

        # 4. What made it
        check_going_on()
        write_finished(take, directory, progress.windows, base, progress.warnings)


@dataclass(frozen=True)
class PartMaker:
    """What all parts of a take have in common, and the steps by which one is made."""

    take: Take
    base: KeptBase
    delivery: Delivery
    report: Report
    check_going_on: Callable[[], None]

    def make(self, number: int, frames: FrameSet, plate_size: tuple[int, int]) -> WindowRecord:
        """Finishes some frames; everything of them is on the disk then, but for their place in `progress.json`.

        Args:
            number: Of the part, from 1.
            frames: Host frames.
            plate_size: Width and height of the plate's data window.

        Raises:
            BaseOfAnotherPlate, PlateChanged, LayersUnreadable, DiskFull, and what reading a plate raises
        """
        began = time.perf_counter()
        self.report({"event": TakeState.CHECKING})
        seen = SeenFiles.of(self.take.request, (), frames, self.check_going_on)
        self.base.check_plate(seen.plate)
        self.report({"event": TakeState.WRITING})
        statistics, files = deliver(
            self.delivery,
            self.take.request,
            seen,
            self.delivery.read_output,
            frames,
            self.report,
            self.check_going_on,
        )
        record = self.base.record
        return WindowRecord(
            number=number,
            piece=None,
            slice=(0, 0),
            weights=(),
            frames=frames,
            files=files,
            statistics=statistics,
            seen=seen,
            mask_range=None,
            seams=(),
            plate_size=plate_size,
            made_by=MadeBy(
                record["model"]["name"], __version__, record["device"], dict(record["model"]["weights_sha256"])
            ),
            model_seconds=0.0,
            pixel_seconds=time.perf_counter() - began,
        )
