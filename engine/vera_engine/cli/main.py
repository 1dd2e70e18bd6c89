"""`vera-edit`: finds the subcommand, runs it, says errors in an artist's words. Imports nothing heavy."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from vera_engine import __version__
from vera_engine.errors import Cancelled, Internal, VeraEditError

SUBCOMMANDS = (
    "vera_engine.cli.serve",
    "vera_engine.cli.edit",
    "vera_engine.cli.info",
    "vera_engine.cli.doctor",
    "vera_engine.cli.install",
    "vera_engine.cli.convert_weights",
    "vera_engine.cli.train",
    "vera_engine.cli.evaluate",
)
"""Modules with `add_parser(subparsers)`, which sets `run(arguments) -> int`; in the order of `--help`."""

REFUSED = 2
FAILED = 1
CANCELLED = 130
"""As a shell counts a program ended by Ctrl-C."""


def make_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(prog="vera-edit", description="Layered video editing for compositors.")
    parser.add_argument("--version", action="version", version=f"vera-edit {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in SUBCOMMANDS:
        import_module(name).add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line; returns its exit code: 0 done, 1 failed, 2 refused, 130 stopped."""
    options = make_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except Cancelled as error:
        print_error(error)
        return CANCELLED
    except VeraEditError as error:
        print_error(error)
        return FAILED if isinstance(error, Internal) else REFUSED
    except KeyboardInterrupt:
        return CANCELLED


def print_error(error: VeraEditError) -> None:
    """What is wrong, with what, and what mends it, to stderr."""
    print(f"error: {error.reason}", file=sys.stderr)
    if error.argument:
        print(f"  {error.argument}: {error.value}", file=sys.stderr)
    if error.remedy:
        print(f"  {error.remedy}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
