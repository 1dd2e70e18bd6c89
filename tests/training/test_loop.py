"""Runs of a few steps: stopped and resumed, grown, diverged, exported."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vera_engine.model.settings import read_settings
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.training.checkpoints import RunFolderMismatch, newest_checkpoint
from vera_engine.training.codec_fit import fit_components, layers_of, train_seam_filter
from vera_engine.training.config import Stage, TrainingConfig
from vera_engine.training.export import ModelFolderTaken, export_model
from vera_engine.training.layered import layered_clip
from vera_engine.training.loop import TrainingDiverged, train
from vera_engine.training.trained import TrainedParts
from vera_engine.training.vocabulary import words
from vera_engine.training.warm_start import WarmStartRefused


def checkpoint(run_folder: Path) -> dict:
    """All that a run keeps: its counts, averages, weights and the optimizer's state."""
    folder = newest_checkpoint(run_folder)
    assert folder is not None
    return {
        **json.loads((folder / "progress.json").read_text()),
        "averages": torch.load(folder / "averages.pt", weights_only=True),
        "weights": load_file(folder / "model.safetensors"),
        "optimizer": torch.load(folder / "optimizer.bin", weights_only=True),
    }


def assert_equal(one: object, other: object) -> None:
    """Equal to the bit, whatever is nested in what."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, list | tuple):
        for left, right in zip(one, other, strict=True):
            assert_equal(left, right)
    else:
        assert one == other


def weights(parts: TrainedParts) -> dict[str, torch.Tensor]:
    return {
        **{f"transformer.{name}": p for name, p in parts.transformer.state_dict().items()},
        **{f"text_encoder.{name}": p for name, p in parts.text_encoder.state_dict().items()},
    }


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_stopped_after_every_step_equals_one_that_was_not(config, new_run, optimizer):
    """Over two stages with a size in common; the stream of the second is not the first's."""
    config = replace(config, optimizer=optimizer)
    whole, pieces = new_run("whole"), new_run("pieces")
    expected = train(config, whole)
    assert expected.step == config.steps == 7
    for made in range(1, config.steps + 1):
        torch.manual_seed(made)
        stopped = train(config, pieces, stop_after_seconds=0)
        assert stopped.step == made
    assert_equal(checkpoint(whole), checkpoint(pieces))
    assert_equal(weights(expected), weights(stopped))
    assert (whole / "log.jsonl").read_text() == (pieces / "log.jsonl").read_text()
    assert [json.loads(line)["step"] for line in (whole / "log.jsonl").open()] == list(range(1, 8))
    assert not list(whole.glob("*.partial"))
    # The averages are the model, not the last weights.
    state = checkpoint(whole)
    name = "transformer.branches.edit.patch_embedding.weight"
    assert not torch.equal(expected.transformer.branches["edit"].patch_embedding.weight, state["weights"][name])
    done = train(config, whole)
    assert_equal(weights(expected), weights(done))


def test_another_seed_gives_another_model(config, new_run):
    one = train(config, new_run("one"), stop_after_seconds=0)
    other = train(replace(config, seed=12), new_run("other"), stop_after_seconds=0)
    assert not torch.equal(
        one.transformer.branches["edit"].patch_embedding.weight,
        other.transformer.branches["edit"].patch_embedding.weight,
    )


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_learns_two_clips_by_heart(config, new_run, optimizer):
    bucket = replace(config.stages[0].buckets[0], batch_size=2)
    by_heart = replace(
        config,
        stages=(Stage(steps=50, buckets=(bucket,)),),
        learning_rate=1e-2,
        optimizer=optimizer,
        replay=10**6,
        text_dropout=0.0,
        mask_dropout=0.0,
    )
    folder = new_run("by heart")
    train(by_heart, folder)
    losses = [json.loads(line)["loss"] for line in (folder / "log.jsonl").open()]
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
    assert checkpoint(folder)["drawn"] == {"1x32x32/0": 2}


@pytest.mark.parametrize(("attention", "learns"), [("joint", True), ("within_branches", False)])
def test_what_the_composite_sees_helps_the_others_only_where_branches_attend_jointly(
    config, new_run, attention, learns
):
    """Nothing asks for the composite here, so that its sight of the plate is of use to the other branches alone."""
    alone = replace(config, attention=attention, composite_weight=0.0, weight_decay=0.0)
    begun = train(alone, new_run("begun"), stop_after_seconds=0)
    ended = train(alone, new_run("ended"))
    seen, sees = (parts.transformer.source_patch_embedding.weight for parts in (begun, ended))
    assert torch.equal(seen, sees) != learns


def test_a_run_that_diverges_keeps_its_last_checkpoint_and_goes_on_from_it(config, new_run):
    expected = train(config, new_run("whole"))
    folder = new_run("diverged")
    train(config, folder, stop_after_seconds=0)
    good = checkpoint(folder)
    with pytest.raises(TrainingDiverged) as raised:
        train(replace(config, learning_rate=1e30), folder)
    assert raised.value.value == str(folder)
    assert raised.value.remedy
    assert_equal(checkpoint(folder), good)
    assert_equal(weights(expected), weights(train(config, folder)))


def test_another_files_run_folder_is_refused(config, new_run):
    folder = new_run("run")
    train(config, folder, stop_after_seconds=0)
    other_bucket = replace(config.stages[0].buckets[0], height=48)
    for other in (
        replace(config, z_dim=7),
        replace(config, seam_filter_width=0),
        replace(config, ffn_dim=32),
        replace(config, num_layers=2),
        replace(config, text_dim=12),
        replace(config, stages=(Stage(4, (other_bucket,)),)),
    ):
        with pytest.raises(RunFolderMismatch) as refused:
            train(other, folder)
        assert str(folder) in refused.value.value


