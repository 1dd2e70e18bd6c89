# SPDX-License-Identifier: GPL-3.0-or-later
"""How the take stack and the re-run look. They draw what is known and start nothing but a look at files."""

import bpy

from . import color_spaces, marks, shown_takes
from .client_package import PartialTake, TakeFolder, Verdict
from .panels import NodePanel, draw_lines

NEWEST = 12
"""Takes that are listed before *All takes* is ticked; starred ones and the one shown always are."""


class VERA_EDIT_PT_takes(NodePanel, bpy.types.Panel):
    bl_label = "Takes"

    def draw(self, context: bpy.types.Context) -> None:
        node, layout = context.active_node, self.layout
        settings = node.node_tree.vera_edit
        takes = shown_takes.takes_by_number(settings)
        number = shown_takes.take_number(settings)
        shown = takes.get(number)
        verdict = marks.last_look(node, shown) if shown else None

        stack = layout.column(align=True)
        for partial in reversed(shown_takes.partial_takes(settings)):
            draw_partial(stack, settings, partial)
        for each in listed(settings, takes, number):
            draw_row(stack, settings, shown_takes.identifier(each, takes[each]), takes[each], each == number, verdict)
        if len(takes) > NEWEST:
            layout.prop(settings, "shows_all_takes", text=f"All {len(takes)} takes")
        if shown:
            draw_shown(layout, settings, shown, verdict)


class VERA_EDIT_PT_rerun(NodePanel, bpy.types.Panel):
    bl_label = "Re-run range"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.active_node.node_tree.vera_edit
        take = shown_takes.shown_take(settings)
        if take is None:
            layout.label(text="Choose a take first")
            return
        layout.label(text=f"Of {take.version}, frames {take.first_frame}-{take.last_frame}")
        layout.use_property_split = True
        frames = layout.column(align=True)
        frames.prop(settings, "rerun_first_frame")
        frames.prop(settings, "rerun_last_frame")
        layout.prop(settings, "rerun_prompt")
        layout.prop(settings, "rerun_seed_from")
        if settings.rerun_seed_from == "this":
            layout.prop(settings, "rerun_seed")
        layout.prop(settings, "variants")
        layout.prop(settings, "rerun_mask_from")
        layout.prop(settings, "rerun_strength", slider=True)
        layout.operator("vera_edit.rerun", icon="FILE_REFRESH").node_id = settings.node_id


def listed(settings: bpy.types.PropertyGroup, takes: dict[int, TakeFolder], shown: int) -> list[int]:
    """The numbers of the takes that are listed, newest first, those of the original last."""
    own = sorted((number for number in takes if number < shown_takes.INHERITED), reverse=True)
    order = own + sorted((number for number in takes if number > shown_takes.INHERITED), reverse=True)
    if settings.shows_all_takes:
        return order
    return [number for k, number in enumerate(order) if k < NEWEST or number == shown or takes[number].notes.starred]


def draw_row(
    stack: bpy.types.UILayout,
    settings: bpy.types.PropertyGroup,
    name: str,
    take: TakeFolder,
    is_shown: bool,
    verdict: Verdict | None,
) -> None:
    """One finished take; a press on its name shows it."""
    row = stack.row(align=True)
    text = " ".join([name.replace("_", " "), take.notes.label])
    show = row.operator(
        "vera_edit.show_take", text=text, icon="RADIOBUT_ON" if is_shown else "RADIOBUT_OFF", emboss=is_shown
    )
    seam = take.seam
    is_marked = is_shown and verdict is not None and verdict.is_stale
    row.label(text=f"{take.first_frame}-{take.last_frame}", icon="ERROR" if is_marked else "NONE")
    row.label(text=f"{seam.value:.1f}" if seam else "", icon="ERROR" if seam and seam.may_be_seen else "NONE")
    star = row.operator("vera_edit.star_take", text="", icon="SOLO_ON" if take.notes.starred else "SOLO_OFF")
    delete = row.operator("vera_edit.delete_take", text="", icon="TRASH")
    for button in (show, star, delete):
        button.node_id, button.take = settings.node_id, name


def draw_partial(stack: bpy.types.UILayout, settings: bpy.types.PropertyGroup, partial: PartialTake) -> None:
    """One take that is not finished, and what can be done with it."""
    row = stack.row(align=True)
    row.label(text=" ".join([partial.text, partial.notes.label]), icon="PAUSE" if partial.is_stopped else "TIME")
    if not partial.is_stopped:
        row.operator("vera_edit.reconnect", text="", icon="LINKED").node_id = settings.node_id
        return
    buttons = [row.operator("vera_edit.resume_take", text="", icon="PLAY")]
    if partial.frames:
        buttons.append(row.operator("vera_edit.keep_frames", text="", icon="FILE_TICK"))
    for button in buttons:
        button.node_id, button.version = settings.node_id, partial.version
    delete = row.operator("vera_edit.delete_take", text="", icon="TRASH")
    delete.node_id, delete.take = settings.node_id, partial.version


def draw_shown(
    layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup, take: TakeFolder, verdict: Verdict | None
) -> None:
    """What there is to say of the take that is shown."""
    box = layout.box()
    box.prop(settings, "label")
    box.prop(settings, "note")
    for line, is_bad in lines_of(take, verdict):
        draw_lines(box, line, "ERROR" if is_bad else "NONE")
    box.operator("vera_edit.adopt_settings", icon="LOOP_BACK").node_id = settings.node_id


def lines_of(take: TakeFolder, verdict: Verdict | None) -> list[tuple[str, bool]]:
    """Sentences about a take, and whether each is bad news."""
    lines = []
    if take.base is not None:
        lines.append((f"Made from {take.base.version}", False))
    if take.seam is not None:
        lines.append((f"Largest {take.seam.text}", take.seam.may_be_seen))
    lines += [(text, True) for text in (*take.warnings, color_spaces.notice(take)) if text]
    if verdict is not None:
        lines += [(f"Stale: {reason}", True) for reason in verdict.reasons]
        lines += [(f"Not looked at: {', '.join(verdict.unseen)}", False)] if verdict.unseen else []
    return lines


CLASSES = (VERA_EDIT_PT_takes, VERA_EDIT_PT_rerun)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
