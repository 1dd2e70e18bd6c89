"""Pictures that are not stored upright are refused: some hosts follow a note to turn them, some do not."""

from __future__ import annotations

from pathlib import Path

import OpenImageIO as oiio

from vera_engine.errors import InvalidArgument
from vera_engine.plates.channels import Role

_UPRIGHT = (1, 0)
"""EXIF's number, and what headers have that were not filled in."""


class PlateTurned(InvalidArgument):
    """A picture stored on its side or mirrored, with a note that says so: some hosts follow it, some do not."""


def check_upright(spec: oiio.ImageSpec, path: Path, role: Role) -> None:
    """Raises `PlateTurned` where a header says that its picture is stored turned or mirrored."""
    orientation = spec.get_int_attribute("Orientation", 1)
    if orientation not in _UPRIGHT:
        raise turned(path, role, f"orientation {orientation}")


def turned(path: Path, role: Role, how: str) -> PlateTurned:
    """The refusal of a picture that is not stored upright.

    Args:
        path: The file.
        role: What it is read as.
        how: What the file says: `orientation 6`, `90 degrees`.
    """
    return PlateTurned(
        f"This file of the {role.noun} is stored turned or mirrored ({how}), which hosts read differently.",
        argument=role.argument,
        value=path,
        remedy="Write it upright, without such a note.",
    )
