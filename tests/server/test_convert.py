"""Messages and data say the same: no value of an enum, no nature of an error is forgotten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from grpc_status import rpc_status

from vera_edit.v1 import takes_pb2 as pb
from vera_engine import errors
from vera_engine.plates.finish_settings import Detail
from vera_engine.plates.frames import FrameRange, FrameRangeInvalid, FrameSet
from vera_engine.plates.nan_policy import NanPolicy
from vera_engine.server import convert
from vera_engine.server.status import DataDamaged, Unauthenticated, status_of, typed
from vera_engine.takes.events import FrameWritten, Preview, QueuedAt, StateChanged, StepDone, WindowDone
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
    TakeSettings,
)
from vera_engine.takes.take import Notes, Refusal, Seam, SeamKind, Take, TakeColor, TakeSeconds, TakeState

FRAMES = FrameSet.parse("1-2")


def take_of(request: TakeRequest, settings: TakeSettings, directory: Path) -> Take:
    return Take(
        *("t", "r", directory.name, TakeState.FAILED, request, settings, directory, 1.5),
        frames=request.frames,
        working_size=(48, 32),
        window_latents=(2, 1),
    )


def no_upload(upload_id: str) -> str:
    raise AssertionError(upload_id)


@pytest.mark.parametrize(
    ("enum", "table", "unset"),
    [
        (pb.EditType, convert.EDIT_TYPES, set()),
        (pb.MaskMeaning, convert.MASK_MEANINGS, set()),
        (pb.NanPolicy, convert.NAN_POLICIES, set()),
        (pb.Detail, convert.DETAILS, set()),
    ],
)
def test_every_choice_of_the_interface_has_a_meaning(enum, table, unset):
    assert set(table) == set(enum.values()) - unset
    assert len(set(table.values())) == len(table)


def test_every_state_and_every_kind_of_seam_has_a_number_of_its_own():
    assert set(convert.SEAM_KINDS) == set(SeamKind)
    assert set(convert.SEAM_KINDS.values()) == set(pb.SeamKind.values()) - {pb.SEAM_KIND_UNSPECIFIED}
    assert set(convert.STATES) == set(TakeState)
    assert set(convert.STATES.values()) == set(pb.TakeState.values()) - {pb.TAKE_STATE_UNSPECIFIED}


def test_a_request_is_read_and_told_alike():
    message = pb.TakeRequest(
        node_id="hero-2",
        edit_type=pb.EDIT_TYPE_BACKGROUND_CHANGE,
        prompt="a blue sky",
        frames=[pb.FrameRange(first_frame=-3, last_frame=4), pb.FrameRange(first_frame=9, last_frame=9)],
        plate=pb.PlateSource(
            path="/p.####.exr",
            frame_offset=-7,
            color_space="ARRI LogC4",
            fallback_color_space="acescg",
            view="left",
            part="1",
            layer="beauty",
            nan=pb.NAN_POLICY_ZERO,
        ),
        mask=pb.MaskSource(
            source=pb.PlateSource(path="/m.%04d.exr", nan=pb.NAN_POLICY_REFUSE),
            meaning=pb.MASK_MEANING_EDIT_HERE,
            invert=True,
        ),
        settings=pb.TakeSettings(seed=0, num_inference_steps=7, guidance_scale=0.0, preset="draft"),
        take_root="/takes",
        write_comp=True,
        handles=3,
        base_take_id="ab",
        strength=0.25,
        priority=-2,
        label="wide",
        reuse=True,
        without_mask=True,
        holdout=pb.MaskSource(source=pb.PlateSource(path="/h.%04d.exr", nan=pb.NAN_POLICY_REFUSE)),
        without_holdout=True,
        exposure=-1.3,
        region=pb.Region(box=pb.Box(x=-2, y=3, width=40, height=30), margin=5),
        finish=pb.FinishSettings(
            black=0.1, white=0.9, detail=pb.DETAIL_SMOOTH, refine=0.3, despill=0.0, highlights=16.0
        ),
        write_residual=True,
        finish_only=True,
    )
    request = convert.request_from_proto(message, no_upload)
    assert request == TakeRequest(
        node_id="hero-2",
        edit_type=EditType.BACKGROUND,
        prompt="a blue sky",
        frames=FrameSet((FrameRange(-3, 4), FrameRange(9, 9))),
        plate=PlateReference("/p.####.exr", -7, "ARRI LogC4", "", "acescg", "left", "1", "beauty", NanPolicy.ZERO),
        mask=MaskReference(PlateReference("/m.%04d.exr"), MaskMeaning.EDIT_HERE, invert=True),
        settings=AskedSettings(0, 7, 0.0, "draft"),
        take_root="/takes",
        write_comp=True,
        handles=3,
        base=BaseTake("ab"),
        strength=0.25,
        without_mask=True,
        label="wide",
        priority=-2,
        reuse=True,
        holdout=MaskReference(PlateReference("/h.%04d.exr")),
        without_holdout=True,
        exposure=-1.3,
        region=Region.resting(Box(-2, 3, 40, 30), 5),
        finish=AskedFinish(0.1, 0.9, Detail.SMOOTH, 0.3, 0.0, 16.0),
        write_residual=True,
        finish_only=True,
    )
    settings = TakeSettings(0, 7, 0.0, "draft")
    take = take_of(request, settings, Path("/takes/hero-2/v003"))
    told = convert.take_to_proto(take)
    assert told.request == message
    assert (told.base_take_id, told.base_version) == ("ab", "")


def test_what_is_not_said_stays_unsaid():
    message = pb.TakeRequest(frames=[pb.FrameRange()])
    request = convert.request_from_proto(message, no_upload)
    assert request.settings == AskedSettings(None, None, None)
    assert (request.edit_type, request.mask, request.plate.color_space) == (None, None, None)
    assert (request.holdout, request.exposure, request.region, request.finish) == (None, None, None, AskedFinish())
    assert (request.base, request.strength, request.frames) == (None, None, FrameSet((FrameRange(0, 0),)))
    told = convert.take_to_proto(take_of(request, TakeSettings(1, 2, 3.0), Path("/t/v001")))
    assert not told.request.HasField("strength")
    assert not told.request.HasField("region")
    assert told.request.finish == pb.FinishSettings()
    assert (told.request.base_take_id, told.base_take_id, told.base_version) == ("", "", "")


def test_regions_of_every_kind_come_back():
    keys = ((1001, Box(0, 1, 20, 10)), (1005, Box(4, 3, 20, 10)))
    for region in (
        Region(RegionKind.BOXES, keys),
        Region.resting(Box(1, 2, 3, 4)),
        Region(RegionKind.MASK, margin=8),
        Region(RegionKind.BASE),
    ):
        request = TakeRequest("n", EditType.ADD, "p", FRAMES, PlateReference("/p.####.exr"), region=region)
        told = convert.take_to_proto(take_of(request, TakeSettings(1, 2, 3.0), Path("/t/v001"))).request
        assert convert.request_from_proto(told, no_upload).region == region
    assert (
        convert.request_from_proto(pb.TakeRequest(frames=[pb.FrameRange()], region=pb.Region()), no_upload).region
        is None
    )


@pytest.mark.parametrize("ranges", [[], [(5, 4)], [(1, 5), (5, 9)], [(1, 5), (6, 9)], [(7, 9), (1, 5)]])
def test_frames_that_are_none_are_refused(ranges):
    message = pb.TakeRequest(frames=[pb.FrameRange(first_frame=first, last_frame=last) for first, last in ranges])
    with pytest.raises(FrameRangeInvalid) as caught:
        convert.request_from_proto(message, no_upload)
    assert caught.value.argument == "frames"


def test_an_upload_is_found_and_told_by_its_id():
    message = pb.TakeRequest(frames=[pb.FrameRange()], plate=pb.PlateSource(upload_id="ab"))
    request = convert.request_from_proto(message, lambda upload_id: f"/uploads/{upload_id}/p.####.exr")
    assert request.plate == PlateReference("/uploads/ab/p.####.exr", upload_id="ab")
    told = convert.take_to_proto(take_of(request, TakeSettings(1, 2, 3.0), Path("/t/v001")))
    assert told.request.plate == pb.PlateSource(upload_id="ab", nan=pb.NAN_POLICY_REFUSE)


def test_a_base_is_told_by_id_and_by_version():
    request = TakeRequest("n", EditType.ADD, "p", FRAMES, PlateReference("/p.####.exr"))
    request = replace(request, base=BaseTake("ab", "/takes/n/v007"), strength=1.0)
    told = convert.take_to_proto(take_of(request, TakeSettings(1, 2, 3.0), Path("/takes/n/v008")))
    assert (told.base_take_id, told.base_version) == ("ab", "v007")
    assert (told.request.base_take_id, told.request.base_directory) == ("ab", "/takes/n/v007")
    assert told.request.strength == 1.0


def test_every_event_has_its_message(reserved):
    events = [
        QueuedAt(2),
        QueuedAt(1, 0.0),
        StateChanged(reserved),
        StepDone(1, 4, 1, 2, float("inf"), float("nan")),
        StepDone(2, 4, 1, 2, 0.5, 3.0),
        FrameWritten(-1),
        WindowDone(1, 2, (FrameRange(-1, 1), FrameRange(3, 3))),
        Preview("iVBORw==", 1, 4),
        Preview("", 1, 3),
    ]
    messages = [convert.event_to_proto("t", number, event) for number, event in enumerate(events, start=1)]
    assert [message.sequence for message in messages] == list(range(1, 10))
    assert {message.WhichOneof("event") for message in messages} == {
        field.name for field in pb.TakeEvent.DESCRIPTOR.oneofs_by_name["event"].fields
    }
    unknown, known, changed, *_ = messages
    assert (unknown.queued_at.place, unknown.queued_at.HasField("seconds_to_start")) == (2, False)
    assert (known.queued_at.place, known.queued_at.HasField("seconds_to_start")) == (1, True)
    told = changed.state_changed.take
    assert (told.error.kind, told.seconds.model, list(told.warnings)) == ("DiskFull", 2.0, ["mind"])
    assert (told.label, told.note, told.starred, told.window_count) == ("wide", "deep", True, 2)
    assert (told.color_space, told.color_space_source) == ("ACEScct", "rules")
    assert (told.layer_space, told.color_config) == ("ACEScg", "studio")
    assert (told.working_width, told.working_height) == (48, 32)
    assert list(told.frames) == [pb.FrameRange(first_frame=1, last_frame=2)]
    assert list(told.finished_frames) == [pb.FrameRange(first_frame=1, last_frame=1)]
    assert list(told.seams) == [pb.Seam(first_side=1, second_side=2, value=1.25, kind=pb.SEAM_KIND_REPAIR)]
    assert messages[3].step_done == pb.StepDone(step=1, step_count=4, window=1, window_count=2)
    assert messages[4].step_done == pb.StepDone(
        step=2, step_count=4, window=1, window_count=2, seconds_per_step=0.5, seconds_left=3.0
    )
    assert messages[5].frame_written.frame == -1
    ranges = [(part.first_frame, part.last_frame) for part in messages[6].window_done.frames]
    assert ranges == [(-1, 1), (3, 3)]
    assert messages[7].preview == pb.Preview(png=b"\x89PNG", window=1, step=4)
    assert messages[8].preview == pb.Preview(window=1, step=3)


@pytest.fixture
def reserved() -> Take:
    request = TakeRequest("n", EditType.ADD, "p", FRAMES, PlateReference("/p.####.exr"))
    return replace(
        take_of(request, TakeSettings(1, 2, 3.0), Path("/takes/n/v001")),
        seconds=TakeSeconds(4, 1, 2, 1),
        warnings=("mind",),
        error=Refusal("DiskFull", "no room"),
        notes=Notes("wide", "deep", starred=True),
        seams=(Seam(1, 2, 1.25, SeamKind.REPAIR),),
        finished_frames=(FrameRange(1, 1),),
        color=TakeColor("ACEScct", "rules", "ACEScg", "studio"),
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


def test_a_status_fits_into_a_calls_metadata():
    endless = "桜" * 100_000
    status = status_of(errors.InvalidArgument(endless, argument="frames", value=endless, remedy=endless))
    packed = rpc_status.to_status(status)
    assert sum(len(value) for _, value in packed.trailing_metadata) < 8192 * 3 / 4  # base64 adds a third
    (detail,) = status.details
    message = pb.Refusal()
    assert detail.Unpack(message)
    assert message.argument == "frames"
    assert message.reason.startswith("桜")
    assert message.reason.endswith(" ...")
