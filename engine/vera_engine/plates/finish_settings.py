"""How a matte and its layers are finished, as frozen data. Standard library only: requests speak of it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from vera_engine.errors import InvalidArgument


class FinishInvalid(InvalidArgument):
    """A setting of the finish that is out of its range."""


class Detail(StrEnum):
    """What guides the matte on its way from the model's size to the plate's."""

    PLATE = "plate"
    """The plate: hair and cloth that are kept end where the plate has edges."""
    EDIT = "edit"
    """The edit's own picture: of a new object the plate has no edge."""
    SMOOTH = "smooth"
    """Nothing: smooth edges."""


@dataclass(frozen=True)
class FinishSettings:
    """How layers are made of what the model made."""

    black: float = 0.06
    """Raw alpha at and below this becomes 0; 0 to 1, below `white`."""
    white: float = 0.94
    """Raw alpha at and above this becomes 1."""
    detail: Detail = Detail.PLATE
    refine: float = 1.0
    """How strongly the matte's edge follows what guides it, 0 (smooth) to 1."""
    despill: float = 0.0
    """How much of the old background's colour is taken out of the edit's edge; 0 to 1."""
    highlights: float = 1.0
    """The brightest scene-linear value that the model's white may stand for, before exposure is undone; 1 to 64."""

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FinishSettings:
        """What `as_dict` gave, after a way through JSON."""
        return cls(**{**data, "detail": Detail(data["detail"])})

    def check(self) -> None:
        """Raises `FinishInvalid` naming the first field that is out of its range."""
        for name, low, high in (
            ("black", 0, 1),
            ("white", 0, 1),
            ("refine", 0, 1),
            ("despill", 0, 1),
            ("highlights", 1, 64),
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise FinishInvalid(
                    f"The {name} of the finish is out of range.",
                    argument=f"finish.{name}",
                    value=value,
                    remedy=f"Give {low} to {high}, or leave it unset.",
                )
        if self.black >= self.white:
            raise FinishInvalid(
                "Nothing is left between the matte's black and its white.",
                argument="finish.black",
                value=self.black,
                remedy=f"Give less than the white, which is {self.white:g}.",
            )
