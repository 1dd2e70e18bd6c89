"""Which data set a word or a path on the command line means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from vera_engine.training.datasets import netflix
from vera_engine.training.datasets.netflix import NetflixDataset
from vera_engine.training.datasets.sample import DatasetMissing, DatasetRefused, Entry, LayeredDataset
from vera_engine.training.datasets.studio import StudioDataset


def find_dataset(path: Path, tolerance: float | None = None) -> LayeredDataset:
    """The data set at a path.

    Args:
        path: A studio's manifest (`.toml`, or `.jsonl` whose lines name a `plate`), a list of Netflix's data set
            (`.jsonl`), or a folder: with one `.toml` directly in it that manifest, else Netflix's layout.
        tolerance: The greatest `layers_error`; None: the kind's own.

    Raises:
        DatasetMissing, DatasetRefused: There is none, or nobody can tell which.
    """
    if path.is_dir():
        manifests = sorted(path.glob("*.toml"))
        if len(manifests) > 1:
            raise DatasetRefused(
                f"The folder holds {len(manifests)} manifests.",
                argument="dataset",
                value=path,
                remedy=f"Name one: {', '.join(each.name for each in manifests)}.",
            )
        if manifests:
            return StudioDataset(manifests[0], tolerance)
    elif not path.is_file():
        raise DatasetMissing(
            "There is no such data set.",
            argument="dataset",
            value=path,
            remedy="Say benchmark, synthetic, or the path of a folder, a .jsonl or a .toml file.",
        )
    elif path.suffix.lower() == ".toml" or _names_plates(path):
        return StudioDataset(path, tolerance)
    return NetflixDataset(path, netflix.TOLERANCE if tolerance is None else tolerance)


def first_of_each_type(entries: Sequence[Entry], limit: int | None) -> list[int]:
    """The numbers of the first `limit` samples of each edit type, in order; None: of all."""
    counts: dict[str, int] = {}
    chosen = []
    for index, entry in enumerate(entries):
        counts[entry.edit_type] = counts.get(entry.edit_type, 0) + 1
        if limit is None or counts[entry.edit_type] <= limit:
            chosen.append(index)
    return chosen


def _names_plates(file: Path) -> bool:
    """Whether any line of a list is a studio's."""
    for line in file.read_bytes().split(b"\n"):
        try:
            entry = json.loads(line)
        except (json.JSONDecodeError, UnicodeDecodeError):
            continue
        if isinstance(entry, dict):
            return "plate" in entry
    return False
