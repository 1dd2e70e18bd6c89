# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a take's layers anew without the model, and proving them: what the buttons of the finish do."""

import bpy

from . import drain, finish_request
from .operators import NODE_ID, WAIT, NodeOperator, node_for, start_from_shown
from .take_operators import TAKE, finish, take_for


class VERA_EDIT_OT_finish_again(NodeOperator, bpy.types.Operator):
    """Make the layers of the take shown anew, with these settings and the hold-out as plugged in, as a new take. The
    model does not run"""

    bl_idname = "vera_edit.finish_again"
    bl_label = "Finish again"
    bl_options = {"REGISTER"}

    node_id: bpy.props.StringProperty(**NODE_ID)
    wait: bpy.props.BoolProperty(**WAIT)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return start_from_shown(self, context, lambda node, take: [finish_request.make_finish(node, take)], "finish")


class VERA_EDIT_OT_check_take(NodeOperator, bpy.types.Operator):
    """Read all of this take and of its plate, and say whether the plate is left alone outside the matte, to the bit"""

    bl_idname = "vera_edit.check_take"
    bl_label = "Check"

    node_id: bpy.props.StringProperty(**NODE_ID)
    take: bpy.props.StringProperty(**TAKE)
    wait: bpy.props.BoolProperty(**WAIT)

    def execute(self, context: bpy.types.Context) -> set[str]:
        node = node_for(self, context)
        take = take_for(self, node.node_tree.vera_edit) if node else None
        if take is None:
            return {"CANCELLED"}
        here, directory = drain.connect(), str(take.directory)
        sent = here.send(node.node_tree.vera_edit.node_id, "check_take", directory=directory)
        drain.keep_draining()
        done = finish(self, sent, seconds=None)
        proof = here.proofs.get(directory)
        if self.wait and proof is not None:
            self.report({"INFO"}, proof["verdict"])
        return done


CLASSES = (VERA_EDIT_OT_finish_again, VERA_EDIT_OT_check_take)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
