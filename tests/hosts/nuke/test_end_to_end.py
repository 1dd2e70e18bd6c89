"""The node with a real bridge, a real engine and the shipped small model, on the demo plate."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nuke
import numpy as np
import pytest
import shots

import vera_nuke
from vera_client import VeraClient
from vera_client.engine_files import EngineFiles, default_state_dir
from vera_client.errors import VeraClientError
from vera_client.host import session
from vera_nuke import node, shown_takes

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
DEMO, PLUGINS = REPOSITORY / "demo" / "plate", REPOSITORY / "plugins"
FARM_PAGE = REPOSITORY / "docs" / "nuke-farm.md"
FRAMES = range(1001, 1006)
SECONDS = 280.0
RENDER = """
import sys
import nuke
nuke.scriptOpen(sys.argv[1])
assert not any(name.startswith("vera_") for name in sys.modules), "the plugin is not here"
write = nuke.nodes.Write(file=sys.argv[2] + "/comp.%04d.exr", file_type="exr", datatype="32 bit float", raw=True)
write.setInput(0, nuke.toNode(sys.argv[3]))
nuke.execute(write, 1001, 1005)
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An engine of this module alone, that the first test starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VERA_EDIT_PYTHON", sys.executable)
        patch.setenv("VERA_EDIT_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        yield
        client = VeraClient()
        client.stop_engine(cancel_running=True)
        client.close()


@pytest.fixture
def shot(engine: None, tmp_path: Path) -> Iterator[nuke.Node]:
    """A node on the demo plate and its hint, in a saved script."""
    session.current(model="small", threads=1, idle_seconds=120)
    shots.save_script(tmp_path)
    nuke.root()["workingSpaceLUT"].setValue("lin_rec709")
    made = node.create()
    made.setInput(0, shots.add_read(DEMO / "plate.%04d.exr", range(1001, 1018)))
    made.setInput(1, nuke.nodes.Grade(inputs=[shots.add_read(DEMO / "hint.%04d.exr", range(1001, 1018))]))
    for name, value in {
        "prompt": "add a large red ball on the right",
        "frames_from": "Custom",
        "first_frame": FRAMES[0],
        "last_frame": FRAMES[-1],
        "seed": 7,
        "use_model_settings": False,
        "steps": 2,
        "guidance": 1.0,
    }.items():
        made[name].setValue(value)
    yield made
    session.close()


def wait_for_take(made: nuke.Node, version: str) -> Path:
    """Serves Nuke's main thread until the node shows a version."""

    def is_there() -> bool:
        text = str(made["status"].value())
        assert "Failed" not in text, text
        shown = node.shown_directory(made)
        return shown is not None and shown.name == version

    nuke.main_thread.pump_until(is_there, SECONDS)
    shown = node.shown_directory(made)
    assert shown is not None
    return shown


def comp_of(made: nuke.Node, frame: int) -> np.ndarray:
    """(H, W, 3) float32, as a viewer shows rgb."""
    planes = nuke.pixels.evaluate(made, frame, "main").planes
    return np.dstack([planes[f"rgba.{channel}"] for channel in ("red", "green", "blue")])


def plate_of(frame: int) -> np.ndarray:
    channels = shots.read_exr(DEMO / f"plate.{frame}.exr")
    return np.dstack([channels[name] for name in "RGB"])


def test_generate_rerun_switch_save_and_render_without_us(shot: nuke.Node, tmp_path: Path) -> None:
    # 1. Generate: the artist goes on while the engine works
    shot["generate"].execute()
    first = wait_for_take(shot, "v001")
    for frame in FRAMES:
        matte = shots.read_exr(first / f"layers.{frame}.exr")["A"]
        comp, plate = comp_of(shot, frame), plate_of(frame)
        assert (matte == 0).any()
        assert (matte > 0).any()
        np.testing.assert_array_equal(comp[matte == 0], plate[matte == 0])
    np.testing.assert_array_equal(comp_of(shot, 1010), plate_of(1010))

    # 2. A range made again: the other frames are the very same files
    for name, value in {"rerun_first_frame": 1003, "rerun_last_frame": 1004, "rerun_seed_from": "New"}.items():
        shot[name].setValue(value)
    shot["rerun"].execute()
    second = wait_for_take(shot, "v002")
    same = [
        (first / f"layers.{frame}.exr").read_bytes() == (second / f"layers.{frame}.exr").read_bytes()
        for frame in FRAMES
    ]
    assert same == [True, True, False, False, True]

    # 3. Takes switch in place, without the engine
    comps = {"v002": comp_of(shot, 1003)}
    shot["take"].setValue(next(item for item in shot["take"].values() if item.startswith("v001")))
    assert node.shown_directory(shot) == first
    comps["v001"] = comp_of(shot, 1003)
    assert not np.array_equal(comps["v001"], comps["v002"])

    # 4. The engine's own proof
    shot["check_take"].execute()
    nuke.main_thread.pump_until(lambda: "checking" not in str(shot["verdict"].value()), SECONDS)
    assert str(shot["verdict"].value()).startswith("v001: exact: 5 frames, no pixel changed outside the matte")

    # 5. Finished anew with a hold-out: its files have it, and the model did not run
    shot.setInput(2, shots.add_read(DEMO / "hint.%04d.exr", range(1001, 1018)))
    shot["finish_again"].execute()
    third = wait_for_take(shot, "v003")
    for frame in FRAMES:
        held, layers = (shots.read_exr(file) for file in (DEMO / f"hint.{frame}.exr", third / f"layers.{frame}.exr"))
        assert not layers["A"][held["R"] == 1].any()
        assert os.path.samefile(third / f"model.{frame}.exr", first / f"model.{frame}.exr")

    # 6. Saved, and rendered by a Nuke that has never heard of us
    nuke.scriptSave()
    expected = {frame: comp_of(shot, frame) for frame in FRAMES}
    (tmp_path / "farm").mkdir()
    environment = {"PYTHONPATH": str(HERE / "fake_nuke"), "FAKE_NUKE_GUI": "0", "PATH": os.environ["PATH"]}
    script = str(tmp_path / "shot.nk")
    words = [sys.executable, "-c", RENDER, script, str(tmp_path / "farm"), shot.name()]
    subprocess.run(words, env=environment, cwd=tmp_path, check=True, timeout=SECONDS)
    nuke.scriptOpen(script)
    (again,) = node.vera_nodes()
    for frame in FRAMES:
        farm = shots.read_exr(tmp_path / "farm" / f"comp.{frame}.exr")
        np.testing.assert_array_equal(np.dstack([farm[name] for name in "RGB"]), expected[frame])
        np.testing.assert_array_equal(comp_of(again, frame), expected[frame])


def test_a_terminal_waits_and_raises(shot: nuke.Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # 1. The farm page's own script, in a process of its own
    shot.setInput(0, nuke.nodes.Grade(inputs=[shot.input(0)], multiply=0.5, black_clamp=False))
    shot["last_frame"].setValue(1002)
    nuke.scriptSave()
    (page_script,) = re.findall(r"```python\n(.+?)```", FARM_PAGE.read_text(encoding="utf-8"), re.S)
    script = str(tmp_path / "shot.nk")
    places = [HERE / "fake_nuke", PLUGINS / "nuke", PLUGINS / "client"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places)), "FAKE_NUKE_GUI": "0"}
    subprocess.run([sys.executable, "-c", page_script, script], env=environment, check=True, timeout=SECONDS)
    nuke.scriptOpen(script)
    (made,) = node.vera_nodes()
    take = shown_takes.shown_take(made)
    assert take is not None
    assert (take.version, take.frames) == ("v001", (1001, 1002))
    assert "/upstream/plate.1001-1002." in take.record["request"]["plate"]["path"]

    # 2. Here: the very same request has its take already, and what is wrong is raised
    monkeypatch.setattr(nuke, "GUI", False)
    (same,) = vera_nuke.generate(made)
    assert same.directory == take.directory
    made["steps"].setValue(0)
    with pytest.raises(VeraClientError, match="steps"):
        vera_nuke.generate(made, range(1001, 1003))
    with pytest.raises(VeraClientError, match="follow one another"):
        vera_nuke.generate(made, [1001, 1003])
    assert list(shown_takes.takes_by_name(made)) == ["v001"]


