# SPDX-License-Identifier: GPL-3.0-or-later
"""What is put right when a file is opened, and when it is saved."""

from collections.abc import Iterator
from pathlib import Path

import bpy
from bpy.app.handlers import persistent

from . import bake, drain, layers, nodes, shown_takes

_take_roots_here: dict[str, str] = {}
"""By inner tree, while a file is written to another folder: the take root as the file that is open has it."""


@persistent
def tidy_file(*_arguments: object) -> None:
    """Restores groups that were our nodes, removes inner trees that no node uses, of nodes deleted since, and brings
    those of an older version of the add-on up to this one."""
    nodes.mend_pasted_nodes()
    bake.restore_all()
    part_twins()
    used = {group.node_tree for group in nodes.groups()}
    for tree in list(inner_trees()):
        if tree not in used:
            bpy.data.node_groups.remove(tree)
        elif layers.complete_sockets(tree):
            shown_takes.show_again(tree.vera_edit)
    if not bpy.app.background:
        follow_takes()


def inner_trees() -> Iterator[bpy.types.CompositorNodeTree]:
    """The inner trees of this very file, baked ones too."""
    for tree in bpy.data.node_groups:
        if tree.bl_idname == "CompositorNodeTree" and tree.vera_edit.node_id and tree.library is None:
            yield tree


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
def keep_take_roots(file: str, *_arguments: object) -> None:
    """A node that has takes finds them again when its file is saved into another folder: its take root is then written
    as that folder has it, as Blender does with images. Where there are no takes yet, they will lie beside the file."""
    folder = Path(file).parent
    if not file or not bpy.data.filepath or Path(bpy.data.filepath).parent == folder:
        return  # no file, where it is what Blender starts with
    for tree in inner_trees():
        settings = tree.vera_edit
        if settings.take_root.startswith("//") and shown_takes.has_takes(settings):
            _take_roots_here[tree.name] = settings.take_root
            settings.take_root = layers.relative(layers.absolute(settings.take_root), folder)


@persistent
def put_take_roots_back(*_arguments: object) -> None:
    """After a copy was saved, or saving has failed, the file that is open still lies where it did."""
    for tree in inner_trees():
        tree.vera_edit.take_root = _take_roots_here.pop(tree.name, tree.vera_edit.take_root)


@persistent
def settle_take_roots(file: str, *_arguments: object) -> None:
    """Ends what was begun before the file was written."""
    if Path(bpy.data.filepath) != Path(file):
        put_take_roots_back()
    _take_roots_here.clear()


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
    bpy.app.handlers.save_pre.append(keep_take_roots)
    bpy.app.handlers.save_post.append(settle_take_roots)
    bpy.app.handlers.save_post_fail.append(put_take_roots_back)
    bpy.app.handlers.load_post.append(tidy_file)


def unregister() -> None:
    bpy.app.handlers.save_post_fail.remove(put_take_roots_back)
    bpy.app.handlers.save_post.remove(settle_take_roots)
    bpy.app.handlers.save_pre.remove(keep_take_roots)
    bpy.app.handlers.save_pre.remove(mend_before_saving)
    bpy.app.handlers.blend_import_post.remove(part_twins)
    bpy.app.handlers.load_post.remove(tidy_file)
