"""The demo's part in Blender: two Vera Edit nodes on one plate, two takes, each edit graded alone and merged.

Run by `demo/run.py` in an environment with bpy. Leaves in the folder `--out`:
    shot.blend                         the comp, to be opened in Blender
    vera_takes/{add,background}/v###/  the takes
    {add,background}/comp.####.exr     what Blender renders, frames 1001 to 1017
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import bpy

DEMO = Path(__file__).resolve().parent
sys.path[:0] = [str(DEMO.parent / "plugins"), str(DEMO.parent / "plugins" / "client")]
import blender as vera_edit  # noqa: E402  the add-on, as it lies in the checkout

FIRST_FRAME, LAST_FRAME = 1001, 1017
MASKS = {"add": "hint", "background": "subject"}
GRADES = {"add": {"Master Gain": 0.8, "Master Saturation": 0.9}, "background": {"Master Gain": 0.6}}
"""Color correction of each edit layer, to sit it into the room's light."""
BAR = 30


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--engine-python", help="Python of the engine's environment")
    parser.add_argument("--model", default="small", metavar="small|DIR")
    parser.add_argument("--add", required=True, metavar="PROMPT")
    parser.add_argument("--background", required=True, metavar="PROMPT")
    given = parser.parse_args()
    out = given.out.absolute()
    out.mkdir(parents=True, exist_ok=True)

    # 1. A saved file with the add-on: takes go beside it
    bpy.ops.wm.read_factory_settings(use_empty=True)
    vera_edit.register()
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = FIRST_FRAME, LAST_FRAME
    with quiet(out / "blender.log"):
        bpy.ops.wm.save_as_mainfile(filepath=str(out / "shot.blend"))

    # 2. The comp: one plate, a node for each edit, a grade on the edit alone, an over
    tree = vera_edit.compositor_trees.ensure_tree(scene)
    plate = add_sequence(tree, "plate")
    nodes = {
        edit: add_edit(tree, plate.outputs["Image"], edit, prompt, out)
        for edit, prompt in (("add", given.add), ("background", given.background))
    }
    print(f"Blender {bpy.app.version_string}: the plate, frames {FIRST_FRAME}-{LAST_FRAME}, goes into two nodes")

    # 3. Generate: both takes are asked for, the engine makes one after the other
    session = vera_edit.session.current(python=given.engine_python, model=given.model)
    for edit, node in nodes.items():
        print(f"  {edit}: {node.node_tree.vera_edit.prompt}")
        with quiet(out / "blender.log"):
            bpy.ops.vera_edit.generate(node_id=node.node_tree.vera_edit.node_id, wait=False, again=True)
    watch(vera_edit)
    session.client.stop_engine()
    runs = [run for of_node in session.runs.values() for run in of_node]
    for warning in [warning for run in runs for warning in run.warnings]:
        print(f"  note: {warning}")
    if any(run.state != "finished" for run in runs):
        return 1

    # 4. Render the comps: the edit graded, merged over the plate. The engine has ended; none is needed
    scene.render.filepath = str(out / "discarded.")
    started = time.monotonic()
    with quiet(out / "blender.log"):
        for k, frame in enumerate(range(FIRST_FRAME, LAST_FRAME + 1)):
            scene.frame_start = scene.frame_end = frame
            bpy.ops.render.render(animation=True)
            draw("comps", (k + 1) / (LAST_FRAME - FIRST_FRAME + 1), f"Frame {frame} rendered")
        scene.frame_start, scene.frame_end = FIRST_FRAME, LAST_FRAME
        bpy.ops.wm.save_mainfile()
    print(f"\n  both comps rendered in {time.monotonic() - started:.0f} s; {out / 'shot.blend'} saved")
    return 0


def add_sequence(tree: bpy.types.NodeTree, name: str) -> bpy.types.Node:
    """An Image node that shows `demo/plate/<name>.####.exr` at the scene frames of the same numbers."""
    node = tree.nodes.new("CompositorNodeImage")
    node.label = name
    node.image = bpy.data.images.load(str(DEMO / "plate" / f"{name}.{FIRST_FRAME}.exr"))
    node.image.source = "SEQUENCE"
    node.frame_start, node.frame_offset = FIRST_FRAME, FIRST_FRAME - 1
    node.frame_duration, node.use_auto_refresh = LAST_FRAME - FIRST_FRAME + 1, True
    return node


def add_edit(
    tree: bpy.types.NodeTree, plate: bpy.types.NodeSocket, edit: str, prompt: str, out: Path
) -> bpy.types.Node:
    """A Vera Edit node with its mask, its edit graded, merged over the plate and written to `<out>/<edit>/`."""
    mask = add_sequence(tree, MASKS[edit])
    mask.image.colorspace_settings.name = "Non-Color"
    node = tree.nodes.new("VeraEditNode")
    node.label = edit
    settings = node.node_tree.vera_edit
    settings.node_id, settings.edit_type, settings.prompt = edit, edit, prompt
    settings.seed = 1
    tree.links.new(plate, node.inputs["Image"])
    tree.links.new(mask.outputs["Image"], node.inputs["Mask"])

    grade = tree.nodes.new("CompositorNodeColorCorrection")
    for name, value in GRADES[edit].items():
        next(socket for socket in grade.inputs if socket.identifier == name).default_value = value
    over = tree.nodes.new("CompositorNodeAlphaOver")
    background, foreground = vera_edit.compositor_trees.over_inputs(over)
    tree.links.new(node.outputs["Edit"], grade.inputs["Image"])
    tree.links.new(plate, background)
    tree.links.new(grade.outputs["Image"], foreground)
    file = vera_edit.compositor_trees.add_exr_output(tree, out / edit, "comp")
    tree.links.new(over.outputs["Image"], file)
    row = -400 * (edit == "background")
    for k, placed in enumerate((mask, node, grade, over, file.node)):
        placed.location = (300 * k, row)
    return node


def watch(addon: ModuleType) -> None:
    """Draws a bar for each take until all are over, drained as a window's timer would."""
    session = addon.client_package.session.known()
    for edit, (run,) in session.runs.items():
        shown = None
        while not run.is_final:
            addon.drain.drain()
            if shown != run.text:
                shown = run.text
                draw(edit, run.progress, shown)
            time.sleep(0.05)
        print()


def draw(name: str, progress: float, text: str) -> None:
    """A bar; on a terminal each is drawn over the one before."""
    filled = round(BAR * progress)
    bar = f"  {name:<10} [{'#' * filled}{'.' * (BAR - filled)}] {text:<48}"
    print(bar, end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)


@contextlib.contextmanager
def quiet(log: Path) -> Iterator[None]:
    """Sends what Blender itself prints to a log file."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(log, "ab") as file:
        os.dup2(file.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)


if __name__ == "__main__":
    status = 1
    try:
        status = main()
    except Exception:  # noqa: BLE001  it has to be shown before the hard end below
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # bpy 4.5 hangs at exit while a node and its class are alive
