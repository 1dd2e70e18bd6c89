"""Under a studio's OpenColorIO configuration, which calls the linear space otherwise than Blender's own does."""

from __future__ import annotations

import os
import re
from pathlib import Path

import bpy
import comps
import numpy as np
import pytest
from own_process import own_process

FRAMES = range(1, 4)
NAME = "VERA_EDIT_TEST_LINEAR"


@pytest.mark.parametrize("linear", ["Utility - Linear - Rec.709", "Our Working Space"])
def test_plates_and_masks_are_rendered_and_takes_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linear: str
) -> None:
    own = Path(bpy.utils.resource_path("LOCAL")) / "datafiles" / "colormanagement"
    config = tmp_path / "config.ocio"
    config.write_text(re.sub(r"Linear Rec\.709(?! ?\()", linear, (own / "config.ocio").read_text()))
    for each in own.iterdir():
        if each.is_dir():
            (tmp_path / each.name).symlink_to(each)
    monkeypatch.setenv("OCIO", str(config))  # Blender reads it when it starts
    monkeypatch.setenv(NAME, linear)
    render_and_show(tmp_path)


@own_process
def render_and_show(tmp_path: Path) -> None:
    linear = os.environ[NAME]
    scene, addon = comps.start_blender(), comps.load_addon()
    assert "Linear Rec.709" not in addon.color_spaces.known_to_blender()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    tree = addon.compositor_trees.ensure_tree(scene)
    plates = comps.write_plates(tmp_path / "plate", FRAMES)
    plate = comps.add_plate(tree, tmp_path / "plate" / "plate.0001.exr", len(FRAMES), 1)
    flip = tree.nodes.new("CompositorNodeFlip")
    flip.inputs["Flip X"].default_value = True
    tree.links.new(plate.outputs["Image"], flip.inputs["Image"])
    node = comps.add_node(addon, tree, flip.outputs["Image"])
    split = tree.nodes.new("CompositorNodeSeparateColor")
    tree.links.new(plate.outputs["Image"], split.inputs["Image"])
    tree.links.new(split.outputs["Green"], node.inputs["Mask"])
    scene.frame_start, scene.frame_end = FRAMES[0], FRAMES[-1]
    settings = node.node_tree.vera_edit
    settings.prompt = "a red ball"

    before = comps.snapshot(scene)
    (run,) = addon.take_request.make_runs(node, scene)
    assert comps.snapshot(scene) == before
    request = run.params["request"]
    assert request["plate"]["color_space"] == ("lin_rec709" if "Rec.709" in linear else linear)
    for frame in FRAMES:
        written = comps.read_exr(Path(request["plate"]["path"].replace("####", f"{frame:04d}")))
        np.testing.assert_array_equal(written, plates[frame][:, ::-1])
        written = comps.read_exr(Path(request["mask"]["source"]["path"].replace("####", f"{frame:04d}")))
        np.testing.assert_array_equal(written[..., 0], plates[frame][..., 1])

    # As the engine calls it by that configuration, by its built-in one, and what neither knows.
    for number, said in enumerate((linear, "Linear Rec.709 (sRGB)", "Linear Some Camera"), start=1):
        record = {"color": {"plate": said, "layers": said}}
        take = comps.write_take(
            tmp_path / "vera_takes" / settings.node_id, f"v{number:03d}", FRAMES, seed=number, **record
        )
        settings.take = f"v{number:03d}"
        shown = comps.render(scene, {name: node.outputs[name] for name in ("Edit", "Composite")}, FRAMES, tmp_path)
        for frame in FRAMES:
            np.testing.assert_array_equal(shown["Edit"][frame], take[frame][..., :4])
            outside = np.all(take[frame][..., :4] == 0, axis=-1)
            comp = shown["Composite"][frame][..., :3]
            np.testing.assert_array_equal(comp[outside], plates[frame][:, ::-1][outside])