def test_an_engine_that_is_not_there(shot: nuke.Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session.close()
    monkeypatch.setenv("VERA_EDIT_PYTHON", str(tmp_path / "python"))
    shot["generate"].execute()
    nuke.main_thread.pump_until(lambda: "Failed" in str(shot["status"].value()), SECONDS)
    assert "The Python of the engine's environment is not there" in str(shot["status"].value())
    monkeypatch.setenv("VERA_EDIT_PYTHON", sys.executable)
    shot["engine_address"].setValue("127.0.0.1:9")
    shot["generate"].execute()
    nuke.main_thread.pump_until(lambda: "No engine answers there" in str(shot["status"].value()), 60)
    assert nuke.stage.messages == []
    shot["engine_address"].setValue("")
    assert session.known() is None, "this machine's own engine is another one"


def test_the_engine_is_ended_and_started_on_another_device_from_the_panel(shot: nuke.Node) -> None:
    shot["steps"].setValue(400)
    shot["generate"].execute()
    nuke.main_thread.pump_until(lambda: "Step" in str(shot["status"].value()), SECONDS)
    nuke.stage.answers[:] = [True]
    shot["stop_engine"].execute()
    nuke.main_thread.pump_until(lambda: "has ended" in str(shot["engine_status"].value()), SECONDS)
    nuke.main_thread.pump_until(lambda: str(shot["status"].value()) == "v001 cancelled", SECONDS)
    assert "Takes are in work" in nuke.stage.questions[0]
    port_file = EngineFiles(default_state_dir()).port_file
    nuke.main_thread.pump(1.0)
    assert not port_file.exists(), "nothing has started another one"
    shot["device"].setValue("CPU")
    shot["ask_engine"].execute()
    nuke.main_thread.pump_until(lambda: str(shot["device_now"].value()) == "cpu", SECONDS)
    assert port_file.exists()
