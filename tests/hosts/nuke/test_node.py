"""The node as an artist and a script have it: made, copied, saved, pointed at takes, without the plugin, unfolded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nuke
import numpy as np
import pytest
from nuke import pixels
from shots import add_read, read_exr, save_script, write_plate
from takes import layers, write_take

from vera_client.errors import Refused
from vera_nuke import knobs, node
from vera_nuke import layers as unfolding

FRAMES = range(1001, 1004)


@pytest.fixture
def plate(tmp_path) -> nuke.Node:
    return add_read(write_plate(tmp_path / "plates", FRAMES), FRAMES)


@pytest.fixture
def group(tmp_path, plate) -> nuke.Group:
    save_script(tmp_path)
    plate.setSelected(True)
    made = node.create()
    node.show_take(made, write_take(node.take_root(made) / node.value(made, "vera_node_id")))
    return made


def comp(group: nuke.Node, frame: int = 1002) -> np.ndarray:
    picture = pixels.evaluate(group, frame, "main")
    return np.stack([picture.plane(f"rgba.{channel}") for channel in ("red", "green", "blue", "alpha")], -1)


def test_the_menu_makes_one_below_the_selected_node_with_its_panel_open(plate, repository):
    plate.setSelected(True)
    nuke.stage.run_startup(repository / "plugins" / "nuke")
    command, icon = nuke.menu("Nodes").menu("Vera Edit").commands["Vera Edit"]
    exec(command, {})
    (made,) = node.vera_nodes()
    assert (made.name(), made.input(0), made.shown()) == ("VeraEdit", plate, True)
    assert any((Path(folder) / icon).is_file() for folder in nuke.pluginPath())


def test_making_one_is_one_step_of_undo_and_whole_or_not_at_all(plate, monkeypatch):
    node.create()
    assert (nuke.stage.undone, nuke.stage.undo_steps) == (["Create VeraEdit"], [])
    before = nuke.allNodes()
    monkeypatch.setattr(node, "add_knobs", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        node.create()
    assert nuke.allNodes() == before
    assert nuke.stage.undo_steps == []


def test_every_knob_has_a_tooltip_its_tab_and_its_default(group):
    shown = [knob.name for tab in knobs.TABS for knob in tab.knobs]
    assert [name for name in group.knobs() if name in knobs.BY_NAME] == shown
    for knob in knobs.all_knobs():
        made = group[knob.name]
        assert made.Class() == knob.kind.value
        assert made.tooltip() == knob.tooltip
        assert knob.tooltip or knob.name.endswith("_rule")
        assert made.getFlag(nuke.INVISIBLE) == knob.is_hidden
    fresh = node.create()
    assert node.value(fresh, "first_frame") == 1001
    assert node.value(fresh, "edit_type") == "add"
    assert fresh["finish_white"].value() == pytest.approx(0.94)


def test_what_counts_only_with_another_setting_is_grayed_out_else(group):
    assert not group["first_frame"].enabled()
    group["frames_from"].setValue(knobs.text("frames_from", "custom"))
    assert group["first_frame"].enabled()
    assert group["seed"].enabled()
    group["use_new_seed"].setValue(True)
    assert not group["seed"].enabled()


def test_a_copied_node_shares_its_takes_until_it_starts_its_own_stack(group):
    for each in nuke.allNodes():
        each.setSelected(each is group)
    nuke.nodeCopy("%clipboard%")
    copied = nuke.nodePaste("%clipboard%")
    assert copied.name() != group.name()
    assert node.value(copied, "vera_node_id") == node.value(group, "vera_node_id")
    copied.setInput(0, group.input(0))
    np.testing.assert_array_equal(comp(copied), comp(group))
    node.start_own_stack(copied)
    assert node.value(copied, "vera_node_id") != node.value(group, "vera_node_id")
    assert node.value(copied, "inherited_node_id") == node.value(group, "vera_node_id")
    np.testing.assert_array_equal(comp(copied), comp(group))


def test_in_a_group_it_is_found_and_works_too(group, plate):
    outer = nuke.nodes.Group(name="Shot")
    with outer:
        source = nuke.nodes.Input(name="Plate")
        source.setSelected(True)
        inside = node.create()
        nuke.nodes.Output(inputs=[inside])
    outer.setInput(0, plate)
    assert node.vera_nodes() == [group, inside]
    node.show_take(inside, write_take(node.take_root(inside) / "inside"))
    np.testing.assert_array_equal(comp(outer), comp(group))


def test_a_plugin_that_cannot_be_imported_stops_no_script(group, tmp_path, repository):
    nuke.scriptSave()
    broken = tmp_path / "broken" / "vera_nuke"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("")
    (broken / "callbacks.py").write_text("raise TypeError('an old Python')")
    program = f"""
