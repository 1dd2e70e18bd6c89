"""The take stack: what is listed, shown, kept from being deleted. The takes lie on disk; no engine is asked."""

from __future__ import annotations

import json
import os
import socket
import warnings
from pathlib import Path
from types import SimpleNamespace

import bpy
import comps
import pytest
from own_process import own_process
from paper import Paper

FRAMES = range(1, 4)
REQUEST = {
    "edit_type": "background",
    "prompt": "a green wall",
    "frames": [{"first_frame": 1, "last_frame": 3}],
    "plate": {"path": "", "frame_offset": 0},
    "mask": {"source": {"path": "mask.####.exr"}, "meaning": "keep", "invert": True},
    "settings": {"seed": 5, "num_inference_steps": 8, "guidance_scale": None, "preset": "draft"},
}


def start(tmp_path: Path, versions: int = 1):
    """A saved comp with a plate, a node that it feeds, and takes of the node."""
    scene, addon = comps.start_blender(), comps.load_addon()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    tree = addon.compositor_trees.ensure_tree(scene)
    comps.write_plates(tmp_path / "plate", FRAMES)
    plate = comps.add_plate(tree, tmp_path / "plate" / "plate.0001.exr", len(FRAMES), 1)
    node = comps.add_node(addon, tree, plate.outputs["Image"])
    settings = node.node_tree.vera_edit
    folder = tmp_path / "vera_takes" / settings.node_id
    for number in range(1, versions + 1):
        comps.write_take(folder, f"v{number:03d}", FRAMES, seed=number)
    scene.frame_start, scene.frame_end = FRAMES[0], FRAMES[-1]
    return addon, tree, node, settings, folder


def write_partial(folder: Path, version: str, state: str, frames: range, host: str = "") -> None:
    partial = folder / f"{version}.partial"
    partial.mkdir(parents=True)
    for frame in frames:
        (partial / f"layers.{frame:04d}.exr").write_bytes(b"layers")
    (partial / "take.json").write_text(json.dumps({"take_id": f"id {version}", "state": state}))
    if host:
        (partial / "worker.json").write_text(json.dumps({"host": host, "process_id": 1}))


def drawn(addon, node) -> list[str]:
    texts: list[str] = []
    for panel in (addon.take_panels.VERA_EDIT_PT_takes, addon.take_panels.VERA_EDIT_PT_rerun):
        panel.draw(SimpleNamespace(layout=Paper(texts)), SimpleNamespace(active_node=node))
    return texts


@own_process
def test_a_take_is_shown_by_its_row_and_its_notes_are_read_from_its_folder(tmp_path: Path) -> None:
    addon, _, node, settings, folder = start(tmp_path, versions=2)
    assert (settings.label, settings.note) == ("", "")
    assert bpy.ops.vera_edit.show_take(node_id=settings.node_id, take="v001") == {"FINISHED"}
    assert settings.take == "v001"
    note = {"label": "softer shadow", "note": "the client likes it", "starred": True}
    (folder / "v001" / "note.json").write_text(json.dumps(note))
    assert (settings.label, settings.note) == ("softer shadow", "the client likes it")
    texts = drawn(addon, node)
    assert {"v001 softer shadow", "v002 ", "1-3", "label", "note", "rerun", "adopt_settings"} <= set(texts)
    with pytest.raises(RuntimeError, match="No take v009"):
        bpy.ops.vera_edit.show_take(node_id=settings.node_id, take="v009")


@own_process
def test_the_newest_takes_are_listed_and_the_starred_and_the_shown_one(tmp_path: Path) -> None:
    addon, _, node, settings, folder = start(tmp_path, versions=20)
    (folder / "v002" / "note.json").write_text(json.dumps({"starred": True}))
    settings.take = "v004"
    rows = [text.split()[0] for text in drawn(addon, node) if text.startswith("v0")]
    assert rows[:14] == [f"v{number:03d}" for number in (*range(20, 8, -1), 4, 2)]
    settings.shows_all_takes = True
    rows = [text for text in drawn(addon, node) if text.startswith("v0")]
    assert len(rows) == 20


