"""What is plugged in: files by their path where they are shown unchanged, else rendered without a trace."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import bpy
import comps
import numpy as np
import pytest
from own_process import own_process

FRAMES = range(1, 5)


def start(tmp_path: Path):
    """A saved comp with plate files 1001-1005 at scene frames 1-5, and a node that nothing is plugged into."""
    scene, addon = comps.start_blender(), comps.load_addon()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    tree = addon.compositor_trees.ensure_tree(scene)
    plates = comps.write_plates(tmp_path / "plate", range(1001, 1006))
    plate = comps.add_plate(tree, tmp_path / "plate" / "plate.1001.exr", 5, 1)
    node = comps.add_node(addon, tree)
    node.node_tree.vera_edit.prompt = "a red ball"
    scene.frame_start, scene.frame_end = FRAMES[0], FRAMES[-1]
    return scene, addon, tree, plates, plate, node


def request_of(addon, node, scene) -> dict[str, Any]:
    """What a press on Generate asks of the engine."""
    (run,) = addon.take_request.make_runs(node, scene)
    return run.params["request"]


def folder_of(source: dict[str, Any]) -> Path:
    return Path(source["path"]).parent


def sequence_of(addon, node, frames: range = FRAMES):
    return addon.plates.sequence_of(addon.plates.feeding_socket(node.inputs["Image"]), frames)


@own_process
def test_files_are_found_through_reroutes_with_their_numbers_and_color_space(tmp_path: Path) -> None:
    _, addon, tree, _, plate, node = start(tmp_path)
    first, second = (tree.nodes.new("NodeReroute") for _ in range(2))
    tree.links.new(plate.outputs["Image"], first.inputs[0])
    tree.links.new(first.outputs[0], second.inputs[0])
    tree.links.new(second.outputs[0], node.inputs["Image"])
    found = sequence_of(addon, node)
    assert found.as_source() == {
        "path": str(tmp_path / "plate" / "plate.####.exr"),
        "frame_offset": 1000,
        "color_space": "lin_rec709",
    }
    assert found.file(4) == tmp_path / "plate" / "plate.1004.exr"
    for name, word in (
        ("ACEScg", "acescg"),
        ("sRGB", "srgb"),
        ("Linear Rec.2020", "Linear Rec.2020"),
        ("Linear DCI-P3 D65", "Linear P3-D65"),
    ):
        plate.image.colorspace_settings.name = name
        assert sequence_of(addon, node).color_space == word


@own_process
def test_a_linked_images_path_is_that_of_its_own_file(tmp_path: Path) -> None:
    _, addon, _, _, plate, _ = start(tmp_path)
    image = plate.image
    image.name, image.use_fake_user, image.filepath = "linked plate", True, "//plate/plate.1001.exr"
    library = tmp_path / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    scene = comps.start_blender()
    (tmp_path / "elsewhere").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "elsewhere" / "comp.blend"))
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.images = ["linked plate"]
    tree = addon.compositor_trees.ensure_tree(scene)
    plate = tree.nodes.new("CompositorNodeImage")
    plate.image = bpy.data.images["linked plate"]
    plate.frame_start, plate.frame_duration, plate.frame_offset = 1, 5, 1000
    node = comps.add_node(addon, tree, plate.outputs["Image"])
    assert sequence_of(addon, node).pattern == str(tmp_path / "plate" / "plate.####.exr")
    assert addon.plates.files_shown(plate, range(1, 3)) == [tmp_path / "plate" / f"plate.{n}.exr" for n in (1001, 1002)]


@own_process
def test_what_is_not_the_files_themselves_is_no_fast_path(tmp_path: Path) -> None:
    _, addon, tree, _, plate, node = start(tmp_path)
    tree.links.new(plate.outputs["Image"], node.inputs["Image"])
    assert sequence_of(addon, node) is not None
    assert sequence_of(addon, node, frames=range(1, 7)) is None  # frame 6 would hold the last one
    assert sequence_of(addon, node, frames=range(3)) is None
    changes = (
        (plate, "use_cyclic", True),
        (plate, "mute", True),
        (plate.image, "source", "FILE"),
        (plate.image, "alpha_mode", "STRAIGHT"),
        (plate.image.colorspace_settings, "name", "Non-Color"),
    )
    for thing, name, value in changes:
        before = getattr(thing, name)
        setattr(thing, name, value)
        assert sequence_of(addon, node) is None, name
        setattr(thing, name, before)
        assert sequence_of(addon, node) is not None, name


@own_process
def test_scans_are_sent_as_they_are_where_their_space_is_named(tmp_path: Path) -> None:
    _, addon, tree, plates, _, node = start(tmp_path)
    for number, pixels in plates.items():
        file = tmp_path / "scan" / f"scan.{number}.dpx"
        comps.write_exr(file, np.clip(pixels, 0, 1), ("R", "G", "B"), kind="uint16")
    scan = comps.add_plate(tree, tmp_path / "scan" / "scan.1001.dpx", 5, 1)
    tree.links.new(scan.outputs["Image"], node.inputs["Image"])
    assert sequence_of(addon, node) is None
    node.node_tree.vera_edit.color_space = "ADX10"
    plate = addon.inputs.plate_in(node, FRAMES)
    assert (plate.pattern, plate.color_space) == (str(tmp_path / "scan" / "scan.####.dpx"), "ADX10")


@own_process
def test_a_muted_link_feeds_nothing(tmp_path: Path) -> None:
    scene, addon, tree, _, plate, node = start(tmp_path)
    link = tree.links.new(plate.outputs["Image"], node.inputs["Image"])
    link.is_muted = True
    with pytest.raises(addon.client_package.Refused, match="No plate is plugged in"):
        request_of(addon, node, scene)


@own_process
def test_gaps_are_named_in_scene_frames_and_files(tmp_path: Path) -> None:
    scene, addon, tree, _, plate, node = start(tmp_path)
    tree.links.new(plate.outputs["Image"], node.inputs["Image"])
    for number in (1002, 1003):
        (tmp_path / "plate" / f"plate.{number}.exr").unlink()
    with pytest.raises(addon.client_package.Refused, match=r"lacks frames 2-3 \(files 1002-1003\)"):
        request_of(addon, node, scene)


@own_process
def test_gaps_are_found_above_a_chain_and_inside_a_group_too(tmp_path: Path) -> None:
    scene, addon, tree, _, plate, node = start(tmp_path)
    flip, group = tree.nodes.new("CompositorNodeFlip"), tree.nodes.new("CompositorNodeGroup")
    tree.links.new(plate.outputs["Image"], flip.inputs["Image"])
    tree.links.new(flip.outputs["Image"], node.inputs["Image"])
    (tmp_path / "plate" / "plate.1003.exr").unlink()
    with pytest.raises(addon.client_package.Refused, match="feeds the plate lacks files 1003"):
        request_of(addon, node, scene)
    node.node_tree.vera_edit.use_scene_range = False
    for first, last, is_whole in ((1, 2, True), (4, 9, True), (2, 4, False)):  # beyond the end the last one is held
        node.node_tree.vera_edit.first_frame, node.node_tree.vera_edit.last_frame = first, last
        if is_whole:
            request_of(addon, node, scene)
        else:
            with pytest.raises(addon.client_package.Refused, match="1003"):
                request_of(addon, node, scene)
    group.node_tree = bpy.data.node_groups.new("group", "CompositorNodeTree")
    group.node_tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    inner = comps.add_plate(group.node_tree, tmp_path / "plate" / "plate.1001.exr", 5, 1)
    end = group.node_tree.nodes.new("NodeGroupOutput")
    group.node_tree.links.new(inner.outputs["Image"], end.inputs["Image"])
    tree.links.new(group.outputs["Image"], node.inputs["Image"])
    with pytest.raises(addon.client_package.Refused, match="1003"):
        request_of(addon, node, scene)
    (tmp_path / "plate" / "plate.1003.exr").write_bytes((tmp_path / "plate" / "plate.1002.exr").read_bytes())
    folder = folder_of(request_of(addon, node, scene)["plate"])
    assert sorted(file.name for file in folder.iterdir()) == [f"plate.{n:04d}.exr" for n in (2, 3, 4)]


@own_process
def test_a_chain_is_rendered_once_for_plate_and_mask_and_leaves_no_trace(tmp_path: Path) -> None:
    scene, addon, tree, plates, plate, node = start(tmp_path)
    flip = tree.nodes.new("CompositorNodeFlip")
    flip.inputs["Flip X"].default_value = True
    tree.links.new(plate.outputs["Image"], flip.inputs["Image"])
    tree.links.new(flip.outputs["Image"], node.inputs["Image"])
    split = tree.nodes.new("CompositorNodeSeparateColor")
    tree.links.new(plate.outputs["Image"], split.inputs["Image"])
    tree.links.new(split.outputs["Green"], node.inputs["Mask"])
    comps.add_node(addon, tree, plate.outputs["Image"])  # another one, downstream of the same plate
    scene.frame_set(3)
    before = comps.snapshot(scene)
    request = request_of(addon, node, scene)
    assert comps.snapshot(scene) == before
    source, mask = request["plate"], request["mask"]["source"]
    assert (source["frame_offset"], source["color_space"]) == (0, "lin_rec709")
    assert "color_space" not in mask
    for name, each in (("plate", source), ("mask", mask)):
        assert sorted(file.name for file in folder_of(each).iterdir()) == [f"{name}.{n:04d}.exr" for n in FRAMES]
    for frame in FRAMES:
        written = comps.read_exr(Path(source["path"].replace("####", f"{frame:04d}")))
        np.testing.assert_array_equal(written, plates[1000 + frame][:, ::-1])
        written = comps.read_exr(Path(mask["path"].replace("####", f"{frame:04d}")))
        np.testing.assert_array_equal(written, np.repeat(plates[1000 + frame][..., 1:2], 3, axis=-1))


@own_process
def test_a_colored_mask_is_the_value_that_blender_makes_of_it(tmp_path: Path) -> None:
    scene, addon, tree, plates, plate, node = start(tmp_path)
    for name in ("Image", "Mask", "Hold-out"):
        tree.links.new(plate.outputs["Image"], node.inputs[name])
    request = request_of(addon, node, scene)
    value = addon.arithmetic.calculate(tree, "ADD", (0, 0), plate.outputs["Image"], 0.0)
    shown = comps.render(scene, {"value": value}, FRAMES, tmp_path / "out")["value"]
    for frame in FRAMES:
        gray = comps.as_half(shown[frame][..., :1])
        assert np.abs(gray - plates[1000 + frame]).max() > 0.1
        for name in ("mask", "holdout"):
            written = comps.read_exr(folder_of(request[name]["source"]) / f"{name}.{frame:04d}.exr")
            np.testing.assert_array_equal(written, np.repeat(gray, 3, axis=-1))


@own_process
def test_what_is_upstream_may_be_a_vera_edit_node(tmp_path: Path) -> None:
    scene, addon, tree, plates, plate, node = start(tmp_path)
    above = comps.add_node(addon, tree, plate.outputs["Image"])
    takes = comps.write_take(tmp_path / "vera_takes" / above.node_tree.vera_edit.node_id, "v001", FRAMES)
    above.node_tree.vera_edit.take = "v001"
    tree.links.new(above.outputs["Composite"], node.inputs["Image"])
    before = comps.snapshot(scene)
    for _ in range(3):
        request = request_of(addon, node, scene)
    assert comps.snapshot(scene) == before
    written = comps.read_exr(Path(request["plate"]["path"].replace("####", "0002")))
    over = takes[2][..., :3] + (np.float32(1) - takes[2][..., 3:4]) * plates[1002]
    np.testing.assert_array_equal(written, comps.as_half(over))


@own_process
def test_a_render_of_the_scene_is_rendered_and_moves_with_its_frames(tmp_path: Path) -> None:
    scene, addon, tree, _, _, node = start(tmp_path)
    bpy.ops.mesh.primitive_cube_add(size=1)
    cube = bpy.context.object
    for frame, x in ((1, -2.0), (4, 2.0)):
        cube.location.x = x
        cube.keyframe_insert("location", frame=frame)
    bpy.ops.object.light_add(type="SUN", location=(0, 0, 5))
    bpy.ops.object.camera_add(location=(0, 0, 8))
    scene.camera = bpy.context.object
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 32, 100
    scene.render.film_transparent = True
    layers = tree.nodes.new("CompositorNodeRLayers")
    layers.scene = scene
    tree.links.new(layers.outputs["Image"], node.inputs["Image"])
    tree.links.new(layers.outputs["Alpha"], node.inputs["Mask"])
    before = comps.snapshot(scene)
    request = request_of(addon, node, scene)
    assert comps.snapshot(scene) == before
    centers = []
    for frame in FRAMES:
        alpha = comps.read_exr(folder_of(request["mask"]["source"]) / f"mask.{frame:04d}.exr")[..., 0]
        centers.append(float((alpha.sum(0) * np.arange(64)).sum() / alpha.sum()))
    assert centers == sorted(centers)
    assert centers[-1] - centers[0] > 15
    folders = [folder_of(request["plate"]), folder_of(request["mask"]["source"])]
    assert not [file for folder in folders for file in folder.glob("discarded*")]
    assert not list(folders[0].parent.glob("*.partial"))
    # What a 3D scene shows is not looked into, so nothing says that it would be rendered the same again.
    assert request_of(addon, node, scene)["plate"] != request["plate"]


@own_process
def test_what_is_driven_by_the_scenes_frame_moves_with_it(tmp_path: Path) -> None:
    scene, addon, tree, _, _, node = start(tmp_path)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 16, 12, 100
    bpy.ops.object.camera_add()
    camera = scene.camera = bpy.context.object
    camera.keyframe_insert("location", frame=1)
    camera.location.x = 4.0
    camera.keyframe_insert("location", frame=5)
    scene.world = bpy.data.worlds.new("driven")
    scene.world.use_nodes = True
    background = next(each for each in scene.world.node_tree.nodes if each.type == "BACKGROUND")
    background.inputs["Color"].default_value = (1, 1, 1, 1)
    group = bpy.data.node_groups.new("brighter", "CompositorNodeTree")
    for in_out in ("INPUT", "OUTPUT"):
        group.interface.new_socket("Image", in_out=in_out, socket_type="NodeSocketColor")
    brighter, outer = group.nodes.new("CompositorNodeExposure"), tree.nodes.new("CompositorNodeExposure")
    begin, end = group.nodes.new("NodeGroupInput"), group.nodes.new("NodeGroupOutput")
    group.links.new(begin.outputs["Image"], brighter.inputs["Image"])
    group.links.new(brighter.outputs["Image"], end.inputs["Image"])
    driven = (background.inputs["Strength"], brighter.inputs["Exposure"], outer.inputs["Exposure"])
    for socket in driven:
        driver = socket.driver_add("default_value").driver
        frame = driver.variables.new()
        frame.name, frame.targets[0].id_type = "now", "SCENE"
        frame.targets[0].id, frame.targets[0].data_path, driver.expression = scene, "frame_current", "now"
    layers, grouped = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeGroup")
    layers.scene, grouped.node_tree = scene, group
    tree.links.new(layers.outputs["Image"], grouped.inputs["Image"])
    tree.links.new(grouped.outputs["Image"], outer.inputs["Image"])
    tree.links.new(outer.outputs["Image"], node.inputs["Image"])
    scene.frame_set(3, subframe=0.25)
    before, handlers, x = comps.snapshot(scene), len(bpy.app.handlers.render_post), camera.location.x
    source = request_of(addon, node, scene)["plate"]
    assert comps.snapshot(scene) == before
    assert (scene.frame_subframe, len(bpy.app.handlers.render_post), camera.location.x) == (0.25, handlers, x)
    for frame in FRAMES:
        written = comps.read_exr(Path(source["path"].replace("####", f"{frame:04d}")))
        np.testing.assert_allclose(written, frame * 4**frame, rtol=1e-3)


@own_process
def test_a_single_color_is_refused(tmp_path: Path) -> None:
    scene, addon, tree, _, _, node = start(tmp_path)
    color = tree.nodes.new("CompositorNodeRGB")
    tree.links.new(color.outputs[0], node.inputs["Image"])
    with pytest.raises(addon.client_package.Refused, match="gives no image"):
        request_of(addon, node, scene)
    assert not (tmp_path / "vera_takes").exists() or not list((tmp_path / "vera_takes").rglob("*.exr"))


@own_process
def test_inside_a_group_files_go_by_path_and_a_chain_is_refused(tmp_path: Path) -> None:
    scene, addon, _, _, _, _ = start(tmp_path)
    group = bpy.data.node_groups.new("group", "CompositorNodeTree")
    plate = comps.add_plate(group, tmp_path / "plate" / "plate.1001.exr", 5, 1)
    node = comps.add_node(addon, group, plate.outputs["Image"])
    node.node_tree.vera_edit.prompt = "a red ball"
    assert request_of(addon, node, scene)["plate"]["frame_offset"] == 1000
    flip = group.nodes.new("CompositorNodeFlip")
    group.links.new(plate.outputs["Image"], flip.inputs["Image"])
    group.links.new(flip.outputs["Image"], node.inputs["Image"])
    with pytest.raises(addon.client_package.Refused, match="not possible inside a node group"):
        request_of(addon, node, scene)


@own_process
def test_a_request_says_what_the_settings_say(tmp_path: Path) -> None:
    scene, addon, tree, _, plate, node = start(tmp_path)
    tree.links.new(plate.outputs["Image"], node.inputs["Image"])
    settings = node.node_tree.vera_edit
    settings.edit_type, settings.prompt, settings.seed = "background", "  a green wall ", 5
    settings.use_scene_range, settings.first_frame, settings.last_frame = False, 2, 3
    settings.use_model_settings, settings.steps, settings.guidance, settings.handles = False, 8, 3.1, 1
    settings.preset = "draft"
    assert request_of(addon, node, scene) == {
        "node_id": settings.node_id,
        "edit_type": "background",
        "prompt": "a green wall",
        "frames": [{"first_frame": 2, "last_frame": 3}],
        "handles": 1,
        "plate": {
            "path": str(tmp_path / "plate" / "plate.####.exr"),
            "frame_offset": 1000,
            "color_space": "lin_rec709",
            "nan": "refuse",
        },
        "exposure": 0.0,
        "region": None,
        "finish": {
            "black": 0.06,
            "white": 0.94,
            "detail": "plate",
            "refine": 1.0,
            "despill": 0.0,
            "highlights": 1.0,
        },
        "write_residual": False,
        "settings": {"seed": 5, "preset": "draft", "num_inference_steps": 8, "guidance_scale": 3.1},
        "take_root": str(tmp_path / "vera_takes"),
        "reuse": True,
    }
    assert not (tmp_path / "vera_takes").exists()
    settings.use_new_seed, settings.use_model_settings = True, True
    assert request_of(addon, node, scene)["settings"] == {"preset": "draft"}
    tree.links.new(plate.outputs["Alpha"], node.inputs["Mask"])
    for edit_type, meaning, said in (
        ("background", "auto", "keep"),
        ("add", "auto", "edit"),
        ("add", "keep", "keep"),
    ):
        settings.edit_type, settings.mask_meaning = edit_type, meaning
        mask = request_of(addon, node, scene)["mask"]
        assert (mask["meaning"], mask["invert"]) == (said, False)


@own_process
def test_the_scene_range_is_that_of_the_scene_the_node_composites_for(tmp_path: Path) -> None:
    _, addon, _, _, _, _ = start(tmp_path)
    other = bpy.data.scenes.new("other")
    other.frame_start, other.frame_end = 2, 3
    tree = addon.compositor_trees.ensure_tree(other)
    plate = comps.add_plate(tree, tmp_path / "plate" / "plate.1001.exr", 5, 1)
    node = comps.add_node(addon, tree, plate.outputs["Image"])
    node.node_tree.vera_edit.prompt = "a red ball"
    sent = []

    def keep(runs):
        sent.extend(runs)
        raise addon.client_package.Refused("That is all.")

    addon.drain.start = keep
    with pytest.raises(RuntimeError, match="That is all"):
        bpy.ops.vera_edit.generate(node_id=node.node_tree.vera_edit.node_id)
    assert [run.params["request"]["frames"] for run in sent] == [[{"first_frame": 2, "last_frame": 3}]]


@own_process
def test_a_request_says_what_the_model_is_to_see_and_how_layers_are_finished(tmp_path: Path) -> None:
    scene, addon, tree, _, plate, node = start(tmp_path)
    tree.links.new(plate.outputs["Image"], node.inputs["Image"])
    tree.links.new(plate.outputs["Alpha"], node.inputs["Hold-out"])
    settings = node.node_tree.vera_edit
    settings.exposure, settings.not_finite, settings.write_residual = -1.1, "zero", True
    settings.color_space, settings.finish_detail, settings.finish_despill = " ARRI LogC4 ", "smooth", 0.3
    request = request_of(addon, node, scene)
    assert (request["plate"]["color_space"], request["plate"]["nan"]) == ("ARRI LogC4", "zero")
    assert (request["exposure"], request["write_residual"]) == (-1.1, True)
    assert (request["finish"]["detail"], request["finish"]["despill"]) == ("smooth", 0.3)
    hold_out = request["holdout"]
    assert hold_out["meaning"] == "keep"
    written = comps.read_exr(Path(hold_out["source"]["path"].replace("####", "0002")))
    np.testing.assert_array_equal(written, 1)  # the plate has no alpha
    settings.holdout_in_take = False
    assert "holdout" not in request_of(addon, node, scene)

    flip = tree.nodes.new("CompositorNodeFlip")
    tree.links.new(plate.outputs["Image"], flip.inputs["Image"])
    tree.links.new(flip.outputs["Image"], node.inputs["Image"])
    with pytest.raises(addon.client_package.Refused, match="has to be rendered") as refusal:
        request_of(addon, node, scene)
    assert (refusal.value.argument, refusal.value.value) == ("plate.color_space", "ARRI LogC4")
    settings.color_space = ""
    assert request_of(addon, node, scene)["plate"]["nan"] == "zero"


@own_process
def test_a_region_is_drawn_moves_or_lies_around_mask_or_matte(tmp_path: Path) -> None:
    scene, addon, tree, _, plate, node = start(tmp_path)
    tree.links.new(plate.outputs["Image"], node.inputs["Image"])
    settings = node.node_tree.vera_edit
    settings.region_margin, settings.region_from = 2, "mask"
    assert request_of(addon, node, scene)["region"] == {"from_mask": True, "margin": 2}
    settings.region_from = "box"
    settings.region_x, settings.region_y, settings.region_width, settings.region_height = 3, 1, 5, 4
    drawn = {"x": 3, "y": 1, "width": 5, "height": 4}
    assert request_of(addon, node, scene)["region"] == {"box": drawn, "margin": 2}
    for frame, left in ((1, 0), (3, 4)):
        settings.region_x = left
        settings.keyframe_insert("region_x", frame=frame)
    for curve in addon.animation.curves_of(node.node_tree):
        for key in curve.keyframe_points:
            key.interpolation = "LINEAR"
    keys = [{"frame": frame, "box": {**drawn, "x": left}} for frame, left in ((1, 0), (2, 2), (3, 4), (4, 4))]
    assert request_of(addon, node, scene)["region"] == {"boxes": {"keys": keys}, "margin": 2}

    settings.region_from = "take"
    with pytest.raises(addon.client_package.Refused, match="none is shown") as refusal:
        request_of(addon, node, scene)
    assert refusal.value.argument == "region"
    folder = addon.shown_takes.node_folder(settings, settings.node_id)
    comps.write_take(folder, "v001", FRAMES)
    settings.take = "v001"
    with pytest.raises(addon.client_package.Refused, match="does not say where its matte lies"):
        request_of(addon, node, scene)
    comps.write_take(folder, "v001", FRAMES)
    boxes = {"1": [1, 2, 3, 4], "2": None, "3": [5, 2, 3, 4], "4": None}
    record = json.loads((folder / "v001" / "take.json").read_text())
    record["frames"] = {frame: {"matte_box": box} for frame, box in boxes.items()}
    (folder / "v001" / "take.json").write_text(json.dumps(record))
    keys = [{"frame": frame, "box": {"x": x, "y": 2, "width": 3, "height": 4}} for frame, x in ((1, 1), (3, 5))]
    assert request_of(addon, node, scene)["region"] == {"boxes": {"keys": keys}, "margin": 2}


@own_process
def test_bad_settings_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    scene, addon, tree, _, plate, node = start(tmp_path)
    tree.links.new(plate.outputs["Image"], node.inputs["Image"])
    settings = node.node_tree.vera_edit
    settings.use_scene_range = False
    for first, last, handles, prompt, argument in (
        (5, 2, 0, "x", "frames"),
        (-3, 2, 0, "x", "frames"),
        (1, 2, 2, "x", "frames"),
        (1, 2, 0, "  ", "prompt"),
    ):
        settings.first_frame, settings.last_frame, settings.handles = first, last, handles
        settings.prompt = prompt
        with pytest.raises(addon.client_package.Refused) as refusal:
            request_of(addon, node, scene)
        assert refusal.value.argument == argument
        assert refusal.value.remedy
    assert not (tmp_path / "vera_takes").exists()


@own_process
def test_an_unsaved_file_is_asked_to_be_saved(tmp_path: Path) -> None:
    scene, addon = comps.start_blender(), comps.load_addon()
    tree = addon.compositor_trees.ensure_tree(scene)
    comps.write_plates(tmp_path, range(1, 5))
    plate = comps.add_plate(tree, tmp_path / "plate.0001.exr", 4, 1)
    node = comps.add_node(addon, tree, plate.outputs["Image"])
    node.node_tree.vera_edit.prompt = "a red ball"
    scene.frame_start, scene.frame_end = 1, 4
    with pytest.raises(addon.client_package.Refused, match="not saved"):
        request_of(addon, node, scene)
    with pytest.raises(RuntimeError, match="not saved"):
        bpy.ops.vera_edit.generate(node_id=node.node_tree.vera_edit.node_id)
    node.node_tree.vera_edit.take_root = str(tmp_path / "takes")
    assert request_of(addon, node, scene)["take_root"] == str(tmp_path / "takes")


@own_process
def test_variants_differ_in_their_seeds_alone(tmp_path: Path) -> None:
    scene, addon, tree, _, plate, node = start(tmp_path)
    tree.links.new(plate.outputs["Image"], node.inputs["Image"])
    settings = node.node_tree.vera_edit
    settings.seed, settings.variants = 5, 3
    requests = [run.params["request"] for run in addon.take_request.make_runs(node, scene, again=True)]
    assert [request["settings"].pop("seed") for request in requests] == [5, 6, 7]
    assert requests[0] == requests[1] == requests[2]
    assert requests[0]["reuse"] is False
    settings.use_new_seed = True
    runs = addon.take_request.make_runs(node, scene)
    assert [run.params["request"]["settings"] for run in runs] == [{"preset": "standard"}] * 3


@own_process
def test_a_chain_that_has_not_changed_is_not_rendered_again_and_one_that_has_is(tmp_path: Path) -> None:
    scene, addon, tree, _, plate, node = start(tmp_path)
    flip = tree.nodes.new("CompositorNodeFlip")
    tree.links.new(plate.outputs["Image"], flip.inputs["Image"])
    tree.links.new(flip.outputs["Image"], node.inputs["Image"])
    first = folder_of(request_of(addon, node, scene)["plate"])
    made = (first / "plate.0002.exr").stat().st_mtime_ns
    assert folder_of(request_of(addon, node, scene)["plate"]) == first
    assert (first / "plate.0002.exr").stat().st_mtime_ns == made
    (first / "plate.0003.exr").unlink()  # of a folder somebody tidied, all is rendered again
    assert folder_of(request_of(addon, node, scene)["plate"]) == first
    assert (first / "plate.0003.exr").exists()
    flip.inputs["Flip X"].default_value = True
    assert folder_of(request_of(addon, node, scene)["plate"]) != first
    assert first.exists()


@own_process
def test_rendered_plates_go_when_no_take_speaks_of_them(tmp_path: Path) -> None:
    scene, addon, tree, _, plate, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    flip = tree.nodes.new("CompositorNodeFlip")
    tree.links.new(plate.outputs["Image"], flip.inputs["Image"])
    tree.links.new(flip.outputs["Image"], node.inputs["Image"])
    request = request_of(addon, node, scene)
    folder = folder_of(request["plate"])
    addon.drain.prune(settings)
    assert folder.exists()  # it is young: its request may be on the way
    for each in (folder, folder.with_name("left.partial")):
        each.mkdir(exist_ok=True)
        os.utime(each, (0, 0))
    version = tmp_path / "vera_takes" / "another_node" / "v001"
    version.mkdir(parents=True)
    (version / "take.json").write_text(json.dumps({"request": request}))
    addon.drain.prune(settings)
    assert [each.name for each in folder.parent.iterdir()] == [folder.name]
    (version / "take.json").unlink()
    addon.drain.prune(settings)
    assert not folder.parent.exists()


@own_process
def test_an_animated_image_node_is_rendered(tmp_path: Path) -> None:
    _, addon, tree, _, plate, node = start(tmp_path)
    tree.links.new(plate.outputs["Image"], node.inputs["Image"])
    other = tree.nodes.new("CompositorNodeBlur")
    other.inputs["Size"].keyframe_insert("default_value", frame=1)
    assert sequence_of(addon, node) is not None
    plate.keyframe_insert("frame_offset", frame=1)
    assert sequence_of(addon, node) is None
