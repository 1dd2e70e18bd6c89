"""`vera-edit convert-weights`: make a Vera model folder from a checkpoint of Wan2.1 or of a published Vera."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vera_engine.model.conversion_plan import Part

FORMATS = ("bfloat16", "float16", "float32")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "convert-weights",
        help="make a Vera model folder from a checkpoint of Wan2.1 or Vera",
        description="Takes Wan2.1's text-to-video checkpoints (diffusers' form, or Wan's own names) and a published "
        "Vera whose names a key table knows. From a Wan all three branches are made and what is new starts at zero, so "
        "the model must be trained before it edits. Reads and writes safetensors only. See docs/models.md.",
    )
    parser.add_argument(
        "--from",
        "--from-wan",
        dest="checkpoint",
        type=Path,
        required=True,
        metavar="DIR",
        help="the checkpoint's folder",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write; must not be there yet")
    parser.add_argument("--name", metavar="NAME", help="the model's name in takes (default: the folder's)")
    parser.add_argument(
        "--rest-from",
        type=Path,
        metavar="DIR",
        help="take what the checkpoint lacks (autoencoder, text encoder, tokenizer, scheduler) from this folder",
    )
    parser.add_argument(
        "--table", type=Path, action="append", default=[], metavar="FILE", help="a key table of your own"
    )
    parser.add_argument("--dtype", choices=FORMATS, help="number format to write (default: the checkpoint's)")
    parser.add_argument("--dry-run", action="store_true", help="only say what would go where")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert, and say what was made."""
    from vera_engine.errors import InvalidArgument
    from vera_engine.model.conversion_plan import plan_parts
    from vera_engine.model.convert import WRITTEN_FORMATS, convert_checkpoint
    from vera_engine.model.key_tables import read_table

    tables = [read_table(path) for path in args.table]
    dtype = WRITTEN_FORMATS[args.dtype] if args.dtype else None
    if args.dry_run:
        for part in plan_parts([args.checkpoint, *([args.rest_from] if args.rest_from else [])], tables, dtype):
            print_plan(part)
        return 0
    if args.out is None:
        raise InvalidArgument("There is no folder to write to.", argument="out", remedy="Name one with --out.")
    settings = convert_checkpoint(
        args.checkpoint, args.out, name=args.name, rest_from=args.rest_from, tables=tables, dtype=dtype
    )
    sizes = ", ".join(f"{width}x{height}" for width, height in settings.working_sizes)
    print(f"{args.out}: {settings.name}, {len(settings.weights_sha256)} weights files, works at {sizes}")
    return 0


def print_plan(part: Part) -> None:
    """What becomes of a component: where it comes from, by which table, what is left out, how large it gets."""
    from vera_engine.model.key_names import gathered

    size = f"{part.byte_count / 1e9:.2f} GB"
    if part.weights is None:
        print(f"{part.component}: {part.folder if part.files else 'Wan2.1’s default'}")
        return
    placement = part.weights.placement
    print(f"{part.component}: {part.weights.folder}, by {placement.table.name} ({placement.table.about}), {size}")
    print(f"  {len(placement.places)} tensors placed, {len(placement.dropped)} left out")
    for name, why in placement.dropped.items():
        print(f"  left out: {name} ({why})")
    sources = {place.source: name for name, place in placement.places.items()}
    for source in gathered(sources):
        print(f"  {source}")
