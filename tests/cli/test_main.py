"""The command's frame: what it registers, how it says errors, how light it is."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pkgutil import iter_modules

import pytest

from vera_engine import cli, errors
from vera_engine.cli import main


def test_every_subcommand_is_in_the_table():
    """A module of the package that can add a parser is one of the command's; nothing is left out silently."""
    names = [f"vera_engine.cli.{module.name}" for module in iter_modules(cli.__path__)]
    able = {name for name in names if hasattr(import_module(name), "add_parser")}
    assert set(main.SUBCOMMANDS) == able


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidArgument, 2),
        (errors.NotFound, 2),
        (errors.PermissionRefused, 2),
        (errors.FailedPrecondition, 2),
        (errors.Internal, 1),
        (errors.Cancelled, 130),
    ],
)
def test_an_error_is_said_with_its_value_and_its_remedy(monkeypatch, capsys, error, code):
    def run(options: object) -> int:
        raise error("The plate is upside down.", argument="plate.path", value="/p.exr", remedy="Turn it.")

    monkeypatch.setattr("vera_engine.cli.serve.run", run)
    assert main.main(["serve"]) == code
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "error: The plate is upside down.\n  plate.path: /p.exr\n  Turn it.\n")


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
