"""The classes of nodes that there are, with the knobs that are used of each and their defaults.

Names, kinds and defaults were held against a published dump of Nuke 17.0v3's nodes (kirkjr2/nuke-python-reference).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import knobs
from .knobs import Knob


@dataclass(frozen=True)
class NodeClass:
    """One class."""

    inputs: int
    """At most."""
    knobs: dict[str, Any] = field(default_factory=dict)
    """Their defaults: a text, a number, a truth, a `Choice`, or what makes the knob."""
    is_inner: bool = False
    """Stands in groups alone."""


@dataclass(frozen=True)
class Choice:
    values: tuple[str, ...]
    default: str


def _of(kind: type[Knob], value: Any = None) -> Callable[[str], Knob]:
    def make(name: str) -> Knob:
        knob = kind(name)
        if value is not None:
            knob.setValue(value)
        return knob

    return make


FILE = _of(knobs.File_Knob)
SPACES = ("default", "scene_linear", "compositing_log", "color_timing", "texture_paint", "data")
BEFORE_AFTER = Choice(("hold", "loop", "bounce", "black"), "hold")
BBOX = Choice(("union", "intersection", "A", "B"), "union")
SIDES = Choice(("union", "B\tB side", "A\tA side"), "union")


def _spaces(name: str) -> Knob:
    return knobs.Color_Space_Knob(name, None, list(SPACES))


COMMON: dict[str, Any] = {
    "help": "",
    "onCreate": "",
    "onDestroy": "",
    "knobChanged": "",
    "updateUI": "",
    "autolabel": "",
    "panelDropped": False,
    "tile_color": _of(knobs.ColorChip_Knob),
    "gl_color": _of(knobs.ColorChip_Knob),
    "label": _of(knobs.EvalString_Knob),
    "note_font": "Verdana",
    "note_font_size": 11,
    "note_font_color": _of(knobs.ColorChip_Knob),
    "cached": False,
    "selected": False,
    "icon": "",
    "indicators": 0,
    "postage_stamp": False,
    "bookmark": False,
    "xpos": 0,
    "ypos": 0,
    "hide_input": False,
    "disable": False,
}
"""Of every node; `name` is the node's own."""

