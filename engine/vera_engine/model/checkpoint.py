"""What lies in somebody's checkpoint folder: which weights are which component's, by which key table, how configured.

Two forms are known: diffusers' (a folder for each component, each with its config.json), and Wan2.1's own (weights at
the top, the tokenizer in google/umt5-xxl). What one folder lacks may come from another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from vera_engine.errors import FailedPrecondition
from vera_engine.model.key_names import listed
from vera_engine.model.key_tables import KeyTable, Placement, built_in_tables
from vera_engine.model.pickles import WeightsArePickled, pickles_in
from vera_engine.model.settings import ModelFolderMissing
from vera_engine.model.transformer import BRANCHES
from vera_engine.model.weight_files import StoredTensor, component_tensors, stored_tensors, weight_sets
from vera_engine.model.weights import WeightsNotPlaced, check_placement, places_of

TOKENIZER_FOLDERS = ("tokenizer", "google/umt5-xxl")
"""diffusers' and Wan2.1's own place for it."""
CONVERTED = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"


@dataclass(frozen=True)
class Weights:
    """The weights of one component, each tensor with its place."""

    folder: Path
    """Where they lie."""
    tensors: Mapping[str, StoredTensor]
    """By the checkpoint's own names."""
    placement: Placement

    @property
    def is_as_it_should_be(self) -> bool:
        """Whether the folder is the engine's own form already: it can be copied as it is."""
        return (self.folder / "config.json").is_file() and all(
            name == place.source for name, place in self.placement.places.items()
        )


def find_weights(component: str, folders: Sequence[Path], tables: Sequence[KeyTable]) -> Weights:
    """The weights of a component in the first of the folders that has them.

    Args:
        component: One of key_tables' COMPONENTS.
        folders: The checkpoint, and what it may be filled up from.
        tables: The user's; one for this component is then the only one that is tried.

    Raises:
        ModelFolderMissing: No folder has them.
        WeightsArePickled: They are there as pickles only.
        WeightsCorrupt, WeightsIncomplete: A file cannot be read to its end.
        WeightsNotPlaced: Several sets of weights could be meant.
    """
    own = [table for table in tables if table.component == component]
    tried = own or built_in_tables(component)
    for folder in folders:
        if (folder / component).is_dir():
            tensors = component_tensors(folder / component)
            return Weights(folder / component, tensors, best_placement(tried, tensors))
        # A layout that nobody knows is still one set of weights; it is reported by what it has no place for.
        sets = [stored_tensors(weights) for weights in weight_sets(folder)]
        placed = [(tensors, best_placement(tried, tensors)) for tensors in sets]
        known = [(t, p) for t, p in placed if 2 * len(p.unplaced) < len(t) or (own and len(p.unplaced) < len(t))]
        if len(known) > 1:
            names = [weights.name.name for weights in weight_sets(folder)]
            raise WeightsNotPlaced(
                f"Several sets of weights could be the {component}: {listed(names)}.",
                argument="from",
                value=folder,
                remedy="Leave one of them in the folder.",
            )
        if known:
            return Weights(folder, *known[0])
    if component == "transformer":
        refuse_unused(folders[0], [])
    raise _missing(component, folders)


def refuse_unused(folder: Path, used: Sequence[Path]) -> None:
    """Refuse a folder with weights at its top that no component is made of: they would be left out without a word.

    Raises:
        WeightsNotPlaced: With their names.
    """
    for weights in weight_sets(folder):
        if not set(weights.files) & set(used):
            raise WeightsNotPlaced(
                f"No key table knows the names in {weights.name.name}: {listed(stored_tensors(weights))}.",
                argument="from",
                value=folder,
                remedy="Write a key table for this layout (docs/models.md) and give it with --table; or move the file"
                " elsewhere, if it has nothing to do with it.",
            )


def best_placement(tables: Sequence[KeyTable], tensors: Mapping[str, StoredTensor]) -> Placement:
    """What the table that knows most of the names makes of them; of equals the first."""
    placements = [table.place(tensors) for table in tables]
    return min(placements, key=lambda placement: len(placement.unplaced) + len(placement.twice))


def find_tokenizer(folders: Sequence[Path]) -> Path:
    """The tokenizer's folder.

    Raises:
        ModelFolderMissing: There is none.
    """
    for folder in folders:
        for name in TOKENIZER_FOLDERS:
            if (folder / name).is_dir():
                return folder / name
    raise _missing("tokenizer", folders)


def find_scheduler(folders: Sequence[Path]) -> Path | None:
    """The scheduler's folder; None where the folders are of Wan2.1's own form, which writes none down.

    Raises:
        ModelFolderMissing: A folder in diffusers' form lacks it.
    """
    for folder in folders:
        if (folder / "scheduler").is_dir():
            return folder / "scheduler"
    if any((folder / "transformer").is_dir() for folder in folders):
        raise _missing("scheduler", folders)
    return None


def check_weights(weights: Weights, model: nn.Module) -> None:
    """Refuse weights that do not fill a model.

    Raises:
        WeightsNotPlaced, WeightsShapeMismatch: As `check_placement`.
    """
    check_placement(weights.placement, weights.tensors, places_of(model), weights.folder)


def wan_name(name: str) -> str | None:
    """The name of a Vera tensor in the Wan its branch starts from; None: it is new."""
    prefixes = [f"branches.{branch}." for branch in BRANCHES]
    return next((name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix)), None)


def _missing(component: str, folders: Sequence[Path]) -> FailedPrecondition | ModelFolderMissing:
    """Why there is no such component, and the way out."""
    remedy = (
        f"Fetch the release in diffusers' form (`vera-edit fetch {CONVERTED}`) and convert that,"
        " or give its folder with --rest-from."
    )
    pickles = [name for folder in folders for name in pickles_in(folder)]
    if pickles:
        return WeightsArePickled(
            f"The checkpoint has no {component} in safetensors, but pickles ({listed(pickles)});"
            " reading one can run any code its maker put in it.",
            argument="from",
            value=folders[0],
            remedy=remedy,
        )
    return ModelFolderMissing(f"The checkpoint has no {component}.", argument="from", value=folders[0], remedy=remedy)
