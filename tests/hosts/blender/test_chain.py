"""How a chain of nodes is told: every node of Blender's, and every setting that may change a pixel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import comps
from own_process import own_process

FRAMES = range(1, 4)


def new_nodes(tree: bpy.types.NodeTree) -> list[bpy.types.Node]:
    """One of each kind that this Blender's compositor has."""
    nodes = []
    for name in dir(bpy.types):
        if name.startswith(("CompositorNode", "ShaderNode", "TextureNode")):
            try:
                nodes.append(tree.nodes.new(name))
            except RuntimeError:  # a base class, or a node of other trees
                continue
    return nodes


def another(owner: Any, prop: bpy.types.Property) -> Any:
    """A value that a setting may have and has not; None where none is known."""
    value = getattr(owner, prop.identifier)
    if prop.type == "BOOLEAN" and not prop.is_array:
        return not value
    if prop.type in ("INT", "FLOAT") and not prop.is_array:
        return next((each for each in (value + 1, value - 1) if prop.hard_min <= each <= prop.hard_max), None)
    if prop.type == "ENUM" and not prop.is_enum_flag:
        return next((item.identifier for item in prop.enum_items if item.identifier != value), None)
    return None


@own_process
def test_every_node_can_be_told_and_every_setting_of_it_counts(tmp_path: Path) -> None:
    scene, addon = comps.start_blender(), comps.load_addon()
    tree = addon.compositor_trees.ensure_tree(scene)
    nodes = [node for node in new_nodes(tree) if node.outputs]
    assert len(nodes) > 60
    tried = 0
    for node in nodes:
        before = addon.chain.describe(node.outputs[0], FRAMES)
        assert addon.chain.describe(node.outputs[0], FRAMES) == before, node.bl_idname
        for prop in node.bl_rna.properties:
            name = prop.identifier
            if name in addon.chain.NO_VALUES or prop.is_readonly or "(Deprecated" in prop.description:
                continue
            value = another(node, prop)
            if value is None:
                continue
            was = getattr(node, name)
            try:
                setattr(node, name, value)
            except (TypeError, AttributeError):  # words that depend on a file, or values that are not free
                continue
            if getattr(node, name) != was:
                tried += 1
                assert addon.chain.describe(node.outputs[0], FRAMES) != before, (node.bl_idname, name)
                setattr(node, name, was)
    assert tried > 40


@own_process
def test_every_value_in_place_of_a_link_counts(tmp_path: Path) -> None:
    scene, addon = comps.start_blender(), comps.load_addon()
    tree = addon.compositor_trees.ensure_tree(scene)
    tried = 0
    for node in [node for node in new_nodes(tree) if node.outputs]:
        before = addon.chain.describe(node.outputs[0], FRAMES)
        for socket in node.inputs:
            prop = socket.bl_rna.properties.get("default_value")
            value = another(socket, prop) if prop is not None and not prop.is_readonly else None
            if value is None:
                continue
            was = socket.default_value
            socket.default_value = value
            if socket.default_value != was:
                tried += 1
                assert addon.chain.describe(node.outputs[0], FRAMES) != before, (node.bl_idname, socket.name)
                socket.default_value = was
    assert tried > 60


@own_process
def test_images_are_told_by_their_files_and_what_is_not_on_disk_is_said(tmp_path: Path) -> None:
    scene, addon = comps.start_blender(), comps.load_addon()
    tree = addon.compositor_trees.ensure_tree(scene)
    comps.write_plates(tmp_path, range(1, 6))
    node = comps.add_plate(tree, tmp_path / "plate.0001.exr", 5, 1)

    def told():
        return addon.chain.describe(node.outputs[0], FRAMES)

    assert [file.name for file in told().files] == [f"plate.{number:04d}.exr" for number in FRAMES]
    node.image.source = "FILE"
    assert told().files == (tmp_path / "plate.0001.exr",)
    assert told().unseen == ()
    node.image.pack()
    packed = told()
    assert packed.files == ()
    node.image = bpy.data.images.new("painted", 8, 8)
    assert told().unseen == ()
    node.image.pixels[0] = 0.5
    assert told().unseen == ("painted",)
    comps.render(scene, {"shown": node.outputs[0]}, FRAMES[:1], tmp_path / "out")
    node.image = bpy.data.images["Render Result"]
    assert told().unseen == ("Render Result",)
    node.image = None
    assert told().unseen == ()
    assert told() != packed
    clip = tree.nodes.new("CompositorNodeMovieClip")
    clip.clip = bpy.data.movieclips.load(str(tmp_path / "plate.0001.exr"))
    assert addon.chain.describe(clip.outputs[0], FRAMES).unseen == ("Movie Clip",)
    blur = tree.nodes.new("CompositorNodeBlur")
    blur.inputs[1].driver_add("default_value")
    assert "drivers" in addon.chain.describe(blur.outputs[0], FRAMES).unseen[0]
