"""Takes from end to end: a real engine, its real worker, a tiny model, real plates, through kills and cancels."""

from __future__ import annotations

import hashlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest

from tests.exr_files import write_exr
from tests.server.conftest import SECONDS, Engine, files_of, frames
from tests.server.test_refusals import refusal
from tests.server.test_uploads import begin, file_parts, upload
from vera_edit.v1 import engine_pb2
from vera_edit.v1 import takes_pb2 as pb
from vera_engine.plates.color_config import BUILT_IN
from vera_engine.plates.exr import read_layers

LONG = pb.TakeSettings(seed=11, num_inference_steps=120)
"""Seconds of steps: there is time to stop it."""

FINISHED, CANCELLED, FAILED = pb.TAKE_STATE_FINISHED, pb.TAKE_STATE_CANCELLED, pb.TAKE_STATE_FAILED


def mask_source(plates: Path, **fields: object) -> pb.MaskSource:
    return pb.MaskSource(source=pb.PlateSource(path=str(plates / "mask.####.exr")), **fields)


def names_of(events: list[pb.TakeEvent]) -> list[str]:
    return [event.WhichOneof("event") for event in events]


def versions(take_root: str | Path) -> list[str]:
    return sorted(path.name for path in Path(take_root).glob("*/v*"))


def test_a_take_from_request_to_layers(engine: Engine, asked, plates):
    take = engine.create(asked(mask=mask_source(plates), write_comp=True, prompt="add a red bal"))
    assert (take.version, take.state) == ("v001", pb.TAKE_STATE_QUEUED)
    assert Path(take.directory) == Path(take.request.take_root) / "hero" / "v001"
    # nothing in the request is left to a default
    assert take.request.plate.color_space == take.color_space == take.layer_space == "Linear Rec.709 (sRGB)"
    assert (take.color_space_source, take.color_config) == ("file", BUILT_IN)
    assert (take.request.exposure, take.request.HasField("region")) == (0.0, False)
    assert take.request.finish == pb.FinishSettings(
        black=0.06, white=0.94, detail=pb.DETAIL_EDIT, refine=1.0, despill=0.0, highlights=1.0
    )
    assert take.request.mask.meaning == pb.MASK_MEANING_EDIT_HERE
    assert (take.request.settings.seed, take.request.settings.num_inference_steps) == (11, 3)
    assert take.request.settings.guidance_scale == 2.0
    assert list(take.warnings) == ['The model does not know the word "bal". Did you mean ball?']

    events = list(engine.events(take))
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    states = [event.state_changed.take.state for event in events if event.HasField("state_changed")]
    assert [states[0], states[1], states[-1]] == [pb.TAKE_STATE_QUEUED, pb.TAKE_STATE_CHECKING, FINISHED]
    assert {pb.TAKE_STATE_RUNNING, pb.TAKE_STATE_WRITING} <= set(states)
    steps = [(e.step_done.step, e.step_done.step_count) for e in events if e.HasField("step_done")]
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert [e.frame_written.frame for e in events if e.HasField("frame_written")] == [1001, 1002, 1003]
    (done,) = [event.window_done for event in events if event.HasField("window_done")]
    assert done == pb.WindowDone(window=1, window_count=1, frames=frames("1001-1003"))

    finished = events[-1].state_changed.take
    written = files_of(finished)
    assert sorted(written) == [
        *(f"comp.{frame}.exr" for frame in (1001, 1002, 1003)),
        "latents.001.safetensors",
        *(f"layers.{frame}.exr" for frame in (1001, 1002, 1003)),
        *(f"model.{frame}.exr" for frame in (1001, 1002, 1003)),
    ]
    assert versions(take.request.take_root) == ["v001"]
    record = json.loads((Path(take.directory) / "take.json").read_text())
    for frame in (1001, 1002, 1003):
        layers = read_layers(Path(take.directory) / f"layers.{frame}.exr")
        assert layers.matte.shape == (34, 50)
        assert record["frames"][str(frame)]["matte_coverage"] == pytest.approx(layers.matte.astype(float).mean())
        for sequence in ("plate", "mask"):
            path = plates / f"{sequence}.{frame}.exr"
            assert record[sequence][str(frame)] == {
                "file": path.name,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "size": path.stat().st_size,
                "modified_ns": path.stat().st_mtime_ns,
            }
    assert record["settings"] == {"seed": 11, "num_inference_steps": 3, "guidance_scale": 2.0, "preset": "standard"}
    assert (record["request"]["prompt"], record["state"], record["base_take"]) == ("add a red bal", "finished", None)
    assert (record["device"], record["interface_version"], record["model"]["name"]) == ("cpu float32", 1, "tiny")
    assert record["warnings"] == list(finished.warnings)
    assert (list(finished.frames), finished.window_count) == (frames("1001-1003"), 1)
    assert list(finished.finished_frames) == frames("1001-1003")
    assert 0 < finished.seconds.model + finished.seconds.pixels <= finished.seconds.total


