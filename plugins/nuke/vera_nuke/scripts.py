"""What a saved node holds of Python: lines around an import, which do or say nothing more where the plugin is not, or
is too new for the Python of an old Nuke."""

from __future__ import annotations

CALL = "try:\n    import vera_nuke.callbacks\nexcept Exception:\n    {without}\nelse:\n    vera_nuke.callbacks.{call}"
EVENTS = {
    "onCreate": CALL.format(without="pass", call="created()"),
    "knobChanged": CALL.format(without="pass", call="changed()"),
    "updateUI": CALL.format(without="pass", call="updated()"),
}
"""By knob of the node: what Nuke runs at the event of that name."""
WITHOUT = "nuke.message('The Vera Edit plugin is not installed here. Takes can be shown and rendered, not made.')"


def press(name: str) -> str:
    """What a button runs."""
    return CALL.format(without=WITHOUT, call=f"pressed('{name}')")
