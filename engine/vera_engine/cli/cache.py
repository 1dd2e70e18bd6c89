"""`vera-edit cache`: what the engine keeps so that it need not be computed again."""

from __future__ import annotations

import argparse
from typing import Any

from vera_engine.cli.connection import add_connection_options, connect
from vera_engine.cli.outcome import DONE, print_json
from vera_engine.cli.table import table

MEANINGS = {
    "text": "prompts the model has read",
    "plate": "plates the model has seen",
    "mask": "masks the model has seen",
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "cache",
        help="show or clear what the engine keeps to be quicker",
        description="Shows what the engine keeps so that it need not be computed again. It stays below its limit by "
        'itself, and may be cleared at any time. With --json: {"directory", "kinds": [{"name", "entry_count", '
        '"size_bytes"}], "limit_bytes", "freed_bytes": null or what --clear removed, "error": null}.',
    )
    parser.add_argument("--clear", action="store_true", help="remove all of it that no running take uses")
    add_connection_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    nothing = dict.fromkeys(("directory", "kinds", "limit_bytes", "freed_bytes"))
    parser.set_defaults(run=run, no_result=nothing)


def run(arguments: argparse.Namespace) -> int:
    """Clear it where that is asked for, and say what there is."""
    with connect(arguments) as client:
        freed = client.clear_cache() if arguments.clear else None
        cache = client.cache()
    if arguments.json:
        print_json({**cache, "freed_bytes": freed, "error": None})
    else:
        print(in_words(cache, freed))
    return DONE


def in_words(cache: dict[str, Any], freed: int | None) -> str:
    """The cache as lines for a person."""
    lines = [] if freed is None else [f"{size_text(freed)} freed", ""]
    rows = [
        (kind["name"], str(kind["entry_count"]), size_text(kind["size_bytes"]), MEANINGS.get(kind["name"], ""))
        for kind in cache["kinds"]
    ]
    lines += table(("KIND", "ENTRIES", "SIZE", ""), rows, right=(1, 2))
    used = sum(kind["size_bytes"] for kind in cache["kinds"])
    lines += ["", f"{size_text(used)} of {size_text(cache['limit_bytes'])} in {cache['directory']}"]
    return "\n".join(lines)


def size_text(size_bytes: int) -> str:
    """`512 B`, `4.0 kB`, `3.2 GB`."""
    size, units = float(size_bytes), iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    for larger in units:
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
