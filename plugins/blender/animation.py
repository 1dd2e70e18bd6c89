# SPDX-License-Identifier: GPL-3.0-or-later
"""What moves in a node tree: its animation curves, the same way in Blender 4.5 and 5.x."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import bpy

KEY_FIELDS = ("interpolation", "easing", "back", "amplitude", "period")


def curves_of(tree: bpy.types.NodeTree) -> Iterator[bpy.types.FCurve]:
    """The curves of the tree's own action."""
    data = tree.animation_data
    if data is None or data.action is None:
        return
    for layer in data.action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                if bag.slot == data.action_slot:
                    yield from bag.fcurves


def curves_by_path(tree: bpy.types.NodeTree) -> dict[str, list[Any]]:
    """The curves as plain values, by the path of what they move: the same at whatever frame Blender stands."""
    by_path: dict[str, list[Any]] = {}
    for curve in curves_of(tree):
        keys = [
            (*key.co, *key.handle_left, *key.handle_right, *(getattr(key, name) for name in KEY_FIELDS))
            for key in curve.keyframe_points
        ]
        said = (curve.array_index, curve.mute, curve.extrapolation, keys)
        by_path.setdefault(curve.data_path, []).append(said)
    return by_path


def values_over(tree: bpy.types.NodeTree, path: str, names: Iterable[str], frames: range) -> dict[int, tuple[int, ...]]:
    """Whole-numbered settings of a tree by frame, keyframes followed; `path` leads to what has them."""
    curves = {curve.data_path: curve for curve in curves_of(tree)}
    owner, names = tree.path_resolve(path), tuple(names)

    def value(name: str, frame: int) -> int:
        curve = curves.get(f"{path}.{name}")
        return getattr(owner, name) if curve is None else round(curve.evaluate(frame))

    return {frame: tuple(value(name, frame) for name in names) for frame in frames}


def is_beyond_curves(tree: bpy.types.NodeTree) -> bool:
    """Whether something else moves in it too: drivers, strips, modifiers of curves."""
    data = tree.animation_data
    if data is None:
        return False
    return bool(data.drivers or data.nla_tracks or any(curve.modifiers for curve in curves_of(tree)))


def is_animated(node: bpy.types.Node) -> bool:
    """Whether a setting of the node itself moves."""
    return any(True for _ in _curves_and_drivers(node))


def hand_over(old: bpy.types.Node, new: bpy.types.Node) -> None:
    """Has what moves in a node move the same in another one of its tree: Blender removes a node's curves with it."""
    for curve in list(_curves_and_drivers(old)):
        curve.data_path = _path(new) + curve.data_path.removeprefix(_path(old))


def _curves_and_drivers(node: bpy.types.Node) -> Iterator[bpy.types.FCurve]:
    tree = node.id_data
    drivers = tree.animation_data.drivers if tree.animation_data else ()
    yield from (curve for curve in (*curves_of(tree), *drivers) if curve.data_path.startswith(_path(node)))


def _path(node: bpy.types.Node) -> str:
    return f'nodes["{bpy.utils.escape_identifier(node.name)}"].'
