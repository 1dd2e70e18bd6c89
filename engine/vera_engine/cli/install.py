"""`vera-edit install blender` and `nuke`: put the plugin where the host finds it, and tell it where this engine is."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from vera_client.engine_files import EngineFiles
from vera_engine.cli import blender_add_on, nuke_plugin
from vera_engine.cli.machine import state_files
from vera_engine.errors import InvalidArgument, PermissionRefused


class NotWritable(PermissionRefused):
    """A folder of the host's, or the state directory, cannot be written."""


class NoFolderToName(InvalidArgument):
    """A host that cannot be pointed at a folder."""


class Installation(Protocol):
    """A plugin in one of a host's folders."""

    @property
    def target(self) -> Path: ...

    @property
    def hint(self) -> str:
        """What is left to be done by hand."""

    def differences(self) -> list[str]: ...

    def require_ours(self) -> None: ...

    def install(self) -> None: ...

    def uninstall(self) -> bool: ...


HOSTS: dict[str, Callable[[Path | None], Sequence[Installation]]] = {
    "blender": blender_add_on.installations,
    "nuke": nuke_plugin.installations,
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "install",
        help="put the plugin where Blender or Nuke finds it",
        description="blender: copies the add-on into the extensions of each Blender of yours that is new enough. nuke: "
        "copies the plugin into your .nuke folder and adds a line to the init.py there. Both: writes this engine's "
        "Python into the state directory, where plugins look for it. What was installed before stays until the new "
        "files are complete; what is not ours is left as it is.",
    )
    parser.add_argument("host", choices=list(HOSTS), help="the host to install into")
    parser.add_argument(
        "--dir",
        "--user-resources",
        dest="folder",
        type=Path,
        metavar="DIR",
        help="the host's folder of user files (default for blender: BLENDER_USER_RESOURCES, else every version's own; "
        "for nuke: .nuke in your home)",
    )
    parser.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="where the engine keeps its state (default: the user's own)"
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="change nothing; exit status 1 when something differs")
    action.add_argument("--uninstall", action="store_true", help="take the plugin away again")
    action.add_argument(
        "--print-path",
        action="store_true",
        help="install nothing; print the folder of this installation's own Nuke plugin, for NUKE_PATH",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Install, compare or take away, in each of the host's folders found.

    Raises:
        BlenderNotFound, NotWritable, NotOurPlugin, InitUnreadable, PluginSourceMissing, NoFolderToName: Nothing was
            changed in the folder at hand.
    """
    if arguments.print_path:
        return print_path(arguments.host)
    installations = HOSTS[arguments.host](arguments.folder)
    files = state_files(arguments.state_dir)
    if arguments.check:
        return check(installations, files)
    try:
        for installation in installations:
            change(installation, uninstall=arguments.uninstall, dry_run=arguments.dry_run)
        point_to_engine(files, uninstall=arguments.uninstall, dry_run=arguments.dry_run)
    except OSError as error:
        raise NotWritable(
            f"The folder cannot be written: {error.strerror}.",
            argument="path",
            value=error.filename,
            remedy="Give yourself write permission there; what was installed before is still in place.",
        ) from error
    return 0


def print_path(host: str) -> int:
    """Say where the plugin lies that belongs to this very engine.

    Raises:
        NoFolderToName: The host reads its own folders alone.
    """
    if host != "nuke":
        raise NoFolderToName(
            "Blender takes add-ons from its own folders alone.",
            argument="print-path",
            value=host,
            remedy="Run: vera-edit install blender",
        )
    print(nuke_plugin.plugin_folder())
    return 0


def check(installations: Sequence[Installation], files: EngineFiles) -> int:
    """Say how what is installed differs from this engine's; 1 when anything does."""
    status = 0
    for installation in installations:
        found = installation.differences()
        print(f"{installation.target}: {'up to date' if not found else ''}".rstrip())
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


def change(installation: Installation, *, uninstall: bool, dry_run: bool) -> None:
    """Put the plugin there, or take it away, and say so."""
    installation.require_ours()
    target = installation.target
    if uninstall:
        there = target.exists() if dry_run else installation.uninstall()
        print(_sentence("removed" if there else "not there:", target, dry_run and there))
        return
    if not installation.differences():
        print(f"up to date: {target}")
        return
    if not dry_run:
        installation.install()
    print(_sentence("installed", target, dry_run))
    if not dry_run:
        print(f"  {installation.hint}")


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
