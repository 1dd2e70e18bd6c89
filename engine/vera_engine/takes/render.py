"""Makes one take: from the plate's files to a complete version directory. Runs in the worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from vera_engine import __version__
from vera_engine.model.settings import ModelSettings
from vera_engine.plates.frames import frames_as_text
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
from vera_engine.takes.cache import ContentCache
from vera_engine.takes.checks import read_frames
from vera_engine.takes.conditions import Conditioner
from vera_engine.takes.delivery import Delivery, pixel_warnings, residual_warnings
from vera_engine.takes.input_files import plate_source
from vera_engine.takes.inputs import PlateReader, mask_warnings
from vera_engine.takes.kept import keep_base
from vera_engine.takes.plan import joins_of, plan_take
from vera_engine.takes.progress import MadeBy, WindowRecord, as_planned
from vera_engine.takes.record import write_finished
from vera_engine.takes.take import Take
from vera_engine.takes.window import WindowMaker, seam_warnings

if TYPE_CHECKING:
    from vera_engine.pipeline.pipeline import VeraPipeline


def render_take(
    take: Take,
    model: ModelSettings,
    device: str,
    load: Callable[[], VeraPipeline],
    report: Report,
    check_cancelled: Callable[[], None],
    cache: ContentCache,
    engine_id: str,
    check_memory: Callable[[int], None],
) -> None:
    """Makes the take's version directory, or what is left to make of it.

    Args:
        take: The take, its version reserved.
        model: Settings of the model that `load` gives.
        device: Device and arithmetic that it will have, as in `cpu float32`.
        load: Gives the model, loading it where it is not loaded yet.
        report: Is told of states, warnings, steps, previews, frames and windows, as in `worker_process`.
        check_cancelled: Raises `Cancelled` where the take is to be stopped; called at every step and frame.
        cache: Where what was encoded before lies.
        engine_id: Whose worker this is.
        check_memory: Refuses windows of so many latents that there is no memory for.

    Raises:
        Cancelled, VeraEditError: All windows that are done stay, and are not made again when the take is resumed.
    """
    # 1. Its own directory; unless a worker before this one died with its very last step done
    if store.finished_record(take) is not None:
        return
    with attempt_at(take, report, check_cancelled, engine_id) as (directory, report, check_going_on):
        # 2. What is kept of the base, and what an earlier attempt made
        windows = plan_take(take.frames, take.request.made_frames, model)
        base = None if take.request.base is None else keep_base(take, directory, take.request.made_frames)
        progress, lost = what_is_done(
            take, directory, lambda done: as_planned(done, windows, model.weights_sha256), check_going_on
        )
        of_base = () if base is None else base.warnings
        progress = told(report, take, progress, [*other_model(take, model), *of_base, *lost])
        report_untold_windows(report, take, progress, len(windows))

        # 3. The other windows, one after another
        remaining = windows[len(progress.windows) :]
        if remaining:
            check_memory(max(window.latent_count for window in remaining))
            plate_format = check_plate(plate_source(take.request.plate), read_frames(remaining))
            reader = PlateReader(take.request, plate_format, take.working_size)
            maker = WindowMaker(
                take=take,
                directory=directory,
                window_count=len(windows),
                joins=joins_of(take.frames, windows),
                base=base,
                reader=reader,
                delivery=Delivery(directory, reader, take.request),
                conditioner=Conditioner(
                    take.request, take.settings.guidance_scale, model, device, reader, cache, check_going_on
                ),
                cache=cache,
                load=load,
                made_by=MadeBy(model.name, __version__, device, dict(model.weights_sha256)),
                report=report,
                check_going_on=check_going_on,
            )
            progress = told(report, take, progress, other_makers(progress.windows, maker.made_by))
            for frame in () if base is None else base.frames:
                check_going_on()
                maker.delivery.write_missing(frame)
            if base is not None and take.request.write_residual:
                progress = told(report, take, progress, residual_warnings(maker.delivery, base.frames))
            for window in remaining:
                made = maker.make(window, progress)
                progress = replace(progress, windows=(*progress.windows, made))
                progress = told(report, take, progress, seam_warnings(made.seams))
                if window is windows[-1]:
                    statistics = {f: values for done in progress.windows for f, values in done.statistics.items()}
                    warnings = [
                        *mask_warnings(mask_range(progress.windows)),
                        *pixel_warnings(statistics, take.request, plate_format),
                    ]
                    progress = told(report, take, progress, warnings)
                progress.write(directory)
                report_window(report, made, len(windows))

        # 4. What made it
        check_going_on()
        write_finished(take, directory, progress.windows, base, progress.warnings)


def other_model(take: Take, model: ModelSettings) -> list[str]:
    """What an artist should know of a take that waited while the engine was started anew with another model."""
    if take.model in ("", model.name):
        return []
    return [f"It was asked of the model {take.model}, and is made by {model.name}, which the engine has now."]


def other_makers(windows: Sequence[WindowRecord], now: MadeBy) -> list[str]:
    """What an artist should know where a take is not all made by the same engine on the same device."""
    others = [window for window in windows if window.made_by != now]
    if not others:
        return []
    before = others[-1].made_by
    frames = frames_as_text(frame for window in others for frame in window.frames)
    then, today = (f"version {maker.engine_version} on {maker.device}" for maker in (before, now))
    return [f"Frames {frames} were made by {then}, the others by {today}: made again, the take may have other bits."]


def mask_range(windows: Sequence[WindowRecord]) -> tuple[float, float] | None:
    """The least and the greatest value of the mask over all windows; None without a mask."""
    ranges = [window.mask_range for window in windows if window.mask_range is not None]
    return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None
