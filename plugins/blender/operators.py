# SPDX-License-Identifier: GPL-3.0-or-later
"""What the node's buttons do. In a script `bpy.ops.vera_edit.generate(node_id=...)` returns when the takes are over."""

from collections.abc import Callable

import bpy

from . import bake, compositor_trees, drain, nodes, rerun_request, shown_takes, take_request
from .client_package import Run, TakeFolder, VeraClientError, session

NOT_ASKED = {"SKIP_SAVE", "HIDDEN"}
NODE_ID = {"name": "Node", "description": "The node's id; empty: the active node", "options": NOT_ASKED}
WAIT = {
    "name": "Wait",
    "default": True,
    "description": "Return when it is over; else when it is asked for",
    "options": NOT_ASKED,
}
REPLY_SECONDS = 30.0


def node_for(operator: bpy.types.Operator, context: bpy.types.Context) -> bpy.types.Node | None:
    """The node an operator is for; reports where there is none."""
    node = nodes.find_node(operator.node_id) if operator.node_id else getattr(context, "active_node", None)
    if node is None or node.bl_idname != nodes.VeraEditNode.bl_idname:
        operator.report({"ERROR"}, f"No Vera Edit node {operator.node_id or 'is active'}")
        return None
    return node


def start(operator: bpy.types.Operator, node: bpy.types.Node, make: Callable[[], list[Run]]) -> set[str]:
    """Sends what `make` gives for a node; waits for it where there is no window or a script wants it so."""
    here = session.known()
    running = here.run_of(node.node_tree.vera_edit.node_id) if here else None
    if running and not running.is_final:
        operator.report({"ERROR"}, "This node's take is still in work: wait for it or cancel it")
        return {"CANCELLED"}
    try:
        runs = make()
        drain.start(runs)
    except VeraClientError as error:
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    if not operator.wait:
        return {"FINISHED"}
    drain.wait(runs)
    for run in runs:
        if run.existing:
            operator.report({"INFO"}, run.text)
        for warning in run.warnings:
            operator.report({"WARNING"}, warning)
    failed = next((run.text for run in runs if run.state == "failed"), None)
    if failed:
        operator.report({"ERROR"}, failed)
    return {"FINISHED"} if all(run.state == "finished" for run in runs) else {"CANCELLED"}


class NodeOperator:
    """An operator for one node. With a window a button starts work and returns; in a script it waits."""

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        self.wait = bpy.app.background
        return self.execute(context)


class VERA_EDIT_OT_generate(NodeOperator, bpy.types.Operator):
    """Send the plate and the instruction to the engine and show the take that comes back"""

    bl_idname = "vera_edit.generate"
    bl_label = "Generate"
    bl_options = {"REGISTER"}

    node_id: bpy.props.StringProperty(**NODE_ID)
    wait: bpy.props.BoolProperty(**WAIT)
    again: bpy.props.BoolProperty(
        name="Again",
        description="Make a take even where the very same request has made one already",
        options={"SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = node_for(self, context)
        if node is None:
            return {"CANCELLED"}
        return start(self, node, lambda: take_request.make_runs(node, compositor_trees.scene_around(node), self.again))


def start_from_shown(
    operator: bpy.types.Operator,
    context: bpy.types.Context,
    make: Callable[[bpy.types.Node, TakeFolder], list[Run]],
    purpose: str,
) -> set[str]:
    """Starts what is made of the take that the node shows; says so where it shows none."""
    node = node_for(operator, context)
    if node is None:
        return {"CANCELLED"}
    take = shown_takes.shown_take(node.node_tree.vera_edit)
    if take is None:
        operator.report({"ERROR"}, f"The node shows no take: choose the one to {purpose}")
        return {"CANCELLED"}
    return start(operator, node, lambda: make(node, take))


class VERA_EDIT_OT_rerun(NodeOperator, bpy.types.Operator):
    """Make a range of the take that is shown again; a new take keeps its other frames, bit for bit"""

    bl_idname = "vera_edit.rerun"
    bl_label = "Re-run range"
    bl_options = {"REGISTER"}

    node_id: bpy.props.StringProperty(**NODE_ID)
    wait: bpy.props.BoolProperty(**WAIT)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return start_from_shown(self, context, rerun_request.make_reruns, "make better")


class VERA_EDIT_OT_cancel(bpy.types.Operator):
    """Stop the node's takes within a step; what is finished of them stays, and the node keeps showing what it shows"""

    bl_idname = "vera_edit.cancel"
    bl_label = "Cancel"

    node_id: bpy.props.StringProperty(**NODE_ID)

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = node_for(self, context)
        if node is None:
            return {"CANCELLED"}
        drain.connect().cancel(node.node_tree.vera_edit.node_id)
        drain.redraw()
        return {"FINISHED"}


class VERA_EDIT_OT_ask_engine(bpy.types.Operator):
    """Find or start the engine and show the words it knows and the size it works at; the color spaces that it knows
    are then suggested"""

    bl_idname = "vera_edit.ask_engine"
    bl_label = "Ask the engine"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            for ticket in (drain.connect().ask_engine(), drain.connect().ask_color_spaces()):
                ticket.result(REPLY_SECONDS)
        except VeraClientError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        finally:
            drain.drain()
            drain.redraw()
        return {"FINISHED"}


class VERA_EDIT_OT_unload(bpy.types.Operator):
    """Have the engine free its model and the graphics card's memory; the next take loads it again"""

    bl_idname = "vera_edit.unload"
    bl_label = "Free the model"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            was_loaded = drain.connect().client.unload(REPLY_SECONDS)
        except VeraClientError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, "The model is freed" if was_loaded else "No model was loaded")
        return {"FINISHED"}


class VERA_EDIT_OT_bake(bpy.types.Operator):
    """Turn the node into a plain group that renders the same without this add-on: for a farm, or a colleague"""

    bl_idname = "vera_edit.bake"
    bl_label = "Bake for farm"
    bl_options = {"REGISTER", "UNDO"}

    node_id: bpy.props.StringProperty(**NODE_ID)
    all_nodes: bpy.props.BoolProperty(name="All nodes", description="Of the whole file", options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = None if self.all_nodes else node_for(self, context)
        if node is None and not self.all_nodes:
            return {"CANCELLED"}
        baked = nodes.vera_nodes() if self.all_nodes else [node]
        for each in baked:
            each.node_tree.vera_edit.is_baked = True
            bake.to_plain_group(each)
        self.report({"INFO"}, f"{len(baked)} baked")
        return {"FINISHED"}


class VERA_EDIT_OT_restore(bpy.types.Operator):
    """Turn baked groups of this file into Vera Edit nodes again"""

    bl_idname = "vera_edit.restore"
    bl_label = "Restore baked nodes"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        self.report({"INFO"}, f"{bake.restore_all(baked_too=True)} restored")
        return {"FINISHED"}


CLASSES = (
    VERA_EDIT_OT_generate,
    VERA_EDIT_OT_rerun,
    VERA_EDIT_OT_cancel,
    VERA_EDIT_OT_ask_engine,
    VERA_EDIT_OT_unload,
    VERA_EDIT_OT_bake,
    VERA_EDIT_OT_restore,
)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
