"""The knobs of the node, as one table: from it the node is made, brought up to date and documented.

No Nuke here: the table is read by the documentation too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Union

VERSION = 1
"""Of the table and the inner tree. Counted up with every change that a saved node has to be migrated for."""

Value = Union[bool, int, float, str, tuple[float, ...]]


class Kind(Enum):
    """What a knob holds, by the name of Nuke's class."""

    TEXT = "String_Knob"
    LONG_TEXT = "Multiline_Eval_String_Knob"
    FOLDER = "File_Knob"
    WHOLE = "Int_Knob"
    NUMBER = "Double_Knob"
    SWITCH = "Boolean_Knob"
    CHOICE = "Enumeration_Knob"
    BOX = "BBox_Knob"
    BUTTON = "PyScript_Knob"
    NOTE = "Text_Knob"
    """A line of text. With none Nuke draws a rule under its label; what has nothing to say therefore says "-"."""
    LINK = "Link_Knob"
    """A knob of an inner node, shown on the group."""


@dataclass(frozen=True)
class Knob:
    """One knob. Names are the same words as in Blender's node and, where they reach it, in the engine's requests."""

    name: str
    kind: Kind
    label: str
    tooltip: str
    default: Value = ""
    choices: tuple[tuple[str, str], ...] = ()
    """Of a choice: the word that code and requests use, and what the artist reads."""
    limits: tuple[float, float] | None = None
    """Of a number: what its slider covers, both ends included."""
    target: str = ""
    """Of a link: the inner node and its knob, `Layers.raw`."""
    is_hidden: bool = False
    """For the node itself, not for the artist."""
    is_passing: bool = False
    """Says what is so at the moment; not saved."""
    joins_line: bool = False
    """Stands beside the knob before it."""
    needs: tuple[str, Value] | None = None
    """Another knob and what it has to say, a choice by its word, for this one to count; else it is grayed out."""


@dataclass(frozen=True)
class Tab:
    """A tab of the node's panel."""

    name: str
    label: str
    knobs: tuple[Knob, ...]


def _rule(name: str, label: str) -> Knob:
    return Knob(name, Kind.NOTE, label, "")