READ = {
    "file": FILE,
    "proxy": FILE,
    "format": "",
    "first": 1,
    "last": 1,
    "origfirst": 1,
    "origlast": 1,
    "origset": False,
    "before": BEFORE_AFTER,
    "after": BEFORE_AFTER,
    "frame_mode": Choice(("expression", "start at", "offset"), "expression"),
    "frame": "",
    "on_error": Choice(("error", "black", "checkerboard", "nearest frame"), "error"),
    "colorspace": _spaces,
    "raw": False,
    "premultiplied": False,
    "auto_alpha": False,
    "localizationPolicy": Choice(("on", "from auto-localize path", "on demand", "off"), "from auto-localize path"),
    "file_type": "",
}
WRITE = {
    "channels": "rgb",
    "file": FILE,
    "file_type": "",
    "datatype": Choice(("16 bit half", "32 bit float"), "16 bit half"),
    "compression": Choice(("none", "ZIP (single line)", "Zip (1 scanline)", "Zip (16 scanlines)"), "Zip (1 scanline)"),
    "autocrop": False,
    "metadata": Choice(
        (
            "no metadata",
            "default metadata",
            "default metadata and exr/*",
            "all metadata except input/*",
            "all metadata",
        ),
        "default metadata",
    ),
    "create_directories": False,
    "colorspace": _spaces,
    "raw": False,
    "use_limit": False,
    "first": 1,
    "last": 1,
    "views": "",
}
CLASSES: dict[str, NodeClass] = {
    "Root": NodeClass(
        0,
        {
            "first_frame": 1,
            "last_frame": 100,
            "frame": 1,
            "fps": 24,
            "format": "1920 1080 0 0 1920 1080 1 HD_1080",
            "proxy": False,
            "proxy_type": Choice(("format", "scale"), "format"),
            "proxy_format": "1024 778 0 0 1024 778 1 1K_Super_35(full-ap)",
            "proxy_scale": _of(knobs.Double_Knob, 0.5),
            "project_directory": FILE,
            "colorManagement": Choice(("Nuke", "OCIO"), "OCIO"),
            "OCIO_config": "fn-nuke_cg-config-v1.0.0_aces-v1.3_ocio-v2.1",
            "customOCIOConfigPath": FILE,
            "workingSpaceLUT": "scene_linear",
            "monitorLut": "sRGB (ACES)",
            "lock_range": False,
        },
    ),
    "Group": NodeClass(99),
    "Input": NodeClass(1, {"number": 0}, is_inner=True),
    "Output": NodeClass(1, is_inner=True),
    "Read": NodeClass(0, READ),
    "Write": NodeClass(1, WRITE),
    "Dot": NodeClass(1),
    "NoOp": NodeClass(1),
    "Viewer": NodeClass(10, {"frame_range": "", "frame_range_lock": False, "input_process": True}),
    "StickyNote": NodeClass(0),
    "BackdropNode": NodeClass(0, {"bdwidth": 100, "bdheight": 100}),
    "Switch": NodeClass(99, {"which": _of(knobs.Double_Knob)}),
    "Merge2": NodeClass(
        99,
        {
            "operation": Choice(("over", "copy", "min", "max", "multiply", "plus", "stencil", "mask"), "over"),
            "Achannels": "rgba",
            "Bchannels": "rgba",
            "output": "rgba",
            "also_merge": "none",
            "mix": _of(knobs.Double_Knob, 1.0),
            "bbox": BBOX,
        },
    ),
    "Copy": NodeClass(
        2,
        {
            **{f"from{k}": "none" if k else "rgba.alpha" for k in range(4)},
            **{f"to{k}": "none" if k else "rgba.alpha" for k in range(4)},
            "channels": "none",
            "bbox": SIDES,
            "mix": _of(knobs.Double_Knob, 1.0),
        },
    ),
    "Shuffle2": NodeClass(
        2,
        {
            "fromInput1": "{0} B",
            "fromInput2": "{0} B",
            "in1": "rgba",
            "in2": "none",
            "out1": "rgba",
            "out2": "none",
            "mappings": _of(knobs.ShuffleLinks, [(f"rgba.{each}",) * 2 for each in knobs.ShuffleLinks.order]),
        },
    ),
    "Remove": NodeClass(1, {"operation": Choice(("remove", "keep"), "remove"), "channels": "all"}),
    "Premult": NodeClass(1, {"channels": "rgb", "alpha": "rgba.alpha"}),
    "Clamp": NodeClass(
        1, {"channels": "all", "minimum": _of(knobs.Double_Knob, 0.0), "maximum": _of(knobs.Double_Knob, 1.0)}
    ),
    "Invert": NodeClass(1, {"channels": "all", "clamp": False}),
    "Keymix": NodeClass(
        3,
        {
            "channels": "all",
            "maskChannel": "rgba.alpha",
            "invertMask": False,
            "mix": _of(knobs.Double_Knob, 1.0),
            "bbox": SIDES,
        },
    ),
    "FilterErode": NodeClass(
        1,
        {
            "channels": "alpha",
            "size": _of(knobs.WH_Knob, 1.0),
            "filter": Choice(("box", "triangle", "quadratic", "gaussian"), "box"),
        },
    ),
    "Blur": NodeClass(
        1,
        {
            "channels": "all",
            "size": _of(knobs.WH_Knob, 0.0),
            "filter": Choice(("box", "triangle", "quadratic", "gaussian"), "gaussian"),
            "crop": True,
        },
    ),
    "Grade": NodeClass(
        1,
        {
            "channels": "rgb",
            "blackpoint": _of(knobs.AColor_Knob),
            "whitepoint": _of(knobs.AColor_Knob, 1.0),
            "white": _of(knobs.AColor_Knob, 1.0),
            "multiply": _of(knobs.AColor_Knob, 1.0),
            "add": _of(knobs.AColor_Knob),
            "gamma": _of(knobs.AColor_Knob, 1.0),
            "black_clamp": True,
            "white_clamp": False,
        },
    ),
    "Constant": NodeClass(0, {"channels": "rgb", "color": _of(knobs.AColor_Knob), "format": "", "first": 1, "last": 1}),
    "Crop": NodeClass(1, {"box": _of(knobs.BBox_Knob), "reformat": False, "crop": True, "intersect": False}),
    "Reformat": NodeClass(
        1,
        {
            "type": Choice(("to format", "to box", "scale"), "to format"),
            "format": "",
            "box_width": 200,
            "box_height": 200,
            "box_fixed": False,
            "box_pixel_aspect": _of(knobs.Double_Knob, 1.0),
            "resize": Choice(("none", "width", "height", "fit", "fill", "distort"), "width"),
        },
    ),
    "TimeOffset": NodeClass(1, {"time_offset": 0, "time": ""}),
    "FrameHold": NodeClass(1, {"first_frame": 0, "firstFrame": 0}),
}
"""`Blur` and `Grade` and the like beyond what the node needs are there for what an artist puts above it."""


def make_knob(name: str, default: Any) -> Knob:
    """A class's own knob with its default in it."""
    knob: Knob
    if isinstance(default, bool):
        knob = knobs.Boolean_Knob(name, None, default)
    elif isinstance(default, int):
        knob = knobs.Int_Knob(name)
        knob.setValue(default)
    elif isinstance(default, str):
        knob = knobs.String_Knob(name)
        knob.setValue(default)
    elif isinstance(default, Choice):
        knob = knobs.Enumeration_Knob(name, None, list(default.values))
        knob.setValue(default.default)
    else:
        knob = default(name)
    knob.is_user = False
    knob.freeze()
    return knob
