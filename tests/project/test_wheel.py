"""The wheel: what somebody has who installs vera-edit without a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def installed(repository, tmp_path_factory) -> Path:
    """The wheel's content, as pip would lay it out."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*command, str(folder), str(repository)], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site-packages")
    return folder / "site-packages"


def test_it_carries_engine_client_interface_plugins_and_small_model(installed):
    for name in (
        "vera_engine/errors.py",
        "vera_client/client.py",
        "vera_edit/v1/takes_pb2.py",
        "vera_edit_blender/blender_manifest.toml",
        "vera_edit_nuke/vera_nuke/node.py",
        "vera_edit_nuke/icons/vera_edit.png",
        "vera_edit_nuke/vera_client/client.py",
        "vera_engine/model/small/vera_edit.json",
    ):
        assert (installed / name).is_file(), name
    assert not list(installed.rglob("__pycache__"))


def test_the_add_on_is_installed_from_it(installed, tmp_path):
    (installed / "vera_edit_blender" / "in_the_wheel_alone.py").write_text("")
    command = [sys.executable, "-m", "vera_engine.cli.main", "install", "blender", "--user-resources", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(installed), "VERA_EDIT_STATE_DIR": str(tmp_path / "state")}
    subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True)
    target = tmp_path / "extensions" / "user_default" / "vera_edit"
    assert (target / "in_the_wheel_alone.py").is_file()
    assert (target / "vera_client" / "client.py").is_file()
    assert not (target / "build.py").exists()


IN_NUKE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import nuke
nuke.stage.run_startup(Path(sys.argv[2]))
import vera_client, vera_nuke.work
assert nuke.menu("Nodes").menu("Vera Edit").commands
print(vera_client.__file__)
"""


def test_one_line_in_nuke_path_is_enough(installed, tmp_path, repository):
    """Nuke is given the folder that is printed, and nothing else of what lies beside it."""
    command = [sys.executable, "-m", "vera_engine.cli.main", "install", "nuke", "--print-path"]
    environment = {**os.environ, "PYTHONPATH": str(installed), "HOME": str(tmp_path), "VERA_EDIT_STATE_DIR": "/nowhere"}
    said = subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert said.stdout == f"{installed / 'vera_edit_nuke'}\n"
    assert list(tmp_path.iterdir()) == []
    words = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        IN_NUKE,
        str(repository / "tests/hosts/nuke/fake_nuke"),
        said.stdout.strip(),
    ]
    started = subprocess.run(words, capture_output=True, text=True, check=False)
    assert started.stdout.strip() == str(installed / "vera_edit_nuke" / "vera_client" / "__init__.py"), started.stderr