import sys
sys.path[:0] = [{str(broken.parent)!r}, {str(repository / "tests/hosts/nuke/fake_nuke")!r}]
import nuke
nuke.scriptOpen({str(tmp_path / "shot.nk")!r})
nuke.toNode("VeraEdit")["seed"].setValue(5)
assert not nuke.callbacks.failures
"""
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_script_and_takes_moved_together_still_render(group, tmp_path):
    before = comp(group)
    nuke.scriptSave()
    assert str(tmp_path) not in str(group["take_path"].value())
    moved = tmp_path.parent / "moved [elsewhere] $here"
    tmp_path.rename(moved)
    nuke.scriptOpen(str(moved / "shot.nk"))
    again = node.vera_nodes()[0]
    nuke.toNode("Read1")["file"].setValue(
        str(moved / "plates" / "plate.%04d.exr").replace("[", "\\[").replace("$", "\\$")
    )
    np.testing.assert_array_equal(comp(again), before)
    assert node.shown_directory(again).is_dir()


def test_a_script_saved_elsewhere_still_shows_its_takes(group, tmp_path, repository):
    nuke.stage.run_startup(repository / "plugins" / "nuke")
    before, directory, text = comp(group), node.shown_directory(group), group["take_path"].value()
    nuke.scriptSaveAs(str(tmp_path / "shot_v2.nk"))
    assert group["take_path"].value() == text
    elsewhere = tmp_path.parent / f"{tmp_path.name}_elsewhere"
    elsewhere.mkdir()
    nuke.scriptSaveAs(str(elsewhere / "shot.nk"))
    assert node.shown_directory(group) == directory
    nuke.scriptOpen(str(elsewhere / "shot.nk"))
    np.testing.assert_array_equal(comp(node.vera_nodes()[0]), before)
    nuke.scriptOpen(str(tmp_path / "shot_v2.nk"))
    copied = Path(shutil.copy(tmp_path / "shot_v2.nk", elsewhere / "copied.nk"))
    nuke.scriptOpen(str(copied))  # another script in the same session, whose takes are not there
    assert node.shown_directory(node.vera_nodes()[0]) == elsewhere / directory.relative_to(tmp_path)


@pytest.mark.parametrize("how", ["before the take", "after the take", "by a script"])
def test_with_a_whole_take_root_copies_of_the_script_find_the_takes(group, tmp_path, repository, how):
    """A farm's submitter copies the script elsewhere."""
    nuke.stage.run_startup(repository / "plugins" / "nuke")
    before, take = comp(group), write_take(node.shown_directory(group).parent, "v002")
    node.compare_take(group, take)
    nuke.callbacks._is_telling.append(how == "by a script")  # of what scripts set Nuke tells nobody
    group["take_root"].setValue(str(tmp_path / "vera_takes"))
    nuke.callbacks._is_telling.pop()
    if how == "before the take":
        node.show_take(group, write_take(node.shown_directory(group).parent))
        node.compare_take(group, take)
    nuke.scriptSave()
    farm = tmp_path.parent / f"{tmp_path.name}_farm"
    farm.mkdir()
    nuke.scriptOpen(str(shutil.copy(tmp_path / "shot.nk", farm)))
    copied = node.vera_nodes()[0]
    assert node.shown_directory(copied, "compare") == take.directory
    np.testing.assert_array_equal(comp(copied), before)
    copied["take_root"].setValue(f"{node.SCRIPT_FOLDER}/../{tmp_path.name}/vera_takes")
    assert node.shown_directory(copied) == take.directory.with_name("v001")


