"""The Model tab, and the region it works on."""

from __future__ import annotations

from .kinds import Kind, Knob, Tab, rule

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
        rule("region_rule", "Region of interest"),
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
