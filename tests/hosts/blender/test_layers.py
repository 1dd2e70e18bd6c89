"""What the node's outputs give, to the bit."""

from __future__ import annotations

import shutil
from pathlib import Path

import comps
import numpy as np
import pytest
from own_process import own_process

FRAMES = range(1001, 1004)


def comp_with_take(tmp_path: Path, frames: range = FRAMES):
    """A saved comp: plate files 1001-1005 at scene frames 1001-1005, a node, a take of `frames` that it shows."""
    import bpy

    scene, addon = comps.start_blender(), comps.load_addon()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    tree = addon.compositor_trees.ensure_tree(scene)
    plates = comps.write_plates(tmp_path / "plate", range(1001, 1006))
    plate = comps.add_plate(tree, tmp_path / "plate" / "plate.1001.exr", 5, 1001)
    node = comps.add_node(addon, tree, plate.outputs["Image"])
    settings = node.node_tree.vera_edit
    takes = comps.write_take(tmp_path / "vera_takes" / settings.node_id, "v001", frames)
    settings.take = "v001"
    return scene, addon, tree, node, plates, takes


@own_process
def test_edit_alpha_and_straight_equal_the_file_bit_for_bit(tmp_path: Path) -> None:
    scene, _, _, node, _, takes = comp_with_take(tmp_path)
    shown = comps.render(scene, {n: node.outputs[n] for n in ("Edit", "Alpha", "Straight")}, FRAMES, tmp_path / "out")
    for frame in FRAMES:
        np.testing.assert_array_equal(shown["Edit"][frame], takes[frame][..., :4])
        np.testing.assert_array_equal(shown["Alpha"][frame][..., 0], takes[frame][..., 3])
        np.testing.assert_array_equal(shown["Straight"][frame][..., :3], takes[frame][..., 4:])


@own_process
def test_composite_is_the_plate_to_the_bit_where_the_matte_is_0_and_the_over_elsewhere(tmp_path: Path) -> None:
    scene, _, _, node, plates, takes = comp_with_take(tmp_path)
    shown = comps.render(scene, {"Composite": node.outputs["Composite"]}, FRAMES, tmp_path / "out")
    for frame in FRAMES:
        comp, take, plate = shown["Composite"][frame][..., :3], takes[frame], plates[frame]
        untouched = np.all(take[..., :4] == 0, axis=-1)
        assert untouched.sum() == comps.HEIGHT // 2 * comps.WIDTH
        assert plate[untouched].min() < 0
        assert plate[untouched].max() == np.float32(np.float16(60000))
        np.testing.assert_array_equal(comp[untouched], plate[untouched])
        over = take[..., :3] + (np.float32(1) - take[..., 3:4]) * plate
        np.testing.assert_array_equal(comp, over)


@own_process
def test_without_a_take_the_plate_passes_to_the_bit(tmp_path: Path) -> None:
    scene, _, _, node, plates, _ = comp_with_take(tmp_path)
    node.node_tree.vera_edit.take = "NONE"
    shown = comps.render(scene, {n: node.outputs[n] for n in ("Composite", "Edit")}, FRAMES, tmp_path / "out")
    for frame in FRAMES:
        np.testing.assert_array_equal(shown["Composite"][frame][..., :3], plates[frame])
    assert shown["Edit"] == {}


@own_process
def test_outside_the_takes_frames_the_edit_is_empty_and_the_comp_is_the_plate(tmp_path: Path) -> None:
    scene, _, _, node, plates, takes = comp_with_take(tmp_path, range(1002, 1004))
    frames = range(1001, 1006)
    shown = comps.render(scene, {n: node.outputs[n] for n in ("Composite", "Edit")}, frames, tmp_path / "out")
    assert sorted(shown["Edit"]) == [1002, 1003]
    np.testing.assert_array_equal(shown["Edit"][1002], takes[1002][..., :4])
    for frame in (1001, 1004, 1005):
        np.testing.assert_array_equal(shown["Composite"][frame][..., :3], plates[frame])


@pytest.mark.parametrize("grade", ["color_correction", "curves"])
def test_grading_the_edit_changes_no_pixel_outside_the_matte(tmp_path: Path, grade: str) -> None:
    {"color_correction": color_correction_on_the_edit, "curves": curves_on_the_edit}[grade](tmp_path)


