"""What the node shows, evaluated by the fake on its own pixels; its over is held against OpenImageIO's."""

from __future__ import annotations

import nuke
import numpy as np
import OpenImageIO as oiio
import pytest
from nuke import pixels
from shots import SIZE, add_read, save_script, write_exr, write_plate
from takes import LAYERS, as_half, layers, write_take

from vera_nuke import knobs, node, tree

FRAMES = range(1001, 1004)
RGBA = ("red", "green", "blue", "alpha")


def shown(group: nuke.Node, frame: int = 1002, layer: str = "rgba", channels: tuple[str, ...] = RGBA) -> np.ndarray:
    """(H, W, C) float32."""
    picture = pixels.evaluate(group, frame, "main")
    return np.stack([picture.planes[f"{layer}.{channel}"] for channel in channels], -1)


def over(edit: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """OpenImageIO's own, of RGBA."""
    buffers = []
    for each in (edit, plate):
        spec = oiio.ImageSpec(each.shape[1], each.shape[0], 4, "float")
        spec.channelnames, spec.alpha_channel = ("R", "G", "B", "A"), 3
        buffer = oiio.ImageBuf(spec)
        buffer.set_pixels(buffer.roi, np.ascontiguousarray(each))
        buffers.append(buffer)
    done = oiio.ImageBufAlgo.over(*buffers)
    assert not done.has_error, done.geterror()
    return done.get_pixels(oiio.FLOAT)


@pytest.fixture
def plate(tmp_path) -> nuke.Node:
    return add_read(write_plate(tmp_path / "plates", FRAMES), FRAMES)


@pytest.fixture
def group(tmp_path, plate) -> nuke.Group:
    """A node over the plate, in a saved script, showing a take."""
    save_script(tmp_path)
    plate.setSelected(True)
    made = node.create()
    node.show_take(made, write_take(node.take_root(made) / "n"))
    return made


def set_output(group: nuke.Node, word: str) -> None:
    group["output"].setValue(knobs.text("output", word))


def plate_pixels(plate: nuke.Node, frame: int = 1002) -> np.ndarray:
    """RGBA; the plate has no alpha."""
    picture = pixels.evaluate(plate, frame, "main")
    return np.stack([picture.plane(f"rgba.{channel}") for channel in RGBA], -1)


def test_the_comp_is_openimageios_over_and_leaves_the_plate_alone_outside_the_matte(group, plate):
    edit, comp = layers(1002)[..., :4], shown(group)
    np.testing.assert_allclose(comp, over(edit, plate_pixels(plate)), rtol=3e-7, atol=1e-7)
    outside = edit[..., 3] == 0
    assert outside.any()
    assert not outside.all()
    np.testing.assert_array_equal(comp[outside].view(np.uint32), plate_pixels(plate)[outside].view(np.uint32))


def test_output_chooses_what_rgba_shows_and_the_layers_are_always_there(group, plate):
    made, comp = layers(1002), shown(group)
    expected = {
        "comp": comp,
        "edit": made[..., :4],
        "matte": np.repeat(made[..., 3:4], 4, -1),
        "straight": made[..., [4, 5, 6, 3]],
        "plate": plate_pixels(plate),
    }
    assert list(expected) == [word for word, _ in knobs.BY_NAME["output"].choices]
    for word, pixels_expected in expected.items():
        set_output(group, word)
        np.testing.assert_array_equal(shown(group), pixels_expected, err_msg=word)
        np.testing.assert_array_equal(shown(group, layer="vera_edit"), made[..., :4])
        np.testing.assert_array_equal(shown(group, layer="vera_alpha", channels=("alpha",)), made[..., 3:4])
        np.testing.assert_array_equal(shown(group, layer="vera_straight", channels=RGBA[:3]), made[..., 4:])
        np.testing.assert_array_equal(shown(group, layer="vera_comp"), comp)


@pytest.mark.parametrize("frame", [1000, 1004])
def test_outside_the_takes_frames_the_plate_passes_and_no_file_is_looked_for(group, plate, frame):
    plate["before"].setValue("hold")
    np.testing.assert_array_equal(shown(group, frame), plate_pixels(plate, frame))
    assert not shown(group, frame, "vera_edit").any()


def test_without_a_take_the_plate_passes_other_layers_too(tmp_path):
    depth = np.random.default_rng(1).normal(size=(*SIZE, 4))
    depth[0, :, 0] = -0.0  # over would make it 0
    write_exr(tmp_path / "deep.1001.exr", depth, ("R", "G", "B", "depth.Z"))
    add_read(tmp_path / "deep.%04d.exr", range(1001, 1002)).setSelected(True)
    made = node.create()
    picture = pixels.evaluate(made, 1001, "main")
    np.testing.assert_array_equal(picture.planes["depth.Z"], as_half(depth[..., 3]))
    red = picture.planes["rgba.red"]
    np.testing.assert_array_equal(red.view(np.uint32), as_half(depth[..., 0]).view(np.uint32))


def test_a_missing_file_within_the_take_is_an_error_not_black(group):
    (node.shown_directory(group) / "layers.1002.exr").unlink()
    with pytest.raises(RuntimeError, match="No such file"):
        shown(group)


def test_switching_takes_and_back(group, plate):
    folder = node.shown_directory(group).parent
    first, second = shown(group, 1003), write_take(folder, "v002", range(1003, 1005))
    node.show_take(group, second)
    np.testing.assert_array_equal(shown(group, 1002), plate_pixels(plate))
    np.testing.assert_array_equal(shown(group, 1003), first)
    node.show_take(group, None)
    np.testing.assert_array_equal(shown(group, 1003), plate_pixels(plate, 1003))


def test_neutral_live_matte_leads_the_takes_own_edit_on(group):
    neutral = shown(group, layer="vera_edit")
    group["grow"].setValue(1)
    assert not np.array_equal(shown(group, layer="vera_edit"), neutral)
    group["grow"].setValue(0)
    np.testing.assert_array_equal(shown(group, layer="vera_edit"), neutral)


@pytest.mark.parametrize(("pixels_grown", "change"), [(3, "maximum"), (-2, "minimum")])
def test_growing_redraws_the_matte_under_the_straight_color(group, pixels_grown, change):
    """By a square, as it is told in the guide to Nuke; the edit is then straight times the matte."""
    group["grow"].setValue(pixels_grown)
    alpha = layers(1002)[..., 3]
    reach = abs(pixels_grown)
    padded = np.pad(alpha, reach, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1, 2 * reach + 1))
    grown = getattr(windows, "max" if change == "maximum" else "min")((-1, -2))
    edit = shown(group, layer="vera_edit")
    np.testing.assert_allclose(edit[..., 3], grown, atol=2e-5)
    np.testing.assert_allclose(edit[..., :3], layers(1002)[..., 4:] * edit[..., 3:], rtol=1e-6)
    assert not edit[grown == 0].any()


