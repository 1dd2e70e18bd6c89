"""What bash offers after a command line, and that the other shells' scripts name every command and option."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from vera_engine.cli.completion_words import read_commands
from vera_engine.cli.main import make_parser
from vera_engine.cli.shell_scripts import SCRIPTS

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_vera_edit && printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def program():
    return read_commands(make_parser())


@pytest.fixture(scope="module")
def bash_file(program, tmp_path_factory) -> Path:
    if shutil.which("bash") is None:
        pytest.skip("no bash here")
    file = tmp_path_factory.mktemp("completion") / "vera-edit"
    file.write_text(SCRIPTS["bash"](program))
    return file


@pytest.fixture
def offered(bash_file, tmp_path, monkeypatch):
    """What bash offers for the last word, in a folder that holds a folder and a file."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "my takes").mkdir()
    (tmp_path / "here" / "plate.1001.exr").touch()
    monkeypatch.chdir(tmp_path / "here")

    def ask(*words: str) -> list[str]:
        command = ["bash", "--norc", "-c", ASK, "ask", str(bash_file), "vera-edit", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert done.stderr == ""
        return [line for line in done.stdout.splitlines() if line]

    return ask


def test_commands(offered):
    assert offered("wa") == ["watch"]
    assert offered("c") == ["check", "cancel", "cache", "completion", "convert-weights"]
    assert offered("takes", "un") == ["unstar"]
    assert offered("nonsense", "") == offered("")


def test_options(offered):
    assert offered("edit", "--see") == ["--seed", "--seeds"]
    assert offered("takes", "delete", "--fo") == ["--force"]
    assert offered("takes", "--no") == ["--node"]
    assert "--json" in offered("edit", "plate.####.exr", "--frames", "1-4", "--")


def test_words_of_an_option(offered):
    assert offered("edit", "--edit", "") == ["add", "background"]
    assert offered("edit", "--colorspace", "l") == ["lin_rec709"]
    assert offered("edit", "--edit", "=", "b") == ["background"]
    assert offered("edit", "--edit", "=") == ["add", "background"]
    assert offered("edit", "--edit", "=", "add", "--mask-means", "") == ["edit", "keep"]
    assert offered("completion", "") == ["bash", "fish", "zsh"]
    assert offered("edit", "--prompt", "") == []
    assert offered("serve", "--device", "c") == ["cpu", "cuda"]


def test_files_and_folders(offered):
    assert offered("edit", "") == ["my takes", "plate.1001.exr"]
    assert offered("edit", "--take-root", "") == ["my takes"]
    assert offered("edit", "--model", "") == ["small", "my takes"]
    assert offered("takes", "delete", "one", "two", "m") == ["my takes"]
    assert offered("takes", "compare", "one", "two", "") == []
    assert "my takes" in offered("takes", "")


def test_a_value_is_not_taken_for_a_command(offered):
    assert offered("edit", "--node", "takes", "--sta") == ["--state-dir"]


def test_every_shell_hears_of_every_command_and_option(program):
    options = {spelling for command in program.all() for option in command.options for spelling in option.spellings}
    commands = {command.path[-1] for command in program.all() if command.path}
    assert {"--keep-frames", "--clear", "-h"} <= options
    assert {"edit", "compare", "completion"} <= commands
    for shell, write in SCRIPTS.items():
        script = write(program)
        assert not [name for name in commands if name not in script], shell
        missing = [
            spelling for spelling in options if (spelling.lstrip("-") if shell == "fish" else spelling) not in script
        ]
        assert not missing, shell


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_another_shell_can_read_its_script(program, shell, tmp_path):
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"no {shell} here")
    file = tmp_path / "script"
    file.write_text(SCRIPTS[shell](program))
    subprocess.run([found, "-n", str(file)], check=True, timeout=60, env={"PATH": os.environ["PATH"]})


def test_the_command_prints_the_script(vera_edit, program):
    said = vera_edit("completion", "bash")
    assert (said.returncode, said.stdout) == (0, SCRIPTS["bash"](program) + "\n")
    assert vera_edit("completion", "tcsh").returncode == 2