def test_same_request_same_seed_same_bits_another_seed_others(engine: Engine, asked):
    same, again, other = (
        engine.finish(engine.create(asked(settings=pb.TakeSettings(seed=seed)))) for seed in (11, 11, 12)
    )
    assert (same.version, again.version) == ("v001", "v002")
    assert files_of(same) == files_of(again)
    assert all(content != files_of(other)[name] for name, content in files_of(same).items())


def test_an_unset_seed_is_drawn_told_and_makes_the_same_again(engine: Engine, asked):
    first = engine.finish(engine.create(asked(settings=pb.TakeSettings())))
    drawn = first.request.settings.seed
    assert 0 <= drawn < 2**31
    again = engine.finish(engine.create(asked(settings=pb.TakeSettings(seed=drawn))))
    assert files_of(first) == files_of(again)
    assert engine.create(asked(settings=pb.TakeSettings())).request.settings.seed != drawn


def test_by_path_and_by_upload_the_bits_are_the_same(engine: Engine, asked, plates, tmp_path):
    def uploaded(sequence: str) -> str:
        files = {frame: (plates / f"{sequence}.{frame}.exr").read_bytes() for frame in range(1001, 1004)}
        parts = [part for frame, content in files.items() for part in file_parts(frame, content)]
        return upload(engine, [begin(f"{sequence}.####.exr"), *parts])

    by_path = engine.finish(engine.create(asked(mask=mask_source(plates))))
    mask = pb.MaskSource(source=pb.PlateSource(upload_id=uploaded("mask")))
    request = asked(plate=pb.PlateSource(upload_id=uploaded("plate")), mask=mask, take_root="")
    by_upload = engine.finish(engine.create(request))
    assert (by_upload.state, by_upload.request.take_root) == (FINISHED, "")
    assert by_upload.request.plate.upload_id == request.plate.upload_id
    assert Path(by_upload.directory).is_relative_to(engine.state_dir / "takes")

    fetched, content, names = {}, b"", []
    for part in engine.takes.ReadLayers(pb.ReadLayersRequest(take_id=by_upload.take_id), timeout=SECONDS):
        if part.HasField("chunk"):
            assert len(part.chunk) <= 1 << 20
            content += part.chunk
        else:
            assert hashlib.sha256(content).hexdigest() == part.end_of_file.sha256
            names.append(part.end_of_file.file_name)
            fetched[names[-1]], content = content, b""
    assert names[-1] == "take.json"
    assert json.loads(fetched.pop("take.json"))["take_id"] == by_upload.take_id
    assert fetched == files_of(by_path)


def test_file_frames_and_host_frames_differ_by_the_offset(engine: Engine, asked, plates):
    shifted = pb.PlateSource(path=str(plates / "plate.%04d.exr"), frame_offset=1000)
    at_one = engine.finish(engine.create(asked(plate=shifted, frames=frames("1-3"))))
    at_1001 = engine.finish(engine.create(asked()))
    one, thousand = files_of(at_one), files_of(at_1001)
    assert [one[f"layers.{f:04d}.exr"] for f in (1, 2, 3)] == [thousand[f"layers.{f}.exr"] for f in (1001, 1002, 1003)]


def test_a_mask_and_its_opposite_meaning_inverted_are_one(engine: Engine, asked, plates):
    edit, keep, twice = (
        files_of(engine.finish(engine.create(asked(mask=mask_source(plates, meaning=meaning, invert=invert)))))
        for meaning, invert in (
            (pb.MASK_MEANING_EDIT_HERE, False),
            (pb.MASK_MEANING_KEEP_THIS, True),
            (pb.MASK_MEANING_KEEP_THIS, False),
        )
    )
    assert edit == keep
    assert edit["latents.001.safetensors"] != twice["latents.001.safetensors"]


