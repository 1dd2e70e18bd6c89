# SPDX-License-Identifier: GPL-3.0-or-later
"""What is put right when a file is opened."""

import bpy
from bpy.app.handlers import persistent

from . import bake, nodes


@persistent
def tidy_file(*_arguments: object) -> None:
    """Restores groups that were our nodes, and removes inner trees that no node uses.

    Blender tells a node that it is removed, but not when its whole tree goes: that leaves inner trees behind. They
    are not removed while a file is open, since the clipboard may hold a node that still needs one.
    """
    bake.restore_all()
    used = {group.node_tree for group in nodes.groups()}
    for tree in list(bpy.data.node_groups):
        ours = tree.bl_idname == "CompositorNodeTree" and tree.vera_edit.node_id
        if ours and tree not in used and tree.library is None:
            bpy.data.node_groups.remove(tree)


def register() -> None:
    bpy.app.handlers.load_post.append(tidy_file)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(tidy_file)
