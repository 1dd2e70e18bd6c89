"""Rendered training clips: what the matte of a shadow catcher holds, and the manifest beside them."""

from __future__ import annotations

import json
import subprocess
import sys

import bpy
import numpy as np
from own_process import REPOSITORY

SCRIPT = REPOSITORY / "engine" / "vera_engine" / "training" / "render_cycles.py"
WIDTH, HEIGHT = 96, 64


def picture(file) -> np.ndarray:
    image = bpy.data.images.load(str(file))
    image.colorspace_settings.name = "Non-Color"
    pixels = np.array(image.pixels[:], np.float32).reshape(image.size[1], image.size[0], image.channels)[::-1]
    bpy.data.images.remove(image)
    return pixels


def test_a_render_has_its_object_and_its_shadow_in_alpha_and_its_comp_is_the_over(tmp_path):
    plate = tmp_path / "gray.png"
    image = bpy.data.images.new("gray", 20, 20)
    image.generated_color = (0.5, 0.5, 0.5, 1.0)
    image.filepath_raw, image.file_format = str(plate), "PNG"
    image.save()
    command = [sys.executable, str(SCRIPT), "--plate", str(plate), "--out", str(tmp_path / "out"), "--seed", "1"]
    command += ["--frames", "1", "--width", str(WIDTH), "--height", str(HEIGHT), "--samples", "8"]
    for _ in range(2):  # the second time everything is there already
        subprocess.run(command, check=True, timeout=300, stdout=subprocess.DEVNULL)

    (line,) = (tmp_path / "out" / "comps.jsonl").read_text(encoding="utf-8").splitlines()
    entry = json.loads(line)
    assert entry["instruction"] == "add a blue ball standing still in the middle"
    assert (entry["color_space"], entry["premultiplied"], entry["merged_in"]) == ("lin_rec709", True, "linear")
    edit, comp, gray, mask = (
        picture(tmp_path / "out" / entry[layer].replace("####", "0001")) for layer in ("edit", "comp", "plate", "mask")
    )
    alpha = edit[..., 3:]
    assert alpha.shape == (HEIGHT, WIDTH, 1)
    np.testing.assert_allclose(gray[..., :3], ((0.5 + 0.055) / 1.055) ** 2.4, atol=0.01)
    np.testing.assert_allclose(comp[..., :3], edit[..., :3] + (1 - alpha) * gray[..., :3], atol=1e-3)
    solid = (alpha > 0.99)[..., 0]
    red, green, blue = (edit[..., channel][solid].mean() for channel in range(3))
    assert blue > 2 * green > 2 * red > 0
    rows, columns = np.nonzero(solid)
    assert abs(columns.mean() - WIDTH / 2) < 0.15 * WIDTH
    # The mask holds the ball and little else; what is soft, dark and at its foot is the shadow.
    assert mask[..., 0][solid].min() > 0.5
    assert (mask[..., 0] > 0.5).sum() < 2.5 * solid.sum()
    soft = (alpha[..., 0] > 0.03) & (alpha[..., 0] < 0.6) & (edit[..., :3].max(-1) < 0.02)
    assert soft.sum() > 20
    assert np.nonzero(soft)[0].mean() > rows.mean()
    assert alpha[: HEIGHT // 4].mean() < 0.01
