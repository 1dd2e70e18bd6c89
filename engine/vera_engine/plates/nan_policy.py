"""What becomes of plate pixels that are no numbers. Standard library only: requests speak of it."""

from __future__ import annotations

from enum import StrEnum


class NanPolicy(StrEnum):
    """What becomes of pixels that are NaN or infinite."""

    REFUSE = "refuse"
    """The frame is refused, by number and count."""
    ZERO = "zero"
    """They are read as 0, and counted."""
