"""What a chain of a host's nodes would render, told in a few letters: so that a later look can say whether it has
changed. Standard library only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Chain:
    """All that feeds an input of a node, as it is now."""

    text: str
    """Its nodes, links, settings and animation; the same for the same pixels."""
    files: tuple[Path, ...]
    """What it reads from disk."""
    unseen: tuple[str, ...]
    """What it shows besides, that is not looked into: a render of a 3D scene, tracks of a clip."""

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of all that was looked at, the files' sizes and times among it. Asks the disk; needs no
        host, so a thread may do it."""
        hashed = hashlib.sha256(self.text.encode())
        for file in self.files:
            hashed.update(_seen(file).encode())
        return hashed.hexdigest()[:16]


def _seen(file: Path) -> str:
    try:
        status = file.stat()
    except OSError:
        return f"\n{file.name} is not there"
    return f"\n{file.name} {status.st_size} {status.st_mtime_ns}"
