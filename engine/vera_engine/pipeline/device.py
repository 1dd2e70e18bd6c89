"""The device to compute on, and its arithmetic. Imports torch alone."""

from __future__ import annotations

import re

import torch

from vera_engine.errors import FailedPrecondition, InvalidArgument

DEVICES = ("auto", "cpu", "cuda", "mps")
CARD = re.compile(r"cuda:(\d+)")
"""One of several cards, by torch's number."""


class DeviceUnknown(InvalidArgument):
    """A device that there is no name for."""


class DeviceMissing(FailedPrecondition):
    """A device that this machine, or this build of torch, does not have."""


def choose_device(device: str) -> tuple[torch.device, torch.dtype]:
    """The device to compute on and its arithmetic: CUDA in bfloat16, else MPS or CPU in float32.

    Args:
        device: One of `DEVICES`, or a card by its number, as in `cuda:1`.

    Raises:
        DeviceUnknown, DeviceMissing: There is no such device.
    """
    card = CARD.fullmatch(device)
    if device not in DEVICES and card is None:
        raise DeviceUnknown(
            "There is no such device.",
            argument="device",
            value=device,
            remedy=f"Choose from {', '.join(DEVICES)}, or name one of several cards, as in cuda:1.",
        )
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    chosen = next(name for name, there in present.items() if there) if device == "auto" else device
    if not (int(card[1]) < torch.cuda.device_count() if card else present[chosen]):
        raise DeviceMissing(
            f"torch {torch.__version__} finds no such device here.",
            argument="device",
            value=device,
            remedy="End the engine (`vera-edit stop`) and use --device auto, or install a torch that has it (README).",
        )
    return torch.device(chosen), torch.bfloat16 if chosen.startswith("cuda") else torch.float32


def device_description(device: str) -> str:
    """Device and arithmetic that `choose_device` gives, as in `cpu float32`; takes name it as what made them.

    Raises:
        DeviceUnknown, DeviceMissing: There is no such device.
    """
    return describe(*choose_device(device))


def describe(device: torch.device, dtype: torch.dtype) -> str:
    """Device and arithmetic in words: the first card is just `cuda`, others have their number."""
    name = f"{device.type}:{device.index}" if device.index else device.type
    return f"{name} {str(dtype).removeprefix('torch.')}"
