"""Messages to data and back: the one place that knows both."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.message import Message

from vera_edit.v1 import engine_pb2
from vera_edit.v1 import takes_pb2 as pb
from vera_engine.errors import InvalidArgument
from vera_engine.model.settings import ModelSettings
from vera_engine.pipeline.presets import PRESETS, preset_steps
from vera_engine.plates.finish_settings import Detail
from vera_engine.plates.frames import FrameRange, FrameSet
from vera_engine.plates.nan_policy import NanPolicy
from vera_engine.takes.events import FrameWritten, Preview, QueuedAt, StateChanged, StepDone, TakeEvent, WindowDone
from vera_engine.takes.region import Box, Region, RegionKind
from vera_engine.takes.request import (
    AskedFinish,
    AskedSettings,
    BaseTake,
    EditType,
    MaskMeaning,
    MaskReference,
    PlateReference,
    TakeRequest,
)
from vera_engine.takes.take import Refusal, SeamKind, Take, TakeState

if TYPE_CHECKING:
    from vera_engine.plates.proof import TakeProof

Number = TypeVar("Number", bound=int)
Value = TypeVar("Value")

EDIT_TYPES = {
    pb.EDIT_TYPE_UNSPECIFIED: None,
    pb.EDIT_TYPE_OBJECT_ADDITION: EditType.ADD,
    pb.EDIT_TYPE_BACKGROUND_CHANGE: EditType.BACKGROUND,
}
MASK_MEANINGS = {
    pb.MASK_MEANING_UNSPECIFIED: None,
    pb.MASK_MEANING_EDIT_HERE: MaskMeaning.EDIT_HERE,
    pb.MASK_MEANING_KEEP_THIS: MaskMeaning.KEEP_THIS,
}
NAN_POLICIES = {
    pb.NAN_POLICY_UNSPECIFIED: None,
    pb.NAN_POLICY_REFUSE: NanPolicy.REFUSE,
    pb.NAN_POLICY_ZERO: NanPolicy.ZERO,
}
DETAILS = {
    pb.DETAIL_UNSPECIFIED: None,
    pb.DETAIL_PLATE: Detail.PLATE,
    pb.DETAIL_EDIT: Detail.EDIT,
    pb.DETAIL_SMOOTH: Detail.SMOOTH,
}
STATES = {
    TakeState.QUEUED: pb.TAKE_STATE_QUEUED,
    TakeState.CHECKING: pb.TAKE_STATE_CHECKING,
    TakeState.RUNNING: pb.TAKE_STATE_RUNNING,
    TakeState.WRITING: pb.TAKE_STATE_WRITING,
    TakeState.FINISHED: pb.TAKE_STATE_FINISHED,
    TakeState.CANCELLED: pb.TAKE_STATE_CANCELLED,
    TakeState.FAILED: pb.TAKE_STATE_FAILED,
}
SEAM_KINDS = {
    SeamKind.WINDOW: pb.SEAM_KIND_WINDOW,
    SeamKind.REPAIR: pb.SEAM_KIND_REPAIR,
}


class ChoiceUnknown(InvalidArgument):
    """A value of an enum that this engine has not."""


def request_from_proto(message: pb.TakeRequest, find_upload: Callable[[str], str]) -> TakeRequest:
    """A request as data.

    Args:
        message: As it came.
        find_upload: The path pattern of an upload, by its id; raises what is to be answered where there is none.

    Raises:
        ChoiceUnknown, FrameRangeInvalid
    """
    asked = message.settings
    has_base = bool(message.base_take_id or message.base_directory)
    return TakeRequest(
        node_id=message.node_id,
        edit_type=_choice(EDIT_TYPES, message.edit_type, "edit_type"),
        prompt=message.prompt,
        frames=FrameSet(tuple(FrameRange(part.first_frame, part.last_frame) for part in message.frames)),
        plate=_plate_from_proto(message.plate, "plate", find_upload),
        mask=_mask_from_proto(message, "mask", find_upload),
        settings=AskedSettings(
            seed=_said(asked, "seed"),
            num_inference_steps=_said(asked, "num_inference_steps"),
            guidance_scale=_said(asked, "guidance_scale"),
            preset=asked.preset or None,
        ),
        take_root=message.take_root,
        write_comp=message.write_comp,
        handles=message.handles,
        base=BaseTake(message.base_take_id, message.base_directory) if has_base else None,
        strength=_said(message, "strength"),
        without_mask=message.without_mask,
        label=message.label,
        priority=message.priority,
        reuse=message.reuse,
        holdout=_mask_from_proto(message, "holdout", find_upload),
        without_holdout=message.without_holdout,
        exposure=_said(message, "exposure"),
        region=_region_from_proto(message.region) if message.HasField("region") else None,
        finish=_finish_from_proto(message.finish),
        write_residual=message.write_residual,
        finish_only=message.finish_only,
    )


def take_to_proto(take: Take) -> pb.Take:
    """A take as it is told: its request with the effective settings in it."""
    request = take.request
    base = request.base or BaseTake()
    message = pb.Take(
        take_id=take.take_id,
        version=take.version,
        state=STATES[take.state],
        request=pb.TakeRequest(
            node_id=request.node_id,
            edit_type=_key_of(EDIT_TYPES, request.edit_type),
            prompt=request.prompt,
            frames=frames_to_proto(request.frames.ranges),
            plate=_plate_to_proto(request.plate),
            mask=None if request.mask is None else _mask_to_proto(request.mask),
            settings=pb.TakeSettings(
                seed=take.settings.seed,
                num_inference_steps=take.settings.num_inference_steps,
                guidance_scale=take.settings.guidance_scale,
                preset=take.settings.preset,
            ),
            take_root=request.take_root,
            write_comp=request.write_comp,
            handles=request.handles,
            base_take_id=base.take_id,
            base_directory=base.directory,
            strength=request.strength,
            without_mask=request.without_mask,
            label=request.label,
            priority=request.priority,
            reuse=request.reuse,
            holdout=None if request.holdout is None else _mask_to_proto(request.holdout),
            without_holdout=request.without_holdout,
            exposure=request.exposure,
            region=None if request.region is None else _region_to_proto(request.region),
            finish=_finish_to_proto(request.finish),
            write_residual=request.write_residual,
            finish_only=request.finish_only,
        ),
        directory=str(take.directory),
        seconds=pb.TakeSeconds(
            total=take.seconds.total,
            queued=take.seconds.queued,
            model=take.seconds.model,
            pixels=take.seconds.pixels,
        ),
        warnings=take.warnings,
        created_at=take.created_at,
        frames=frames_to_proto(take.frames.ranges),
        window_count=take.window_count,
        label=take.notes.label,
        note=take.notes.note,
        starred=take.notes.starred,
        base_take_id=base.take_id,
        base_version=base.version,
        seams=[
            pb.Seam(
                first_side=seam.first_side, second_side=seam.second_side, value=seam.value, kind=SEAM_KINDS[seam.kind]
            )
            for seam in take.seams
        ],
        finished_frames=frames_to_proto(take.finished_frames),
        color_space=take.color.plate,
        color_space_source=take.color.found_by,
        layer_space=take.color.layers,
        color_config=take.color.config,
        working_width=take.working_size[0],
        working_height=take.working_size[1],
    )
    if take.error is not None:
        message.error.CopyFrom(refusal_to_proto(take.error))
    return message


def event_to_proto(take_id: str, sequence: int, event: TakeEvent) -> pb.TakeEvent:
    """What happened to a take."""
    message = pb.TakeEvent(take_id=take_id, sequence=sequence)
    match event:
        case QueuedAt(place, seconds_to_start):
            message.queued_at.CopyFrom(pb.QueuedAt(place=place, seconds_to_start=seconds_to_start))
        case StateChanged(take):
            message.state_changed.take.CopyFrom(take_to_proto(take))
        case StepDone():
            message.step_done.CopyFrom(
                pb.StepDone(
                    step=event.step,
                    step_count=event.step_count,
                    window=event.window,
                    window_count=event.window_count,
                    seconds_per_step=_finite(event.seconds_per_step),
                    seconds_left=_finite(event.seconds_left),
                )
            )
        case FrameWritten(frame):
            message.frame_written.frame = frame
        case WindowDone(window, window_count, frames):
            message.window_done.CopyFrom(
                pb.WindowDone(window=window, window_count=window_count, frames=frames_to_proto(frames))
            )
        case Preview(png, window, step):
            message.preview.CopyFrom(pb.Preview(png=base64.b64decode(png), window=window, step=step))
    return message


def frames_to_proto(ranges: Iterable[FrameRange]) -> list[pb.FrameRange]:
    """Frame ranges, in the order given."""
    return [pb.FrameRange(first_frame=part.first, last_frame=part.last) for part in ranges]


def refusal_to_proto(refusal: Refusal) -> pb.Refusal:
    """Why something was refused or failed."""
    return pb.Refusal(
        kind=refusal.kind,
        reason=refusal.reason,
        argument=refusal.argument,
        value=refusal.value,
        remedy=refusal.remedy,
    )


def model_to_proto(model: ModelSettings) -> engine_pb2.ModelInfo:
    """What a model can and needs; its working size is the largest of those it has."""
    width, height = max(model.working_sizes, key=lambda size: size[0] * size[1])
    return engine_pb2.ModelInfo(
        name=model.name,
        vocabulary=model.vocabulary,
        working_width=width,
        working_height=height,
        window_frames=model.window_frames,
        default_num_inference_steps=model.num_inference_steps,
        default_guidance_scale=model.guidance_scale,
        background_needs_mask=model.background_needs_mask,
        presets=[
            engine_pb2.Preset(
                name=preset.name,
                description=preset.description,
                num_inference_steps=preset_steps(preset, model),
            )
            for preset in PRESETS.values()
        ],
    )


def proof_to_proto(proof: TakeProof) -> pb.CheckTakeResponse:
    """What a take's files prove of it."""
    return pb.CheckTakeResponse(
        verdict=proof.verdict,
        exact=proof.exact,
        frames=len(proof.frames),
        changed_outside=proof.changed_outside,
        largest_relative_error=proof.largest_relative_error,
        matte_coverage=proof.matte_coverage,
        flicker=proof.flicker,
    )


