# SPDX-License-Identifier: GPL-3.0-or-later
"""What the node's buttons do. In a script `bpy.ops.vera_edit.generate(node_id=...)` returns when the take is over."""

import bpy

from . import bake, nodes, take_request
from .client_package import VeraClientError
from .drain import connect, drain, redraw, wait

NODE_ID = {"name": "Node", "description": "The node's id; empty: the active node", "options": {"SKIP_SAVE"}}
TICK_SECONDS = 0.1


def node_for(operator: bpy.types.Operator, context: bpy.types.Context) -> bpy.types.Node | None:
    """The node an operator is for; reports where there is none."""
    node = nodes.find_node(operator.node_id) if operator.node_id else getattr(context, "active_node", None)
    if node is None or node.bl_idname != nodes.VeraEditNode.bl_idname:
        operator.report({"ERROR"}, f"No Vera Edit node {operator.node_id or 'is active'}")
        return None
    return node


class VERA_EDIT_OT_generate(bpy.types.Operator):
    """Send the plate and the instruction to the engine and show the take that comes back"""

    bl_idname = "vera_edit.generate"
    bl_label = "Generate"
    bl_options = {"REGISTER"}

    node_id: bpy.props.StringProperty(**NODE_ID)
    wait: bpy.props.BoolProperty(
        name="Wait",
        default=True,
        description="Return when the take is over; else when it is asked for",
        options={"SKIP_SAVE"},
    )

    def start(self, context: bpy.types.Context) -> bool:
        node = node_for(self, context)
        if node is None:
            return False
        here = connect()
        running = here.runs.get(node.node_tree.vera_edit.node_id)
        if running and not running.is_final:
            self.report({"ERROR"}, "This node's take is still in work: wait for it or cancel it")
            return False
        try:
            self.run = here.start(take_request.make_run(node, context.scene))
        except VeraClientError as error:
            self.report({"ERROR"}, str(error))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self.start(context):
            return {"CANCELLED"}
        return self.finish(wait(self.run)) if self.wait else {"FINISHED"}

    def finish(self, run: object) -> set[str]:
        for warning in run.warnings:
            self.report({"WARNING"}, warning)
        if run.state == "failed":
            self.report({"ERROR"}, run.text)
        return {"FINISHED"} if run.state == "finished" else {"CANCELLED"}

    # The shell around `drain` that an artist sees; it cannot run without a window.

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        if not self.start(context):
            return {"CANCELLED"}
        self.timer = context.window_manager.event_timer_add(TICK_SECONDS, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC":
            connect().cancel(self.run.node_id)
        if event.type == "TIMER":
            drain()
        if not self.run.is_final:
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self.timer)
        return self.finish(self.run)


class VERA_EDIT_OT_cancel(bpy.types.Operator):
    """Stop the node's take within a step; the node keeps showing what it shows"""

    bl_idname = "vera_edit.cancel"
    bl_label = "Cancel"

    node_id: bpy.props.StringProperty(**NODE_ID)

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = node_for(self, context)
        if node is None:
            return {"CANCELLED"}
        connect().cancel(node.node_tree.vera_edit.node_id)
        redraw()
        return {"FINISHED"}


class VERA_EDIT_OT_ask_engine(bpy.types.Operator):
    """Find or start the engine and show the words it knows and the size it works at"""

    bl_idname = "vera_edit.ask_engine"
    bl_label = "Ask the engine"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        here = connect()
        try:
            here.ask_engine().result(30.0)
        except VeraClientError as error:
            drain()
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        drain()
        redraw()
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
    VERA_EDIT_OT_cancel,
    VERA_EDIT_OT_ask_engine,
    VERA_EDIT_OT_bake,
    VERA_EDIT_OT_restore,
)


def register() -> None:
    for each in CLASSES:
        bpy.utils.register_class(each)


def unregister() -> None:
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