def test_feather_is_soft_stays_exact_far_from_the_edge_and_may_be_animated(group):
    group["feather"].setValueAt(0, 1001)
    group["feather"].setValueAt(4, 1003)
    still, soft = shown(group, 1001, "vera_edit"), shown(group, 1003, "vera_edit")
    np.testing.assert_array_equal(still, layers(1001)[..., :4])
    alpha = layers(1003)[..., 3]
    assert not np.array_equal(soft[..., 3], alpha)
    assert (soft[:8, :, 3] == 0).all()
    assert soft[34, 40, 3] == 1


def held(tmp_path, group: nuke.Node) -> np.ndarray:
    """Plugs in a hold-out with soft columns; its alpha."""
    alpha = np.clip(np.linspace(-1, 2.5, SIZE[1], dtype=np.float32), -0.5, 1.5) * np.ones((SIZE[0], 1), np.float32)
    alpha = as_half(alpha)
    for frame in FRAMES:
        write_exr(tmp_path / "holds" / f"h.{frame}.exr", np.dstack([alpha * 0] * 3 + [alpha]), ("R", "G", "B", "A"))
    group.setInput(2, add_read(tmp_path / "holds" / "h.%04d.exr", FRAMES))
    return np.clip(alpha, 0, 1)


def test_the_hold_out_keeps_the_edit_out_and_can_be_turned(group, tmp_path):
    hold, edit = held(tmp_path, group), layers(1002)[..., :4]
    np.testing.assert_allclose(shown(group, layer="vera_edit"), edit * (1 - hold[..., None]), rtol=1e-6)
    assert not shown(group, layer="vera_edit")[hold == 1].any()
    group["holdout_invert"].setValue(True)
    np.testing.assert_allclose(shown(group, layer="vera_edit"), edit * hold[..., None], rtol=1e-6)
    group.setInput(2, None)  # with nothing plugged in there is nothing to turn
    np.testing.assert_array_equal(shown(group, layer="vera_edit"), edit)


