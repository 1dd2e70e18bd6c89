"""Pickled weights, which are never opened: reading one can run any code its maker put in it. Standard library only."""

from __future__ import annotations

from pathlib import Path

from vera_engine.errors import FailedPrecondition
from vera_engine.model.key_names import listed

PICKLE_SUFFIXES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"})


class WeightsArePickled(FailedPrecondition):
    """Weights are there only as pickles, which run the code of whoever made them."""


def refuse_pickles(component: Path) -> None:
    """Refuse a folder whose weights are pickles only.

    Raises:
        WeightsArePickled: With the names.
    """
    pickles = pickles_in(component)
    if pickles and not any(component.glob("*.safetensors")):
        raise WeightsArePickled(
            f"The weights are pickles ({listed(pickles)}); reading one can run any code its maker put in it.",
            argument="model",
            value=component,
            remedy="Use the safetensors release of the same weights.",
        )


def pickles_in(folder: Path) -> list[str]:
    """The names of a folder's pickles."""
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_file() and path.suffix in PICKLE_SUFFIXES)
