# SPDX-License-Identifier: GPL-3.0-or-later
"""The node: a group of its own kind, whose inner tree holds both its settings and the layers it shows."""

import contextlib
import uuid
from collections.abc import Iterator

import bpy

from . import compositor_trees, layers, panels

_keeps_trees_of_copies = False


class VeraEditNode(bpy.types.CompositorNodeCustomGroup):
    """Edit a plate by instruction; get the edit, its matte and the comp as layers"""

    bl_idname = "VeraEditNode"
    bl_label = "Vera Edit"
    bl_icon = "SHADERFX"
    bl_width_default = 240
    bl_width_min = 180

    def init(self, _context: bpy.types.Context) -> None:
        self.node_tree = layers.new_inner_tree()
        self.node_tree.vera_edit.node_id = new_node_id()

    def copy(self, node: bpy.types.Node) -> None:
        if _keeps_trees_of_copies:
            return
        if node.node_tree is None:
            # Pasted after the original and its tree were deleted.
            self.init(bpy.context)
            return
        self.node_tree = node.node_tree.copy()
        self.node_tree.use_fake_user = True
        separate(self.node_tree.vera_edit)

    def free(self) -> None:
        if _keeps_trees_of_copies:
            return
        inner, self.node_tree = self.node_tree, None
        if inner is not None and inner.library is None and not any(group.node_tree == inner for group in groups()):
            bpy.data.node_groups.remove(inner)

    def draw_label(self) -> str:
        return self.label or self.bl_label

    def draw_buttons(self, _context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        if self.node_tree is not None:
            panels.draw_node(layout, self.node_tree.vera_edit)


def new_node_id() -> str:
    """The name of a folder below the take root that no other node has."""
    return f"vera_edit_{uuid.uuid4().hex[:8]}"


def separate(settings: bpy.types.PropertyGroup) -> None:
    """Gives copied settings a node id of their own; the takes of the node it was copied from stay in its list."""
    settings.inherited_node_id, settings.node_id = settings.node_id, new_node_id()


def groups() -> Iterator[bpy.types.Node]:
    """All group nodes of all compositor trees, ours and plain ones."""
    for tree in compositor_trees.all_trees():
        yield from (
            node for node in tree.nodes if node.type in ("GROUP", "CUSTOM GROUP") and hasattr(node, "node_tree")
        )


def vera_nodes() -> list[bpy.types.Node]:
    return [node for node in groups() if node.bl_idname == VeraEditNode.bl_idname]


def find_node(node_id: str) -> bpy.types.Node | None:
    """The node with that id in any compositor tree of the file."""
    return next((node for node in vera_nodes() if node.node_tree and node.node_tree.vera_edit.node_id == node_id), None)


@contextlib.contextmanager
def shared_inner_trees() -> Iterator[None]:
    """While a scene is copied for a moment: copied nodes keep the originals' inner trees, and never remove them."""
    global _keeps_trees_of_copies
    _keeps_trees_of_copies = True
    try:
        yield
    finally:
        _keeps_trees_of_copies = False


def draw_add_menu(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    add = self.layout.operator("node.add_node", text=VeraEditNode.bl_label, icon=VeraEditNode.bl_icon)
    add.type, add.use_transform = VeraEditNode.bl_idname, True


def register() -> None:
    bpy.utils.register_class(VeraEditNode)
    bpy.types.NODE_MT_compositor_node_add_all.append(draw_add_menu)


def unregister() -> None:
    bpy.types.NODE_MT_compositor_node_add_all.remove(draw_add_menu)
    bpy.utils.unregister_class(VeraEditNode)
