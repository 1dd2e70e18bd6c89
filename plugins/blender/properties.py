# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's settings. They hang on its inner tree, so that they survive the node's class: see `bake`."""

from pathlib import Path

import bpy

from . import layers, session
from .take_folders import TakeFolder, list_take_folders, read_take_folder, spell_frames

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
        for take in list_take_folders(node_folder(settings, settings.inherited_node_id)):
            takes[INHERITED + take.number] = take
    for take in list_take_folders(node_folder(settings, settings.node_id)):
        takes[take.number] = take
    return takes


def shown_take(settings: bpy.types.PropertyGroup) -> TakeFolder | None:
    """The take the node shows; None in pass-through and where its folder is gone."""
    return read_take_folder(layers.absolute(settings.take_path)) if settings.take_path else None


def show_take(settings: bpy.types.PropertyGroup, take: TakeFolder | None) -> None:
    """Points the node at a take; None: passes the plate through."""
    settings.take_path = ""
    if take is None:
        layers.pass_through(settings.id_data)
    else:
        layers.show_take(settings.id_data, take)
        settings.take_path = layers.relative(take.directory)


def list_take_items(self: bpy.types.PropertyGroup, _context: bpy.types.Context) -> list[tuple[str, str, str, str, int]]:
    items = [("NONE", "None", "Pass the plate through", "BLANK1", PASS_THROUGH)]
    for number, take in takes_by_number(self).items():
        inherited = number > INHERITED
        frames = f"{take.first_frame}-{take.last_frame}"
        name = f"{take.version} of the original" if inherited else take.version
        identifier = f"original_{take.version}" if inherited else take.version
        items.append((identifier, name, f"Frames {frames}", "BLANK1", number))
    if _take_number(self) == MISSING:
        missing = Path(layers.absolute(self.take_path)).name
        items.append(("MISSING", f"{missing} (not on disk)", self.take_path, "ERROR", MISSING))
    _take_items[self.node_id] = items
    return items


def _take_number(self: bpy.types.PropertyGroup) -> int:
    if not self.take_path:
        return PASS_THROUGH
    shown = layers.absolute(self.take_path)
    return next((number for number, take in takes_by_number(self).items() if take.directory == shown), MISSING)


def _choose_take(self: bpy.types.PropertyGroup, number: int) -> None:
    if number != MISSING:
        show_take(self, takes_by_number(self)[number] if number else None)


def _status(self: bpy.types.PropertyGroup) -> str:
    here = session.known()
    run = here.runs.get(self.node_id) if here else None
    if run:
        return run.text
    take = shown_take(self)
    if take:
        gaps = f"; lacks {spell_frames(take.missing_frames)}" if take.missing_frames else ""
        return f"{take.version}, frames {take.first_frame}-{take.last_frame}{gaps}"
    return "The take is not on disk" if self.take_path else "No take yet: the plate passes through"


class VeraEditSettings(bpy.types.PropertyGroup):
    node_id: bpy.props.StringProperty(
        name="Node", description="Folder of this node's takes, below the take root; empty in any other node group"
    )
    inherited_node_id: bpy.props.StringProperty(
        name="Copied from", description="Node this one was copied from; its takes can be shown here too"
    )
    is_baked: bpy.props.BoolProperty(name="Baked", description="Stays a plain group until it is restored")

    edit_type: bpy.props.EnumProperty(
        name="Edit",
        items=(
            ("add", "Object addition", "Put something new into the shot and keep all of the plate around it"),
            ("background", "Background change", "Exchange all but the subject"),
        ),
    )
    prompt: bpy.props.StringProperty(name="Prompt", description="The instruction, in words the model knows")
    use_scene_range: bpy.props.BoolProperty(name="Scene range", default=True, description="The scene's frame range")
    first_frame: bpy.props.IntProperty(name="First", default=1, description="First scene frame, inclusive")
    last_frame: bpy.props.IntProperty(name="Last", default=17, description="Last scene frame, inclusive")
    mask_meaning: bpy.props.EnumProperty(
        name="White means",
        items=(
            ("auto", "By edit type", "Object addition: edit here. Background change: keep this"),
            ("edit", "Edit here", "White is where the edit may happen"),
            ("keep", "Keep this", "White is what has to stay: the subject"),
        ),
    )
    mask_invert: bpy.props.BoolProperty(name="Invert mask", description="Turn white and black around first")
    use_new_seed: bpy.props.BoolProperty(
        name="New seed each take", default=False, description="Let the engine choose; the take says which it was"
    )
    seed: bpy.props.IntProperty(name="Seed", min=0, description="Same request and same seed: same pixels")
    use_model_settings: bpy.props.BoolProperty(
        name="Model's own settings", default=True, description="Steps and guidance as the model was made for"
    )
    steps: bpy.props.IntProperty(name="Steps", default=12, min=1, max=1000, description="Denoising steps")
    guidance: bpy.props.FloatProperty(
        name="Guidance", default=3.0, min=0.0, description="How strictly the prompt is followed; 1 turns guidance off"
    )
    take_root: bpy.props.StringProperty(
        name="Take root", default="//vera_takes", subtype="DIR_PATH", description="Folder of the takes of all nodes"
    )
    take_path: bpy.props.StringProperty(name="Take folder", description="Folder of the take shown; empty: none")
    take: bpy.props.EnumProperty(
        name="Take",
        items=list_take_items,
        get=_take_number,
        set=_choose_take,
        description="The take the node shows. Switching renders nothing and needs no engine",
    )
    status: bpy.props.StringProperty(name="Status", get=_status, description="What the node's take is doing")


def register() -> None:
    bpy.utils.register_class(VeraEditSettings)
    bpy.types.CompositorNodeTree.vera_edit = bpy.props.PointerProperty(type=VeraEditSettings)


def unregister() -> None:
    del bpy.types.CompositorNodeTree.vera_edit
    bpy.utils.unregister_class(VeraEditSettings)
