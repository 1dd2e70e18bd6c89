"""What the node keeps for itself."""

from __future__ import annotations

from .kinds import Kind, Knob, Tab

VERSION = 2
"""Of the table and the inner tree. Counted up with every change that a saved node has to be migrated for."""

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