@own_process
def color_correction_on_the_edit(tmp_path: Path) -> None:
    grade_edit(tmp_path, "CompositorNodeColorCorrection")


@own_process
def curves_on_the_edit(tmp_path: Path) -> None:
    grade_edit(tmp_path, "CompositorNodeCurveRGB")


def grade_edit(tmp_path: Path, kind: str) -> None:
    scene, addon, tree, node, plates, takes = comp_with_take(tmp_path)
    grade, over = tree.nodes.new(kind), tree.nodes.new("CompositorNodeAlphaOver")
    if kind == "CompositorNodeColorCorrection":
        grade.inputs["Master Gain"].default_value = 1.7
        grade.inputs["Master Saturation"].default_value = 0.5
    else:
        point = grade.mapping.curves[3].points[1]
        point.location = (1.0, 0.5)
        grade.mapping.update()
    background, foreground = addon.compositor_trees.over_inputs(over)
    image = next(socket for socket in grade.inputs if socket.name == "Image")
    tree.links.new(node.outputs["Edit"], image)
    tree.links.new(node.inputs["Image"].links[0].from_socket, background)
    tree.links.new(grade.outputs["Image"], foreground)
    shown = comps.render(scene, {"comp": over.outputs["Image"]}, FRAMES, tmp_path / "out")
    for frame in FRAMES:
        comp, take = shown["comp"][frame][..., :3], takes[frame]
        untouched = np.all(take[..., :4] == 0, axis=-1)
        np.testing.assert_array_equal(comp[untouched], plates[frame][untouched])
        solid = take[..., 3] == 1
        assert np.mean(np.abs(comp[solid] - take[solid][:, :3]) > 0.05) > 0.9  # the grade does something


@own_process
def test_switching_takes_repoints_and_an_overwritten_take_is_read_again(tmp_path: Path) -> None:
    scene, _, _, node, _, first = comp_with_take(tmp_path)
    settings = node.node_tree.vera_edit
    folder = tmp_path / "vera_takes" / settings.node_id
    second = comps.write_take(folder, "v002", FRAMES, seed=2)
    (folder / "v003.partial").mkdir()

    def shown() -> np.ndarray:
        return comps.render(scene, {"Edit": node.outputs["Edit"]}, FRAMES[:1], tmp_path / "out")["Edit"][1001]

    assert [item[0] for item in _takes(settings)] == ["NONE", "v001", "v002"]
    np.testing.assert_array_equal(shown(), first[1001][..., :4])
    settings.take = "v002"
    np.testing.assert_array_equal(shown(), second[1001][..., :4])
    settings.take = "v001"
    np.testing.assert_array_equal(shown(), first[1001][..., :4])
    overwritten = comps.write_take(folder, "v001", FRAMES, seed=3)
    settings.take = "v001"
    np.testing.assert_array_equal(shown(), overwritten[1001][..., :4])


def _takes(settings) -> list[tuple]:
    from blender.shown_takes import list_take_items

    return list_take_items(settings, None)


@own_process
def test_a_take_that_has_gone_is_said_and_a_gap_is_found(tmp_path: Path) -> None:
    _, addon, _, node, _, _ = comp_with_take(tmp_path)
    settings = node.node_tree.vera_edit
    folder = tmp_path / "vera_takes" / settings.node_id
    (folder / "v001" / "layers.1002.exr").unlink()
    assert addon.shown_takes.shown_take(settings).missing_frames == [1002]
    assert settings.status == "v001, frames 1001-1003; lacks 1002"
    shutil.rmtree(folder)
    assert settings.take == "MISSING"
    assert settings.status == "The take is not on disk"


