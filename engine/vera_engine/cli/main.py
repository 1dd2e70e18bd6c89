"""`vera-edit`: finds the subcommand, runs it, says errors in an artist's words. Imports nothing heavy."""

from __future__ import annotations

import argparse
import difflib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from vera_client import VeraClientError
from vera_engine import __version__
from vera_engine.cli.outcome import EXIT_STATUS, FAILED, UNREAD, error_fields, exit_status, print_error, print_json
from vera_engine.errors import Cancelled, InvalidArgument, VeraEditError

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
    "vera_engine.cli.stop",
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


class CommandLineInvalid(InvalidArgument):
    """A command line that is not understood."""


class CommandParser(argparse.ArgumentParser):
    """A parser whose default `unnamed`, where it has one, is the subcommand that is meant when none is named.

    What it does not understand is told with its own usage, and as an object where `--json` is asked for.
    """

    _given: Sequence[str] | None = None

    def parse_known_args(  # type: ignore[override]  # the overloads that it is declared with say no more
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        unnamed = self.get_default("unnamed")
        if unnamed and args is not None:
            named = {name for action in self._actions for name in action.choices or ()}
            if not (args and args[0] in named | {"-h", "--help"}):
                args = [unnamed, *args]
        self._given = args
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._meant_by(unknown)}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        """Says what is wrong with the command line, and ends."""
        if "--json" in (sys.argv[1:] if self._given is None else self._given):
            error = CommandLineInvalid(message, remedy=f"`{self.prog} --help` says what there is.")
            print_json({**(self.get_default("no_result") or {}), "error": error_fields(error)})
        super().error(message)

    def _meant_by(self, unknown: Sequence[str]) -> str:
        options = [word.partition("=")[0] for word in unknown if word.startswith("--")]
        near = [name for word in options for name in difflib.get_close_matches(word, self._option_string_actions, 1)]
        return f" (did you mean {', '.join(near)}?)" if near else ""


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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # an artist's words may be more than a terminal can show
            stream.reconfigure(errors="backslashreplace")
    try:
        status = run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except OSError as error:
        if not _is_of_output(error):
            raise
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # else the interpreter tries to print the rest at its end
        if isinstance(error, BrokenPipeError):
            return UNREAD
        print_error(f"The output cannot be written: {error.strerror}.")
        return FAILED


def _is_of_output(error: OSError) -> bool:
    """Whether an error came from printing: of no file, and raised by a line of the command line's own."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    module = frame.f_globals["__name__"]
    return error.filename is None and (module == __name__ or module.startswith("vera_engine.cli."))


def run(arguments: Sequence[str] | None) -> int:
    """The same, without a word on where its output goes."""
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
    fields = error_fields(error)
    print_error(*(fields[name] for name in ("reason", "argument", "value", "remedy")))
    return exit_status(error)


if __name__ == "__main__":
    sys.exit(main())
