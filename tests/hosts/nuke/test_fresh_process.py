"""What a Nuke has to be able to rely on: the standard library alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.test_host_side import host_python

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
FAKE = Path(__file__).resolve().parent / "fake_nuke"
IMPORTS = """
import importlib, json, pkgutil, runpy, sys
sys.path[:0] = sys.argv[2:]
import nuke
for name in ("init.py", "menu.py"):
    runpy.run_path(sys.argv[1] + "/" + name)
import vera_nuke
names = [each.name for each in pkgutil.walk_packages(vera_nuke.__path__, "vera_nuke.")]
for name in names:
    importlib.import_module(name)
print(json.dumps({"plugin": names, "all": sorted(sys.modules)}))
"""


@pytest.mark.parametrize("version", ["3.9", "3.11"])
def test_the_whole_plugin_is_imported_with_the_standard_library_alone(version: str) -> None:
    places = [str(PLUGINS / "nuke"), str(PLUGINS / "nuke"), str(PLUGINS / "client"), str(FAKE)]
    words = [host_python(version), "-I", "-S", "-c", IMPORTS, *places]
    ended = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    said = json.loads(ended.stdout)
    assert {"vera_nuke.work", "vera_nuke.tree", "vera_nuke.knobs.edit"} <= set(said["plugin"])
    foreign = {"grpc", "google", "numpy", "torch", "OpenImageIO", "vera_edit", "vera_engine"}
    assert not foreign & {name.partition(".")[0] for name in said["all"]}
    assert "vera_client.bridge" not in said["all"], "it is started, never imported"


def test_a_start_without_a_client_only_says_so(tmp_path: Path) -> None:
    for name in ("init.py", "menu.py"):
        (tmp_path / name).write_text((PLUGINS / "nuke" / name).read_text())
    run = "import runpy, sys; sys.path[:0] = sys.argv[2:]; runpy.run_path(sys.argv[1])"
    for name in ("init.py", "menu.py"):
        words = [sys.executable, "-I", "-S", "-c", run, str(tmp_path / name), str(FAKE)]
        ended = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
        assert ended.stdout.startswith("Vera Edit ")
        assert ended.stderr == ""
