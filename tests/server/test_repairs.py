"""Bases, resumed and kept takes, notes, and takes of other engines: through a real engine and its real worker."""

from __future__ import annotations

import json
from pathlib import Path

import grpc
import pytest

from tests.server.conftest import SECONDS, Engine, files_of, frames
from tests.server.test_refusals import refusal
from vera_edit.v1 import takes_pb2 as pb

FINISHED, CANCELLED = pb.TAKE_STATE_FINISHED, pb.TAKE_STATE_CANCELLED
STEPS = pb.TakeSettings(seed=11, num_inference_steps=40)
"""Enough of them that there is time to stop a take of two windows after the first."""


def stopped_after_its_first_window(engine: Engine, request: pb.TakeRequest) -> pb.Take:
    take = engine.create(request)
    engine.until(take, "window_done")
    engine.takes.CancelTake(pb.CancelTakeRequest(take_id=take.take_id), timeout=SECONDS)
    return engine.finish(take)


def repair_of(asked, base: pb.Take, text: str, **fields: object) -> pb.TakeRequest:
    """A request that says no more than a repair has to."""
    request = asked(frames=frames(text), base_take_id=base.take_id, **fields)
    for name in ("edit_type", "plate", "settings"):
        request.ClearField(name)
    if "prompt" not in fields:
        request.ClearField("prompt")
    return request


def test_frames_are_made_again_and_all_others_are_the_bases_own(engine: Engine, asked):
    base = engine.finish(engine.create(asked(frames=frames("1001-1009"), write_comp=True)))
    take = engine.create(repair_of(asked, base, "1004-1005", prompt="add a blue ball", write_comp=True, label="blue"))
    assert (take.base_take_id, take.base_version, take.label) == (base.take_id, "v001", "blue")
    assert list(take.frames) == frames("1001-1009")
    assert (take.request.edit_type, take.request.plate.path) == (base.request.edit_type, base.request.plate.path)
    assert (take.request.settings, take.request.strength) == (base.request.settings, 1.0)
    finished = engine.finish(take)
    assert (finished.state, list(finished.finished_frames)) == (FINISHED, frames("1004-1005"))
    before, after = files_of(base), files_of(finished)
    images = [name for name in before if name.endswith(".exr")]
    assert len(images) == 27
    assert {name for name in images if before[name] != after[name]} == {
        f"{kind}.{frame}.exr" for kind in ("layers", "model", "comp") for frame in (1004, 1005)
    }
    assert [(seam.first_side, seam.second_side, seam.kind) for seam in finished.seams] == [
        (1003, 1004, pb.SEAM_KIND_REPAIR),
        (1005, 1006, pb.SEAM_KIND_REPAIR),
    ]
    assert json.loads(after["note.json"]) == {"label": "blue", "note": "", "starred": False}

    names = [
        part.end_of_file.file_name
        for part in engine.takes.ReadLayers(pb.ReadLayersRequest(take_id=take.take_id), timeout=SECONDS)
        if part.HasField("end_of_file")
    ]
    assert names[-2:] == ["note.json", "take.json"]

    with pytest.raises(grpc.RpcError) as caught:
        engine.takes.DeleteTake(pb.DeleteTakeRequest(take_id=base.take_id), timeout=SECONDS)
    assert (caught.value.code(), refusal(caught.value).kind) == (grpc.StatusCode.FAILED_PRECONDITION, "TakeShared")
    engine.takes.DeleteTake(pb.DeleteTakeRequest(take_id=base.take_id, force=True), timeout=SECONDS)
    assert not Path(base.directory).exists()
    assert files_of(finished) == after


