"""The training loop: codec, then the transformer and its text encoder together; resumable at every checkpoint.

A step's batch is made of lanes. One process works through them one after the other, several side by side: the gradient
is the same but for rounding.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast, UMT5EncoderModel

from vera_engine.errors import FailedPrecondition, Internal
from vera_engine.model.codec import LinearVideoCodec
from vera_engine.model.transformer import VeraTransformer3DModel
from vera_engine.pipeline.text import encode_prompts
from vera_engine.training.clips import ClipStream
from vera_engine.training.codec_fit import fit_components
from vera_engine.training.config import Bucket, TrainingConfig
from vera_engine.training.loss import NoiseLevels, add_noise, sample_loss
from vera_engine.training.processes import Processes
from vera_engine.training.text_encoder import tiny_text_encoder, word_tokenizer
from vera_engine.training.vocabulary import words
from vera_engine.training.warm_start import codec_of, take_over_weights


class TrainingDiverged(Internal):
    """The loss is no longer a number; the last checkpoint is the last good state."""


class RunFolderMismatch(FailedPrecondition):
    """A run folder that another training file began."""


@dataclass
class TrainedParts:
    """The parts of a pipeline that training makes. `transformer` and `text_encoder` carry the averaged weights."""

    transformer: VeraTransformer3DModel
    text_encoder: UMT5EncoderModel
    tokenizer: PreTrainedTokenizerFast
    codec: LinearVideoCodec
    step: int


def train(config: TrainingConfig, run_folder: Path, *, stop_after_seconds: float | None = None) -> TrainedParts:
    """Trains from the last checkpoint in `run_folder`, or from the start, to the last step.

    Args:
        config: What to train.
        run_folder: Where codec, checkpoint and log lie; made where missing.
        stop_after_seconds: Write a checkpoint and return after this time, to go on another day.

    Raises:
        TrainingDiverged: The loss became NaN or infinite.
        RunFolderMismatch: The run folder holds another model's codec or checkpoint.
        LanesNotShared: There are more processes than lanes, or not as many lanes for each.
    """
    run_folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    processes = Processes.join()
    lanes = processes.share(config.lanes)

    # 1. The codec, fitted once or taken over
    codec = _fitted_codec(config, run_folder / "codec", processes)

    # 2. Model, optimizer, averages; continued from a checkpoint
    torch.manual_seed(config.seed)
    tokenizer = word_tokenizer(words(), config.text_tokens)
    transformer, text_encoder = _new_model(config, len(tokenizer))
    if config.warm_start:
        take_over_weights(config.warm_start, transformer, text_encoder)
    parameters = [*transformer.parameters(), *text_encoder.parameters()]
    averages = [parameter.detach().clone() for parameter in parameters]
    optimizer = _optimizer(config, parameters)
    streams: dict[tuple[Bucket, int], ClipStream] = {}
    checkpoint = run_folder / "checkpoint.pt"
    names = {(bucket, lane): f"{name}/{lane}" for bucket, name in _stream_names(config).items() for lane in lanes}
    step = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        try:
            step = state["step"]
            transformer.load_state_dict(state["transformer"])
            text_encoder.load_state_dict(state["text_encoder"])
            optimizer.load_state_dict(state["optimizer"])
            for average, saved in zip(averages, state["averages"], strict=True):
                average.copy_(saved)
            _check_streams(config, state["drawn"])
            for (bucket, lane), name in names.items():
                if name in state["drawn"]:
                    streams[bucket, lane] = ClipStream(config, codec, bucket, lane, state["drawn"][name])
        except (KeyError, RuntimeError, ValueError) as error:
            raise _mismatch(checkpoint, str(error)) from error

    def save(at_step: int) -> None:
        drawn = dict(sorted(processes.gather({names[key]: stream.drawn for key, stream in streams.items()}).items()))
        if processes.rank:
            return
        partial = checkpoint.with_suffix(".partial")
        torch.save(
            {
                "step": at_step,
                "transformer": transformer.state_dict(),
                "text_encoder": text_encoder.state_dict(),
                "optimizer": optimizer.state_dict(),
                "averages": averages,
                "drawn": drawn,
            },
            partial,
        )
        partial.replace(checkpoint)

    # 3. Steps
    levels = NoiseLevels(config.noise_mean, config.noise_deviation, noisiest_share=config.noisiest_share)
    log_file = os.devnull if processes.rank else run_folder / "log.jsonl"
    with (
        tqdm(
            total=config.steps, initial=step, desc="training", unit="step", mininterval=10, disable=processes.rank > 0
        ) as bar,
        Path(log_file).open("a", encoding="utf-8") as log,
    ):
        while step < config.steps:
            stage = config.stage_at(step)
            shared = random.Random(config.seed * 1_000_003 + step)
            bucket = shared.choices(stage.buckets, [b.weight for b in stage.buckets])[0]
            optimizer.zero_grad()
            figures: Counter[str] = Counter()
            for lane in lanes:
                rng = random.Random(f"{config.seed} {step} {lane}")
                generator = torch.Generator().manual_seed(rng.getrandbits(62))
                if (bucket, lane) not in streams:
                    streams[bucket, lane] = ClipStream(config, codec, bucket, lane)
                batch = streams[bucket, lane].batch(rng)
                texts = ["" if rng.random() < config.text_dropout else text for text in batch.instructions]
                keeps_mask = torch.tensor([rng.random() >= config.mask_dropout for _ in texts])
                noised = add_noise(batch, generator, levels)
                prediction = transformer(
                    noised.edit,
                    noised.alpha,
                    noised.composite,
                    noised.sigmas * 1000,
                    encode_prompts(tokenizer, text_encoder, texts),
                    source_latents=batch.source,
                    mask_latents=batch.mask,
                    mask_present=batch.mask_present & keeps_mask,
                    begins_run=batch.begins_run,
                )
                weights = (config.alpha_weight, config.composite_weight)
                loss, errors = sample_loss(prediction, batch, noised.sigmas, *weights)
                (loss / config.lanes).backward()
                figures.update({"loss": loss.item(), **errors})
            rate = learning_rate(config, step)
            for group in optimizer.param_groups:
                group["lr"] = rate
            # What the first process says of the time goes for all: they have to stop at the same step.
            late = stop_after_seconds is not None and time.monotonic() - started > stop_after_seconds
            told = torch.tensor([*figures.values(), float(late and processes.rank == 0)], dtype=torch.float64).float()
            processes.add_up([told, *(p.grad for p in parameters if p.grad is not None)])
            norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            means = dict(zip(figures, (told[:-1] / config.lanes).tolist(), strict=True))
            if not (math.isfinite(means["loss"]) and math.isfinite(norm.item())):
                raise TrainingDiverged(
                    f"The loss became {means['loss']} at step {step}; the last good state is kept.",
                    argument="run_folder",
                    value=run_folder,
                    remedy="Lower the learning rate and run again: it continues from the last checkpoint.",
                )
            optimizer.step()
            step += 1
            _average(averages, parameters, min(config.ema_decay, (step + 1) / (step + 20)))
            log.write(json.dumps({"step": step, **means, "lr": rate, "bucket": _size(bucket)}) + "\n")
            bar.update()
            out_of_time = told[-1].item() > 0
            if step % config.checkpoint_every == 0 or step == config.steps or out_of_time:
                log.flush()
                save(step)
            if out_of_time:
                break

    # 4. The averaged weights are the model
    with torch.no_grad():
        for parameter, average in zip(parameters, averages, strict=True):
            parameter.copy_(average)
    return TrainedParts(transformer.eval(), text_encoder.eval(), tokenizer, codec.eval(), step)


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Linear warm-up, constant, then a cosine to 4% over the last `decay_steps`.

    A run can be made longer at any time before its decay begins without changing a step already made.
    """
    warm = min(1.0, (step + 1) / config.warmup_steps)
    into_decay = (step - (config.steps - config.decay_steps)) / config.decay_steps
    fall = 1.0 if into_decay <= 0 else 0.04 + 0.96 * 0.5 * (1 + math.cos(math.pi * into_decay))
    return config.learning_rate * warm * fall


