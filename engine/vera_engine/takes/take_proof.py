"""A finished take proved from what lies on the disk: its files, the plate, and `take.json`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera_engine import __version__
from vera_engine.errors import FailedPrecondition, NotFound
from vera_engine.plates.chosen_config import check_chosen
from vera_engine.plates.exr import comp_file, layers_file, model_file, read_layers, read_model_output
from vera_engine.plates.finish import finish_frame
from vera_engine.plates.finish_settings import FinishSettings
from vera_engine.plates.frames import FrameSet, frames_as_text
from vera_engine.plates.image import Window
from vera_engine.plates.nan_policy import NanPolicy
from vera_engine.plates.proof import FrameMaps, FrameProof, FrameToProve, Meant, Prover, TakeProof
from vera_engine.plates.source import PlateSource, check_plate, read_plate_frame
from vera_engine.takes import store
from vera_engine.takes.input_files import input_files, plate_source
from vera_engine.takes.inputs import PlateReader
from vera_engine.takes.region import Region
from vera_engine.takes.request import MaskReference, PlateReference, TakeRequest
from vera_engine.takes.seen import FileSeen, PlateChanged
from vera_engine.takes.take import TakeState

OnFrame = Callable[[FrameProof, FrameMaps], None]
"""Called with each frame's figures and maps, rising; it may raise to stop."""


class TakeNotFinished(FailedPrecondition):
    """A folder that is no finished version."""


class FramesNotInTake(NotFound):
    """Frames that the take has not."""


@dataclass(frozen=True)
class _Words:
    """How some of a take's frames were finished, as `take.json` says it under `finished`."""

    frames: FrameSet
    settings: FinishSettings
    request: TakeRequest
    """With the region, exposure, hold-out and NaN policy of these frames."""
    engine_version: str

    @classmethod
    def of(cls, part: dict[str, Any], request: TakeRequest, holdout_path: str) -> _Words:
        region, holdout = part["region"], None
        if part["holdout"] is not None:
            said = MaskReference.from_dict(part["holdout"])
            holdout = replace(said, source=_moved(said.source, holdout_path))
        request = replace(
            request,
            plate=replace(request.plate, nan=NanPolicy(part["nan"])),
            exposure=part["exposure"],
            region=None if region is None else Region.from_dict(region),
            holdout=holdout,
        )
        settings = FinishSettings.from_dict(part["finish"])
        return cls(FrameSet.from_dicts(part["frames"]), settings, request, part["engine_version"])

    def can_be_repeated(self) -> bool:
        """Whether the finish that this engine does is the one that was done."""
        return self.engine_version == __version__


def prove_take(
    directory: Path,
    plate: str = "",
    holdout: str = "",
    frames: FrameSet | None = None,
    on_frame: OnFrame | None = None,
) -> TakeProof:
    """Proves the frames of a finished take, one after another.

    Args:
        directory: The version directory.
        plate: Where the plate lies now, as `PlateSource.pattern`; empty: where it lay.
        holdout: The same of the hold-out.
        frames: Host frames; None: all that the take has.
        on_frame: Is given each frame as it is done.

    Raises:
        TakeNotFinished, FramesNotInTake, ColorConfigDiffers
        PlateChanged: A file of the plate or the hold-out is not the one that the take was made of.
        LayersUnreadable, and what reading a plate raises
    """
    record = store.read_record(directory)
    if record is None or record.get("state") != TakeState.FINISHED:
        raise TakeNotFinished(
            "This is not the folder of a finished take.",
            argument="take",
            value=directory,
            remedy="Name a version's folder, as in vera_takes/shell/v003.",
        )
    _check_config(record)
    has = FrameSet.of(map(int, record["frames"]))
    lacking = [frame for frame in frames or () if frame not in has]
    if lacking:
        raise FramesNotInTake(
            f"The take has no {frames_as_text(lacking)}.", argument="frames", value=frames, remedy=f"It has {has}."
        )
    request = TakeRequest.from_dict(record["request"])
    request = replace(request, plate=_moved(request.plate, plate))
    parts = [_Words.of(part, request, holdout) for part in record.get("finished", ())]
    prover, proofs = Prover(), []
    for one in _frames_to_prove(directory, record, request, parts, frames or has):
        proof, maps = prover.prove(one)
        proofs.append(proof)
        if on_frame is not None:
            on_frame(proof, maps)
    return TakeProof(tuple(proofs))