def test_the_components_are_fitted_to_the_clips(config):
    """Latents of about unit deviation, orthonormal blocks; and the more components, the less is lost."""
    codec = fit_components(6, 0, clip_count=2, seed=3, height=32, width=48)
    again = fit_components(6, 0, clip_count=2, seed=3, height=32, width=48)
    richer = fit_components(24, 0, clip_count=2, seed=3, height=32, width=48)
    assert_equal(dict(codec.state_dict()), dict(again.state_dict()))
    torch.testing.assert_close(codec.first_basis.T @ codec.first_basis, torch.eye(6), atol=1e-4, rtol=0)
    # The fit's own clips: seeds 3 and 4.
    own = [layers_of(layered_clip(seed, 5, 32, 48, "train", background_share=0.3)) for seed in (3, 4)]
    videos = torch.stack([video for e, a, c, s, _ in own for video in (e, a, a, c, s)])
    assert codec.latents_of(videos)[:, :, 1:].std().item() == pytest.approx(1.0, abs=0.05)
    lost = [(c.decode_unclamped(c.latents_of(videos)) - videos).square().mean().item() for c in (codec, richer)]
    assert lost[1] < 0.7 * lost[0]


def test_the_seam_filter_resumes_to_the_bit_and_helps(tmp_path):
    def fitted():
        return fit_components(6, 8, clip_count=2, seed=3, height=32, width=48)

    size = {"seed": 5, "height": 32, "width": 48}
    whole, pieces = fitted(), fitted()
    step, losses = train_seam_filter(whole, steps=12, state_file=tmp_path / "whole.pt", **size)
    assert (step, len(losses)) == (12, 12)
    gathered: list[float] = []
    for made in (1, 2):
        step, some = train_seam_filter(
            pieces, steps=12, state_file=tmp_path / "pieces.pt", stop_after_seconds=0, **size
        )
        assert step == made
        gathered += some
        pieces = fitted()
    step, some = train_seam_filter(pieces, steps=12, state_file=tmp_path / "pieces.pt", **size)
    assert gathered + some == losses
    assert_equal(dict(whole.seam_filter.state_dict()), dict(pieces.seam_filter.state_dict()))
    video = torch.stack(layers_of(layered_clip(99, 5, 32, 48, "held_out", background_share=0.0))[:1])
    latents = whole.latents_of(video)
    filtered = (whole.decode_unclamped(latents) - video).abs().mean()
    assert filtered < (fitted().decode_unclamped(latents) - video).abs().mean()
    with pytest.raises(ValueError, match="no seam filter"):
        train_seam_filter(fit_components(6, 0, clip_count=1, seed=3), steps=1, state_file=tmp_path / "no.pt", seed=1)


def test_an_exported_folder_loads_and_samples(config: TrainingConfig, new_run, tmp_path):
    parts = train(config, new_run("run"))
    before = weights(parts)
    settings = export_model(parts, config, tmp_path / "model")
    assert not (tmp_path / "model.partial").exists()
    assert settings == read_settings(tmp_path / "model")
    assert settings.vocabulary == words()
    assert settings.codec == "LinearVideoCodec"
    assert settings.background_needs_mask
    for file in (tmp_path / "model").rglob("*.json"):
        assert str(tmp_path) not in file.read_text(encoding="utf-8")
    pipeline = load_pipeline(str(tmp_path / "model"), "cpu")
    for name, loaded in weights(TrainedParts(pipeline.transformer, pipeline.text_encoder, None, None, 0)).items():
        assert torch.equal(loaded, before[name].to(torch.float16).float())
    assert pipeline.transformer.config.prediction_type == "sample"
    plate = np.random.default_rng(0).random((5, 32, 48, 3), dtype=np.float32)
    out = pipeline(
        prompt="add a large red ball bouncing on the left",
        plate_model_rgb=plate,
        mask_edit_here=plate[..., 0],
        num_inference_steps=2,
        guidance_scale=2.0,
        seed=1,
    )
    assert out.edit.shape == (5, 32, 48, 3)
    assert np.isfinite(out.latents["alpha"]).all()
    with pytest.raises(ModelFolderTaken) as refused:
        export_model(parts, config, tmp_path / "model")
    assert refused.value.argument == "out"


def test_a_run_can_begin_with_a_models_weights(config: TrainingConfig, new_run, tmp_path):
    given = train(config, new_run("given"))
    expected = weights(given)
    export_model(given, config, tmp_path / "model")
    begins = replace(
        config, seed=12, warm_start=str(tmp_path / "model"), first_latent_embedding=True, learning_rate=1e-9
    )
    begun = train(begins, tmp_path / "begun", stop_after_seconds=0)
    for name, tensor in weights(begun).items():
        if "first_latent" in name:
            assert not tensor.any() or tensor.abs().max() < 1e-6
        else:
            torch.testing.assert_close(tensor, expected[name].to(torch.float16).float(), atol=1e-6, rtol=0)
    assert_equal(dict(begun.codec.state_dict()), dict(given.codec.state_dict()))
    for other in (replace(begins, ffn_dim=32), replace(begins, num_layers=2), replace(begins, text_dim=12)):
        with pytest.raises(WarmStartRefused, match="cannot begin"):
            train(other, tmp_path / "refused", stop_after_seconds=0)
