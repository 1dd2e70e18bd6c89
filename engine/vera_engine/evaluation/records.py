"""What is kept of every measured clip, so that an evaluation that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vera_engine.errors import FailedPrecondition
from vera_engine.evaluation.measure import Figures
from vera_engine.plates.disk import write_file

SETTINGS_FILE = "settings.json"


class EvaluationDiffers(FailedPrecondition):
    """A folder that holds the evaluation of something else."""


@dataclass(frozen=True)
class Record:
    """One measured clip without its pixels."""

    name: str
    edit_type: str
    instruction: str
    frames: int
    size: tuple[int, int]
    seconds: float
    """That the model took."""
    layers_error: float | None
    """How far the clip's own composite is from its layers; None where a layer lacks."""
    methods: dict[str, Figures]
    edit: Figures
    pictures: dict[str, str] = field(default_factory=dict)
    """By what they show: files, relative to the report's folder."""

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values: what could not be measured is null."""
        figures = {name: _nulls(each) for name, each in self.methods.items()}
        return {**asdict(self), "size": list(self.size), "methods": figures, "edit": _nulls(self.edit)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Record:
        """The inverse of `as_dict`."""
        methods = {name: _nans(each) for name, each in values["methods"].items()}
        return cls(**{**values, "size": tuple(values["size"]), "methods": methods, "edit": _nans(values["edit"])})


class Records:
    """The records of one evaluation, in a folder: a file each, written once the clip's pictures are.

    Args:
        folder: Made if it is not there.
        settings: All that decides the figures, as plain JSON values.

    Raises:
        EvaluationDiffers: The folder holds records that were made with other settings.
        DiskFull, FolderNotWritable, FileNotWritten: It cannot be written to.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._folder = folder / "clips"
        file = folder / SETTINGS_FILE
        wanted = json.loads(json.dumps(dict(settings)))
        if file.is_file():
            _check_same(json.loads(file.read_text(encoding="utf-8")), wanted, folder)
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_file(file, (json.dumps(wanted, indent=2) + "\n").encode())

    def find(self, name: str) -> Record | None:
        """The record of a clip; None where it was not measured yet."""
        file = self._file(name)
        return Record.from_dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None

    def add(self, record: Record) -> None:
        """Keeps a record."""
        write_file(self._file(record.name), (json.dumps(record.as_dict(), indent=2) + "\n").encode())

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def noise_seed(name: str) -> int:
    """The seed of a clip's noise: by its name, so that it is the same in whatever company it is measured."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def _check_same(before: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    differing = [name for name in (before | wanted) if before.get(name) != wanted.get(name)]
    if differing:
        told = "; ".join(f"{name}: {before.get(name)}, now {wanted.get(name)}" for name in differing)
        raise EvaluationDiffers(
            f"The folder holds another evaluation ({told}).",
            argument="out",
            value=folder,
            remedy="Name another folder with --out, or remove this one.",
        )


def _nulls(figures: Figures) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def _nans(figures: dict[str, float | None]) -> Figures:
    return {name: math.nan if value is None else value for name, value in figures.items()}
