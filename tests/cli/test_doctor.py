"""`vera-edit doctor`, before installations that are well and ones that are not."""

from __future__ import annotations

import json
import os
import socket
import sys
from itertools import islice
from pathlib import Path

import pytest

from vera_client.engine_files import EngineFiles
from vera_engine import __version__
from vera_engine.cli import doctor
from vera_engine.cli.machine import TorchFound, TorchMissing


@pytest.fixture
def files(tmp_path) -> EngineFiles:
    (tmp_path / "state").mkdir()
    return EngineFiles(tmp_path / "state")


def write_port_file(files: EngineFiles, address: str, interface_version: int = 1, version: str = __version__) -> None:
    said = {
        "address": address,
        "token": None,
        "process_id": os.getpid(),
        "engine_version": version,
        "interface_version": interface_version,
    }
    files.port_file.write_text(json.dumps(said))


def test_a_fresh_installation_works_but_for_its_hosts(vera_edit, model):
    done = vera_edit("doctor", "--model", model, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] is True
    found = {finding["subject"]: finding for finding in report["findings"]}
    well = {subject for subject, finding in found.items() if finding["status"] == "ok"}
    assert well == {"python", "color", "movies", "torch", "model", "state", "engine", "nuke"}
    for host in ("bridge", "blender"):
        assert found[host]["status"] == "warn"
        assert found[host]["remedy"].startswith("Run: vera-edit install blender")


def test_damaged_weights_fail_the_whole_and_name_the_file(vera_edit, model):
    (model / "transformer" / "weights.safetensors").write_bytes(b"0123456780")
    done = vera_edit("doctor", "--model", model)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    (failure,) = (index for index, line in enumerate(lines) if line.startswith("fail"))
    assert "transformer/weights.safetensors is damaged" in lines[failure]
    assert lines[failure + 1].startswith("      -> ")
    assert any(line.startswith("ok    python: 3.") for line in lines)


def test_a_missing_model_is_a_failure_and_the_other_checks_go_on(files, model):
    (model / "vera_edit.json").unlink()
    found = {finding.subject: finding.status for finding in islice(doctor.examine(str(model), files, None), 5)}
    assert found == {"python": "ok", "color": "ok", "movies": "ok", "model": "fail", "state": "ok"}


def test_a_state_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert doctor.check_state_dir(EngineFiles(tmp_path / "file" / "state")).status == "fail"
    assert doctor.check_state_dir(EngineFiles(tmp_path / "not" / "there" / "yet")).status == "ok"


def test_no_engine_is_well(files):
    assert doctor.check_engine(files).status == "ok"


def test_an_engine_that_has_gone_is_only_told(files, tmp_path):
    write_port_file(files, f"unix:{tmp_path}/gone.sock")
    assert doctor.check_engine(files).status == "warn"


@pytest.mark.parametrize(
    ("interface_version", "version", "status"),
    [(1, __version__, "ok"), (1, "0.0.9", "warn"), (99, __version__, "fail")],
)
def test_a_running_engine_is_compared_with_this_installation(files, interface_version, version, status):
    with socket.create_server(("127.0.0.1", 0)) as server:
        write_port_file(files, f"127.0.0.1:{server.getsockname()[1]}", interface_version, version)
        finding = doctor.check_engine(files)
    assert finding.status == status
    assert bool(finding.remedy) is (status != "ok")


def test_an_engine_on_a_unix_socket_answers(files, tmp_path):
    address = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(address))
        server.listen()
        write_port_file(files, f"unix:{address}")
        assert doctor.check_engine(files).status == "ok"


def test_hosts_are_sent_to_a_python_that_speaks_grpc(files, monkeypatch, tmp_path):
    monkeypatch.delenv("VERA_EDIT_PYTHON", raising=False)
    assert doctor.check_bridge(files).status == "warn"
    files.python_file.write_text(f"{sys.executable}\n")
    assert doctor.check_bridge(files).status == "ok"
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    files.python_file.write_text(f"{bare}\n")
    finding = doctor.check_bridge(files)
    assert finding.status == "fail"
    assert "grpc" in finding.detail
    monkeypatch.setenv("VERA_EDIT_PYTHON", str(tmp_path / "gone"))
    assert doctor.check_bridge(files).status == "fail"


def test_an_add_on_that_is_not_this_one_is_told(monkeypatch, tmp_path, vera_edit):
    monkeypatch.setenv("BLENDER_USER_RESOURCES", str(tmp_path))
    assert doctor.check_blender().status == "warn"
    vera_edit("install", "blender", "--user-resources", tmp_path)
    assert doctor.check_blender().status == "ok"
    (tmp_path / "extensions/user_default/vera_edit/__init__.py").write_text("")
    assert "another version" in doctor.check_blender().detail


def test_a_graphics_card_that_is_not_used_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "ask_torch", lambda: TorchFound(version="2.13.0+cpu", device="cpu float32"))
    assert doctor.check_torch(tmp_path / "none").status == "ok"
    (tmp_path / "nvidiactl").touch()
    assert doctor.check_torch(tmp_path / "nvidiactl").status == "warn"


def test_a_torch_that_cannot_be_imported_is_a_failure(monkeypatch):
    def broken() -> TorchFound:
        raise TorchMissing("ImportError: libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(doctor, "ask_torch", broken)
    finding = doctor.check_torch()
    assert finding.status == "fail"
    assert "libcudart" in finding.detail


def test_movies_that_cannot_be_read_are_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)  # as Python has it where a package is not there
    finding = doctor.check_movies()
    assert finding.status == "warn"
    assert "av" in finding.detail


def test_a_take_root_is_looked_at_and_not_made(tmp_path):
    assert doctor.check_take_root(tmp_path / "shots" / "vera_takes").status in {"ok", "warn"}
    assert not Path(tmp_path / "shots").exists()
    (tmp_path / "file").write_text("not a folder")
    assert doctor.check_take_root(tmp_path / "file" / "vera_takes").status == "fail"
