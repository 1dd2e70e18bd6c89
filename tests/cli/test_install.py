"""`vera-edit install blender`: whole or not at all, for every Blender that is new enough."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from vera_engine.cli import blender_add_on


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def home(tmp_path) -> Path:
    """A folder of Blender's user files."""
    folder = tmp_path / "blender_user"
    folder.mkdir()
    return folder


@pytest.fixture
def target(home) -> Path:
    return home / "extensions" / "user_default" / "vera_edit"


def test_it_puts_add_on_and_client_there_and_tells_where_the_engine_is(vera_edit, home, target, tmp_path, repository):
    done = vera_edit("install", "blender", "--user-resources", home)
    assert done.returncode == 0, done.stderr
    installed = tree(target)
    assert installed["blender_manifest.toml"] == (repository / "plugins/blender/blender_manifest.toml").read_bytes()
    client = repository / "plugins/client/vera_client"
    assert installed["vera_client/client.py"] == (client / "client.py").read_bytes()
    assert not [name for name in installed if "__pycache__" in name]
    assert [path.name for path in target.parent.iterdir()] == ["vera_edit"]
    python = Path((tmp_path / "state" / "python").read_text().removesuffix("\n"))
    assert python.parent == Path(sys.executable).parent
    assert os.access(python, os.X_OK)


def test_check_tells_same_from_different(vera_edit, home, target):
    assert vera_edit("install", "blender", "--user-resources", home, "--check").returncode == 1
    vera_edit("install", "blender", "--user-resources", home)
    assert vera_edit("install", "blender", "--user-resources", home, "--check").returncode == 0
    (target / "__init__.py").write_text("")
    (target / "stray.py").write_text("")
    (target / "LICENSE").unlink()
    done = vera_edit("install", "blender", "--user-resources", home, "--check")
    assert done.returncode == 1
    for line in ("differs: __init__.py", "left over: stray.py", "missing: LICENSE"):
        assert line in done.stdout


def test_installing_again_replaces_what_differs(vera_edit, home, target):
    vera_edit("install", "blender", "--user-resources", home)
    before = tree(target)
    (target / "stray.py").write_text("")
    vera_edit("install", "blender", "--user-resources", home)
    assert tree(target) == before


def test_a_dry_run_says_and_does_nothing(vera_edit, home, tmp_path):
    done = vera_edit("install", "blender", "--user-resources", home, "--dry-run")
    assert done.returncode == 0
    assert "would be installed" in done.stdout
    assert list(home.iterdir()) == []
    assert not (tmp_path / "state").exists()


def test_uninstall_takes_all_of_it_away_and_nothing_else(vera_edit, home, target, tmp_path):
    vera_edit("install", "blender", "--user-resources", home)
    (target.parent / "other").mkdir()
    kept = vera_edit("install", "blender", "--user-resources", home, "--uninstall", "--dry-run")
    assert "would be removed" in kept.stdout
    assert target.exists()
    assert vera_edit("install", "blender", "--user-resources", home, "--uninstall").returncode == 0
    assert [path.name for path in target.parent.iterdir()] == ["other"]
    assert not (tmp_path / "state" / "python").exists()
    assert vera_edit("install", "blender", "--user-resources", home, "--uninstall").returncode == 0


def test_another_extension_of_that_name_is_left_alone(vera_edit, home, target):
    target.mkdir(parents=True)
    (target / "blender_manifest.toml").write_text('id = "somebody_elses"\n')
    for option in ((), ("--uninstall",)):
        done = vera_edit("install", "blender", "--user-resources", home, *option)
        assert done.returncode != 0
        assert done.stderr.startswith("error: Something else is where the add-on belongs.")
    assert (target / "blender_manifest.toml").read_text() == 'id = "somebody_elses"\n'


def test_a_link_is_left_alone(vera_edit, home, target, tmp_path):
    (tmp_path / "checkout").mkdir()
    target.parent.mkdir(parents=True)
    target.symlink_to(tmp_path / "checkout")
    assert vera_edit("install", "blender", "--user-resources", home).returncode != 0
    assert target.is_symlink()


def test_every_blender_that_is_new_enough_gets_it(vera_edit, environment):
    blender = Path(environment["HOME"]) / ".config" / "blender"
    for version in ("3.6", "4.4", "4.5", "5.2", "not.aversion"):
        (blender / version).mkdir(parents=True)
    assert vera_edit("install", "blender").returncode == 0
    have = {path.parents[2].name for path in blender.glob("*/extensions/user_default/vera_edit")}
    assert have == {"4.5", "5.2"}


def test_blenders_own_variable_comes_first(vera_edit, environment, home, target):
    (Path(environment["HOME"]) / ".config" / "blender" / "5.2").mkdir(parents=True)
    assert vera_edit("install", "blender", BLENDER_USER_RESOURCES=str(home)).returncode == 0
    assert target.is_dir()
    assert not (Path(environment["HOME"]) / ".config" / "blender" / "5.2" / "extensions").exists()


def test_no_blender_is_a_typed_error_with_a_remedy(vera_edit):
    done = vera_edit("install", "blender")
    assert done.returncode != 0
    assert done.stderr.startswith("error: No folder of Blender 4.5 or newer was found.")
    assert "--dir" in done.stderr


def test_a_place_that_cannot_be_written_is_a_typed_error(vera_edit, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    done = vera_edit("install", "blender", "--user-resources", tmp_path / "file")
    assert done.returncode != 0
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_a_failure_half_way_keeps_the_previous_add_on(home, target):
    (add_on,) = blender_add_on.installations(home)
    add_on.install()
    before = tree(target)
    gone = {**add_on.files, Path("z_last.py"): target / "no" / "such" / "file"}
    with pytest.raises(FileNotFoundError):
        replace(add_on, files=gone).install()
    assert tree(target) == before
    assert [path.name for path in target.parent.iterdir()] == ["vera_edit"]


def test_an_interrupted_run_is_taken_back(home, target):
    """Killed between its two renames: the previous add-on is beside its place."""
    (add_on,) = blender_add_on.installations(home)
    add_on.install()
    before = tree(target)
    os.rename(target, target.with_name(".vera_edit.previous"))
    assert add_on.uninstall() is True
    add_on.install()
    os.rename(target, target.with_name(".vera_edit.previous"))
    add_on.install()
    assert tree(target) == before
    assert [path.name for path in target.parent.iterdir()] == ["vera_edit"]