@pytest.mark.parametrize(("value", "words"), [(0, "leaves no room"), (1, "all of every frame")])
def test_a_mask_that_says_nothing_is_warned_of(engine: Engine, asked, tmp_path, value, words):
    for frame in (1001, 1002, 1003):
        write_exr(tmp_path / f"flat.{frame}.exr", np.full((34, 50, 1), value, np.float16), "Y")
    mask = pb.MaskSource(source=pb.PlateSource(path=str(tmp_path / "flat.####.exr")))
    finished = engine.finish(engine.create(asked(mask=mask)))
    assert finished.state == FINISHED
    (warning,) = finished.warnings
    assert words in warning


def test_a_background_is_changed_where_a_mask_says_what_stays(engine: Engine, asked, plates):
    request = asked(edit_type=pb.EDIT_TYPE_BACKGROUND_CHANGE, mask=mask_source(plates), frames=frames("1020"))
    finished = engine.finish(engine.create(request))
    assert (finished.state, finished.request.mask.meaning) == (FINISHED, pb.MASK_MEANING_KEEP_THIS)


def test_pixels_that_are_none_fail_the_take_with_the_frame_named(engine: Engine, asked, plates, tmp_path):
    for frame in (1001, 1002, 1003):
        shutil.copy(plates / f"plate.{frame}.exr", tmp_path / f"nan.{frame}.exr")
    pixels = np.ones((34, 50, 3), np.float16)
    pixels[17, 20, 1] = np.nan
    write_exr(tmp_path / "nan.1002.exr", pixels, "RGB", "lin_rec709_scene")
    take = engine.create(asked(plate=pb.PlateSource(path=str(tmp_path / "nan.####.exr"))))
    failed = engine.finish(take)
    assert (failed.state, failed.error.kind) == (FAILED, "PixelsNotFinite")
    assert "1002" in failed.error.reason
    assert versions(take.request.take_root) == ["v001.partial"]
    with pytest.raises(grpc.RpcError) as caught:
        next(engine.takes.ReadLayers(pb.ReadLayersRequest(take_id=take.take_id), timeout=SECONDS))
    assert refusal(caught.value).kind == "TakeNotFinished"
    assert engine.finish(engine.create(asked())).state == FINISHED


def test_the_same_request_id_makes_one_take(engine: Engine, asked):
    request = asked()
    with ThreadPoolExecutor(4) as clients:
        takes = list(clients.map(lambda _: engine.create(request, "one and the same"), range(8)))
    assert len({take.take_id for take in takes}) == 1
    assert engine.finish(takes[0]).state == FINISHED
    assert engine.create(asked(prompt="another"), "one and the same").state == FINISHED
    assert versions(request.take_root) == ["v001"]


def test_takes_of_two_clients_go_to_the_nodes_that_asked(engine: Engine, asked, tmp_path):
    requests = [
        asked(node_id=node, settings=pb.TakeSettings(seed=seed), take_root=str(tmp_path / root))
        for node, seed, root in (("one", 1, "a"), ("two", 2, "a"), ("one", 3, "b"), ("two", 1, "b"))
    ]
    with ThreadPoolExecutor(4) as clients:
        finished = list(clients.map(lambda request: engine.finish(engine.create(request)), requests))
    for request, take in zip(requests, finished, strict=True):
        assert take.state == FINISHED
        assert Path(take.directory) == Path(request.take_root) / request.node_id / "v001"
        assert take.request.settings.seed == request.settings.seed
    bits = [files_of(take)["latents.001.safetensors"] for take in finished]
    assert bits[0] == bits[3]
    assert len(set(bits)) == 3
    for node, root, count in (("", "", 4), ("one", "", 2), ("", "b", 2), ("two", "a", 1), ("three", "", 0)):
        asked_for = pb.ListTakesRequest(node_id=node, take_root=root and str(tmp_path / root))
        listed = engine.takes.ListTakes(asked_for, timeout=SECONDS).takes
        assert len([take for take in listed if take.take_id in {take.take_id for take in finished}]) == count


def test_a_watch_reopened_from_any_event_goes_on_there(engine: Engine, asked):
    take = engine.create(asked())
    everything = list(engine.events(take))
    for after in range(len(everything) + 1):
        assert list(engine.events(take, after)) == everything[after:]