def _plate_from_proto(message: pb.PlateSource, argument: str, find_upload: Callable[[str], str]) -> PlateReference:
    return PlateReference(
        path=find_upload(message.upload_id) if message.upload_id else message.path,
        frame_offset=message.frame_offset,
        color_space=message.color_space or None,
        upload_id=message.upload_id,
        fallback_color_space=message.fallback_color_space or None,
        view=message.view,
        part=message.part,
        layer=message.layer,
        nan=_choice(NAN_POLICIES, message.nan, f"{argument}.nan") or NanPolicy.REFUSE,
    )


def _plate_to_proto(plate: PlateReference) -> pb.PlateSource:
    location = {"upload_id": plate.upload_id} if plate.upload_id else {"path": plate.path}
    return pb.PlateSource(
        **location,
        frame_offset=plate.frame_offset,
        color_space=plate.color_space or "",
        fallback_color_space=plate.fallback_color_space or "",
        view=plate.view,
        part=plate.part,
        layer=plate.layer,
        nan=_key_of(NAN_POLICIES, plate.nan),
    )


def _mask_from_proto(request: pb.TakeRequest, argument: str, find_upload: Callable[[str], str]) -> MaskReference | None:
    """The request's `mask` or `holdout`."""
    if not request.HasField(argument):
        return None
    message: pb.MaskSource = getattr(request, argument)
    return MaskReference(
        source=_plate_from_proto(message.source, f"{argument}.source", find_upload),
        meaning=_choice(MASK_MEANINGS, message.meaning, f"{argument}.meaning"),
        invert=message.invert,
    )