def test_frames_and_plates_that_are_not_the_bases_are_refused(engine: Engine, asked, plates):
    base = engine.finish(engine.create(asked()))
    shifted = pb.PlateSource(path=str(plates / "plate.####.exr"), frame_offset=1)
    for request, kind in (
        (repair_of(asked, base, "1003-1004"), "FramesNotInBase"),
        (asked(base_take_id=base.take_id, plate=shifted), "BaseOfAnotherPlate"),
        (repair_of(asked, base, "1002", strength=1.5), "StrengthInvalid"),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            engine.create(request)
        assert (caught.value.code(), refusal(caught.value).kind) == (grpc.StatusCode.INVALID_ARGUMENT, kind)


@pytest.mark.slow
def test_a_stopped_take_goes_on_after_its_last_window_or_is_kept_as_far_as_it_is(engine: Engine, asked):
    request = asked(frames=frames("1001-1020"), settings=STEPS)
    undisturbed = engine.create(request)
    assert undisturbed.window_count == 2
    bits = files_of(engine.finish(undisturbed))

    resumed = stopped_after_its_first_window(engine, request)
    assert resumed.state == CANCELLED
    seen = list(engine.events(resumed))[-1].sequence
    (done,) = resumed.finished_frames
    again = engine.takes.ResumeTake(pb.ResumeTakeRequest(take_id=resumed.take_id), timeout=SECONDS).take
    assert again.state == pb.TAKE_STATE_QUEUED
    events = list(engine.events(resumed, seen))
    assert events[0].sequence == seen + 1
    assert events[-1].state_changed.take.state == FINISHED
    assert {event.step_done.window for event in events if event.HasField("step_done")} == {2}
    assert files_of(events[-1].state_changed.take) == bits

    kept = stopped_after_its_first_window(engine, request)
    kept = engine.takes.KeepFrames(pb.KeepFramesRequest(take_id=kept.take_id), timeout=SECONDS).take
    assert (kept.state, list(kept.frames)) == (FINISHED, [done])
    layers = {name: content for name, content in files_of(kept).items() if name.startswith("layers.")}
    assert len(layers) == done.last_frame - done.first_frame + 1 < 20
    assert all(bits[name] == content for name, content in layers.items())
    assert any("kept" in warning for warning in kept.warnings)
    with pytest.raises(grpc.RpcError) as caught:
        engine.takes.ResumeTake(pb.ResumeTakeRequest(take_id=kept.take_id), timeout=SECONDS)
    assert refusal(caught.value).kind == "TakeNotStopped"


def test_what_is_said_of_a_take_is_kept_beside_it(engine: Engine, asked):
    take = engine.finish(engine.create(asked(label="first")))
    assert take.label == "first"
    for fields in ({"note": "sinks\ntoo deep"}, {"starred": True}, {"label": "wide"}):
        request = pb.UpdateTakeRequest(take_id=take.take_id, **fields)
        take = engine.takes.UpdateTake(request, timeout=SECONDS).take
    assert (take.label, take.note, take.starred) == ("wide", "sinks\ntoo deep", True)
    again = engine.takes.GetTake(pb.GetTakeRequest(directory=take.directory), timeout=SECONDS).take
    assert again == take
    with pytest.raises(grpc.RpcError) as caught:
        engine.takes.DeleteTake(pb.DeleteTakeRequest(take_id=take.take_id), timeout=SECONDS)
    assert refusal(caught.value).kind == "TakeStarred"


def test_the_same_request_again_is_answered_with_its_take(engine: Engine, asked):
    take = engine.finish(engine.create(asked()))
    request = pb.CreateTakeRequest(request_id="again", take=asked(reuse=True))
    answer = engine.takes.CreateTake(request, timeout=SECONDS)
    assert (answer.existing, answer.take.take_id) == (True, take.take_id)
    assert list(engine.events(answer.take))[-1].state_changed.take.state == FINISHED


@pytest.mark.slow
def test_a_take_of_another_engine_is_listed_noted_and_repaired(engine: Engine, start_engine, asked):
    theirs = engine.finish(engine.create(asked()))
    other = start_engine()
    assert list(other.takes.ListTakes(pb.ListTakesRequest(), timeout=SECONDS).takes) == []
    listed = pb.ListTakesRequest(node_id="hero", take_root=theirs.request.take_root)
    (found,) = other.takes.ListTakes(listed, timeout=SECONDS).takes
    assert (found.take_id, found.version, found.state, found.request) == (
        *(theirs.take_id, "v001", FINISHED, theirs.request),
    )
    noted = pb.UpdateTakeRequest(directory=theirs.directory, label="from afar")
    assert other.takes.UpdateTake(noted, timeout=SECONDS).take.label == "from afar"
    assert engine.takes.GetTake(pb.GetTakeRequest(take_id=theirs.take_id), timeout=SECONDS).take.label == "from afar"

    request = repair_of(asked, theirs, "1002")
    request.ClearField("base_take_id")
    request.base_directory = theirs.directory
    repair = other.finish(other.create(request))
    assert (repair.state, repair.version, repair.base_take_id) == (FINISHED, "v002", theirs.take_id)
    before, after = files_of(theirs), files_of(repair)
    assert after["layers.1001.exr"] == before["layers.1001.exr"]
    assert {take.version for take in engine.takes.ListTakes(listed, timeout=SECONDS).takes} == {"v001", "v002"}
