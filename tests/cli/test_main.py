"""The command's frame: what it registers, how it says errors, how light it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from vera_client import (
    BridgeUnavailable,
    EngineMismatch,
    EngineUnavailable,
    NoReply,
    Refused,
    TransferFailed,
)
from vera_engine import cli, errors
from vera_engine.cli import main, outcome


def test_every_subcommand_is_in_the_table():
    """A module of the package that can add a parser is one of the command's; nothing is left out silently."""
    names = [f"vera_engine.cli.{module.name}" for module in iter_modules(cli.__path__)]
    able = {name for name in names if hasattr(import_module(name), "add_parser")}
    assert set(main.SUBCOMMANDS) == able


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidArgument, 2),
        (errors.NotFound, 2),
        (errors.PermissionRefused, 2),
        (errors.FailedPrecondition, 2),
        (errors.Internal, 1),
        (errors.Cancelled, 130),
        (EngineUnavailable, 3),
        (BridgeUnavailable, 3),
        (NoReply, 3),
        (EngineMismatch, 3),
        (TransferFailed, 1),
        (Refused, 2),
    ],
)
def test_an_error_is_said_with_its_value_and_its_remedy(monkeypatch, capsys, error, status):
    def run(options: object) -> int:
        raise error("The plate is upside down.", argument="plate.path", value="/p.exr", remedy="Turn it.")

    monkeypatch.setattr("vera_engine.cli.serve.run", run)
    assert main.main(["serve"]) == status
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "error: The plate is upside down.\n  plate.path: /p.exr\n  Turn it.\n")


@pytest.mark.parametrize(
    ("nature", "status"),
    [("not_found", 2), ("failed_precondition", 2), ("unauthenticated", 2), ("internal", 1), ("data_loss", 1)],
)
def test_what_the_engine_refuses_and_what_it_fails_at(monkeypatch, nature, status):
    def run(options: object) -> int:
        raise Refused("No.", nature=nature)

    monkeypatch.setattr("vera_engine.cli.serve.run", run)
    assert main.main(["serve"]) == status


def test_ctrl_c_is_said_in_json_too(monkeypatch, capsys):
    def run(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("vera_engine.cli.cache.run", run)
    assert main.main(["cache", "--json"]) == 130
    result = json.loads(capsys.readouterr().out)
    assert result["error"]["kind"] == "Cancelled"
    assert result["limit_bytes"] is None


def test_every_status_is_in_the_help(capsys):
    with pytest.raises(SystemExit):
        main.main(["--help"])
    table = capsys.readouterr().out.partition("exit status:")[2]
    statuses = {outcome.DONE, outcome.FAILED, outcome.REFUSED, outcome.NO_ENGINE, outcome.STOPPED, outcome.UNREAD}
    assert {int(line.split()[0]) for line in table.splitlines() if line.strip()} == statuses


def test_a_command_that_is_meant_when_none_is_named():
    parser = main.make_parser()
    for words in (["takes"], ["takes", "/a"], ["takes", "--node", "hero"], ["takes", "list", "/a", "--node", "x"]):
        assert parser.parse_args(words).no_result == {"takes": None}
    assert parser.parse_args(["takes", "show", "v001"]).take == "v001"


@pytest.mark.parametrize("arguments", [["--idle", "-1"], ["--idle", "inf"], ["--threads", "0"], ["--device", "tpu"]])
def test_options_of_serve_that_mean_nothing_are_refused(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main.main(["serve", *arguments])
    assert caught.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_the_command_itself_is_light():
    heavy = {"torch", "diffusers", "OpenImageIO", "numpy", "grpc", "google.protobuf"}
    script = (
        f"import sys; from vera_engine.cli import main; main.make_parser(); print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_command_line_that_is_not_understood_is_told_with_its_own_usage(capsys):
    with pytest.raises(SystemExit) as ended:
        main.main(["edit", "plate.exr", "--frames", "1001", "--promt", "a ball"])
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out == ""
    assert "usage: vera-edit edit" in said.err
    assert "unrecognized arguments: --promt a ball (did you mean --prompt?)" in said.err


@pytest.mark.parametrize("words", [["edit", "--json"], ["takes", "--json", "--colour"], ["--json"]])
def test_a_script_is_told_of_that_in_an_object(capsys, words):
    with pytest.raises(SystemExit) as ended:
        main.main(words)
    assert ended.value.code == 2
    said = json.loads(capsys.readouterr().out)
    assert said["error"]["kind"] == "CommandLineInvalid"
    assert said["error"]["reason"]


def test_a_reader_that_has_enough_is_no_error(environment):
    command = [sys.executable, "-m", "vera_engine.cli.main", "completion", "bash"]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        ended = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, env=environment, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_an_output_that_cannot_be_written_is_one_line(environment):
    command = [sys.executable, "-m", "vera_engine.cli.main", "completion", "bash"]
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "error: The output cannot be written: No space left on device.\n")


def test_words_that_a_terminal_cannot_show_are_shown_otherwise(environment):
    command = [sys.executable, "-m", "vera_engine.cli.main", "takes", "Grün ✓"]
    environment = {**environment, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    ended = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert ended.returncode == 2
    assert b"Gr\\xfcn \\u2713" in ended.stderr


@pytest.mark.parametrize("error", [TimeoutError("the hub is away"), OSError(28, "No space left on device")])
def test_what_fails_elsewhere_is_not_taken_for_the_output(monkeypatch, error):
    def run(options: object) -> int:
        raise error

    monkeypatch.setattr("vera_engine.cli.serve.run", run)
    with pytest.raises(type(error)):
        main.main(["serve"])
