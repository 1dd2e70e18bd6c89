"""Netflix's published layout: what a sample becomes, and that a damaged one never stops the others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.datasets.conftest import truth, write_mp4
from vera_engine.training.datasets.netflix import NetflixDataset
from vera_engine.training.datasets.sample import ClipShape, DatasetMissing, SampleDamaged


def write_list(file: Path, lines: list[object]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    file.write_bytes(b"\n".join(texts) + b"\n")
    return file


def test_a_train_line_is_all_layers(tmp_path, write_layers):
    clip = truth(49)
    write_list(tmp_path / "vera-train-set/49-frames/synthetic-obj-add.jsonl", [write_layers("a disk", clip)])
    dataset = NetflixDataset(tmp_path)
    assert dataset.shape(0) == ClipShape(49, 48, 32)
    (sample,) = list(dataset)
    assert (sample.name, sample.edit_type) == ("vera-train-set-49-frames-synthetic-obj-add-00001", "add")
    assert sample.instruction == "add a disk"
    for layer, expected in (
        (sample.source, clip.source),
        (sample.edit, clip.edit),
        (sample.alpha, clip.alpha),
        (sample.composite, clip.composite),
    ):
        assert layer.dtype == np.float32
        assert layer.shape == expected.shape
        assert np.abs(layer - expected).mean() < 0.02
    assert np.abs(sample.mask - (clip.alpha > 0.5)).mean() < 0.02
    assert 0 < sample.layers_error < 0.02
    assert dataset.skipped == []
    part = dataset.load(0, range(8, 13))
    np.testing.assert_array_equal(part.source, sample.source[8:13])


def test_a_mask_of_what_stays_is_turned_to_where_the_edit_may_be(tmp_path, write_layers, short):
    fields = write_layers("background", short)
    write_mp4(tmp_path / fields["mask_path"], (short.alpha <= 0.5).astype(np.float64))
    (sample,) = NetflixDataset(write_list(tmp_path / "realistic-set1-bg-change.jsonl", [fields]))
    assert sample.edit_type == "background"
    assert np.abs(sample.mask - (short.alpha > 0.5)).mean() < 0.02


def test_test_lines_have_what_their_card_says(tmp_path, short):
    for name, layer in (("in", short.source), ("mask", short.alpha > 0.5), ("alpha", short.alpha)):
        write_mp4(tmp_path / f"vera-test-set/{name}.mp4", layer.astype(np.float64))
    line = {
        "video_id": "v7",
        "input_path": "in.mp4",
        "subject_type": None,
        "prompt_id": "0",
        "prompt": "Replace the background with a desert",
        "target_caption": "A disk in a desert",
        "edit_type": "background_replace",
        "mask_path": "mask.mp4",
        "alpha_path": "alpha.mp4",
    }
    added = {**line, "prompt": "Add a cat", "edit_type": "obj_add", "alpha_path": None, "target_caption": None}
    write_list(tmp_path / "vera-test-set/bg-change/bg-change.jsonl", [line, added])
    background, addition = NetflixDataset(tmp_path)
    assert (background.edit_type, background.caption) == ("background", "A disk in a desert")
    assert np.abs(background.alpha - (1 - short.alpha)).mean() < 0.02
    assert background.edit is background.composite is None
    assert (addition.edit_type, addition.alpha, addition.caption) == ("add", None, "")
    assert np.abs(addition.mask - (short.alpha <= 0.5)).mean() < 0.02


def test_damaged_samples_are_skipped_named_and_counted(tmp_path, write_layers, short):
    good, missing, cut, streamed, longer, larger, other = (
        write_layers(name, short) for name in ("good", "missing", "cut", "streamed", "longer", "larger", "other")
    )
    (tmp_path / missing["edit_rgb_path"]).unlink()
    whole = (tmp_path / cut["composite_path"]).read_bytes()
    (tmp_path / cut["composite_path"]).write_bytes(whole[: len(whole) // 2])
    # Its index comes first and is whole; the pictures are not.
    whole = write_mp4(tmp_path / streamed["input_video_path"], short.source, movflags="faststart").read_bytes()
    (tmp_path / streamed["input_video_path"]).write_bytes(whole[:-300])
    write_mp4(tmp_path / longer["edit_alpha_path"], truth(6).alpha)
    write_mp4(tmp_path / larger["input_video_path"], np.pad(short.source, ((0, 0), (0, 2), (0, 0), (0, 0))))
    write_mp4(tmp_path / other["composite_path"], short.composite[:, :, ::-1])
    lacking = {name: value for name, value in good.items() if name != "edit_alpha_path"}
    leading_out = {**good, "mask_path": "../../etc/mask.mp4"}
    bad = [
        missing,
        cut,
        streamed,
        longer,
        larger,
        other,
        lacking,
        leading_out,
        b'{"edit_instruction":',
        b"\xff\xfe",
        [1],
    ]
    dataset = NetflixDataset(write_list(tmp_path / "obj-add.jsonl", [*bad, good]))
    assert [sample.instruction for sample in dataset] == ["add good"]
    reasons = {skipped.name: skipped.reason for skipped in dataset.skipped}
    assert len(reasons) == len(bad)
    for line, part in enumerate(
        (
            "no such file",
            "cannot be read",
            "input_video_path",
            "edit_alpha_path 6",
            "input_video_path 48x34",
            "differs from alpha * edit",
            "lacks edit_alpha_path",
            "leads out of the data set",
            "not JSON",
            "not JSON",
            "no JSON object",
        ),
        1,
    ):
        assert part in reasons[f"obj-add-{line:05d}"]
    list(dataset)
    assert len(dataset.skipped) == len(bad), "a second pass names nothing twice"
    assert dataset.summary.startswith(f"obj-add: 7 samples, {len(bad)} skipped\n  obj-add-00007: ")


def test_more_tolerance_lets_a_loose_composite_in(tmp_path, write_layers, short):
    fields = write_layers("graded", short)
    write_mp4(tmp_path / fields["composite_path"], short.composite * 0.9)
    file = write_list(tmp_path / "obj-add.jsonl", [fields])
    assert list(NetflixDataset(file)) == []
    (sample,) = NetflixDataset(file, tolerance=0.1)
    assert sample.layers_error == pytest.approx(0.1 * short.composite[short.alpha > 0.01].mean(), abs=0.01)


def test_what_cannot_be_had_is_said(tmp_path, write_layers, short):
    with pytest.raises(DatasetMissing):
        NetflixDataset(tmp_path)
    dataset = NetflixDataset(write_list(tmp_path / "obj-add.jsonl", [write_layers("short", short)]))
    with pytest.raises(SampleDamaged, match="5 frames, not 0 to 8"):
        dataset.load(0, range(9))