def test_cancel_stops_within_a_step(engine: Engine, asked):
    take = engine.create(asked(settings=LONG))
    engine.until(take, "preview")
    engine.takes.CancelTake(pb.CancelTakeRequest(take_id=take.take_id), timeout=SECONDS)
    happened = list(engine.events(take))
    *older, newest = [event.preview for event in happened if event.HasField("preview")]
    assert newest.png.startswith(b"\x89PNG")
    assert len(newest.png) < 100_000
    assert not any(preview.png for preview in older)
    assert happened[-1].state_changed.take.state == CANCELLED
    assert names_of(happened).count("step_done") < 120
    assert versions(take.request.take_root) == ["v001.partial"]
    again = engine.takes.CancelTake(pb.CancelTakeRequest(take_id=take.take_id), timeout=SECONDS)
    assert again.take.state == CANCELLED
    following = engine.create(asked())
    assert (engine.finish(following).state, following.version) == (FINISHED, "v002")


def test_while_a_take_runs_it_is_not_deleted_and_the_engine_not_stopped(engine: Engine, asked):
    take = engine.create(asked(settings=LONG))
    engine.until(take, "step_done")
    with pytest.raises(grpc.RpcError) as caught:
        engine.takes.DeleteTake(pb.DeleteTakeRequest(take_id=take.take_id), timeout=SECONDS)
    assert (caught.value.code(), refusal(caught.value).kind) == (grpc.StatusCode.FAILED_PRECONDITION, "TakeRunning")
    with pytest.raises(grpc.RpcError) as caught:
        engine.engine.StopEngine(engine_pb2.StopEngineRequest(), timeout=SECONDS)
    assert refusal(caught.value).kind == "TakeRunning"
    engine.takes.CancelTake(pb.CancelTakeRequest(take_id=take.take_id), timeout=SECONDS)
    engine.finish(take)
    engine.takes.DeleteTake(pb.DeleteTakeRequest(take_id=take.take_id), timeout=SECONDS)
    assert versions(take.request.take_root) == []


def test_a_deleted_version_is_never_given_again(engine: Engine, asked):
    take = engine.finish(engine.create(asked()))
    engine.takes.DeleteTake(pb.DeleteTakeRequest(take_id=take.take_id), timeout=SECONDS)
    assert not Path(take.directory).exists()
    assert engine.create(asked()).version == "v002"


def test_the_model_is_freed_on_request(engine: Engine, asked):
    engine.finish(engine.create(asked()))
    loaded = engine.engine.GetEngineInfo(engine_pb2.GetEngineInfoRequest(), timeout=SECONDS)
    assert (loaded.model_loaded, loaded.unload_seconds, loaded.unfinished_takes) == (True, 600.0, 0)
    worker = engine.worker()
    assert engine.engine.Unload(engine_pb2.UnloadRequest(), timeout=SECONDS).was_loaded
    assert not worker.is_running()
    assert not engine.engine.GetEngineInfo(engine_pb2.GetEngineInfoRequest(), timeout=SECONDS).model_loaded
    assert not engine.engine.Unload(engine_pb2.UnloadRequest(), timeout=SECONDS).was_loaded

    take = engine.create(asked(settings=LONG))
    engine.until(take, "step_done")
    with pytest.raises(grpc.RpcError) as caught:
        engine.engine.Unload(engine_pb2.UnloadRequest(), timeout=SECONDS)
    assert refusal(caught.value).kind == "TakeRunning"
    engine.takes.CancelTake(pb.CancelTakeRequest(take_id=take.take_id), timeout=SECONDS)
    assert engine.finish(take).state == CANCELLED


def test_an_idle_engine_frees_the_model(start_engine, asked):
    engine = start_engine("--unload", "0.2")
    engine.finish(engine.create(asked()))
    psutil.wait_procs(psutil.Process(engine.process.pid).children(), timeout=SECONDS)
    assert psutil.Process(engine.process.pid).children() == []
    assert engine.finish(engine.create(asked())).state == FINISHED


