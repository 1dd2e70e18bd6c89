"""What a saved node looks like as text, for every version of it that there was, and how older ones become new."""

from __future__ import annotations

import golden_node
import nuke
import pytest

import vera_nuke
from vera_client.errors import Refused
from vera_nuke import callbacks, knobs, migration, node

VERSIONS = range(1, knobs.VERSION + 1)


@pytest.fixture(autouse=True)
def _in_a_terminal():
    """With a window the node would look at the disk, where its take is not."""
    nuke.GUI = False


def loaded(tmp_path, text: str) -> nuke.Group:
    """The node of a script of ours, opened in a folder of this test."""
    (tmp_path / "shot.nk").write_text(text.replace(golden_node.PLACE, str(tmp_path)), encoding="utf-8")
    nuke.scriptOpen(str(tmp_path / "shot.nk"))
    (found,) = node.vera_nodes()
    return found


def test_the_text_of_a_saved_node_is_as_it_was(tmp_path):
    """Where this differs on purpose and a saved node has to be migrated for it, `knobs.VERSION` is counted up and
    `golden_node.py` writes the new version's file; those of older versions stay as they are."""
    golden_node.make(tmp_path)
    assert golden_node.text(tmp_path) == golden_node.path().read_text(encoding="utf-8")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_script_of_any_version_becomes_one_of_this(tmp_path, version):
    group = loaded(tmp_path, golden_node.path(version).read_text(encoding="utf-8"))
    assert node.value(group, "prompt") == golden_node.AWKWARD
    assert node.value(group, "preset") == ("final" if version == 1 else "draft"), (
        "version 1 knew the plain sampler alone"
    )
    golden_node.say(group, after=version)
    assert golden_node.text(tmp_path) == golden_node.path().read_text(encoding="utf-8")


def test_an_older_node_gets_what_it_lacks_and_keeps_what_was_set(tmp_path):
    """As this version but for a knob, a choice and a node inside that it has not, and one that it has not any more."""
    golden = golden_node.path().read_text(encoding="utf-8")
    group = loaded(tmp_path, golden)
    group.removeKnob(group["wipe"])
    group["not_finite"].setValues(["Stop", "Read as 0"])
    nuke.delete(group.node("OutOfHoldout"))
    with group:
        nuke.nodes.Blur(name="OfBefore")
    group["layers_raw"].setValue(False)
    group["output"].setExpression("frame < 1005 ? 0 : 1")
    group["vera_version"].setValue(0)
    migration.bring_up_to_date(group)
    assert group["vera_version"].value() == knobs.VERSION
    assert node.inner(group, "Layers")["raw"].value() is False
    assert group["output"].toScript() == '{{"frame < 1005 ? 0 : 1"}}'
    group["layers_raw"].setValue(True)
    group["output"].clearAnimated()
    group["output"].setValue(knobs.text("output", "edit"))
    assert golden_node.text(tmp_path) == golden


def test_a_node_of_a_newer_version_is_left_alone_and_says_so_when_it_is_pressed(tmp_path):
    group = loaded(tmp_path, golden_node.path().read_text(encoding="utf-8"))
    group["vera_version"].setValue(knobs.VERSION + 1)
    group.removeKnob(group["preset"])
    nuke.scriptSave()
    nuke.GUI = True
    nuke.scriptOpen(str(tmp_path / "shot.nk"))
    callbacks.script_loaded()
    (group,) = node.vera_nodes()
    group["seed"].setValue(5)
    nuke.scriptSave()
    assert (group.knob("preset"), nuke.stage.messages) == (None, [])
    group["generate"].execute()
    assert "another version of Vera Edit" in nuke.stage.messages[0]
    with pytest.raises(Refused, match="another version"):
        vera_nuke.generate(group)


def test_an_older_node_is_brought_up_to_date_by_a_terminal_that_makes_takes(tmp_path):
    group = loaded(tmp_path, golden_node.path().read_text(encoding="utf-8"))
    group.removeKnob(group["preset"])
    group["prompt"].setValue("")
    group["vera_version"].setValue(1)
    with pytest.raises(Refused, match="The prompt is empty"):
        vera_nuke.generate(group)
    assert node.value(group, "preset") == "final"


def test_a_node_whose_inside_is_still_to_be_read_has_its_turn_later(tmp_path):
    golden = golden_node.path().read_text(encoding="utf-8")
    group = loaded(tmp_path, golden)
    group.removeKnob(group["wipe"])
    group["vera_version"].setValue(0)
    output = group.node("Output1")
    output.setName("ToCome")
    migration.bring_up_to_date(group)
    assert group.knob("wipe") is None
    output.setName("Output1")
    callbacks.script_loaded()
    assert golden_node.text(tmp_path).count("wipe 0.5") == 1
