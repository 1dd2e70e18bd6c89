"""The zip: built and checked by Blender's own tool, installed for real, without a window."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from own_process import REPOSITORY, run_blender

INSTALLED = """
import os, sys
import bpy
package = sys.argv[1]
bpy.ops.extensions.package_install_files(filepath=package, repo="user_default", enable_on_install=True)
addon = sys.modules["bl_ext.user_default.vera_edit"]
assert addon.client_package.session.VeraClient.__module__ == "bl_ext.user_default.vera_edit.vera_client.client"
assert "vera_client" not in sys.modules
preferences = bpy.context.preferences.addons["bl_ext.user_default.vera_edit"].preferences
assert addon.preferences.connection() == {}
preferences.python, preferences.model = "/opt/vera/bin/python", "small"
assert addon.preferences.connection() == {"python": "/opt/vera/bin/python", "model": "small"}
tree = addon.compositor_trees.ensure_tree(bpy.context.scene)
node = tree.nodes.new("VeraEditNode")
name = node.name
assert [socket.name for socket in node.outputs] == ["Edit", "Alpha", "Straight", "Composite", "Residual"]
bpy.ops.preferences.addon_disable(module="bl_ext.user_default.vera_edit")
assert [group.bl_idname for group in tree.nodes if group.name == name] == ["CompositorNodeGroup"]
bpy.ops.preferences.addon_enable(module="bl_ext.user_default.vera_edit")
assert [group.bl_idname for group in tree.nodes if group.name == name] == ["VeraEditNode"]
print("installed", flush=True)
os._exit(0)
"""


def build(out: Path) -> Path:
    command = [sys.executable, str(REPOSITORY / "plugins" / "blender" / "build.py"), "--out", str(out)]
    done = run_blender(command, timeout=120)
    assert done.returncode == 0, done.stdout
    (package,) = out.glob("vera_edit-*.zip")
    return package


def test_the_zip_holds_the_add_on_and_the_one_client(tmp_path: Path) -> None:
    package = build(tmp_path)
    with zipfile.ZipFile(package) as archive:
        held = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    for room, prefix in (("plugins/blender", ""), ("plugins/client/vera_client", "vera_client/")):
        for file in sorted((REPOSITORY / room).rglob("*.py")):
            name = prefix + file.relative_to(REPOSITORY / room).as_posix()
            if name != "build.py":
                assert held.pop(name) == file.read_bytes(), name
    assert sorted(held) == ["LICENSE", "blender_manifest.toml"]


def test_it_installs_into_a_bare_blender_and_can_be_switched_off_and_on(tmp_path: Path) -> None:
    package = build(tmp_path)
    script = tmp_path / "install.py"
    script.write_text(INSTALLED)
    alone = {"BLENDER_USER_RESOURCES": str(tmp_path / "user"), "PYTHONPATH": ""}
    done = run_blender([sys.executable, str(script), str(package)], timeout=120, extra=alone)
    assert done.returncode == 0, done.stdout
    assert "installed" in done.stdout
