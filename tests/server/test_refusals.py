"""Bad requests are refused before anything is reserved, by a status with a typed reason, and the engine lives on."""

from __future__ import annotations

import shutil
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc_status import rpc_status

from tests.exr_files import write_exr
from tests.server.conftest import SECONDS, Engine, frames
from vera_edit.v1 import engine_pb2
from vera_edit.v1 import takes_pb2 as pb

ADD = pb.EDIT_TYPE_OBJECT_ADDITION
BACKGROUND = pb.EDIT_TYPE_BACKGROUND_CHANGE


def refusal(error: grpc.RpcError) -> pb.Refusal:
    (detail,) = rpc_status.from_call(error).details
    message = pb.Refusal()
    assert detail.Unpack(message)
    return message


@pytest.fixture(scope="module")
def bad_plates(tmp_path_factory, plates) -> Path:
    """Sequences that no take can be made of, each in three frames from 1001 on."""
    folder = tmp_path_factory.mktemp("bad")
    random = np.random.default_rng(6)
    for frame in (1001, 1002, 1003):
        whole = (plates / f"plate.{frame}.exr").read_bytes()
        (folder / f"cut.{frame}.exr").write_bytes(whole[: len(whole) // 2] if frame == 1002 else whole)
        (folder / f"text.{frame}.exr").write_text("not a picture")
        if frame != 1002:
            shutil.copy(plates / f"plate.{frame}.exr", folder / f"gap.{frame}.exr")
        gray = random.uniform(0, 1, (34, 50, 1)).astype(np.float16)
        write_exr(folder / f"gray.{frame}.exr", gray, "Y")
        write_exr(folder / f"unsaid.{frame}.exr", np.repeat(gray, 3, axis=2), "RGB")
        write_exr(folder / f"narrow_mask.{frame}.exr", gray[:, ::2].copy(), "Y")
        write_exr(folder / f"depth.{frame}.exr", gray, "Z")
        write_exr(folder / f"later.{frame + 1}.exr", gray, "Y")
    (folder / "a file").write_text("")
    return folder


CASES = {
    # what is changed of a good request; status; kind; argument
    "no such plate": ({"plate": "gone.####.exr"}, "NOT_FOUND", "PlateNotFound", "plate.path"),
    "a frame missing": ({"plate": "gap.####.exr"}, "NOT_FOUND", "FrameMissing", "plate.path"),
    "range beyond the plate": ({"frames": frames("1019-1021")}, "NOT_FOUND", "FrameMissing", "plate.path"),
    "truncated": ({"plate": "cut.####.exr"}, "FAILED_PRECONDITION", "PlateUnreadable", "plate.path"),
    "no picture": ({"plate": "text.####.exr"}, "FAILED_PRECONDITION", "PlateUnreadable", "plate.path"),
    "no RGB": ({"plate": "gray.####.exr"}, "INVALID_ARGUMENT", "NoRgbChannels", "plate.path"),
    "colour space unsaid": ({"plate": "unsaid.####.exr"}, "INVALID_ARGUMENT", "ColorSpaceUnknown", "plate.color_space"),
    "two places for the number": ({"plate": "plate.##.##.exr"}, "INVALID_ARGUMENT", "PatternInvalid", "plate.path"),
    "no plate": ({"plate": pb.PlateSource()}, "INVALID_ARGUMENT", "PathNotAbsolute", "plate.path"),
    "relative path": (
        {"plate": pb.PlateSource(path="plate.####.exr")},
        "INVALID_ARGUMENT",
        "PathNotAbsolute",
        "plate.path",
    ),
    "no such upload": ({"plate": pb.PlateSource(upload_id="ab" * 16)}, "NOT_FOUND", "UploadNotFound", "upload_id"),
    "upload elsewhere": ({"plate": pb.PlateSource(upload_id="..")}, "NOT_FOUND", "UploadNotFound", "upload_id"),
    "mask of another shape": ({"mask": "narrow_mask.####.exr"}, "INVALID_ARGUMENT", "MaskSizeMismatch", None),
    "mask without values": ({"mask": "depth.####.exr"}, "INVALID_ARGUMENT", "NoRgbChannels", "mask.source.path"),
    "hold-out without values": (
        {"holdout": "depth.####.exr"},
        "INVALID_ARGUMENT",
        "NoRgbChannels",
        "holdout.source.path",
    ),
    "hold-out of other frames": (
        {"holdout": "later.####.exr"},
        "NOT_FOUND",
        "FrameMissing",
        "holdout.source.path",
    ),
    "hold-out and none": (
        {"holdout": "gray.####.exr", "without_holdout": True},
        "INVALID_ARGUMENT",
        "HoldoutUnclear",
        "without_holdout",
    ),
    "region outside the picture": (
        {"region": pb.Region(box=pb.Box(x=50, y=0, width=9, height=9))},
        "INVALID_ARGUMENT",
        "RegionEmpty",
        "region",
    ),
    "region without pixels": ({"region": pb.Region(box=pb.Box(width=4))}, "INVALID_ARGUMENT", "RegionEmpty", "region"),
    "region of no box": (
        {"region": pb.Region(boxes=pb.AnimatedBox())},
        "INVALID_ARGUMENT",
        "RegionInvalid",
        "region.boxes",
    ),
    "margin below 0": (
        {"region": pb.Region(box=pb.Box(width=4, height=4), margin=-1)},
        "INVALID_ARGUMENT",
        "RegionInvalid",
        "region.margin",
    ),
    "region around no mask": (
        {"region": pb.Region(from_mask=True)},
        "FAILED_PRECONDITION",
        "RegionUnknown",
        "region.from_mask",
    ),
    "region around no base": (
        {"region": pb.Region(from_base=True)},
        "FAILED_PRECONDITION",
        "RegionUnknown",
        "region.from_base",
    ),
    "exposure beyond all light": ({"exposure": 20.5}, "INVALID_ARGUMENT", "ExposureOutOfRange", "exposure"),
    "nothing between black and white": (
        {"finish": pb.FinishSettings(black=0.5, white=0.5)},
        "INVALID_ARGUMENT",
        "FinishInvalid",
        "finish.black",
    ),
    "more refined than can be": (
        {"finish": pb.FinishSettings(refine=1.5)},
        "INVALID_ARGUMENT",
        "FinishInvalid",
        "finish.refine",
    ),
    "a finish of nothing": ({"finish_only": True}, "INVALID_ARGUMENT", "FinishNeedsBase", "finish_only"),
    "no such mask": ({"mask": "gone.####.exr"}, "NOT_FOUND", "PlateNotFound", "mask.source.path"),
    "no range": ({"frames": []}, "INVALID_ARGUMENT", "FrameRangeInvalid", "frames"),
    "reversed range": ({"frames": frames("1003-1001")}, "INVALID_ARGUMENT", "FrameRangeInvalid", "frames"),
    "ranges that overlap": ({"frames": frames("1001-1003,1002")}, "INVALID_ARGUMENT", "FrameRangeInvalid", "frames"),
    "range too long": ({"frames": frames("1-10001")}, "INVALID_ARGUMENT", "RangeTooLong", "frames"),
    "handles below 0": ({"handles": -1}, "INVALID_ARGUMENT", "HandlesInvalid", "handles"),
    "handles beyond the plate": ({"handles": 1}, "NOT_FOUND", "FrameMissing", "plate.path"),
    "handles beyond all": ({"handles": 2**31 - 1}, "INVALID_ARGUMENT", "RangeTooLong", "frames"),
    "strength without a base": ({"strength": 0.5}, "INVALID_ARGUMENT", "StrengthInvalid", "strength"),
    "no such base": ({"base_take_id": "ab" * 16}, "NOT_FOUND", "TakeNotFound", "take_id"),
    "no base there": ({"base_directory": "/nowhere/v001"}, "NOT_FOUND", "BaseNotFound", "base_directory"),
    "relative base": ({"base_directory": "v001"}, "INVALID_ARGUMENT", "PathNotAbsolute", "base_directory"),
    "two bases": (
        {"base_take_id": "ab" * 16, "base_directory": "/takes/v001"},
        "INVALID_ARGUMENT",
        "BaseUnclear",
        "base_directory",
    ),
    "a label of two lines": ({"label": "a\nb"}, "INVALID_ARGUMENT", "NoteInvalid", "label"),
    "empty prompt": ({"prompt": " \n"}, "INVALID_ARGUMENT", "PromptInvalid", "prompt"),
    "endless prompt": ({"prompt": "ball " * 20_000}, "INVALID_ARGUMENT", "PromptInvalid", "prompt"),
    "no edit type": ({"edit_type": 0}, "INVALID_ARGUMENT", "EditTypeMissing", "edit_type"),
    "edit type to come": ({"edit_type": 77}, "INVALID_ARGUMENT", "ChoiceUnknown", "edit_type"),
    "background without mask": ({"edit_type": BACKGROUND}, "INVALID_ARGUMENT", "MaskNeeded", "mask"),
    "policy to come": (
        {"plate": pb.PlateSource(path="/p.####.exr", nan=77)},
        "INVALID_ARGUMENT",
        "ChoiceUnknown",
        "plate.nan",
    ),
    "seed below 0": (
        {"settings": pb.TakeSettings(seed=-1)},
        "INVALID_ARGUMENT",
        "SettingOutOfRange",
        "settings.seed",
    ),
    "no steps": (
        {"settings": pb.TakeSettings(num_inference_steps=0)},
        "INVALID_ARGUMENT",
        "SettingOutOfRange",
        "settings.num_inference_steps",
    ),
    "too many steps": (
        {"settings": pb.TakeSettings(num_inference_steps=1001)},
        "INVALID_ARGUMENT",
        "SettingOutOfRange",
        "settings.num_inference_steps",
    ),
    "guidance below 0": (
        {"settings": pb.TakeSettings(guidance_scale=-0.5)},
        "INVALID_ARGUMENT",
        "SettingOutOfRange",
        "settings.guidance_scale",
    ),
    "guidance not a number": (
        {"settings": pb.TakeSettings(guidance_scale=float("nan"))},
        "INVALID_ARGUMENT",
        "SettingOutOfRange",
        "settings.guidance_scale",
    ),
    "no node": ({"node_id": ""}, "INVALID_ARGUMENT", "NodeIdInvalid", "node_id"),
    "node above the root": ({"node_id": ".."}, "INVALID_ARGUMENT", "NodeIdInvalid", "node_id"),
    "node with a folder": ({"node_id": "a/b"}, "INVALID_ARGUMENT", "NodeIdInvalid", "node_id"),
    "take root a file": ({"take_root": "a file"}, "PERMISSION_DENIED", "TakeRootUnwritable", "take_root"),
    "relative take root": ({"take_root": "./takes"}, "INVALID_ARGUMENT", "PathNotAbsolute", "take_root"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_request_is_refused(engine: Engine, asked, bad_plates, tmp_path, case):
    changed, code, kind, argument = CASES[case]
    fields = dict(changed)
    if isinstance(fields.get("plate"), str):
        fields["plate"] = pb.PlateSource(path=str(bad_plates / fields["plate"]))
    for name in ("mask", "holdout"):
        if isinstance(fields.get(name), str):
            fields[name] = pb.MaskSource(source=pb.PlateSource(path=str(bad_plates / fields[name])))
    if fields.get("take_root") == "a file":
        fields["take_root"] = str(bad_plates / "a file")
    with pytest.raises(grpc.RpcError) as caught:
        engine.create(asked(**fields))
    said = refusal(caught.value)
    assert (caught.value.code().name, said.kind) == (code, kind), said
    assert argument is None or said.argument == argument
    assert said.reason.endswith(".")
    assert said.remedy
    assert not list(tmp_path.rglob("v*"))


def test_a_request_without_an_id_of_its_own_is_refused(engine: Engine, asked):
    with pytest.raises(grpc.RpcError) as caught:
        engine.takes.CreateTake(pb.CreateTakeRequest(take=asked()), timeout=SECONDS)
    assert refusal(caught.value).kind == "RequestIdMissing"


@pytest.mark.parametrize("config", ["/shows/other.ocio", "ocio://default"])
def test_who_goes_by_another_color_configuration_is_refused(engine: Engine, asked, tmp_path: Path, config: str):
    request = pb.CreateTakeRequest(request_id="elsewhere", take=asked(), color_config=config)
    with pytest.raises(grpc.RpcError) as caught:
        engine.takes.CreateTake(request, timeout=SECONDS)
    said = refusal(caught.value)
    assert (caught.value.code().name, said.kind) == ("FAILED_PRECONDITION", "ColorConfigDiffers")
    assert (said.argument, said.value) == ("OCIO", config)
    assert not list(tmp_path.rglob("v*"))


def test_the_longest_range_and_its_remedy_are_named(engine: Engine, asked):
    with pytest.raises(grpc.RpcError) as caught:
        engine.create(asked(frames=frames("1001-11001")))
    said = refusal(caught.value)
    assert "10001 frames" in said.reason
    assert "at most 10000" in said.reason
    assert "1001-11000" in said.remedy


def test_ten_thousand_frames_out_of_step_are_refused_in_few_words(engine: Engine, asked):
    with pytest.raises(grpc.RpcError) as caught:
        engine.create(asked(frames=frames(",".join(str(frame) for frame in range(1, 30_000, 2)))))
    assert refusal(caught.value).kind == "RangeTooLong"


CALLS = ["GetTake", "CancelTake", "UpdateTake", "ResumeTake", "KeepFrames", "DeleteTake", "WatchTake", "ReadLayers"]


def first_answer(call: object) -> object:
    """Of a call that answers once, which has raised already, or of a stream, which has not."""
    return next(call) if isinstance(call, grpc.Call) else call


@pytest.mark.parametrize("call", CALLS)
def test_a_take_that_is_none_is_not_found(engine: Engine, call):
    request = getattr(pb, f"{call}Request")(take_id="0" * 32)
    with pytest.raises(grpc.RpcError) as caught:
        first_answer(getattr(engine.takes, call)(request, timeout=SECONDS))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert refusal(caught.value).kind == "TakeNotFound"


@pytest.mark.parametrize("call", ["GetTake", "UpdateTake", "ResumeTake", "KeepFrames", "DeleteTake"])
def test_a_take_is_named_by_id_or_by_folder(engine: Engine, tmp_path, call):
    method, message = getattr(engine.takes, call), getattr(pb, f"{call}Request")
    for fields, kind in (
        ({}, "TakeUnclear"),
        ({"take_id": "a", "directory": "/takes/v001"}, "TakeUnclear"),
        ({"directory": "hero/v001"}, "PathNotAbsolute"),
        ({"directory": str(tmp_path / "v001")}, "TakeNotFound"),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            method(message(**fields), timeout=SECONDS)
        assert refusal(caught.value).kind == kind


def test_after_all_that_the_engine_is_the_same_and_has_no_take(engine: Engine):
    info = engine.engine.GetEngineInfo(engine_pb2.GetEngineInfoRequest(), timeout=SECONDS)
    assert info.process_id == engine.process.pid
    assert list(engine.takes.ListTakes(pb.ListTakesRequest(), timeout=SECONDS).takes) == []
