"""The script that is kept of every version of the node: `python tests/hosts/nuke/golden_node.py` writes this one's.

It says what a saved node looks like, as far as the stand-in for Nuke writes scripts as Nuke does.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import conftest  # noqa: F401, it puts the plugin and a nuke on the path
import nuke

from vera_client.host.take_folders import TakeFolder
from vera_nuke import knobs, node

FOLDER = Path(__file__).resolve().parent / "golden"
PLACE = "/shots/ab 010"
"""Where the script lies, as it says."""
AWKWARD = 'a [red] {ball} says "1 < 2; $x" #1 \\ at 50%\tüber'
NOTE = "soft on the left\n[too] warm"
SAID = {
    1: {
        "edit_type": knobs.text("edit_type", "background"),
        "prompt": AWKWARD,
        "frames_from": knobs.text("frames_from", "custom"),
        "first_frame": 1003,
        "seed": 77,
        "grow": -2,
        "finish_refine": 0.25,
        "region_box": [10, 20, 110, 84],
        "output": knobs.text("output", "edit"),
    },
    2: {
        "preset": knobs.text("preset", "draft"),
        "region_from": knobs.text("region_from", "take"),
        "device": knobs.text("device", "named"),
        "device_name": "cuda:3",
    },
}
"""What is set on the node, by the version that could say it first."""


def make(folder: Path) -> nuke.Group:
    """A node with a value in every kind of knob, below a Read, in a script in a folder; saved."""
    nuke.scriptSaveAs(str(folder / "shot.nk"), 1)
    plate = nuke.nodes.Read(name="Plate", first=1001, last=1017, origfirst=1001, origlast=1017)
    plate["file"].setValue("plates/ab_010.####.exr")
    plate.setSelected(True)
    made = node.create()
    made["vera_node_id"].setValue("vera_edit_0123abcd")
    take = TakeFolder(node.take_root(made) / "vera_edit_0123abcd" / "v002", tuple(range(1003, 1016)))
    node.show_take(made, take)
    say(made)
    made["feather"].setExpression("sin(frame) > 0 ? 2 : grow")
    made["region_box"].setValueAt(30, 1010, 0)
    return made


def say(made: nuke.Group, after: int = 0) -> None:
    """Sets the values that came after a version."""
    for name, value in (
        (name, value) for version, said in SAID.items() if version > after for name, value in said.items()
    ):
        made[name].setValue(value)


def text(folder: Path) -> str:
    """The script's text, with the place it is said to lie in."""
    nuke.scriptSave()
    return Path(folder / "shot.nk").read_text(encoding="utf-8").replace(str(folder), PLACE)


def path(version: int = knobs.VERSION) -> Path:
    return FOLDER / f"node.v{version}.nk"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        make(Path(temporary))
        path().write_text(text(Path(temporary)), encoding="utf-8")
    sys.stdout.write(f"{path()}\n")
