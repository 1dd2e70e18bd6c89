"""Netflix's layered data set (`netflix/Vera-Layered-Video-Dataset`) in its published layout: JSON lines beside MP4s.

Fields are those of the data set's card. Of its meaning, two things are ours to say, as the card does not: a test line's
alpha is the fine matte of the subject that its mask isolates; and colors of the movies are display sRGB as they are.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from vera_engine.errors import VeraEditError
from vera_engine.training.datasets.layer_files import COLOR, GRAY, LayerFile, common_frames, common_shape
from vera_engine.training.datasets.sample import (
    ClipShape,
    DatasetMissing,
    Entry,
    FloatArray,
    LayeredDataset,
    LayeredSample,
    SampleDamaged,
    check_layers,
    chosen_frames,
    layers_error,
    naming_damage,
)
from vera_engine.training.layers import EditType

TOLERANCE = 0.03
"""`layers_error` that is allowed: every layer went through a lossy codec of its own."""

_TRAIN_LAYERS = {
    "input_video_path": COLOR,
    "edit_rgb_path": COLOR,
    "edit_alpha_path": GRAY,
    "composite_path": COLOR,
    "mask_path": GRAY,
}
_TEST_LAYERS = {"input_path": COLOR, "mask_path": GRAY, "alpha_path": GRAY}
_TRAIN_FIELDS = ("edit_instruction", *_TRAIN_LAYERS)
_TEST_FIELDS = ("video_id", "prompt", "edit_type", "input_path", "mask_path")
_EDIT_TYPES: dict[str, EditType] = {"obj_add": "add", "background_replace": "background"}
_NAMED_BY_FILE: dict[str, EditType] = {"obj-add": "add", "bg-change": "background"}
"""Train lines do not say their edit type; the name of their list does."""


@dataclass(frozen=True)
class _Line:
    """One sample as its line says it."""

    kind: Literal["train", "test"]
    entry: Entry
    caption: str
    layers: dict[str, LayerFile]


class NetflixDataset(LayeredDataset):
    """The samples of one list, or of all lists below a folder.

    Args:
        path: A `.jsonl` file, or a folder. Paths in a list are relative to its own folder or to one above it.
        tolerance: The greatest `layers_error` of a train sample.

    Raises:
        DatasetMissing: There is no such list, or none below the folder.
    """

    def __init__(self, path: Path, tolerance: float = TOLERANCE) -> None:
        self._root = path if path.is_dir() else path.parent
        lists = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
        if not lists or not all(each.is_file() for each in lists):
            raise DatasetMissing(
                "There is no list of samples.",
                argument="dataset",
                value=path,
                remedy="Name a .jsonl file of the data set, or the folder that holds it.",
            )
        self.title = path.name if path.is_dir() else path.stem
        self.skipped = []
        self._tolerance = tolerance
        self._lines: list[_Line] = []
        digest = hashlib.sha256()
        for each in lists:
            digest.update(each.read_bytes())
            self._read(each)
        self._digest = digest.hexdigest()
        self.entries = tuple(line.entry for line in self._lines)

    @property
    def identity(self) -> str:
        """The lists' content."""
        return f"netflix {self._digest} tolerance {self._tolerance:g}"

    def shape(self, index: int) -> ClipShape:
        """As `LayeredDataset.shape`."""
        layers = list(self._lines[index].layers.values())
        with naming_damage():
            return common_shape(layers, common_frames(layers))

    def load(self, index: int, frames: range | None = None) -> LayeredSample:
        """As `LayeredDataset.load`."""
        line, name = self._lines[index], self.entries[index].name
        with naming_damage():
            layers = list(line.layers.values())
            numbers = common_frames(layers)
            common_shape(layers, numbers)
            chosen = [numbers[place] for place in chosen_frames(len(numbers), frames, name)]
            pixels = {field: layer.display(chosen) for field, layer in line.layers.items()}
        make = self._train_sample if line.kind == "train" else _test_sample
        return make(line, pixels)

    def _train_sample(self, line: _Line, pixels: dict[str, FloatArray]) -> LayeredSample:
        alpha = pixels["edit_alpha_path"]
        layers = pixels["input_video_path"], pixels["edit_rgb_path"], alpha, pixels["composite_path"]
        error = layers_error(*layers)
        check_layers(error, self._tolerance, line.entry.name)
        source, edit, _, composite = layers
        # The card's "foreground" is what is put in or what stays, by the kind of edit: the alpha tells which.
        foreground = pixels["mask_path"]
        agrees = np.abs(foreground - alpha).mean() <= np.abs(1 - foreground - alpha).mean()
        mask = foreground if agrees else 1 - foreground
        entry = line.entry
        return LayeredSample(
            name=entry.name,
            edit_type=entry.edit_type,
            instruction=entry.instruction,
            source=source,
            edit=edit,
            alpha=alpha,
            composite=composite,
            mask=mask,
            layers_error=error,
        )

    def _read(self, file: Path) -> None:
        """Takes in a list; what is wrong with a line is that line's fault alone."""
        stem = file.relative_to(self._root).with_suffix("").as_posix()
        for number, text in enumerate(file.read_bytes().split(b"\n"), 1):
            if not text.strip():
                continue
            name = re.sub(r"[^\w.]+", "-", f"{stem}-{number:05d}")
            try:
                self._lines.append(self._line(file, name, text))
            except VeraEditError as error:
                self.skip(name, error)

    def _line(self, file: Path, name: str, text: bytes) -> _Line:
        try:
            fields: Any = json.loads(text)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise SampleDamaged(f"The line is not JSON: {error}.") from error
        if not isinstance(fields, dict):
            raise SampleDamaged("The line is no JSON object.")
        kind: Literal["train", "test"] = "test" if "video_id" in fields or "input_path" in fields else "train"
        wanted = _TEST_FIELDS if kind == "test" else _TRAIN_FIELDS
        lacking = [field for field in wanted if not isinstance(fields.get(field), str) or not fields[field].strip()]
        if lacking:
            raise SampleDamaged(f"The line lacks {', '.join(lacking)}.")
        channels = _TEST_LAYERS if kind == "test" else _TRAIN_LAYERS
        layers = {
            field: LayerFile.of(field, self._resolved(file, field, fields[field]), channels[field])
            for field in channels
            if fields.get(field)
        }
        instruction = fields["prompt" if kind == "test" else "edit_instruction"]
        entry = Entry(name, _edit_type(file, fields), instruction)
        return _Line(kind, entry, str(fields.get("target_caption") or ""), layers)

    def _resolved(self, file: Path, field: str, text: Any) -> Path:
        """A path of a line, below the data set's folder: no list reaches files elsewhere."""
        relative = PurePosixPath(str(text))
        if relative.is_absolute() or ".." in relative.parts:
            raise SampleDamaged("The path leads out of the data set.", argument=field, value=text)
        for folder in (file.parent, *file.parent.parents):
            if (folder / relative).is_file():
                return folder / relative
            if folder == self._root:
                break
        return file.parent / relative


