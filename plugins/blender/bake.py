# SPDX-License-Identifier: GPL-3.0-or-later
"""Between our node and a plain group of the same inner tree: the group renders alike where the add-on is not."""

from __future__ import annotations

import bpy

from . import animation, nodes

KEPT = ("label", "location", "width", "hide", "mute", "use_custom_color", "color", "select", "show_options")


def to_plain_group(node: bpy.types.Node) -> bpy.types.Node:
    """Replaces a Vera Edit node by a plain group; links, place and inner tree stay."""
    return _replace(node, "CompositorNodeGroup")


def to_vera_node(group: bpy.types.Node) -> bpy.types.Node:
    """Replaces a plain group of one of our inner trees by a Vera Edit node."""
    group.node_tree.vera_edit.is_baked = False
    return _replace(group, nodes.VeraEditNode.bl_idname)


def convert_all() -> None:
    """All Vera Edit nodes of the file become plain groups, to be restored with the add-on."""
    for node in nodes.vera_nodes():
        to_plain_group(node)


def restore_all(baked_too: bool = False) -> int:
    """Groups that were our nodes become so again; those baked on purpose only where asked for.

    Returns:
        How many.
    """
    if not hasattr(bpy.data, "node_groups"):
        return 0  # Blender enables its add-ons before there is a file
    plain = [
        group
        for group in nodes.groups()
        if group.bl_idname == "CompositorNodeGroup" and group.node_tree and group.node_tree.vera_edit.node_id
    ]
    restored = [group for group in plain if baked_too or not group.node_tree.vera_edit.is_baked]
    seen = {node.node_tree.vera_edit.node_id for node in nodes.vera_nodes() if node.node_tree}
    for group in restored:
        settings = group.node_tree.vera_edit
        if settings.node_id in seen:  # the group was duplicated meanwhile
            if group.node_tree.users > 1:
                group.node_tree = group.node_tree.copy()
            settings = group.node_tree.vera_edit
            nodes.separate(settings)
        seen.add(settings.node_id)
        to_vera_node(group)
    return len(restored)


def _replace(old: bpy.types.Node, kind: str) -> bpy.types.Node:
    tree, inner = old.id_data, old.node_tree
    values = {socket.identifier: socket.default_value for socket in old.inputs}
    values = {name: tuple(v) if hasattr(v, "__len__") else v for name, v in values.items()}
    incoming = [(link.from_socket, link.to_socket.identifier, link.is_muted) for s in old.inputs for link in s.links]
    outgoing = [(link.from_socket.identifier, link.to_socket, link.is_muted) for s in old.outputs for link in s.links]
    kept = {name: getattr(old, name) for name in KEPT}
    kept = {name: tuple(v) if name in ("location", "color") else v for name, v in kept.items()}
    name, parent, was_active = old.name, old.parent, tree.nodes.active == old

    new = tree.nodes.new(kind)
    empty, new.node_tree = new.node_tree, inner
    if empty is not None:
        bpy.data.node_groups.remove(empty)
    old.name = new.name  # Blender makes another name of it; a node takes its curves with its name
    new.name = name
    animation.hand_over(old, new)
    old.node_tree = None
    tree.nodes.remove(old)
    new.parent = parent
    for key, value in kept.items():
        setattr(new, key, value)
    inputs = {socket.identifier: socket for socket in new.inputs}
    outputs = {socket.identifier: socket for socket in new.outputs}
    for key, value in values.items():
        inputs[key].default_value = value
    for source, target, is_muted in incoming:
        tree.links.new(source, inputs[target]).is_muted = is_muted
    for source, target, is_muted in outgoing:
        tree.links.new(outputs[source], target).is_muted = is_muted
    if was_active:
        tree.nodes.active = new
    return new
