"""The training loop: what is trained, steps over lanes of clips, averages; stopped anywhere, it goes on the same.

A step's batch is made of lanes. One process works through them one after the other, several side by side: the gradient
is the same but for rounding. What a lane draws and how it is noised follows from the seed, the step and the lane alone.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch.distributed.tensor import DTensor
from tqdm import tqdm

from vera_engine.errors import Internal, InvalidArgument
from vera_engine.training.averages import Averages
from vera_engine.training.checkpoints import load_checkpoint, newest_checkpoint, save_checkpoint
from vera_engine.training.config import Bucket, TrainingConfig
from vera_engine.training.loss import NoiseLevels, add_noise
from vera_engine.training.muon import Muon
from vera_engine.training.processes import Processes
from vera_engine.training.sample_sheet import SampleSheets
from vera_engine.training.sources import Source, begin
from vera_engine.training.trained import Trained, TrainedParts, parameters_by_name, save_adapters

_WATCHED_STEPS = 50


class MuonNeedsWholeMatrices(InvalidArgument):
    """An optimizer that cannot work on weights which are spread over processes."""


class TrainingDiverged(Internal):
    """The loss is no longer a number, or grows without end; the last checkpoint is the last good state."""


def train(config: TrainingConfig, run_folder: Path, *, stop_after_seconds: float | None = None) -> TrainedParts:
    """Trains from the last checkpoint in `run_folder`, or from the start, to the last step.

    Args:
        config: What to train.
        run_folder: Where codec, checkpoints, log and sample sheets lie; made where missing.
        stop_after_seconds: Write a checkpoint and return after this time, to go on another day.

    Returns:
        The model with the averaged weights. Where the weights are spread over processes, the first of them has it, once
        the last step is made; any other has its own parts of it.

    Raises:
        TrainingDiverged: The loss became NaN or infinite, or many times what it was.
        RunFolderMismatch: The run folder holds another model's codec or checkpoint.
        LanesNotShared: There are more processes than lanes, or not as many lanes for each.
        EncodedDataMissing, EncodedByOtherModel: `config.data` is not what the model can be trained on.
        MuonNeedsWholeMatrices: `config.optimizer` is muon, and FSDP was asked for.
        ModelFolderMissing, WeightsCorrupt and others of `load_transformer`: of `config.init`.
    """
    run_folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    processes = Processes.join(config.mixed_precision, run_folder)
    accelerator, lanes = processes.accelerator, processes.share(config.lanes)

    # 1. What is trained, and on what
    torch.manual_seed(config.seed)
    source, trained = begin(config, run_folder, processes)

    # 2. Model and optimizer, spread over the processes; averages; all as a checkpoint left them
    model, optimizer = accelerator.prepare(trained, _optimizer(config, parameters_by_name(trained), processes))
    parameters = parameters_by_name(model)
    place = "cpu" if config.averages_on_cpu else None
    averages = Averages([parameter for _, parameter in parameters], config.ema_decay, place)
    state = RunState()
    checkpoint = newest_checkpoint(run_folder)
    if checkpoint is not None:
        state = RunState.of(load_checkpoint(checkpoint, processes, averages))
        source.go_on_from(state.drawn, lanes, checkpoint)
    if processes.rank == 0:
        _cut_log(run_folder / "log.jsonl", state.step)
    accelerator.init_trackers("tensorboard")
    sheets = SampleSheets(source, processes, run_folder, config.samples)

    def save() -> None:
        state.drawn = dict(sorted(processes.gather(source.drawn).items()))
        save_checkpoint(run_folder, processes, averages, state.as_dict(), config.checkpoints_kept)

    # 3. Steps
    with (
        tqdm(
            total=config.steps,
            initial=state.step,
            desc="training",
            unit="step",
            mininterval=10,
            disable=processes.rank > 0,
        ) as bar,
        (run_folder / "log.jsonl" if processes.rank == 0 else Path("/dev/null")).open("a", encoding="utf-8") as log,
    ):
        out_of_time = False
        while state.step < config.steps and not out_of_time:
            bucket = _bucket_at(config, state.step)
            figures: dict[str, float] = {}
            for lane in lanes:
                # Gradients are exchanged once a step, with the last of a process's lanes.
                with processes.adding_up(model) if lane != lanes[-1] else nullcontext():
                    loss, errors = _lane_loss(config, model, source, bucket, state.step, lane, accelerator)
                    accelerator.backward(loss / len(lanes))
                for name, value in {"loss": loss.detach(), **errors}.items():
                    figures[name] = figures.get(name, 0.0) + value.item() / len(lanes)
            rate = learning_rate(config, state.step)
            for group in optimizer.param_groups:
                group["lr"] = rate
            norm = accelerator.clip_grad_norm_([parameter for _, parameter in parameters], 1.0)
            norm = norm.full_tensor() if isinstance(norm, DTensor) else norm
            # What the first process says of the time goes for all: they have to stop at the same step.
            late = stop_after_seconds is not None and time.monotonic() - started > stop_after_seconds
            told = processes.mean({**figures, "late": float(late and processes.rank == 0)})
            out_of_time = told.pop("late") > 0
            state.watch(told["loss"], float(norm), config, run_folder)
            optimizer.step()
            optimizer.zero_grad()  # before averages and sheets, which have a use for the room
            state.step += 1
            averages.follow(state.step)
            log.write(json.dumps({"step": state.step, **told, "lr": rate, "bucket": str(bucket)}) + "\n")
            accelerator.log({**told, "lr": rate, "gradient": float(norm)}, step=state.step)
            bar.update()
            if state.step % config.checkpoint_every == 0 or state.step == config.steps or out_of_time:
                log.flush()
                save()
            if config.samples_every and state.step % config.samples_every == 0:  # after saving: nothing hangs on it
                averages.exchange()
                sheets.draw(model, state.step)
                averages.exchange()

    # 4. The averaged weights are the model
    averages.exchange()
    for tracker in accelerator.trackers:
        tracker.finish()
    whole: Trained = accelerator.unwrap_model(model)
    if processes.are_sharded and state.step == config.steps:
        weights = accelerator.get_state_dict(model)  # whole in the first process alone
        if processes.rank == 0:
            whole = source.new_model(empty=True)
            whole.load_state_dict(weights, assign=True)
    if config.lora_rank and processes.rank == 0 and state.step == config.steps:
        save_adapters(whole, run_folder / "adapters")
    return source.parts(whole, state.step)


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Linear warm-up, constant, then a cosine to 4% over the last `decay_steps`.

    A run can be made longer at any time before its decay begins without changing a step already made.
    """
    warm = min(1.0, (step + 1) / config.warmup_steps)
    into_decay = (step - (config.steps - config.decay_steps)) / config.decay_steps
    fall = 1.0 if into_decay <= 0 else 0.04 + 0.96 * 0.5 * (1 + math.cos(math.pi * into_decay))
    return config.learning_rate * warm * fall


