"""`vera-edit install blender`: put the add-on where Blender finds it, and tell it where this engine is."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from vera_client.engine_files import EngineFiles
from vera_engine.cli import blender_add_on
from vera_engine.cli.machine import state_files
from vera_engine.errors import NotFound, PermissionRefused


class BlenderNotFound(NotFound):
    """No Blender that the add-on runs in has a folder on this machine."""


class NotWritable(PermissionRefused):
    """A folder of Blender's, or the state directory, cannot be written."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "install",
        help="put the Blender add-on where Blender finds it",
        description="Copies the add-on into the extensions of each Blender of yours that is new enough, and writes "
        "this engine's Python into the state directory, where the add-on looks for it. What was installed before "
        "stays until the new files are complete.",
    )
    parser.add_argument("host", choices=["blender"], help="the host to install into")
    parser.add_argument(
        "--user-resources",
        type=Path,
        metavar="DIR",
        help="Blender's folder of user files (default: BLENDER_USER_RESOURCES, else every version's own)",
    )
    parser.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="where the engine keeps its state (default: the user's own)"
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="change nothing; exit status 1 when something differs")
    action.add_argument("--uninstall", action="store_true", help="take the add-on away again")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Install, compare or take away, for each Blender found.

    Raises:
        BlenderNotFound, NotWritable, NotOurAddOn, AddOnSourceMissing: Nothing was changed for the Blender at hand.
    """
    homes = [arguments.user_resources] if arguments.user_resources else blender_add_on.find_blender_homes()
    if not homes:
        lowest = ".".join(map(str, blender_add_on.lowest_blender()))
        raise BlenderNotFound(
            f"No folder of Blender {lowest} or newer was found.",
            argument="--user-resources",
            remedy="Start Blender once and save its preferences, or name its folder of user files.",
        )
    targets = [blender_add_on.target_in(home.expanduser().absolute()) for home in homes]
    files = state_files(arguments.state_dir)
    if arguments.check:
        return check(targets, files)
    try:
        for target in targets:
            change(target, uninstall=arguments.uninstall, dry_run=arguments.dry_run)
        point_to_engine(files, uninstall=arguments.uninstall, dry_run=arguments.dry_run)
    except OSError as error:
        raise NotWritable(
            f"The folder cannot be written: {error.strerror}.",
            argument="path",
            value=error.filename,
            remedy="Give yourself write permission there; what was installed before is still in place.",
        ) from error
    return 0


def check(targets: list[Path], files: EngineFiles) -> int:
    """Say how what is installed differs from this engine's; 1 when anything does."""
    status = 0
    for target in targets:
        found = blender_add_on.differences(target) if target.exists() else ["not installed"]
        print(f"{target}: {'up to date' if not found else ''}".rstrip())
        for line in found:
            print(f"  {line}")
        status = 1 if found else status
    python = files.read_python()
    if _is_this_engines(python):
        print(f"{files.python_file}: names this engine's Python")
    else:
        print(f"{files.python_file}: names {python or 'no Python'}, this engine's is {sys.executable}")
        status = 1
    return status


def change(target: Path, *, uninstall: bool, dry_run: bool) -> None:
    """Put the add-on at `target`, or take it away, and say so."""
    blender_add_on.require_ours(target)
    if uninstall:
        there = target.exists() if dry_run else blender_add_on.remove(target)
        print(_sentence("removed" if there else "not there:", target, dry_run and there))
        return
    if not blender_add_on.differences(target):
        print(f"up to date: {target}")
        return
    if not dry_run:
        blender_add_on.place(target)
    print(_sentence("installed", target, dry_run))
    if not dry_run:
        print("  Enable it once in Blender: Edit > Preferences > Add-ons > Vera Edit. Restart Blender if it is open.")


def point_to_engine(files: EngineFiles, *, uninstall: bool, dry_run: bool) -> None:
    """Write this engine's Python where hosts look for it, whole or not at all; or take it away if it is this one's."""
    python_file = files.python_file
    if uninstall:
        if _is_this_engines(files.read_python()):
            if not dry_run:
                python_file.unlink()
            print(_sentence("removed", python_file, dry_run))
        return
    if not _is_this_engines(files.read_python()):
        if not dry_run:
            python_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, partial = tempfile.mkstemp(dir=python_file.parent, prefix=".python.")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{sys.executable}\n")
            Path(partial).replace(python_file)
        print(_sentence(f"written {sys.executable} into", python_file, dry_run))


def _is_this_engines(python: str | None) -> bool:
    """Whether an interpreter is of this environment, which may have several names for it."""
    return python is not None and Path(python).parent == Path(sys.executable).parent and Path(python).exists()


def _sentence(done: str, place: Path, would: bool) -> str:
    return f"would be {done} {place}" if would else f"{done} {place}"
