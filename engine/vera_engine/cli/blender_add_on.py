"""The Blender add-on as files: what belongs to it, where Blender looks for it, and putting it there, whole or not."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import vera_client
from vera_engine.errors import FailedPrecondition, Internal

ADD_ON = "vera_edit"
"""The extension's id, and its folder's name."""
_MANIFEST = "blender_manifest.toml"


class AddOnSourceMissing(Internal):
    """This installation of vera-edit came without the add-on."""


class NotOurAddOn(FailedPrecondition):
    """Something else lies where the add-on belongs."""


def source_folder() -> Path:
    """The add-on's own files: in a checkout `plugins/blender`, in a wheel beside the package.

    Raises:
        AddOnSourceMissing: Neither is there.
    """
    package = Path(__file__).resolve().parent.parent
    places = (package.parent.parent / "plugins" / "blender", package.parent / "vera_edit_blender")
    for place in places:
        if (place / _MANIFEST).is_file():
            return place
    raise AddOnSourceMissing(
        "The add-on's files are not there.", argument="add-on", value=places[0], remedy="Install vera-edit again."
    )


def add_on_files() -> dict[Path, Path]:
    """Every file of the add-on, the client included: its place below the add-on's folder, and the file itself."""
    source, client = source_folder(), Path(vera_client.__file__).resolve().parent
    left_out = _manifest(source)["build"]["paths_exclude_pattern"]
    files = {place: file for place, file in _files_below(source) if not _matches(place, left_out)}
    files.update({Path("vera_client") / place: file for place, file in _files_below(client)})
    return files


def lowest_blender() -> tuple[int, int]:
    """The oldest Blender the add-on runs in, as (major, minor), from its manifest."""
    major, minor = _manifest(source_folder())["blender_version_min"].split(".")[:2]
    return int(major), int(minor)


def find_blender_homes(environment: Mapping[str, str] | None = None) -> list[Path]:
    """Folders of user files of Blenders new enough, oldest first; `BLENDER_USER_RESOURCES` alone where it is set."""
    environment = os.environ if environment is None else environment
    if environment.get("BLENDER_USER_RESOURCES"):
        return [Path(environment["BLENDER_USER_RESOURCES"])]
    lowest = lowest_blender()
    found = []
    for folder in _versions_folder(environment).glob("*.*"):
        if (match := re.fullmatch(r"(\d+)\.(\d+)", folder.name)) and folder.is_dir():
            version = int(match[1]), int(match[2])
            if version >= lowest:
                found.append((version, folder))
    return [folder for _, folder in sorted(found)]


def target_in(home: Path) -> Path:
    """Where a Blender with this folder of user files looks for the add-on."""
    return home / "extensions" / "user_default" / ADD_ON


def differences(target: Path) -> list[str]:
    """How an installed add-on differs from this engine's: one line a file, sorted; empty where it is the same."""
    wanted = add_on_files()
    there = {place for place, _ in _files_below(target)} if target.is_dir() else set()
    return sorted(
        [f"missing: {place.as_posix()}" for place in wanted.keys() - there]
        + [f"left over: {place.as_posix()}" for place in there - wanted.keys()]
        + [
            f"differs: {place.as_posix()}"
            for place in wanted.keys() & there
            if not filecmp.cmp(wanted[place], target / place, shallow=False)
        ]
    )


def place(target: Path) -> None:
    """Put the add-on at `target`; what was there stays until the new one is complete, and comes back if that fails.

    Raises:
        NotOurAddOn: A link, a file, or another extension is there.
        OSError: The folder cannot be written.
    """
    staging, previous = _beside(target, "staging"), _beside(target, "previous")
    _settle(target)
    shutil.rmtree(staging, ignore_errors=True)
    try:
        for name, file in add_on_files().items():
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, staging / name)
        if target.exists():
            target.rename(previous)
        staging.rename(target)
    except OSError:
        if previous.exists() and not target.exists():
            previous.rename(target)
        shutil.rmtree(staging, ignore_errors=True)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def remove(target: Path) -> bool:
    """Take the add-on away, in one rename; whether there was one.

    Raises:
        NotOurAddOn: A link, a file, or another extension is there.
        OSError: The folder cannot be written.
    """
    _settle(target)
    if not target.exists():
        return False
    previous = _beside(target, "previous")
    target.rename(previous)
    shutil.rmtree(previous)
    return True


def require_ours(target: Path) -> None:
    """Refuse to touch what is not the add-on.

    Raises:
        NotOurAddOn: A link, a file, or another extension is at `target`.
    """
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise NotOurAddOn(
            "A link or a file is where the add-on belongs.", argument="target", value=target, remedy="Remove it first."
        )
    if target.is_dir() and any(target.iterdir()):
        try:
            found = _manifest(target).get("id")
        except (OSError, ValueError):
            found = None
        if found != ADD_ON:
            raise NotOurAddOn(
                "Another extension, or none, is where the add-on belongs.",
                argument="target",
                value=target,
                remedy="Move that folder away first.",
            )


def _settle(target: Path) -> None:
    """Finish or take back what an interrupted run has left, and make sure that the target is ours."""
    previous = _beside(target, "previous")
    if previous.exists():
        if target.exists():
            shutil.rmtree(previous)
        else:
            previous.rename(target)
    require_ours(target)


def _beside(target: Path, role: str) -> Path:
    return target.with_name(f".{target.name}.{role}")


def _files_below(folder: Path) -> Iterator[tuple[Path, Path]]:
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        if file.is_file() and not any(part == "__pycache__" or part.startswith(".") for part in name.parts):
            yield name, file


def _manifest(add_on: Path) -> dict[str, Any]:
    return tomllib.loads((add_on / _MANIFEST).read_text(encoding="utf-8"))


def _matches(place: Path, patterns: list[str]) -> bool:
    """Whether one of the manifest's patterns names a file: `/` first is from the top, `/` last is a folder."""
    folders = [parent.as_posix() + "/" for parent in place.parents if parent.parts]
    names = [place.as_posix(), *folders]
    return any(
        fnmatch(f"/{name}", pattern if pattern.startswith("/") else f"*/{pattern}")
        for pattern in patterns
        for name in names
    )


def _versions_folder(environment: Mapping[str, str]) -> Path:
    """The folder in which Blender keeps one folder of user files a version."""
    if sys.platform == "win32":
        return Path(environment.get("APPDATA", "")) / "Blender Foundation" / "Blender"
    home = Path(environment.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "Blender"
    return Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "blender"
