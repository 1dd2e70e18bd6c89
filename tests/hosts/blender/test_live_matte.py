"""Growing, choking, feathering and holding out a take's matte while looking at it, in stock nodes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import bpy
import comps
import numpy as np
from own_process import own_process, run_blender

FRAME = range(1, 2)
HEIGHT, WIDTH = 24, 40
OUTPUTS = ("Edit", "Alpha", "Straight", "Composite")


def start(tmp_path: Path, **record):
    """A saved comp with a node that shows a take of one frame, that plate, and the take's seven channels.

    The matte: a solid block that the picture's left border cuts off, a soft spot, a row of light without matte.
    """
    scene, addon = comps.start_blender(), comps.load_addon()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    tree = addon.compositor_trees.ensure_tree(scene)
    rng = np.random.default_rng(3)
    plate = rng.uniform(0, 1.5, (HEIGHT, WIDTH, 3))
    plate[:2], plate[2], plate[3], plate[9] = -0.25, 60000.0, 6e-8, 60000.0
    plate = comps.as_half(plate)
    take = rng.uniform(0, 3, (HEIGHT, WIDTH, 7))
    take[..., 3] = 0
    take[6:18, :14, 3] = 1
    take[12, 30, 3] = 0.25
    take[..., :3] = take[..., 4:] * take[..., 3:4]
    take[20, :, :3] = 0.5
    take = comps.as_half(take)
    comps.write_exr(tmp_path / "plate" / "plate.0001.exr", plate, ("R", "G", "B"))
    shown = comps.add_plate(tree, tmp_path / "plate" / "plate.0001.exr", 1, 1)
    node = comps.add_node(addon, tree, shown.outputs["Image"])
    node.name = "my edit"
    folder = tmp_path / "vera_takes" / node.node_tree.vera_edit.node_id / "v001"
    comps.write_take(folder.parent, "v001", FRAME, **record)
    comps.write_exr(folder / "layers.0001.exr", take, comps.LAYERS)
    node.node_tree.vera_edit.take = "v001"
    return scene, addon, tree, node, plate, take


def plug_hold_out(tree, node, tmp_path: Path, hold_out: np.ndarray) -> None:
    """Plugs (H, W) in as a gray picture."""
    file = tmp_path / "roto" / "roto.0001.exr"
    comps.write_exr(file, np.repeat(hold_out[..., None], 3, -1), ("R", "G", "B"), kind="float")
    tree.links.new(comps.add_plate(tree, file, 1, 1).outputs["Image"], node.inputs["Hold-out"])


def shown_by(scene, node, tmp_path: Path) -> dict[str, np.ndarray]:
    """The node's outputs, (H, W, 4) float32; Alpha as (H, W)."""
    shown = comps.render(scene, {name: node.outputs[name] for name in OUTPUTS}, FRAME, tmp_path / "out")
    pictures = {name: shown[name][1] for name in OUTPUTS}
    return {**pictures, "Alpha": pictures["Alpha"][..., 0]}


def assert_over(shown: dict[str, np.ndarray], plate: np.ndarray) -> None:
    """The comp is the edit over the plate in float32, and the plate to the bit where there is none."""
    edit, alpha, comp = shown["Edit"], shown["Alpha"], shown["Composite"][..., :3]
    np.testing.assert_array_equal(edit[..., 3], alpha)
    np.testing.assert_array_equal(comp, edit[..., :3] + (np.float32(1) - alpha[..., None]) * plate)
    np.testing.assert_allclose(shown["Composite"][..., 3], 1, rtol=1e-6)
    outside = np.all(edit == 0, axis=-1)
    assert outside.any()
    np.testing.assert_array_equal(comp[outside], plate[outside])


def under_a_round_brush(matte: np.ndarray, radius: int, within: Callable[..., np.ndarray]) -> np.ndarray:
    """The largest or smallest value (H, W) within a radius, the picture's border carried on."""
    padded = np.pad(matte, radius, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1, 2 * radius + 1))
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return within(windows[..., rows**2 + columns**2 <= radius**2], axis=-1)


@own_process
def test_a_hold_out_takes_the_edit_away_and_nothing_else(tmp_path: Path) -> None:
    scene, _, tree, node, plate, take = start(tmp_path)
    hold_out = np.zeros((HEIGHT, WIDTH), np.float32)
    hold_out[4:10, 3:8], hold_out[14:16, 5], hold_out[20, :9], hold_out[17, 5] = 1, 0.3, 1, 1.5
    plug_hold_out(tree, node, tmp_path, hold_out)
    shown = shown_by(scene, node, tmp_path)
    left = np.float32(1) - np.clip(hold_out, 0, 1)
    np.testing.assert_allclose(shown["Edit"], take[..., :4] * left[..., None], rtol=1e-6)
    # Light without matte is left as it is; held out it is gone, and all that is held out is the plate to the bit.
    untouched, gone = hold_out == 0, hold_out >= 1
    np.testing.assert_array_equal(shown["Edit"][untouched], take[untouched][:, :4])
    np.testing.assert_array_equal(shown["Composite"][..., :3][gone], plate[gone])
    np.testing.assert_array_equal(shown["Straight"][..., :3], take[..., 4:])
    assert_over(shown, plate)


