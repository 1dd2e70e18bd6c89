"""Takes on the way while an artist works on: nothing blocks, breaks or is lost. The engine's letters are the test's."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import letters
import nuke
import pytest
import shots
from letters import Letters

from vera_client.errors import EngineMismatch, EngineUnavailable, Refused, VeraClientError
from vera_client.host import session
from vera_nuke import actions, changes, engine, marks, node, panel, shown_takes, work

FRAMES = range(1001, 1004)


@pytest.fixture
def post(tmp_path: Path):
    yield Letters()
    session.close()
    quiet(lambda: not [each for each in threading.enumerate() if each.name.startswith("Vera Edit")])


@pytest.fixture
def shot(tmp_path: Path) -> nuke.Node:
    """A node on a plain Read, in a saved script."""
    shots.save_script(tmp_path)
    read = shots.add_read(shots.write_plate(tmp_path / "plate", FRAMES), FRAMES)
    made = node.create()
    made.setInput(0, read)
    made["prompt"].setValue("add a red ball")
    nuke.scriptSave()
    return made


def quiet(is_so: Callable[[], bool]) -> None:
    nuke.main_thread.pump_until(is_so, letters.SECONDS)


def press(made: nuke.Node, name: str) -> None:
    made[name].execute()


def folder_of(made: nuke.Node, version: str = "v001") -> Path:
    return node.take_root(made) / str(node.value(made, "vera_node_id")) / version


def status(made: nuke.Node) -> str:
    return str(made["status"].value())


def generate(post: Letters, made: nuke.Node, version: str = "v001", take_id: str = "t1") -> dict[str, Any]:
    """Presses the button, and has the engine take the request."""
    count = len(post.of("create_take"))
    press(made, "generate")
    request = post.requests(count + 1)[-1]
    post.answer(letters.take(folder_of(made, version), take_id=take_id))
    quiet(lambda: take_id in post.watched)
    return request


def finish(post: Letters, made_folder: Path, request: dict[str, Any], take_id: str = "t1") -> None:
    """The engine is done."""
    letters.make_take(made_folder, FRAMES, request)
    post.say(letters.changed(letters.take(made_folder, "finished", take_id), 99))


def test_generate_returns_at_once_and_a_take_is_shown(post: Letters, shot: nuke.Node, tmp_path: Path) -> None:
    press(shot, "generate")
    assert post.of("create_take") == []
    assert status(shot) == "Looking at the plate"
    (request,) = post.requests()
    assert request["plate"] == {
        "path": str(tmp_path / "plate" / "plate.%04d.exr"),
        "frame_offset": 0,
        "color_space": "scene_linear",
        "nan": "refuse",
    }
    assert request["frames"] == [{"first_frame": 1001, "last_frame": 1003}]
    assert (request["edit_type"], request["prompt"]) == ("add", "add a red ball")
    assert request["settings"] == {"preset": "standard", "seed": 0}
    assert request["take_root"] == str(tmp_path / "vera_takes")
    assert not {"mask", "holdout", "region"} & set(request)
    post.answer(letters.take(folder_of(shot)))
    quiet(lambda: post.watched == ["t1"])
    steps = {"step_count": 12, "window_count": 1, "window": 1, "seconds_per_step": 0.5, "seconds_left": 80.4}
    post.say({"take_id": "t1", "sequence": 2, "step_done": {**steps, "step": 3}})
    quiet(lambda: bool(nuke.stage.bars) and nuke.stage.bars[0].progress == 25)
    assert "Step 3 of 12" in nuke.stage.bars[0].text
    assert status(shot) == nuke.stage.bars[0].text
    finish(post, folder_of(shot), request)
    quiet(lambda: node.shown_directory(shot) == folder_of(shot))
    assert status(shot) == "v001 finished in 21 s"
    assert str(shot["take"].value()).startswith("v001")
    quiet(lambda: nuke.stage.bars == [])
    assert nuke.stage.messages == []


@pytest.mark.parametrize("knobs", [{"frame": "frame+1000"}, {"frame_mode": "start at", "frame": "1"}])
def test_a_read_that_shows_its_files_at_other_frames(post: Letters, shot: nuke.Node, knobs: dict[str, str]) -> None:
    for name, value in knobs.items():
        shot.input(0)[name].setValue(value)
    press(shot, "generate")
    (request,) = post.requests()
    assert request["frames"] == [{"first_frame": 1, "last_frame": 3}]
    assert request["plate"]["frame_offset"] == 1000


def test_what_the_knobs_say_is_asked_for(post: Letters, shot: nuke.Node, tmp_path: Path) -> None:
    shot.setInput(1, shots.add_read(shots.write_mask(tmp_path / "plate", FRAMES), FRAMES))
    for name, value in {
        "edit_type": "Background change",
        "frames_from": "Custom",
        "first_frame": 1002,
        "last_frame": 1002,
        "handles": 1,
        "seed": 5,
        "variants": 2,
        "preset": "Draft",
        "use_model_settings": False,
        "steps": 4,
        "guidance": 2.5,
        "exposure": -1.5,
        "region_from": "The box",
        "region_margin": 3,
        "finish_detail": "The edit",
        "plate_colorspace": "ACEScg",
        "not_finite": "Read as 0",
        "mask_invert": True,
    }.items():
        shot[name].setValue(value)
    shot["region_box"].setValue([10, 20, 50, 60])
    press(shot, "generate")
    first, second = post.requests(2)
    assert [each["settings"] for each in (first, second)] == [
        {"preset": "draft", "num_inference_steps": 4, "guidance_scale": 2.5, "seed": seed} for seed in (5, 6)
    ]
    assert {**first, "settings": 0} == {**second, "settings": 0}
    assert first["frames"] == [{"first_frame": 1002, "last_frame": 1002}]
    assert (first["handles"], first["exposure"], first["finish"]["detail"]) == (1, -1.5, "edit")
    height = shots.SIZE[0]
    assert first["region"] == {"box": {"x": 10, "y": height - 60, "width": 40, "height": 40}, "margin": 3}
    assert (first["plate"]["color_space"], first["plate"]["nan"]) == ("ACEScg", "zero")
    assert (first["mask"]["meaning"], first["mask"]["invert"]) == ("keep", True)
    assert "/upstream/mask.1001-1003." in first["mask"]["source"]["path"]


def test_a_box_that_moves(post: Letters, shot: nuke.Node) -> None:
    shot["region_from"].setValue("The box")
    for side, text in enumerate(("frame-1000", "10", "frame-960", "40")):
        shot["region_box"].setExpression(text, side)
    press(shot, "generate")
    boxes = {"width": 40, "height": 30, "y": shots.SIZE[0] - 40}
    assert post.requests()[0]["region"]["boxes"]["keys"] == [
        {"frame": frame, "box": {**boxes, "x": frame - 1000}} for frame in FRAMES
    ]


def test_a_region_around_what_the_take_shown_has_edited(post: Letters, shot: nuke.Node) -> None:
    frames = {str(frame): {"matte_box": [40 + frame - 1001, 20, 20, 10]} for frame in FRAMES}
    letters.make_take(folder_of(shot), FRAMES, {"region": None}, frames=frames)
    press(shot, "refresh")
    shot["take"].setValue(shot["take"].values()[1])
    shot["region_from"].setValue("Around the take's matte")
    shot["region_margin"].setValue(4)
    press(shot, "generate")
    (request,) = post.requests()
    boxes = [
        {"frame": frame, "box": {"x": 40 + k, "y": 20, "width": 20, "height": 10}} for k, frame in enumerate(FRAMES)
    ]
    assert request["region"] == {"boxes": {"keys": boxes}, "margin": 4}


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda made: made["prompt"].setValue("  "), "The prompt is empty"),
        (lambda made: made.setInput(0, None), "No plate is plugged in"),
        (lambda made: made["frames_from"].setValue("Custom"), "The plate has frames 1001-1003 only"),
        (lambda made: made["variants"].setValue(65), "That many variants"),
        (lambda made: made["region_from"].setValue("The box"), "box is empty"),
        (lambda made: made["region_from"].setValue("Around the mask"), "no mask is plugged in"),
        (lambda made: made["region_from"].setValue("Around the take's matte"), "none is shown"),
        (lambda made: (made["device"].setValue("By name"), made["device_name"].setValue("gpu 2")), "no such device"),
        (lambda made: made["take_root"].setValue("takes"), "not an absolute folder"),
    ],
)
def test_what_cannot_be_asked_for_is_said(post: Letters, shot: nuke.Node, prepare: Any, reason: str) -> None:
    prepare(shot)
    press(shot, "generate")
    (message,) = nuke.stage.messages
    assert reason in message
    assert status(shot) == message
    assert post.sent == []
    nuke.GUI = False
    with pytest.raises(Exception, match=reason):
        actions.generate(shot)


def test_a_script_that_was_never_saved_is_offered_to_be(post: Letters, shot: nuke.Node) -> None:
    nuke.root()["name"].setValue("")
    nuke.stage.answers[:] = [False]
    press(shot, "generate")
    assert "never saved" in nuke.stage.questions[0]
    assert "Save the script" in nuke.stage.messages[0]


@pytest.mark.parametrize(
    "error",
    [
        Refused("The disk is full: 2 GB needed.", remedy="Make room.", nature="failed_precondition"),
        Refused("The folder cannot be written.", argument="take_root", remedy="Choose another.", kind="NotWritable"),
        EngineUnavailable("The engine was started and ended at once.", remedy="Its log is engine.log."),
        EngineMismatch("The engine that runs speaks interface version 2.", remedy="Bring both to the same version."),
    ],
    ids=["full", "read-only", "not starting", "too new"],
)
def test_the_engines_refusal_is_said_and_leaves_the_script_alone(
    post: Letters, shot: nuke.Node, error: VeraClientError
) -> None:
    before = nuke.script.written(nuke.root().nodes(), with_root=True)
    press(shot, "generate")
    post.requests()
    post.answer(error=error.as_dict())
    quiet(lambda: error.reason in status(shot))
    assert status(shot) == f"Failed: {error.reason} {error.remedy}"
    assert nuke.script.written(nuke.root().nodes(), with_root=True) == before
    press(shot, "generate")
    post.requests(2)


def test_takes_that_are_gone_are_told_so(post: Letters, shot: nuke.Node) -> None:
    press(shot, "delete_take")
    assert "has no takes" in nuke.stage.messages.pop()
    folder = letters.make_take(folder_of(shot), FRAMES)
    press(shot, "refresh")
    shot["take"].setValue(shot["take"].values()[1])
    shutil.rmtree(folder)
    press(shot, "refresh")
    assert status(shot) == "The files of the take shown are gone: put them back, or choose another take"
    assert "not in its list" in str(shot["take"].value())
    press(shot, "rerun")
    assert "files of the take shown are gone" in nuke.stage.messages.pop()


def test_a_plate_that_is_gone_fails_in_the_panel(post: Letters, shot: nuke.Node, tmp_path: Path) -> None:
    for file in (tmp_path / "plate").iterdir():
        file.rename(file.with_suffix(".away"))
    press(shot, "generate")
    quiet(lambda: status(shot).startswith("Failed"))
    assert "None of the plate's files is there" in status(shot)
    assert post.sent == []


def test_a_second_take_waits_for_the_first(post: Letters, shot: nuke.Node) -> None:
    generate(post, shot)
    press(shot, "generate")
    assert "still in work" in nuke.stage.messages[0]
    assert len(post.of("create_take")) == 1


@pytest.mark.parametrize("way", ["button", "bar"])
def test_cancel_while_it_runs(post: Letters, shot: nuke.Node, way: str) -> None:
    generate(post, shot)
    quiet(lambda: bool(nuke.stage.bars))
    if way == "button":
        press(shot, "cancel")
    else:
        nuke.stage.bars[0].is_cancelled = True
    quiet(lambda: post.of("cancel_take") == [{"take_id": "t1"}])
    post.say(letters.changed(letters.take(folder_of(shot), "cancelled"), 5))
    quiet(lambda: status(shot) == "v001 cancelled")
    quiet(lambda: nuke.stage.bars == [])


def test_what_the_node_says_by_itself_is_no_change_of_the_script(post: Letters, shot: nuke.Node) -> None:
    shot["seed"].setValue(7)
    nuke.stage.changes.clear()
    finish(post, folder_of(shot), generate(post, shot))
    quiet(lambda: str(shot["stale"].value()) == "It is what the node asks for")
    shown = {"take_path", "take_first", "take_last"}
    assert {(step, name) for step, name in nuke.stage.changes} == {("Show v001", name) for name in shown}
    nuke.scriptSave()
    shot["prompt"].setValue("another thing")
    nuke.scriptSave()
    press(shot, "refresh")
    quiet(lambda: "The prompt was" in str(shot["stale"].value()))
    assert "stale" in str(shot["label"].value())
    assert not nuke.modified()
    assert nuke.stage.changes[-1] == ("", "prompt")


def test_while_nuke_renders_the_plate_waits_for_its_turn(post: Letters, shot: nuke.Node) -> None:
    shot.setInput(0, nuke.nodes.Grade(inputs=[shot.input(0)], multiply=0.5))
    nuke.stage.is_rendering[:] = [True]
    press(shot, "generate")
    nuke.main_thread.pump(0.5)
    assert (status(shot).count("stands still"), nuke.stage.executed) == (1, [])
    nuke.stage.is_rendering[:] = [False]
    post.requests()
    assert len(nuke.stage.executed) == len(FRAMES)


def test_what_holds_nuke_says_so_before_it_does(post: Letters, shot: nuke.Node) -> None:
    told: list[str] = []
    nuke.addOnCreate(lambda: told.append(status(shot)), nodeClass="Write")
    shot.setInput(0, nuke.nodes.Grade(inputs=[shot.input(0)], multiply=0.5))
    press(shot, "generate")
    post.requests()
    assert "Nuke stands still for each frame" in told[0]


def test_cancel_between_rendered_frames(post: Letters, shot: nuke.Node, tmp_path: Path) -> None:
    shot.setInput(0, nuke.nodes.Grade(inputs=[shot.input(0)], multiply=0.5))
    press(shot, "generate")
    quiet(lambda: len(nuke.stage.executed) == 1)
    press(shot, "cancel")
    quiet(lambda: "Cancelled" in status(shot))
    assert len(nuke.stage.executed) < len(FRAMES)
    assert post.sent == []
    assert not list(tmp_path.rglob("vera_takes/**/*.exr"))


@pytest.mark.parametrize(
    "meanwhile", ["rename", "copy", "save as", "delete", "delete and undo", "close", "close and open", "another take"]
)
def test_whatever_happens_meanwhile(post: Letters, shot: nuke.Node, tmp_path: Path, meanwhile: str) -> None:
    folder = folder_of(shot)
    old = letters.make_take(folder.with_name("v008"), FRAMES)
    nuke.scriptSave()
    request = generate(post, shot, "v009")
    if meanwhile == "rename":
        shot.setName("Hero")
    elif meanwhile == "copy":
        shot.setSelected(True)
        nuke.nodeCopy("%clipboard%")
        nuke.nodePaste("%clipboard%")
    elif meanwhile == "save as":
        (tmp_path / "elsewhere").mkdir()
        nuke.scriptSaveAs(str(tmp_path / "elsewhere" / "shot_v002.nk"))
    elif meanwhile == "delete":
        nuke.delete(shot)
    elif meanwhile == "delete and undo":  # another object of the same id comes back
        shot.setSelected(True)
        nuke.nodeCopy("%clipboard%")
        nuke.delete(shot)
        nuke.nodePaste("%clipboard%")
    elif meanwhile == "close":
        nuke.scriptClose()
    elif meanwhile == "close and open":
        nuke.scriptOpen(str(tmp_path / "shot.nk"))
    else:
        press(shot, "refresh")
        shot["take"].setValue(next(item for item in shot["take"].values() if item.startswith("v008")))
    finish(post, folder.with_name("v009"), request)
    here = session.known()
    quiet(lambda: all(run.is_settled for runs in here.runs.values() for run in runs))
    made = folder.with_name("v009")
    expected: dict[str, list[Path | None]] = {
        "copy": [made, None],
        "delete": [],
        "close": [],
        "another take": [old],
    }
    shown = [node.shown_directory(each) for each in node.vera_nodes()]
    assert shown == expected.get(meanwhile, [made])
    quiet(lambda: nuke.stage.bars == [])


def test_a_node_whose_inside_was_changed_says_so_and_holds_up_no_other(post: Letters, shot: nuke.Node) -> None:
    other = node.create()
    other.setInput(0, shot.input(0))
    other["prompt"].setValue("a blue cube")
    requests = [generate(post, made, take_id=f"t{k}") for k, made in enumerate((shot, other))]
    nuke.delete(shot.node("Layers"))
    for k, made in enumerate((shot, other)):
        finish(post, folder_of(made), requests[k], f"t{k}")
    quiet(lambda: node.shown_directory(other) == folder_of(other))
    quiet(lambda: "has no Layers inside any more" in status(shot))
    assert node.shown_directory(shot) is None, "nothing is half changed"


def test_several_nodes_at_once(post: Letters, shot: nuke.Node) -> None:
    other = node.create()
    other.setInput(0, shot.input(0))
    other["prompt"].setValue("a blue cube")
    requests = [generate(post, made, take_id=f"t{k}") for k, made in enumerate((shot, other))]
    quiet(lambda: len(nuke.stage.bars) == 2)
    for k, made in reversed(list(enumerate((shot, other)))):
        finish(post, folder_of(made), requests[k], f"t{k}")
    for made in (shot, other):
        quiet(lambda made=made: node.shown_directory(made) == folder_of(made))


def test_a_range_is_made_again(post: Letters, shot: nuke.Node) -> None:
    press(shot, "rerun")
    assert "shows no take" in nuke.stage.messages.pop()
    request = generate(post, shot)
    finish(post, folder_of(shot), request)
    quiet(lambda: node.shown_directory(shot) == folder_of(shot))
    viewer = nuke.nodes.Viewer(frame_range="1002-1003")
    nuke.stage.viewers.append(viewer)
    press(shot, "rerun_from_viewer")
    shot["rerun_last_frame"].setValue(1009)
    press(shot, "rerun")
    assert "does not have all of these frames" in nuke.stage.messages.pop()
    shot["rerun_last_frame"].setValue(1003)
    shot["rerun_seed_from"].setValue("The take's")
    shot["rerun_strength"].setValue(0.4)
    press(shot, "rerun")
    again = post.requests(2)[-1]
    assert again["base_directory"] == str(folder_of(shot))
    assert again["frames"] == [{"first_frame": 1002, "last_frame": 1003}]
    assert (again["settings"], again["strength"], again["prompt"]) == ({"seed": 7}, 0.4, "")
    assert not {"plate", "mask", "without_mask"} & set(again)


def test_finish_again_sends_the_holdout(post: Letters, shot: nuke.Node, tmp_path: Path) -> None:
    finish(post, folder_of(shot), generate(post, shot))
    quiet(lambda: node.shown_directory(shot) == folder_of(shot))
    shot.setInput(2, shots.add_read(shots.write_mask(tmp_path / "plate", FRAMES, "held"), FRAMES))
    shot["finish_despill"].setValue(0.5)
    press(shot, "finish_again")
    asked = post.requests(2)[-1]
    assert asked["finish_only"] is True
    assert asked["finish"]["despill"] == 0.5
    assert "/upstream/holdout.1001-1003." in asked["holdout"]["source"]["path"]
    assert asked["frames"] == [{"first_frame": 1001, "last_frame": 1003}]


def test_stopped_takes_go_on_and_others_are_followed(post: Letters, shot: nuke.Node) -> None:
    press(shot, "resume")
    assert "No take of this node was stopped" in nuke.stage.messages.pop()
    press(shot, "reconnect")
    assert "No take is in work" in nuke.stage.messages.pop()
    folder = folder_of(shot)
    letters.make_take(folder.with_name("v001.partial"), [1001], take_id="t1", state="cancelled")
    press(shot, "resume")
    quiet(lambda: post.of("resume_take") == [{"directory": str(folder)}])
    post.answer(letters.take(folder, "failed", error={"reason": "No.", "remedy": ""}), method="resume_take")
    quiet(lambda: status(shot) == "Failed: No.")
    press(shot, "keep_frames")
    quiet(lambda: post.of("keep_frames") == [{"directory": str(folder)}])
    post.answer(letters.take(folder, "cancelled"), method="keep_frames")
    quiet(lambda: not session.known().is_waiting or bool(post.of("engine_info")))
    letters.make_take(folder.with_name("v002.partial"), [1001], take_id="t2", state="running")
    press(shot, "reconnect")
    assert "t2" in post.watched


def test_notes_are_kept_with_the_take(post: Letters, shot: nuke.Node) -> None:
    folder = letters.make_take(folder_of(shot), FRAMES)
    press(shot, "refresh")
    shot["take"].setValue(shot["take"].values()[1])
    quiet(lambda: node.shown_directory(shot) == folder)
    assert post.sent == []
    shot["take_label"].setValue("the good one")
    shot["take_starred"].setValue(True)
    assert post.of("update_take") == [
        {"directory": str(folder), "label": "the good one"},
        {"directory": str(folder), "starred": True},
    ]
    (folder / "note.json").write_text('{"label": "[good] {one}", "starred": true, "note": "[value x]\\n2"}')
    press(shot, "refresh")
    assert str(shot["take"].value()) == "v001 * good one, 1001-1003"
    told = [node.value(shot, name) for name in ("take_label", "take_starred", "take_note")]
    assert told == ["[good] {one}", True, "[value x]\n2"]
    press(shot, "delete_take")
    assert "shown by nodes" in nuke.stage.messages[-1]


def test_what_is_undone_the_panel_does_not_speak_of(post: Letters, shot: nuke.Node) -> None:
    """Nuke's undo sets back what was recorded, and that is where the node points."""
    for version in ("v001", "v002"):
        folder = letters.make_take(folder_of(shot, version), FRAMES)
        (folder / "note.json").write_text(f'{{"label": "", "starred": false, "note": "of {version}"}}')
    press(shot, "refresh")
    pointed = {}
    for number in (2, 1):
        shot["take"].setValue(shot["take"].values()[number])
        shot["compare_take"].setValue(shot["compare_take"].values()[number])
        pointed[number] = {name: shot[name].value() for name in ("take_path", "compare_path")}
    assert (node.shown_directory(shot).name, shot["take_note"].value()) == ("v002", "of v002")

    for name, text in pointed[2].items():
        shot[name].setValue(text)
    assert (node.shown_directory(shot).name, shot["take_note"].value()) == ("v001", "of v001")
    assert [shot[name].value() for name in ("take", "compare_take")] == ["v001, 1001-1003"] * 2

    nuke.callbacks._is_telling.append(True)  # the panel is closed, and no knob tells of itself
    shot["take_path"].setValue(pointed[1]["take_path"])
    nuke.callbacks._is_telling.pop()
    shot["take_note"].setValue("too dark")
    assert "another take than v002" in nuke.stage.messages.pop()
    assert not post.of("update_take")
    nuke.callbacks.call("updateUI", shot)
    assert shot["take_note"].value() == "of v002"
    shot["take_note"].setValue("too dark")
    assert post.of("update_take") == [{"directory": str(folder), "note": "too dark"}]


