"""The node unfolded: its take as plain nodes, for somebody who has none of ours."""

from __future__ import annotations

import nuke

from vera_client.errors import Refused

from . import live_matte, stock, tree, undo
from .node import inner, value

SETTINGS = ("grow", "feather", "take_held_out")
STEP = 120


def unfold(node: nuke.Node) -> list[nuke.Node]:
    """Makes a Read of the take that is shown, Shuffles of its matte and its straight color, and a Merge over the
    node's plate, beside the node. A matte that is redrawn live or held out brings its stock nodes along.

    Returns:
        The new nodes: the Merge last, the Read first.

    Raises:
        Refused: The node shows no take.
    """
    if not value(node, "take_path"):
        raise Refused(
            "The node shows no take, so there is nothing to unfold.",
            argument="take",
            value="None",
            remedy="Choose a take first, or generate one.",
        )
    tree.declare_layers()
    with undo.one_step("Unfold"), node.parent():
        return _unfolded(node, node.xpos() + 2 * STEP, node.ypos())


def _unfolded(node: nuke.Node, x: int, y: int) -> list[nuke.Node]:
    name = node.name()
    take = _read(node, f"{name}_layers", (x, y - 2 * STEP))
    matte = stock.shuffle(f"{name}_matte", (x + STEP, y - 2 * STEP), take, "rgba", (stock.ALPHA,) * 4)
    red, green, blue = (f"{stock.STRAIGHT}.{channel}" for channel in stock.COLOR)
    opaque = (red, green, blue, "white")
    straight = stock.shuffle(f"{name}_straight", (x + 2 * STEP, y - 2 * STEP), take, stock.STRAIGHT, opaque)
    edit, live = _live(node, take)
    over = stock.add("Merge2", f"{name}_over", (x, y + STEP), operation="over")
    over.setInput(0, node.input(0))
    over.setInput(1, edit)
    return [take, matte, straight, *live, over]


def _live(node: nuke.Node, take: nuke.Node) -> tuple[nuke.Node, list[nuke.Node]]:
    """The edit as the live matte has it, and what that takes."""
    holdout = node.input(tree.INPUT_NAMES.index("holdout"))
    is_neutral = not any(node[name].isAnimated() or node[name].value() for name in ("grow", "feather"))
    if is_neutral and (holdout is None or value(node, "take_held_out")):
        return take, []
    before = set(node.parent().nodes())
    settings = stock.add("NoOp", f"{node.name()}_settings", (take.xpos() - STEP, take.ypos()))
    for kind, name in ((nuke.Int_Knob, "grow"), (nuke.Double_Knob, "feather"), (nuke.Boolean_Knob, "take_held_out")):
        settings.addKnob(kind(name, node[name].label()))
    settings.readKnobs("\n".join(f"{name} {node[name].toScript()}" for name in SETTINGS))
    if holdout is None:
        holdout = stock.add("Constant", f"{node.name()}_no_holdout", (take.xpos() - STEP, take.ypos() + 50))
    if value(node, "holdout_invert") and node.input(tree.INPUT_NAMES.index("holdout")) is not None:
        holdout = stock.add("Invert", f"{node.name()}_holdout_inverted", (0, 0), holdout, channels="alpha")
    holdout = stock.add("Clamp", f"{node.name()}_holdout", (0, 0), holdout, channels="alpha")
    edit = live_matte.draw(take, holdout, settings.name())
    made = [each for each in node.parent().nodes() if each not in before]
    for k, each in enumerate(made):
        each.setXYpos(take.xpos() + STEP * (k % 3), take.ypos() + STEP // 3 * (1 + k // 3))
    return edit, made


def _read(node: nuke.Node, name: str, place: tuple[int, int]) -> nuke.Node:
    """The take's files without expressions but the script's folder, which moves with the script."""
    read = stock.add("Read", name, place, before="black", after="black")
    read["file"].setValue(f"{value(node, 'take_path')}/layers.####.exr")
    for knob, said in (
        ("first", "take_first"),
        ("last", "take_last"),
        ("origfirst", "take_first"),
        ("origlast", "take_last"),
    ):
        read[knob].setValue(int(node[said].value()))
    shown = inner(node, "Layers")
    read.readKnobs("\n".join(f"{knob} {shown[knob].toScript()}" for knob in ("raw", "colorspace")))
    return read
