"""The Blender add-on: what belongs to it, and where Blender looks for it."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from vera_engine.cli.plugin_folder import PluginFolder, client_files, files_below, source_folder
from vera_engine.errors import NotFound

ADD_ON = "vera_edit"
"""The extension's id, and its folder's name."""
_MANIFEST = "blender_manifest.toml"


class BlenderNotFound(NotFound):
    """No Blender that the add-on runs in has a folder on this machine."""


def installations(home: Path | None = None) -> list[PluginFolder]:
    """The add-on in one Blender's folder of user files, or in that of every Blender found.

    Raises:
        BlenderNotFound: There is none.
        PluginSourceMissing: This vera-edit came without the add-on.
    """
    homes = [home] if home else find_blender_homes()
    if not homes:
        lowest = ".".join(map(str, lowest_blender()))
        raise BlenderNotFound(
            f"No folder of Blender {lowest} or newer was found.",
            argument="--dir",
            remedy="Start Blender once and save its preferences, or name its folder of user files.",
        )
    files = add_on_files()
    return [
        PluginFolder(
            target_in(each.expanduser().absolute()),
            files,
            _is_add_on,
            "add-on",
            "Enable it once in Blender: Edit > Preferences > Add-ons > Vera Edit. Restart Blender if it is open.",
        )
        for each in homes
    ]


def add_on_files() -> dict[Path, Path]:
    """Every file of the add-on, the client included: its place below the add-on's folder, and the file itself."""
    source = _source()
    left_out = _manifest(source)["build"]["paths_exclude_pattern"]
    files = {place: file for place, file in files_below(source) if not _matches(place, left_out)}
    return {**files, **client_files()}


def lowest_blender() -> tuple[int, int]:
    """The oldest Blender the add-on runs in, as (major, minor), from its manifest."""
    major, minor = _manifest(_source())["blender_version_min"].split(".")[:2]
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


def _source() -> Path:
    return source_folder("blender", "vera_edit_blender", _MANIFEST, "add-on")


def _is_add_on(folder: Path) -> bool:
    try:
        return bool(_manifest(folder).get("id") == ADD_ON)
    except (OSError, ValueError):
        return False


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
