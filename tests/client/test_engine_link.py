"""Finding an engine, starting one, and saying why neither worked."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vera_client import EngineMismatch, EngineUnavailable, VeraClient

MakeClient = Callable[..., VeraClient]


@pytest.fixture
def running(client: VeraClient, engine: Any) -> dict[str, Any]:
    """An engine that runs before the client under test comes."""
    info = client.engine_info()
    client.close()
    return info


def test_a_running_engine_is_used(running: dict[str, Any], make_client: MakeClient) -> None:
    assert make_client().engine_info() == running


def test_a_crashed_engines_port_file_is_stale(running: dict[str, Any], engine: Any, make_client: MakeClient) -> None:
    engine.kill()
    assert (engine.state_dir / "engine.json").exists()
    info = make_client().engine_info()
    assert info["process_id"] != running["process_id"]
    assert [process.pid for process in engine.processes()] == [info["process_id"]]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"address": 5}', '{"address": "unix:/nowhere", "process_id": "x"}']
)
def test_a_broken_port_file_is_stale(content: str, engine: Any, client: VeraClient) -> None:
    (engine.state_dir / "engine.json").write_text(content)
    assert client.engine_info()["process_id"] == engine.processes()[0].pid


def test_somebody_elses_port_is_stale(engine: Any, client: VeraClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = {
            "address": f"127.0.0.1:{other.getsockname()[1]}",
            "token": "t",
            "process_id": os.getpid(),
            "engine_version": "0.1.0",
            "interface_version": 1,
        }
        (engine.state_dir / "engine.json").write_text(json.dumps(said))
        assert client.engine_info()["process_id"] == engine.processes()[0].pid


def test_an_engine_that_dies_at_once_says_why(engine: Any, client: VeraClient) -> None:
    (engine.state_dir / "engine.log").write_text("words of yesterday\n")
    engine.will(die="The model folder is missing: /models/größer")
    with pytest.raises(EngineUnavailable) as unavailable:
        client.engine_info()
    assert "exit status 1" in unavailable.value.reason
    assert unavailable.value.reason.endswith("The model folder is missing: /models/größer")
    assert "yesterday" not in unavailable.value.reason
    assert str(engine.state_dir / "engine.log") in unavailable.value.remedy
    engine.will()
    assert client.engine_info()["engine_version"] == "0.1.0"


def test_another_interface_version_is_refused(engine: Any, client: VeraClient) -> None:
    engine.will(interface_version=2)
    with pytest.raises(EngineMismatch) as mismatch:
        client.engine_info()
    assert mismatch.value.argument == "interface_version"
    assert mismatch.value.value == "2"
    assert "version 2, this client version 1" in mismatch.value.reason
    assert "End that engine" in mismatch.value.remedy
    # The way out it names:
    engine.will()
    client.stop_engine()
    assert not (engine.state_dir / "engine.json").exists()
    assert client.engine_info()["interface_version"] == 1


def test_another_model_is_refused(running: dict[str, Any], make_client: MakeClient, tmp_path: Path) -> None:
    with pytest.raises(EngineMismatch) as mismatch:
        make_client(model=str(tmp_path)).engine_info()
    assert mismatch.value.argument == "model"
    assert mismatch.value.value == str(tmp_path)
    assert make_client(model="small").engine_info() == running


def test_options_reach_an_engine_that_is_started(engine: Any, make_client: MakeClient) -> None:
    options = {"model": "small", "device": "cpu", "idle_seconds": 90.5, "threads": 2}
    assert make_client(**options).engine_info()["idle_seconds"] == 90.5
    words = engine.processes()[0].cmdline()
    assert words[words.index("--model") :] == [
        "--model", "small", "--device", "cpu", "--idle", "90.5", "--threads", "2",
    ]  # fmt: skip


def test_an_engine_that_a_host_starts_does_not_stay_for_ever(make_client: MakeClient) -> None:
    assert make_client().engine_info()["idle_seconds"] == 1800


def test_an_engine_that_is_ending_is_waited_for(engine: Any, client: VeraClient) -> None:
    """It holds the lock to its very end, while its port file is gone already."""
    words = (
        "import fcntl, os, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True);"
        "sys.stdin.read()"
    )
    lock = str(engine.state_dir / "engine.lock")
    with subprocess.Popen([sys.executable, "-c", words, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as ending:
        assert ending.stdout is not None
        assert ending.stdout.readline() == b"held\n"
        ticket = client.submit("engine_info")
        with pytest.raises(Exception, match="No answer"):
            ticket.result(0.5)
        assert engine.processes() == []
        ending.communicate()
        assert ticket.result(30)["process_id"] == engine.processes()[0].pid


def test_an_engine_at_an_address_with_its_token(
    engine: Any, make_client: MakeClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.will(token="secret")
    info = make_client().engine_info()
    address = json.loads((engine.state_dir / "engine.json").read_text())["address"]
    elsewhere = {"state_dir": tmp_path / "elsewhere", "address": address}
    assert make_client(**elsewhere, token="secret").engine_info() == info
    with pytest.raises(EngineUnavailable, match="the token is wrong"):
        make_client(**elsewhere, token="guess").engine_info()
    monkeypatch.setenv("VERA_EDIT_TOKEN", "secret")
    assert make_client(**elsewhere).engine_info() == info


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"address": "render04"}, "address"),
        ({"address": "render04:port"}, "address"),
        ({"address": "192.0.2.1:50051"}, "token"),
        ({"address": "192.0.2.1:50051", "token": "t", "certificate": "/not/there.pem"}, "certificate"),
    ],
)
def test_an_address_that_cannot_be_used(make_client: MakeClient, options: dict[str, str], argument: str) -> None:
    with pytest.raises(EngineUnavailable) as unavailable:
        make_client(**options).engine_info()
    assert unavailable.value.argument == argument


def test_no_engine_is_started_for_an_address(engine: Any, make_client: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(EngineUnavailable, match="No engine answers there"):
        make_client(address=address).engine_info()
    assert engine.processes() == []


def test_a_state_directory_that_cannot_be_made(make_client: MakeClient, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Exception, match="cannot be started") as failed:
        make_client(state_dir=tmp_path / "file" / "state").engine_info()
    assert str(tmp_path / "file") in str(failed.value)


def test_stopping_where_nothing_runs(engine: Any, client: VeraClient) -> None:
    client.stop_engine()
    assert engine.processes() == []
