"""Render additions whose mattes and effects are physically true: an object on a shadow catcher, over a photograph.

Run with a Python that has bpy 4.5 or 5.2; it needs nothing else of this project's environment:
    .venv-blender/bin/python engine/vera_engine/training/render_cycles.py --plate street.png --out renders --count 20
Writes for each clip a folder of scene-linear Rec.709 EXRs with four digits of frame number,
    plate   the photograph, the same in every frame
    edit    the render, multiplied by its alpha, in which contact shadow and bounced light are
    comp    edit + (1 - alpha) * plate
    mask    a loose ellipse around the object, as an artist scribbles it
and beside them comps.jsonl, the manifest that docs/datasets.md describes. Clips of a manifest that is there are kept.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from vera_engine.training.vocabulary import (
    COLORS,
    POSITIONS,
    SHAPES,
    SIZES,
    object_instruction,
)

MOTIONS = ("still", "right", "left")
"""Of `vocabulary.MOTIONS`, those that stay on the ground."""

_DISTANCE, _CAMERA_HEIGHT = 7.0, 1.6
"""Of the camera from the objects' row, and above the ground, in meters."""
_FIELD = math.radians(40)
"""The camera's vertical field of view."""
_SAMPLES = 32

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Words:
    """What an object is to be."""

    color: str
    shape: str
    size: str
    motion: str
    position: str


def main() -> None:
    """Reads the command line and renders."""
    parser = argparse.ArgumentParser(description="Render object additions with true shadows over a photograph.")
    parser.add_argument("--plate", type=Path, required=True, help="a photograph, cropped to the size")
    parser.add_argument("--out", type=Path, required=True, help="folder of clips and manifest; made where missing")
    parser.add_argument("--count", type=int, default=1, help="clips (1)")
    parser.add_argument("--seed", type=int, default=0, help="of the first clip (0)")
    parser.add_argument("--frames", type=int, default=17, help="frames a clip (17)")
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--samples", type=int, default=_SAMPLES, help=f"of each pixel ({_SAMPLES})")
    arguments = parser.parse_args()
    if min(arguments.count, arguments.frames, arguments.width, arguments.height, arguments.samples) < 1:
        parser.error("counts and sizes are 1 or more")
    plate = photograph(arguments.plate, arguments.width, arguments.height)
    manifest = arguments.out / "comps.jsonl"
    arguments.out.mkdir(parents=True, exist_ok=True)
    known = {json.loads(line)["name"] for line in manifest.open(encoding="utf-8")} if manifest.exists() else set()
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        name = f"cycles-{arguments.plate.stem}-{seed:06}"
        if name in known:
            continue
        entry = render_clip(random.Random(seed), name, plate, arguments.out / name, arguments.frames, arguments.samples)
        with manifest.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(entry) + "\n")


def render_clip(
    rng: random.Random, name: str, plate: FloatArray, folder: Path, frame_count: int, samples: int
) -> dict[str, object]:
    """Renders a clip and returns its line of the manifest.

    Args:
        plate: (H, W, 3), scene-linear Rec.709.
        folder: Where its frames go; made where missing.
    """
    folder.mkdir(exist_ok=True)
    words = Words(
        rng.choice(list(COLORS)),
        rng.choice(list(SHAPES)),
        rng.choice(list(SIZES)),
        rng.choice(MOTIONS),
        rng.choice(list(POSITIONS)),
    )
    height, width = plate.shape[:2]
    scene = empty_scene(width, height, samples)
    # Heights in the picture to meters in the objects' row.
    scale = 2 * _DISTANCE * math.tan(_FIELD / 2)
    radius = rng.uniform(*SIZES[words.size]) * scale
    subject = shaped(words.shape, radius, rng.uniform(-0.4, 0.4))
    subject.data.materials.append(surface(words.color, rng.uniform(0.2, 0.8)))
    light(rng)
    half = scale * width / height / 2
    start = (POSITIONS[words.position] + rng.uniform(-0.12, 0.12)) * half
    way = {"still": 0.0, "right": 1.0, "left": -1.0}[words.motion] * rng.uniform(0.15, 0.35) * half
    off = [rng.uniform(-0.03, 0.03) for _ in range(2)]
    grown = 1 + rng.uniform(0.16, 0.28)
    for number in range(frame_count):
        share = number / max(1, frame_count - 1) - 0.5
        subject.location.x = start + way * share
        if words.shape == "ball":
            subject.rotation_euler.y = way * share / radius
        frame = f"{number + 1:04}.exr"
        edit = rendered(scene, folder / f"edit.{frame}")
        color, alpha = edit[..., :3], edit[..., 3:]
        write(folder / f"plate.{frame}", plate)
        write(folder / f"comp.{frame}", color + (1 - alpha) * plate)
        write(folder / f"mask.{frame}", scribble(scene, subject, width, height, off, grown))
    return {
        "name": name,
        "edit_type": "add",
        "instruction": object_instruction(
            rng, color=words.color, shape=words.shape, size=words.size, motion=words.motion, position=words.position
        ),
        **{layer: f"{name}/{layer}.####.exr" for layer in ("plate", "edit", "comp", "mask")},
        "alpha": f"{name}/edit.####.exr",
        "color_space": "lin_rec709",
        "premultiplied": True,
        "merged_in": "linear",
    }


