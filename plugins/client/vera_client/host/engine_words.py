"""What a host says of the engine: how it is, and on which device. Standard library only."""

from __future__ import annotations

from typing import Any

from ..devices import DEVICES, is_device, is_on
from ..errors import Refused
from .session import Session


def engine_lines(here: Session | None) -> list[str]:
    """What is known of the engine, a sentence each; empty where it was not asked yet."""
    if here is None or here.engine is None:
        return [here.notice] if here and here.notice else []
    model: dict[str, Any] = here.engine["model"]
    lines = [
        f"Engine {here.engine['engine_version']} on {here.engine['device']}, model {model['name']}",
        f"Works at {model['working_width']} x {model['working_height']}, {model['window_frames']} frames at a time",
    ]
    if model["vocabulary"]:
        lines.append(f"Knows the words: {', '.join(model['vocabulary'])}")
    steps = [f"{preset['name']} {preset['num_inference_steps']}" for preset in model.get("presets", ())]
    return [*lines, f"Steps of its presets: {', '.join(steps)}"] if steps else lines


def is_device_open(here: Session) -> bool:
    """Whether the engine has loaded no model so far, and therefore says only what it was started with."""
    return here.engine is not None and " " not in str(here.engine["device"])


def require_device(name: str) -> str:
    """The name of a device.

    Raises:
        Refused: There is none of that name.
    """
    if not is_device(name):
        raise Refused(
            "There is no such device.",
            argument="device",
            value=name,
            remedy=f"Choose from {', '.join(DEVICES)}, or name one of several cards, as in cuda:1.",
        )
    return name


def device_line(here: Session | None, device: str, address: str, how_to_stop: str) -> str:
    """What the engine computes on, and where that is not what is asked for, how to change it; empty where it was not
    asked yet.

    Args:
        device: As asked for.
        address: Of an engine elsewhere; empty: it is this machine's own.
        how_to_stop: What the artist does to end this machine's engine: `press Stop on the Engine tab`.
    """
    if here is None or here.engine is None:
        return ""
    said = str(here.engine["device"])
    if is_on(said, device):
        return said
    if address:
        return f"{said}, not {device}: the engine at {address} computes where it was told to when it was started there"
    is_open = is_on(said, device) is None
    now = "It was started without a device, and chooses one for its first take" if is_open else f"{said}, not {device}"
    return f"{now}: {how_to_stop}, and the next take starts it on {device}"
