"""`vera-edit install blender` puts the add-on where a real Blender finds, enables and uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from own_process import REPOSITORY, run_blender

ENGINE_PYTHON = os.environ.get("VERA_EDIT_PYTHON", str(REPOSITORY / ".venv" / "bin" / "python"))
ENABLE = """
import os, sys, traceback
status = 1
try:
    import bpy
    import addon_utils
    module = addon_utils.enable("bl_ext.user_default.vera_edit", default_set=True)
    assert module is not None, "not enabled"
    assert bpy.data.node_groups.new("comp", "CompositorNodeTree").nodes.new("VeraEditNode").bl_label == "Vera Edit"
    from bl_ext.user_default.vera_edit.client_package import Session
    print("client:", Session.__module__)
    print("file:", module.__file__)
    status = 0
except BaseException:
    traceback.print_exc()
finally:
    sys.stdout.flush()
    os._exit(status)
"""


def vera_edit(*arguments: object, state_dir: Path) -> None:
    command = [ENGINE_PYTHON, "-m", "vera_engine.cli.main", *map(str, arguments)]
    environment = {**os.environ, "VERA_EDIT_STATE_DIR": str(state_dir)}
    subprocess.run(command, env=environment, check=True, timeout=120, capture_output=True, text=True)


def test_an_installed_add_on_is_found_and_enabled_with_its_own_client(tmp_path):
    vera_edit("install", "blender", "--user-resources", tmp_path / "blender", state_dir=tmp_path / "state")
    extra = {"BLENDER_USER_RESOURCES": str(tmp_path / "blender")}
    done = run_blender([sys.executable, "-c", ENABLE], timeout=120, extra=extra)
    assert done.returncode == 0, done.stdout
    assert "client: bl_ext.user_default.vera_edit.vera_client" in done.stdout
    assert f"file: {tmp_path / 'blender'}" in done.stdout


def test_an_uninstalled_add_on_is_gone(tmp_path):
    for option in ([], ["--uninstall"]):
        vera_edit("install", "blender", "--user-resources", tmp_path, *option, state_dir=tmp_path / "state")
    done = run_blender([sys.executable, "-c", ENABLE], timeout=120, extra={"BLENDER_USER_RESOURCES": str(tmp_path)})
    assert done.returncode == 1
    assert "not enabled" in done.stdout
