"""`vera-edit fetch`: published weights into a folder, with their license and size said first."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "fetch",
        help="fetch published weights",
        description="Fetches the safetensors, descriptions and tokenizer of a model from the Hugging Face hub, says "
        "license and size first, and compares checksums. Run again, it goes on where it was broken off. What comes is "
        "then made a model folder by convert-weights. See docs/models.md.",
    )
    parser.add_argument(
        "model", metavar="MODEL", help="wan2.1-1.3b, wan2.1-14b, vera-1.3b, vera-14b, or a repository as owner/name"
    )
    parser.add_argument("--revision", metavar="REVISION", help="branch, tag or commit (default: the newest)")
    parser.add_argument("--to", type=Path, metavar="DIR", help="folder to fetch into (default: the model's name, here)")
    parser.add_argument("--dry-run", action="store_true", help="only say license and size")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Say what it is, fetch it, say what to do next."""
    from vera_engine.model.hub import fetch, look_up
    from vera_engine.model.room import room_at

    published = look_up(args.model, args.revision)
    folder = args.to or Path(published.repository.rpartition("/")[2])
    missing, size = published.missing_from(folder), _size(published.byte_count)
    print(f"{published.repository} at {published.revision[:12]}: {len(published.files)} files, {size}")
    print(f"license: {published.license}")
    if published.pickles:
        print(
            f"left behind: {', '.join(published.pickles)} (pickles can run any code; see convert-weights --rest-from)"
        )
    print(f"to: {folder} ({_size(missing)} to fetch, {_size(room_at(folder))} free)", flush=True)
    if args.dry_run:
        return 0
    compared = fetch(published, folder)
    print(f"fetched; {compared} files have the checksums that were published")
    print(f"next: vera-edit convert-weights --from {folder} --out MODEL_FOLDER")
    return 0


def _size(byte_count: int) -> str:
    """Gigabytes, or megabytes where that says more."""
    return f"{byte_count / 1e9:.1f} GB" if byte_count >= 1e8 else f"{byte_count / 1e6:.1f} MB"
