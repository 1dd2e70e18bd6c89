"""The device to compute on, and its arithmetic. Imports torch alone."""

from __future__ import annotations

from typing import Literal

import torch

from vera_engine.errors import FailedPrecondition, InvalidArgument

Device = Literal["auto", "cpu", "cuda", "mps"]
DEVICES: tuple[Device, ...] = ("auto", "cpu", "cuda", "mps")


class DeviceUnknown(InvalidArgument):
    """A device that there is no name for."""


class DeviceMissing(FailedPrecondition):
    """A device that this machine, or this build of torch, does not have."""


def choose_device(device: str) -> tuple[torch.device, torch.dtype]:
    """The device to compute on and its arithmetic: CUDA in bfloat16, else MPS or CPU in float32.

    Raises:
        DeviceUnknown, DeviceMissing: There is no such device.
    """
    if device not in DEVICES:
        raise DeviceUnknown(
            "There is no such device.", argument="device", value=device, remedy=f"Choose from {', '.join(DEVICES)}."
        )
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    chosen = next(name for name, there in present.items() if there) if device == "auto" else device
    if not present[chosen]:
        raise DeviceMissing(
            f"torch {torch.__version__} finds no such device here.",
            argument="device",
            value=device,
            remedy="Use --device auto, or install the build of torch that has it (see the README).",
        )
    return torch.device(chosen), torch.bfloat16 if chosen == "cuda" else torch.float32


def device_description(device: str) -> str:
    """Device and arithmetic that `choose_device` gives, as in `cpu float32`; takes name it as what made them.

    Raises:
        DeviceUnknown, DeviceMissing: There is no such device.
    """
    chosen, dtype = choose_device(device)
    return f"{chosen.type} {str(dtype).removeprefix('torch.')}"