def empty_scene(width: int, height: int, samples: int) -> bpy.types.Scene:
    """A camera over a wide ground that shows nothing but the shadows on it."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = True
    scene.cycles.seed = 1
    scene.render.film_transparent = True
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.image_settings.color_depth = "16"
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    camera.data.sensor_fit = "VERTICAL"
    camera.data.angle_y = _FIELD
    # The ground of the row lies 0.3 of the height below the middle of the picture.
    below = math.atan(0.3 * 2 * math.tan(_FIELD / 2))
    tilt = math.atan(_CAMERA_HEIGHT / _DISTANCE) - below
    camera.location = (0, -_DISTANCE, _CAMERA_HEIGHT)
    camera.rotation_euler = (math.pi / 2 - tilt, 0, 0)
    scene.camera = camera
    bpy.ops.mesh.primitive_plane_add(size=24)
    bpy.context.object.is_shadow_catcher = True
    return scene


def shaped(shape: str, radius: float, turn: float) -> bpy.types.Object:
    """An object that stands on the ground at the origin.

    Args:
        turn: About its upright axis, in radians.
    """
    if shape == "ball":
        bpy.ops.mesh.primitive_uv_sphere_add(radius=radius, segments=48, ring_count=24)
        bpy.ops.object.shade_smooth()
        lowest = radius
    elif shape == "box":
        bpy.ops.mesh.primitive_cube_add(size=1.7 * radius)
        lowest = 0.85 * radius
    elif shape == "triangle":
        bpy.ops.mesh.primitive_cone_add(vertices=4, radius1=1.2 * radius, depth=1.8 * radius)
        bpy.context.object.rotation_euler.z = math.pi / 4
        lowest = 0.9 * radius
    else:
        star(radius)
        lowest = 1.2 * radius * math.cos(math.pi / 5)
    made = bpy.context.object
    made.location.z = lowest
    if shape == "box":
        made.rotation_euler.z = turn
    return made


def star(radius: float) -> None:
    """A star with five tips that faces the camera, a third of its size thick; it becomes the active object."""
    corners = []
    for step in range(10):
        reach = 1.2 * radius * (1.0 if step % 2 == 0 else 0.5)
        corners.append((reach * math.sin(step * math.pi / 5), reach * math.cos(step * math.pi / 5)))
    depth = 0.3 * radius
    points = [(x, y, z) for y in (-depth, depth) for x, z in corners]
    front, back = list(range(10)), list(range(19, 9, -1))
    sides = [(step, step + 10, (step + 1) % 10 + 10, (step + 1) % 10) for step in range(10)]
    mesh = bpy.data.meshes.new("star")
    mesh.from_pydata(points, [], [front, back, *sides])
    mesh.validate()
    made = bpy.data.objects.new("star", mesh)
    bpy.context.scene.collection.objects.link(made)
    bpy.context.view_layer.objects.active = made


def surface(color: str, roughness: float) -> bpy.types.Material:
    """A Principled material of a named color."""
    made = bpy.data.materials.new(color)
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*linear(np.array(COLORS[color])).tolist(), 1.0)
    shader.inputs["Roughness"].default_value = roughness
    return made


def light(rng: random.Random) -> None:
    """A soft sun from the upper left and an even sky."""
    sun = bpy.data.lights.new("sun", "SUN")
    sun.energy, sun.angle = rng.uniform(2.0, 3.5), math.radians(rng.uniform(5, 30))
    lamp = bpy.data.objects.new("sun", sun)
    lamp.rotation_euler = (math.radians(rng.uniform(15, 35)), math.radians(rng.uniform(-45, -20)), 0)
    bpy.context.scene.collection.objects.link(lamp)
    world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = rng.uniform(0.5, 0.9)
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (1.0, 1.0, 1.0, 1.0)
    bpy.context.scene.world = world


def rendered(scene: bpy.types.Scene, file: Path) -> FloatArray:
    """Renders a frame to an EXR and reads it: (H, W, 4), scene-linear, multiplied by alpha, the first row on top."""
    scene.render.filepath = str(file)
    bpy.ops.render.render(write_still=True)
    return read(file)


def scribble(
    scene: bpy.types.Scene, subject: bpy.types.Object, width: int, height: int, off: list[float], grown: float
) -> FloatArray:
    """A soft ellipse (H, W, 3) around the object's projected box, 0 to 1.

    Args:
        off: By how much of its size it is off, across and down.
        grown: By how much it is too large.
    """
    bpy.context.view_layer.update()
    corners = [world_to_camera_view(scene, scene.camera, subject.matrix_world @ Vector(c)) for c in subject.bound_box]
    across, down = [corner.x * width for corner in corners], [(1 - corner.y) * height for corner in corners]
    size_x, size_y = max(across) - min(across), max(down) - min(down)
    center_x, center_y = min(across) + (0.5 + off[0]) * size_x, min(down) + (0.5 + off[1]) * size_y
    y, x = np.mgrid[:height, :width] + 0.5
    distance = np.hypot((x - center_x) / (grown * size_x / 2), (y - center_y) / (grown * size_y / 2))
    inside = np.clip((1.1 - distance) / 0.2, 0, 1).astype(np.float32)
    return np.repeat(inside[..., None], 3, axis=-1)


def photograph(file: Path, width: int, height: int) -> FloatArray:
    """A picture of 8 bits, cropped and scaled to (H, W, 3), scene-linear Rec.709."""
    image = bpy.data.images.load(str(file.resolve()))
    image.colorspace_settings.name = "Non-Color"
    scale = max(width / image.size[0], height / image.size[1])
    image.scale(max(width, round(image.size[0] * scale)), max(height, round(image.size[1] * scale)))
    pixels = _pixels(image)[..., :3]
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return linear(pixels[top : top + height, left : left + width])


def read(file: Path) -> FloatArray:
    """An EXR's (H, W, 4), the first row on top."""
    image = bpy.data.images.load(str(file))
    image.colorspace_settings.name = "Non-Color"
    pixels = _pixels(image)
    bpy.data.images.remove(image)
    return pixels


def write(file: Path, picture: FloatArray) -> None:
    """Writes (H, W, 3), scene-linear, as EXR."""
    height, width = picture.shape[:2]
    image = bpy.data.images.new(file.stem, width, height, alpha=False, float_buffer=True)
    image.colorspace_settings.name = "Non-Color"  # what Blender would encode otherwise
    image.pixels.foreach_set(np.dstack([picture[::-1], np.ones((height, width))]).astype(np.float32).ravel())
    image.file_format = "OPEN_EXR"
    image.filepath_raw = str(file)
    image.save()
    bpy.data.images.remove(image)


def linear(display: NDArray[np.floating]) -> FloatArray:
    """Display sRGB to scene-linear Rec.709 (IEC 61966-2-1)."""
    made = np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4)
    return made.astype(np.float32)


def _pixels(image: bpy.types.Image) -> FloatArray:
    pixels = np.empty(image.size[0] * image.size[1] * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    return np.ascontiguousarray(pixels.reshape(image.size[1], image.size[0], image.channels)[::-1])


if __name__ == "__main__":
    main()