def test_a_take_root_by_another_expression_goes_with_the_project(group, tmp_path, repository):
    nuke.stage.run_startup(repository / "plugins" / "nuke")
    nuke.root()["project_directory"].setValue(str(tmp_path))
    group["take_root"].setValue("[value root.project_directory]/vera_takes")
    take = write_take(node.shown_directory(group).parent, "v002")
    node.show_take(group, take)
    nuke.scriptSave()
    assert node.shown_directory(group) == take.directory
    assert str(tmp_path) not in group["take_path"].getText()


def test_frames_below_zero_are_shown(group):
    frames = range(-3, 2)
    take = write_take(node.shown_directory(group).parent, "v002", frames)
    assert (take.frames, take.missing_frames) == (tuple(frames), [])
    node.show_take(group, take)
    made = layers(-2)
    np.testing.assert_array_equal(comp(group, -2)[..., 3], made[..., 3])
    node.show_take(group, None)
    assert not (comp(group, -2)[..., 3] == made[..., 3]).all()


def test_takes_that_are_moved_with_their_root_are_still_shown(group, tmp_path, repository):
    nuke.stage.run_startup(repository / "plugins" / "nuke")
    take = node.shown_directory(group)
    (take / "take.json").write_text('{"take_id": "a"}')
    for name, take_id in (("other", "b"), ("server", "a")):
        shutil.copytree(tmp_path / "vera_takes", tmp_path / name)
        there = tmp_path / name / take.parent.name / take.name
        (there / "take.json").write_text(f'{{"take_id": "{take_id}"}}')
        group["take_root"].setValue(str(tmp_path / name))
        assert node.shown_directory(group) == (there if take_id == "a" else take), "another take of that version"
    group["take_root"].setValue(f"{node.SCRIPT_FOLDER}/server")
    assert node.shown_directory(group) == there
    assert str(tmp_path) not in group["take_path"].getText()


def test_a_take_elsewhere_is_named_by_its_whole_path(group, tmp_path_factory):
    take = write_take(tmp_path_factory.mktemp("other {disk}") / "n")
    node.show_take(group, take)
    assert node.shown_directory(group) == take.directory
    assert comp(group)[34, 40, 2] == layers(1002)[34, 40, 2]


def test_a_script_that_was_never_saved_asks_to_be(plate):
    made = node.create()
    with pytest.raises(Refused, match="not saved") as refused:
        node.take_root(made)
    assert "Save the script" in refused.value.remedy
    made["take_root"].setValue("/mnt/takes")
    assert node.take_root(made) == Path("/mnt/takes")
    made["take_root"].setValue("takes")
    with pytest.raises(Refused, match="not an absolute"):
        node.take_root(made)


def test_the_layers_are_read_as_they_are_in_the_scripts_own_space_and_converted_else(group):
    read = node.inner(group, "Layers")
    nuke.root()["workingSpaceLUT"].setValue("ACEScg")
    folder = node.shown_directory(group).parent
    node.show_take(group, write_take(folder, "v002", space="ACEScg"))
    assert (read["raw"].value(), group["layers_note"].value()) == (True, "As they are, ACEScg: the script works in it")
    read["colorspace"].setValues(["default (scene_linear)", "ACES/ACEScg", "Utility/Linear Rec.709 (sRGB)"])
    node.show_take(group, write_take(folder, "v003", space="Linear Rec.709 (sRGB)"))
    assert (read["raw"].value(), read["colorspace"].value()) == (False, "Utility/Linear Rec.709 (sRGB)")
    assert group["layers_raw"].value() is False  # the knob of the panel is the Read's own
    assert "Converted from Utility/Linear Rec.709" in group["layers_note"].value()
    node.show_take(group, write_take(folder, "v004", space="Linear of the studio"))
    assert read["raw"].value() is True
    assert "choose it above" in group["layers_note"].value()


