"""`vera-edit train`: trains a small model, from its training file to a model folder; stopped anywhere, it goes on."""

from __future__ import annotations

import argparse
import shlex
import time
from pathlib import Path

from vera_engine.cli.serve import count, seconds
from vera_engine.model.threads import share_processor


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "train",
        help="train a model on layered clips",
        description="Trains a small model on drawn clips (its codec, the transformer with its text encoder, the "
        "codec's seam filter), or on encoded clips a Vera model that begins as a converted Wan2.1, and writes the "
        "model folder. On a CPU the same file, machine and threads give the same bits, however often the run was "
        "stopped; the same command goes on with it. Where the file has several lanes, as many processes can share the "
        "work: accelerate launch --num_processes 2 -m vera_engine.cli.main train ...",
    )
    parser.add_argument(
        "config", metavar="CONFIG.toml|small", help="what to train; small: the shipped model's own file"
    )
    parser.add_argument(
        "--run-folder",
        type=Path,
        required=True,
        metavar="DIR",
        help="where checkpoints and the log lie; made if missing",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="model folder to write; must not be there yet (default: RUN FOLDER/model)",
    )
    parser.add_argument(
        "--stop-after", type=seconds, metavar="SECONDS", help="write a checkpoint and stop, to go on another time"
    )
    parser.add_argument("--threads", type=count, metavar="N", help="processor threads (default: torch's own choice)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, and say what was made and how to go on."""
    share_processor(args.threads)
    from vera_engine.training.codec_fit import train_seam_filter
    from vera_engine.training.config import SMALL, read_training_config
    from vera_engine.training.export import check_folder_free, export_model
    from vera_engine.training.loop import train
    from vera_engine.training.processes import Processes

    started = time.monotonic()
    folder: Path = args.run_folder
    out: Path = args.out or folder / "model"

    # 1. What to train
    config = read_training_config(SMALL if args.config == "small" else Path(args.config))
    check_folder_free(out)
    has_filter = config.seam_filter_width > 0 and not config.init  # a codec that was there stays as it is
    then = f", then {config.seam_filter_steps} of the seam filter" if has_filter else ""
    print(f"{config.name}: {config.steps} steps{then}; in {folder}")

    try:
        # 2. A small model's codec; the transformer and what is trained along
        parts = train(config, folder, stop_after_seconds=args.stop_after)
        if Processes.join().rank:
            return 0  # the first of them does the rest
        if parts.step < config.steps:
            return _stopped(args, f"step {parts.step} of {config.steps}")
        print(f"trained: {parts.step} steps")

        # 3. The filter over the seams of the codec's blocks
        if has_filter and parts.codec is not None:
            remaining = None if args.stop_after is None else args.stop_after - (time.monotonic() - started)
            step, losses = train_seam_filter(
                parts.codec,
                steps=config.seam_filter_steps,
                seed=config.seed,
                state_file=folder / "seam_filter.pt",
                stop_after_seconds=remaining,
            )
            if step < config.seam_filter_steps:
                return _stopped(args, f"step {step} of {config.seam_filter_steps} of the seam filter")
            print(f"seam filter: {step} steps" + (f", error {losses[0]:.4f} to {losses[-1]:.4f}" if losses else ""))
    except KeyboardInterrupt:
        print("Interrupted: what was made since the last checkpoint is lost, the checkpoint is whole.")
        print(_how_to_go_on(args))
        raise
    finally:
        Processes.leave()

    # 4. The model folder
    settings = export_model(parts, config, out)
    print(f"{out}: {settings.name}, {len(settings.weights_sha256)} weights files")
    print(f"Use it: vera-edit serve --model {shlex.quote(str(out))}")
    return 0


def _stopped(args: argparse.Namespace, where: str) -> int:
    print(f"Stopped at {where}; the checkpoint is written.")
    print(_how_to_go_on(args))
    return 0


def _how_to_go_on(args: argparse.Namespace) -> str:
    command = ["vera-edit", "train", args.config, "--run-folder", str(args.run_folder)]
    if args.out is not None:
        command += ["--out", str(args.out)]
    if args.threads is not None:
        command += ["--threads", str(args.threads)]
    return f"To go on: {shlex.join(command)}"
