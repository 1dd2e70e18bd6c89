"""Is the take shown still what the node asks for? Told without an engine."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from pathlib import Path
from typing import Any

import bpy
import comps
from own_process import own_process

FRAMES = range(1, 5)


def start(tmp_path: Path):
    """A saved comp: plate files 1001-1005 at scene frames 1-5, its green channel as mask, a node that both feed."""
    scene, addon = comps.start_blender(), comps.load_addon()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    tree = addon.compositor_trees.ensure_tree(scene)
    comps.write_plates(tmp_path / "plate", range(1001, 1006))
    plate = comps.add_plate(tree, tmp_path / "plate" / "plate.1001.exr", 5, 1)
    node = comps.add_node(addon, tree, plate.outputs["Image"])
    split = tree.nodes.new("CompositorNodeSeparateColor")
    tree.links.new(plate.outputs["Image"], split.inputs["Image"])
    tree.links.new(split.outputs["Green"], node.inputs["Mask"])
    node.node_tree.vera_edit.prompt = "a red ball"
    scene.frame_start, scene.frame_end = FRAMES[0], FRAMES[-1]
    return scene, addon, tree, plate, split, node


def make_take(scene, addon, node, version: str = "v001") -> dict[str, Any]:
    """What a press on Generate would leave, shown by the node; its request."""
    settings = node.node_tree.vera_edit
    (run,) = addon.take_request.make_runs(node, scene)
    request = run.params["request"]
    folder = addon.shown_takes.node_folder(settings, settings.node_id)
    comps.write_take(folder, version, FRAMES, **comps.record_of(request))
    settings.take = version
    assert settings.stale == ""
    return request


def rewrite(file: Path) -> None:
    """Another content of the same size."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@own_process
def test_each_setting_that_changes_makes_the_take_stale_until_it_is_put_back(tmp_path: Path) -> None:
    scene, addon, _, _, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    settings.use_model_settings, settings.steps, settings.guidance, settings.seed = False, 8, 3.1, 5
    settings.region_from, settings.region_margin, settings.exposure, settings.finish_black = "box", 1, 0.1, 0.07
    settings.region_x, settings.region_y, settings.region_width, settings.region_height = 3, 2, 6, 5
    make_take(scene, addon, node)
    for name, value, said in (
        ("prompt", "a blue ball", "The prompt was: a red ball"),
        ("edit_type", "background", "The kind of edit was another; The mask was another; The finish was another"),
        ("seed", 6, "The seed was 5"),
        ("preset", "final", "The preset was standard"),
        ("steps", 9, "The number of steps was another"),
        ("guidance", 3.0, "The guidance was another"),
        ("use_model_settings", True, "The number of steps was another; The guidance was another"),
        ("mask_invert", True, "The mask was another"),
        ("mask_meaning", "keep", "The mask was another"),
        ("exposure", 0.5, "The exposure was another"),
        ("region_from", "all", "The region was another"),
        ("region_x", 4, "The region was another"),
        ("region_margin", 0, "The region was another"),
        ("finish_despill", 0.5, "The finish was another"),
        ("finish_detail", "smooth", "The finish was another"),
    ):
        before = getattr(settings, name)
        setattr(settings, name, value)
        assert settings.stale == said
        setattr(settings, name, before)
        assert settings.stale == "", name
    settings.use_new_seed = True
    assert settings.stale == ""
    settings.use_new_seed, settings.seed, settings.variants = False, 4, 2  # one of the variants asked for
    assert settings.stale == ""
    settings.seed, settings.prompt = 5, "  a red ball "
    assert settings.stale == ""
    scene.frame_end = 5
    assert settings.stale == "It lacks frames 5, which are asked for"
    scene.frame_end = 2
    assert settings.stale == ""
    settings.use_scene_range, settings.first_frame, settings.last_frame = False, 3, 1
    assert settings.stale == "The frame range is reversed."
    settings.take = "NONE"
    assert settings.stale == ""


@own_process
def test_a_hold_out_that_a_take_has_is_compared_and_one_that_it_has_not_is_shown_live(tmp_path: Path) -> None:
    scene, addon, tree, _, split, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    make_take(scene, addon, node)
    tree.links.new(split.outputs["Blue"], node.inputs["Hold-out"])
    assert settings.stale == ""
    make_take(scene, addon, node, "v002")
    tree.links.new(split.outputs["Red"], node.inputs["Hold-out"])
    assert settings.stale == "The hold-out was another"
    tree.links.new(split.outputs["Blue"], node.inputs["Hold-out"])
    assert settings.stale == ""
    settings.holdout_in_take = False
    assert settings.stale == "The hold-out was another"
    settings.take = "v001"
    assert settings.stale == ""


