"""A studio's comps: read with their color spaces, checked where they were merged, brought to what the model sees."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tests.exr_files import write_exr
from tests.training.datasets.conftest import Truth, truth, write_mp4
from vera_engine.plates.color import ColorSpace, plate_to_model_rgb
from vera_engine.training.datasets.find import find_dataset
from vera_engine.training.datasets.sample import ClipShape, DatasetRefused
from vera_engine.training.datasets.studio import StudioDataset

MANIFEST = """
[defaults]
edit_type = "add"
instruction = "add an orange disk"
color_space = "acescg"

[[samples]]
name = "sh010"
plate = "sh010/plate.####.exr"
edit = "sh010/edit.####.exr"
alpha = "sh010/edit.####.exr"
comp = "sh010/comp.####.exr"
premultiplied = true
"""


def write_comp(folder: Path, clip: Truth, frames: range, comp: np.ndarray | None = None) -> None:
    """Linear EXRs: the edit premultiplied, with its alpha."""
    premult = clip.alpha[..., None] * clip.edit
    whole = clip.composite if comp is None else comp
    for place, frame in enumerate(frames):
        write_exr(folder / f"plate.{frame}.exr", clip.source[place], "RGB")
        rgba = np.concatenate([premult[place], clip.alpha[place][..., None]], axis=-1)
        write_exr(folder / f"edit.{frame}.exr", rgba, "RGBA")
        write_exr(folder / f"comp.{frame}.exr", whole[place], "RGB")


@pytest.fixture
def manifest(tmp_path, short) -> Path:
    write_comp(tmp_path / "sh010", short, range(1001, 1006))
    file = tmp_path / "comps.toml"
    file.write_text(MANIFEST)
    return file


def test_linear_layers_become_what_the_model_sees(manifest, short):
    dataset = StudioDataset(manifest)
    assert dataset.shape(0) == ClipShape(5, 48, 32)
    (sample,) = list(dataset)
    assert (sample.name, sample.edit_type, sample.instruction) == ("sh010", "add", "add an orange disk")
    space = ColorSpace.parse("acescg")
    for place in range(5):
        for layer, linear in ((sample.source, short.source), (sample.composite, short.composite)):
            expected = plate_to_model_rgb(linear[place].astype(np.float32), space)
            # One alpha for three channels: soft colored edges are as near as that allows.
            assert np.abs(layer[place] - expected).mean() < 0.01
            np.testing.assert_allclose(
                layer[place][short.alpha[place] == 0], expected[short.alpha[place] == 0], atol=2e-3
            )
    shown = sample.alpha[..., None] * sample.edit + (1 - sample.alpha[..., None]) * sample.source
    np.testing.assert_allclose(sample.composite, shown, atol=1e-6)
    assert np.array_equal(sample.alpha == 0, short.alpha == 0)
    assert sample.layers_error < 1e-3


def test_a_shadow_gets_the_alpha_that_darkens_as_much_in_display(tmp_path):
    """Black over half-opaque in light is far less opaque to the eye: (1/2)^(1/2.4) of the plate is left, nearly."""
    clip = Truth(np.full((1, 16, 16, 3), 0.5), np.zeros((1, 16, 16, 3)), np.full((1, 16, 16), 0.5))
    write_comp(tmp_path / "sh010", clip, range(1001, 1002))
    (tmp_path / "comps.toml").write_text(MANIFEST.replace("acescg", "lin_rec709"))
    (sample,) = StudioDataset(tmp_path / "comps.toml")
    encoded = [1.055 * light ** (1 / 2.4) - 0.055 for light in (0.5, 0.25)]
    assert sample.alpha.mean() == pytest.approx(1 - encoded[1] / encoded[0], abs=1e-3)
    np.testing.assert_allclose(sample.composite, encoded[1], atol=1e-3)


def test_movies_that_were_merged_as_they_look(tmp_path, short):
    for name, layer in (
        ("plate", short.source), ("edit", short.edit), ("alpha", short.alpha), ("comp", short.composite),
        ("keep", 1.0 - (short.alpha > 0.5)),
    ):  # fmt: skip
        write_mp4(tmp_path / f"{name}.mp4", layer)
    entry = {"name": "m", "edit_type": "background", "instruction": "a sky", "merged_in": "display"}
    entry |= {name: f"{name}.mp4" for name in ("plate", "edit", "alpha", "comp")}
    entry |= {"mask": "keep.mp4", "mask_meaning": "keep-this", "color_space": "srgb", "tolerance": 0.02}
    (tmp_path / "comps.jsonl").write_text(json.dumps(entry) + "\n")
    (sample,) = find_dataset(tmp_path / "comps.jsonl")
    assert sample.edit_type == "background"
    assert np.abs(sample.composite - short.composite).mean() < 0.02
    assert np.abs(sample.mask - (short.alpha > 0.5)).mean() < 0.02
    assert 0 < sample.layers_error <= 0.02


def test_a_comp_that_is_not_that_of_its_layers_is_skipped_with_its_error(tmp_path, short):
    late = truth(6)
    write_comp(tmp_path / "sh010", short, range(1001, 1006), comp=late.composite[1:])
    (tmp_path / "comps.toml").write_text(MANIFEST)
    dataset = StudioDataset(tmp_path / "comps.toml")
    assert list(dataset) == []
    assert "more than 0.01" in dataset.skipped[0].reason
    (sample,) = StudioDataset(tmp_path / "comps.toml", tolerance=0.2)
    assert 0.01 < sample.layers_error < 0.2


def test_what_is_wrong_with_an_entry_is_its_own_fault(manifest, short):
    other = manifest.read_text().split("[[samples]]")[1]
    text = manifest.read_text()
    for entry in (
        other,  # the name twice
        other.replace("sh010", "sh020"),  # no files
        other.replace('"sh010"', '"sh030"') + "colour = 1\n",
        other.replace('"sh010"', '"sh040"').replace('comp = "sh010/comp.####.exr"', ""),
        other.replace('"sh010"', '"sh050"') + 'mask_meaning = "white"\n',
        other.replace('"sh010"', '"sh060"') + 'frames = "1001-1009"\n',
        other.replace('"sh010"', '"sh070"') + "tolerance = true\n",
    ):
        text += f"[[samples]]{entry}"
    manifest.write_text(text)
    dataset = find_dataset(manifest.parent)
    assert [sample.name for sample in dataset] == ["sh010"]
    reasons = "\n".join(skipped.reason for skipped in dataset.skipped)
    assert len(dataset.skipped) == 7
    for part in ("unique", "no such file", "['colour']", "['comp']", "edit-here", "1006-1009", "wrong kind"):
        assert part in reasons


@pytest.mark.parametrize("text", ["[[samples]", "samples = 3", "[[clips]]\nname = 'a'"])
def test_a_manifest_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "comps.toml").write_text(text)
    with pytest.raises(DatasetRefused):
        StudioDataset(tmp_path / "comps.toml")


def test_a_clip_is_held_once(tmp_path):
    """Its layers are ten numbers a pixel: two of them at a plate's size, at once, are more than many machines have."""
    clip = truth(25)
    write_comp(tmp_path / "sh010", clip, range(1001, 1026))
    (tmp_path / "comps.toml").write_text(MANIFEST)
    dataset = StudioDataset(tmp_path / "comps.toml")
    (sample,) = list(dataset)  # what is imported and cached is there
    held = sum(layer.nbytes for layer in (sample.source, sample.edit, sample.alpha, sample.composite))
    del sample
    tracemalloc.start()
    try:
        dataset.load(0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.7 * held
