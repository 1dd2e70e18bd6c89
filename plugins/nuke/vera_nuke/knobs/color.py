"""The Color tab: the plate as it goes out, the layers as they come back."""

from __future__ import annotations

from .kinds import Kind, Knob, Tab

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