def _test_sample(line: _Line, pixels: dict[str, FloatArray]) -> LayeredSample:
    """The mask isolates the subject that stays. A background is all but its alpha; where an object goes nobody says."""
    entry, subject = line.entry, pixels.get("alpha_path")
    is_background = entry.edit_type == "background"
    return LayeredSample(
        name=entry.name,
        edit_type=entry.edit_type,
        instruction=entry.instruction,
        source=pixels["input_path"],
        alpha=1 - subject if is_background and subject is not None else None,
        mask=1 - pixels["mask_path"],
        caption=line.caption,
    )


def _edit_type(file: Path, fields: dict[str, Any]) -> EditType:
    said = fields.get("edit_type")
    if said is not None:
        if said not in _EDIT_TYPES:
            raise SampleDamaged(
                "The edit type is not known.",
                argument="edit_type",
                value=said,
                remedy=f"Known: {', '.join(_EDIT_TYPES)}.",
            )
        return _EDIT_TYPES[said]
    for part, edit_type in _NAMED_BY_FILE.items():
        if part in file.stem.replace("_", "-"):
            return edit_type
    raise SampleDamaged(
        "Nothing says which edit type this is.",
        argument="edit_type",
        value=file.name,
        remedy="Give the line an edit_type, or its list a name with obj-add or bg-change in it.",
    )
