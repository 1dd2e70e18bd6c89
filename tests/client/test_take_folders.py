"""Takes as hosts find them on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vera_client.host import rendered, take_folders

FRAMES = (-1001, -7, -1, 0, 7, 12345)


@pytest.fixture
def version(tmp_path: Path) -> Path:
    """A take's folder, its files named as the engine names them."""
    folder = tmp_path / "node" / "v001"
    folder.mkdir(parents=True)
    for frame in FRAMES:
        (folder / f"layers.{frame:04d}.exr").touch()
    (folder / "take.json").write_text(json.dumps({"frames": {str(frame): {} for frame in FRAMES}}))
    return folder


def test_frames_below_zero_are_listed_where_the_host_shows_them(version: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_folders, "_shows_below_zero", True)
    (take,) = take_folders.list_take_folders(version.parent)
    assert (take.frames, take.missing_frames) == (FRAMES, [])
    assert all(take.layers_file(frame).is_file() for frame in FRAMES)


def test_frames_below_zero_are_missing_where_the_host_does_not(version: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_folders, "_shows_below_zero", False)
    take = take_folders.read_take_folder(version)
    assert take is not None
    assert (take.frames, take.missing_frames) == ((0, 7, 12345), [-1001, -7, -1])


@pytest.mark.parametrize("frames", [range(1001, 1004), range(-7, -2), range(-3, 4)])
def test_a_rendering_is_known_by_its_folders_name(tmp_path: Path, frames: range) -> None:
    place = rendered.place(tmp_path / "node", "plate", frames, "0123456789abcdef", is_alone=True)
    assert rendered.of_path(place.plate.pattern, tmp_path) == place
