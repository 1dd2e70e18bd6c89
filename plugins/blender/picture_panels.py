# SPDX-License-Identifier: GPL-3.0-or-later
"""How what the model sees of a plate, and how layers are made of what it makes, look in the side panel."""

import bpy

from . import shown_takes
from .client_package import session
from .panels import NodePanel, draw_lines


class VERA_EDIT_PT_picture(NodePanel, bpy.types.Panel):
    bl_label = "Picture"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.active_node.node_tree.vera_edit
        layout.use_property_split = True
        layout.prop(settings, "color_space")
        layout.prop(settings, "exposure")
        layout.prop(settings, "not_finite")
        region = layout.column()
        region.prop(settings, "region_from")
        if settings.region_from == "box":
            box = region.column(align=True)
            for name in ("region_x", "region_y", "region_width", "region_height"):
                box.prop(settings, name)
        if settings.region_from != "all":
            region.prop(settings, "region_margin")


class VERA_EDIT_PT_finish(NodePanel, bpy.types.Panel):
    bl_label = "Finish"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.active_node.node_tree.vera_edit
        layout.use_property_split = True
        matte = layout.column()
        matte.prop(settings, "finish_detail")
        matte.prop(settings, "finish_refine", slider=True)
        ends = layout.column(align=True)
        ends.prop(settings, "finish_black")
        ends.prop(settings, "finish_white")
        color = layout.column()
        color.prop(settings, "finish_despill", slider=True)
        color.prop(settings, "finish_highlights")
        layout.prop(settings, "holdout_in_take")
        layout.prop(settings, "write_residual")
        take = shown_takes.shown_take(settings)
        if take is None:
            return
        layout.operator("vera_edit.finish_again", icon="FILE_REFRESH").node_id = settings.node_id
        here = session.known()
        if here is not None and here.is_checking(str(take.directory)):
            layout.label(text=f"{take.version} is being checked", icon="TIME")
        else:
            layout.operator("vera_edit.check_take", icon="VIEWZOOM").node_id = settings.node_id
        proof = here.proofs.get(str(take.directory)) if here is not None else None
        if proof is not None:
            draw_lines(layout, proof["verdict"], "CHECKMARK" if proof["exact"] else "ERROR")


CLASSES = (VERA_EDIT_PT_picture, VERA_EDIT_PT_finish)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
