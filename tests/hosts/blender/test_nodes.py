"""The node in an artist's hands: added, copied, pasted, deleted, saved and opened again."""

from __future__ import annotations

import shutil
from pathlib import Path

import bpy
import comps
import numpy as np
from own_process import own_process

FRAMES = range(1, 3)


def start(tmp_path: Path):
    """A saved file with the add-on and an empty compositor tree."""
    scene, addon = comps.start_blender(), comps.load_addon()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return scene, addon, addon.compositor_trees.ensure_tree(scene)


def inner_trees() -> list[bpy.types.NodeTree]:
    return [tree for tree in bpy.data.node_groups if tree.vera_edit.node_id]


@own_process
def test_a_new_node_has_its_sockets_and_is_in_the_add_menu(tmp_path: Path) -> None:
    _, addon, tree = start(tmp_path)
    node = comps.add_node(addon, tree)
    asked = [("Image", "RGBA"), ("Mask", "VALUE"), ("Hold-out", "VALUE"), ("Grow", "INT"), ("Feather", "VALUE")]
    assert [(s.name, s.type) for s in node.inputs] == asked
    kinds = [("Edit", "RGBA"), ("Alpha", "VALUE"), ("Straight", "RGBA"), ("Composite", "RGBA"), ("Residual", "RGBA")]
    assert [(s.name, s.type) for s in node.outputs] == kinds
    assert addon.nodes.draw_add_menu in bpy.types.NODE_MT_compositor_node_add_all._dyn_ui_initialize()
    settings = node.node_tree.vera_edit
    assert settings.status == "No take yet: the plate passes through"
    assert settings.take == "NONE"


@own_process
def test_two_nodes_share_nothing(tmp_path: Path) -> None:
    _, addon, tree = start(tmp_path)
    one, two = (comps.add_node(addon, tree) for _ in range(2))
    one.node_tree.vera_edit.prompt = "a red ball"
    assert two.node_tree.vera_edit.prompt == ""
    assert one.node_tree.vera_edit.node_id != two.node_tree.vera_edit.node_id
    assert addon.nodes.find_node(two.node_tree.vera_edit.node_id) == two


@own_process
def test_duplicated_and_pasted_nodes_are_independent_and_survive_saving(tmp_path: Path) -> None:
    # Blender 4.5 counts the users of a copied group wrongly, and then leaves it out of the saved file.
    _, addon, tree = start(tmp_path)
    node = comps.add_node(addon, tree)
    node.node_tree.vera_edit.prompt = "first"
    comps.write_take(tmp_path / "vera_takes" / node.node_tree.vera_edit.node_id, "v001", FRAMES)
    node.node_tree.vera_edit.take = "v001"
    with comps.node_editor(tree):
        node.select, tree.nodes.active = True, node
        bpy.ops.node.duplicate()
        bpy.ops.node.clipboard_copy()
        bpy.ops.node.clipboard_paste()
        bpy.ops.node.clipboard_paste()
    addon.nodes.mend_pasted_nodes()  # with a window a timer does it, after the operator
    copies = addon.nodes.vera_nodes()
    assert len(copies) == 4
    assert len({n.node_tree.name for n in copies}) == 4
    assert len({n.node_tree.vera_edit.node_id for n in copies}) == 4
    for k, each in enumerate(copies):
        each.node_tree.vera_edit.prompt = f"prompt {k}"
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    opened = addon.nodes.vera_nodes()
    assert sorted(n.node_tree.vera_edit.prompt for n in opened) == [f"prompt {k}" for k in range(4)]
    assert [len(n.outputs) for n in opened] == [5] * 4


@own_process
def test_a_copy_shows_the_originals_take_and_may_choose_another(tmp_path: Path) -> None:
    scene, addon, tree = start(tmp_path)
    node = comps.add_node(addon, tree)
    folder = tmp_path / "vera_takes" / node.node_tree.vera_edit.node_id
    first = comps.write_take(folder, "v001", FRAMES, seed=1)
    second = comps.write_take(folder, "v002", FRAMES, seed=2)
    node.node_tree.vera_edit.take = "v001"
    with comps.node_editor(tree):
        node.select = True
        bpy.ops.node.duplicate()
    copy = next(n for n in addon.nodes.vera_nodes() if n != node)
    assert copy.node_tree.vera_edit.take == "original_v001"
    copy.node_tree.vera_edit.take = "original_v002"
    outputs = {"one": node.outputs["Edit"], "two": copy.outputs["Edit"]}
    shown = comps.render(scene, outputs, FRAMES, tmp_path / "out")
    np.testing.assert_array_equal(shown["one"][1], first[1][..., :4])
    np.testing.assert_array_equal(shown["two"][1], second[1][..., :4])