def test_a_take_made_with_the_hold_out_is_not_held_out_twice(group, tmp_path):
    hold = held(tmp_path, group)
    node.show_take(group, write_take(node.shown_directory(group).parent, "v002", holdout=True))
    np.testing.assert_array_equal(shown(group, layer="vera_edit"), layers(1002)[..., :4])
    group["grow"].setValue(5)
    grown, own = shown(group, layer="vera_edit")[..., 3], layers(1002)[..., 3]
    assert (grown[hold == 1] <= own[hold == 1] + 1e-6).all()
    assert (grown[hold == 0] > own[hold == 0]).any()


def test_a_second_take_is_shown_to_the_left_of_the_wipe(group):
    other = write_take(node.shown_directory(group).parent, "v002", FRAMES)
    write_exr(other.layers_file(1002), layers(1002)[..., [0, 1, 2, 3, 4, 5, 6]] * 0, LAYERS)
    node.compare_take(group, other)
    group["wipe"].setValue(0.25)
    border = SIZE[1] // 4
    edit = shown(group, layer="vera_edit")
    assert not edit[:, :border].any()
    np.testing.assert_array_equal(edit[:, border:], layers(1002)[:, border:, :4])
    node.compare_take(group, None)
    np.testing.assert_array_equal(shown(group, layer="vera_edit"), layers(1002)[..., :4])


def test_a_take_of_proxy_size_is_brought_to_the_plate(group, plate):
    folder = node.shown_directory(group).parent
    small = write_take(folder, "v002", FRAMES)
    for frame in FRAMES:
        write_exr(small.layers_file(frame), layers(frame)[::2, ::2], LAYERS)
    node.show_take(group, small)
    picture = pixels.evaluate(group, 1002, "main")
    assert picture.format == (SIZE[1], SIZE[0], 1.0)
    assert np.abs(picture.planes["vera_alpha.alpha"] - layers(1002)[..., 3]).mean() < 0.02


def test_overscan_of_the_plate_passes(tmp_path):
    pattern = tmp_path / "over.1001.exr"
    values = np.random.default_rng(5).normal(size=(20, 30, 3)).astype(np.float16).astype(np.float32)
    spec = oiio.ImageSpec(30, 20, 3, "half")
    spec.x, spec.y, spec.full_width, spec.full_height = -4, -3, 22, 14
    spec.attribute("PixelAspectRatio", 2.0)
    output = oiio.ImageOutput.create(str(pattern))
    output.open(str(pattern), spec)
    output.write_image(values)
    output.close()
    add_read(tmp_path / "over.%04d.exr", range(1001, 1002)).setSelected(True)
    picture = pixels.evaluate(node.create(), 1001, "main")
    assert (picture.format, picture.box) == ((22, 14, 2.0), (-4, -3, 26, 17))
    np.testing.assert_array_equal(picture.planes["rgba.green"], values[..., 1])


def test_the_tree_is_made_of_the_few_classes_that_every_nuke_has(group):
    classes = {each.Class() for each in group.nodes()}
    assert sorted(classes) == [
        *("Blur", "Clamp", "Copy", "Crop", "FilterErode", "Grade", "Input", "Invert", "Keymix", "Merge2", "Output"),
        *("Premult", "Read", "Reformat", "Remove", "Shuffle2", "Switch"),
    ]
    assert [each.name() for each in group.input_nodes()] == list(tree.INPUT_NAMES)
