"""The Model tab, and the region it works on."""

from __future__ import annotations

from .kinds import Kind, Knob, Tab, rule

MODEL = Tab(
    "model_tab",
    "Model",
    (
        Knob(
            "preset",
            Kind.CHOICE,
            "Preset",
            "How much time a take is worth. Draft: to see what the prompt does. Standard: for daily work, near to "
            "Final in a fraction of its time. Final: for delivery, every step computed whole.",
            "standard",
            (("draft", "Draft"), ("standard", "Standard"), ("final", "Final")),
        ),
        Knob(
            "use_model_settings",
            Kind.SWITCH,
            "Preset's own settings",
            "The preset's steps, and guidance as the model was made for.",
            True,
            joins_line=True,
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
            "it. The take is the one shown.",
            "all",
            (
                ("all", "All of the picture"),
                ("box", "The box"),
                ("mask", "Around the mask"),
                ("take", "Around the take's matte"),
            ),
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
        rule("device_rule", "Device"),
        Knob(
            "device",
            Kind.CHOICE,
            "Device",
            "What an engine computes on that is started from this node. One that runs stays where it is.",
            "auto",
            (("auto", "Automatic"), ("cpu", "CPU"), ("cuda", "CUDA"), ("mps", "MPS"), ("named", "By name")),
        ),
        Knob(
            "device_name",
            Kind.TEXT,
            "Name",
            "One of several cards: cuda:1 is the second one.",
            "cuda:1",
            joins_line=True,
            needs=("device", "named"),
        ),
        Knob(
            "device_now",
            Kind.NOTE,
            "Now",
            "What the engine computes on, and how that is changed.",
            "Not asked yet",
            is_passing=True,
        ),
    ),
)