@own_process
def test_seams_warnings_and_what_is_stale_are_said(tmp_path: Path) -> None:
    addon, _, node, settings, folder = start(tmp_path)
    seams = [
        {"between": [1, 2], "seam": 0.84, "kind": "window"},
        {"between": [2, 3], "seam": 1.72, "kind": "repair"},
    ]
    record = {"base_take": {"version": "v001", "take_id": "x", "directory": "../v001"}, "seams": seams}
    comps.write_take(folder, "v002", FRAMES, warnings=["The mask covers all of every frame."], **record)
    take = addon.client_package.take_folders.read_take_folder(folder / "v002")
    verdict = addon.client_package.freshness.Verdict(("The prompt was: a red ball",), ("Render Layers",))
    assert addon.take_panels.lines_of(take, verdict) == [
        ("Made from v001", False),
        ("Largest seam 1.7 at 2-3", True),
        ("The mask covers all of every frame.", True),
        ("Stale: The prompt was: a red ball", True),
        ("Not looked at: Render Layers", False),
    ]
    settings.take = "v002"
    assert {"1.7", "Made from v001"} <= set(drawn(addon, node))
    for broken in ('{"seams": null, "warnings": null, "frames": 3}', "{"):
        (folder / "v002" / "take.json").write_text(broken)
        assert "v002 " in drawn(addon, node)


@own_process
def test_a_shown_take_is_not_deleted_whichever_node_shows_it(tmp_path: Path) -> None:
    addon, tree, node, settings, folder = start(tmp_path, versions=2)
    settings.take = "v001"
    with pytest.raises(RuntimeError, match="v001 is shown by Vera Edit"):
        bpy.ops.vera_edit.delete_take(node_id=settings.node_id, take="v001", force=True)
    with comps.node_editor(tree):
        node.select = True
        bpy.ops.node.duplicate()
    copy = next(each for each in addon.nodes.vera_nodes() if each != node)
    copy.label = "the copy"
    settings.take = "v002"
    with pytest.raises(RuntimeError, match="v001 is shown by the copy"):
        bpy.ops.vera_edit.delete_take(node_id=settings.node_id, take="v001")
    addon.bake.to_plain_group(copy)
    with pytest.raises(RuntimeError, match="v001 is shown by the copy"):
        bpy.ops.vera_edit.delete_take(node_id=settings.node_id, take="v001")
    assert (folder / "v001" / "take.json").exists()
    assert addon.client_package.session.known() is None  # nobody was asked


@own_process
def test_takes_that_are_not_finished_are_told_with_what_can_be_done(tmp_path: Path) -> None:
    addon, _, node, settings, folder = start(tmp_path)
    write_partial(folder, "v002", "cancelled", range(1, 3))
    write_partial(folder, "v003", "failed", range(0))
    write_partial(folder, "v004", "running", range(1, 2), host=socket.gethostname())
    write_partial(folder, "v005", "queued", range(0))
    write_partial(folder, "v006", "running", range(0), host="another machine")
    texts = drawn(addon, node)
    assert {"v002 cancelled, 2 frames made ", "v003 failed ", "v004 in work, 1 frames made "} <= set(texts)
    assert {"v005 waits for its engine ", "v006 in work "} <= set(texts)
    counts = [texts.count(name) for name in ("resume_take", "keep_frames", "reconnect", "delete_take")]
    assert counts == [2, 1, 3, 3]  # v001 can be deleted too
    left = [run.version for run in addon.drain.takes_left_in_work(node)]
    assert left == ["v004", "v005", "v006"]
    assert [run.version for run in addon.drain.takes_left_in_work(node, here_and_now=True)] == ["v004"]
    os.utime(folder / "v004.partial" / "worker.json", (0, 0))
    assert "v004 waits for its engine, 1 frames made " in drawn(addon, node)
    with pytest.raises(RuntimeError, match="No unfinished take v001"):
        bpy.ops.vera_edit.resume_take(node_id=settings.node_id, version="v001")
    with pytest.raises(RuntimeError, match="No take v004"):  # it is in work
        bpy.ops.vera_edit.delete_take(node_id=settings.node_id, take="v004")


