# SPDX-License-Identifier: GPL-3.0-or-later
"""The node: a group of its own kind, whose inner tree holds both its settings and the layers it shows."""

import contextlib
from collections.abc import Iterator

import bpy

from . import compositor_trees, layers, panels

INNER_TREE_NAME = "inner_tree_name"
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

    # No `free`: an inner tree stays until the file is opened again (`file_handlers.tidy_file`), for Blender's clipboard
    # may hold a deleted node, and pasting one whose tree was removed reads freed memory in 4.5.

    def copy(self, node: bpy.types.Node) -> None:
        if _keeps_trees_of_copies:
            return
        self.node_tree = inner = node.node_tree.copy() if node.node_tree else layers.new_inner_tree()
        inner.use_fake_user = True
        separate(inner.vera_edit)
        # Blender 4.5 empties the pointer of a pasted node after this.
        self[INNER_TREE_NAME] = inner.name
        if not bpy.app.background:
            bpy.app.timers.register(mend_pasted_nodes, first_interval=0.0)

    def draw_label(self) -> str:
        return self.label or self.bl_label

    def draw_buttons(self, _context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        if self.node_tree is not None:
            panels.draw_node(layout, self.node_tree.vera_edit)


def separate(settings: bpy.types.PropertyGroup) -> None:
    """Gives copied settings a node id of their own; the takes of the node it was copied from stay in its list."""
    settings.inherited_node_id, settings.node_id = settings.node_id, layers.new_node_id()


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


def mend_pasted_nodes() -> None:
    """Gives pasted nodes that Blender 4.5 has parted from their inner trees those trees back."""
    used = {group.node_tree for group in groups()}
    for node in vera_nodes():
        if node.node_tree is None:
            inner = bpy.data.node_groups.get(node.get(INNER_TREE_NAME, ""))
            is_free = inner is not None and inner.vera_edit.node_id and inner not in used
            node.node_tree = inner if is_free else layers.new_inner_tree()
            used.add(node.node_tree)


@contextlib.contextmanager
def shared_inner_trees() -> Iterator[None]:
    """While a scene is copied for a moment: copied nodes keep the originals' inner trees."""
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
