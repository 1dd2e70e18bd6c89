"""Re-running a range of a take: what is asked of the engine, and what is said no to before."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import bpy
import comps
import pytest
from own_process import own_process

FRAMES = range(1, 6)


def start(tmp_path: Path):
    """A saved comp: plate files 1001-1005 at frames 1-5, its green channel as mask, a take that the node shows."""
    tmp_path.mkdir(exist_ok=True)
    scene, addon = comps.start_blender(), comps.load_addon()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    tree = addon.compositor_trees.ensure_tree(scene)
    comps.write_plates(tmp_path / "plate", range(1001, 1006))
    plate = comps.add_plate(tree, tmp_path / "plate" / "plate.1001.exr", 5, 1)
    node = comps.add_node(addon, tree, plate.outputs["Image"])
    split = tree.nodes.new("CompositorNodeSeparateColor")
    tree.links.new(plate.outputs["Image"], split.inputs["Image"])
    tree.links.new(split.outputs["Green"], node.inputs["Mask"])
    settings = node.node_tree.vera_edit
    settings.prompt, settings.seed = "a red ball", 5
    scene.frame_start, scene.frame_end = FRAMES[0], FRAMES[-1]
    (run,) = addon.take_request.make_runs(node, scene)
    made = run.params["request"]
    comps.write_take(tmp_path / "vera_takes" / settings.node_id, "v001", FRAMES, **comps.record_of(made))
    settings.take = "v001"
    settings.rerun_first_frame, settings.rerun_last_frame = 2, 3
    return scene, addon, tree, node, settings, made


def reruns_of(addon, node) -> list[dict[str, Any]]:
    take = addon.shown_takes.shown_take(node.node_tree.vera_edit)
    return [run.params["request"] for run in addon.rerun_request.make_reruns(node, take)]


@own_process
def test_what_is_not_said_anew_is_left_to_the_take(tmp_path: Path) -> None:
    _, addon, _, node, settings, _ = start(tmp_path)
    settings.rerun_seed_from = "take"
    expected = {
        "node_id": settings.node_id,
        "base_directory": str(tmp_path / "vera_takes" / settings.node_id / "v001"),
        "prompt": "",
        "frames": [{"first_frame": 2, "last_frame": 3}],
        "settings": {"seed": 5},
        "take_root": str(tmp_path / "vera_takes"),
        "reuse": True,
    }
    assert reruns_of(addon, node) == [expected]
    # The node's own words, and what feeds it, are for the next Generate.
    settings.prompt, settings.edit_type = "a blue ball", "background"
    for link in [node.inputs[name].links[0] for name in ("Image", "Mask")]:
        link.is_muted = True
    assert reruns_of(addon, node) == [expected]
    settings.rerun_prompt, settings.rerun_strength = " a softer ball ", 0.4
    settings.rerun_seed_from, settings.rerun_seed, settings.variants = "this", 20, 2
    asked = reruns_of(addon, node)
    assert [each["settings"] for each in asked] == [{"seed": 20}, {"seed": 21}]
    assert [(each["prompt"], each["strength"]) for each in asked] == [("a softer ball", 0.4)] * 2
    settings.rerun_seed_from, settings.variants = "new", 64
    assert len({each["settings"]["seed"] for each in reruns_of(addon, node)}) == 64


@own_process
def test_the_mask_of_a_rerun_is_the_takes_or_what_is_plugged_in(tmp_path: Path) -> None:
    _, addon, tree, node, settings, made = start(tmp_path)
    assert "mask" not in reruns_of(addon, node)[0]
    settings.rerun_mask_from, settings.mask_invert = "node", True
    assert reruns_of(addon, node)[0]["mask"] == {**made["mask"], "invert": True}  # rendered once, over the same frames
    tree.links.new(node.inputs["Mask"].links[0].from_node.outputs["Red"], node.inputs["Mask"])
    (other,) = reruns_of(addon, node)
    assert other["mask"]["source"] != made["mask"]["source"]
    assert "without_mask" not in other
    tree.links.remove(node.inputs["Mask"].links[0])
    (none,) = reruns_of(addon, node)
    assert none["without_mask"] is True
    assert "mask" not in none


@own_process
def test_a_moved_projects_plates_are_named_where_they_are_now(tmp_path: Path) -> None:
    # take.json names absolute places; the rendered ones lie below the take root and move with it.
    scene, addon, tree, node, settings, _ = start(tmp_path / "here")
    flip = tree.nodes.new("CompositorNodeFlip")
    tree.links.new(node.inputs["Image"].links[0].from_socket, flip.inputs["Image"])
    tree.links.new(flip.outputs["Image"], node.inputs["Image"])
    (run,) = addon.take_request.make_runs(node, scene)
    folder = addon.shown_takes.node_folder(settings, settings.node_id)
    comps.write_take(folder, "v002", FRAMES, **comps.record_of(run.params["request"]))
    bpy.ops.wm.save_mainfile()
    shutil.move(tmp_path / "here", tmp_path / "there")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "there" / "shot.blend"))
    (node,) = addon.nodes.vera_nodes()
    settings = node.node_tree.vera_edit
    settings.take = "v002"
    (asked,) = reruns_of(addon, node)
    for source in (asked["plate"], asked["mask"]["source"]):
        assert Path(source["path"]).is_relative_to(tmp_path / "there" / "vera_takes" / settings.node_id / "upstream")
        assert Path(source["path"].replace("####", "0003")).exists()

    settings.take = "v001"  # of files: those that are plugged in now are the same by their content
    tree = addon.compositor_trees.tree_of(bpy.context.scene)
    image = next(each for each in tree.nodes if each.bl_idname == "CompositorNodeImage")
    image.image.filepath = str(tmp_path / "there" / "plate" / "plate.1001.exr")
    tree.links.new(image.outputs["Image"], node.inputs["Image"])
    (asked,) = reruns_of(addon, node)
    assert asked["plate"]["path"] == str(tmp_path / "there" / "plate" / "plate.####.exr")
    file = tmp_path / "there" / "plate" / "plate.1002.exr"
    file.write_bytes(file.read_bytes() + b"changed")
    with pytest.raises(addon.client_package.Refused, match="not on disk any more") as refusal:
        reruns_of(addon, node)
    assert refusal.value.argument == "plate.path"


@own_process
def test_a_mask_that_is_gone_is_said(tmp_path: Path) -> None:
    _, addon, _, node, settings, made = start(tmp_path)
    shutil.rmtree(Path(made["mask"]["source"]["path"]).parent)
    with pytest.raises(addon.client_package.Refused, match="mask that v001 was made with") as refusal:
        reruns_of(addon, node)
    assert "plugged in" in refusal.value.remedy
    settings.rerun_mask_from = "node"
    assert reruns_of(addon, node)[0]["mask"] == made["mask"]  # rendered again


@own_process
def test_ranges_that_the_take_does_not_have_are_refused(tmp_path: Path) -> None:
    _, addon, _, node, settings, _ = start(tmp_path)
    for first, last, reason in ((4, 6, "does not have all"), (0, 2, "does not have all"), (3, 2, "reversed")):
        settings.rerun_first_frame, settings.rerun_last_frame = first, last
        with pytest.raises(addon.client_package.Refused, match=reason) as refusal:
            reruns_of(addon, node)
        assert refusal.value.argument == "frames"
        with pytest.raises(RuntimeError, match=reason):
            bpy.ops.vera_edit.rerun(node_id=settings.node_id)
    settings.rerun_first_frame, settings.rerun_last_frame = 2, 3
    comps.write_take(tmp_path / "vera_takes" / settings.node_id, "v002", FRAMES)
    settings.take = "v002"
    with pytest.raises(RuntimeError, match="does not say how it was made"):
        bpy.ops.vera_edit.rerun(node_id=settings.node_id)
    settings.take = "NONE"
    with pytest.raises(RuntimeError, match="shows no take"):
        bpy.ops.vera_edit.rerun(node_id=settings.node_id)
    assert addon.client_package.session.known() is None
