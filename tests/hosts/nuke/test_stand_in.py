"""The stand-in for Nuke: it reads scripts as Nuke writes them, and is as strict as Nuke is at its worst."""

from __future__ import annotations

import threading

import nuke
import pytest
from nuke import pixels

SCRIPT = """#! /usr/local/Nuke15.1v3/Nuke15.1 -nx
version 15.1 v3
Root {
 inputs 0
 name /shots/a.nk
 first_frame 1001
 last_frame 1010
}
set cut_paste_input [stack 0]
add_layer {matte_a matte_a.mask}
Constant {
 inputs 0
 channels rgba
 color {0.5 0.25 {{frame/10}} {curve x1001 0 x1011 1}}
 format "4 2 tiny"
 name Constant1
 tile_color 0x2e5e8cff
 label "\\[value name] \\{1\\}"
}
set N7a [stack 0]
push 0
push $N7a
Group {
 inputs 2
 name G
 addUserKnob {20 User l "My tab"}
 addUserKnob {4 mode l Mode t "one \\"or\\" two" -STARTLINE M {one "two three"}}
 mode "two three"
 addUserKnob {3 amount}
 amount {{"mode == 1 ? 5 : 6"}}
 addUserKnob {2 folder +INVISIBLE}
 folder "\\[file dirname \\[value root.name]]/x"
}
 Input {
  inputs 0
  name back
  number 1
 }
 Input {
  inputs 0
  name front
 }
 Shuffle2 {
  fromInput1 {{0} B}
  fromInput2 {
   {0}
   B
  }
  mappings "3 rgba.alpha 0 3 rgba.red 0 0 black -1 -1 rgba.blue 0 2 white -1 -1 rgba.alpha 0 3"
  name S
 }
 Output {
  name Output1
 }
end_group
"""


def test_it_reads_what_nuke_writes(tmp_path):
    (tmp_path / "a.nk").write_text(SCRIPT, encoding="utf-8")
    nuke.scriptOpen(str(tmp_path / "a.nk"))
    group = nuke.toNode("G")
    assert (group.input(0).name(), group.input(1), group.maxInputs()) == ("Constant1", None, 2)
    assert [each.name() for each in group.input_nodes()] == ["front", "back"]
    assert (group["mode"].value(), group["amount"].value()) == ("two three", 5)
    assert (group["mode"].tooltip(), group["folder"].getFlag(nuke.INVISIBLE)) == ('one "or" two', True)
    assert group["folder"].getEvaluatedValue() == f"{tmp_path}/x"
    picture = pixels.evaluate(group, 1006, "main")
    values = [float(picture.planes[f"rgba.{channel}"][0, 0]) for channel in ("red", "green", "blue", "alpha")]
    assert values == [0.5, 0.25, 0, 1]
    assert nuke.toNode("Constant1")["tile_color"].value() == 0x2E5E8CFF
    label = nuke.toNode("Constant1")["label"]
    assert label.evaluate() == label.value() == "Constant1 {1}" != label.getText()
    nuke.scriptSave()
    once = (tmp_path / "a.nk").read_text(encoding="utf-8")
    nuke.scriptOpen(str(tmp_path / "a.nk"))
    nuke.scriptSave()
    assert (tmp_path / "a.nk").read_text(encoding="utf-8") == once


@pytest.mark.parametrize(
    "what",
    [
        lambda: nuke.nodes.NotANode(),
        lambda: nuke.nodes.Blur(wrong=1),
        lambda: nuke.nodes.Blur()["wrong"],
        lambda: nuke.nodes.Input(),
        lambda: nuke.no_such_function(),
        lambda: nuke.nodes.Switch()["which"].setExpression("os.system") and nuke.toNode("Switch1")["which"].value(),
        lambda: pixels.evaluate(nuke.nodes.Viewer(), 1, "main"),
        lambda: nuke.executeInMainThread(print),
    ],
)
def test_it_refuses_what_it_does_not_know(what):
    with pytest.raises((RuntimeError, NameError, AttributeError, NotImplementedError)):
        what()


def test_a_deleted_node_answers_nothing():
    node = nuke.nodes.NoOp()
    knob = node["label"]
    nuke.delete(node)
    for ask in (node.name, node.knobs, lambda: knob.setValue("x")):
        with pytest.raises(ValueError, match="not attached"):
            ask()


def test_other_threads_reach_the_graph_by_the_queue_alone():
    label, seen = nuke.nodes.NoOp()["label"], []

    def work() -> None:
        try:
            label.setValue("wrong")
        except RuntimeError as error:
            seen.append(str(error))
        seen.append(nuke.executeInMainThreadWithResult(label.toScript))
        seen.append(nuke.executeInMainThreadWithResult(lambda: 1 / 0))

    thread = threading.Thread(target=work)
    thread.start()
    nuke.main_thread.pump_until(lambda: not thread.is_alive(), 10)
    assert "only the main thread" in seen[0]
    assert seen[1:] == ['""', None]
    assert len(nuke.main_thread.served) == 2
