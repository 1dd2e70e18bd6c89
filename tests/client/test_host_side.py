"""What a host has to be able to rely on: the standard library alone, a clean environment, nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

import vera_client
from vera_client.bridge_process import child_environment, find_python
from vera_client.engine_files import EngineFiles, default_state_dir, last_lines
from vera_client.errors import BridgeUnavailable

CLIENT_ROOT = Path(vera_client.__file__).parent.parent


def host_python(version: str) -> str:
    """Another Python, as a host carries it: on the path, or of pyenv."""
    candidates = [shutil.which(f"python{version}")]
    candidates += [str(path) for path in Path.home().glob(f".pyenv/versions/{version}.*/bin/python")]
    for python in filter(None, candidates):
        if subprocess.run([python, "--version"], capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip(f"no Python {version} here")


IMPORTS = """
import json, sys, sysconfig
before = set(sys.modules)
import vera_client
client = vera_client.VeraClient(state_dir=sys.argv[1])
assert client.poll() == []
client.close()
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items() if name not in before}
standard = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
print(json.dumps({name: file for name, file in files.items()
                  if file and (not file.startswith(standard) or "site-packages" in file)}))
"""


@pytest.mark.parametrize("version", ["3.9", "3.11", "3.13"])
def test_a_fresh_process_imports_the_standard_library_alone(version: str, tmp_path: Path) -> None:
    python = sys.executable if sys.version.startswith(version) else host_python(version)
    environment = {"PYTHONPATH": str(CLIENT_ROOT), "HOME": str(tmp_path)}
    output = subprocess.run(
        [python, "-c", IMPORTS, str(tmp_path)], env=environment, capture_output=True, check=True, text=True
    ).stdout
    assert sorted(json.loads(output)) == [
        "vera_client",
        "vera_client.bridge_process",
        "vera_client.client",
        "vera_client.conversation",
        "vera_client.engine_files",
        "vera_client.errors",
        "vera_client.interface",
        "vera_client.ticket",
        "vera_client.watches",
    ]


HOST = """
import sys
from vera_client import VeraClient
client = VeraClient(python=sys.argv[1], state_dir=sys.argv[2])
take = client.create_take({"node_id": "n", "edit_type": "add", "prompt": sys.argv[3], "take_root": sys.argv[4],
                           "frames": [{"first_frame": 1, "last_frame": 2}], "plate": {"path": "/no/plate.####.exr"}})
client.watch(take["take_id"])
if sys.argv[3] == "hold":
    print("watching", flush=True)
    sys.stdin.read()
else:
    print(client.wait(take["take_id"], timeout=60)["state"])
"""


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_a_host_of_another_python(version: str, engine: Any, tiny_model: Path, tmp_path: Path) -> None:
    """Its variables would break the engine's Python, and it runs in a folder whose files are named like modules."""
    for name in ("grpc.py", "json.py", "asyncio.py"):
        (tmp_path / name).write_text("raise SystemExit('the wrong module')")
    script = tmp_path / "host" / "host.py"
    script.parent.mkdir()
    script.write_text(
        "import os, sys\n"
        "from vera_client import VeraClient\n"
        "os.environ['PYTHONHOME'] = os.environ['LD_LIBRARY_PATH'] = '/nowhere'\n"
        "client = VeraClient(python=sys.argv[1], state_dir=sys.argv[2], model=sys.argv[3])\n"
        "print(client.engine_info(timeout=60)['model']['window_frames'])\n"
    )
    words = [sys.executable, str(engine.state_dir), str(tiny_model)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(CLIENT_ROOT)}
    ended = subprocess.run(
        [host_python(version), str(script), *words], env=environment, cwd=tmp_path, capture_output=True, check=False
    )
    assert ended.stderr == b""
    assert ended.stdout == b"17\n"
    (process,) = engine.processes()
    assert not {"PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH"} & set(process.environ())


