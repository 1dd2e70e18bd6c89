"""`vera-edit completion`: a script that has a shell complete `vera-edit`'s commands, options and their words."""

from __future__ import annotations

import argparse

from vera_engine.cli.completion_words import read_commands
from vera_engine.cli.outcome import DONE
from vera_engine.cli.shell_scripts import SCRIPTS

DESCRIPTION = """
Prints a script that completes commands, options and their words. To have it in every new shell:

  bash   vera-edit completion bash > ~/.local/share/bash-completion/completions/vera-edit
  zsh    vera-edit completion zsh > ~/.zfunc/_vera-edit    (a folder of $fpath, before compinit)
  fish   vera-edit completion fish > ~/.config/fish/completions/vera-edit.fish
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "completion",
        help="print a script for a shell's completion",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=sorted(SCRIPTS), help="the shell that is to read it")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    from vera_engine.cli.main import make_parser  # which imports this module

    print(SCRIPTS[arguments.shell](read_commands(make_parser())))
    return DONE
