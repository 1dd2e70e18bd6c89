"""Takes made in this very process: real plates, the tiny model, the worker's own way."""

from __future__ import annotations

import functools
import hashlib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.exr_files import write_exr
from vera_engine.model.settings import ModelSettings, read_settings
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.plates.frames import FrameSet
from vera_engine.takes import store
from vera_engine.takes.base import read_base
from vera_engine.takes.cache import ContentCache
from vera_engine.takes.checks import check_request
from vera_engine.takes.finish_take import finish_take
from vera_engine.takes.render import render_take
from vera_engine.takes.request import AskedSettings, BaseTake, EditType, PlateReference, TakeRequest
from vera_engine.takes.take import Take, TakeState

PLATE_FRAMES = range(1001, 1050)


def write_plate(folder: Path, frames: range = PLATE_FRAMES) -> None:
    """Frames of `plate`, 50x34, soft colors that drift; and a `mask` with a box in it."""
    rows, columns = np.mgrid[0:34, 0:50] / 34
    mask = np.zeros((34, 50, 1), np.float32)
    mask[8:26, 12:36] = 1
    for frame in frames:
        phase = (frame - 1001) * 0.15
        plate = np.stack([np.sin(3 * columns + phase), np.cos(4 * rows - phase), np.sin(5 * rows * columns)], axis=-1)
        write_exr(folder / f"plate.{frame}.exr", (plate * 0.4 + 0.5).astype(np.float32), "RGB")
        write_exr(folder / f"mask.{frame}.exr", mask, "Y")


@dataclass
class Made:
    """What came of an attempt at a take."""

    take: Take
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def record(self) -> dict[str, Any]:
        record = store.read_record(self.take.directory)
        assert record is not None
        return record

    def named(self, *names: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] in names]


class Stopped(Exception):
    """What a test stops a take with."""


class TakeMaking:
    """An engine's worker without its process.

    Args:
        model_folder: Of the tiny model.
        plates: Of `write_plate`.
        folder: Where takes and the cache go.
    """

    def __init__(self, model_folder: Path, plates: Path, folder: Path) -> None:
        self.model: ModelSettings = read_settings(model_folder)
        self.plates = plates
        self.folder = folder
        self.cache = ContentCache(folder / "cache")
        self.engine_id = "ours"
        self.model_folder = model_folder

    def reserve(self, frames: str, **fields: Any) -> Take:
        """A take as the intake makes it; keywords are fields of its request."""
        asked = {
            "node_id": "hero",
            "edit_type": EditType.ADD,
            "prompt": "add a red ball",
            "plate": PlateReference(str(self.plates / "plate.####.exr"), color_space="lin_rec709"),
            "settings": AskedSettings(seed=7, num_inference_steps=2),
            "take_root": str(self.folder / "takes"),
            **fields,
        }
        request = TakeRequest(frames=FrameSet.parse(frames), **asked)
        base = None if request.base is None else read_base(Path(request.base.directory))
        checked = check_request(request, self.model, self.folder / "own", base)
        directory = store.reserve_version(Path(request.take_root), request.node_id)
        take = Take(
            take_id=uuid.uuid4().hex,
            request_id=uuid.uuid4().hex,
            version=directory.name,
            state=TakeState.QUEUED,
            request=checked.request,
            settings=checked.settings,
            directory=directory,
            created_at=time.time(),
            frames=checked.frames,
            working_size=checked.working_size,
            window_latents=checked.window_latents,
            color=checked.color,
            warnings=checked.warnings,
        )
        store.record_state(take)
        return take

    def attempt(self, take: Take, on_event: Callable[[dict[str, Any]], None] = lambda event: None) -> Made:
        """Makes a take as the worker does; `on_event` may raise to stop it."""
        made = Made(take)

        def report(event: dict[str, Any]) -> None:
            made.events.append(event)
            on_event(event)

        if take.request.finish_only:
            finish_take(take, report, lambda: None, self.engine_id)
            return made
        render_take(
            take,
            self.model,
            "cpu float32",
            lambda: loaded(self.model_folder),
            report,
            lambda: None,
            self.cache,
            self.engine_id,
            lambda latents: None,
        )
        return made

    def make(self, frames: str, **fields: Any) -> Made:
        return self.attempt(self.reserve(frames, **fields))

    def repair(self, base: Made, frames: str, **fields: Any) -> Made:
        """Makes frames of a take again; what is not said is the base's."""
        return self.attempt(self.reserve(frames, **{**repairing(base), **fields}))

    def stop_at(self, take: Take, **event: Any) -> Made:
        """An attempt that ends when an event of these fields is reported."""
        made = Made(take)

        def stop(said: dict[str, Any]) -> None:
            made.events.append(said)
            if event.items() <= said.items():
                raise Stopped

        try:
            self.attempt(take, stop)
        except Stopped:
            return made
        raise AssertionError(f"there was no {event}")


@functools.cache
def loaded(model_folder: Path) -> VeraPipeline:
    """One pipeline for all tests: it remembers nothing that would change what it makes."""
    return load_pipeline(str(model_folder), "cpu")


def repairing(base: Made) -> dict[str, Any]:
    """Fields of a request that makes frames of a take again and leaves all else to it."""
    return {
        "base": BaseTake(base.take.take_id, str(base.take.directory)),
        "prompt": "",
        "edit_type": None,
        "plate": PlateReference(""),
        "settings": AskedSettings(),
    }


def layers_of(directory: Path) -> dict[str, str]:
    """SHA-256 of a folder's pictures, by name."""
    files = (*directory.glob("layers.*.exr"), *directory.glob("comp.*.exr"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files)}


def again(take: Take, **changes: Any) -> Take:
    """The take as the queue gives it to the next attempt."""
    return replace(take, **changes)