@own_process
def test_a_copied_scene_has_nodes_of_its_own(tmp_path: Path) -> None:
    scene, addon, tree = start(tmp_path)
    node = comps.add_node(addon, tree)
    copied = scene.copy()
    if not addon.compositor_trees.HAS_EMBEDDED_TREES:
        copied.compositing_node_group = tree.copy()
    twin = addon.compositor_trees.tree_of(copied).nodes[node.name]
    assert twin.node_tree != node.node_tree
    assert twin.node_tree.vera_edit.node_id != node.node_tree.vera_edit.node_id


@own_process
def test_trees_of_deleted_nodes_and_comps_are_gone_when_the_file_is_opened_again(tmp_path: Path) -> None:
    scene, addon, tree = start(tmp_path)
    gone, kept = (comps.add_node(addon, tree) for _ in range(2))
    kept_id = kept.node_tree.vera_edit.node_id
    with comps.node_editor(tree):
        gone.select, kept.select = True, False
        bpy.ops.node.delete()
    other = scene.copy()
    if not addon.compositor_trees.HAS_EMBEDDED_TREES:
        other.compositing_node_group = tree.copy()
        bpy.data.node_groups.remove(other.compositing_node_group)
    bpy.data.scenes.remove(other)
    assert len(inner_trees()) == 3
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert [inner.vera_edit.node_id for inner in inner_trees()] == [kept_id]


@own_process
def test_a_node_pasted_after_its_original_was_deleted_is_whole(tmp_path: Path) -> None:
    _, addon, tree = start(tmp_path)
    node = comps.add_node(addon, tree)
    node.node_tree.vera_edit.prompt = "a red ball"
    with comps.node_editor(tree):
        node.select = True
        bpy.ops.node.clipboard_copy()
        bpy.ops.node.delete()
        bpy.ops.node.clipboard_paste()
    addon.nodes.mend_pasted_nodes()
    (pasted,) = addon.nodes.vera_nodes()
    assert len(pasted.outputs) == 5
    assert pasted.node_tree.vera_edit.prompt == "a red ball"


@own_process
def test_saved_opened_and_moved_the_node_shows_its_take(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    _, addon, tree = start(tmp_path / "here")
    node = comps.add_node(addon, tree)
    settings = node.node_tree.vera_edit
    settings.prompt, settings.edit_type, settings.seed = "a blue box", "background", 7
    takes = comps.write_take(tmp_path / "here" / "vera_takes" / settings.node_id, "v004", FRAMES)
    settings.take = "v004"
    assert settings.take_path == f"//vera_takes/{settings.node_id}/v004"
    bpy.ops.wm.save_mainfile()
    shutil.move(tmp_path / "here", tmp_path / "there")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "there" / "shot.blend"))
    (node,) = addon.nodes.vera_nodes()
    settings = node.node_tree.vera_edit
    assert (settings.prompt, settings.edit_type, settings.seed) == ("a blue box", "background", 7)
    assert (settings.take, settings.status) == ("v004", "v004, frames 1-2")
    shown = comps.render(bpy.context.scene, {"Edit": node.outputs["Edit"]}, FRAMES, tmp_path / "out")
    np.testing.assert_array_equal(shown["Edit"][2], takes[2][..., :4])


@own_process
def test_a_file_of_an_older_version_gets_the_sockets_it_lacks(tmp_path: Path) -> None:
    _, addon, tree = start(tmp_path)
    node = comps.add_node(addon, tree)
    settings = node.node_tree.vera_edit
    takes = comps.write_take(tmp_path / "vera_takes" / settings.node_id, "v001", FRAMES)
    settings.take = "v001"
    interface = node.node_tree.interface
    for item in [each for each in interface.items_tree if each.name in ("Hold-out", "Grow", "Feather", "Residual")]:
        interface.remove(item)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    (node,) = addon.nodes.vera_nodes()
    assert [s.name for s in node.inputs] == ["Image", "Mask", "Hold-out", "Grow", "Feather"]
    assert node.outputs[-1].name == "Residual"
    node.inputs["Grow"].default_value = 100
    outputs = {name: node.outputs[name] for name in ("Edit", "Straight")}
    shown = comps.render(bpy.context.scene, outputs, FRAMES, tmp_path / "out")
    np.testing.assert_array_equal(shown["Edit"][2][..., :3], takes[2][..., 4:])  # the matte is grown all over


@own_process
def test_nodes_that_come_with_another_file_get_ids_of_their_own(tmp_path: Path) -> None:
    scene, addon, tree = start(tmp_path)
    node = comps.add_node(addon, tree)
    node_id = node.node_tree.vera_edit.node_id
    scene.name = "shot"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other.blend"), copy=True)
    scene.name = "here"
    bpy.ops.wm.append(directory=str(tmp_path / "other.blend" / "Scene") + "/", filename="shot")
    ids = [each.node_tree.vera_edit.node_id for each in addon.nodes.vera_nodes()]
    assert len(set(ids)) == 2
    assert node_id in ids
    assert node.node_tree.vera_edit.node_id == node_id or node.node_tree.vera_edit.inherited_node_id == node_id