EDIT = Tab(
    "edit_tab",
    "Edit",
    (
        Knob(
            "edit_type",
            Kind.CHOICE,
            "Edit",
            "Object addition puts something new into the shot and keeps all of the plate around it. Background change "
            "exchanges all but the subject.",
            "add",
            (("add", "Object addition"), ("background", "Background change")),
        ),
        Knob("prompt", Kind.TEXT, "Prompt", "The instruction, in words the model knows. The Engine tab lists them."),
        Knob(
            "frames_from",
            Kind.CHOICE,
            "Frames",
            "Which frames to make: all that the plate's input has, or a range of your own.",
            "input",
            (("input", "All of the input"), ("custom", "Custom")),
        ),
        Knob(
            "first_frame",
            Kind.WHOLE,
            "First",
            "First frame of a custom range, inclusive.",
            1001,
            needs=("frames_from", "custom"),
        ),
        Knob(
            "last_frame",
            Kind.WHOLE,
            "Last",
            "Last frame of a custom range, inclusive.",
            1017,
            joins_line=True,
            needs=("frames_from", "custom"),
        ),
        Knob(
            "handles",
            Kind.WHOLE,
            "Handles",
            "Frames more at each end, made and delivered too. The plate has to have them.",
            0,
        ),
        Knob(
            "mask_meaning",
            Kind.CHOICE,
            "White means",
            "What white in the mask's alpha says. By edit type: object addition, edit here; background change, keep "
            "this.",
            "auto",
            (("auto", "By edit type"), ("edit", "Edit here"), ("keep", "Keep this")),
        ),
        Knob("mask_invert", Kind.SWITCH, "Invert mask", "Turns white and black around first.", False, joins_line=True),
        Knob(
            "seed",
            Kind.WHOLE,
            "Seed",
            "Same request and same seed: same pixels. 0 or more.",
            0,
            needs=("use_new_seed", False),
        ),
        Knob(
            "use_new_seed",
            Kind.SWITCH,
            "New seed each take",
            "Lets the engine choose the seed; the take says which it was.",
            False,
            joins_line=True,
        ),
        Knob("variants", Kind.WHOLE, "Variants", "Takes at once, 1 to 64: one for each seed, from the seed on.", 1),
        Knob("generate", Kind.BUTTON, "Generate", "Makes a take of the plate as it is now. You can go on working."),
        Knob("cancel", Kind.BUTTON, "Cancel", "Stops this node's takes within a step.", joins_line=True),
        Knob(
            "resume",
            Kind.BUTTON,
            "Resume",
            "Goes on with the newest take that was stopped, after the frames that are done.",
            joins_line=True,
        ),
        Knob(
            "keep_frames",
            Kind.BUTTON,
            "Keep frames",
            "Makes a take of what the newest stopped one has done.",
            joins_line=True,
        ),
        Knob("status", Kind.NOTE, "Status", "What the node's take is doing.", "No take yet", is_passing=True),
        _rule("takes_rule", "Takes"),
        Knob(
            "take",
            Kind.CHOICE,
            "Take",
            "The take the node shows. Switching renders nothing and needs no engine.",
            "none",
            (("none", "None: the plate passes"),),
        ),
        Knob("refresh", Kind.BUTTON, "Refresh", "Looks at the disk, and whether the take is stale.", joins_line=True),
        Knob("delete_take", Kind.BUTTON, "Delete", "Deletes a take that no node shows.", joins_line=True),
        Knob(
            "take_label",
            Kind.TEXT,
            "Label",
            "Of the take shown: a few words that name it. Kept with the take.",
            is_passing=True,
        ),
        Knob(
            "take_starred",
            Kind.SWITCH,
            "Star",
            "Marks the take shown as a good one. Kept with the take.",
            False,
            joins_line=True,
            is_passing=True,
        ),
        Knob(
            "take_note",
            Kind.LONG_TEXT,
            "Note",
            "Of the take shown: what there is to say of it. Kept with the take.",
            is_passing=True,
        ),
        Knob(
            "compare_take",
            Kind.CHOICE,
            "Compare with",
            "A second take, shown to the left of the wipe.",
            "none",
            (("none", "None"),),
        ),
        Knob(
            "wipe",
            Kind.NUMBER,
            "Wipe",
            "Where the two takes meet: 0 is the left border of the picture, 1 the right one.",
            0.5,
            limits=(0, 1),
        ),
        Knob("stale", Kind.NOTE, "Stale", "Why the take is not what the node asks for now.", "-", is_passing=True),
        Knob(
            "adopt_settings",
            Kind.BUTTON,
            "Use its settings",
            "Gives the node the prompt, seed and settings that the take was made with.",
        ),
        Knob(
            "start_own_stack",
            Kind.BUTTON,
            "Start own stack",
            "A copied node shares the takes of the one it was copied from. From now on its new takes are its own; the "
            "old ones stay in its list.",
            joins_line=True,
        ),
        _rule("rerun_rule", "Re-run range"),
        Knob("rerun_first_frame", Kind.WHOLE, "First", "First frame to make again, inclusive.", 1001),
        Knob("rerun_last_frame", Kind.WHOLE, "Last", "Last frame to make again, inclusive.", 1001, joins_line=True),
        Knob(
            "rerun_from_viewer",
            Kind.BUTTON,
            "Viewer's in and out",
            "Takes the range from the viewer's in and out points.",
            joins_line=True,
        ),
        Knob("rerun_prompt", Kind.TEXT, "Prompt", "For these frames; empty: the take's own."),
        Knob(
            "rerun_seed_from",
            Kind.CHOICE,
            "Seed",
            "New: another one each time. The take's: the one it was made with. This one: the one given here.",
            "new",
            (("new", "New"), ("take", "The take's"), ("this", "This one")),
        ),
        Knob(
            "rerun_seed",
            Kind.WHOLE,
            "Its value",
            "Same re-run and same seed: same pixels. 0 or more.",
            0,
            joins_line=True,
            needs=("rerun_seed_from", "this"),
        ),
        Knob(
            "rerun_mask_from",
            Kind.CHOICE,
            "Mask",
            "The take's: the mask it was made with, if any. As plugged in: what is plugged in now, if anything.",
            "take",
            (("take", "The take's"), ("node", "As plugged in")),
        ),
        Knob(
            "rerun",
            Kind.BUTTON,
            "Re-run range",
            "Makes these frames of the take shown again, as a new take; the others are kept bit for bit.",
        ),
        _rule("output_rule", "Output"),
        Knob(
            "output",
            Kind.CHOICE,
            "Output",
            "What rgba shows. The layers vera_edit, vera_alpha, vera_straight and vera_comp are always there.",
            "comp",
            (
                ("comp", "Comp"),
                ("edit", "Edit, premultiplied"),
                ("matte", "Matte"),
                ("straight", "Edit, straight"),
                ("plate", "Plate"),
            ),
        ),
        Knob(
            "unfold",
            Kind.BUTTON,
            "Unfold",
            "Makes plain Read, Shuffle and Merge nodes of it, for somebody without Vera Edit. This node stays.",
            joins_line=True,
        ),
    ),
)

