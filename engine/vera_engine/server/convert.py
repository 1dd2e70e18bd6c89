"""Messages to data and back: the one place that knows both."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from vera_edit.v1 import engine_pb2
from vera_edit.v1 import takes_pb2 as pb
from vera_engine.errors import InvalidArgument
from vera_engine.model.settings import ModelSettings
from vera_engine.plates.frames import FrameRange
from vera_engine.takes.request import AskedSettings, EditType, MaskMeaning, MaskReference, PlateReference, TakeRequest
from vera_engine.takes.take import FrameWritten, QueuedAt, Refusal, StateChanged, StepDone, Take, TakeEvent, TakeState

Number = TypeVar("Number", bound=int)
Value = TypeVar("Value")

EDIT_TYPES = {
    pb.EDIT_TYPE_OBJECT_ADDITION: EditType.ADD,
    pb.EDIT_TYPE_BACKGROUND_CHANGE: EditType.BACKGROUND,
}
MASK_MEANINGS = {
    pb.MASK_MEANING_UNSPECIFIED: None,
    pb.MASK_MEANING_EDIT_HERE: MaskMeaning.EDIT_HERE,
    pb.MASK_MEANING_KEEP_THIS: MaskMeaning.KEEP_THIS,
}
COLOR_SPACES = {
    pb.COLOR_SPACE_UNSPECIFIED: None,
    pb.COLOR_SPACE_LINEAR_REC709: "lin_rec709",
    pb.COLOR_SPACE_ACESCG: "acescg",
    pb.COLOR_SPACE_SRGB_DISPLAY: "srgb",
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


class EditTypeUnknown(InvalidArgument):
    """No edit type, or one this engine has not."""


class ChoiceUnknown(InvalidArgument):
    """A value of an enum that this engine has not."""


class FramesMissing(InvalidArgument):
    """A request without a frame range."""


def request_from_proto(message: pb.TakeRequest, find_upload: Callable[[str], str]) -> TakeRequest:
    """A request as data.

    Args:
        message: As it came.
        find_upload: The path pattern of an upload, by its id; raises what is to be answered where there is none.

    Raises:
        EditTypeUnknown, ChoiceUnknown, FramesMissing, FrameRangeInvalid
    """
    if message.edit_type not in EDIT_TYPES:
        raise EditTypeUnknown(
            "The edit type is not said, or not one that this engine makes.",
            argument="edit_type",
            value=message.edit_type,
            remedy="Choose object addition or background change.",
        )
    if not message.HasField("frames"):
        raise FramesMissing("There is no frame range.", argument="frames", remedy="Say first and last frame.")
    asked = message.settings
    return TakeRequest(
        node_id=message.node_id,
        edit_type=EDIT_TYPES[message.edit_type],
        prompt=message.prompt,
        frames=FrameRange(message.frames.first_frame, message.frames.last_frame),
        plate=_plate_from_proto(message.plate, "plate", find_upload),
        mask=_mask_from_proto(message.mask, find_upload) if message.HasField("mask") else None,
        settings=AskedSettings(
            seed=asked.seed if asked.HasField("seed") else None,
            num_inference_steps=asked.num_inference_steps if asked.HasField("num_inference_steps") else None,
            guidance_scale=asked.guidance_scale if asked.HasField("guidance_scale") else None,
        ),
        take_root=message.take_root,
        write_comp=message.write_comp,
    )


def take_to_proto(take: Take) -> pb.Take:
    """A take as it is told: its request with the effective settings in it."""
    request = take.request
    message = pb.Take(
        take_id=take.take_id,
        version=take.version,
        state=STATES[take.state],
        request=pb.TakeRequest(
            node_id=request.node_id,
            edit_type=_key_of(EDIT_TYPES, request.edit_type),
            prompt=request.prompt,
            frames=pb.FrameRange(first_frame=request.frames.first, last_frame=request.frames.last),
            plate=_plate_to_proto(request.plate),
            mask=None if request.mask is None else _mask_to_proto(request.mask),
            settings=pb.TakeSettings(
                seed=take.settings.seed,
                num_inference_steps=take.settings.num_inference_steps,
                guidance_scale=take.settings.guidance_scale,
            ),
            take_root=request.take_root,
            write_comp=request.write_comp,
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
    )
    if take.error is not None:
        message.error.CopyFrom(refusal_to_proto(take.error))
    return message


def event_to_proto(take_id: str, sequence: int, event: TakeEvent) -> pb.TakeEvent:
    """What happened to a take."""
    message = pb.TakeEvent(take_id=take_id, sequence=sequence)
    match event:
        case QueuedAt(place):
            message.queued_at = place
        case StateChanged(take):
            message.state_changed.take.CopyFrom(take_to_proto(take))
        case StepDone(step, step_count, window, window_count, seconds_per_step):
            message.step_done.CopyFrom(
                pb.StepDone(
                    step=step,
                    step_count=step_count,
                    window=window,
                    window_count=window_count,
                    seconds_per_step=seconds_per_step if math.isfinite(seconds_per_step) else 0.0,
                )
            )
        case FrameWritten(frame):
            message.frame_written.frame = frame
    return message


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
    )


def _plate_from_proto(message: pb.PlateSource, argument: str, find_upload: Callable[[str], str]) -> PlateReference:
    return PlateReference(
        path=find_upload(message.upload_id) if message.upload_id else message.path,
        frame_offset=message.frame_offset,
        color_space=_choice(COLOR_SPACES, message.color_space, f"{argument}.color_space"),
        upload_id=message.upload_id,
    )


def _mask_from_proto(message: pb.MaskSource, find_upload: Callable[[str], str]) -> MaskReference:
    return MaskReference(
        source=_plate_from_proto(message.source, "mask.source", find_upload),
        meaning=_choice(MASK_MEANINGS, message.meaning, "mask.meaning"),
        invert=message.invert,
    )


def _plate_to_proto(plate: PlateReference) -> pb.PlateSource:
    location = {"upload_id": plate.upload_id} if plate.upload_id else {"path": plate.path}
    return pb.PlateSource(
        **location, frame_offset=plate.frame_offset, color_space=_key_of(COLOR_SPACES, plate.color_space)
    )


def _mask_to_proto(mask: MaskReference) -> pb.MaskSource:
    return pb.MaskSource(
        source=_plate_to_proto(mask.source), meaning=_key_of(MASK_MEANINGS, mask.meaning), invert=mask.invert
    )


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
