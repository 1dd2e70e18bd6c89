"""Render the demo shot: a toy robot on a table, a slow camera move, values above 1.

Run with a Python that has bpy 4.5 (`.venv-blender/bin/python demo/render_plate.py`). Writes into `demo/plate/`, for
frames 1001 to 1017, 480 x 320:
    plate.####.exr    scene-linear Rec.709, half
    subject.####.exr  0 to 1 in all of R, G, B: the robot's coverage, from Cryptomatte, anti-aliased
    hint.####.exr     0 to 1 in all of R, G, B: an artist's scribble on the open table beside the robot

All seeds are fixed, so the same Blender renders the same shot again; on two cores it takes about seven minutes.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

FIRST_FRAME, LAST_FRAME = 1001, 1017
WIDTH, HEIGHT = 480, 320
SAMPLES = 32
ROBOT = "robot"
HINT_CENTER = Vector((0.86, -0.25, 0.30))
"""Middle of the wished-for object, meters in the scene: above the open table, right of the robot."""
HINT_HEIGHT_FRACTION = 0.36
"""Diameter of the scribble as a fraction of the frame's height."""


Triple = tuple[float, float, float]


def material(name: str, color: Triple, roughness: float = 0.5, metallic: float = 0.0) -> bpy.types.Material:
    """A Principled material; `color` is scene-linear Rec.709."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*color, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Metallic"].default_value = metallic
    return made


def textured(
    name: str, dark: Triple, light: Triple, scale: Triple, detail: float, roughness: float, bump: float
) -> bpy.types.Material:
    """A Principled material whose color runs from `dark` to `light` by stretched noise: wood, plaster."""
    made = material(name, light, roughness)
    nodes, links = made.node_tree.nodes, made.node_tree.links
    shader = nodes["Principled BSDF"]
    coordinates, mapping = nodes.new("ShaderNodeTexCoord"), nodes.new("ShaderNodeMapping")
    noise, ramp, height = nodes.new("ShaderNodeTexNoise"), nodes.new("ShaderNodeValToRGB"), nodes.new("ShaderNodeBump")
    mapping.inputs["Scale"].default_value = scale
    noise.inputs["Scale"].default_value = 1.0
    noise.inputs["Detail"].default_value = detail
    noise.inputs["Distortion"].default_value = 0.6
    ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[1].position = 0.3, 0.7
    ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = (*dark, 1.0), (*light, 1.0)
    height.inputs["Strength"].default_value = bump
    height.inputs["Distance"].default_value = 0.02
    links.new(coordinates.outputs["Object"], mapping.inputs["Vector"])
    links.new(mapping.outputs["Vector"], noise.inputs["Vector"])
    links.new(noise.outputs["Fac"], ramp.inputs["Fac"])
    links.new(ramp.outputs["Color"], shader.inputs["Base Color"])
    links.new(noise.outputs["Fac"], height.inputs["Height"])
    links.new(height.outputs["Normal"], shader.inputs["Normal"])
    return made


def finish(
    made: bpy.types.Object,
    name: str,
    surface: bpy.types.Material,
    bevel: float = 0.0,
    parent: bpy.types.Object | None = None,
) -> bpy.types.Object:
    """Name, shade and round the object that was just added."""
    made.name = name
    made.data.materials.append(surface)
    made.parent = parent
    if bevel:
        rounded = made.modifiers.new("bevel", "BEVEL")
        rounded.width, rounded.segments = bevel, 4
    for polygon in made.data.polygons:
        polygon.use_smooth = True
    if bevel:
        made.modifiers.new("normals", "WEIGHTED_NORMAL")
    return made


def box(
    name: str,
    place: Triple,
    size: Triple,
    surface: bpy.types.Material,
    bevel: float = 0.02,
    turn: Triple = (0, 0, 0),
    parent: bpy.types.Object | None = None,
) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add(size=1, location=place, rotation=turn)
    made = bpy.context.object
    made.scale = size
    bpy.ops.object.transform_apply(location=False, rotation=False, scale=True)
    return finish(made, name, surface, bevel, parent)


def ball(
    name: str, place: Triple, radius: float, surface: bpy.types.Material, parent: bpy.types.Object | None = None
) -> bpy.types.Object:
    bpy.ops.mesh.primitive_uv_sphere_add(segments=48, ring_count=24, radius=radius, location=place)
    return finish(bpy.context.object, name, surface, parent=parent)


def rod(
    name: str,
    place: Triple,
    radius: float,
    length: float,
    surface: bpy.types.Material,
    turn: Triple = (0, 0, 0),
    bevel: float = 0.008,
    parent: bpy.types.Object | None = None,
) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cylinder_add(vertices=40, radius=radius, depth=length, location=place, rotation=turn)
    return finish(bpy.context.object, name, surface, bevel, parent)


def build_robot() -> None:
    """A tin toy of boxes, rods and balls; all parts are children of one empty, which Cryptomatte calls the asset."""
    bpy.ops.object.empty_add(location=(0, 0, 0))
    root = bpy.context.object
    root.name = ROBOT
    cream = material("cream enamel", (0.72, 0.58, 0.34), 0.32)
    teal = material("teal enamel", (0.03, 0.24, 0.26), 0.28)
    tin = material("tin", (0.62, 0.60, 0.56), 0.22, 1.0)
    dark = material("rubber", (0.03, 0.03, 0.035), 0.6)
    lamp = material("lamp", (1.0, 0.35, 0.08))
    glow = lamp.node_tree.nodes["Principled BSDF"]
    glow.inputs["Emission Color"].default_value = (1.0, 0.30, 0.05, 1.0)
    glow.inputs["Emission Strength"].default_value = 5.0

    box("body", (0, 0, 0.62), (0.54, 0.38, 0.56), cream, 0.06, parent=root)
    box("chest", (0, -0.19, 0.66), (0.34, 0.05, 0.26), teal, 0.02, parent=root)
    for k in range(3):
        rod(f"dial {k}", (-0.10 + 0.10 * k, -0.225, 0.70), 0.034, 0.03, tin, (math.pi / 2, 0, 0), parent=root)
    box("grille", (0, -0.218, 0.59), (0.26, 0.02, 0.03), tin, 0.006, parent=root)
    rod("neck", (0, 0, 0.93), 0.10, 0.10, tin, parent=root)
    box("head", (0, 0, 1.12), (0.42, 0.34, 0.32), teal, 0.05, parent=root)
    box("jaw", (0, -0.17, 1.03), (0.24, 0.03, 0.05), tin, 0.012, parent=root)
    for side in (-1, 1):
        rod(f"eye ring {side}", (0.10 * side, -0.17, 1.16), 0.066, 0.05, tin, (math.pi / 2, 0, 0), parent=root)
        ball(f"eye {side}", (0.10 * side, -0.185, 1.16), 0.046, lamp, root)
        rod(f"ear {side}", (0.24 * side, 0, 1.12), 0.065, 0.09, cream, (0, math.pi / 2, 0), parent=root)
        rod(f"shoulder {side}", (0.33 * side, 0, 0.80), 0.09, 0.14, tin, (0, math.pi / 2, 0), parent=root)
        lift = 0.5 if side > 0 else -0.12
        box(
            f"arm {side}",
            (0.43 * side, -0.10 * lift, 0.66 + 0.04 * lift),
            (0.12, 0.14, 0.36),
            cream,
            0.03,
            (0.35 * lift, -0.22 * side, 0),
            root,
        )
        ball(f"hand {side}", (0.475 * side, -0.06 - 0.08 * lift, 0.47), 0.085, teal, root)
        box(f"leg {side}", (0.14 * side, 0, 0.25), (0.17, 0.2, 0.26), tin, 0.03, parent=root)
        box(f"foot {side}", (0.15 * side, -0.06, 0.075), (0.23, 0.38, 0.15), dark, 0.05, parent=root)
    rod("antenna", (0.0, 0.02, 1.40), 0.014, 0.28, tin, (0.0, 0.10, 0), parent=root)
    ball("antenna lamp", (0.014, 0.02, 1.55), 0.05, lamp, root)
    root.rotation_euler = (0, 0, math.radians(14))
    root.location = (-0.50, 0.10, 0)


def build_set() -> None:
    """A wooden table in front of a plaster wall with a shelf that falls out of focus."""
    wood = textured("oak", (0.20, 0.105, 0.05), (0.46, 0.28, 0.155), (1.2, 14.0, 8.0), 6.0, 0.42, 0.25)
    plaster = textured("plaster", (0.25, 0.30, 0.33), (0.34, 0.39, 0.41), (2.0, 2.0, 2.0), 8.0, 0.85, 0.15)
    shelf = textured("walnut", (0.09, 0.045, 0.025), (0.17, 0.09, 0.05), (1.5, 12.0, 12.0), 5.0, 0.5, 0.1)
    for k in range(9):
        box(f"plank {k}", (0.0, -1.6 + 0.5 * k, -0.05), (9.0, 0.494, 0.1), wood, 0.008)
    box("wall", (0, 4.6, 2.0), (14.0, 0.1, 6.0), plaster, 0.0)
    box("shelf", (0.4, 4.2, 1.05), (6.4, 0.7, 0.10), shelf)
    brick, navy, ochre = (0.42, 0.09, 0.06), (0.10, 0.17, 0.30), (0.58, 0.44, 0.20)
    covers = [brick, navy, ochre, (0.08, 0.22, 0.13), (0.55, 0.52, 0.46), (0.30, 0.12, 0.18)]
    across = -2.6
    for k in range(26):
        thick, tall = 0.10 + 0.05 * math.sin(2.3 * k) ** 2, 0.62 + 0.22 * math.sin(1.7 * k + 0.4) ** 2
        if k % 9 != 7:
            cover = material(f"cover {k}", covers[(k * 5) % 6], 0.6)
            box(f"book {k}", (across, 4.12, 1.10 + tall / 2), (thick, 0.42, tall), cover, 0.01)
        across += thick + (0.45 if k % 9 == 7 else 0.02)
    chrome = material("chrome", (0.9, 0.9, 0.88), 0.06, 1.0)
    ball("ball bearing", (-1.12, -0.42, 0.12), 0.12, chrome)


def build_lights() -> None:
    """A low sun through a window, a large soft sky light, a faint warm fill."""

    def lamp(kind: str, energy: float, color: Triple, place: Triple, aim: Triple, size: float) -> None:
        data = bpy.data.lights.new(kind.lower(), kind)
        data.energy, data.color = energy, color
        if kind == "SUN":
            data.angle = size
        else:
            data.size = size
        made = bpy.data.objects.new(kind.lower(), data)
        made.location = place
        made.rotation_euler = (Vector(aim) - Vector(place)).to_track_quat("-Z", "Y").to_euler()
        bpy.context.collection.objects.link(made)

    lamp("SUN", 3.8, (1.0, 0.86, 0.68), (-4.0, -3.0, 4.2), (0, 0, 0.3), math.radians(2.0))
    lamp("AREA", 110.0, (0.75, 0.87, 1.0), (3.2, -2.2, 3.6), (0, 0.5, 0.4), 3.0)
    lamp("AREA", 110.0, (1.0, 0.9, 0.8), (-1.0, 2.2, 4.2), (0.2, 4.6, 1.2), 2.0)
    world = bpy.data.worlds.new("room")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.55, 0.62, 0.70, 1.0)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.18
    bpy.context.scene.world = world


def build_camera() -> bpy.types.Object:
    """A 42 mm lens that trucks to the right and pushes in a little, wide open."""
    data = bpy.data.cameras.new("camera")
    data.lens, data.sensor_width = 42.0, 36.0
    data.dof.use_dof, data.dof.aperture_fstop, data.dof.focus_distance = True, 0.16, 4.15
    made = bpy.data.objects.new("camera", data)
    bpy.context.collection.objects.link(made)
    for frame in range(FIRST_FRAME, LAST_FRAME + 1):
        t = (frame - FIRST_FRAME) / (LAST_FRAME - FIRST_FRAME)
        made.location = (-0.42 + 0.62 * t, -4.35 + 0.20 * t, 1.28 + 0.02 * t)
        aim = Vector((0.10 + 0.10 * t, 0.0, 0.70))
        made.rotation_euler = (aim - made.location).to_track_quat("-Z", "Y").to_euler()
        made.keyframe_insert("location", frame=frame)
        made.keyframe_insert("rotation_euler", frame=frame)
    bpy.context.scene.camera = made
    return made


def set_render(scene: bpy.types.Scene, folder: Path, samples: int) -> None:
    """Cycles on the CPU, denoised; beauty and Cryptomatte's robot each into a File Output."""
    scene.render.engine = "CYCLES"
    scene.cycles.device, scene.cycles.samples, scene.cycles.seed = "CPU", samples, 7
    scene.cycles.use_adaptive_sampling, scene.cycles.use_denoising, scene.cycles.denoiser = (
        False,
        True,
        "OPENIMAGEDENOISE",
    )
    scene.cycles.max_bounces = 5
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = WIDTH, HEIGHT, 100
    scene.render.use_motion_blur, scene.render.motion_blur_shutter = True, 0.5
    scene.render.use_persistent_data = True
    scene.frame_start, scene.frame_end = FIRST_FRAME, LAST_FRAME
    scene.render.filepath = str(folder / "discarded")
    bpy.context.view_layer.use_pass_cryptomatte_asset = True

    scene.use_nodes = True
    nodes, links = scene.node_tree.nodes, scene.node_tree.links
    nodes.clear()
    layers = nodes.new("CompositorNodeRLayers")
    matte = nodes.new("CompositorNodeCryptomatteV2")
    matte.source, matte.scene = "RENDER", scene
    matte.layer_name, matte.matte_id = f"{bpy.context.view_layer.name}.CryptoAsset", ROBOT
    links.new(layers.outputs["Image"], matte.inputs["Image"])
    coverage = nodes.new("CompositorNodeCombineColor")
    for channel in ("Red", "Green", "Blue"):
        links.new(matte.outputs["Matte"], coverage.inputs[channel])
    outputs = (("plate", layers.outputs["Image"], "DWAA"), ("subject", coverage.outputs["Image"], "ZIP"))
    for name, socket, codec in outputs:
        out = nodes.new("CompositorNodeOutputFile")
        out.base_path = str(folder)
        out.format.file_format, out.format.color_mode, out.format.color_depth = "OPEN_EXR", "RGB", "16"
        out.format.exr_codec = codec
        out.file_slots.clear()
        out.file_slots.new(f"{name}.")
        links.new(socket, out.inputs[0])