@dataclass
class RunState:
    """What of a run is state, beside weights, optimizer and averages."""

    step: int = 0
    drawn: dict[str, int] = field(default_factory=dict)
    """Clips drawn so far, by bucket and lane."""
    losses: deque[float] = field(default_factory=lambda: deque(maxlen=_WATCHED_STEPS))
    """Of the last steps."""
    least: float = math.inf
    """The least mean of so many losses."""

    @classmethod
    def of(cls, saved: dict[str, Any]) -> RunState:
        losses = deque(saved["losses"], maxlen=_WATCHED_STEPS)
        return cls(saved["step"], saved["drawn"], losses, saved["least"] or math.inf)

    def as_dict(self) -> dict[str, Any]:
        least = None if math.isinf(self.least) else self.least
        return {"step": self.step, "drawn": self.drawn, "losses": list(self.losses), "least": least}

    def watch(self, loss: float, norm: float, config: TrainingConfig, run_folder: Path) -> None:
        """Takes in a step's loss and gradient.

        Raises:
            TrainingDiverged: They are no numbers, or the losses are many times what they were.
        """
        self.losses.append(loss)
        is_number = math.isfinite(loss) and math.isfinite(norm)
        mean = sum(self.losses) / len(self.losses)
        if not is_number or (len(self.losses) == _WATCHED_STEPS and mean > config.diverged_above * self.least):
            raise TrainingDiverged(
                f"The loss became {loss:g} at step {self.step}; the last good state is kept.",
                argument="run_folder",
                value=run_folder,
                remedy="Lower the learning rate and run again: it continues from the last checkpoint.",
            )
        if len(self.losses) == _WATCHED_STEPS:
            self.least = min(self.least, mean)


def _bucket_at(config: TrainingConfig, step: int) -> Bucket:
    """The size of a step's clips, the same in all processes."""
    stage = config.stage_at(step)
    shared = random.Random(config.seed * 1_000_003 + step)
    return shared.choices(stage.buckets, [bucket.weight for bucket in stage.buckets])[0]


def _lane_loss(
    config: TrainingConfig,
    model: torch.nn.Module,
    source: Source,
    bucket: Bucket,
    step: int,
    lane: int,
    accelerator: Accelerator,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The loss of one lane's batch, its texts and masks left out here and there."""
    rng = random.Random(f"{config.seed} {step} {lane}")
    generator = torch.Generator().manual_seed(rng.getrandbits(62))
    batch = source.stream(bucket, lane).batch(rng)
    texts = ["" if rng.random() < config.text_dropout else text for text in batch.instructions]
    keeps_mask = torch.tensor([rng.random() >= config.mask_dropout for _ in texts])
    noised = add_noise(batch, generator, NoiseLevels.of(config))
    given = source.texts_for(texts)
    device = accelerator.device
    with accelerator.autocast():  # accelerate adds it to a model by itself, but not where FSDP cuts it
        loss, errors = model(
            batch.to(device),
            noised.to(device),
            given if isinstance(given, list) else given.to(device),
            (batch.mask_present & keeps_mask).to(device),
        )
    return loss, errors


def _optimizer(
    config: TrainingConfig, parameters: list[tuple[str, torch.nn.Parameter]], processes: Processes
) -> torch.optim.Optimizer:
    if config.optimizer == "muon":
        if processes.are_sharded:
            raise MuonNeedsWholeMatrices(
                "Muon works on whole matrices, and FSDP spreads each over the processes.",
                argument="optimizer",
                value=config.optimizer,
                remedy="Take adamw, or start the processes without FSDP.",
            )
        return Muon(parameters, config.learning_rate, config.weight_decay)
    matrices = [parameter for _, parameter in parameters if parameter.ndim >= 2]
    vectors = [parameter for _, parameter in parameters if parameter.ndim < 2]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=config.learning_rate,
        betas=(0.9, 0.98),
        fused=True,
    )


def _cut_log(file: Path, step: int) -> None:
    """Steps that were made after the checkpoint are made again: their lines go."""
    if file.exists():
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("}\n") and json.loads(line)["step"] <= step]
        file.write_text("".join(kept), encoding="utf-8")