@own_process
def test_a_residual_is_shown_where_the_take_has_one(tmp_path: Path) -> None:
    scene, _, _, node, _, _ = comp_with_take(tmp_path)
    settings = node.node_tree.vera_edit
    folder = tmp_path / "vera_takes" / settings.node_id
    comps.write_take(folder, "v002", range(1001, 1004))
    residuals = {frame: comps.awkward_plate(frame) - 0.5 for frame in (1002, 1003)}  # made again: 1001 has none
    for frame, residual in residuals.items():
        comps.write_exr(folder / "v002" / f"residual.{frame}.exr", residual, ("R", "G", "B"), kind="float")
    settings.take = "v002"
    shown = comps.render(scene, {"Residual": node.outputs["Residual"]}, range(1001, 1005), tmp_path / "out")["Residual"]
    for frame, residual in residuals.items():
        np.testing.assert_array_equal(shown[frame][..., :3], residual)
    for frame in set(shown) - set(residuals):
        assert not shown[frame][..., :3].any()
    settings.take = "v001"
    assert not node.node_tree.nodes["Group Output"].inputs["Residual"].is_linked


@own_process
def test_layers_in_the_plates_own_space_have_the_right_values_beside_it(tmp_path: Path) -> None:
    # A published matrix, ACEScg to linear Rec.709 with Bradford's adaptation: Blender's own differs by a rounding.
    matrix = np.array([[1.70505, -0.62179, -0.08326], [-0.13026, 1.14080, -0.01055], [-0.02400, -0.12897, 1.15297]])
    scene, addon, _, node, plates, _ = comp_with_take(tmp_path)
    settings = node.node_tree.vera_edit
    plate = node.inputs["Image"].links[0].from_socket
    plate.node.image.colorspace_settings.name = "ACEScg"
    record = {"color": {"plate": "ACEScg", "layers": "ACEScg"}, "request": {"plate": {"color_space": "acescg"}}}
    takes = comps.write_take(tmp_path / "vera_takes" / settings.node_id, "v002", FRAMES, **record)
    settings.take = "v002"
    outputs = {"plate": plate, "Composite": node.outputs["Composite"], "Alpha": node.outputs["Alpha"]}
    shown = comps.render(scene, outputs, FRAMES, tmp_path / "out")
    for frame in FRAMES:
        take, comp = takes[frame], shown["Composite"][frame][..., :3]
        np.testing.assert_array_equal(shown["Alpha"][frame][..., 0], take[..., 3])
        outside = np.all(take[..., :4] == 0, axis=-1)
        np.testing.assert_array_equal(comp[outside], shown["plate"][frame][..., :3][outside])
        over = take[..., :3] + (1.0 - take[..., 3:4].astype(np.float64)) * plates[frame]
        assert np.all(np.abs(comp - over @ matrix.T) <= 3e-4 * np.abs(over).sum(axis=-1, keepdims=True) + 1e-6)

    # A camera's linear space that Blender does not know: the layers are read as what the plate is said to be.
    plate.node.image.colorspace_settings.name = "Linear Rec.2020"
    record["color"] = dict.fromkeys(("plate", "layers"), "Linear Some Camera")
    record["request"]["plate"]["color_space"] = "Linear Some Camera"
    comps.write_take(tmp_path / "vera_takes" / settings.node_id, "v003", FRAMES, **record)
    settings.take = "v003"
    (image,) = (each.image for each in node.node_tree.nodes if each.bl_idname == "CompositorNodeImage")
    assert image.colorspace_settings.name == "Linear Rec.709"
    settings.color_space = "Linear Some Camera"
    (image,) = (each.image for each in node.node_tree.nodes if each.bl_idname == "CompositorNodeImage")
    assert image.colorspace_settings.name == "Linear Rec.2020"
    told = addon.take_panels.lines_of(addon.shown_takes.shown_take(settings), None)
    assert "Linear Some Camera" in told[-1][0]


@own_process
def test_files_of_another_layout_are_refused_and_the_plate_passes(tmp_path: Path) -> None:
    _, addon, _, node, _, _ = comp_with_take(tmp_path)
    settings = node.node_tree.vera_edit
    folder = tmp_path / "vera_takes" / settings.node_id / "v002"
    comps.write_exr(folder / "layers.1001.exr", comps.awkward_plate(1), ("R", "G", "B"))
    take = addon.client_package.take_folders.read_take_folder(folder)
    with pytest.raises(addon.client_package.Refused, match="do not hold the layers"):
        addon.shown_takes.show_take(settings, take)
    assert {n.bl_idname for n in node.node_tree.nodes} == {"NodeGroupInput", "NodeGroupOutput"}
