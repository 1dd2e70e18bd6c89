"""Plates that came over the wire, where client and engine share no files: kept in the state folder for a while."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import IO

from vera_engine.errors import InvalidArgument, NotFound
from vera_engine.plates.sequence import SequencePattern
from vera_engine.server.status import DataDamaged

LONGEST_CHUNK_BYTES = 1 << 20
SECONDS_KEPT = 86_400.0
UPLOAD_ID_PATTERN = re.compile(r"[0-9a-f]{32}")
PATTERN_FILE = "upload.json"


class UploadNotFound(NotFound):
    """No upload of that id is here (any more)."""


class UploadInvalid(InvalidArgument):
    """A stream of messages that makes no plate."""


class UploadDamaged(DataDamaged):
    """A file arrived with other bytes than it was sent with."""


class Uploads:
    """All uploads of a state folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, file_name: str) -> Upload:
        """A new upload.

        Args:
            file_name: Pattern with `####` or `%04d`, or the name of one file; no folder.

        Raises:
            PatternInvalid, UploadInvalid
        """
        if not _is_one_file(file_name):
            SequencePattern.parse(file_name, "begin.file_name")
        if not file_name or Path(file_name).name != file_name or "\\" in file_name or file_name == PATTERN_FILE:
            raise UploadInvalid(
                "The file name names a folder.",
                argument="begin.file_name",
                value=file_name,
                remedy="Give the name alone.",
            )
        return Upload(self._folder, file_name)

    def pattern(self, upload_id: str) -> str:
        """The path pattern of an upload's files, or the path of its one file.

        Raises:
            UploadNotFound
        """
        folder = self._folder / upload_id
        if not UPLOAD_ID_PATTERN.fullmatch(upload_id) or not folder.is_dir():
            raise UploadNotFound(
                "The engine has no such upload.",
                argument="upload_id",
                value=upload_id,
                remedy="Upload the plate again.",
            )
        return str(folder / json.loads((folder / PATTERN_FILE).read_text("utf-8")))

    def clean(self, needed: Collection[str], seconds_kept: float) -> None:
        """Removes uploads that are older, and those that broke off as long ago.

        Args:
            needed: Upload ids of unfinished takes; these stay.
            seconds_kept: Since an upload ended.
        """
        for folder in self._folder.iterdir():
            age_seconds = time.time() - folder.stat().st_mtime
            if folder.name not in needed and age_seconds >= seconds_kept:
                shutil.rmtree(folder)


class Upload:
    """One plate on its way in. To be ended by `finish` or `abandon`."""

    def __init__(self, folder: Path, file_name: str) -> None:
        self._upload_id = uuid.uuid4().hex
        self._folder = folder / self._upload_id
        self._partial = folder / f"{self._upload_id}.partial"
        self._partial.mkdir(mode=0o700)
        self._file_name = file_name
        self._files: set[Path] = set()
        self._open: IO[bytes] | None = None
        self._digest = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Adds bytes to the file that is arriving.

        Raises:
            UploadInvalid: where the chunk is longer than 1 MiB.
        """
        if len(chunk) > LONGEST_CHUNK_BYTES:
            raise UploadInvalid(
                "A chunk is longer than 1 MiB.", argument="chunk", value=len(chunk), remedy="Send shorter ones."
            )
        if self._open is None:
            self._open = (self._partial / "arriving").open("wb")
        self._open.write(chunk)
        self._digest.update(chunk)

    def end_of_file(self, file_frame: int, sha256: str) -> None:
        """Gives the file that arrived its name.

        Raises:
            UploadDamaged: where its bytes are not those that were sent.
            UploadInvalid: where nothing arrived, or that frame (any frame, of one file) did before.
        """
        file = self._partial / self._file_name
        if not _is_one_file(self._file_name):
            file = SequencePattern.parse(str(file)).file(file_frame)
        if self._open is None or file in self._files:
            raise UploadInvalid(
                "A file has no bytes." if self._open is None else "A frame was sent twice.",
                argument="end_of_file.file_frame",
                value=file_frame,
                remedy="Send each frame's file once, its bytes first.",
            )
        self._open.close()
        self._open = None
        if self._digest.hexdigest() != sha256:
            raise UploadDamaged(
                f"The file of frame {file_frame} arrived damaged.",
                argument="end_of_file.sha256",
                value=sha256,
                remedy="Send the plate again.",
            )
        (self._partial / "arriving").rename(file)
        self._digest = hashlib.sha256()
        self._files.add(file)

    def finish(self) -> str:
        """Ends the upload; returns its id.

        Raises:
            UploadInvalid: where no file came, or the last one has no end.
        """
        if self._open is not None or not self._files:
            raise UploadInvalid(
                "The upload broke off within a file." if self._open else "The upload has no files.",
                argument="end_of_file",
                remedy="End every file, and send at least one.",
            )
        (self._partial / PATTERN_FILE).write_text(json.dumps(self._file_name), "utf-8")
        self._partial.rename(self._folder)
        return self._upload_id

    def abandon(self) -> None:
        """Removes what has arrived so far."""
        if self._open is not None:
            self._open.close()
        shutil.rmtree(self._partial, ignore_errors=True)


def _is_one_file(file_name: str) -> bool:
    """Whether there is no place for a frame number: a movie, or a still."""
    return "#" not in file_name and "%" not in file_name
