"""Takes made better, gone on with, kept and annotated: from the node through a real engine and back."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import bpy
import comps
import numpy as np
import pytest
from engine_comps import FRAMES, drain_until, start, take_of
from own_process import __file__ as own_process_file
from own_process import own_process, run_blender

pytestmark = pytest.mark.usefixtures("engine")


def folder_of(tmp_path: Path, node) -> Path:
    return tmp_path / "vera_takes" / node.node_tree.vera_edit.node_id


@own_process
def test_a_rerun_range_is_new_and_the_other_frames_are_the_takes_own_files(tmp_path: Path) -> None:
    _, addon, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    bpy.ops.vera_edit.generate(node_id=settings.node_id)
    settings.rerun_first_frame = settings.rerun_last_frame = 5
    assert bpy.ops.vera_edit.rerun(node_id=settings.node_id) == {"FINISHED"}
    assert (settings.take, settings.stale) == ("v002", "")
    folder = folder_of(tmp_path, node)
    for frame in FRAMES:
        first, second = (folder / version / f"layers.{frame:04d}.exr" for version in ("v001", "v002"))
        assert (first.read_bytes() == second.read_bytes()) == (frame != 5), frame
    take = addon.shown_takes.shown_take(settings)
    assert take.base.version == "v001"
    assert take.missing_frames == []
    assert take.seam is not None
    assert take.seam.text in addon.take_panels.lines_of(take, None)[1][0]
    # A repair of the repair, with other words
    settings.rerun_first_frame, settings.rerun_last_frame, settings.rerun_prompt = 1, 1, "add a blue ball"
    assert bpy.ops.vera_edit.rerun(node_id=settings.node_id) == {"FINISHED"}
    assert settings.take == "v003"
    assert (folder / "v003" / "layers.0005.exr").read_bytes() == (folder / "v002" / "layers.0005.exr").read_bytes()
    assert settings.stale == ""


@own_process
def test_the_same_request_again_shows_the_take_that_is_there_and_variants_are_new(tmp_path: Path) -> None:
    _, addon, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    settings.seed = 3
    bpy.ops.vera_edit.generate(node_id=settings.node_id)
    settings.take = "NONE"
    bpy.ops.vera_edit.generate(node_id=settings.node_id)
    assert (settings.take, settings.status) == ("v001", "v001 is this very take already")
    settings.variants = 2
    bpy.ops.vera_edit.generate(node_id=settings.node_id)
    first, second = addon.client_package.session.known().runs[settings.node_id]
    assert (first.version, first.existing, second.version, second.existing) == ("v001", True, "v002", False)
    assert settings.take == "v001"  # what the artist sees is not exchanged for each that comes
    one, two = (take_of(tmp_path, node, version) for version in ("v001", "v002"))
    assert any(not np.array_equal(one[frame], two[frame]) for frame in FRAMES)


@own_process
def test_a_cancelled_take_is_gone_on_with(tmp_path: Path) -> None:
    _, addon, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    settings.use_model_settings, settings.steps, settings.seed = False, 120, 4
    bpy.ops.vera_edit.generate(node_id=settings.node_id)
    bpy.ops.vera_edit.generate(node_id=settings.node_id, wait=False, again=True)
    run = addon.client_package.session.known().run_of(settings.node_id)
    drain_until(addon, lambda: run.progress > 0)
    bpy.ops.vera_edit.cancel(node_id=settings.node_id)
    drain_until(addon, lambda: run.is_final)
    (partial,) = addon.shown_takes.partial_takes(settings)
    assert (partial.text, partial.is_stopped) == ("v002 cancelled", True)
    with pytest.raises(RuntimeError, match="Failed: "):
        bpy.ops.vera_edit.keep_frames(node_id=settings.node_id, version="v002")  # it has none
    bpy.ops.vera_edit.generate(node_id=settings.node_id, wait=False, again=True)
    bpy.ops.vera_edit.cancel(node_id=settings.node_id)
    drain_until(addon, lambda: addon.client_package.session.known().run_of(settings.node_id).is_final)
    assert bpy.ops.vera_edit.delete_take(node_id=settings.node_id, take="v003") == {"FINISHED"}
    assert [take.version for take in addon.shown_takes.partial_takes(settings)] == ["v002"]
    assert bpy.ops.vera_edit.resume_take(node_id=settings.node_id, version="v002") == {"FINISHED"}
    assert settings.take == "v002"
    assert addon.shown_takes.partial_takes(settings) == []
    undisturbed, resumed = (take_of(tmp_path, node, version) for version in ("v001", "v002"))
    for frame in FRAMES:
        np.testing.assert_array_equal(undisturbed[frame], resumed[frame])


@own_process
def test_frames_that_a_cancelled_take_had_finished_are_kept(tmp_path: Path) -> None:
    # Frames 1-40 take several windows of the tiny model; the plate holds its last file.
    scene, addon, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    scene.frame_end, settings.use_model_settings, settings.steps = 40, False, 200
    bpy.ops.vera_edit.generate(node_id=settings.node_id, wait=False)
    run = addon.client_package.session.known().run_of(settings.node_id)
    drain_until(addon, lambda: "window 2 of" in run.text or run.is_final)
    bpy.ops.vera_edit.cancel(node_id=settings.node_id)
    drain_until(addon, lambda: run.is_final)
    assert run.state == "cancelled"
    (partial,) = addon.shown_takes.partial_takes(settings)
    assert partial.frames[0] == 1
    assert bpy.ops.vera_edit.keep_frames(node_id=settings.node_id, version="v001") == {"FINISHED"}
    assert settings.take == "v001"
    take = addon.shown_takes.shown_take(settings)
    assert take.first_frame == 1
    assert take.last_frame < 40
    assert take.missing_frames == []
    assert settings.status.startswith("v001 keeps frames 1-")
    assert settings.stale == f"It lacks frames {take.last_frame + 1}-40, which are asked for"


@own_process
def test_a_take_is_followed_again_by_a_session_that_knows_nothing_of_it(tmp_path: Path) -> None:
    _, addon, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    settings.use_model_settings, settings.steps = False, 1000
    bpy.ops.vera_edit.generate(node_id=settings.node_id, wait=False)
    drain_until(addon, lambda: addon.client_package.session.known().run_of(settings.node_id).progress > 0)
    addon.client_package.session.close()
    assert bpy.ops.vera_edit.reconnect(node_id=settings.node_id, wait=False) == {"FINISHED"}
    run = addon.client_package.session.known().run_of(settings.node_id)
    drain_until(addon, lambda: run.progress > 0)
    bpy.ops.vera_edit.cancel(node_id=settings.node_id)
    drain_until(addon, lambda: run.is_final)
    with pytest.raises(RuntimeError, match="No take of this node is in work"):
        bpy.ops.vera_edit.reconnect(node_id=settings.node_id)


def test_a_blender_that_was_killed_follows_its_take_when_its_file_is_opened_again(tmp_path: Path) -> None:
    for step, status in ((generate_and_be_killed, -signal.SIGKILL), (open_and_follow, 0)):
        command = [sys.executable, own_process_file, __file__, step.__name__, str(tmp_path)]
        done = run_blender(command, timeout=300)
        assert done.returncode == status, done.stdout[-6000:]


def generate_and_be_killed(tmp_path: Path) -> None:
    _, addon, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    settings.use_model_settings, settings.steps = False, 1000
    bpy.ops.wm.save_mainfile()
    bpy.ops.vera_edit.generate(node_id=settings.node_id, wait=False)
    drain_until(addon, lambda: addon.client_package.session.known().run_of(settings.node_id).progress > 0)
    os.kill(os.getpid(), signal.SIGKILL)


def open_and_follow(tmp_path: Path) -> None:
    addon = comps.load_addon()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    (node,) = addon.nodes.vera_nodes()
    settings = node.node_tree.vera_edit
    assert settings.take == "NONE"
    addon.file_handlers.follow_takes()  # with a window this is done when a file is opened
    (run,) = addon.client_package.session.known().runs[settings.node_id]
    drain_until(addon, lambda: run.progress > 0)
    assert settings.status.startswith("Step ")
    bpy.ops.vera_edit.cancel(node_id=settings.node_id)
    drain_until(addon, lambda: run.is_final)
    assert (run.state, run.version) == ("cancelled", "v001")


@own_process
def test_takes_are_labeled_starred_and_deleted(tmp_path: Path) -> None:
    _, addon, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    bpy.ops.vera_edit.generate(node_id=settings.node_id)
    settings.rerun_first_frame = settings.rerun_last_frame = 5
    bpy.ops.vera_edit.rerun(node_id=settings.node_id)
    settings.label, settings.note = "softer", "shadow is right now"
    drain_until(addon, lambda: (settings.label, settings.note) == ("softer", "shadow is right now"))
    said = json.loads((folder_of(tmp_path, node) / "v002" / "note.json").read_text())
    assert (said["label"], said["note"]) == ("softer", "shadow is right now")
    drain_until(addon, lambda: not addon.client_package.session.known().is_waiting)
    assert bpy.ops.vera_edit.star_take(node_id=settings.node_id) == {"FINISHED"}
    assert addon.shown_takes.shown_take(settings).notes.starred
    with pytest.raises(RuntimeError, match="v002"):  # it is based on v001
        bpy.ops.vera_edit.delete_take(node_id=settings.node_id, take="v001")
    assert "v002" in addon.client_package.session.known().refusals[settings.node_id]["reason"]
    assert bpy.ops.vera_edit.delete_take(node_id=settings.node_id, take="v001", force=True) == {"FINISHED"}
    assert not (folder_of(tmp_path, node) / "v001").exists()
    assert sorted(take_of(tmp_path, node, "v002")) == list(FRAMES)
    assert (settings.take, settings.stale) == ("v002", "")
    settings.take = "NONE"
    with pytest.raises(RuntimeError, match="star"):
        bpy.ops.vera_edit.delete_take(node_id=settings.node_id, take="v002")
    bpy.ops.vera_edit.star_take(node_id=settings.node_id, take="v002")
    bpy.ops.vera_edit.delete_take(node_id=settings.node_id, take="v002")
    assert list(addon.shown_takes.takes_by_number(settings)) == []
    assert bpy.ops.vera_edit.unload() == {"FINISHED"}
