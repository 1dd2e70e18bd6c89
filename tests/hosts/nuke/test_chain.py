"""What feeds the node, told so that a later look can say whether it has changed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import nuke
import pytest
import shots
from threads import in_thread

from vera_client.host.chain import Chain
from vera_nuke import chain, main_thread, tcl

FILES = range(1001, 1006)
FRAMES = range(1001, 1004)


def described(output: nuke.Node, frames: range, view: str, is_proxy: bool = False) -> Chain:
    return main_thread.in_slices(chain.describe(output, frames, view, is_proxy))


@pytest.fixture
def graded(tmp_path: Path) -> nuke.Node:
    """A Grade above a Read of five frames."""
    read = shots.add_read(shots.write_plate(tmp_path, FILES), FILES)
    return nuke.nodes.Grade(inputs=[read], name="Look")


def test_looks_change_no_pixel(graded: nuke.Node) -> None:
    before = described(graded, FRAMES, "main")
    graded.setName("Another")
    graded.setXYpos(500, 30)
    graded["label"].setValue("nicer")
    graded["tile_color"].setValue(0xFF00FFFF)
    nuke.nodes.Viewer(inputs=[graded])
    assert described(graded, FRAMES, "main").fingerprint == before.fingerprint
    assert not before.unseen


@pytest.mark.parametrize("change", ["knob", "animation", "node", "file", "view", "size", "disable"])
def test_what_changes_pixels_is_told(graded: nuke.Node, change: str) -> None:
    before = described(graded, FRAMES, "main").fingerprint
    output, view = graded, "main"
    if change == "knob":
        graded["multiply"].setValue(1.5)
    elif change == "animation":
        graded["multiply"].setExpression("frame/10")
    elif change == "node":
        output = nuke.nodes.Blur(inputs=[graded], size=3)
    elif change == "file":
        file = Path(str(graded.input(0)["file"].value()) % 1003)
        os.utime(file, ns=(1, 1))
    elif change == "view":
        graded.input(0)["file"].setValue(str(graded.input(0)["file"].value()).replace("plate.", "plate_%v."))
    elif change == "size":
        nuke.root()["format"].setValue("100 100 0 0 100 100 1 small")
    else:
        graded["disable"].setValue(True)
    assert described(output, FRAMES, view).fingerprint != before


@pytest.mark.parametrize(
    ("name", "value"), [("first_frame", 1001), ("last_frame", 1017), ("gsv", "{{default {sky night}}}"), ("grain", 0.5)]
)
def test_settings_of_the_script_are_told(graded: nuke.Node, name: str, value: object) -> None:
    """An expression may ask for any of them; graph scope variables and an artist's own are knobs as others."""
    root = nuke.root()
    if root.knob(name) is None:
        root.addKnob(nuke.Double_Knob(name) if isinstance(value, float) else nuke.String_Knob(name))
    before = described(graded, FRAMES, "main").fingerprint
    root[name].setValue(value)
    assert described(graded, FRAMES, "main").fingerprint != before


def test_what_changes_all_day_in_the_script_is_not_told(graded: nuke.Node, tmp_path: Path) -> None:
    before = described(graded, FRAMES, "main").fingerprint
    for name, value in (("frame", 1002), ("monitorLut", "raw"), ("lock_range", True), ("label", "comp")):
        nuke.root()[name].setValue(value)
    shots.save_script(tmp_path, "shot_v002.nk")
    assert described(graded, FRAMES, "main").fingerprint == before


@pytest.mark.parametrize(("name", "value"), [("proxy", True), ("proxy_type", "scale"), ("proxy_scale", 0.25)])
def test_proxy_settings_count_at_proxy_size_alone(graded: nuke.Node, name: str, value: object) -> None:
    full, proxy = (described(graded, FRAMES, "main", is_proxy).fingerprint for is_proxy in (False, True))
    nuke.root()[name].setValue(value)
    assert described(graded, FRAMES, "main").fingerprint == full
    assert described(graded, FRAMES, "main", is_proxy=True).fingerprint != proxy


def test_only_frames_that_are_shown_count(graded: nuke.Node) -> None:
    pattern = str(graded.input(0)["file"].value())
    before, shifted = described(graded, FRAMES, "main"), nuke.nodes.TimeOffset(inputs=[graded], time_offset=2)
    os.utime(Path(pattern % 1005), ns=(1, 1))
    assert described(graded, FRAMES, "main").fingerprint == before.fingerprint
    assert [file.name for file in before.files] == [f"plate.{n}.exr" for n in FRAMES]
    assert len(described(shifted, FRAMES, "main").files) == len(FILES)


def test_nodes_in_groups_and_behind_expressions_are_seen(graded: nuke.Node, tmp_path: Path) -> None:
    other = nuke.nodes.Blur(name="Driver", size=2)
    graded["multiply"].setExpression("Driver.size")
    group = nuke.nodes.Group(inputs=[])
    with group:
        inside = nuke.nodes.Input(name="in")
        soft = nuke.nodes.Blur(inputs=[inside], size=1)
        nuke.nodes.Output(inputs=[soft])
    group.setInput(0, graded)
    told = [described(group, FRAMES, "main").fingerprint]
    for change in (lambda: soft["size"].setValue(4), lambda: other["size"].setValue(9)):
        change()
        told.append(described(group, FRAMES, "main").fingerprint)
    assert len(set(told)) == 3
    assert {"Look", "Driver"} <= {node.name() for node in chain.nodes_above(soft)}, "out of the group and on"


def test_knobs_are_read_off_the_main_thread(graded: nuke.Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Roto's curves are megabytes."""
    graded.addKnob(nuke.String_Knob("curves"))
    graded["curves"].setValue("{px 0 {x1 0} {y1 3}} " * 1000)
    read_in: set[int] = set()
    split_list = tcl.split_list

    def split(text: str) -> list[str]:
        read_in.add(threading.get_ident())
        return split_list(text)

    monkeypatch.setattr(tcl, "split_list", split)
    (aside,) = in_thread(lambda: described(graded, FRAMES, "main"))
    assert read_in
    assert threading.get_ident() not in read_in
    assert aside == described(graded, FRAMES, "main"), "without a thread too"