def write_hints(scene: bpy.types.Scene, camera: bpy.types.Object, folder: Path) -> None:
    """A scribble like an artist's: an off-round blob with a soft edge that follows the table."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode, settings.color_depth, settings.exr_codec = "OPEN_EXR", "RGB", "16", "ZIP"
    canvas = bpy.data.images.new("hint", WIDTH, HEIGHT, float_buffer=True, is_data=True)
    for frame in range(FIRST_FRAME, LAST_FRAME + 1):
        scene.frame_set(frame)
        center = world_to_camera_view(scene, camera, HINT_CENTER)
        x, y = columns - center.x * WIDTH, rows - center.y * HEIGHT
        angle = np.arctan2(y, x)
        radius = 0.5 * HINT_HEIGHT_FRACTION * HEIGHT * (1 + 0.10 * np.cos(2 * angle + 0.7) + 0.06 * np.cos(3 * angle))
        blob = np.clip((radius - np.hypot(x, y)) / 12.0 + 0.5, 0.0, 1.0)
        blob = blob * blob * (3 - 2 * blob)
        pixels = np.dstack([blob, blob, blob, np.ones_like(blob)]).astype(np.float32)
        canvas.pixels.foreach_set(pixels.ravel())
        canvas.save_render(str(folder / f"hint.{frame}.exr"), scene=scene)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "plate")
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--frames", default=f"{FIRST_FRAME}-{LAST_FRAME}", help="part of the range, for a look")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    build_set()
    build_robot()
    build_lights()
    camera = build_camera()
    set_render(scene, given.out, given.samples)
    write_hints(scene, camera, given.out)
    first, last = (int(end) for end in given.frames.split("-"))
    for frame in range(first, last + 1):
        scene.frame_start = scene.frame_end = frame
        bpy.ops.render.render(animation=True)
        print(f"frame {frame} of {FIRST_FRAME}-{LAST_FRAME}", flush=True)
    for leftover in given.out.glob("discarded*"):
        leftover.unlink()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