@own_process
def test_a_plate_of_files_is_the_same_by_its_content_wherever_it_lies(tmp_path: Path) -> None:
    scene, addon, tree, plate, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    tree.links.remove(node.inputs["Mask"].links[0])
    make_take(scene, addon, node)
    file = tmp_path / "plate" / "plate.1003.exr"
    os.utime(file)  # copied without its time
    assert settings.stale == ""
    status, kept = file.stat(), file.read_bytes()
    rewrite(file)
    assert settings.stale == "The plate was another in frames 3"
    file.write_bytes(kept[:-1])
    assert settings.stale == "The plate was another in frames 3"
    file.unlink()
    assert settings.stale == "The plate was another in frames 3"
    file.write_bytes(kept)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert settings.stale == ""
    shutil.copytree(tmp_path / "plate", tmp_path / "moved")
    plate.image.filepath = str(tmp_path / "moved" / "plate.1001.exr")
    assert settings.stale == ""
    plate.image.colorspace_settings.name = "ACEScg"
    assert settings.stale == "The plate's color space was lin_rec709"
    plate.image.colorspace_settings.name = "Linear Rec.709"
    plate.frame_offset += 1
    scene.frame_end = 3  # its last files are beyond the node's duration now, which the plate before was not
    assert settings.stale
    plate.frame_offset -= 1
    node.inputs["Image"].links[0].is_muted = True
    assert settings.stale == "No plate is plugged in."


@own_process
def test_a_chain_is_another_when_its_pixels_would_be(tmp_path: Path) -> None:
    scene, addon, tree, plate, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    blur, curves = tree.nodes.new("CompositorNodeBlur"), tree.nodes.new("CompositorNodeCurveRGB")
    group = tree.nodes.new("CompositorNodeGroup")
    group.node_tree = inner = bpy.data.node_groups.new("inner", "CompositorNodeTree")
    for direction in ("INPUT", "OUTPUT"):
        inner.interface.new_socket("Image", in_out=direction, socket_type="NodeSocketColor")
    begin, flip, end = (inner.nodes.new(kind) for kind in ("NodeGroupInput", "CompositorNodeFlip", "NodeGroupOutput"))
    inner.links.new(begin.outputs[0], flip.inputs["Image"])
    inner.links.new(flip.outputs["Image"], end.inputs[0])
    chain = (plate, blur, curves, group, node)
    for above, below in itertools.pairwise(chain):
        target = next(socket for socket in below.inputs if socket.name == "Image")
        tree.links.new(above.outputs["Image"], target)
    make_take(scene, addon, node)

    blur.location, blur.label, blur.name, blur.select = (500, 5), "soft", "another name", True
    scene.frame_set(3)
    tree.nodes.new("CompositorNodeBlur").name = "not plugged in"
    assert settings.stale == ""

    changed = "What feeds the plate was another"
    size = next(socket for socket in blur.inputs if socket.name == "Size")
    point = curves.mapping.curves[3].points[1]
    for thing, name, value in (
        (size, "default_value", (3.0, 3.0) if size.type == "VECTOR" else 3.0),
        (point, "location", (1.0, 0.5)),
        (flip.inputs["Flip X"], "default_value", True),
        (blur, "mute", True),
        (plate.image.colorspace_settings, "name", "ACEScg"),
        (plate, "frame_offset", 1001),
        (scene.render, "resolution_x", 64),
    ):
        before = getattr(thing, name)
        before = tuple(before) if hasattr(before, "__len__") and not isinstance(before, str) else before
        setattr(thing, name, value)
        assert settings.stale.startswith(changed), name
        setattr(thing, name, before)
        assert settings.stale == "", name
    rewrite(tmp_path / "plate" / "plate.1005.exr")  # not one of the take's
    assert settings.stale == ""
    rewrite(tmp_path / "plate" / "plate.1002.exr")
    assert settings.stale.startswith(changed)
    assert "The mask was another" in settings.stale  # it is read from the same files


