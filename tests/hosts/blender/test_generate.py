"""From the node through a real engine and back, with a tiny model of random weights."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from pathlib import Path

import bpy
import comps
import numpy as np
import pytest
from engine_comps import FRAMES, SIZE, drain_until, start, take_of
from own_process import own_process

pytestmark = pytest.mark.usefixtures("engine")


@own_process
def test_generate_shows_the_take_and_keeps_every_pixel_outside_its_matte(tmp_path: Path) -> None:
    scene, addon, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    settings.seed = 6  # with which the random weights leave some pixels alone
    assert bpy.ops.vera_edit.generate(node_id=settings.node_id) == {"FINISHED"}
    assert settings.take == "v001"
    assert settings.status.startswith("v001 finished in ")
    takes = take_of(tmp_path, node, "v001")
    outputs = {name: node.outputs[name] for name in ("Edit", "Alpha", "Straight", "Composite")}
    shown = comps.render(scene, outputs, FRAMES, tmp_path / "out")
    untouched = 0
    for frame in FRAMES:
        take = takes[frame]
        plate = comps.read_exr(tmp_path / "plate" / f"plate.{1000 + frame}.exr")
        np.testing.assert_array_equal(shown["Edit"][frame], take[..., :4])
        np.testing.assert_array_equal(shown["Alpha"][frame][..., 0], take[..., 3])
        np.testing.assert_array_equal(shown["Straight"][frame][..., :3], take[..., 4:])
        outside = take[..., 3] == 0
        np.testing.assert_array_equal(shown["Composite"][frame][..., :3][outside], plate[outside])
        untouched += int(outside.sum())
    assert 0 < untouched < len(FRAMES) * SIZE[0] * SIZE[1]
    assert settings.stale == ""
    (mask,) = (tmp_path / "vera_takes" / settings.node_id / "upstream").iterdir()  # kept: the take may be repaired
    assert mask.name.startswith("mask.1-5.")
    assert addon.client_package.session.known().engine["model"]["vocabulary"][:2] == ["a", "add"]
    assert "Knows the words: a, add" in addon.panels.engine_lines(addon.client_package.session.known())[2]


@own_process
def test_a_take_is_finished_anew_and_checked(tmp_path: Path) -> None:
    scene, addon, tree, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    settings.seed, settings.write_residual, settings.exposure = 6, True, 0.5
    bpy.ops.vera_edit.generate(node_id=settings.node_id)
    first = take_of(tmp_path, node, "v001")
    assert bpy.ops.vera_edit.check_take(node_id=settings.node_id) == {"FINISHED"}
    proof = addon.client_package.session.known().proofs[str(addon.shown_takes.shown_take(settings).directory)]
    assert proof["exact"], proof
    assert settings.verdict == proof["verdict"] != ""

    # The mask as hold-out: where the edit was wanted it is held out, and nothing is left of the matte there.
    tree.links.new(node.inputs["Mask"].links[0].from_socket, node.inputs["Hold-out"])
    settings.finish_detail, settings.finish_black = "smooth", 0.0
    assert bpy.ops.vera_edit.finish_again(node_id=settings.node_id) == {"FINISHED"}
    assert (settings.take, settings.stale) == ("v002", "")
    second, take = take_of(tmp_path, node, "v002"), addon.shown_takes.shown_take(settings)
    record = json.loads((take.directory / "take.json").read_text())
    assert (record["request"]["finish"]["detail"], record["request"]["exposure"]) == ("smooth", 0.5)
    assert record["base_take"]["version"] == "v001"
    outputs = {name: node.outputs[name] for name in ("Edit", "Composite", "Residual")}
    shown = comps.render(scene, outputs, FRAMES, tmp_path / "out")
    for frame in FRAMES:
        white = comps.read_exr(tmp_path / "plate" / f"mask.{frame:04d}.exr")[..., 0] == 1
        plate = comps.read_exr(tmp_path / "plate" / f"plate.{1000 + frame}.exr")
        assert not second[frame][..., 3][white].any()
        assert not np.array_equal(first[frame], second[frame])
        np.testing.assert_array_equal(shown["Edit"][frame], second[frame][..., :4])  # held out once, not twice
        np.testing.assert_array_equal(shown["Composite"][frame][..., :3][white], plate[white])
        np.testing.assert_array_equal(shown["Residual"][frame][..., :3], comps.read_exr(take.residual_file(frame)))


@own_process
def test_the_same_request_gives_the_same_bits_and_another_version(tmp_path: Path) -> None:
    _, _, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    settings.seed = 11
    for _ in range(2):
        bpy.ops.vera_edit.generate(node_id=settings.node_id, again=True)
    settings.seed = 12
    bpy.ops.vera_edit.generate(node_id=settings.node_id)
    one, two, three = (take_of(tmp_path, node, version) for version in ("v001", "v002", "v003"))
    for frame in FRAMES:
        np.testing.assert_array_equal(one[frame], two[frame])
    assert any(not np.array_equal(one[frame], three[frame]) for frame in FRAMES)
    assert settings.take == "v003"
    settings.take = "v001"
    assert settings.take_path.endswith("/v001")


@own_process
def test_two_nodes_at_once_each_get_their_own_take(tmp_path: Path) -> None:
    _, addon, tree, one = start(tmp_path)
    two = comps.add_node(addon, tree, one.inputs["Image"].links[0].from_socket)
    two.node_tree.vera_edit.prompt = "add a blue ball"
    ids = [node.node_tree.vera_edit.node_id for node in (one, two)]
    for node_id in ids:
        bpy.ops.vera_edit.generate(node_id=node_id, wait=False)
    with pytest.raises(RuntimeError, match="still in work"):
        bpy.ops.vera_edit.generate(node_id=ids[0])
    drain_until(addon, lambda: not list(addon.client_package.session.known().unfinished()))
    for node, node_id, prompt in zip((one, two), ids, ("add a red ball", "add a blue ball"), strict=True):
        settings = node.node_tree.vera_edit
        assert (settings.take, settings.take_path) == ("v001", f"//vera_takes/{node_id}/v001")
        record = json.loads((tmp_path / "vera_takes" / node_id / "v001" / "take.json").read_text())
        assert (record["request"]["node_id"], record["request"]["prompt"]) == (node_id, prompt)


@own_process
def test_words_the_model_does_not_know_are_said_on_the_node(tmp_path: Path) -> None:
    _, addon, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    settings.prompt = "add a fluffy ball"
    bpy.ops.vera_edit.generate(node_id=settings.node_id)
    (warning,) = addon.client_package.session.known().run_of(settings.node_id).warnings
    assert "fluffy" in warning


@own_process
def test_what_the_engine_refuses_is_said_with_its_remedy(tmp_path: Path) -> None:
    _, addon, tree, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    settings.edit_type = "background"
    tree.links.remove(node.inputs["Mask"].links[0])
    with pytest.raises(RuntimeError, match="mask"):
        bpy.ops.vera_edit.generate(node_id=settings.node_id)
    assert settings.status.startswith("Failed: ")
    assert addon.client_package.session.known().run_of(settings.node_id).error["argument"] == "mask"
    assert settings.take == "NONE"


@own_process
def test_cancel_stops_the_take_and_the_node_stays_as_it_was(tmp_path: Path) -> None:
    _, addon, _, node = start(tmp_path)
    settings = node.node_tree.vera_edit
    settings.use_model_settings, settings.steps = False, 1000
    bpy.ops.vera_edit.generate(node_id=settings.node_id, wait=False)
    run = addon.client_package.session.known().run_of(settings.node_id)
    drain_until(addon, lambda: run.progress > 0)
    assert settings.status.startswith("Step ")
    bpy.ops.vera_edit.cancel(node_id=settings.node_id)
    drain_until(addon, lambda: run.is_final)
    assert (run.state, settings.status, settings.take) == ("cancelled", "v001 cancelled", "NONE")
    assert not (tmp_path / "vera_takes" / settings.node_id / "v001").exists()


@own_process
def test_a_node_deleted_meanwhile_does_no_harm(tmp_path: Path) -> None:
    _, addon, tree, node = start(tmp_path)
    node_id = node.node_tree.vera_edit.node_id
    bpy.ops.vera_edit.generate(node_id=node_id, wait=False)
    tree.nodes.remove(node)
    drain_until(addon, lambda: not list(addon.client_package.session.known().unfinished()))
    assert (tmp_path / "vera_takes" / node_id / "v001" / "take.json").exists()


@own_process
def test_an_engine_killed_in_the_middle_is_said_and_the_take_still_comes_to_an_end(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="vera-blender-killed-") as state:
        _, addon, _, node = start(tmp_path, state_dir=Path(state))
        settings = node.node_tree.vera_edit
        settings.use_model_settings, settings.steps = False, 60
        bpy.ops.vera_edit.generate(node_id=settings.node_id, wait=False)
        run = addon.client_package.session.known().run_of(settings.node_id)
        drain_until(addon, lambda: run.progress > 0)
        os.kill(json.loads((Path(state) / "engine.json").read_text())["process_id"], signal.SIGKILL)
        said: list[str] = []
        drain_until(addon, lambda: said.append(settings.status) or run.is_final)
        assert any(text.startswith("Engine lost: ") for text in said), said[-3:]
        assert run.state in ("finished", "failed")
        assert (settings.take == "v001") == (run.state == "finished")
        addon.client_package.session.known().client.stop_engine(cancel_running=True)


@own_process
def test_where_the_engine_is_not_installed_the_node_says_so_at_once(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="vera-blender-none-") as state:
        _, addon, _, node = start(tmp_path)
        addon.client_package.session.close()
        addon.client_package.session.current(python=str(tmp_path / "no" / "python"), state_dir=state)
        settings = node.node_tree.vera_edit
        with pytest.raises(RuntimeError, match="not there"):
            bpy.ops.vera_edit.generate(node_id=settings.node_id)
        assert settings.status.startswith("Failed: ")
        with pytest.raises(RuntimeError, match="not there"):
            bpy.ops.vera_edit.ask_engine()