HOST = """
import sys
from vera_client import VeraClient
client = VeraClient(state_dir=sys.argv[1])
take = client.create_take({"node_id": "n", "edit_type": "add", "prompt": "hold", "take_root": sys.argv[2],
                           "frames": [{"first_frame": 1, "last_frame": 2}], "plate": {"path": "/no/plate.####.exr"}})
client.watch(take["take_id"])
print("watching", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("end", ["exit", "SIGTERM", "SIGKILL"])
def test_a_host_that_ends_leaves_no_bridge(end: str, engine: Any, scripted: None, tmp_path: Path) -> None:
    words = [str(engine.state_dir), str(tmp_path / "takes")]
    with subprocess.Popen([sys.executable, "-c", HOST, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as host:
        assert host.stdin is not None
        assert host.stdout is not None
        assert host.stdout.readline() == b"watching\n"
        (bridge,) = [
            child for child in psutil.Process(host.pid).children() if any("start_bridge" in w for w in child.cmdline())
        ]
        if end == "exit":
            host.stdin.close()
        else:
            host.send_signal(signal.Signals[end])
        host.wait(30)
    psutil.wait_procs([bridge], timeout=30)
    assert not bridge.is_running() or bridge.status() == psutil.STATUS_ZOMBIE
    assert len(engine.processes()) == 1


def test_no_state_directory_is_made_by_looking(tmp_path: Path) -> None:
    client = vera_client.VeraClient(state_dir=tmp_path / "state")
    assert client.poll() == []
    client.close()
    assert not (tmp_path / "state").exists()


def test_the_state_directory_as_the_engine_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vera_engine.server import state

    for variables in (
        {"VERA_EDIT_STATE_DIR": str(tmp_path / "a"), "XDG_STATE_HOME": str(tmp_path / "b")},
        {"XDG_STATE_HOME": str(tmp_path / "b")},
        {},
    ):
        for name in ("VERA_EDIT_STATE_DIR", "XDG_STATE_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert default_state_dir() == state.default_state_dir()


def test_which_python_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = EngineFiles(tmp_path)
    pythons = {}
    for name in ("given", "variable", "file"):
        pythons[name] = str(tmp_path / name)
        Path(pythons[name]).touch()
    monkeypatch.delenv("VERA_EDIT_PYTHON", raising=False)
    assert find_python(files) == sys.executable
    with monkeypatch.context() as inside_nuke:
        inside_nuke.setattr(sys, "executable", "/usr/local/Nuke15.1v3/Nuke15.1")
        with pytest.raises(BridgeUnavailable, match="not known where the engine is"):
            find_python(files)
    files.python_file.write_text(pythons["file"] + "\n")
    assert find_python(files) == pythons["file"]
    monkeypatch.setenv("VERA_EDIT_PYTHON", pythons["variable"])
    assert find_python(files) == pythons["variable"]
    assert find_python(files, pythons["given"]) == pythons["given"]
    monkeypatch.setenv("VERA_EDIT_PYTHON", str(tmp_path / "gone"))
    with pytest.raises(BridgeUnavailable, match="not there"):
        find_python(files)


def test_a_client_inside_an_environment_takes_its_python(tmp_path: Path) -> None:
    """As where NUKE_PATH names a folder in it: nothing else has to be said."""
    inside = tmp_path / "engine" / "lib" / "python3.11" / "site-packages" / "vera_edit_nuke"
    shutil.copytree(CLIENT_ROOT / "vera_client", inside / "vera_client", ignore=shutil.ignore_patterns("__pycache__"))
    ask = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from vera_client.bridge_process import find_python\n"
        "from vera_client.engine_files import EngineFiles\n"
        "print(find_python(EngineFiles(Path(sys.argv[1]))))\n"
    )
    words = [sys.executable, "-I", "-S", "-c", ask, str(inside)]
    environment = {"PATH": os.environ["PATH"]}
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert "It is not known where the engine is installed" in ended.stderr
    python = tmp_path / "engine" / "bin" / "python"
    for file in (python, tmp_path / "engine" / "pyvenv.cfg", inside / "grpc" / "__init__.py"):  # another plugin's grpc
        file.parent.mkdir(exist_ok=True)
        file.touch()
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert ended.stdout == f"{python}\n", ended.stderr


def test_the_own_pythons_paths_stay(tmp_path: Path) -> None:
    host = {"PYTHONPATH": "relative", "PYTHONHOME": "/host", "LD_LIBRARY_PATH": "/host/lib", "HOME": "/home/artist"}
    other = child_environment(str(tmp_path / "python"), host)
    assert other == {"HOME": "/home/artist", "PYTHONSAFEPATH": "1", "PYTHONUTF8": "1"}
    own = child_environment(sys.executable, host)
    assert own["PYTHONPATH"] == os.path.abspath("relative")
    assert own["LD_LIBRARY_PATH"] == "/host/lib"
    assert "PYTHONHOME" not in own


def test_the_last_lines_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    assert last_lines(log) == ""
    log.write_bytes(b"x" * 20_000 + b"\n\none\n\xff two\n  \nthree\n")
    assert last_lines(log, count=3) == "one\n� two\nthree"
    assert last_lines(log, begin=log.stat().st_size - 6) == "three"
