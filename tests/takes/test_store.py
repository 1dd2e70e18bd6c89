"""Versions on disk, with other engines on the same take root."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from vera_engine.plates.disk import FileNotWritten
from vera_engine.takes import store
from vera_engine.takes.take import Refusal, TakeState

RESERVE = """
import sys
from pathlib import Path
from vera_engine.takes.store import reserve_version

finish = sys.argv[2] == "finish"
for _ in range(40):
    version = reserve_version(Path(sys.argv[1]), "hero")
    print(version.name, flush=True)
    if finish:
        version.with_name(f"{version.name}.partial").rename(version)
"""


@pytest.mark.parametrize("then", ["finish", "work on"])
def test_no_version_is_given_twice_by_engines_that_share_a_take_root(tmp_path, then):
    command = [sys.executable, "-c", RESERVE, str(tmp_path), then]
    engines = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    versions = [name for engine in engines for name in engine.communicate()[0].split()]
    assert [engine.returncode for engine in engines] == [0, 0, 0]
    assert len(versions) == 120
    assert len(set(versions)) == 120
    assert len(list((tmp_path / "hero").iterdir())) == 120


@pytest.mark.parametrize("there", ["v007", "v007.partial"])
def test_the_next_version_is_above_all_that_are_there(tmp_path, there):
    (tmp_path / "hero" / there).mkdir(parents=True)
    (tmp_path / "hero" / "v9999 notes").mkdir()
    assert store.reserve_version(tmp_path, "hero").name == "v008"
    assert (tmp_path / "hero" / "v008.partial").is_dir()
    assert not (tmp_path / "hero" / "v008").exists()


def test_a_deleted_version_is_not_given_again(tmp_path):
    assert store.reserve_version(tmp_path, "hero", after=12).name == "v013"


def test_after_v999_comes_v1000(tmp_path):
    (tmp_path / "hero" / "v999").mkdir(parents=True)
    assert store.reserve_version(tmp_path, "hero").name == "v1000"


def test_a_take_root_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "takes").write_text("a file")
    with pytest.raises(store.TakeRootUnwritable) as caught:
        store.reserve_version(tmp_path / "takes", "hero")
    assert (caught.value.argument, caught.value.value) == ("take_root", str(tmp_path / "takes"))
    assert caught.value.remedy


def test_a_take_root_where_nothing_can_be_made_is_refused():
    with pytest.raises(store.TakeRootUnwritable):
        store.reserve_version(Path("/proc/takes"), "hero")


def test_room_is_asked_of_the_disk_that_the_folder_will_be_on(tmp_path):
    store.check_disk_room(tmp_path / "not" / "there" / "yet", 1000)
    with pytest.raises(store.DiskTooFull, match="1000000000000 MB"):
        store.check_disk_room(tmp_path / "not" / "there" / "yet", 10**18)


def test_a_take_becomes_complete_in_one_step(reserved_take):
    take = reserved_take()
    partial = store.open_partial(take)
    (partial / "layers.1001.exr").write_bytes(b"pixels")
    assert store.finished_record(take) is None
    store.write_record(partial, {"take_id": take.take_id})
    store.complete(take)
    assert not partial.exists()
    assert sorted(path.name for path in take.directory.iterdir()) == ["layers.1001.exr", "take.json"]
    assert store.finished_record(take) == {"take_id": take.take_id}


def test_another_attempt_finds_all_that_was_whole(reserved_take):
    take = reserved_take()
    (take.partial_directory / "layers.1001.exr").write_bytes(b"a frame")
    (take.partial_directory / "layers.1002.exr.tmp").write_bytes(b"half a fra")
    store.open_partial(take)
    assert sorted(path.name for path in take.partial_directory.iterdir()) == ["layers.1001.exr", "take.json"]


def test_strays_are_removed_and_nothing_else(reserved_take):
    take = reserved_take()
    for name in ("layers.1001.exr", "layers.1002.exr", "latents.002.safetensors", "note.json", "progress.json"):
        (take.partial_directory / name).write_bytes(b"")
    store.remove_strays(take.partial_directory, {"layers.1001.exr"})
    left = sorted(path.name for path in take.partial_directory.iterdir())
    assert left == ["layers.1001.exr", "note.json", "progress.json", "take.json"]


def test_a_folder_that_a_server_puts_everywhere_is_no_hindrance(reserved_take):
    take = reserved_take()
    (take.partial_directory / "@eaDir" / "thumbs").mkdir(parents=True)
    store.remove_strays(take.partial_directory, set())
    store.complete(take)
    assert (take.directory / "@eaDir" / "thumbs").is_dir()
    store.delete_files(take)
    assert list(take.directory.parent.iterdir()) == []


def test_a_share_that_went_stale_is_said(reserved_take, monkeypatch):
    take = reserved_take()

    def stale(path: Path, **more: object) -> bool:
        raise OSError(errno.ESTALE, "Stale file handle", str(path))

    monkeypatch.setattr(Path, "is_dir", stale)
    with pytest.raises(FileNotWritten, match="Stale file handle"):
        store.check_own(take)


def test_a_take_that_only_lacks_its_name_is_given_it(reserved_take):
    take = reserved_take()
    (take.partial_directory / "progress.json").write_bytes(b"{}")
    store.write_record(take.partial_directory, {"take_id": take.take_id, "state": "finished", "frames": {}})
    store.record_state(replace(take, state=TakeState.CANCELLED))  # too late
    assert store.finished_record(take) == {"take_id": take.take_id, "state": "finished", "frames": {}}
    assert [path.name for path in take.directory.iterdir()] == ["take.json"]
    assert not take.partial_directory.exists()


def test_a_take_that_somebody_else_gave_its_name_is_complete(reserved_take):
    take = reserved_take()
    store.write_record(take.partial_directory, {"take_id": take.take_id, "state": "finished"})
    for _ in range(2):
        store.complete(take)
    assert take.directory.is_dir()


def test_a_take_that_cannot_be_renamed_says_so(reserved_take):
    take = reserved_take()
    (take.directory / "somebody else's").mkdir(parents=True)
    with pytest.raises(FileNotWritten) as caught:
        store.complete(take)
    assert caught.value.value == str(take.directory)
    assert take.partial_directory.is_dir()


def test_what_became_of_a_take_is_said_in_its_folder(reserved_take):
    take = replace(reserved_take(), state=TakeState.FAILED, error=Refusal("DiskFull", "no room"))
    store.record_state(take)
    record = json.loads((take.partial_directory / "take.json").read_text())
    assert (record["take_id"], record["state"], record["error"]["kind"]) == (take.take_id, "failed", "DiskFull")
    assert record["request"]["prompt"] == "a red ball"


def test_another_takes_folder_is_left_alone(reserved_take):
    take = reserved_take()
    store.write_record(take.partial_directory, {"take_id": "somebody else's"})
    (take.partial_directory / "layers.1001.exr").write_bytes(b"theirs")
    for touch in (store.open_partial, store.record_state):
        with pytest.raises(store.TakeFilesMissing):
            touch(take)
    store.delete_files(take)
    assert (take.partial_directory / "layers.1001.exr").read_bytes() == b"theirs"


def test_a_folder_that_is_gone_is_said(reserved_take):
    take = reserved_take()
    store.delete_files(take)
    assert not take.partial_directory.exists()
    with pytest.raises(store.TakeFilesMissing):
        store.open_partial(take)


@pytest.mark.parametrize("text", ["", '{"take_id": "a"', "[]", "\udcff"])
def test_a_record_that_is_not_whole_is_none(tmp_path, text):
    (tmp_path / "take.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert store.read_record(tmp_path) is None


def test_a_finished_take_is_deleted_whole(reserved_take):
    take = reserved_take()
    store.write_record(take.partial_directory, {"take_id": take.take_id})
    store.complete(take)
    store.delete_files(take)
    assert list(take.directory.parent.iterdir()) == []
