# SPDX-License-Identifier: GPL-3.0-or-later
"""What the buttons of the take stack do. In a script each returns when the engine has done it.

Takes are named as in the node's `take`: `v003`, `original_v003`.
"""

from pathlib import Path

import bpy

from . import drain, layers, nodes, shown_takes
from .client_package import PartialTake, Run, TakeFolder, VeraClientError
from .operators import NODE_ID, NOT_ASKED, REPLY_SECONDS, WAIT, NodeOperator, node_for, start
from .region import adopt_region

TAKE = {"name": "Take", "description": "As the node's `take` names it; empty: the one shown", "options": NOT_ASKED}
VERSION = {"name": "Version", "description": "As in v003", "options": NOT_ASKED}


def take_for(operator: bpy.types.Operator, settings: bpy.types.PropertyGroup) -> TakeFolder | None:
    """The finished take an operator is for; reports where there is none."""
    take = shown_takes.find_take(settings, operator.take) if operator.take else shown_takes.shown_take(settings)
    if take is None:
        operator.report({"ERROR"}, f"No take {operator.take or 'is shown'}")
    return take


def partial_for(operator: bpy.types.Operator, settings: bpy.types.PropertyGroup) -> PartialTake | None:
    """The unfinished take an operator is for; reports where there is none."""
    found = next((t for t in shown_takes.partial_takes(settings) if t.version == operator.version), None)
    if found is None:
        operator.report({"ERROR"}, f"No unfinished take {operator.version}")
    return found


def folder_for(operator: bpy.types.Operator, settings: bpy.types.PropertyGroup) -> Path | None:
    """The version directory of a take, finished or stopped, that an operator is for; reports where there is none."""
    stopped = (take for take in shown_takes.partial_takes(settings) if take.is_stopped)
    partial = next((take for take in stopped if take.version == operator.take), None)
    if partial is not None:
        return partial.version_directory
    take = take_for(operator, settings)
    return take.directory if take else None


def nodes_that_show(directory: Path) -> list[str]:
    """The nodes of the file, baked ones too, that show the take of a version directory."""
    return [
        group.label or group.name
        for group in nodes.groups()
        if group.node_tree and group.node_tree.vera_edit.node_id
        if layers.shown_folder(group.node_tree) == directory
    ]


