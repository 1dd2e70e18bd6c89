# SPDX-License-Identifier: GPL-3.0-or-later
"""How the node and its side panel look. They draw what is known and start nothing."""

import bpy

from . import previews
from .client_package import Run, engine_lines, session
from .inputs import mask_meaning

PREVIEW_SCALE = 9.0
"""Height of a preview in rows of text."""


def draw_node(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """On the node itself: what is asked for, which take is shown, what is going on."""
    layout.prop(settings, "edit_type", text="")
    layout.prop(settings, "prompt", text="", icon="TEXT")
    layout.prop(settings, "take", text="Take")
    here = session.known()
    run = here.run_of(settings.node_id) if here else None
    if run and not run.is_final:
        draw_work(layout, here, run)
        return
    layout.operator("vera_edit.generate", icon="RENDER_ANIMATION").node_id = settings.node_id
    draw_lines(layout, settings.status, "ERROR" if run and run.state == "failed" else "NONE")
    for warning in run.warnings if run else ():
        draw_lines(layout, warning, "ERROR")
    refusal = here.refusals.get(settings.node_id) if here else None
    if refusal:
        draw_lines(layout, f"{refusal['reason']} {refusal['remedy']}", "ERROR")


def draw_work(layout: bpy.types.UILayout, here: session.Session, run: Run) -> None:
    """A take in work: how far it is, what it looks like so far, how many wait behind it."""
    row = layout.row()
    row.progress(factor=run.progress, text=run.text)
    row.operator("vera_edit.cancel", text="", icon="X").node_id = run.node_id
    behind = sum(not each.is_final for each in here.runs[run.node_id]) - 1
    if behind:
        layout.label(text=f"{behind} more to come")
    picture = previews.icon_of(run.node_id)
    if picture is not None:
        layout.template_icon(picture, scale=PREVIEW_SCALE)


def draw_lines(layout: bpy.types.UILayout, text: str, icon: str = "NONE", width: int = 44) -> None:
    """Text over several lines: a label is cut off."""
    column = layout.column(align=True)
    line = ""
    for word in [*text.split(), ""]:
        if line and (not word or len(line) + len(word) >= width):
            column.label(text=line, icon=icon)
            line, icon = "", "BLANK1" if icon != "NONE" else "NONE"
        line = f"{line} {word}".strip()


def is_ours(node: bpy.types.Node | None) -> bool:
    return node is not None and node.bl_idname == "VeraEditNode" and node.node_tree is not None


class NodePanel:
    """In the compositor's sidebar, while one of our nodes is the active one."""

    bl_space_type = "NODE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Vera Edit"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return is_ours(context.active_node)


class VERA_EDIT_PT_node(NodePanel, bpy.types.Panel):
    bl_label = "Vera Edit"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.active_node.node_tree.vera_edit
        draw_node(layout, settings)
        layout.use_property_split = True
        frames = layout.column(heading="Frames")
        frames.prop(settings, "use_scene_range")
        if not settings.use_scene_range:
            frames.prop(settings, "first_frame")
            frames.prop(settings, "last_frame")
        frames.prop(settings, "handles")
        mask = layout.column()
        mask.prop(settings, "mask_meaning")
        if settings.mask_meaning == "auto":
            means = {"edit": "White is where to edit", "keep": "White is what stays"}
            mask.label(text=means[mask_meaning(settings)])
        mask.prop(settings, "mask_invert")
        model = layout.column()
        model.prop(settings, "use_new_seed")
        if not settings.use_new_seed:
            model.prop(settings, "seed")
        model.prop(settings, "variants")
        model.prop(settings, "preset")
        model.prop(settings, "use_model_settings")
        if not settings.use_model_settings:
            model.prop(settings, "steps")
            model.prop(settings, "guidance")
        layout.prop(settings, "take_root")
        layout.operator("vera_edit.bake").node_id = settings.node_id


class VERA_EDIT_PT_engine(bpy.types.Panel):
    bl_space_type = "NODE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Vera Edit"
    bl_label = "Engine"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.space_data.tree_type == "CompositorNodeTree"

    def draw(self, _context: bpy.types.Context) -> None:
        layout, here = self.layout, session.known()
        layout.operator("vera_edit.ask_engine")
        layout.operator("vera_edit.unload")
        layout.operator("vera_edit.restore")
        for line in engine_lines(here):
            draw_lines(layout, line)


CLASSES = (VERA_EDIT_PT_node, VERA_EDIT_PT_engine)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