def test_a_take_that_was_published_elsewhere_is_said_once(
    post: Letters, shot: nuke.Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = letters.make_take(folder_of(shot, "v001"), FRAMES)
    published = folder.with_name("sh010_edit")
    folder.rename(published)
    said, show = [], panel.show_take_notes
    monkeypatch.setattr(panel, "show_take_notes", lambda told: (said.append(told), show(told)))
    shot["take_path"].setValue(str(published))
    for _ in range(5):
        nuke.callbacks.call("updateUI", shot)
    assert shot["take"].value() == f"sh010_edit ({shown_takes.MISSING})"
    assert len(said) <= 1
    shot["take"].setExpression("2 - 1")  # an expression of an artist's, which nothing can be set beside
    shot["take_path"].setValue(str(folder))
    said.clear()
    for _ in range(5):
        nuke.callbacks.call("updateUI", shot)
    assert len(said) <= 1


def test_a_take_that_no_node_shows_can_be_deleted(post: Letters, shot: nuke.Node) -> None:
    shown, other = (letters.make_take(folder_of(shot, version), FRAMES) for version in ("v001", "v002"))
    letters.make_take(folder_of(shot, "v003.partial"), [1001], state="failed")
    press(shot, "refresh")
    shot["take"].setValue(shot["take"].values()[2])
    assert node.shown_directory(shot) == shown
    for answer, gone in (("v002", other), ("v003 failed, 1 frames made", folder_of(shot, "v003"))):
        nuke.stage.answers[:] = [answer]
        press(shot, "delete_take")
        assert post.of("delete_take")[-1] == {"directory": str(gone), "force": False}
        assert "v001" not in nuke.stage.questions[-1]
    refusal = {"kind": "TakeStarred", "reason": "v003 is starred.", "remedy": "Take its star away."}
    nuke.stage.answers[:] = [True]
    post.answer(error=refusal, method="delete_take")
    quiet(lambda: len(post.of("delete_take")) == 3)
    assert nuke.stage.questions[-1] == "v003 is starred. Delete it all the same?"
    assert post.of("delete_take")[-1] == {"directory": str(folder_of(shot, "v003")), "force": True}
    count = len(post.sent)
    nuke.stage.answers[:] = [None]
    press(shot, "delete_take")
    assert len(post.sent) == count


def test_the_engine_is_stopped_and_asked_about_first_while_takes_are_in_work(post: Letters, shot: nuke.Node) -> None:
    press(shot, "ask_engine")
    post.answer(letters.engine("cpu float32"), method="engine_info")
    quiet(lambda: "Steps of its presets: draft 12, final 50" in str(shot["engine_status"].value()))
    busy = {"kind": "TakeRunning", "reason": "Takes are queued or running.", "remedy": "Wait for them."}
    for answer in (False, True):
        nuke.stage.answers[:] = [answer]
        count = len(nuke.stage.questions)
        press(shot, "stop_engine")
        post.answer(error=busy, method="stop_engine")
        quiet(lambda count=count: len(nuke.stage.questions) > count)
        assert "Takes are queued" not in status(shot), "the question has said it"
    quiet(lambda: [each["cancel_running"] for each in post.of("stop_engine")] == [False, False, True])
    post.answer(None, method="stop_engine")
    quiet(lambda: "has ended" in str(shot["engine_status"].value()))
    assert str(shot["device_now"].value()) == "Not asked yet"
    press(shot, "unload")
    assert len(post.of("unload")) == 1
    post.answer(True, method="unload")
    quiet(lambda: not session.known().is_waiting)


def test_an_engine_that_others_may_use_is_not_ended_under_them(
    post: Letters, shot: nuke.Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_wish", engine.Wish(address="farm:7000"))
    press(shot, "stop_engine")
    post.answer(error={"kind": "TakeRunning", "reason": "Takes are running.", "remedy": "Wait."}, method="stop_engine")
    quiet(lambda: str(shot["engine_status"].value()) == "Takes are running. Wait.")
    assert nuke.stage.questions == []


def test_an_engine_on_another_device_is_told_with_the_way_to_change_it(
    post: Letters, shot: nuke.Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    press(shot, "ask_engine")
    post.answer(letters.engine("auto"), method="engine_info")
    quiet(lambda: str(shot["device_now"].value()) == "auto")
    shot["device"].setValue("MPS")
    assert "chooses one for its first take: press Stop" in str(shot["device_now"].value())
    shot["device"].setValue("Automatic")
    finish(post, folder_of(shot), generate(post, shot))
    quiet(lambda: len(post.of("engine_info")) == 2)
    post.answer(letters.engine("cpu float32"), method="engine_info")
    quiet(lambda: str(shot["device_now"].value()) == "cpu float32")
    shot["device"].setValue("By name")
    shot["device_name"].setValue("cuda:1")
    said = "cpu float32, not cuda:1: press Stop on the Engine tab, and the next take starts it on cuda:1"
    assert str(shot["device_now"].value()) == said
    shot["device_name"].setValue("gpu")
    assert "no such device" in str(shot["device_now"].value())
    shot["device_name"].setValue("cuda:1")
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(session, "VeraClient", lambda **options: made.append(options) or post)
    press(shot, "generate")
    post.requests(2)
    assert made == [{"device": "cuda:1"}], "what the engine is started on where none runs"


def test_the_doctors_report_is_shown(
    post: Letters, shot: nuke.Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "asked: $@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("VERA_EDIT_PYTHON", str(python))
    press(shot, "doctor")
    assert str(shot["engine_status"].value()) == "The doctor looks"
    asked = f"asked: -m vera_engine.cli.main doctor --take-root {tmp_path / 'vera_takes'}"
    quiet(lambda: str(shot["engine_status"].value()) == asked)
    monkeypatch.setenv("VERA_EDIT_PYTHON", str(tmp_path / "gone"))
    press(shot, "doctor")
    quiet(lambda: "is not there" in str(shot["engine_status"].value()))


def test_a_second_take_is_compared_with(post: Letters, shot: nuke.Node) -> None:
    for version in ("v001", "v002"):
        letters.make_take(folder_of(shot, version), FRAMES)
    press(shot, "refresh")
    none, second, first = shot["compare_take"].values()
    shot["take"].setValue(first)
    shot["compare_take"].setValue(second)
    assert node.shown_directory(shot) == folder_of(shot, "v001")
    assert node.shown_directory(shot, "compare") == folder_of(shot, "v002")
    letters.make_take(folder_of(shot, "v003"), FRAMES)
    nuke.stage.answers[:] = [None]
    press(shot, "delete_take")
    assert nuke.stage.questions[-1] == "Delete a take: v003", "the others are shown, one of them by the wipe"
    shot["compare_take"].setValue(none)
    assert node.shown_directory(shot, "compare") is None
    assert post.sent == []


def test_settings_of_a_take_are_taken_over(post: Letters, shot: nuke.Node) -> None:
    request = {"edit_type": "background", "prompt": "blue sky", "exposure": 1.5, "finish": {"despill": 0.5}}
    letters.make_take(folder_of(shot), FRAMES, request)
    press(shot, "refresh")
    shot["take"].setValue(shot["take"].values()[1])
    press(shot, "adopt_settings")
    names = ("edit_type", "prompt", "seed", "preset", "use_model_settings", "exposure", "finish_despill")
    assert [node.value(shot, name) for name in names] == ["background", "blue sky", 7, "final", True, 1.5, 0.5]


def test_a_copy_starts_a_stack_of_its_own(post: Letters, shot: nuke.Node) -> None:
    letters.make_take(folder_of(shot), FRAMES)
    old = node.value(shot, "vera_node_id")
    press(shot, "start_own_stack")
    assert node.value(shot, "vera_node_id") != old
    item = shot["take"].values()[1]
    assert item.startswith("original v001")
    shot["take"].setValue(item)
    assert node.shown_directory(shot) == node.take_root(shot) / str(old) / "v001"


def test_a_stale_take_is_marked_on_the_node(post: Letters, shot: nuke.Node) -> None:
    shot["seed"].setValue(7)
    finish(post, folder_of(shot), generate(post, shot))
    quiet(lambda: str(shot["stale"].value()) == "It is what the node asks for")
    fresh = int(shot["tile_color"].value())
    own = "[value seed]\nmine\n"
    shot["label"].setValue(own)
    shot["prompt"].setValue("another thing")
    press(shot, "refresh")
    quiet(lambda: "The prompt was: add a red ball" in str(shot["stale"].value()))
    assert (shot["label"].getText(), shot["label"].value()) == (f"{own}\nstale", "7\nmine\n\nstale")
    assert int(shot["tile_color"].value()) != fresh
    shot["prompt"].setValue("add a red ball")
    press(shot, "refresh")
    quiet(lambda: "asks for" in str(shot["stale"].value()))
    assert (shot["label"].getText(), int(shot["tile_color"].value())) == (own, fresh)


def test_a_change_above_is_noticed_though_nuke_tells_the_node_nothing(
    post: Letters, shot: nuke.Node, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nuke.stage.run_startup(repository / "plugins" / "nuke")
    for module, name in ((changes, "SECONDS_TO_WAIT"), (marks, "SECONDS_BETWEEN_LOOKS")):
        monkeypatch.setattr(module, name, 0.05)
    grade = nuke.nodes.Grade(inputs=[shot.input(0)], multiply=0.5)
    shot.setInput(0, grade)
    shot["seed"].setValue(7)
    finish(post, folder_of(shot), generate(post, shot))
    quiet(lambda: str(shot["stale"].value()) == "It is what the node asks for")
    for value, said in ((0.75, "What feeds the plate was another"), (0.5, "It is what the node asks for")):
        grade["multiply"].setValue(value)
        nuke.callbacks.call("updateUI", grade)
        quiet(lambda said=said: str(shot["stale"].value()) == said)


def test_an_opened_panel_is_as_the_node_and_the_disk_are(post: Letters, shot: nuke.Node) -> None:
    shot["frames_from"].setValue("Custom")
    shot["first_frame"].setEnabled(False)
    letters.make_take(folder_of(shot), FRAMES)
    shot.showControlPanel()
    assert shot["first_frame"].enabled()
    assert len(shot["take"].values()) == 2


def test_callbacks_are_short_while_a_take_runs(post: Letters, shot: nuke.Node) -> None:
    request = generate(post, shot)
    nuke.main_thread.served.clear()
    steps = {"step_count": 40, "window_count": 1, "window": 1, "seconds_per_step": 0.1, "seconds_left": 4.0}
    for step in range(1, 41):
        post.say({"take_id": "t1", "sequence": step + 1, "step_done": {**steps, "step": step}})
        nuke.main_thread.pump(0.02)
    finish(post, folder_of(shot), request)
    quiet(lambda: node.shown_directory(shot) == folder_of(shot))
    held = sorted(seconds for _, seconds in nuke.main_thread.served)
    assert len(held) <= 2 + 40 * 0.02 / work.news.TICK_SECONDS + 40, "called only where there is news"
    began = time.perf_counter()
    press(shot, "cancel")
    held.append(time.perf_counter() - began)
    assert max(held) < 0.05 * 10, f"the longest held the main thread for {1000 * max(held):.1f} ms"
