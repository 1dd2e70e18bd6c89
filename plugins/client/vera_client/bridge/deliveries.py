"""What the bridge moves itself, take by take, where client and engine do not see the same files.

One JSON file a take in `<state dir>/deliveries`, so that a later bridge can go on with it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import Refused

TAKE_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
VERSION = re.compile(r"v(\d{3,})(?:\.partial)?")


@dataclass(frozen=True)
class Delivery:
    """One take as the client's side knows it, where that is not as the engine knows it."""

    take_id: str
    plate_path: str = ""
    """The pattern on the client's side; empty where the engine sees the plate itself."""
    mask_path: str = ""
    holdout_path: str = ""
    take_root: str = ""
    """Where the layers go; empty where the engine writes them there itself."""
    node_id: str = ""
    version: str = ""
    """Reserved below the client's take root, whatever the engine calls its own."""

    @property
    def directory(self) -> Path | None:
        """The version directory on the client's side: there, and complete, once delivered."""
        return Path(self.take_root) / self.node_id / self.version if self.version else None

    @property
    def has_sent_files(self) -> bool:
        """Whether the engine was sent what it does not see itself."""
        return bool(self.plate_path or self.mask_path or self.holdout_path)

    @property
    def is_open(self) -> bool:
        """Files have still to be fetched once the engine has finished."""
        return self.directory is not None and not self.directory.exists()

    def write_note(self, label: str, note: str, starred: bool) -> None:
        """Says in a delivered version's `note.json` what the engine says in its own."""
        if self.directory is not None and self.directory.is_dir():
            words = json.dumps({"label": label, "note": note, "starred": starred}, indent=2, ensure_ascii=False)
            _write_whole(self.directory / "note.json", words + "\n")

    def localize(self, take: dict[str, Any]) -> dict[str, Any]:
        """The engine's take with the client's own paths; `writing` instead of `finished` until its files are here."""
        request = take["request"]
        if self.plate_path:
            request["plate"] = _on_client(request["plate"], self.plate_path)
        if self.mask_path:
            request["mask"]["source"] = _on_client(request["mask"]["source"], self.mask_path)
        if self.holdout_path:
            request["holdout"]["source"] = _on_client(request["holdout"]["source"], self.holdout_path)
        if self.version:
            request["take_root"] = self.take_root
            take = {**take, "version": self.version, "directory": str(self.directory)}
            if take["state"] == "finished" and self.is_open:
                take["state"] = "writing"
        return take


class Deliveries:
    """The deliveries of one state directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, take_id: str) -> Delivery:
        """A take's delivery; one that changes nothing where the engine sees all files itself."""
        try:
            return Delivery(**json.loads(self._file(take_id).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return Delivery(take_id)

    def ids(self) -> set[str]:
        """The takes that have one."""
        return {file.stem for file in self.folder.glob("*.json")}

    def of_directory(self, directory: str) -> Delivery | None:
        """The delivery whose version directory that is; None where the bridge delivers nothing there."""
        deliveries = (self.get(take_id) for take_id in self.ids())
        return next((delivery for delivery in deliveries if delivery.directory == Path(directory)), None)

    def put(self, delivery: Delivery) -> None:
        """Keeps it; after a crash the old or the new one is there, whole."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_whole(self._file(delivery.take_id), json.dumps(asdict(delivery)))

    def localize(self, take: dict[str, Any]) -> dict[str, Any]:
        """The engine's take as the client's side knows it, its base too."""
        take = self.get(take["take_id"]).localize(take)
        base = self.get(take["base_take_id"]) if take["base_take_id"] else Delivery("")
        if base.version:
            take["base_version"] = base.version
        return take

    def delete(self, take_id: str) -> None:
        """Removes what was delivered; a version half removed no longer looks finished."""
        delivery = self.get(take_id)
        if delivery.directory:
            partial = partial_directory(delivery.directory)
            if delivery.directory.exists():
                os.replace(delivery.directory, partial)
            shutil.rmtree(partial, ignore_errors=True)
        self._file(take_id).unlink(missing_ok=True)

    def _file(self, take_id: str) -> Path:
        if not TAKE_ID.fullmatch(take_id):
            raise Refused("This is no take's id.", argument="take_id", value=take_id)
        return self.folder / f"{take_id}.json"


def partial_directory(directory: Path) -> Path:
    """Where a version's files lie until all of them are there."""
    return directory.with_name(f"{directory.name}.partial")


def reserve_version(take_root: str, node_id: str) -> str:
    """The next free version of a node, reserved by making its partial directory, as the engine does on its side."""
    node_folder = Path(take_root) / node_id
    node_folder.mkdir(parents=True, exist_ok=True)
    number = 0
    while True:
        numbers = [int(match[1]) for entry in node_folder.iterdir() if (match := VERSION.fullmatch(entry.name))]
        number = max([number, *numbers]) + 1
        directory = node_folder / f"v{number:03d}"
        try:
            partial_directory(directory).mkdir()
        except FileExistsError:
            continue
        if not directory.exists():
            return directory.name
        partial_directory(directory).rmdir()  # finished by somebody between the listing and the mkdir


def _write_whole(file: Path, text: str) -> None:
    beside = file.with_suffix(".tmp")
    with open(beside, "w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    os.replace(beside, file)


def _on_client(source: dict[str, Any], path: str) -> dict[str, Any]:
    return {"path": path, **{name: value for name, value in source.items() if name not in ("path", "upload_id")}}
