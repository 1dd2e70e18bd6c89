"""Finishing a take anew and having it checked: what is asked of the engine, and what the panels say."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import comps
import pytest
from own_process import own_process
from paper import Paper

FRAMES = range(1, 4)


def start(tmp_path: Path):
    """A saved comp with plate files 1001-1003 at frames 1-3, a take of them that the node shows, its green channel
    ready to be a hold-out."""
    tmp_path.mkdir(exist_ok=True)
    scene, addon = comps.start_blender(), comps.load_addon()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    tree = addon.compositor_trees.ensure_tree(scene)
    comps.write_plates(tmp_path / "plate", range(1001, 1004))
    plate = comps.add_plate(tree, tmp_path / "plate" / "plate.1001.exr", 3, 1)
    split = tree.nodes.new("CompositorNodeSeparateColor")
    tree.links.new(plate.outputs["Image"], split.inputs["Image"])
    node = comps.add_node(addon, tree, plate.outputs["Image"])
    settings = node.node_tree.vera_edit
    settings.prompt, settings.seed = "a red ball", 5
    scene.frame_start, scene.frame_end = FRAMES[0], FRAMES[-1]
    make_take(addon, scene, node, "v001")
    return scene, addon, tree, split, node


def make_take(addon, scene, node, version: str) -> None:
    """What a press on Generate would leave, shown by the node."""
    settings = node.node_tree.vera_edit
    (run,) = addon.take_request.make_runs(node, scene)
    folder = addon.shown_takes.node_folder(settings, settings.node_id)
    comps.write_take(folder, version, FRAMES, **comps.record_of(run.params["request"]))
    settings.take = version


def finish_of(addon, node) -> dict[str, Any]:
    """What a press on Finish again asks of the engine."""
    take = addon.shown_takes.shown_take(node.node_tree.vera_edit)
    run = addon.finish_request.make_finish(node, take)
    assert run.method == "create_take"
    return run.params["request"]


@own_process
def test_a_finish_says_the_finish_and_the_hold_out_and_leaves_all_else_to_the_take(tmp_path: Path) -> None:
    scene, addon, tree, split, node = start(tmp_path / "here")
    settings = node.node_tree.vera_edit
    settings.prompt, settings.exposure, settings.seed = "a blue ball", 2.0, 9  # for the next Generate
    settings.finish_black, settings.finish_detail, settings.write_residual = 0.2, "plate", True
    words = {"black": 0.2, "white": 0.94, "detail": "plate", "refine": 1.0, "despill": 0.0, "highlights": 1.0}
    expected = {
        "node_id": settings.node_id,
        "base_directory": str(tmp_path / "here" / "vera_takes" / settings.node_id / "v001"),
        "frames": [{"first_frame": 1, "last_frame": 3}],
        "take_root": str(tmp_path / "here" / "vera_takes"),
        "finish_only": True,
        "finish": words,
        "write_residual": True,
        "reuse": True,
        "without_holdout": False,
    }
    assert finish_of(addon, node) == expected
    tree.links.new(split.outputs["Green"], node.inputs["Hold-out"])
    asked = finish_of(addon, node)
    assert asked.pop("holdout")["source"]["path"].endswith("holdout.####.exr")
    assert asked == {name: value for name, value in expected.items() if name != "without_holdout"}
    make_take(addon, scene, node, "v002")
    tree.links.remove(node.inputs["Hold-out"].links[0])
    assert finish_of(addon, node)["without_holdout"] is True  # it has one, and none is plugged in any more

    settings.take = "v001"
    bpy.ops.wm.save_mainfile()
    shutil.move(tmp_path / "here" / "plate", tmp_path / "plate")
    with pytest.raises(addon.client_package.Refused, match="not on disk any more"):
        finish_of(addon, node)
    plate = node.inputs["Image"].links[0].from_node
    plate.image.filepath = str(tmp_path / "plate" / "plate.1001.exr")
    assert finish_of(addon, node)["plate"]["path"] == str(tmp_path / "plate" / "plate.####.exr")
    settings.take = "NONE"
    with pytest.raises(RuntimeError, match="shows no take"):
        bpy.ops.vera_edit.finish_again(node_id=settings.node_id)
    with pytest.raises(RuntimeError, match="No take is shown"):
        bpy.ops.vera_edit.check_take(node_id=settings.node_id)
    assert addon.client_package.session.known() is None


@own_process
def test_the_panels_show_what_is_seen_how_it_is_finished_and_what_a_check_has_found(tmp_path: Path) -> None:
    _, addon, _, _, node = start(tmp_path)
    settings, texts = node.node_tree.vera_edit, []

    def drawn() -> set[str]:
        texts.clear()
        for panel in addon.picture_panels.CLASSES:
            panel.draw(SimpleNamespace(layout=Paper(texts)), SimpleNamespace(active_node=node))
        return set(texts)

    first = drawn()
    assert {"color_space", "exposure", "region_from", "finish_detail", "finish_again", "check_take"} <= first
    assert not {"region_x", "region_margin"} & first
    settings.region_from = "mask"
    assert "region_margin" in drawn()
    settings.region_from = "box"
    assert {"region_x", "region_height", "region_margin"} <= drawn()

    session = addon.client_package.session.current()
    directory = str(addon.shown_takes.shown_take(settings).directory)
    session._errands[1] = (settings.node_id, "check_take", {"directory": directory})
    assert "v001 is being checked" in drawn()
    reply = {"verdict": "exact: 0 of 9 frames changed", "exact": True}
    session.apply({"reply": 1, "method": "check_take", "result": reply})
    assert {"check_take", "exact: 0 of 9 frames changed"} <= drawn()
    assert settings.verdict == "exact: 0 of 9 frames changed"
    session.apply({"reply": 2, "method": "color_spaces", "result": {"config": "a studio's", "names": ["one", "two"]}})
    assert addon.color_spaces.suggest(settings, bpy.context, "") == ["one", "two"]
    settings.take = "NONE"
    assert not {"check_take", "finish_again"} & drawn()
    assert settings.verdict == ""