def _fitted_codec(config: TrainingConfig, folder: Path, processes: Processes) -> LinearVideoCodec:
    codec: LinearVideoCodec
    if processes.rank == 0 and not folder.exists():
        partial = folder.with_suffix(".partial")
        if config.warm_start:
            codec = codec_of(config.warm_start)
        else:
            # Clips for the codec come from seeds that no training clip has.
            codec = fit_components(
                config.z_dim, config.seam_filter_width, clip_count=config.codec_clips, seed=10_000_000 + config.seed
            )
        codec.save_pretrained(partial)
        partial.rename(folder)
    processes.add_up([torch.zeros(1)])  # the others wait here for the first
    codec = LinearVideoCodec.from_pretrained(folder)
    for name in ("z_dim", "seam_filter_width"):
        if codec.config[name] != getattr(config, name):
            raise _mismatch(folder, f"its {name} is {codec.config[name]}, not {getattr(config, name)}")
    codec.requires_grad_(False)
    return codec


def _new_model(config: TrainingConfig, vocabulary_size: int) -> tuple[VeraTransformer3DModel, UMT5EncoderModel]:
    transformer = VeraTransformer3DModel(
        num_attention_heads=config.num_attention_heads,
        attention_head_dim=config.attention_head_dim,
        in_channels=config.z_dim,
        out_channels=config.z_dim,
        text_dim=config.text_dim,
        freq_dim=128,
        ffn_dim=config.ffn_dim,
        num_layers=config.num_layers,
        rope_max_seq_len=256,
        absolute_positions=True,
        first_latent_embedding=config.first_latent_embedding,
        prediction_type="sample",
    )
    for branch in transformer.branches.values():
        nn.init.zeros_(branch.proj_out.weight)
        nn.init.zeros_(branch.proj_out.bias)
    # Plate and mask are the small model's main guides from the first step on; only Wan's weights must not be disturbed.
    for embedding in (transformer.source_patch_embedding, transformer.mask_patch_embedding):
        nn.init.xavier_uniform_(embedding.weight.flatten(1))
    return transformer, tiny_text_encoder(vocabulary_size, config.text_dim)


