"""From a data set in Netflix's layout to clips that a model is trained on with, by the command itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.tiny_model import make_tiny_model
from tests.training.conftest import PROMPTS, sample
from tests.training.datasets.conftest import truth
from tests.training.datasets.test_netflix import write_list
from vera_engine.cli.main import main
from vera_engine.model.settings import read_settings
from vera_engine.model.transformer import VeraTransformer3DModel
from vera_engine.training.config import Bucket
from vera_engine.training.datasets.sample import ClipShape, Entry, LayeredDataset, LayeredSample
from vera_engine.training.encode_dataset import encode_dataset
from vera_engine.training.encoded import EncodedStream, EncodedWriter, read_clips
from vera_engine.training.encoder import load_encoder


def test_clips_are_encoded_at_their_shape_and_damaged_ones_named(tmp_path: Path, write_layers, capsys, monkeypatch):
    make_tiny_model(tmp_path / "model")
    # The transformer has no part in this, and on a smaller card no room
    monkeypatch.setattr(VeraTransformer3DModel, "__init__", lambda *_, **__: pytest.fail("the transformer is loaded"))
    whole, torn = write_layers("a red ball", truth(9)), write_layers("a blue ball", truth(9))
    (tmp_path / torn["edit_rgb_path"]).write_bytes(b"cut off")
    # No word of a place, or of a side: the copy may be cropped and mirrored.
    write_list(tmp_path / "vera-train-set/9-frames/synthetic-obj-add.jsonl", [whole, torn])
    words = ["encode-dataset", str(tmp_path / "model"), str(tmp_path), "--out", str(tmp_path / "encoded")]
    words += ["--shape", "5@32x32", "--copies", "2", "--device", "cpu"]
    assert main(words) == 0
    said = capsys.readouterr()
    assert "{ frames = 5, height = 32, width = 32 }: 2" in said.out
    assert "2 samples, 1 skipped" in said.err
    assert "00002" in said.err
    clips = read_clips(tmp_path / "encoded")
    assert [(clip.frames, clip.height, clip.width, clip.has_mask) for clip in clips] == [(5, 32, 32, True)] * 2
    batch = EncodedStream(tmp_path / "encoded", Bucket(5, 32, 32, 2, 1.0), seed=0).batch(None)
    assert batch.instructions == ["add a red ball"] * 2
    assert not batch.source[0].equal(batch.source[1])  # the second is other frames, or cropped, mirrored, darker

    # What is there is not made again
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "encoded" / "clips").iterdir()}
    assert main(words) == 0
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "encoded" / "clips").iterdir()} == before


def test_a_data_set_without_a_whole_clip_is_an_error(tmp_path: Path, write_layers, capsys):
    make_tiny_model(tmp_path / "model")
    torn = write_layers("a red ball", truth(5))
    (tmp_path / torn["input_video_path"]).unlink()
    write_list(tmp_path / "vera-train-set/5-frames/synthetic-obj-add.jsonl", [torn])
    words = ["encode-dataset", str(tmp_path / "model"), str(tmp_path), "--out", str(tmp_path / "encoded")]
    assert main([*words, "--shape", "5@32x32", "--device", "cpu"]) != 0
    assert "Not one clip could be used" in capsys.readouterr().err


class Clips(LayeredDataset):
    """Samples of the memory."""

    title = identity = "clips"

    def __init__(self, *samples: LayeredSample) -> None:
        self._samples, self.skipped = samples, []
        self.entries = tuple(Entry(each.name, each.edit_type, each.instruction) for each in samples)

    def shape(self, index: int) -> ClipShape:
        return self._samples[index].shape

    def load(self, index: int, frames: range | None = None) -> LayeredSample:
        return self._samples[index]


def test_a_copy_is_no_other_clip_and_another_shape_or_seed_is_made(model: Path, tmp_path: Path):
    """As `ball`'s copy was once named, another clip may be."""
    clips = Clips(replace(sample(0), name="ball"), replace(sample(1), name="ball-1"))
    writer = EncodedWriter(tmp_path, load_encoder(str(model), "cpu"), read_settings(model))
    assert len(list(encode_dataset(clips, [ClipShape(5, 48, 32)], 2, 0, writer))) == 4
    assert sorted(clip.instruction for clip in read_clips(tmp_path)) == sorted(PROMPTS[:2] * 2)
    again = list(encode_dataset(clips, [ClipShape(5, 48, 32)], 2, 0, writer))
    assert len(again) == len(read_clips(tmp_path)) == 4
    list(encode_dataset(clips, [ClipShape(5, 32, 32)], 1, 0, writer))
    assert sorted(clip.width for clip in read_clips(tmp_path)) == [32, 32, 48, 48, 48, 48]
    list(encode_dataset(clips, [ClipShape(5, 32, 32)], 1, 1, writer))
    assert len(read_clips(tmp_path)) == 8


def test_an_instruction_that_is_too_long_is_named_and_the_others_are_encoded(model: Path, tmp_path: Path):
    clips = Clips(sample(0), replace(sample(1), instruction="add a red ball " * 10), sample(2))
    writer = EncodedWriter(tmp_path, load_encoder(str(model), "cpu"), read_settings(model))
    assert len(list(encode_dataset(clips, [ClipShape(5, 48, 32)], 2, 0, writer))) == 4
    assert [each.name for each in clips.skipped] == ["clip-1"]
    assert "tokens" in clips.skipped[0].reason
    assert {clip.instruction for clip in read_clips(tmp_path)} == {PROMPTS[0], PROMPTS[2]}
    assert not list((tmp_path / "clips").glob("clip-1*"))
