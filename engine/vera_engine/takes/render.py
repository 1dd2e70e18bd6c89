"""Makes one take: from the plate's files to a complete version directory. Runs in the worker."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from vera_engine import __version__
from vera_engine.errors import FailedPrecondition
from vera_engine.model.settings import ModelSettings
from vera_engine.plates.color import model_to_plate_linear, plate_to_model_rgb, to_linear
from vera_engine.plates.exr import comp_file, layers_file, write_comp, write_layers
from vera_engine.plates.layers import Layers, over, solve_layers
from vera_engine.plates.matte import clean_matte
from vera_engine.plates.resize import resize
from vera_engine.plates.source import MASK, PlateFormat, check_plate, read_mask_frame, read_plate_frame
from vera_engine.takes import store
from vera_engine.takes.checks import plate_source
from vera_engine.takes.request import MaskMeaning, MaskReference
from vera_engine.takes.take import INTERFACE_VERSION, FrameWritten, StepDone, Take, TakeSeconds, TakeState

if TYPE_CHECKING:
    from vera_engine.pipeline.pipeline import StepProgress, VeraPipeline

Report = Callable[[dict[str, Any]], None]


class PlateChanged(FailedPrecondition):
    """A plate's file is not the one any more that the model saw."""


@dataclass(frozen=True)
class FileSeen:
    """A file as it was when the model saw it."""

    path: Path
    sha256: str
    """Of all its bytes, lower-case hex."""
    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> FileSeen:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            return cls(path, hashlib.file_digest(file, "sha256").hexdigest(), status.st_size, status.st_mtime_ns)

    def check_unchanged(self) -> None:
        """Raises `PlateChanged` where the file was written since."""
        status = self.path.stat()
        if (status.st_size, status.st_mtime_ns) != (self.size, self.modified_ns):
            raise PlateChanged(
                "The file was changed while the take was made.",
                argument="plate.path",
                value=self.path,
                remedy="Generate again once the plate is rendered to its end.",
            )

    def as_dict(self) -> dict[str, str]:
        return {"file": self.path.name, "sha256": self.sha256}


@dataclass(frozen=True)
class ModelInputs:
    """A take's plate and mask at working size, and the files they came from, by host frame."""

    format: PlateFormat
    plate_model_rgb: NDArray[np.float32]
    """(T, H, W, 3), 0..1."""
    mask_edit_here: NDArray[np.float32] | None
    """(T, H, W), 0..1."""
    plate_files: dict[int, FileSeen]
    mask_files: dict[int, FileSeen]


def render_take(
    take: Take,
    model: ModelSettings,
    load: Callable[[], VeraPipeline],
    report: Report,
    check_cancelled: Callable[[], None],
) -> None:
    """Makes the take's version directory.

    Args:
        take: The take, its version reserved.
        model: Settings of the model that `load` gives.
        load: Gives the model, loading it where it is not loaded yet.
        report: Is told of states, warnings, steps and frames, as in `worker_process`.
        check_cancelled: Raises `Cancelled` where the take is to be stopped; called at every step and frame.

    Raises:
        Cancelled, VeraEditError: the partial directory stays as it is.
    """
    # 1. Its own directory, empty; unless a worker before this one died with its very last step done
    if store.finished_record(take) is not None:
        return
    directory = store.empty_partial(take)
    warnings = list(take.warnings)

    # 2. Plate and mask: read, hashed, brought to what the model works at
    began = time.perf_counter()
    report({"event": TakeState.CHECKING})
    inputs = read_inputs(take, model, check_cancelled)
    for text in mask_warnings(inputs.mask_edit_here):
        if text not in warnings:
            warnings.append(text)
            report({"event": "warning", "text": text})

    # 3. The model
    read = time.perf_counter()
    report({"event": TakeState.RUNNING})
    pipeline = load()
    check_cancelled()

    def on_step(progress: StepProgress) -> None:
        check_cancelled()
        report({"event": StepDone.name, **asdict(progress)})

    made = pipeline(
        prompt=take.request.prompt,
        plate_model_rgb=inputs.plate_model_rgb,
        mask_edit_here=inputs.mask_edit_here,
        num_inference_steps=take.settings.num_inference_steps,
        guidance_scale=take.settings.guidance_scale,
        seed=take.settings.seed,
        on_step=on_step,
    )

    # 4. Layers at the plate's size, in its space, one file a frame
    denoised = time.perf_counter()
    report({"event": TakeState.WRITING})
    statistics = {}
    for index, frame in enumerate(take.request.frames):
        check_cancelled()
        inputs.plate_files[frame].check_unchanged()
        plate = read_plate_frame(plate_source(take.request.plate), frame)
        plate_linear = to_linear(plate.rgb, inputs.format.color_space)
        layers = layers_of_frame(plate_linear, inputs.format, made.edit[index], made.alpha[index])
        write_layers(layers_file(directory, frame), layers, plate)
        if take.request.write_comp:
            write_comp(comp_file(directory, frame), over(layers.premult, layers.matte, plate_linear), plate)
        coverage = float(layers.matte.mean(dtype=np.float64))
        statistics[str(frame)] = {"matte_coverage": coverage, "matte_max": float(layers.matte.max())}
        report({"event": FrameWritten.name, "frame": frame})
    (directory / store.LATENTS_NAME).write_bytes(save(made.latents))  # by ourselves: with the user's own permissions

    # 5. What made it, and the final name
    check_cancelled()
    written = time.perf_counter()
    now = time.time()
    seconds = TakeSeconds(
        total=now - take.created_at,
        queued=(take.started_at or now) - take.created_at,
        model=denoised - read,
        pixels=(read - began) + (written - denoised),
    )
    store.write_record(
        directory,
        {
            "take_id": take.take_id,
            "version": take.version,
            "state": TakeState.FINISHED,
            "request": take.request.as_dict(),
            "settings": asdict(take.settings),
            "plate": {str(frame): file.as_dict() for frame, file in inputs.plate_files.items()},
            "mask": {str(frame): file.as_dict() for frame, file in inputs.mask_files.items()},
            "plate_size": [inputs.format.width, inputs.format.height],
            "working_size": list(inputs.plate_model_rgb.shape[2:0:-1]),
            "model": {"name": model.name, "weights_sha256": model.weights_sha256},
            "engine_version": __version__,
            "interface_version": INTERFACE_VERSION,
            "device": pipeline.device_description,
            "warnings": warnings,
            "frames": statistics,
            "seconds": asdict(seconds),
            "base_take": None,
            "error": None,
        },
    )
    store.complete(take)