@own_process
def test_takes_may_lie_beside_the_folder_of_the_file(tmp_path: Path) -> None:
    _, _, _, settings, _ = start(tmp_path, versions=2)
    (tmp_path / "blend").mkdir()
    folder = tmp_path / "takes" / settings.node_id
    for number in (1, 2):
        comps.write_take(folder, f"v{number:03d}", FRAMES, seed=number)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "blend" / "shot.blend"))
    for root in (str(tmp_path / "takes"), "//../takes"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            settings.take_root = root
        for version in ("v001", "v002", "v001"):
            settings.take = version
            assert settings.take == version
        assert settings.status == "v001, frames 1-3"
        assert settings.take_path == f"//../takes/{settings.node_id}/v001"
        with pytest.raises(RuntimeError, match="v001 is shown by Vera Edit"):
            bpy.ops.vera_edit.delete_take(node_id=settings.node_id, take="v001", force=True)
    shown = [image.filepath for image in bpy.data.images if image.filepath.endswith("/layers.0001.exr")]
    assert len(shown) == 2  # one of each take, however often they are shown


@own_process
def test_a_file_saved_in_another_folder_keeps_its_takes(tmp_path: Path) -> None:
    addon, tree, _, settings, folder = start(tmp_path, versions=2)
    node_id, other = settings.node_id, comps.add_node(addon, tree)
    other_id = other.node_tree.vera_edit.node_id
    settings.take = "v001"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def is_right(root: str, path: str) -> None:
        found, bare = (addon.nodes.find_node(each).node_tree.vera_edit for each in (node_id, other_id))
        assert (found.take_root, found.take_path, found.take) == (root, f"{path}/{node_id}/v001", "v001")
        assert found.status == "v001, frames 1-3"
        assert bare.take_root == "//vera_takes"  # it has none: they are to lie beside the file
        assert addon.take_operators.nodes_that_show(folder / "v001") == ["Vera Edit"]

    run = addon.take_request.run_with_seed(settings, {"settings": {}}, None)
    bpy.ops.wm.save_as_mainfile(filepath=str(elsewhere / "copy.blend"), copy=True)
    is_right("//vera_takes", "//vera_takes")
    bpy.ops.wm.save_as_mainfile(filepath=str(elsewhere / "shot.blend"))
    is_right("//../vera_takes", "//../vera_takes")
    for name in ("shot", "copy"):
        bpy.ops.wm.open_mainfile(filepath=str(elsewhere / f"{name}.blend"))
        is_right("//../vera_takes", "//../vera_takes")
    # A take that was asked for before is still the one to show.
    run.state, run.directory = "finished", folder / "v002"
    addon.client_package.session.current().runs[node_id] = [run]
    addon.drain.settle(run)
    assert addon.nodes.find_node(node_id).node_tree.vera_edit.take == "v002"


@own_process
def test_a_node_takes_over_what_a_take_was_made_with(tmp_path: Path) -> None:
    _, _, _, settings, folder = start(tmp_path)
    settings.variants, settings.use_new_seed = 4, True
    seen = {
        "exposure": 1.5,
        "region": {"kind": "boxes", "keys": [{"frame": 0, "x": 3, "y": 1, "width": 5, "height": 4}], "margin": 0},
        "finish": {"black": 0.125, "white": 0.875, "detail": "smooth", "refine": 0.5, "despill": 0.25, "highlights": 4},
    }
    effective = comps.record_of({**REQUEST, "frames": []})["settings"]
    comps.write_take(folder, "v002", FRAMES, request={**REQUEST, **seen}, settings=effective)
    bpy.ops.vera_edit.adopt_settings(node_id=settings.node_id, take="v002")
    assert (settings.edit_type, settings.prompt, settings.seed) == ("background", "a green wall", 5)
    assert (settings.use_new_seed, settings.variants, settings.use_model_settings) == (False, 1, False)
    assert settings.preset == "draft"
    assert (settings.steps, settings.guidance, settings.mask_meaning, settings.mask_invert) == (8, 1.0, "keep", True)
    assert (settings.exposure, settings.region_from, settings.region_margin) == (1.5, "box", 0)
    drawn = (settings.region_x, settings.region_y, settings.region_width, settings.region_height)
    assert drawn == (3, 1, 5, 4)
    assert {name: getattr(settings, f"finish_{name}") for name in seen["finish"]} == seen["finish"]
    comps.write_take(folder, "v003", FRAMES, request=REQUEST, settings=effective)  # of an engine that knew none of it
    bpy.ops.vera_edit.adopt_settings(node_id=settings.node_id, take="v003")
    assert (settings.exposure, settings.finish_black) == (1.5, 0.125)
    with pytest.raises(RuntimeError, match="does not say how"):
        bpy.ops.vera_edit.adopt_settings(node_id=settings.node_id, take="v001")


@own_process
def test_a_folder_is_listed_again_when_it_has_changed(tmp_path: Path) -> None:
    addon, _, _, settings, folder = start(tmp_path)
    os.utime(folder / "v001", (0, 0))
    assert addon.client_package.take_folders.read_take_folder(folder / "v001").frames == (1, 2, 3)
    (folder / "v001" / "layers.0002.exr").unlink()
    assert addon.client_package.take_folders.read_take_folder(folder / "v001").frames == (1, 3)
    settings.take = "v001"
    assert settings.status == "v001, frames 1-3; lacks 2"


@own_process
def test_a_preview_is_a_picture_of_the_panel_and_not_of_the_file(tmp_path: Path) -> None:
    addon, _, _, settings, _ = start(tmp_path)
    image = bpy.data.images.new("source", 6, 2)
    image.pixels = [channel for k in range(12) for channel in (k / 15, 1.0, 0.0, 1.0)]
    image.filepath_raw, image.file_format = str(tmp_path / "preview.png"), "PNG"
    image.save()
    bpy.data.images.remove(image)
    before = sorted(image.name for image in bpy.data.images)
    session = addon.client_package.session.current()
    run = addon.client_package.run.Run(settings.node_id, "create_take", {})
    session.runs[settings.node_id] = [run]
    run.preview = (tmp_path / "preview.png").read_bytes()
    assert addon.previews.icon_of(settings.node_id) is None
    for _ in range(2):
        addon.drain.settle(run)
    picture = addon.previews._collection[settings.node_id]
    assert tuple(picture.image_size) == (6, 2)
    red = list(picture.image_pixels_float)[::4]
    assert red == pytest.approx([k / 15 for k in range(12)], abs=1 / 255)
    texts: list[str] = []
    addon.panels.draw_node(Paper(texts), settings)
    assert "template_icon" in texts
    run.state = "cancelled"
    addon.drain.settle(run)
    assert addon.previews.icon_of(settings.node_id) is None
    assert sorted(image.name for image in bpy.data.images) == before


@own_process
def test_a_take_that_blender_cannot_show_is_said_and_holds_nobody_up(tmp_path: Path) -> None:
    addon, tree, node, settings, folder = start(tmp_path)
    other = comps.add_node(addon, tree).node_tree.vera_edit
    comps.write_take(tmp_path / "vera_takes" / other.node_id, "v001", FRAMES)
    session = addon.client_package.session.current()
    runs = [addon.client_package.run.Run(each.node_id, "create_take", {}, take_id="t") for each in (settings, other)]
    for run in runs:
        run.state, run.version, run.directory = "finished", "v001", folder.parent / run.node_id / "v001"
        session.runs[run.node_id] = [run]
    session.drain = lambda: runs
    draw_matte, calls = addon.layers.live_matte.draw_matte, []

    def fail_once(*arguments, **named):
        calls.append(arguments)
        if len(calls) == 1:
            raise TypeError("enum not found")
        return draw_matte(*arguments, **named)

    addon.layers.live_matte.draw_matte = fail_once
    assert addon.drain.tick() is None
    assert (runs[0].state, settings.take, other.take) == ("failed", "NONE", "v001")
    assert "Blender cannot show v001, which is finished: enum not found." in settings.status
    assert {each.bl_idname for each in node.node_tree.nodes} == {"NodeGroupInput", "NodeGroupOutput"}
    settings.take = "v001"  # as the artist does then
    assert settings.take == "v001"


@own_process
def test_a_take_that_came_meanwhile_stays_when_something_else_is_taken_back(tmp_path: Path) -> None:
    addon, tree, _, settings, folder = start(tmp_path)
    node_id, tree_name, name = settings.node_id, tree.name, "something else"
    bpy.ops.ed.undo_push(message="before")
    session = addon.client_package.session.current()
    run = addon.client_package.run.Run(node_id, "create_take", {}, take_id="t", version="v001")
    run.state, run.directory = "finished", folder / "v001"
    session.runs[node_id], session.drain = [run], lambda: [run]
    addon.drain.tick()
    assert settings.take == "v001"
    tree.nodes.new("CompositorNodeBlur").name = name
    bpy.ops.ed.undo_push(message="add a node")

    def undo() -> tuple[str, bool]:
        bpy.ops.ed.undo()
        trees = {each.name: each for each in addon.compositor_trees.all_trees()}  # they are others after it
        return addon.nodes.find_node(node_id).node_tree.vera_edit.take, name in trees[tree_name].nodes

    assert undo() == ("v001", False)
    assert undo() == ("NONE", False)


@own_process
def test_with_a_window_a_timer_drains_until_nothing_is_to_come(tmp_path: Path) -> None:
    addon, _, _, settings, _ = start(tmp_path)
    assert addon.drain.tick() is None
    session = addon.client_package.session.current()
    run = addon.client_package.run.Run(settings.node_id, "create_take", {}, take_id="t1")
    session.runs[settings.node_id] = [run]
    assert addon.drain.tick() == addon.drain.TICK_SECONDS
    run.state = "cancelled"
    assert addon.drain.tick() is None