def test_the_cache_is_shown_and_cleared(start_engine, asked):
    engine = start_engine()
    empty = engine.engine.GetCache(engine_pb2.GetCacheRequest(), timeout=SECONDS)
    assert (empty.directory, list(empty.kinds)) == (str(engine.state_dir / "cache"), [])
    engine.finish(engine.create(asked()))
    shown = engine.engine.GetCache(engine_pb2.GetCacheRequest(), timeout=SECONDS)
    assert {kind.name: kind.entry_count for kind in shown.kinds} == {"plate": 1, "text": 2}
    size = sum(path.stat().st_size for path in (engine.state_dir / "cache").iterdir())
    assert 0 < sum(kind.size_bytes for kind in shown.kinds) == size < shown.limit_bytes
    assert engine.engine.ClearCache(engine_pb2.ClearCacheRequest(), timeout=SECONDS).freed_bytes == size
    assert list((engine.state_dir / "cache").iterdir()) == []


def test_the_model_stays_loaded_and_never_in_the_server(engine: Engine, asked):
    engine.finish(engine.create(asked()))
    before = engine.worker().pid
    assert engine.finish(engine.create(asked())).state == FINISHED
    assert engine.worker().pid == before
    maps = {process: Path(f"/proc/{process}/maps").read_text() for process in (engine.process.pid, before)}
    assert "libtorch" in maps[before]
    assert "libtorch" not in maps[engine.process.pid]
    info = engine.engine.GetEngineInfo(engine_pb2.GetEngineInfoRequest(), timeout=SECONDS)
    assert info.device == "cpu float32"


def test_a_killed_worker_is_replaced_and_its_take_made_again(engine: Engine, asked):
    undisturbed = engine.finish(engine.create(asked(settings=LONG)))
    take = engine.create(asked(settings=LONG))
    engine.until(take, "step_done")
    engine.worker().kill()
    finished = engine.finish(take)
    assert (finished.state, finished.version) == (FINISHED, "v002")
    assert files_of(finished) == files_of(undisturbed)
    assert versions(take.request.take_root) == ["v001", "v002"]


def test_a_take_whose_worker_keeps_dying_fails_and_the_engine_lives(engine: Engine, asked):
    take = engine.create(asked(settings=LONG))
    for event in engine.events(take):
        if event.HasField("step_done") and event.step_done.step == 2:
            engine.worker().kill()
    failed = engine.takes.GetTake(pb.GetTakeRequest(take_id=take.take_id), timeout=SECONDS).take
    assert (failed.state, failed.error.kind) == (FAILED, "WorkerDied")
    assert versions(take.request.take_root) == ["v001.partial"]
    assert engine.finish(engine.create(asked())).state == FINISHED


@pytest.mark.slow
def test_a_killed_engine_makes_its_take_again_and_what_waited_after_it(start_engine, asked):
    first = start_engine()
    running, waiting = first.create(asked(settings=LONG)), first.create(asked(node_id="other"))
    first.until(running, "step_done")
    seen = next(first.events(running, 4)).sequence
    first.kill()
    assert versions(running.request.take_root) == ["v001.partial", "v001.partial"]

    second = start_engine()
    later = list(second.events(running, seen))
    assert [event.sequence for event in later] == list(range(seen + 1, seen + 1 + len(later)))
    assert later[-1].state_changed.take.state == FINISHED
    assert second.finish(waiting).state == FINISHED
    undisturbed = second.finish(second.create(asked(settings=LONG)))
    assert files_of(later[-1].state_changed.take) == files_of(undisturbed)
    assert versions(running.request.take_root) == ["v001", "v001", "v002"]


@pytest.mark.slow
def test_an_engine_that_is_stopped_hands_its_take_to_the_next(start_engine, asked):
    first = start_engine()
    take = first.create(asked(settings=pb.TakeSettings(seed=11, num_inference_steps=120)))
    first.until(take, "step_done")
    worker = first.worker()
    assert first.stop() == 0
    assert not worker.is_running()
    assert start_engine().finish(take).state == FINISHED


def test_stop_engine_may_cancel_what_runs_and_says_so(start_engine, asked):
    engine = start_engine()
    take = engine.create(asked(settings=LONG))
    waiting = engine.create(asked())
    events = engine.events(take)
    next(events)
    engine.engine.StopEngine(engine_pb2.StopEngineRequest(cancel_running=True), timeout=SECONDS)
    assert list(events)[-1].state_changed.take.state == CANCELLED
    assert engine.process.wait(SECONDS) == 0
    listed = start_engine().takes.ListTakes(pb.ListTakesRequest(), timeout=SECONDS).takes
    assert {each.take_id: each.state for each in listed} == {take.take_id: CANCELLED, waiting.take_id: CANCELLED}
