# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's settings. They hang on its inner tree, so that they survive the node's class: see `bake`."""

import bpy

from . import color_spaces, drain, layers, nodes
from .client_package import Notes, session, take_folders
from .marks import look
from .shown_takes import choose_take, list_take_items, show_again, shown_now, shown_take, take_number


def _status(self: bpy.types.PropertyGroup) -> str:
    here = session.known()
    run = here.run_of(self.node_id) if here else None
    if run:
        return run.text
    take = shown_take(self)
    if take:
        gaps = f"; lacks {take_folders.spell_frames(take.missing_frames)}" if take.missing_frames else ""
        return f"{take.version}, frames {take.first_frame}-{take.last_frame}{gaps}"
    return "The take is not on disk" if shown_now(self) else "No take yet: the plate passes through"


def _take_path(self: bpy.types.PropertyGroup) -> str:
    shown = layers.shown_folder(self.id_data)
    return layers.relative(shown) if shown else ""


def _stale(self: bpy.types.PropertyGroup) -> str:
    take, node = shown_take(self), nodes.find_node(self.node_id)
    return "; ".join(look(node, take).reasons) if take and node else ""


def _verdict(self: bpy.types.PropertyGroup) -> str:
    here = session.known()
    proof = here.proofs.get(shown_now(self)) if here else None
    return proof["verdict"] if proof else ""


def _notes(self: bpy.types.PropertyGroup) -> Notes:
    take = shown_take(self)
    return take.notes if take else Notes()


