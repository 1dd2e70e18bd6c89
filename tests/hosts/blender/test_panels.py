"""What node and side panel draw: without a window nothing is, so calls are held against what Blender declares."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import bpy
import comps
from own_process import own_process
from paper import Paper


@own_process
def test_node_and_panels_draw_settings_warnings_and_what_is_going_on(tmp_path: Path) -> None:
    scene, addon = comps.start_blender(), comps.load_addon()
    tree = addon.compositor_trees.ensure_tree(scene)
    node = comps.add_node(addon, tree)
    settings = node.node_tree.vera_edit
    texts: list[str] = []

    def drawn() -> list[str]:
        texts.clear()
        addon.panels.draw_node(Paper(texts), settings)
        addon.panels.VERA_EDIT_PT_node.draw(SimpleNamespace(layout=Paper(texts)), SimpleNamespace(active_node=node))
        addon.panels.VERA_EDIT_PT_engine.draw(SimpleNamespace(layout=Paper(texts)), bpy.context)
        return list(texts)

    first = drawn()
    assert {"prompt", "take", "generate", "mask_meaning", "seed", "White is where to edit", "bake"} <= set(first)
    assert "steps" not in first
    settings.edit_type, settings.use_model_settings, settings.use_scene_range = "background", False, False
    settings.mask_meaning = "auto"
    assert {"steps", "guidance", "first_frame", "White is what stays"} <= set(drawn())

    session = addon.client_package.session.current()
    run, behind = (addon.client_package.run.Run(settings.node_id, "create_take", {}) for _ in range(2))
    session.runs[settings.node_id] = [run, behind]
    run.text, run.progress = "Step 3 of 12", 0.25
    assert {"Step 3 of 12", "cancel"} <= set(drawn())
    assert "1 more to come" in drawn()
    assert "generate" not in drawn()
    behind.state = "cancelled"
    run.fail({"reason": "The plate lacks frames 3-4.", "remedy": "Put the files there."})
    run.warnings.append("The model does not know the word 'fluffy'.")
    text = " ".join(drawn())
    assert "Failed: The plate lacks frames 3-4. Put the files there." in text.replace("  ", " ")
    assert "fluffy" in text
    session.engine = {
        "engine_version": "0.1.0",
        "device": "cpu float32",
        "model": {
            "name": "small",
            "working_width": 192,
            "working_height": 128,
            "window_frames": 17,
            "vocabulary": ["ball", "red"],
        },
    }
    text = " ".join(drawn())
    assert "model small" in text
    assert "192 x 128" in text
    assert "Knows the words: ball, red" in text


@own_process
def test_lines_are_broken_between_words(tmp_path: Path) -> None:
    addon = comps.load_addon()
    texts: list[str] = []
    addon.panels.draw_lines(Paper(texts), "one two three four", width=10)
    assert [text for text in texts if text] == ["one two", "three four"]
