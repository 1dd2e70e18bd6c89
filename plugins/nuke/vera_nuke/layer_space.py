"""How a Read has to look at a take's files, so that their values are right beside the plate's."""

from __future__ import annotations

from typing import Any

import nuke

from vera_client.host.take_folders import TakeFolder

from . import spaces

SAME = ({"lin_rec709", "Linear Rec.709 (sRGB)", "lin_srgb"}, {"acescg", "ACEScg", "lin_ap1", "ACES - ACEScg"})
"""Names of one space in several configurations."""


def set_on(read: nuke.Node, take: TakeFolder) -> None:
    """Sets a Read's colorspace by the take's own word: as they are where the script works in the layers' space.

    Nuke's own color management knows no primaries, so with it they are read as they are too, and so where the
    configuration of the script has no space of that name: then `layers_colorspace` is the artist's to choose.
    """
    space = _of(take)
    name = _find(read, space) if _is_to_convert(space) else None
    read["raw"].setValue(name is None)
    if name is not None:
        read["colorspace"].setValue(name)


def describe(read: nuke.Node, take: TakeFolder) -> str:
    """How a Read looks at a take's files, for the artist."""
    space = _of(take)
    if not read["raw"].value():
        return f"Converted from {read['colorspace'].value()}"
    if not space:
        return "As they are: the take does not say its space"
    if spaces.is_native():
        return f"As they are, {space}: Nuke's own color management knows no primaries"
    if not _is_to_convert(space):
        return f"As they are, {space}: the script works in it"
    return f"As they are, but {space} is not the script's working space: choose it above"


def _of(take: TakeFolder) -> str:
    return str((take.record.get("color") or {}).get("layers") or "")


def _is_to_convert(space: str) -> bool:
    return bool(space) and not spaces.is_native() and not is_same(space, spaces.working_space())


def is_same(one: str, other: str) -> bool:
    """Whether two names are of one space."""
    return one == other or any({one, other} <= names for names in SAME)


def _find(read: nuke.Node, space: str) -> str | None:
    knob: Any = read["colorspace"]
    for shown in knob.values():
        name = str(shown).partition("\t")[0]
        engine = spaces.engine_name(name)
        if engine is not None and is_same(engine, space):
            return name
    return None
