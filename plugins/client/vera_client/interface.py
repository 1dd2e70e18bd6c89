"""The one place on the client's side that says which interface of the engine it speaks."""

from __future__ import annotations

INTERFACE_VERSION = 1
"""Of the package `vera_edit.v1`; an engine that answers with another one is refused."""

FINAL_STATES = frozenset({"finished", "cancelled", "failed"})
"""A take in one of these states stays as it is."""
