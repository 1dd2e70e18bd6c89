"""`vera-edit convert-weights`: make a Vera model folder from a Wan2.1 checkpoint."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "convert-weights",
        help="make a Vera model folder from a Wan2.1 checkpoint",
        description="Three branches from one Wan2.1 text-to-video transformer; what is new starts at zero, so the "
        "model must be trained before it edits. Reads and writes safetensors only.",
    )
    parser.add_argument(
        "--from-wan", type=Path, required=True, metavar="DIR", help="Wan2.1 text-to-video checkpoint in diffusers' form"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write; must not be there yet")
    parser.add_argument("--name", metavar="NAME", help="the model's name in takes (default: the folder's)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert, and say what was made."""
    from vera_engine.model.convert import convert_wan

    settings = convert_wan(args.from_wan, args.out, name=args.name)
    sizes = ", ".join(f"{width}x{height}" for width, height in settings.working_sizes)
    print(f"{args.out}: {settings.name}, {len(settings.weights_sha256)} weights files, works at {sizes}")
    return 0
