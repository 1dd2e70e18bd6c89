"""Fetching from a hub on this machine: what is said first, what comes, what breaks off and goes on."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.model.hub_server import COMMIT, REPOSITORY, Hub, serving
from vera_engine.model.checksums import WeightsCorrupt, verify_published
from vera_engine.model.convert import convert_checkpoint
from vera_engine.model.hub import (
    DownloadBrokenOff,
    FolderTaken,
    HubUnreachable,
    ModelGated,
    ModelNotPublished,
    fetch,
    look_up,
)
from vera_engine.model.pickles import WeightsArePickled
from vera_engine.model.room import DiskFull
from vera_engine.model.settings import read_settings

WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
RESOLVED = f"/{REPOSITORY}/resolve/{COMMIT}"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A repository with weights, descriptions, a tokenizer, a picture and a pickle."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    files = {
        WEIGHTS: bytes(range(256)) * 4000,
        "transformer/config.json": b"{}",
        "tokenizer/spiece.model": b"words",
        "README.md": b"read me",
        "assets/picture.png": b"png",
        "Wan2.1_VAE.pth": b"cos\nsystem\n",
    }
    with serving(Hub(files)) as hub:
        yield hub


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }


def test_what_is_said_before_anything_is_fetched(hub):
    published = look_up(REPOSITORY, endpoint=hub.endpoint)
    assert (published.repository, published.revision) == (REPOSITORY, COMMIT)
    assert published.license.startswith("Apache License 2.0: any use, commercial too")
    assert published.byte_count == sum(len(hub.files[name]) for name in hub.files if not name.endswith(("png", "pth")))
    assert published.pickles == ("Wan2.1_VAE.pth",)
    assert not any("resolve" in request for request in hub.requests)


def test_what_comes_is_whole_and_safe(hub, tmp_path):
    assert fetch(look_up(REPOSITORY, endpoint=hub.endpoint), tmp_path / "wan", hub.endpoint) == 1
    got = content(tmp_path / "wan")
    digest = hashlib.sha256(hub.files[WEIGHTS]).hexdigest()
    assert got.pop("SHA256SUMS").decode() == f"{digest}  {WEIGHTS}\n"
    assert got == {name: data for name, data in hub.files.items() if not name.endswith(("png", "pth"))}
    # The notes of huggingface_hub alone say it too.
    (tmp_path / "wan" / "SHA256SUMS").unlink()
    assert verify_published(tmp_path / "wan", [tmp_path / "wan" / WEIGHTS]) == 1
    (tmp_path / "wan" / WEIGHTS).write_bytes(hub.files[WEIGHTS][:-1] + b"x")
    with pytest.raises(WeightsCorrupt, match="diffusion_pytorch_model"):
        verify_published(tmp_path / "wan", [tmp_path / "wan" / WEIGHTS])


def test_what_is_fetched_can_be_converted(hub, wan_folder, tmp_path):
    """And what is spoiled between the two is found by the checksums that fetching leaves."""
    hub.files = {path.relative_to(wan_folder).as_posix(): path.read_bytes() for path in wan_folder.rglob("*.*")}
    fetch(look_up(REPOSITORY, endpoint=hub.endpoint), tmp_path / "wan", hub.endpoint)
    settings = convert_checkpoint(tmp_path / "wan", tmp_path / "vera")
    convert_checkpoint(wan_folder, tmp_path / "expected")
    assert settings.weights_sha256 == read_settings(tmp_path / "expected").weights_sha256
    assert not list((tmp_path / "vera").rglob(".cache"))
    weights = tmp_path / "wan" / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsCorrupt, match="published"):
        convert_checkpoint(tmp_path / "wan", tmp_path / "again")


def test_a_connection_that_breaks_is_taken_up_in_the_middle(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 100_000)
    hub.cut_at[WEIGHTS] = 700_000
    fetch(look_up(REPOSITORY, endpoint=hub.endpoint), tmp_path / "wan", hub.endpoint)
    assert content(tmp_path / "wan")[WEIGHTS] == hub.files[WEIGHTS]
    assert f"GET {RESOLVED}/{WEIGHTS} bytes=700000-" in hub.requests


def test_a_download_that_was_broken_off_goes_on_with_what_is_missing(hub, tmp_path):
    hub.cut_at[WEIGHTS] = 700_000
    hub.fails.add(WEIGHTS)
    published = look_up(REPOSITORY, endpoint=hub.endpoint)
    with pytest.raises(DownloadBrokenOff) as broken:
        fetch(published, tmp_path / "wan", hub.endpoint)
    assert "again" in broken.value.remedy
    assert not (tmp_path / "wan" / WEIGHTS).exists()
    finished = {name for name in published.files if (tmp_path / "wan" / name.path).is_file()}
    assert finished

    hub.fails.clear()
    hub.requests.clear()
    assert published.missing_from(tmp_path / "wan") < published.byte_count
    fetch(published, tmp_path / "wan", hub.endpoint)
    assert content(tmp_path / "wan")[WEIGHTS] == hub.files[WEIGHTS]
    fetched_again = {
        request.removeprefix(f"GET {RESOLVED}/") for request in hub.requests if request.startswith("GET /some")
    }
    assert fetched_again == {str(file.path) for file in published.files if file not in finished}


def test_a_file_that_is_not_the_published_one_is_found(hub, tmp_path):
    published = look_up(REPOSITORY, endpoint=hub.endpoint)
    fetch(published, tmp_path / "wan", hub.endpoint)
    (tmp_path / "wan" / WEIGHTS).write_bytes(hub.files[WEIGHTS][:-1] + b"x")
    with pytest.raises(WeightsCorrupt, match="published"):
        fetch(published, tmp_path / "wan", hub.endpoint)


def test_no_way_to_it(hub, tmp_path, monkeypatch):
    with pytest.raises(ModelNotPublished, match="No such model"):
        look_up("some-lab/other", endpoint=hub.endpoint)
    with pytest.raises(ModelNotPublished, match="No such model"):
        look_up("not a name", endpoint=hub.endpoint)
    with pytest.raises(ModelNotPublished, match="revision: v7"):
        look_up(REPOSITORY, "v7", endpoint=hub.endpoint)
    hub.is_gated = True
    with pytest.raises(ModelGated) as gated:
        look_up(REPOSITORY, endpoint=hub.endpoint)
    assert f"https://huggingface.co/{REPOSITORY}" in gated.value.remedy
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(HubUnreachable) as unreachable:
            look_up(REPOSITORY, endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert "no network" in unreachable.value.remedy


def test_pickles_alone_are_not_fetched(hub):
    hub.files.pop(WEIGHTS)
    with pytest.raises(WeightsArePickled, match=r"Wan2\.1_VAE\.pth"):
        look_up(REPOSITORY, endpoint=hub.endpoint)


@pytest.mark.parametrize(("named", "said"), [(None, "none is named"), ("cc-by-nc-4.0", "NOT for commercial")])
def test_licenses_that_want_a_second_look(hub, named, said):
    hub.license = named
    assert said in look_up(REPOSITORY, endpoint=hub.endpoint).license


def test_no_room_and_no_place(hub, tmp_path, monkeypatch):
    published = look_up(REPOSITORY, endpoint=hub.endpoint)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "cut.mov").write_bytes(b"mine")
    with pytest.raises(FolderTaken):
        fetch(published, tmp_path / "mine", hub.endpoint)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: argparse.Namespace(total=10**12, used=10**12, free=1000))
    with pytest.raises(DiskFull, match="GB are needed"):
        fetch(published, tmp_path / "wan", hub.endpoint)
    assert not any("resolve" in request for request in hub.requests)


def test_the_command_line_says_it_all(hub, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "vera_engine.cli.main", "fetch", REPOSITORY],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HF_ENDPOINT": hub.endpoint},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, terms, left_behind, to, fetched, following = done.stdout.splitlines()
    assert first == f"{REPOSITORY} at {COMMIT[:12]}: 4 files, 1.0 MB"
    assert terms.startswith("license: Apache License 2.0")
    assert left_behind.startswith("left behind: Wan2.1_VAE.pth")
    assert to.startswith("to: tiny-wan (1.0 MB to fetch, ")
    assert fetched == "fetched; 1 files have the checksums that were published"
    assert following == "next: vera-edit convert-weights --from tiny-wan --out MODEL_FOLDER"

    assert content(tmp_path / "tiny-wan")[WEIGHTS] == hub.files[WEIGHTS]


def test_offline_by_choice(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubUnreachable) as offline:
        look_up(REPOSITORY, endpoint=hub.endpoint)
    assert "Unset HF_HUB_OFFLINE" in offline.value.remedy