@own_process
def test_growing_and_choking_redraw_the_matte_with_the_straight_color(tmp_path: Path) -> None:
    scene, _, _, node, plate, take = start(tmp_path)
    for pixels, strokes, within in ((2, (2,), np.max), (-2, (2,), np.min), (6, (4, 2), np.max)):
        node.inputs["Grow"].default_value = pixels
        shown = shown_by(scene, node, tmp_path)
        matte = take[..., 3]
        for stroke in strokes:
            matte = under_a_round_brush(matte, stroke, within)
        np.testing.assert_allclose(shown["Alpha"], matte, atol=1e-5)
        np.testing.assert_array_equal(shown["Alpha"][matte == 0], 0)
        np.testing.assert_array_equal(shown["Alpha"][matte == 1], 1)
        np.testing.assert_array_equal(shown["Edit"][..., :3], shown["Alpha"][..., None] * take[..., 4:])
        assert_over(shown, plate)
    node.inputs["Grow"].default_value = 0
    np.testing.assert_array_equal(shown_by(scene, node, tmp_path)["Edit"], take[..., :4])


@own_process
def test_feathering_softens_the_edge_and_leaves_inside_and_outside_whole(tmp_path: Path) -> None:
    scene, _, _, node, plate, take = start(tmp_path)
    node.inputs["Feather"].default_value = 3
    shown = shown_by(scene, node, tmp_path)
    alpha = shown["Alpha"]
    np.testing.assert_array_equal(alpha[10:14, :11], 1)  # the picture's border cuts it off: no edge there
    np.testing.assert_array_equal(alpha[10:14, 17:26], 0)
    across = alpha[12, 10:18]
    assert np.all(np.diff(across) <= 0)
    np.testing.assert_allclose(across + across[::-1], 1, atol=1e-5)  # a Gaussian: as much in as out
    assert 0 < alpha[12, 14] < 0.5 < alpha[12, 13] < 1
    np.testing.assert_array_equal(shown["Edit"][..., :3], alpha[..., None] * take[..., 4:])
    assert_over(shown, plate)


@own_process
def test_what_a_take_was_held_out_with_is_not_held_out_twice_and_stays_out_of_a_grown_matte(tmp_path: Path) -> None:
    scene, _, tree, node, plate, take = start(tmp_path, request={"holdout": {"source": {"path": "roto"}}})
    hold_out = np.zeros((HEIGHT, WIDTH), np.float32)
    hold_out[:, 14:20], hold_out[:, 13] = 1, 0.5
    plug_hold_out(tree, node, tmp_path, hold_out)
    np.testing.assert_array_equal(shown_by(scene, node, tmp_path)["Edit"], take[..., :4])
    node.inputs["Grow"].default_value = 2
    shown = shown_by(scene, node, tmp_path)
    np.testing.assert_array_equal(shown["Alpha"][:, 14:20], 0)
    np.testing.assert_array_equal(shown["Alpha"][5, :12], 1)
    np.testing.assert_allclose(shown["Alpha"][5, 13], 0.5, atol=1e-6)  # it was 0, and is half held out
    assert_over(shown, plate)


@own_process
def test_a_moving_matte_survives_saving_the_add_ons_end_and_a_farm_without_it(tmp_path: Path) -> None:
    scene, addon, tree, node, _, _ = start(tmp_path)
    path = 'nodes["my edit"].inputs[3].default_value'
    for frame, pixels in ((1, 3), (5, -3)):
        node.inputs["Grow"].default_value = pixels
        node.inputs["Grow"].keyframe_insert("default_value", frame=frame)
    driven = node.inputs["Feather"].driver_add("default_value")
    driven.driver.expression = "1.5 + 1.0"
    curves = addon.animation.curves_by_path(tree)
    assert list(curves) == [path]
    expected = shown_by(scene, node, tmp_path)

    addon.unregister()
    addon.register()
    assert addon.animation.curves_by_path(tree) == curves
    bpy.ops.vera_edit.bake(all_nodes=True)
    assert addon.animation.curves_by_path(tree) == curves
    output = addon.compositor_trees.add_exr_output(tree, tmp_path / "farm", "comp", channels="RGBA", depth="32")
    tree.links.new(tree.nodes["my edit"].outputs["Composite"], output)
    scene.frame_start = scene.frame_end = 1
    bpy.ops.wm.save_mainfile()
    script = (
        f"import bpy, os, sys; bpy.ops.wm.open_mainfile(filepath={str(tmp_path / 'shot.blend')!r}); "
        "bpy.ops.render.render(animation=True); sys.stdout.flush(); os._exit(0)"
    )
    farm = run_blender([sys.executable, "-c", script], timeout=120)
    assert farm.returncode == 0, farm.stdout
    np.testing.assert_array_equal(comps.read_exr(tmp_path / "farm" / "comp.0001.exr"), expected["Composite"])
    bpy.ops.vera_edit.restore()
    assert tree.nodes["my edit"].bl_idname == "VeraEditNode"
    assert addon.animation.curves_by_path(tree) == curves
    assert [driver.data_path for driver in tree.animation_data.drivers] == [path.replace("3", "4")]