@own_process
def test_what_is_animated_is_compared_by_its_curves_and_not_by_the_frame_blender_stands_at(tmp_path: Path) -> None:
    scene, addon, tree, plate, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    blur = tree.nodes.new("CompositorNodeBlur")
    size = next(socket for socket in blur.inputs if socket.name == "Size")
    for frame, value in ((1, 0.0), (4, 8.0)):
        size.default_value = (value, value) if size.type == "VECTOR" else value
        size.keyframe_insert("default_value", frame=frame)
    tree.links.new(plate.outputs["Image"], next(socket for socket in blur.inputs if socket.name == "Image"))
    tree.links.new(blur.outputs["Image"], node.inputs["Image"])
    scene.frame_set(1)
    make_take(scene, addon, node)
    scene.frame_set(3)
    assert settings.stale == ""
    curve = next(addon.animation.curves_of(tree))
    curve.keyframe_points[1].co.y = 4.0
    assert settings.stale == "What feeds the plate was another"


@own_process
def test_a_render_of_a_3d_scene_is_not_looked_into_and_that_is_said(tmp_path: Path) -> None:
    scene, addon, tree, _, _, node = start(tmp_path)
    make_take(scene, addon, node)
    layers = tree.nodes.new("CompositorNodeRLayers")
    tree.links.new(layers.outputs["Alpha"], node.inputs["Mask"])
    take = addon.shown_takes.shown_take(node.node_tree.vera_edit)
    verdict = addon.marks.look(node, take)
    assert verdict.reasons == ("The mask was another",)
    assert verdict.unseen == ("Render Layers",)
    tree.links.remove(node.inputs["Mask"].links[0])
    assert node.node_tree.vera_edit.stale == "The mask was another"


@own_process
def test_a_repaired_take_is_fresh_by_what_any_of_its_goes_was_made_from(tmp_path: Path) -> None:
    scene, addon, _, _, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    request = make_take(scene, addon, node)
    repair = {**request, "prompt": "a blue ball", "mask": None, "settings": {"seed": 9}, "without_mask": True}
    repair["frames"] = [{"first_frame": 2, "last_frame": 3}]
    folder = addon.shown_takes.node_folder(settings, settings.node_id)
    seen = {str(frame): comps.file_seen(request["plate"], frame) for frame in FRAMES}
    comps.write_take(folder, "v002", FRAMES, **{**comps.record_of(repair, base="v001"), "plate": seen})
    settings.take = "v002"
    assert settings.stale == ""
    settings.prompt, settings.seed = "a blue ball", 9
    assert settings.stale == ""
    settings.prompt = "a green ball"
    assert settings.stale == "The prompt was: a blue ball"
    rewrite(tmp_path / "plate" / "plate.1004.exr")
    assert settings.stale == "The plate was another in frames 4; The prompt was: a blue ball; The mask was another"
    shutil.rmtree(folder / "v001")  # the repair knows its plate, and no more what the node asked for at first
    verdict = addon.marks.look(node, addon.shown_takes.shown_take(settings))
    assert verdict.reasons == ("The plate was another in frames 4",)
    assert "asked for at first" in verdict.unseen[0]


@own_process
def test_a_take_that_does_not_say_how_it_was_made_is_not_called_stale(tmp_path: Path) -> None:
    scene, addon, _, _, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    make_take(scene, addon, node)
    record = addon.shown_takes.shown_take(settings).directory / "take.json"
    for text in ("{}", "[]", "not json", '{"request": null}'):
        record.write_text(text)
        take = addon.shown_takes.shown_take(settings)
        verdict = addon.marks.look(node, take)
        assert not verdict.is_stale
        assert "take.json does not say" in verdict.unseen[0]
    record.unlink()
    assert settings.stale == ""


@own_process
def test_panels_are_told_of_a_look_in_a_thread_and_it_is_not_repeated_at_every_redraw(tmp_path: Path) -> None:
    scene, addon, _, _, _, node = start(tmp_path)
    make_take(scene, addon, node)
    settings = node.node_tree.vera_edit
    settings.prompt = "a blue ball"
    take = addon.shown_takes.shown_take(settings)
    assert addon.marks.last_look(node, take) is None
    deadline = time.monotonic() + 60
    while (verdict := addon.marks.last_look(node, take)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert verdict.reasons == ("The prompt was: a red ball",)
    settings.prompt = "a red ball"
    assert addon.marks.last_look(node, take) is verdict
