"""Knobs: values, expressions, and their text in a script."""

from __future__ import annotations

from .. import expressions, tcl
from .arrays import (
    AColor_Knob,
    Array_Knob,
    BBox_Knob,
    Boolean_Knob,
    ColorChip_Knob,
    Double_Knob,
    Int_Knob,
    WH_Knob,
    XY_Knob,
)
from .base import (
    ALWAYS_SAVE,
    DEFAULT_FRAME,
    DISABLED,
    DO_NOT_WRITE,
    ENDLINE,
    INVISIBLE,
    NO_ANIMATION,
    NO_UNDO,
    STARTLINE,
    Knob,
    changed,
    frame_now,
)
from .choices import Color_Space_Knob, Enumeration_Knob, Link_Knob, ShuffleLinks
from .texts import (
    EvalString_Knob,
    File_Knob,
    Multiline_Eval_String_Knob,
    PyScript_Knob,
    String_Knob,
    Tab_Knob,
    Text_Knob,
    numbered,
)

BY_NUMBER = {
    kind.number: kind
    for kind in (
        String_Knob,
        File_Knob,
        Int_Knob,
        Enumeration_Knob,
        Boolean_Knob,
        Double_Knob,
        WH_Knob,
        BBox_Knob,
        AColor_Knob,
        Tab_Knob,
        PyScript_Knob,
        Text_Knob,
        Link_Knob,
        Multiline_Eval_String_Knob,
    )
}


def user_knob(text: str) -> Knob:
    """The knob that an `addUserKnob` makes."""
    number, name, *rest = tcl.split(text)
    kind = BY_NUMBER[int(number)]
    details: dict[str, str] = {}
    flags: list[str] = []
    while rest:
        word = rest.pop(0)
        if word[:1] in "+-" and word[1:].isalpha():
            flags.append(word)
        elif word == "R":
            details["R"] = f"{rest.pop(0)} {rest.pop(0)}"
        elif word in ("l", "t", "T", "M"):
            details[word] = rest.pop(0)
        else:
            raise tcl.TclError(f"addUserKnob {name}: {word}")
    knob = kind(name, details.get("l"))
    knob.setTooltip(details.get("t", ""))
    knob.read_details(details)
    for flag in flags:
        number_of = {"INVISIBLE": INVISIBLE, "STARTLINE": STARTLINE, "DISABLED": DISABLED}[flag[1:]]
        (knob.setFlag if flag[0] == "+" else knob.clearFlag)(number_of)
    return knob
