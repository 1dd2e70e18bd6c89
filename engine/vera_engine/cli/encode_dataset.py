"""`vera-edit encode-dataset`: layered clips as a model's codec and text encoder see them, for `vera-edit train`."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from vera_engine.cli.serve import count
from vera_engine.errors import FailedPrecondition
from vera_engine.model.settings import ModelSettings, read_settings
from vera_engine.model.threads import share_processor

if TYPE_CHECKING:
    from vera_engine.training.datasets.sample import ClipShape


class NothingEncoded(FailedPrecondition):
    """A data set none of whose clips could be used."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "encode-dataset",
        help="encode a data set's clips once, for training",
        description="Brings layered clips to the sizes that a model is trained at and writes what its codec and its "
        "text encoder make of them, so that `vera-edit train` runs neither. Stopped anywhere, the same command goes "
        "on; clips that are damaged are named and left out.",
    )
    parser.add_argument("model", metavar="MODEL", help="model folder whose codec and text encoder are used")
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a folder, .jsonl or .toml: docs/datasets.md")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write; made if missing")
    parser.add_argument(
        "--shape",
        type=shape,
        action="append",
        metavar="FRAMES@WxH",
        help="what clips are brought to, as in 49@832x480; each goes to what it loses least in (default: the model's "
        "window at its sizes)",
    )
    parser.add_argument(
        "--copies", type=count, default=1, metavar="N", help="how often: once as it is, then cropped and mirrored (1)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="decides the copies (0)")
    parser.add_argument(
        "--tolerance", type=float, metavar="E", help="how far a composite may be from its layers (the data set's own)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    parser.add_argument("--threads", type=count, metavar="N", help="processor threads")
    parser.set_defaults(run=run)


def shape(text: str) -> tuple[int, int, int]:
    """Frames, width and height of `49@832x480`."""
    said = re.fullmatch(r"(\d+)@(\d+)x(\d+)", text)
    if said is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 49@832x480")
    frames, width, height = (int(number) for number in said.groups())
    if frames % 4 != 1 or width % 16 or height % 16 or not width * height:
        raise argparse.ArgumentTypeError(f"{text!r}: frames have to be 4k + 1, sides multiples of 16")
    return frames, width, height


def run(arguments: argparse.Namespace) -> int:
    """Encodes, and says what was left out and why."""
    share_processor(arguments.threads)
    from vera_engine.training.datasets.find import find_dataset
    from vera_engine.training.encode_dataset import encode_dataset
    from vera_engine.training.encoded import EncodedWriter, read_clips
    from vera_engine.training.encoder import load_encoder

    settings = read_settings(arguments.model)
    dataset = find_dataset(arguments.dataset, arguments.tolerance)
    writer = EncodedWriter(arguments.out, load_encoder(arguments.model, arguments.device), settings)
    total = len(dataset) * arguments.copies
    with tqdm(total=total, unit="clip", desc="encoding") as bar:
        for _ in encode_dataset(dataset, _shapes(arguments, settings), arguments.copies, arguments.seed, writer):
            bar.update()
    print(dataset.summary, file=sys.stderr)
    if not writer.done:
        raise NothingEncoded(
            "Not one clip could be used.", argument="dataset", value=arguments.dataset, remedy="See why above."
        )
    sizes: dict[str, int] = {}
    for clip in read_clips(arguments.out):
        size = f"frames = {clip.frames}, height = {clip.height}, width = {clip.width}"
        sizes[size] = sizes.get(size, 0) + 1
    print(f"{arguments.out}: {len(writer.done)} clips")
    for size, number in sizes.items():
        print(f"  {{ {size} }}: {number}")
    return 0


def _shapes(arguments: argparse.Namespace, settings: ModelSettings) -> list[ClipShape]:
    from vera_engine.training.datasets.sample import ClipShape

    if arguments.shape:
        return [ClipShape(*each) for each in arguments.shape]
    return [ClipShape(settings.window_frames, width, height) for width, height in settings.working_sizes]
