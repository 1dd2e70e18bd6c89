"""The engine's start and end: who finds it, who may call it, what it leaves behind."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.server.conftest import SECONDS
from tests.server.test_refusals import refusal
from vera_edit.v1 import engine_pb2, engine_pb2_grpc
from vera_edit.v1 import takes_pb2 as pb

INFO = engine_pb2.GetEngineInfoRequest()


def serve_again(model: Path, state_dir: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Another `vera-edit serve`, which is to be refused."""
    command = [sys.executable, "-m", "vera_engine.cli.main", "serve", "--model", str(model)]
    command += ["--state-dir", str(state_dir), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def test_the_engine_says_what_it_is_and_what_its_model_can(engine, tiny_model):
    info = engine.engine.GetEngineInfo(INFO, timeout=SECONDS)
    assert (info.engine_version, info.interface_version, info.process_id) == ("0.1.0", 1, engine.process.pid)
    assert (info.device, info.idle_seconds) == ("cpu", 0)
    assert info.model.name == str(tiny_model)
    assert (info.model.window_frames, info.model.default_num_inference_steps) == (17, 3)
    assert (info.model.working_width, info.model.working_height) == (48, 32)
    assert "ball" in info.model.vocabulary
    assert info.model.background_needs_mask


def test_the_engine_is_found_by_its_port_file_and_open_to_its_user_alone(engine):
    found = engine.port_file
    socket_path = engine.state_dir / "engine.sock"
    assert found == {
        "address": f"unix:{socket_path}",
        "token": None,
        "process_id": engine.process.pid,
        "engine_version": "0.1.0",
        "interface_version": 1,
    }
    assert engine.ready_line.startswith(f"vera-edit 0.1.0 ready at unix:{socket_path}")
    assert stat.S_IMODE(socket_path.stat().st_mode) == 0o600
    assert stat.S_IMODE((engine.state_dir / "engine.json").stat().st_mode) == 0o600


def test_health_and_reflection_answer(engine):
    health = health_pb2_grpc.HealthStub(engine.channel)
    for service in ("", "vera_edit.v1.TakeService", "vera_edit.v1.EngineService"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=SECONDS)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection = reflection_pb2_grpc.ServerReflectionStub(engine.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = reflection.ServerReflectionInfo(iter([request]), timeout=SECONDS)
    names = {service.name for service in answer.list_services_response.service}
    assert names >= {"vera_edit.v1.TakeService", "vera_edit.v1.EngineService", "grpc.health.v1.Health"}


def test_a_second_engine_is_refused_with_the_address_of_the_first(engine, tiny_model):
    second = serve_again(tiny_model, engine.state_dir)
    assert second.returncode == 2
    assert engine.port_file["address"] in second.stderr
    assert second.stderr.startswith("error: An engine is running already.")
    assert engine.engine.GetEngineInfo(INFO, timeout=SECONDS).process_id == engine.process.pid


def test_over_tcp_only_the_token_opens(start_engine):
    engine = start_engine("--tcp")
    token = engine.port_file["token"]
    host, port = engine.port_file["address"].split(":")
    assert (host, len(token) >= 32) == ("127.0.0.1", True)
    assert not (engine.state_dir / "engine.sock").exists()
    for metadata in ((), (("authorization", "Bearer wrong"),), (("authorization", token),)):
        for call in (
            lambda metadata: engine.engine.GetEngineInfo(INFO, timeout=SECONDS, metadata=metadata),
            lambda metadata: list(engine.events(pb.Take(take_id="x"))),
            lambda metadata: engine.takes.UploadPlate(iter(()), timeout=SECONDS, metadata=metadata),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call(metadata)
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
            assert refusal(caught.value).kind == "Unauthenticated"
            assert token not in str(caught.value)
    good = (("authorization", f"Bearer {token}"),)
    assert engine.engine.GetEngineInfo(INFO, timeout=SECONDS, metadata=good).process_id == engine.process.pid
    assert engine.stop() == 0
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0


@pytest.mark.parametrize("address", ["0.0.0.0:0", "192.0.2.1:5000", "127.0.0.1", "127.0.0.1:70000", "example.com:1"])
def test_it_listens_on_this_machine_only(tiny_model, tmp_path, address):
    refused = serve_again(tiny_model, tmp_path, "--tcp", address)
    assert refused.returncode == 2
    assert address in refused.stderr
    assert not (tmp_path / "engine.json").exists()


def test_a_port_that_is_taken_is_refused(tiny_model, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = serve_again(tiny_model, tmp_path, "--tcp", f"127.0.0.1:{taken.getsockname()[1]}")
    assert refused.returncode == 2
    assert "Nothing can listen there." in refused.stderr


def test_a_model_folder_that_is_missing_is_refused(tmp_path):
    refused = serve_again(tmp_path / "no model", tmp_path)
    assert refused.returncode == 2
    assert "There is no such model folder." in refused.stderr


def test_a_state_folder_that_cannot_be_is_refused(tiny_model, tmp_path):
    (tmp_path / "state").write_text("a file")
    refused = serve_again(tiny_model, tmp_path / "state")
    assert refused.returncode == 2
    assert "--state-dir" in refused.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_leaves_no_socket_and_no_port_file(start_engine, number):
    engine = start_engine()
    engine.process.send_signal(number)
    assert engine.process.wait(SECONDS) == 0
    left = {path.name for path in engine.state_dir.iterdir()}
    assert left == {"engine.lock", "engine.log", "engine.sqlite3", "engine_id", "takes", "uploads"}


def test_stop_engine_ends_it(start_engine):
    engine = start_engine()
    engine.engine.StopEngine(engine_pb2.StopEngineRequest(), timeout=SECONDS)
    assert engine.process.wait(SECONDS) == 0
    assert not (engine.state_dir / "engine.json").exists()


def test_without_work_it_ends_by_itself(start_engine):
    engine = start_engine("--idle", "0.2")
    assert engine.process.wait(SECONDS) == 0
    assert not (engine.state_dir / "engine.json").exists()


def test_what_a_killed_engine_left_is_in_nobodys_way(start_engine):
    first = start_engine()
    first.kill()
    assert (first.state_dir / "engine.sock").exists()
    second = start_engine()
    info = second.engine.GetEngineInfo(INFO, timeout=SECONDS)
    assert info.process_id == second.process.pid == second.port_file["process_id"]


def test_a_long_path_puts_the_socket_into_a_private_folder(start_engine, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", "/tmp")
    engine = start_engine(state_dir=tmp_path / ("d" * 100))
    socket_path = Path(engine.port_file["address"].removeprefix("unix:"))
    assert len(os.fsencode(socket_path)) <= 100
    assert stat.S_IMODE(socket_path.parent.stat().st_mode) == 0o700
    assert engine.engine.GetEngineInfo(INFO, timeout=SECONDS).process_id == engine.process.pid
    assert engine.stop() == 0
    assert not socket_path.parent.exists()


def test_files_that_both_see_are_told_from_those_that_only_look_alike(engine, tmp_path):
    head = b"\x76\x2f\x31\x01" * 20_000
    paths = {name: tmp_path / name for name in ("same", "other end", "other size", "other head", "only the client's")}
    for path in paths.values():
        path.write_bytes(head)
    digest = hashlib.sha256(head[:65536]).hexdigest()
    probes = [engine_pb2.FileProbe(path=str(path), size=len(head), sha256_of_head=digest) for path in paths.values()]
    probes.append(engine_pb2.FileProbe(path="same", size=len(head), sha256_of_head=digest))
    probes.append(engine_pb2.FileProbe(path=str(tmp_path), size=tmp_path.stat().st_size, sha256_of_head=digest))
    paths["other end"].write_bytes(head[:-1] + b"\x00")
    paths["other size"].write_bytes(head + b"\x00")
    paths["other head"].write_bytes(b"\x00" + head[1:])
    paths["only the client's"].unlink()
    answer = engine.engine.ProbeFiles(engine_pb2.ProbeFilesRequest(probes=probes), timeout=SECONDS)
    assert list(answer.shared) == [True, True, False, False, False, False, False]


def test_an_engine_of_another_time_left_a_port_file_that_means_nothing(start_engine, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "engine.json").write_text(json.dumps({"address": "unix:/gone", "process_id": 1}))
    engine = start_engine()
    stub = engine_pb2_grpc.EngineServiceStub(grpc.insecure_channel(engine.port_file["address"]))
    assert stub.GetEngineInfo(INFO, timeout=SECONDS).process_id == engine.process.pid


@pytest.mark.parametrize("module", ["vera_engine.server.engine", "vera_engine.cli.serve", "vera_engine.cli.main"])
def test_the_server_is_light(module):
    """Neither torch nor OpenImageIO nor arrays: the engine answers before they could be imported."""
    script = f"import sys, {module}; print(sorted({{'torch', 'diffusers', 'OpenImageIO', 'numpy'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
