"""The Matte tab: what is live, and what the engine makes."""

from __future__ import annotations

from .kinds import Kind, Knob, Tab, rule

MATTE = Tab(
    "matte_tab",
    "Matte",
    (
        rule("live_rule", "Live: stock nodes inside this one"),
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
        rule("finish_rule", "Finish: made by the engine"),
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
