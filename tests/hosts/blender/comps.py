"""Small comps for the tests: the add-on, plates and takes on disk, nodes, and what a render of them gives."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np

BUNDLED = next(
    place
    for entry in sys.path
    for place in sorted(Path(entry).glob("bpy/*/python/lib/python3.*/site-packages"))
    if (place / "OpenImageIO").is_dir()
)
sys.path.append(str(BUNDLED))
import OpenImageIO as oiio  # noqa: E402  Blender carries its own, off the path

HEIGHT, WIDTH = 12, 16
LAYERS = ("R", "G", "B", "A", "straight.R", "straight.G", "straight.B")


def start_blender() -> bpy.types.Scene:
    """A file with nothing in it but Blender's own windows, and its scene."""
    bpy.ops.wm.read_factory_settings()
    for block in [*bpy.data.objects, *bpy.data.cameras, *bpy.data.lights, *bpy.data.meshes]:
        bpy.data.batch_remove([block])
    return bpy.context.scene


def load_addon() -> ModuleType:
    """The add-on, registered, from the checkout."""
    import blender as addon  # `plugins/` is on the path

    addon.register()
    return addon


def write_exr(path: Path, pixels: np.ndarray, channels: tuple[str, ...], kind: str = "half") -> None:
    """Writes (H, W, C) float32 with these channel names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], len(channels), kind)
    spec.channelnames = channels
    if "A" in channels:
        spec.alpha_channel = channels.index("A")
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), oiio.geterror()
    assert out.write_image(np.ascontiguousarray(pixels, np.float32))
    out.close()


def read_exr(path: Path) -> np.ndarray:
    """(H, W, C) float32, channels as stored."""
    buffer = oiio.ImageBuf(str(path))
    assert not buffer.has_error, buffer.geterror()
    return buffer.get_pixels(oiio.FLOAT)


def as_half(pixels: np.ndarray) -> np.ndarray:
    """Values that a half can hold exactly, as float32."""
    return pixels.astype(np.float16).astype(np.float32)


def awkward_plate(seed: int) -> np.ndarray:
    """(H, W, 3) half values: ordinary ones, negatives, the largest and the smallest a half can do, and zeros."""
    rng = np.random.default_rng(seed)
    plate = rng.uniform(0, 1.5, (HEIGHT, WIDTH, 3))
    plate[0], plate[1], plate[2], plate[3] = -0.25 * plate[0], 60000.0, 6e-8, 0.0
    return as_half(plate)


def write_plates(folder: Path, files: range, name: str = "plate") -> dict[int, np.ndarray]:
    """`<folder>/<name>.####.exr` with R, G, B; by file number."""
    plates = {number: awkward_plate(number) for number in files}
    for number, plate in plates.items():
        write_exr(folder / f"{name}.{number:04d}.exr", plate, ("R", "G", "B"))
    return plates


def write_take(node_folder: Path, version: str, frames: range, seed: int = 0, **record: Any) -> dict[int, np.ndarray]:
    """A take as the engine writes it; (H, W, 7) by frame. Upper half: matte 0. Then soft edges, and a solid part.

    One row of the solid part has light without matte, as a glow has. `record` goes into its take.json.
    """
    takes = {}
    for frame in frames:
        rng = np.random.default_rng([seed, frame])
        layers = rng.uniform(0, 3, (HEIGHT, WIDTH, 7))
        layers[..., 3] = rng.uniform(0, 1, (HEIGHT, WIDTH))
        layers[: HEIGHT // 2, :, :4] = 0
        layers[-3:, :, 3] = 1
        layers[-4, :, 3] = 0
        takes[frame] = as_half(layers)
        write_exr(node_folder / version / f"layers.{frame:04d}.exr", takes[frame], LAYERS)
    said = {"take_id": f"take_{version}", "version": version, "frames": {str(frame): {} for frame in frames}, **record}
    (node_folder / version / "take.json").write_text(json.dumps(said))
    return takes


def record_of(request: dict[str, Any], base: str | None = None) -> dict[str, Any]:
    """What the engine's take.json says of a request that it has carried out.

    Args:
        base: The version it is a repair of, in the same folder.
    """
    asked, mask, hold_out = request["settings"], request.get("mask"), request.get("holdout")
    named = {name: asked.get(name) for name in ("seed", "num_inference_steps", "guidance_scale", "preset")}
    defaults = {"seed": 77, "num_inference_steps": 12, "guidance_scale": 1.0, "preset": "standard"}
    source = {"frame_offset": 0, "color_space": None, "upload_id": ""}
    frames = [f for each in request["frames"] for f in range(each["first_frame"], each["last_frame"] + 1)]
    return {
        "request": {
            **request,
            "plate": {**source, **request["plate"]},
            "mask": mask and {**mask, "source": {**source, **mask["source"]}},
            "holdout": hold_out and {"invert": False, **hold_out, "source": {**source, **hold_out["source"]}},
            "region": region_made(request["region"]) if request.get("region") else None,
            "settings": named,
        },
        "settings": {name: default if named[name] is None else named[name] for name, default in defaults.items()},
        "base_take": base and {"version": base, "take_id": f"take_{base}", "directory": f"../{base}"},
        "plate": {str(frame): file_seen(request["plate"], frame) for frame in frames},
        "plate_size": [WIDTH, HEIGHT],
        "warnings": [],
        "seams": [],
    }


def region_made(region: dict[str, Any]) -> dict[str, Any]:
    """What take.json says of a region inside the picture, its boxes of one size: grown by the margin."""
    drawn = region["boxes"]["keys"] if "boxes" in region else [{"frame": 0, "box": region["box"]}]
    grown, margin = {"x": -1, "y": -1, "width": 2, "height": 2}, region["margin"]
    keys = [
        {"frame": key["frame"], **{side: value + grown[side] * margin for side, value in key["box"].items()}}
        for key in drawn
    ]
    return {"kind": "boxes", "keys": keys, "margin": 0}


def file_seen(source: dict[str, Any], frame: int) -> dict[str, Any]:
    """What take.json says of a file of a plate."""
    file = Path(source["path"].replace("####", f"{frame + source['frame_offset']:04d}"))
    status = file.stat()
    content = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"file": file.name, "sha256": content, "size": status.st_size, "modified_ns": status.st_mtime_ns}


def add_plate(tree: bpy.types.NodeTree, first_file: Path, count: int, first_frame: int) -> bpy.types.Node:
    """An Image node that shows the sequence from `first_frame` on."""
    node = tree.nodes.new("CompositorNodeImage")
    node.image = bpy.data.images.load(str(first_file))
    node.image.source = "SEQUENCE"
    node.frame_start, node.frame_duration = first_frame, count
    node.frame_offset = int(first_file.stem.split(".")[-1]) - 1
    node.use_auto_refresh = True
    return node


def add_node(addon: ModuleType, tree: bpy.types.NodeTree, plate: bpy.types.NodeSocket | None = None) -> bpy.types.Node:
    """A Vera Edit node with its plate plugged in."""
    node = tree.nodes.new(addon.nodes.VeraEditNode.bl_idname)
    if plate is not None:
        tree.links.new(plate, node.inputs["Image"])
    return node


def render(
    scene: bpy.types.Scene, outputs: dict[str, bpy.types.NodeSocket], frames: range, folder: Path
) -> dict[str, dict[int, np.ndarray]]:
    """Renders sockets to 32-bit EXR; (H, W, 4) by name and frame, a frame that Blender did not write left out."""
    from blender import compositor_trees

    tree = compositor_trees.tree_of(scene)
    targets = []
    for name, socket in outputs.items():
        target = compositor_trees.add_exr_output(tree, folder, name, channels="RGBA", depth="32")
        tree.links.new(socket, target)
        targets.append(target.node)
    scene.frame_start, scene.frame_end = frames[0], frames[-1]
    compositor_trees.set_still_output(scene, folder / "discarded.")
    bpy.ops.render.render(animation=True, scene=scene.name)
    for node in targets:
        tree.nodes.remove(node)
    files = {name: {frame: folder / f"{name}.{frame:04d}.exr" for frame in frames} for name in outputs}
    return {
        name: {frame: read_exr(file) for frame, file in by_frame.items() if file.exists()}
        for name, by_frame in files.items()
    }


def snapshot(scene: bpy.types.Scene) -> dict[str, object]:
    """What an artist would notice if it changed: nodes, links, frames, render settings, datablocks."""
    from blender import compositor_trees

    tree = compositor_trees.tree_of(scene)
    counted = ("scenes", "node_groups", "images", "objects", "actions", "worlds", "cameras", "meshes")
    return {
        "nodes": [(n.name, n.bl_idname, tuple(n.location), n.select, n.mute) for n in tree.nodes],
        "links": sorted(
            (link.from_node.name, link.from_socket.identifier, link.to_node.name, link.to_socket.identifier)
            for link in tree.links
        ),
        "active": tree.nodes.active.name if tree.nodes.active else None,
        "frames": (scene.frame_start, scene.frame_end, scene.frame_current, scene.frame_step),
        "render": (scene.render.filepath, scene.render.resolution_x, scene.render.image_settings.file_format),
        "view": (scene.view_settings.view_transform, bpy.context.scene.name),
        "counts": {name: sorted(block.name for block in getattr(bpy.data, name)) for name in counted},
        "users": {group.name: group.users for group in bpy.data.node_groups},
    }


@contextlib.contextmanager
def node_editor(tree: bpy.types.NodeTree) -> Iterator[None]:
    """As if an artist had this tree open: the node editor's own operators (duplicate, copy, paste, delete) run."""
    window = bpy.context.window
    area = window.screen.areas[0]
    area.type, area.ui_type = "NODE_EDITOR", "CompositorNodeTree"
    if area.spaces.active.edit_tree != tree:
        area.spaces.active.node_tree = tree
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        yield
