"""What an artist says of a take lies beside it, finished or not."""

from __future__ import annotations

import json

import pytest

from vera_engine.plates.disk import FolderNotWritable
from vera_engine.takes import store
from vera_engine.takes.notes import NoteInvalid, check_notes, read_notes, write_notes
from vera_engine.takes.take import Notes

WIDE = Notes("wide – 桜", "sinks too deep\nfrom 1030 on", starred=True)


def test_notes_travel_with_the_folder(reserved_take):
    take = reserved_take()
    write_notes(WIDE, take.directory, take.partial_directory)
    assert read_notes(take.directory, take.partial_directory) == WIDE
    store.write_record(take.partial_directory, {"take_id": take.take_id})
    store.complete(take)
    assert read_notes(take.directory) == WIDE
    assert json.loads((take.directory / "note.json").read_text("utf-8"))["label"] == "wide – 桜"
    write_notes(Notes(), take.directory, take.partial_directory)
    assert read_notes(take.directory, take.partial_directory) == Notes()
    assert sorted(path.name for path in take.directory.iterdir()) == ["note.json", "take.json"]


def test_a_take_that_is_finished_just_now_keeps_them(reserved_take, monkeypatch):
    take = reserved_take()
    is_dir, looked = type(take.directory).is_dir, []

    def finished_meanwhile(path):
        if path == take.directory and not looked:
            looked.append(path)
            store.complete(take)
            return False
        return is_dir(path)

    monkeypatch.setattr(type(take.directory), "is_dir", finished_meanwhile)
    write_notes(WIDE, take.directory, take.partial_directory)
    assert read_notes(take.directory) == WIDE


def test_a_take_without_a_folder_has_none(reserved_take):
    take = reserved_take()
    store.delete_files(take)
    assert read_notes(take.directory, take.partial_directory) is None
    with pytest.raises(FolderNotWritable):
        write_notes(WIDE, take.directory, take.partial_directory)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"label": "a"}', "\udcff"])
def test_what_cannot_be_read_is_none(reserved_take, text):
    take = reserved_take()
    (take.partial_directory / "note.json").write_text(text, "utf-8", "surrogateescape")
    assert read_notes(take.directory, take.partial_directory) is None


def test_labels_are_one_short_line_and_notes_may_be_long():
    check_notes(Notes("x" * 200, "y\n" * 5000))
    for notes, argument in (
        (Notes(label="x" * 201), "label"),
        (Notes(label="a\nb"), "label"),
        (Notes(label="a\u2028b"), "label"),
        (Notes(note="x" * 10_001), "note"),
    ):
        with pytest.raises(NoteInvalid) as caught:
            check_notes(notes)
        assert caught.value.argument == argument
