# SPDX-License-Identifier: GPL-3.0-or-later
"""What is put right when a file is opened."""

import bpy
from bpy.app.handlers import persistent

from . import bake, drain, layers, nodes, shown_takes


@persistent
def tidy_file(*_arguments: object) -> None:
    """Restores groups that were our nodes, removes inner trees that no node uses, of nodes deleted since, and brings
    those of an older version of the add-on up to this one."""
    nodes.mend_pasted_nodes()
    bake.restore_all()
    part_twins()
    used = {group.node_tree for group in nodes.groups()}
    for tree in list(bpy.data.node_groups):
        ours = tree.bl_idname == "CompositorNodeTree" and tree.vera_edit.node_id
        if ours and tree not in used and tree.library is None:
            bpy.data.node_groups.remove(tree)
        elif ours and tree.library is None and layers.complete_sockets(tree):
            shown_takes.show_again(tree.vera_edit)
    if not bpy.app.background:
        follow_takes()


def follow_takes() -> None:
    """Follows takes of the file's nodes that an engine of this machine is working on, as if they had just been asked
    for. Starts no engine: one that works on them runs."""
    for node in [node for node in nodes.vera_nodes() if node.node_tree]:
        runs = drain.takes_left_in_work(node, here_and_now=True)
        if runs:
            drain.start(runs)


@persistent
def mend_before_saving(*_arguments: object) -> None:
    """A file is saved whole."""
    nodes.mend_pasted_nodes()


@persistent
def part_twins(*_arguments: object) -> None:
    """Gives nodes that came with another file, and have the id of one that is here, ids of their own."""
    seen: dict[str, bpy.types.NodeTree] = {}
    for node in [node for node in nodes.vera_nodes() if node.node_tree]:
        settings = node.node_tree.vera_edit
        if seen.setdefault(settings.node_id, node.node_tree) != node.node_tree and node.node_tree.library is None:
            nodes.separate(settings)


def register() -> None:
    bpy.app.handlers.blend_import_post.append(part_twins)
    bpy.app.handlers.save_pre.append(mend_before_saving)
    bpy.app.handlers.load_post.append(tidy_file)


def unregister() -> None:
    bpy.app.handlers.save_pre.remove(mend_before_saving)
    bpy.app.handlers.blend_import_post.remove(part_twins)
    bpy.app.handlers.load_post.remove(tidy_file)