def _mask_to_proto(mask: MaskReference) -> pb.MaskSource:
    return pb.MaskSource(
        source=_plate_to_proto(mask.source), meaning=_key_of(MASK_MEANINGS, mask.meaning), invert=mask.invert
    )


def _region_from_proto(message: pb.Region) -> Region | None:
    """None where it names no area: an unset region has no margin."""
    match message.WhichOneof("area"):
        case "box":
            return Region.resting(_box_from_proto(message.box), message.margin)
        case "boxes":
            keys = tuple((key.frame, _box_from_proto(key.box)) for key in message.boxes.keys)
            return Region(RegionKind.BOXES, keys, message.margin)
        case "from_mask" if message.from_mask:
            return Region(RegionKind.MASK, margin=message.margin)
        case "from_base" if message.from_base:
            return Region(RegionKind.BASE, margin=message.margin)
    return None


def _region_to_proto(region: Region) -> pb.Region:
    match region.kind:
        case RegionKind.MASK:
            return pb.Region(from_mask=True, margin=region.margin)
        case RegionKind.BASE:
            return pb.Region(from_base=True, margin=region.margin)
    if region.rests:
        return pb.Region(box=pb.Box(**vars(region.keys[0][1])), margin=region.margin)
    keys = [pb.BoxAtFrame(frame=frame, box=pb.Box(**vars(box))) for frame, box in region.keys]
    return pb.Region(boxes=pb.AnimatedBox(keys=keys), margin=region.margin)


def _box_from_proto(message: pb.Box) -> Box:
    return Box(message.x, message.y, message.width, message.height)


def _finish_from_proto(message: pb.FinishSettings) -> AskedFinish:
    return AskedFinish(
        black=_said(message, "black"),
        white=_said(message, "white"),
        detail=_choice(DETAILS, message.detail, "finish.detail"),
        refine=_said(message, "refine"),
        despill=_said(message, "despill"),
        highlights=_said(message, "highlights"),
    )


def _finish_to_proto(finish: AskedFinish) -> pb.FinishSettings:
    return pb.FinishSettings(**{**vars(finish), "detail": _key_of(DETAILS, finish.detail)})


def _said(message: Message, name: str) -> Any:
    """An optional field's value; None where it is unset. Fractions are as they were before the wire made float32 of
    them, which 7 digits say."""
    if not message.HasField(name):
        return None
    value = getattr(message, name)
    return float(f"{value:.7g}") if isinstance(value, float) else value


def _finite(seconds: float) -> float:
    """Seconds as they are told; 0 for what could not be measured."""
    return seconds if math.isfinite(seconds) else 0.0


def _choice(choices: Mapping[Number, Value], number: Number, argument: str) -> Value:
    if number not in choices:
        raise ChoiceUnknown(
            "This engine does not know that choice.",
            argument=argument,
            value=number,
            remedy="Use client and engine of the same version.",
        )
    return choices[number]


def _key_of(choices: Mapping[Number, Value], value: Value) -> Number:
    return next(number for number, choice in choices.items() if choice == value)