MATTE = Tab(
    "matte_tab",
    "Matte",
    (
        _rule("live_rule", "Live: stock nodes inside this one"),
        Knob(
            "grow",
            Kind.WHOLE,
            "Grow",
            "Pixels by which the matte is grown; fewer than 0 choke it.",
            0,
            limits=(-20, 20),
        ),
        Knob(
            "feather",
            Kind.NUMBER,
            "Feather",
            "Pixels over which the matte's edge is softened. 0 or more.",
            0.0,
            limits=(0, 50),
        ),
        Knob(
            "holdout_invert",
            Kind.SWITCH,
            "Invert hold-out",
            "White in the hold-out's alpha is where nothing may change; this turns white and black around.",
            False,
        ),
        _rule("finish_rule", "Finish: made by the engine"),
        Knob(
            "finish_detail",
            Kind.CHOICE,
            "Edge detail",
            "What guides the matte from the model's size to the plate's. By edit type: background change, the plate; "
            "object addition, the edit's own picture.",
            "auto",
            (("auto", "By edit type"), ("plate", "The plate"), ("edit", "The edit"), ("smooth", "Nothing: smooth")),
        ),
        Knob(
            "finish_refine",
            Kind.NUMBER,
            "Refine",
            "How strongly the matte's edge follows its guide: 0 is smooth.",
            1.0,
            limits=(0, 1),
        ),
        Knob("finish_black", Kind.NUMBER, "Black", "Raw matte at and below this becomes 0.", 0.06, limits=(0, 1)),
        Knob("finish_white", Kind.NUMBER, "White", "Raw matte at and above this becomes 1.", 0.94, limits=(0, 1)),
        Knob(
            "finish_despill",
            Kind.NUMBER,
            "Despill",
            "How much of the old background's color is taken out of the edit's edge.",
            0.0,
            limits=(0, 1),
        ),
        Knob(
            "finish_highlights",
            Kind.NUMBER,
            "Highlights",
            "The brightest scene-linear value that the model's white may stand for. 1 to 64.",
            1.0,
            limits=(1, 64),
        ),
        Knob(
            "finish_again",
            Kind.BUTTON,
            "Finish",
            "Makes the layers of the take shown anew, with these settings and the hold-out as plugged in, as a new "
            "take. The model does not run.",
        ),
        Knob(
            "write_residual",
            Kind.SWITCH,
            "Write residual",
            "Also writes what the layers over the plate leave out of the model's own comp.",
            False,
        ),
        Knob(
            "check_take",
            Kind.BUTTON,
            "Check",
            "Says whether the take shown leaves the plate alone outside its matte, bit for bit.",
        ),
        Knob("verdict", Kind.NOTE, "Verdict", "What the check has found.", "Not checked", is_passing=True),
    ),
)

MODEL = Tab(
    "model_tab",
    "Model",
    (
        Knob(
            "use_model_settings",
            Kind.SWITCH,
            "Model's own settings",
            "Steps and guidance as the model was made for.",
            True,
        ),
        Knob("steps", Kind.WHOLE, "Steps", "Denoising steps, 1 to 1000.", 12, needs=("use_model_settings", False)),
        Knob(
            "guidance",
            Kind.NUMBER,
            "Guidance",
            "How strictly the prompt is followed; 1 turns guidance off. 0 or more.",
            3.0,
            limits=(0, 15),
            needs=("use_model_settings", False),
        ),
        Knob(
            "rerun_strength",
            Kind.NUMBER,
            "Strength",
            "Of a re-run: how far the frames may leave the take's. A little is a touch-up, 1 is new.",
            1.0,
            limits=(0.01, 1),
        ),
        _rule("region_rule", "Region of interest"),
        Knob(
            "region_from",
            Kind.CHOICE,
            "Region",
            "The part of the picture that the model works on, at up to the plate's own detail. Nothing changes outside "
            "it.",
            "all",
            (("all", "All of the picture"), ("box", "The box"), ("mask", "Around the mask")),
        ),
        Knob(
            "region_box",
            Kind.BOX,
            "Box",
            "Pixels of the plate's format. It may be animated: its size is then that of the largest.",
            (0.0, 0.0, 0.0, 0.0),
            needs=("region_from", "box"),
        ),
        Knob("region_margin", Kind.WHOLE, "Margin", "Pixels more on each side of the region. 0 or more.", 0),
        Knob("device", Kind.NOTE, "Device", "What the engine computes on.", "Not asked yet", is_passing=True),
    ),
)

