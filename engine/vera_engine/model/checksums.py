"""Whether a model's weights are the ones that were written, or that their maker published. Standard library only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from vera_engine.errors import FailedPrecondition
from vera_engine.model.settings import ModelSettings, read_settings, write_settings

SUMS_FILE = "SHA256SUMS"
"""Checksums beside downloaded files, a line each, as `sha256sum` writes them."""
HUB_NOTES = Path(".cache") / "huggingface" / "download"
"""Where huggingface_hub notes what it put into a folder."""


class WeightsCorrupt(FailedPrecondition):
    """A file of a model is damaged or missing, or its weights are not the ones that were recorded."""


def hash_weights(folder: Path) -> dict[str, str]:
    """SHA-256 of every .safetensors file under a model folder, by its relative path, sorted."""
    files = sorted(path for path in folder.rglob("*.safetensors") if path.is_file())
    digests = hash_files(files)
    return {path.relative_to(folder).as_posix(): digests[path] for path in files}


def hash_files(files: Iterable[Path]) -> dict[Path, str]:
    """SHA-256 of files, several at a time."""
    paths = list(files)
    with ThreadPoolExecutor() as pool:
        return dict(zip(paths, pool.map(_sha256, paths), strict=True))


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


def published_checksums(folder: Path) -> dict[str, str]:
    """The SHA-256 that a checkpoint's files should have, by relative path, as far as its folder says it.

    It is said by a file `SHA256SUMS`, by huggingface_hub's notes on a download, or by the names of its cache's files.

    Raises:
        WeightsCorrupt: A line of `SHA256SUMS` is none of checksums.
    """
    said: dict[str, str] = {}
    for path in folder.rglob("*.safetensors"):
        # A file of huggingface_hub's cache is a link to one that is named after its checksum.
        if path.is_symlink() and _is_digest(path.resolve().name):
            said[path.relative_to(folder).as_posix()] = path.resolve().name
    for note in (folder / HUB_NOTES).rglob("*.metadata"):
        # Commit, checksum, time: a line each. What is not in the hub's large file storage has a Git hash instead.
        lines = note.read_text(encoding="utf-8").split()
        if len(lines) > 1 and _is_digest(lines[1]):
            said[note.relative_to(folder / HUB_NOTES).as_posix().removesuffix(".metadata")] = lines[1]
    sums = folder / SUMS_FILE
    for line in sums.read_text(encoding="utf-8").splitlines() if sums.is_file() else ():
        digest, _, name = line.partition(" ")
        if not (_is_digest(digest) and name.strip(" *")):
            raise WeightsCorrupt(f"This is no line of checksums: {line[:80]}", argument="model", value=sums)
        said[name.strip(" *").removeprefix("./")] = digest
    return said


def verify_published(folder: Path, files: Iterable[Path]) -> int:
    """Compare those of a checkpoint's files whose checksum its folder says. Returns how many there were.

    Raises:
        WeightsCorrupt: A file is another; the error names it.
    """
    said = published_checksums(folder)
    known = {path: said[name] for path in files if (name := path.relative_to(folder).as_posix()) in said}
    verify_files(known)
    return len(known)


def verify_files(expected: Mapping[Path, str]) -> None:
    """Compare files with their SHA-256.

    Raises:
        WeightsCorrupt: A file is another; the error names it.
    """
    found = hash_files(expected)
    damaged = [path for path, digest in expected.items() if found[path] != digest]
    if damaged:
        raise WeightsCorrupt(
            f"The file is not the one that was published: {', '.join(path.name for path in damaged)}.",
            argument="model",
            value=damaged[0],
            remedy="Remove it and fetch it again.",
        )


def _is_digest(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{64}", text) is not None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
