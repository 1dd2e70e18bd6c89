"""Comps that a real engine edits, with a tiny model of random weights; see the fixture `engine`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import comps
import numpy as np

FRAMES = range(1, 6)
SIZE = (64, 96)
MODEL = "VERA_EDIT_TEST_MODEL"


def start(tmp_path: Path, state_dir: Path | None = None):
    """A saved comp: plate files 1001-1005 and mask files 1-5 at scene frames 1-5, and a node that both feed."""
    scene, addon = comps.start_blender(), comps.load_addon()
    addon.client_package.session.current(model=os.environ[MODEL], threads=1, idle_seconds=120, state_dir=state_dir)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    tree = addon.compositor_trees.ensure_tree(scene)
    rows, columns = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    for frame in FRAMES:
        rng = np.random.default_rng(frame)
        plate = rng.uniform(0, 1.2, (*SIZE, 3))
        plate[0], plate[1], plate[2] = -0.125, 60000.0, 6e-8
        comps.write_exr(tmp_path / "plate" / f"plate.{1000 + frame}.exr", comps.as_half(plate), ("R", "G", "B"))
        mask = (np.hypot(rows - 40, columns - 50) < 15).astype(np.float32)[..., None]
        comps.write_exr(tmp_path / "plate" / f"mask.{frame:04d}.exr", np.repeat(mask, 3, -1), ("R", "G", "B"))
    plate = comps.add_plate(tree, tmp_path / "plate" / "plate.1001.exr", len(FRAMES), 1)
    mask = comps.add_plate(tree, tmp_path / "plate" / "mask.0001.exr", len(FRAMES), 1)
    node = comps.add_node(addon, tree, plate.outputs["Image"])
    tree.links.new(mask.outputs["Image"], node.inputs["Mask"])
    scene.frame_start, scene.frame_end = FRAMES[0], FRAMES[-1]
    node.node_tree.vera_edit.prompt = "add a red ball"
    return scene, addon, tree, node


def take_of(tmp_path: Path, node, version: str) -> dict[int, np.ndarray]:
    folder = tmp_path / "vera_takes" / node.node_tree.vera_edit.node_id / version
    return {frame: comps.read_exr(folder / f"layers.{frame:04d}.exr") for frame in FRAMES}


def drain_until(addon, is_reached: Callable[[], bool], seconds: float = 240) -> None:
    """Drains as the timer of a window does, until something is reached."""
    deadline = time.monotonic() + seconds
    while not is_reached():
        assert time.monotonic() < deadline, [
            run.text for runs in addon.client_package.session.known().runs.values() for run in runs
        ]
        addon.drain.drain()
        time.sleep(0.02)
