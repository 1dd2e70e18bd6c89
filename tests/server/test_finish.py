"""Layers finished anew beside a take that keeps the model busy, and proved: through a real engine and its workers."""

from __future__ import annotations

import json
from pathlib import Path

import grpc
import psutil
import pytest

from tests.server.conftest import SECONDS, Engine, files_of, frames
from tests.server.test_refusals import refusal
from tests.server.test_repairs import repair_of
from vera_edit.v1 import engine_pb2
from vera_edit.v1 import takes_pb2 as pb

LONG = pb.TakeSettings(seed=11, num_inference_steps=900)
FINISHED, CANCELLED = pb.TAKE_STATE_FINISHED, pb.TAKE_STATE_CANCELLED


def finish_of(asked, base: pb.Take, text: str, **fields: object) -> pb.TakeRequest:
    return repair_of(asked, base, text, finish_only=True, **fields)


def test_a_finish_does_not_wait_for_the_model(engine: Engine, asked):
    base = engine.finish(engine.create(asked()))
    long = engine.create(asked(node_id="long", settings=LONG))
    engine.until(long, "step_done")
    waiting = engine.create(asked(node_id="waiting"))

    # both lanes at once; in its own a finish waits for its turn
    first = engine.create(finish_of(asked, base, "1001-1003", finish=pb.FinishSettings(black=0.4, white=0.6)))
    second = engine.create(finish_of(asked, base, "1002", write_comp=True, reuse=True))
    assert (first.request.finish.black, second.request.finish.black) == (pytest.approx(0.4), pytest.approx(0.06))
    made = engine.finish(first)
    assert (made.state, list(made.finished_frames)) == (FINISHED, frames("1001-1003"))
    assert engine.finish(second).state == FINISHED
    states = [event.state_changed.take.state for event in engine.events(second) if event.HasField("state_changed")]
    assert states == [pb.TAKE_STATE_QUEUED, pb.TAKE_STATE_CHECKING, pb.TAKE_STATE_WRITING, FINISHED]
    workers = psutil.Process(engine.process.pid).children()
    assert len(workers) == 2
    now = {take.take_id: take.state for take in engine.takes.ListTakes(pb.ListTakesRequest(), timeout=SECONDS).takes}
    assert (now[long.take_id], now[waiting.take_id]) == (pb.TAKE_STATE_RUNNING, pb.TAKE_STATE_QUEUED)

    # what it made: layers of its own, the model's picture and latents shared
    before, after, third = files_of(base), files_of(made), files_of(engine.finish(second))
    assert {name for name in before if before[name] != after[name]} >= {"layers.1001.exr", "layers.1003.exr"}
    assert {name: third[name] for name in before} == before
    assert third.keys() - before.keys() == {"comp.1001.exr", "comp.1002.exr", "comp.1003.exr"}

    # the very same request again is the same take
    again = engine.takes.CreateTake(
        pb.CreateTakeRequest(request_id="again", take=finish_of(asked, base, "1002", write_comp=True, reuse=True)),
        timeout=SECONDS,
    )
    assert (again.existing, again.take.take_id) == (True, second.take_id)
    for take in (waiting, long):
        engine.takes.CancelTake(pb.CancelTakeRequest(take_id=take.take_id), timeout=SECONDS)
        assert engine.finish(take).state == CANCELLED


def test_a_take_is_proved(engine: Engine, asked):
    take = engine.finish(engine.create(asked()))
    proof = engine.takes.CheckTake(pb.CheckTakeRequest(take_id=take.take_id), timeout=SECONDS)
    assert (proof.exact, proof.frames, proof.changed_outside) == (True, 3, 0)
    assert proof.verdict.startswith("exact")
    assert 0 <= proof.largest_relative_error <= 2**-10
    assert proof.HasField("flicker")
    record = json.loads(Path(take.directory, "take.json").read_text())
    assert proof.matte_coverage == pytest.approx(sum(f["matte_coverage"] for f in record["frames"].values()) / 3)
    assert engine.takes.CheckTake(pb.CheckTakeRequest(directory=take.directory), timeout=SECONDS) == proof


def test_only_a_finished_take_is_proved(engine: Engine, asked):
    take = engine.create(asked(settings=LONG))
    with pytest.raises(grpc.RpcError) as caught:
        engine.takes.CheckTake(pb.CheckTakeRequest(take_id=take.take_id), timeout=SECONDS)
    assert (caught.value.code(), refusal(caught.value).kind) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "TakeNotFinished",
    )
    engine.takes.CancelTake(pb.CancelTakeRequest(take_id=take.take_id), timeout=SECONDS)
    engine.finish(take)


def test_colour_spaces_are_named_that_a_plate_may_be_in(engine: Engine, asked):
    known = engine.engine.ListColorSpaces(engine_pb2.ListColorSpacesRequest(), timeout=SECONDS)
    assert known.config.startswith("ocio://studio-config")
    assert {"ACEScg", "ARRI LogC4", "Linear Rec.709 (sRGB)"} <= set(known.names)
    assert "Raw" not in known.names  # data
    take = engine.create(asked(settings=LONG))
    plate = pb.PlateSource(path=take.request.plate.path, color_space="ARRI LogC4", fallback_color_space="acescg")
    log = engine.create(asked(plate=plate, settings=LONG))
    assert (log.color_space, log.color_space_source, log.layer_space) == (
        "ARRI LogC4",
        "host",
        "Linear ARRI Wide Gamut 4",
    )
    for each in (log, take):
        engine.takes.CancelTake(pb.CancelTakeRequest(take_id=each.take_id), timeout=SECONDS)
        engine.finish(each)


def test_a_worker_that_finishes_has_no_model_in_it(engine: Engine, asked):
    base = engine.finish(engine.create(asked()))
    assert engine.finish(engine.create(finish_of(asked, base, "1001"))).state == FINISHED
    model, finisher = sorted(
        psutil.Process(engine.process.pid).children(), key=lambda process: "finish" in process.cmdline()
    )
    assert "finish" in finisher.cmdline()
    assert "finish" not in model.cmdline()
    libraries = {Path(mapped.path).name for mapped in finisher.memory_maps()}
    assert not any(name.startswith("libtorch") for name in libraries)