def _frames_to_prove(
    directory: Path, record: dict[str, Any], request: TakeRequest, parts: Sequence[_Words], frames: FrameSet
) -> Iterator[FrameToProve]:
    plate_format = check_plate(plate_source(request.plate), frames)
    for frame in frames:
        # 1. The plate and the hold-out, the very ones
        words = next((part for part in parts if frame in part.frames), None)
        said = request if words is None else words.request
        for kind, files in input_files(replace(said, mask=None)).items():
            _check_unchanged(record.get(kind, {}).get(str(frame)), files.file(frame), files.role.argument)
        reader = PlateReader(said, plate_format, tuple(record["working_size"]))
        read, plate_linear = reader.plate(frame)
        holdout, region = reader.holdout(frame), reader.region(frame)

        # 2. What its layers were made from, as far as that is kept, and finished as this engine does it
        meant = None
        if words is not None and words.can_be_repeated() and model_file(directory, frame).is_file():
            output = read_model_output(model_file(directory, frame))
            finished = finish_frame(
                plate_linear,
                output.edit_model_rgb.astype(np.float32),
                output.alpha.astype(np.float32),
                read.format.color_space,
                words.settings,
                exposure=words.request.exposure or 0.0,
                region=region,
                holdout=holdout,
            )
            meant = Meant(finished.edit_linear, finished.alpha, finished.plate_meant)

        yield FrameToProve(
            frame,
            plate_linear,
            read.format.color_space,
            read_layers(layers_file(directory, frame)),
            must_stay=_must_stay(plate_linear.shape[:2], region, holdout),
            meant=meant,
            comp_written=_written_comp(directory, frame, record),
        )


def _moved(reference: PlateReference, path: str) -> PlateReference:
    """The same files where they lie now; where they lay, without a path."""
    return replace(reference, path=os.path.abspath(path), upload_id="") if path else reference


def _must_stay(
    shape: tuple[int, ...], region: Window | None, holdout: NDArray[np.float32] | None
) -> NDArray[np.bool_] | None:
    """Where the comp has to be the plate whatever the matte says: outside the region, and where it is held out."""
    if region is None and holdout is None:
        return None
    stays = np.zeros(shape, bool)
    if region is not None:
        stays[:] = True
        stays[region.y : region.y + region.height, region.x : region.x + region.width] = False
    if holdout is not None:
        stays |= holdout == 1
    return stays


def _written_comp(directory: Path, frame: int, record: dict[str, Any]) -> NDArray[np.floating] | None:
    """The take's own comp file as it is stored, (H, W, 3)."""
    file = comp_file(directory, frame)
    if not file.is_file():
        return None
    source = PlateSource(str(directory / "comp.####.exr"), color_space=record["color"]["layers"])
    comp = read_plate_frame(source, frame)
    return comp.rgb.astype(np.float16) if comp.header.pixel_type == "half" else comp.rgb


def _check_unchanged(seen: dict[str, Any] | None, file: Path, argument: str) -> None:
    if seen is None:
        return
    known = FileSeen(seen["file"], seen["sha256"], seen["size"], seen["modified_ns"])
    if not known.is_unchanged(file):
        raise PlateChanged(
            "This file is not the one any more that the take was made of.",
            argument=argument,
            value=file,
            remedy="Check the take against the very files, wherever they lie now, or make it again.",
        )


def _check_config(record: dict[str, Any]) -> None:
    config = (record.get("color") or {}).get("config")
    if config:
        check_chosen(config, "The take")