def _optimizer(config: TrainingConfig, parameters: list[nn.Parameter]) -> torch.optim.AdamW:
    matrices = [p for p in parameters if p.ndim >= 2]
    vectors = [p for p in parameters if p.ndim < 2]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=config.learning_rate,
        betas=(0.9, 0.98),
        fused=True,
    )


@torch.no_grad()
def _average(averages: list[Tensor], parameters: list[nn.Parameter], decay: float) -> None:
    torch._foreach_lerp_(averages, [p.detach() for p in parameters], 1 - decay)


def _stream_names(config: TrainingConfig) -> dict[Bucket, str]:
    """A name for each bucket's stream, to keep its state under: the size, numbered where several are of one size."""
    names: dict[Bucket, str] = {}
    for bucket in (bucket for stage in config.stages for bucket in stage.buckets):
        if bucket not in names:
            earlier = sum(_size(other) == _size(bucket) for other in names)
            names[bucket] = f"{_size(bucket)}-{earlier + 1}" if earlier else _size(bucket)
    return names


def _check_streams(config: TrainingConfig, drawn: dict[str, int]) -> None:
    """Raises KeyError where a checkpoint has streams that the training file has not."""
    known = {f"{name}/{lane}" for name in _stream_names(config).values() for lane in range(config.lanes)}
    if unknown := set(drawn) - known:
        raise KeyError(f"no buckets or lanes {sorted(unknown)}")


def _size(bucket: Bucket) -> str:
    return f"{bucket.frames}x{bucket.height}x{bucket.width}"


def _mismatch(place: Path, difference: str) -> RunFolderMismatch:
    return RunFolderMismatch(
        f"Another training file began this: {difference}.",
        argument="run_folder",
        value=place,
        remedy="Go on with the training file it was begun with, or name another run folder.",
    )