def read_inputs(take: Take, model: ModelSettings, check_cancelled: Callable[[], None]) -> ModelInputs:
    """Reads and hashes every frame of plate and mask, keeping them at working size only."""
    request = take.request
    source = plate_source(request.plate)
    plate_format = check_plate(source, request.frames)
    width, height = model.working_size(plate_format.width, plate_format.height)
    plate_frames, mask_frames = [], []
    plate_files: dict[int, FileSeen] = {}
    mask_files: dict[int, FileSeen] = {}
    for frame in request.frames:
        check_cancelled()
        plate = read_plate_frame(source, frame)
        plate_files[frame] = FileSeen.of(plate.header.path)
        plate_linear = to_linear(plate.rgb, plate_format.color_space)
        plate_frames.append(resize(plate_to_model_rgb(plate_linear, plate_format.color_space), width, height))
        if request.mask is not None:
            mask_source = plate_source(request.mask.source)
            white = read_mask_frame(mask_source, frame, plate_format)
            mask_files[frame] = FileSeen.of(mask_source.files(MASK).file(frame))
            mask_frames.append(resize(edit_here(white, request.mask), width, height))
    mask_edit_here = np.stack(mask_frames) if mask_frames else None
    return ModelInputs(plate_format, np.stack(plate_frames), mask_edit_here, plate_files, mask_files)


def edit_here(white: NDArray[np.float32], mask: MaskReference) -> NDArray[np.float32]:
    """A mask (H, W), 0..1, as read, turned so that 1 says: the edit may happen here."""
    turns = mask.invert + (mask.meaning is MaskMeaning.KEEP_THIS)
    return np.float32(1) - white if turns == 1 else white


def mask_warnings(mask_edit_here: NDArray[np.float32] | None) -> list[str]:
    """What an artist should know of a mask (T, H, W)."""
    if mask_edit_here is None:
        return []
    if mask_edit_here.max() == 0:
        return ["The mask leaves no room for the edit in any frame: look at its meaning and invert."]
    if mask_edit_here.min() == 1:
        return ["The mask gives the edit all of every frame: look at its meaning and invert."]
    return []


def layers_of_frame(
    plate_linear: NDArray[np.float32],
    plate_format: PlateFormat,
    edit_model_rgb: NDArray[np.float32],
    alpha: NDArray[np.float32],
) -> Layers:
    """One frame's layers for a plate (H, W, 3), from the model's edit (h, w, 3) and alpha (h, w), both 0..1."""
    width, height = plate_format.width, plate_format.height
    edit_linear = model_to_plate_linear(resize(edit_model_rgb, width, height), plate_format.color_space)
    matte = clean_matte(resize(alpha, width, height))
    return solve_layers(plate_linear, edit_linear, matte)
