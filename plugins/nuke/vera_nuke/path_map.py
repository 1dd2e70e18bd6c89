"""Take files on machines of other systems: `VERA_EDIT_PATH_MAP` says how folders are called there.

`/mnt/shots=Z:/shots;/Volumes/shots=Z:/shots` on a Windows machine lets a script from Linux or macOS find its takes.
Each pair is "as in the script" = "as here"; the first that fits counts. Paths relative to the script need none of it.
"""

from __future__ import annotations

import os
import posixpath
import re

import nuke

VARIABLE = "VERA_EDIT_PATH_MAP"
LAYER_FILE = re.compile(r"layers\.(?:#+|%0\d+d|\d+)\.exr")


def pairs(text: str) -> list[tuple[str, str]]:
    """The folders of a map, with forward slashes and none at the end.

    Raises:
        ValueError: It is no list of `there=here`.
    """
    found = []
    for pair in filter(None, (each.strip() for each in text.split(";"))):
        there, equals, here = (part.strip().replace("\\", "/").rstrip("/") for part in pair.partition("="))
        if not (there and equals and here):
            raise ValueError(f"{VARIABLE}: {pair!r} is not like /mnt/shots=Z:/shots")
        found.append((there, here))
    return found


def mapped(path: str) -> str:
    """The path as it is called here."""
    slashed = path.replace("\\", "/")
    for there, here in pairs(os.environ.get(VARIABLE, "")):
        if slashed.startswith(f"{there}/"):
            return here + slashed[len(there) :]
    return path


def register() -> None:
    """Has Nuke ask for every file name: those of take layers are mapped, no other is touched."""
    if os.environ.get(VARIABLE):
        pairs(os.environ[VARIABLE])
        nuke.addFilenameFilter(_filtered)


def _filtered(path: str) -> str:
    is_layers = LAYER_FILE.fullmatch(posixpath.basename(path.replace("\\", "/")))
    return mapped(path) if is_layers else path
