"""`vera-edit doctor`, before installations that are well and ones that are not."""

from __future__ import annotations

import json
import os
import socket
import sys

import pytest


@pytest.fixture
def findings(vera_edit, model):
    """The findings by subject, and the exit status."""

    def examine(*arguments: object, **variables: str):
        done = vera_edit("doctor", "--model", model, "--json", *arguments, **variables)
        assert done.stdout, done.stderr
        report = json.loads(done.stdout)
        assert report["ok"] is (done.returncode == 0)
        return {finding["subject"]: finding for finding in report["findings"]}, done.returncode

    return examine


def write_port_file(state, address: str, interface_version: int = 1) -> None:
    state.mkdir(exist_ok=True)
    said = {
        "address": address,
        "token": None,
        "process_id": os.getpid(),
        "engine_version": "0.1.0",
        "interface_version": interface_version,
    }
    (state / "engine.json").write_text(json.dumps(said))


def test_a_fresh_installation_works_but_for_its_hosts(findings):
    found, status = findings()
    assert status == 0
    assert {subject for subject, finding in found.items() if finding["status"] == "ok"} == {
        "python",
        "color",
        "torch",
        "model",
        "state",
        "engine",
    }
    for host in ("bridge", "blender"):
        assert found[host]["status"] == "warn"
        assert found[host]["remedy"] == "Run: vera-edit install blender"


def test_damaged_weights_are_a_failure_that_names_the_file(findings, model):
    (model / "transformer" / "weights.safetensors").write_bytes(b"0123456780")
    found, status = findings()
    assert status == 1
    assert found["model"]["status"] == "fail"
    assert "transformer/weights.safetensors is damaged" in found["model"]["detail"]
    assert found["model"]["remedy"]


def test_a_missing_model_is_a_failure_and_the_other_checks_go_on(findings, model):
    (model / "vera_edit.json").unlink()
    found, status = findings()
    assert (status, found["model"]["status"], found["state"]["status"]) == (1, "fail", "ok")


def test_a_state_directory_that_cannot_be_written(findings, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    found, status = findings("--state-dir", tmp_path / "file" / "state")
    assert (status, found["state"]["status"]) == (1, "fail")


def test_an_engine_that_has_gone_is_only_told(findings, tmp_path):
    write_port_file(tmp_path / "state", f"unix:{tmp_path}/gone.sock")
    found, status = findings()
    assert (status, found["engine"]["status"]) == (0, "warn")


def test_an_engine_of_another_interface_is_a_failure(findings, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        write_port_file(tmp_path / "state", f"127.0.0.1:{server.getsockname()[1]}", interface_version=99)
        found, status = findings()
    assert (status, found["engine"]["status"]) == (1, "fail")


def test_an_engine_of_this_version_is_well(findings, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        write_port_file(tmp_path / "state", f"127.0.0.1:{server.getsockname()[1]}")
        found, _ = findings()
    assert found["engine"]["status"] == "ok"
    assert "running" in found["engine"]["detail"]


def test_hosts_that_are_sent_to_a_python_without_grpc(findings, tmp_path):
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    found, status = findings(VERA_EDIT_PYTHON=str(bare))
    assert (status, found["bridge"]["status"]) == (1, "fail")
    assert "grpc" in found["bridge"]["detail"]


def test_a_take_root_is_looked_at_when_it_is_named(findings, tmp_path):
    found, _ = findings("--take-root", tmp_path / "shots" / "vera_takes")
    assert found["take root"]["status"] in {"ok", "warn"}
    assert not (tmp_path / "shots").exists()
    (tmp_path / "file").write_text("not a folder")
    found, status = findings("--take-root", tmp_path / "file" / "vera_takes")
    assert (status, found["take root"]["status"]) == (1, "fail")


def test_lines_for_a_person_carry_status_and_remedy(vera_edit, model):
    done = vera_edit("doctor", "--model", model)
    assert done.returncode == 0
    assert any(line.startswith("ok    python: 3.") for line in done.stdout.splitlines())
    assert "      -> Run: vera-edit install blender" in done.stdout.splitlines()
