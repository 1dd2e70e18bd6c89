"""What a version's folders are called: `v003` once it is complete, `v003.partial` until then."""

from __future__ import annotations

import re
from pathlib import Path

_PARTIAL = ".partial"

VERSION_PATTERN = re.compile(rf"v(\d{{3,}})(?:{re.escape(_PARTIAL)})?")
"""The name of a version's folder, complete or not; its group is the number."""


def is_partial(directory: Path) -> bool:
    """Whether a folder is one that a version lies in while it is not complete."""
    return directory.name.endswith(_PARTIAL)


def partial_directory_of(version: Path) -> Path:
    """Where a version lies until it is complete."""
    return version.with_name(f"{version.name}{_PARTIAL}")


def version_directory(directory: Path) -> Path:
    """A version's own folder, named by itself or by its partial one."""
    return directory.with_name(directory.name.removesuffix(_PARTIAL))
