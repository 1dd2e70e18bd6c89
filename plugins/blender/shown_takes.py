# SPDX-License-Identifier: GPL-3.0-or-later
"""Which takes a node has, and which one it shows."""

from __future__ import annotations

from pathlib import Path

import bpy

from . import color_spaces, layers, nodes, plates
from .client_package import PartialTake, TakeFolder, take_folders

PASS_THROUGH = 0
INHERITED = 1_000_000
"""Added to the version number of a take that belongs to the node this one was copied from."""
MISSING = 2_000_000
"""Stands for a chosen take that is not on disk."""

# Blender keeps no reference to the strings of a dynamic enum; without one they turn to garbage on screen.
_take_items: dict[str, list[tuple[str, str, str, str, int]]] = {}


def node_folder(settings: bpy.types.PropertyGroup, node_id: str) -> Path:
    return layers.absolute(settings.take_root) / node_id


def takes_by_number(settings: bpy.types.PropertyGroup) -> dict[int, TakeFolder]:
    """The takes the node can show, by the number that stands for each in `take`."""
    takes = {}
    if settings.inherited_node_id:
        for take in take_folders.list_take_folders(node_folder(settings, settings.inherited_node_id)):
            takes[INHERITED + take.number] = take
    for take in take_folders.list_take_folders(node_folder(settings, settings.node_id)):
        takes[take.number] = take
    return takes


def has_takes(settings: bpy.types.PropertyGroup) -> bool:
    """Whether the node, or the one it was copied from, has a folder below the take root."""
    ids = [each for each in (settings.node_id, settings.inherited_node_id) if each]
    return any(node_folder(settings, each).is_dir() for each in ids)


def partial_takes(settings: bpy.types.PropertyGroup) -> list[PartialTake]:
    """The node's own takes that are not finished."""
    return take_folders.list_partial_takes(node_folder(settings, settings.node_id))


def find_take(settings: bpy.types.PropertyGroup, name: str) -> TakeFolder | None:
    """The take of that name in `take`: `v003`, `original_v003`."""
    takes = takes_by_number(settings).items()
    return next((take for number, take in takes if identifier(number, take) == name), None)


def shown_take(settings: bpy.types.PropertyGroup) -> TakeFolder | None:
    """The take the node shows; None in pass-through and where its folder is gone."""
    folder = layers.shown_folder(settings.id_data)
    return take_folders.read_take_folder(folder) if folder else None


def shown_now(settings: bpy.types.PropertyGroup) -> str:
    """The folder of the take the node shows, absolute, on disk or not; empty in pass-through."""
    return str(layers.shown_folder(settings.id_data) or "")


def show_take(settings: bpy.types.PropertyGroup, take: TakeFolder | None) -> None:
    """Points the node at a take; None: passes the plate through."""
    if take is None:
        layers.pass_through(settings.id_data)
    else:
        space = color_spaces.of_layers(take, settings.color_space.strip(), plate_of(settings))
        layers.show_take(settings.id_data, take, space)


def show_again(settings: bpy.types.PropertyGroup) -> None:
    """Makes the inner tree anew around what the node shows; a take that is not on disk is left as it was."""
    take = shown_take(settings)
    if take is not None or not shown_now(settings):
        show_take(settings, take)


def plate_of(settings: bpy.types.PropertyGroup) -> bpy.types.Image | None:
    """The image that is plugged into the node unchanged, if one is."""
    node = nodes.find_node(settings.node_id)
    return plates.image_shown(plates.feeding_socket(node.inputs["Image"])) if node is not None else None


def list_take_items(self: bpy.types.PropertyGroup, _context: bpy.types.Context) -> list[tuple[str, str, str, str, int]]:
    items = [("NONE", "None", "Pass the plate through", "BLANK1", PASS_THROUGH)]
    for number, take in takes_by_number(self).items():
        name = f"{take.version} of the original" if number > INHERITED else take.version
        frames = f"Frames {take.first_frame}-{take.last_frame}"
        icon = "SOLO_ON" if take.notes.starred else "BLANK1"
        items.append((identifier(number, take), f"{name} {take.notes.label}".strip(), frames, icon, number))
    if take_number(self) == MISSING:
        missing = Path(shown_now(self)).name
        items.append(("MISSING", f"{missing} (not on disk)", self.take_path, "ERROR", MISSING))
    _take_items[self.node_id] = items
    return items


def take_number(self: bpy.types.PropertyGroup) -> int:
    shown = layers.shown_folder(self.id_data)
    if shown is None:
        return PASS_THROUGH
    return next((number for number, take in takes_by_number(self).items() if take.directory == shown), MISSING)


def choose_take(self: bpy.types.PropertyGroup, number: int) -> None:
    if number != MISSING:
        show_take(self, takes_by_number(self)[number] if number else None)


def identifier(number: int, take: TakeFolder) -> str:
    """What stands for a take in `take`."""
    return f"original_{take.version}" if number > INHERITED else take.version