def _annotate(self: bpy.types.PropertyGroup, **changed: str) -> None:
    take = shown_take(self)
    if take:
        drain.annotate(self.node_id, take.directory, **changed)


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
    handles: bpy.props.IntProperty(
        name="Handles", min=0, description="Frames more at each end, made and delivered too; the plate has to have them"
    )
    mask_meaning: bpy.props.EnumProperty(
        name="White means",
        items=(
            ("auto", "By edit type", "Object addition: edit here. Background change: keep this"),
            ("edit", "Edit here", "White is where the edit may happen"),
            ("keep", "Keep this", "White is what has to stay: the subject"),
        ),
    )
    mask_invert: bpy.props.BoolProperty(name="Invert mask", description="Turn white and black around first")
    color_space: bpy.props.StringProperty(
        name="Color space",
        search=color_spaces.suggest,
        search_options={"SUGGESTION"},
        update=lambda self, _context: show_again(self),
        description="Of the plate's files, by a name the engine knows. Empty: as their Image node reads them",
    )
    not_finite: bpy.props.EnumProperty(
        name="NaN and infinite",
        items=(
            ("refuse", "Refuse", "The take fails and names the frame"),
            ("zero", "Read as 0", "The take says how many pixels those were"),
        ),
        description="What becomes of plate pixels that are no numbers",
    )
    exposure: bpy.props.FloatProperty(
        name="Exposure",
        min=-20.0,
        max=20.0,
        soft_min=-6.0,
        soft_max=6.0,
        description="Stops by which the plate is made brighter for the model's eyes, and the edit darker again",
    )
    region_from: bpy.props.EnumProperty(
        name="Region",
        items=(
            ("all", "All of the picture", "The model sees the whole plate"),
            ("box", "Drawn box", "The one below; it may be animated"),
            ("mask", "Around the mask", "Around where the mask lets the edit happen, frame by frame"),
            ("take", "Around the take's matte", "Around what the take shown has edited, frame by frame"),
        ),
        description="What the model works on, at up to the plate's own detail. Nothing changes outside it",
    )
    region_x: bpy.props.IntProperty(name="Left", description="First column of the box, from the picture's left")
    region_y: bpy.props.IntProperty(name="Top", description="First row of the box, from the picture's top, downward")
    region_width: bpy.props.IntProperty(name="Width", default=512, min=1, description="Columns of the box")
    region_height: bpy.props.IntProperty(name="Height", default=512, min=1, description="Rows of the box")
    region_margin: bpy.props.IntProperty(name="Margin", min=0, description="Pixels more on each side of the region")
    holdout_in_take: bpy.props.BoolProperty(
        name="Hold-out in takes",
        default=True,
        description="Takes are made with what is plugged into Hold-out; else it is for the live matte alone",
    )
    finish_black: bpy.props.FloatProperty(
        name="Black", default=0.06, min=0.0, max=1.0, description="Raw matte at and below this becomes 0"
    )
    finish_white: bpy.props.FloatProperty(
        name="White", default=0.94, min=0.0, max=1.0, description="Raw matte at and above this becomes 1"
    )
    finish_detail: bpy.props.EnumProperty(
        name="Edge detail",
        items=(
            ("auto", "By edit type", "Background change: the plate. Object addition: the edit"),
            ("plate", "Plate", "The matte's edge follows the plate's edges"),
            ("edit", "Edit", "The matte's edge follows the edit's own picture"),
            ("smooth", "Smooth", "The matte's edge follows nothing"),
        ),
        description="What guides the matte from the model's size to the plate's",
    )
    finish_refine: bpy.props.FloatProperty(
        name="Refine", default=1.0, min=0.0, max=1.0, description="How strongly the matte's edge follows its guide"
    )
    finish_despill: bpy.props.FloatProperty(
        name="Despill",
        min=0.0,
        max=1.0,
        description="How much of the old background's color is taken out of the edit's edge",
    )
    finish_highlights: bpy.props.FloatProperty(
        name="Highlights",
        default=1.0,
        min=1.0,
        max=64.0,
        description="The brightest scene-linear value that the model's white may stand for",
    )
    write_residual: bpy.props.BoolProperty(
        name="Write residual",
        description="Also write what the layers over the plate leave out of the model's own comp: the Residual output",
    )
    use_new_seed: bpy.props.BoolProperty(
        name="New seed each take", default=False, description="Let the engine choose; the take says which it was"
    )
    seed: bpy.props.IntProperty(name="Seed", min=0, description="Same request and same seed: same pixels")
    variants: bpy.props.IntProperty(
        name="Variants", default=1, min=1, max=64, description="Takes at once: one for each seed, from the seed on"
    )
    preset: bpy.props.EnumProperty(
        name="Preset",
        items=(
            ("draft", "Draft", "To see what the prompt does: the fewest steps"),
            ("standard", "Standard", "For daily work: near to Final in a fraction of its time"),
            ("final", "Final", "For delivery: every step computed whole"),
        ),
        default="standard",
        description="How much time a take is worth",
    )
    use_model_settings: bpy.props.BoolProperty(
        name="Preset's own settings",
        default=True,
        description="The preset's steps, and guidance as the model was made for",
    )
    steps: bpy.props.IntProperty(name="Steps", default=12, min=1, max=1000, description="Denoising steps")
    guidance: bpy.props.FloatProperty(
        name="Guidance", default=3.0, min=0.0, description="How strictly the prompt is followed; 1 turns guidance off"
    )
    take_root: bpy.props.StringProperty(
        name="Take root",
        default="//vera_takes",
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
        description="Folder of the takes of all nodes",
    )
    take_path: bpy.props.StringProperty(
        name="Take folder", get=_take_path, description="Folder of the take shown; empty: none"
    )
    take: bpy.props.EnumProperty(
        name="Take",
        items=list_take_items,
        get=take_number,
        set=choose_take,
        description="The take the node shows. Switching renders nothing and needs no engine",
    )
    label: bpy.props.StringProperty(
        name="Label",
        maxlen=200,
        get=lambda self: _notes(self).label,
        set=lambda self, text: _annotate(self, label=text),
        description="Of the take shown: a few words that name it. Kept with the take",
    )
    note: bpy.props.StringProperty(
        name="Note",
        maxlen=10_000,
        get=lambda self: _notes(self).note,
        set=lambda self, text: _annotate(self, note=text),
        description="Of the take shown: what there is to say of it. Kept with the take",
    )
    shows_all_takes: bpy.props.BoolProperty(name="All takes", description="Not only the newest ones")
    stale: bpy.props.StringProperty(
        name="Stale", get=_stale, description="Why the take shown is not what the node asks for now; empty: it is"
    )

    verdict: bpy.props.StringProperty(
        name="Verdict", get=_verdict, description="What a check of the take shown has found; empty: it was not checked"
    )

    rerun_first_frame: bpy.props.IntProperty(
        name="First", default=1, description="First scene frame to make again, inclusive"
    )
    rerun_last_frame: bpy.props.IntProperty(
        name="Last", default=1, description="Last scene frame to make again, inclusive"
    )
    rerun_prompt: bpy.props.StringProperty(name="Prompt", description="For these frames; empty: the take's own")
    rerun_seed_from: bpy.props.EnumProperty(
        name="Seed",
        items=(
            ("new", "New", "Another one each time"),
            ("take", "The take's", "The one the take was made with"),
            ("this", "This one", "The one given here"),
        ),
    )
    rerun_seed: bpy.props.IntProperty(name="Seed", min=0, description="Same re-run and same seed: same pixels")
    rerun_mask_from: bpy.props.EnumProperty(
        name="Mask and hold-out",
        items=(
            ("take", "The take's", "Those the take was made with, if any"),
            ("node", "As plugged in", "What is plugged in now, if anything"),
        ),
    )
    rerun_strength: bpy.props.FloatProperty(
        name="Strength",
        default=1.0,
        min=0.01,
        max=1.0,
        description="How far the frames may leave the take's: a little is a touch-up, 1 is new",
    )
    status: bpy.props.StringProperty(name="Status", get=_status, description="What the node's take is doing")


def register() -> None:
    bpy.utils.register_class(VeraEditSettings)
    bpy.types.CompositorNodeTree.vera_edit = bpy.props.PointerProperty(type=VeraEditSettings)


def unregister() -> None:
    del bpy.types.CompositorNodeTree.vera_edit
    bpy.utils.unregister_class(VeraEditSettings)
