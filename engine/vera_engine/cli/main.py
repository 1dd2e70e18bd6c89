"""`vera-edit`: finds the subcommand, runs it, says errors in an artist's words. Imports nothing heavy."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from vera_client import VeraClientError
from vera_engine import __version__
from vera_engine.cli.outcome import EXIT_STATUS, error_fields, exit_status, print_error, print_json
from vera_engine.errors import Cancelled, VeraEditError

SUBCOMMANDS = (
    "vera_engine.cli.serve",
    "vera_engine.cli.edit",
    "vera_engine.cli.finish",
    "vera_engine.cli.takes",
    "vera_engine.cli.check",
    "vera_engine.cli.watch",
    "vera_engine.cli.cancel",
    "vera_engine.cli.resume",
    "vera_engine.cli.unload",
    "vera_engine.cli.cache",
    "vera_engine.cli.info",
    "vera_engine.cli.estimate",
    "vera_engine.cli.doctor",
    "vera_engine.cli.install",
    "vera_engine.cli.completion",
    "vera_engine.cli.fetch",
    "vera_engine.cli.convert_weights",
    "vera_engine.cli.encode_dataset",
    "vera_engine.cli.train",
    "vera_engine.cli.evaluate",
)
"""Modules with `add_parser(subparsers)`, which sets `run(arguments) -> int`; in the order of `--help`."""


class CommandParser(argparse.ArgumentParser):
    """A parser whose default `unnamed`, where it has one, is the subcommand that is meant when none is named."""

    def parse_known_args(  # type: ignore[override]  # the overloads that it is declared with say no more
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        unnamed = self.get_default("unnamed")
        if unnamed and args is not None:
            named = {name for action in self._actions for name in action.choices or ()}
            if not (args and args[0] in named | {"-h", "--help"}):
                args = [unnamed, *args]
        return super().parse_known_args(args, namespace)


def make_parser() -> CommandParser:
    """The whole command line."""
    parser = CommandParser(
        prog="vera-edit",
        description="Layered video editing for compositors.",
        epilog=EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"vera-edit {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in SUBCOMMANDS:
        import_module(name).add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line; returns its exit status, as `outcome` has them."""
    options = make_parser().parse_args(arguments)
    error: VeraEditError | VeraClientError
    try:
        return int(options.run(options))
    except (VeraEditError, VeraClientError) as caught:
        error = caught
    except KeyboardInterrupt:
        error = Cancelled("Stopped by Ctrl-C.")
    if getattr(options, "json", False):
        print_json({**getattr(options, "no_result", {}), "error": error_fields(error)})
    print_error(error.reason, error.argument, error.value, error.remedy)
    return exit_status(error)


if __name__ == "__main__":
    sys.exit(main())