COLOR = Tab(
    "color_tab",
    "Color",
    (
        Knob(
            "plate_colorspace",
            Kind.TEXT,
            "Plate's space",
            "The color space of the plate's files, by a name of the engine's configuration. Empty: as the Read above "
            "says; a plate that is rendered is in the script's working space.",
        ),
        Knob(
            "exposure",
            Kind.NUMBER,
            "Exposure",
            "Stops by which the plate is made brighter for the model's eyes, and the edit darker again.",
            0.0,
            limits=(-10, 10),
        ),
        Knob(
            "not_finite",
            Kind.CHOICE,
            "NaN and infinite",
            "What becomes of plate pixels that are no numbers: the take fails and names them, or they are read as 0.",
            "refuse",
            (("refuse", "Refuse"), ("zero", "Read as 0")),
        ),
        Knob("plate_view", Kind.TEXT, "View", "The view to edit, by its name. Empty: the script's first."),
        Knob(
            "use_proxy",
            Kind.SWITCH,
            "Proxy size",
            "Makes takes at the script's proxy size while proxy mode is on. Off: always at full size.",
            False,
        ),
        Knob(
            "layers_colorspace",
            Kind.LINK,
            "Layers' space",
            "The color space of the take's files, which hold scene-linear in the plate's own primaries.",
            target="Layers.colorspace",
        ),
        Knob(
            "layers_raw",
            Kind.LINK,
            "As they are",
            "The take's files are not converted: the script works in their space.",
            target="Layers.raw",
            joins_line=True,
        ),
        Knob(
            "layers_note",
            Kind.NOTE,
            "Reading",
            "How the take's files are read, and why.",
            "-",
            is_passing=True,
        ),
    ),
)

ENGINE = Tab(
    "engine_tab",
    "Engine",
    (
        Knob("engine_status", Kind.NOTE, "Engine", "What the engine says of itself.", "Not asked yet", is_passing=True),
        Knob("ask_engine", Kind.BUTTON, "Ask", "Asks the engine how it is, and starts it where none runs."),
        Knob("stop_engine", Kind.BUTTON, "Free memory", "Has the engine let go of its model.", joins_line=True),
        Knob("doctor", Kind.BUTTON, "Doctor", "Looks for what is wrong with the installation.", joins_line=True),
        Knob("reconnect", Kind.BUTTON, "Reconnect", "Follows takes again that are in work.", joins_line=True),
        Knob(
            "engine_address",
            Kind.TEXT,
            "Address",
            "Host and port of an engine elsewhere. Empty: the one on this machine. The newest address given in this "
            "session counts for all nodes.",
        ),
        Knob(
            "take_root",
            Kind.FOLDER,
            "Take root",
            "Folder of the takes of all nodes. By default beside the script, so that both can be moved together.",
            "[file dirname [value root.name]]/vera_takes",
        ),
    ),
)

HIDDEN = Tab(
    "node_tab",
    "Node's own",
    (
        Knob("vera_version", Kind.WHOLE, "Version", "Of the node's knobs and inner tree.", VERSION, is_hidden=True),
        Knob("vera_node_id", Kind.TEXT, "Node", "Folder of the node's takes, below the take root.", is_hidden=True),
        Knob(
            "inherited_node_id",
            Kind.TEXT,
            "Copied from",
            "Node whose takes can be shown here too.",
            is_hidden=True,
        ),
        Knob("take_path", Kind.FOLDER, "Take folder", "Folder of the take shown; empty: none.", is_hidden=True),
        Knob("take_first", Kind.WHOLE, "Take's first", "First frame of the take shown.", 0, is_hidden=True),
        Knob(
            "take_last",
            Kind.WHOLE,
            "Take's last",
            "Last frame of the take shown; before the first: none.",
            -1,
            is_hidden=True,
        ),
        Knob(
            "take_held_out",
            Kind.SWITCH,
            "Take's hold-out",
            "The take was made with a hold-out: its matte has it already.",
            False,
            is_hidden=True,
        ),
        Knob("compare_path", Kind.FOLDER, "Second folder", "Folder of the take compared with.", is_hidden=True),
        Knob("compare_first", Kind.WHOLE, "Second first", "First frame of the take compared with.", 0, is_hidden=True),
        Knob("compare_last", Kind.WHOLE, "Second last", "Last frame of the take compared with.", -1, is_hidden=True),
    ),
)

TABS = (EDIT, MATTE, MODEL, COLOR, ENGINE, HIDDEN)


def all_knobs() -> Iterator[Knob]:
    """Every knob of every tab, in order."""
    for tab in TABS:
        yield from tab.knobs


BY_NAME = {knob.name: knob for knob in all_knobs()}
OF_TAKES = ("take", "compare_take")
"""Choices that besides their own words offer the takes on disk."""


def word(name: str, text: str) -> str:
    """The word for what a choice shows.

    Raises:
        KeyError: It is none of the table's.
    """
    return {shown: word for word, shown in BY_NAME[name].choices}[text]


def text(name: str, word: str) -> str:
    """What a choice shows for a word.

    Raises:
        KeyError: The choice has no such word.
    """
    return dict(BY_NAME[name].choices)[word]
