"""Whether a model's weights are the ones that were written. Standard library only."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from vera_engine.errors import FailedPrecondition
from vera_engine.model.settings import ModelSettings, read_settings, write_settings


class WeightsCorrupt(FailedPrecondition):
    """A file of a model is damaged or missing, or its weights are not the ones that were recorded."""


def hash_weights(folder: Path) -> dict[str, str]:
    """SHA-256 of every .safetensors file under a model folder, by its relative path, sorted."""
    files = sorted(path for path in folder.rglob("*.safetensors") if path.is_file())
    with ThreadPoolExecutor() as pool:
        digests = pool.map(_sha256, files)
    return {path.relative_to(folder).as_posix(): digest for path, digest in zip(files, digests, strict=True)}


def seal_weights(folder: Path, settings: ModelSettings) -> ModelSettings:
    """Record the checksums of the weights now in a folder; the last step of writing one. Returns what was written."""
    sealed = replace(settings, weights_sha256=hash_weights(folder))
    write_settings(folder, sealed)
    return sealed


def verify_weights(folder: Path) -> ModelSettings:
    """Read every weights file once and compare its checksum. Returns the folder's settings.

    Raises:
        WeightsCorrupt: Files differ, lack, or are there without being recorded; the error names them.
        ModelFolderMissing, ModelSettingsInvalid: As `read_settings`.
    """
    settings = read_settings(folder)
    found = hash_weights(folder)
    recorded = settings.weights_sha256
    faults = [
        *(f"{name} is missing" for name in sorted(recorded.keys() - found.keys())),
        *(f"{name} is not recorded" for name in sorted(found.keys() - recorded.keys())),
        *(f"{name} is damaged" for name in sorted(recorded.keys() & found.keys()) if recorded[name] != found[name]),
    ]
    if faults:
        raise WeightsCorrupt(
            f"The weights are not those that were recorded: {'; '.join(faults)}.",
            argument="model",
            value=folder,
            remedy="Install vera-edit or convert the weights again.",
        )
    return settings


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
