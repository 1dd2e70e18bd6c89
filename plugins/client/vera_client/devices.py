"""The devices that an engine computes on, by name. Standard library only."""

from __future__ import annotations

import re

DEVICES = ("auto", "cpu", "cuda", "mps")
CARD = re.compile(r"cuda:\d+")
"""One of several cards, by its number from 0 on."""


def is_device(name: str) -> bool:
    """Whether a device has such a name; whether it is there, its engine finds out."""
    return name in DEVICES or CARD.fullmatch(name) is not None


def is_on(said: str, device: str) -> bool | None:
    """Whether an engine computes on a device.

    Args:
        said: What the engine says of its device: `cuda bfloat16`, or before it has loaded its model what it was started
            with: `auto`.
        device: As asked for.

    Returns:
        None: not known yet, for it was left to the engine, which has loaded no model so far.
    """
    now = said.partition(" ")[0]
    if device == "auto" or _first_card(now) == _first_card(device):
        return True
    return None if now == "auto" else False


def _first_card(name: str) -> str:
    return "cuda" if name == "cuda:0" else name
