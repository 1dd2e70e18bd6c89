"""`make demo`: edits the demo plate twice in a headless Blender, grades and merges the layers, draws a contact sheet.

Runs in the engine's environment; Blender runs in its own, beside it, as on an artist's machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from vera_engine.plates.color import ColorSpace
from vera_engine.plates.exr import comp_file, layers_file, read_layers
from vera_engine.plates.picture import contact_sheet, edit_picture, matte_picture, plate_picture
from vera_engine.plates.source import PlateSource, read_plate_frame

DEMO = Path(__file__).resolve().parent
FRAMES = (1001, 1005, 1009, 1013, 1017)
EDITS = {
    "add": "add a large red ball on the right",
    "background": "replace the background with a blue gradient sky",
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Edit the demo plate in a headless Blender.")
    parser.add_argument("--blender-python", type=Path, default=DEMO.parent / ".venv-blender" / "bin" / "python")
    parser.add_argument("--out", type=Path, default=DEMO / "out")
    parser.add_argument("--model", default="small")
    parser.add_argument("--add", default=EDITS["add"], metavar="PROMPT", help="what to put into the shot")
    parser.add_argument("--background", default=EDITS["background"], metavar="PROMPT", help="what to put behind")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    started = time.monotonic()

    # 1. What an earlier demo left goes: this one shows what it made itself
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)

    # 2. Blender: two Vera Edit nodes, two takes, two comps. The node starts the engine, with a state of its own
    environment = {
        **os.environ,
        "VERA_EDIT_PYTHON": sys.executable,
        "VERA_EDIT_STATE_DIR": str(DEMO / "work" / "state"),
    }
    command = [arguments.blender_python, DEMO / "blender_demo.py", "--out", out, "--engine-python", sys.executable]
    command += ["--model", arguments.model, "--add", arguments.add, "--background", arguments.background]
    try:
        subprocess.run([str(part) for part in command], env=environment, check=True)
    except FileNotFoundError:
        print(f"error: no Python with bpy at {arguments.blender_python}\n  Run `make demo`, which sets it up.")
        return 1
    except subprocess.CalledProcessError as error:
        print(f"error: Blender ended with {error.returncode}; what it said is above.")
        return 1

    # 3. What it looks like
    sheet = out / "contact_sheet.png"
    contact_sheet(sheet_rows(out), sheet, [str(frame) for frame in FRAMES])
    print(f"{time.monotonic() - started:.0f} s. Look at {sheet}")
    return 0


def sheet_rows(out: Path) -> list[tuple[str, list]]:
    """For each edit: plate, edit on a checker, matte, and the comp that Blender rendered with the edit graded."""
    space = ColorSpace.parse("lin_rec709")
    plate = PlateSource(str(DEMO / "plate" / "plate.####.exr"), color_space=space.name)
    plates = [read_plate_frame(plate, frame).rgb for frame in FRAMES]
    rows = []
    for edit in EDITS:
        take = sorted((out / "vera_takes" / edit).glob("v[0-9][0-9][0-9]"))[-1]
        layers = [read_layers(layers_file(take, frame)) for frame in FRAMES]
        comps = PlateSource(str(comp_file(out / edit, 0)).replace("0000", "####"), color_space=space.name)
        rows += [
            (f"{edit}: plate", [plate_picture(rgb, space) for rgb in plates]),
            (f"{edit}: edit", [edit_picture(layer, space) for layer in layers]),
            (f"{edit}: matte", [matte_picture(layer.matte) for layer in layers]),
            (
                f"{edit}: comp, edit graded",
                [plate_picture(read_plate_frame(comps, frame).rgb, space) for frame in FRAMES],
            ),
        ]
    return rows


if __name__ == "__main__":
    sys.exit(main())
