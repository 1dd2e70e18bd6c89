"""The Engine tab."""

from __future__ import annotations

from .kinds import Kind, Knob, Tab

ENGINE = Tab(
    "engine_tab",
    "Engine",
    (
        Knob("engine_status", Kind.NOTE, "Engine", "What the engine says of itself.", "Not asked yet", is_passing=True),
        Knob("ask_engine", Kind.BUTTON, "Start", "Starts the engine where none runs, and asks it how it is."),
        Knob(
            "stop_engine",
            Kind.BUTTON,
            "Stop",
            "Ends the engine. While takes are in work it asks first. The next take starts it again.",
            joins_line=True,
        ),
        Knob("unload", Kind.BUTTON, "Free memory", "Has the engine let go of its model.", joins_line=True),
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