def test_without_the_plugin_a_script_opens_renders_and_its_buttons_say_why_not(group, tmp_path, repository):
    expected = comp(group)
    nuke.scriptSave()
    np.save(tmp_path / "expected.npy", expected)
    program = f"""
import sys
sys.path.insert(0, {str(repository / "tests/hosts/nuke/fake_nuke")!r})
import nuke
nuke.scriptOpen({str(tmp_path / "shot.nk")!r})
group = nuke.toNode("VeraEdit")
group["generate"].execute()
group["seed"].setValue(5)
assert "not installed" in nuke.stage.messages[0], nuke.stage.messages
write = nuke.nodes.Write(inputs=[group], file={str(tmp_path / "out.%04d.exr")!r})
write["channels"].setValue("rgba")
write["datatype"].setValue("32 bit float")
nuke.execute(write, 1002, 1002, 1, ["main"])
assert not [name for name in sys.modules if name.startswith("vera")]
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rendered = read_exr(tmp_path / "out.1002.exr")
    np.testing.assert_array_equal(np.stack([rendered[name] for name in "RGBA"], -1), expected)


@pytest.mark.parametrize("live", [{}, {"grow": 2, "feather": 1.5}], ids=["neutral", "redrawn"])
def test_unfolded_it_shows_the_same_by_plain_nodes(group, live):
    for name, value in live.items():
        group[name].setValue(value)
    made = unfolding.unfold(group)
    np.testing.assert_array_equal(comp(made[-1]), comp(group))
    if not live:
        assert [each.Class() for each in made] == ["Read", "Shuffle2", "Shuffle2", "Merge2"]
        np.testing.assert_array_equal(comp(made[1])[..., 0], layers(1002)[..., 3])
        np.testing.assert_array_equal(comp(made[2])[..., :3], layers(1002)[..., 4:])
    before = comp(made[-1])
    nuke.delete(group)
    np.testing.assert_array_equal(comp(made[-1]), before)


def test_unfolded_with_a_hold_out(group, tmp_path):
    group.setInput(2, nuke.nodes.Constant(channels="rgba", format="96 64 square", color=[0, 0, 0, 0.25]))
    before = comp(group)
    np.testing.assert_array_equal(comp(unfolding.unfold(group)[-1]), before)
    group["holdout_invert"].setValue(True)
    np.testing.assert_array_equal(comp(unfolding.unfold(group)[-1]), comp(group))


def test_there_is_nothing_to_unfold_without_a_take(group):
    node.show_take(group, None)
    nodes = nuke.allNodes()
    with pytest.raises(Refused, match="no take"):
        unfolding.unfold(group)
    assert nuke.allNodes() == nodes


def test_paths_of_other_systems_are_mapped_for_take_files_alone(group, tmp_path, monkeypatch, repository):
    there = "Z:/shots/ab"
    monkeypatch.setenv("VERA_EDIT_PATH_MAP", f" X:\\none=/nowhere; {there} = {tmp_path} ")
    nuke.stage.run_startup(repository / "plugins" / "nuke")
    before = comp(group)
    relative = node.shown_directory(group).relative_to(tmp_path).as_posix()
    group["take_path"].setValue(f"{there}/{relative}")
    np.testing.assert_array_equal(comp(group), before)
    assert node.shown_directory(group) == tmp_path / relative
    group["take_root"].setValue(f"{there}/takes")
    assert node.take_root(group) == tmp_path / "takes"
    plate = nuke.toNode("Read1")
    plate["file"].setValue(f"{there}/plates/plate.%04d.exr")
    with pytest.raises(RuntimeError, match="No such file"):
        comp(plate)


def test_a_wrong_path_map_is_said_and_nuke_starts(monkeypatch, capsys, repository):
    monkeypatch.setenv("VERA_EDIT_PATH_MAP", "Z:/shots")
    nuke.stage.run_startup(repository / "plugins" / "nuke")
    assert "'Z:/shots' is not like /mnt/shots=Z:/shots" in capsys.readouterr().out
