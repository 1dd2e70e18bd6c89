"""What is inside the node: stock nodes alone, which follow its knobs by expressions.

So a script with a take in it opens and renders where this plugin is not, and a copied node carries all it needs.
"""

from __future__ import annotations

import nuke

from . import live_matte
from .stock import ALPHA, COLOR, RGB, RGBA, STRAIGHT, add, colors, copy, shuffle, switch

INPUT_NAMES = ("plate", "mask", "holdout")
"""The node's inputs by number, and what their inner nodes are called."""
OUTPUT_NAME = "Output1"
"""The last of the inner nodes."""
LAYERS = {
    "vera_edit": (*COLOR, "alpha"),
    "vera_alpha": ("alpha",),
    "vera_straight": COLOR,
    "vera_comp": (*COLOR, "alpha"),
    STRAIGHT: COLOR,
}
"""What is on the pipe, and the layer of the take's files that is read."""


def declare_layers() -> None:
    """Makes the script know our layers; nothing where it does."""
    for name, channels in LAYERS.items():
        nuke.Layer(name, [f"{name}.{channel}" for channel in channels])


def build(group: nuke.Group) -> None:
    """Fills a group. It passes its plate until it is pointed at a take.

    Input and Output nodes that are there already stay: with them Nuke would take the group's connections away.
    """
    declare_layers()
    with group:
        places = ((-400, -300), (-800, -300), (800, -300))
        plate, mask, holdout = (_end(group, "Input", *each) for each in zip(INPUT_NAMES, places))
        for number, node in enumerate((plate, mask, holdout)):
            node["number"].setValue(number)
        nothing = add("Remove", "Nothing", (0, -200), plate, channels="all")
        first, second = (_shown(nothing, *each) for each in (("Layers", "take", 0), ("SecondLayers", "compare", 300)))
        take = _compared(plate, first, second)
        held_out = _held_out(holdout)
        drawn = live_matte.draw(take, held_out, "parent")
        comp = add("Merge2", "Comp", (-200, 900), plate, drawn, operation="over")
        comp["disable"].setExpression(f"!({within('take')}) && !({within('compare')})")  # over adds 0 even to a -0
        _end(group, "Output", OUTPUT_NAME, (-400, 1500)).setInput(0, _pipe(plate, drawn, take, comp))


def clear(group: nuke.Group) -> None:
    """Takes all out of a group but its ends."""
    for node in group.nodes():
        if node.name() not in (*INPUT_NAMES, OUTPUT_NAME):
            nuke.delete(node)


def _end(group: nuke.Group, kind: str, name: str, place: tuple[int, int]) -> nuke.Node:
    return group.node(name) or add(kind, name, place)


def _shown(nothing: nuke.Node, name: str, knobs: str, x: int) -> nuke.Node:
    """A take's files on the take's frames, on others nothing at all: there its files are not looked for. A take made at
    proxy size is brought to the plate's; any other goes on as it is."""
    layers = add("Read", name, (x, 0))
    layers["file"].setValue(f"[value parent.{knobs}_path]/layers.####.exr")
    for knob, bound in (("first", "first"), ("last", "last"), ("origfirst", "first"), ("origlast", "last")):
        layers[knob].setExpression(f"parent.{knobs}_{bound}")
    for knob in ("before", "after"):
        layers[knob].setValue("black")
    layers["raw"].setValue(True)
    fitted = add("Reformat", f"{name}AtPlateSize", (x, 50), layers, type="to box", box_fixed=True, resize="distort")
    for knob, size in (("box_width", "width"), ("box_height", "height"), ("box_pixel_aspect", "pixel_aspect")):
        fitted[knob].setExpression(f"plate.{size}")
    is_fit = f"![exists parent.input0] || ({name}.width == plate.width && {name}.height == plate.height)"
    fitted["disable"].setExpression(is_fit)
    return switch(f"{name}OnItsFrames", (x, 100), within(knobs), nothing, fitted)


def within(knobs: str) -> str:
    """Whether it is a frame of the take, as an expression inside."""
    return f"frame >= parent.{knobs}_first && frame <= parent.{knobs}_last"


def _compared(plate: nuke.Node, take: nuke.Node, second: nuke.Node) -> nuke.Node:
    """The take; while it is compared with another one, that one to the left of the wipe."""
    white = shuffle("White", (600, 0), plate, "rgba", (*RGB, "white"))
    left = add("Crop", "LeftOfWipe", (600, 100), white)
    sides = ("-input.width", "-input.height", "input.width * parent.wipe", "2 * input.height")
    for k, side in enumerate(sides):
        left["box"].setExpression(side, k)
    wiped = add("Keymix", "Wipe", (300, 200), take, second, left)
    return switch("Compared", (0, 300), "parent.compare_last >= parent.compare_first", take, wiped)


def _held_out(holdout: nuke.Node) -> nuke.Node:
    """The hold-out's alpha, 0 to 1, white where nothing may change; black where none is plugged in."""
    turned = add("Invert", "HoldoutInverted", (900, -200), holdout, channels="alpha")
    meant = switch("HoldoutMeant", (800, -100), "parent.holdout_invert && [exists parent.input2]", holdout, turned)
    return add("Clamp", "Holdout", (800, 0), meant, channels="alpha")


def _pipe(plate: nuke.Node, drawn: nuke.Node, take: nuke.Node, comp: nuke.Node) -> nuke.Node:
    """The plate's pipe with our layers on it, and in rgba what Output says."""
    pipe = copy("EditLayer", (-400, 1000), plate, drawn, {**colors("vera_edit", "rgba"), "vera_edit.alpha": ALPHA})
    pipe = copy("AlphaLayer", (-400, 1050), pipe, drawn, {"vera_alpha.alpha": ALPHA})
    pipe = copy("StraightLayer", (-400, 1100), pipe, take, colors("vera_straight", STRAIGHT))
    pipe = copy("CompLayer", (-400, 1150), pipe, comp, {**colors("vera_comp", "rgba"), "vera_comp.alpha": ALPHA})
    matte = copy("Matte", (0, 1150), drawn, drawn, dict.fromkeys(RGB, ALPHA))
    straight = copy("Straight", (200, 1150), drawn, take, colors("rgba", STRAIGHT))
    chosen = switch("Chosen", (0, 1300), "parent.output", comp, drawn, matte, straight, plate)
    return copy("Shown", (-400, 1400), pipe, chosen, {channel: channel for channel in RGBA})
