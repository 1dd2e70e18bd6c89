"""Messages and data say the same: no value of an enum, no nature of an error is forgotten."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from grpc_status import rpc_status

from vera_edit.v1 import takes_pb2 as pb
from vera_engine import errors
from vera_engine.plates.frames import FrameRange
from vera_engine.server import convert
from vera_engine.server.status import DataDamaged, Unauthenticated, status_of, typed
from vera_engine.takes.request import (
    AskedSettings,
    EditType,
    MaskMeaning,
    MaskReference,
    PlateReference,
    TakeRequest,
    TakeSettings,
)
from vera_engine.takes.take import FrameWritten, QueuedAt, Refusal, StateChanged, StepDone, Take, TakeSeconds, TakeState


def no_upload(upload_id: str) -> str:
    raise AssertionError(upload_id)


@pytest.mark.parametrize(
    ("enum", "table", "unset"),
    [
        (pb.EditType, convert.EDIT_TYPES, {0}),  # refused: there is no edit without a kind
        (pb.MaskMeaning, convert.MASK_MEANINGS, set()),
        (pb.ColorSpace, convert.COLOR_SPACES, set()),
    ],
)
def test_every_choice_of_the_interface_has_a_meaning(enum, table, unset):
    assert set(table) == set(enum.values()) - unset
    assert len(set(table.values())) == len(table)


def test_every_state_has_a_number_of_its_own():
    assert set(convert.STATES) == set(TakeState)
    assert set(convert.STATES.values()) == set(pb.TakeState.values()) - {pb.TAKE_STATE_UNSPECIFIED}


def test_a_request_is_read_and_told_alike():
    message = pb.TakeRequest(
        node_id="hero-2",
        edit_type=pb.EDIT_TYPE_BACKGROUND_CHANGE,
        prompt="a blue sky",
        frames=pb.FrameRange(first_frame=-3, last_frame=4),
        plate=pb.PlateSource(path="/p.####.exr", frame_offset=-7, color_space=pb.COLOR_SPACE_ACESCG),
        mask=pb.MaskSource(source=pb.PlateSource(path="/m.%04d.exr"), meaning=pb.MASK_MEANING_EDIT_HERE, invert=True),
        settings=pb.TakeSettings(seed=0, num_inference_steps=7, guidance_scale=0.0),
        take_root="/takes",
        write_comp=True,
    )
    request = convert.request_from_proto(message, no_upload)
    assert request == TakeRequest(
        node_id="hero-2",
        edit_type=EditType.BACKGROUND,
        prompt="a blue sky",
        frames=FrameRange(-3, 4),
        plate=PlateReference("/p.####.exr", -7, "acescg"),
        mask=MaskReference(PlateReference("/m.%04d.exr"), MaskMeaning.EDIT_HERE, invert=True),
        settings=AskedSettings(0, 7, 0.0),
        take_root="/takes",
        write_comp=True,
    )
    settings = TakeSettings(0, 7, 0.0)
    take = Take("t", "r", "v003", TakeState.FAILED, request, settings, Path("/takes/hero-2/v003"), 1.5)
    assert convert.take_to_proto(take).request == message


def test_what_is_not_said_stays_unsaid():
    message = pb.TakeRequest(edit_type=pb.EDIT_TYPE_OBJECT_ADDITION, frames=pb.FrameRange())
    request = convert.request_from_proto(message, no_upload)
    assert request.settings == AskedSettings(None, None, None)
    assert (request.mask, request.plate.color_space, request.frames) == (None, None, FrameRange(0, 0))


def test_an_upload_is_found_and_told_by_its_id():
    message = pb.TakeRequest(edit_type=1, frames=pb.FrameRange(), plate=pb.PlateSource(upload_id="ab"))
    request = convert.request_from_proto(message, lambda upload_id: f"/uploads/{upload_id}/p.####.exr")
    assert request.plate == PlateReference("/uploads/ab/p.####.exr", upload_id="ab")
    take = Take("t", "r", "v001", TakeState.QUEUED, request, TakeSettings(1, 2, 3), Path("/t/v001"), 0.0)
    assert convert.take_to_proto(take).request.plate == message.plate


def test_every_event_has_its_message(reserved):
    events = [QueuedAt(2), StateChanged(reserved), StepDone(1, 4, 1, 1, float("inf")), FrameWritten(-1)]
    messages = [convert.event_to_proto("t", number, event) for number, event in enumerate(events, start=1)]
    assert [message.WhichOneof("event") for message in messages] == [
        "queued_at",
        "state_changed",
        "step_done",
        "frame_written",
    ]
    assert [message.sequence for message in messages] == [1, 2, 3, 4]
    told = messages[1].state_changed.take
    assert (told.error.kind, told.seconds.model, list(told.warnings)) == ("DiskFull", 2.0, ["mind"])
    assert messages[3].frame_written.frame == -1


@pytest.fixture
def reserved() -> Take:
    request = TakeRequest("n", EditType.ADD, "p", FrameRange(1, 2), PlateReference("/p.####.exr"))
    return Take(
        *("t", "r", "v001", TakeState.FAILED, request, TakeSettings(1, 2, 3.0), Path("/takes/n/v001"), 1.0),
        seconds=TakeSeconds(4, 1, 2, 1),
        warnings=("mind",),
        error=Refusal("DiskFull", "no room"),
    )


@pytest.mark.parametrize(
    ("nature", "code"),
    [
        (errors.InvalidArgument, grpc.StatusCode.INVALID_ARGUMENT),
        (errors.NotFound, grpc.StatusCode.NOT_FOUND),
        (errors.PermissionRefused, grpc.StatusCode.PERMISSION_DENIED),
        (errors.FailedPrecondition, grpc.StatusCode.FAILED_PRECONDITION),
        (errors.Cancelled, grpc.StatusCode.CANCELLED),
        (errors.Internal, grpc.StatusCode.INTERNAL),
        (Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
        (DataDamaged, grpc.StatusCode.DATA_LOSS),
    ],
)
def test_the_nature_of_an_error_is_its_code_and_its_fields_the_detail(nature, code):
    class PlateSpilled(nature):
        pass

    status = status_of(PlateSpilled("Coffee.", argument="plate", value=3, remedy="Dry it."))
    assert rpc_status.to_status(status).code is code
    (detail,) = status.details
    message = pb.Refusal()
    assert detail.Unpack(message)
    assert message == pb.Refusal(kind="PlateSpilled", reason="Coffee.", argument="plate", value="3", remedy="Dry it.")


def test_of_an_error_that_nobody_foresaw_only_the_log_knows_more():
    assert typed(ZeroDivisionError("secret")).kind == "Internal"
    assert "secret" not in str(typed(ZeroDivisionError("secret")))
    refused = typed(OSError(28, "No space left on device", "/takes/v001"))
    assert (refused.kind, refused.value) == ("FilesFailed", "/takes/v001")
    assert "No space left" in refused.reason