class VERA_EDIT_OT_show_take(bpy.types.Operator):
    """Show this take: renders nothing and needs no engine"""

    bl_idname = "vera_edit.show_take"
    bl_label = "Show take"
    bl_options = {"REGISTER", "UNDO"}

    node_id: bpy.props.StringProperty(**NODE_ID)
    take: bpy.props.StringProperty(**TAKE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = node_for(self, context)
        take = take_for(self, node.node_tree.vera_edit) if node else None
        if take is None:
            return {"CANCELLED"}
        try:
            shown_takes.show_take(node.node_tree.vera_edit, take)
        except VeraClientError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class VERA_EDIT_OT_star_take(NodeOperator, bpy.types.Operator):
    """Star this take, or take its star away; a starred one is not deleted"""

    bl_idname = "vera_edit.star_take"
    bl_label = "Star"

    node_id: bpy.props.StringProperty(**NODE_ID)
    take: bpy.props.StringProperty(**TAKE)
    wait: bpy.props.BoolProperty(**WAIT)

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = node_for(self, context)
        take = take_for(self, node.node_tree.vera_edit) if node else None
        if take is None:
            return {"CANCELLED"}
        sent = drain.annotate(node.node_tree.vera_edit.node_id, take.directory, starred=not take.notes.starred)
        return finish(self, sent)


class VERA_EDIT_OT_delete_take(NodeOperator, bpy.types.Operator):
    """Delete this take and its files for good; one that was cancelled or has failed, too"""

    bl_idname = "vera_edit.delete_take"
    bl_label = "Delete take"

    node_id: bpy.props.StringProperty(**NODE_ID)
    take: bpy.props.StringProperty(**TAKE)
    force: bpy.props.BoolProperty(
        name="Though it is starred or others are based on it",
        description="Takes that are based on it lose nothing: the frames they share are theirs as well",
        options={"SKIP_SAVE"},
    )
    wait: bpy.props.BoolProperty(**WAIT)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.wait = bpy.app.background
        return self.execute(context) if self.wait else context.window_manager.invoke_props_dialog(self)

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.label(text=f"Delete {self.take.replace('_', ' ')} and its files?")
        self.layout.prop(self, "force")

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = node_for(self, context)
        directory = folder_for(self, node.node_tree.vera_edit) if node else None
        if directory is None:
            return {"CANCELLED"}
        showing = nodes_that_show(directory)
        if showing:
            names = ", ".join(showing)
            self.report({"ERROR"}, f"{directory.name} is shown by {names}: choose another take there first")
            return {"CANCELLED"}
        sent = drain.connect().send(
            node.node_tree.vera_edit.node_id, "delete_take", directory=str(directory), force=self.force
        )
        drain.keep_draining()
        return finish(self, sent)


class VERA_EDIT_OT_resume_take(NodeOperator, bpy.types.Operator):
    """Go on with this take after the last of its windows that was finished"""

    bl_idname = "vera_edit.resume_take"
    bl_label = "Resume"

    node_id: bpy.props.StringProperty(**NODE_ID)
    version: bpy.props.StringProperty(**VERSION)
    wait: bpy.props.BoolProperty(**WAIT)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return go_on(self, context, "resume_take")


class VERA_EDIT_OT_keep_frames(NodeOperator, bpy.types.Operator):
    """Make a finished take of the frames that this one had finished"""

    bl_idname = "vera_edit.keep_frames"
    bl_label = "Keep frames"

    node_id: bpy.props.StringProperty(**NODE_ID)
    version: bpy.props.StringProperty(**VERSION)
    wait: bpy.props.BoolProperty(**WAIT)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return go_on(self, context, "keep_frames")


class VERA_EDIT_OT_reconnect(NodeOperator, bpy.types.Operator):
    """Follow the node's take that is in work, or waits for its engine, since an earlier session"""

    bl_idname = "vera_edit.reconnect"
    bl_label = "Follow"

    node_id: bpy.props.StringProperty(**NODE_ID)
    wait: bpy.props.BoolProperty(**WAIT)

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = node_for(self, context)
        if node is None:
            return {"CANCELLED"}
        if not drain.takes_left_in_work(node):
            self.report({"ERROR"}, "No take of this node is in work")
            return {"CANCELLED"}
        return start(self, node, lambda: drain.takes_left_in_work(node))


class VERA_EDIT_OT_adopt_settings(bpy.types.Operator):
    """Set the node to what the take shown was made with: kind of edit, words, seed, region, finish and all the rest"""

    bl_idname = "vera_edit.adopt_settings"
    bl_label = "Settings of this take"
    bl_options = {"REGISTER", "UNDO"}

    node_id: bpy.props.StringProperty(**NODE_ID)
    take: bpy.props.StringProperty(**TAKE)

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = node_for(self, context)
        take = take_for(self, node.node_tree.vera_edit) if node else None
        if take is None:
            return {"CANCELLED"}
        if "request" not in take.record:
            self.report({"ERROR"}, f"The take.json of {take.version} does not say how it was made")
            return {"CANCELLED"}
        adopt(node.node_tree.vera_edit, take)
        return {"FINISHED"}


def adopt(settings: bpy.types.PropertyGroup, take: TakeFolder) -> None:
    """Sets a node to what a take was made with."""
    request, effective = take.record["request"], take.record["settings"]
    settings.edit_type, settings.prompt = request["edit_type"], request["prompt"]
    settings.use_new_seed, settings.variants = False, 1
    settings.seed = effective["seed"]
    settings.preset = effective.get("preset") or "final"  # the plain sampler, before there were presets
    asked = (request["settings"]["num_inference_steps"], request["settings"]["guidance_scale"])
    settings.use_model_settings = asked == (None, None)
    settings.steps, settings.guidance = effective["num_inference_steps"], effective["guidance_scale"]
    if request["mask"] is not None:
        settings.mask_meaning, settings.mask_invert = request["mask"]["meaning"], request["mask"]["invert"]
    if "finish" not in request:
        return  # of an engine that knew none of these
    settings.exposure = request["exposure"] or 0.0
    adopt_region(settings, request["region"])
    for name, value in request["finish"].items():
        if value is not None:
            setattr(settings, f"finish_{name}", value)


def go_on(operator: bpy.types.Operator, context: bpy.types.Context, method: str) -> set[str]:
    """Has the engine do something with an unfinished take, and shows what becomes of it."""
    node = node_for(operator, context)
    partial = partial_for(operator, node.node_tree.vera_edit) if node else None
    if partial is None:
        return {"CANCELLED"}
    settings = node.node_tree.vera_edit
    params = {"directory": str(partial.version_directory)}
    return start(
        operator, node, lambda: [Run(settings.node_id, method, params, shown_before=shown_takes.shown_now(settings))]
    )


def finish(operator: bpy.types.Operator, ticket: object, seconds: float | None = REPLY_SECONDS) -> set[str]:
    """Waits for an errand in a script; with a window its refusal is said on the node."""
    if not operator.wait:
        return {"FINISHED"}
    try:
        ticket.result(seconds)
    except VeraClientError as error:
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    finally:
        drain.drain()
    return {"FINISHED"}


CLASSES = (
    VERA_EDIT_OT_show_take,
    VERA_EDIT_OT_star_take,
    VERA_EDIT_OT_delete_take,
    VERA_EDIT_OT_resume_take,
    VERA_EDIT_OT_keep_frames,
    VERA_EDIT_OT_reconnect,
    VERA_EDIT_OT_adopt_settings,
)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
