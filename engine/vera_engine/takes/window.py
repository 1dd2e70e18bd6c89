"""One window of a take: from the plate's files to layers and latents on the disk."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vera_engine.pipeline.presets import find_preset
from vera_engine.pipeline.windows import frames_of_latents, warm_up
from vera_engine.plates.exr import ModelOutput
from vera_engine.plates.frames import frames_as_text
from vera_engine.plates.picture import png_of
from vera_engine.takes.attempt import Report
from vera_engine.takes.cache import ContentCache
from vera_engine.takes.conditions import Conditioner, Conditions
from vera_engine.takes.deliver import deliver
from vera_engine.takes.delivery import Delivery
from vera_engine.takes.events import Preview, StepDone
from vera_engine.takes.inputs import PlateReader
from vera_engine.takes.joining import joined
from vera_engine.takes.kept import KeptBase
from vera_engine.takes.latents import LatentSlice, Piece, Timeline, latents_file, next_number, write_latents
from vera_engine.takes.plan import Join, TakeWindow
from vera_engine.takes.progress import FileWritten, MadeBy, Progress, WindowRecord
from vera_engine.takes.seam import measure_seam
from vera_engine.takes.seen import SeenFiles
from vera_engine.takes.take import VISIBLE_SEAM, Seam, Take, TakeState

if TYPE_CHECKING:
    from vera_engine.pipeline.anchors import Anchors, Start
    from vera_engine.pipeline.pipeline import VeraPipeline
    from vera_engine.pipeline.results import DecodedFrames, StepProgress


@dataclass(frozen=True)
class WindowMaker:
    """What all windows of a take have in common, and the steps by which one is made."""

    take: Take
    directory: Path
    """The partial directory."""
    window_count: int
    joins: Sequence[Join]
    base: KeptBase | None
    reader: PlateReader
    delivery: Delivery
    conditioner: Conditioner
    cache: ContentCache
    load: Callable[[], VeraPipeline]
    made_by: MadeBy
    report: Report
    check_going_on: Callable[[], None]
    """Raises where the take is to be stopped; called at every step and frame."""

    def make(self, window: TakeWindow, progress: Progress) -> WindowRecord:
        """Makes a window; everything of it is on the disk then, but for its place in `progress.json`.

        Args:
            window: One of the plan.
            progress: All windows before it.

        Raises:
            BaseOfAnotherPlate, PlateChanged, OutOfMemory, DiskFull, and what reading a plate raises
        """
        # 1. The files it needs: their content is what the take is made of from here on
        began = time.perf_counter()
        self.report({"event": TakeState.CHECKING})
        request = self.take.request
        seen = SeenFiles.of(request, self.conditioner.frames(window), window.frames, self.check_going_on)
        if self.base is not None:
            self.base.check_plate(seen.plate)
        plate, mask = self.conditioner.read(window, seen)
        self.reader.check_holdout(window.frames, self.check_going_on)

        # 2. The model: plate, mask and prompt as it takes them, its own part, and the frames of that
        read = time.perf_counter()
        self.report({"event": TakeState.RUNNING})
        pipeline = self.load()
        self.check_going_on()
        pieces = self._pieces(progress)
        conditions = self.conditioner.encode(window, plate, mask, pipeline)
        with self.cache.holding(*conditions.keys):
            made = self._sample(window, pipeline, conditions, pieces)
        decoded, indices = self._decode(window, pipeline, made, pieces)

        # 3. Layers at the plate's size, in its space, one file a frame; the latents
        denoised = time.perf_counter()
        self.report({"event": TakeState.WRITING})
        first = window.span.first

        def output(frame: int) -> ModelOutput:
            return output_of(decoded, indices.index(frame - first))

        meeting = joined(output, window, self.joins, self._final_output)
        statistics, files = deliver(
            self.delivery,
            request,
            seen,
            lambda frame: meeting.get(frame) or output(frame),
            window.frames,
            self.report,
            self.check_going_on,
        )
        piece = self._write_latents(window, made)
        files[piece.file] = FileWritten.of(self.directory / piece.file)

        # 4. How well it joins what was there before
        seams = self._seams(window, {*seen.plate, *(frame for done in progress.windows for frame in done.frames)})
        return WindowRecord(
            number=window.number,
            piece=piece,
            slice=(window.window.start, window.window.stop),
            weights=window.window.weights,
            frames=window.frames,
            files=files,
            statistics=statistics,
            seen=seen,
            mask_range=conditions.mask_range,
            seams=seams,
            plate_size=(self.reader.format.width, self.reader.format.height),
            made_by=self.made_by,
            model_seconds=denoised - read,
            pixel_seconds=time.perf_counter() - began - (denoised - read),
        )

    def _sample(
        self, window: TakeWindow, pipeline: VeraPipeline, conditions: Conditions, pieces: Sequence[Piece]
    ) -> LatentSlice:
        """The latents of the window's slice, and what their noise was drawn from."""
        settings = self.take.settings

        def on_step(progress: StepProgress) -> None:
            self.check_going_on()
            self.report({"event": StepDone.name, **asdict(progress)})

        def on_preview(progress: StepProgress, pictures: NDArray[np.uint8]) -> None:
            middle = (window.window.first + window.window.last) // 2 - window.window.start
            png = base64.b64encode(png_of(pictures[middle])).decode()
            self.report({"event": Preview.name, "png": png, "window": progress.window, "step": progress.step})

        anchors, seeds = self._anchors(window, pieces)
        latents = pipeline.sample(
            text=self.conditioner.prompt(pipeline),
            source_latents=conditions.source_latents,
            mask_latents=conditions.mask_latents,
            window=window.window,
            seed=settings.seed,
            num_inference_steps=settings.num_inference_steps,
            levers=find_preset(settings.preset).levers,
            anchors=anchors,
            start=self._start(window),
            window_number=window.number,
            window_count=self.window_count,
            on_step=on_step,
            on_preview=on_preview,
        )
        return LatentSlice(latents, seeds)

    def _anchors(self, window: TakeWindow, pieces: Sequence[Piece]) -> tuple[Anchors | None, tuple[int, ...]]:
        """What lies on the disk of the latents that are anchored; and the seeds of all, its own where they are new."""
        from vera_engine.pipeline.anchors import Anchors

        weights = window.window.weights
        seeds = [self.take.settings.seed] * len(weights)
        anchored = [index for index, weight in enumerate(weights) if weight > 0]
        if not anchored:
            return None, tuple(seeds)
        timeline = Timeline(self.directory, pieces, window.run)
        found = [timeline.read(window.window.start + index, window.window.start + index) for index in anchored]
        channels_and_size = found[0].latents.shape
        latents = np.zeros((*channels_and_size[:2], len(weights), *channels_and_size[3:]), np.float16)
        noise_seeds = list(seeds)
        for index, latent in zip(anchored, found, strict=True):
            latents[:, :, index] = latent.latents[:, :, 0]
            noise_seeds[index] = latent.seeds[0]
            if weights[index] == 1:
                seeds[index] = latent.seeds[0]
        return Anchors(latents, noise_seeds), tuple(seeds)

    def _start(self, window: TakeWindow) -> Start | None:
        """The base's latents, where the frames may leave them only so far."""
        from vera_engine.pipeline.anchors import Start

        strength = self.take.request.strength
        if self.base is None or strength is None or strength == 1:
            return None
        timeline = Timeline(self.directory, self.base.pieces, window.run)
        return Start(timeline.read(window.window.start, window.window.stop - 1).latents, strength)

    def _decode(
        self, window: TakeWindow, pipeline: VeraPipeline, made: LatentSlice, pieces: Sequence[Piece]
    ) -> tuple[DecodedFrames, range]:
        """The frames of the latents that it delivers, after those that the codec goes through before them."""
        first, last, start = window.window.first, window.window.last, window.window.start
        latents = made.latents[:, :, first - start : last + 1 - start]
        context = warm_up(first, pipeline.codec_context)
        if context:
            before = Timeline(self.directory, pieces, window.run).read(first - context, first - 1)
            latents = np.concatenate([before.latents, latents], axis=2)
        indices = frames_of_latents(first, last, len(window.span))
        return pipeline.decode(latents, first_latent=first - context, frames=indices), indices

    def _final_output(self, frame: int) -> ModelOutput | None:
        """What the model made of a frame that is on the disk; None where a base of an older engine does not say."""
        return self.delivery.read_output(frame) if self.delivery.has_output(frame) else None

    def _write_latents(self, window: TakeWindow, made: LatentSlice) -> Piece:
        """Keeps what it delivers, and what is left of the slice after that: the next window is anchored to it."""
        first, last, start = window.window.first, window.window.last, window.window.start
        base_pieces = () if self.base is None else self.base.pieces
        piece = Piece(latents_file(next_number(base_pieces) + window.number - 1), window.run, first, last)
        kept = LatentSlice(made.latents[:, :, first - start :], made.seeds[first - start :])
        write_latents(self.directory / piece.file, window.run, first, kept)
        return piece

    def _pieces(self, progress: Progress) -> list[Piece]:
        """All latents there are: the base's, then what each window left, to the end of what it saw."""
        base_pieces = () if self.base is None else self.base.pieces
        made = [(done.piece, done.slice[1] - 1) for done in progress.windows]
        return [*base_pieces, *(replace(piece, last=last) for piece, last in made if piece is not None)]

    def _seams(self, window: TakeWindow, known: set[int]) -> tuple[Seam, ...]:
        """Measures the joins whose two sides are there with this window."""
        seams = []
        for join in self.joins:
            if join.measured_after == window.number:
                around = [f for f in join.around if f in known or f in (join.before, join.after)]
                shown = [self.delivery.shown(frame) for frame in around]
                value = measure_seam(shown, around.index(join.after), self.delivery.model_rgb)
                seams.append(Seam(join.before, join.after, value, join.kind))
        return tuple(seams)


def output_of(decoded: DecodedFrames, index: int) -> ModelOutput:
    """One of the frames that the model made, as it is kept."""
    return ModelOutput.of(decoded.edit[index], decoded.alpha[index], decoded.composite[index])


def seam_warnings(seams: Sequence[Seam]) -> list[str]:
    """What an artist should know of seams that may be seen."""
    return [
        f"Frames {frames_as_text([seam.first_side, seam.second_side])} may be seen not to join: the seam is "
        f"{seam.value:.1f}, above {VISIBLE_SEAM}. Try another seed, or some frames more."
        for seam in seams
        if seam.value > VISIBLE_SEAM
    ]
