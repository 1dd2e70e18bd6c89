"""What an artist says of a take: `note.json` in its own directory, so that it travels with the folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from vera_engine.errors import InvalidArgument
from vera_engine.plates.disk import FolderNotWritable, write_file
from vera_engine.takes.take import Notes

NOTE_NAME = "note.json"
LONGEST_LABEL = 200
LONGEST_NOTE = 10_000


class NoteInvalid(InvalidArgument):
    """A label or a note that is too long, or a label of several lines."""


def check_notes(notes: Notes) -> None:
    """Raises `NoteInvalid` for what is too long, and for a label of several lines."""
    for argument, text, most in (("label", notes.label, LONGEST_LABEL), ("note", notes.note, LONGEST_NOTE)):
        if len(text) > most:
            raise NoteInvalid(
                f"The {argument} has {len(text)} characters; {most} is the most.",
                argument=argument,
                value=f"{text[:60]}...",
                remedy="Say it in fewer words.",
            )
    if len(notes.label.splitlines()) > 1:
        raise NoteInvalid(
            "A label is one line.",
            argument="label",
            value=notes.label,
            remedy="Give it in one line, and put the rest into the note.",
        )


def read_notes(*directories: Path) -> Notes | None:
    """The notes in the first of the directories that has any; None where none of them can be read."""
    for directory in directories:
        try:
            data = json.loads((directory / NOTE_NAME).read_text("utf-8"))
            return Notes(str(data["label"]), str(data["note"]), bool(data["starred"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def write_notes(notes: Notes, directory: Path, partial_directory: Path) -> None:
    """Writes them into the version directory, or where that is not there yet into the partial one.

    Raises:
        DiskFull, FolderNotWritable, FileNotWritten
    """
    content = (json.dumps(asdict(notes), indent=2, ensure_ascii=False) + "\n").encode()
    if not directory.is_dir():
        try:
            write_file(partial_directory / NOTE_NAME, content)
        except FolderNotWritable:
            if not directory.is_dir():  # it was not finished, and so renamed, just now
                raise
        else:
            return
    write_file(directory / NOTE_NAME, content)
