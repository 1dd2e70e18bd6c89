"""The Nuke plugin: what belongs to it, and where Nuke looks for it.

It is a folder in Nuke's own folder of user files, and a line in the `init.py` there, between two marks.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vera_engine.cli.plugin_folder import PluginFolder, client_files, files_below, source_folder
from vera_engine.errors import FailedPrecondition

PLUGIN = "vera_edit"
"""The plugin's folder in Nuke's."""
BEGIN, END = "# >>> vera-edit", "# <<< vera-edit"
BLOCK = f"{BEGIN}\nimport nuke\n\nnuke.pluginAddPath('./{PLUGIN}')\n{END}\n"
"""What stands in Nuke's init.py. The path is meant from there on."""
_MARKER = "vera_nuke/node.py"


class InitUnreadable(FailedPrecondition):
    """Nuke's init.py is no text, or its marks do not come in pairs."""


@dataclass(frozen=True)
class NukeInstallation:
    """The plugin in one Nuke folder of user files."""

    folder: PluginFolder
    init: Path
    """Nuke's `init.py`, the user's own."""

    @property
    def target(self) -> Path:
        return self.folder.target

    @property
    def hint(self) -> str:
        return self.folder.hint

    def differences(self) -> list[str]:
        """As `PluginFolder.differences`, the line in init.py included."""
        found = self.folder.differences()
        if found != ["not installed"] and _with_block(text := _read(self.init)) != text:
            found.append(f"differs: {self.init} does not name it")
        return found

    def require_ours(self) -> None:
        """As `PluginFolder.require_ours`; `InitUnreadable` where init.py cannot be changed either."""
        self.folder.require_ours()
        _with_block(_read(self.init))

    def install(self) -> None:
        """Put folder and line there, both or neither.

        Raises:
            NotOurPlugin, InitUnreadable: Something else is there.
            OSError: The folder cannot be written.
        """
        changed = _with_block(_read(self.init))
        with _replacing(self.init, changed) as replace, self.folder.installed():
            replace()

    def uninstall(self) -> bool:
        """Take both away, or neither; whether there was one.

        Raises:
            NotOurPlugin, InitUnreadable: Something else is there.
            OSError: The folder cannot be written.
        """
        text = _read(self.init)
        changed = _without_block(text)
        with _replacing(self.init, changed) as replace, self.folder.uninstalled() as was_there:
            replace()
        return was_there or changed != text


def installations(home: Path | None = None) -> list[NukeInstallation]:
    """The plugin in a folder of Nuke's user files; without one, in that which Nuke uses for this user.

    Raises:
        PluginSourceMissing: This vera-edit came without the plugin.
    """
    home = (home or find_nuke_home()).expanduser().absolute()
    return [NukeInstallation(_folder(home / PLUGIN), home / "init.py")]


def plugin_folder() -> Path:
    """This installation's own plugin, as NUKE_PATH may name it.

    Raises:
        PluginSourceMissing: This vera-edit came without it.
    """
    return source_folder("nuke", "vera_edit_nuke", _MARKER, "plugin")


def plugin_files() -> dict[Path, Path]:
    """Every file of the plugin, the client included: its place below the plugin's folder, and the file itself."""
    return {**dict(files_below(plugin_folder())), **client_files()}


def find_nuke_home(environment: Mapping[str, str] | None = None) -> Path:
    """`.nuke` in the user's home, which on Windows is HOME too where that is set."""
    environment = os.environ if environment is None else environment
    names = ("HOME", "USERPROFILE") if sys.platform == "win32" else ("HOME",)
    return Path(next((environment[name] for name in names if environment.get(name)), str(Path.home()))) / ".nuke"


def on_nuke_path(environment: Mapping[str, str] | None = None) -> Path | None:
    """A folder with the plugin that NUKE_PATH names, as studios have it; None where it names none."""
    environment = os.environ if environment is None else environment
    folders = map(Path, filter(None, environment.get("NUKE_PATH", "").split(os.pathsep)))
    return next((folder for folder in folders if _is_plugin(folder)), None)


def is_this_engines(folder: Path) -> bool:
    """Whether the plugin in a folder is the one that belongs to this engine.

    Raises:
        PluginSourceMissing: This vera-edit came without the plugin.
    """
    return folder.resolve() == plugin_folder() or not _folder(folder).differences()


def _folder(target: Path) -> PluginFolder:
    return PluginFolder(target, plugin_files(), _is_plugin, "plugin", "Restart Nuke if it is open.")


def _is_plugin(folder: Path) -> bool:
    return (folder / _MARKER).is_file()


def _read(init: Path) -> str:
    try:
        with open(init, encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise InitUnreadable(
            "Nuke's init.py is not UTF-8 text.", argument="init.py", value=init, remedy="Save it as UTF-8."
        ) from error


def _with_block(text: str) -> str:
    """init.py with our line, at its end where it has none yet; the rest as it was, to the byte."""
    before, found, after = _split(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    block = BLOCK.replace("\n", newline)
    if found:
        return before + block + after
    gap = "" if not text or text.endswith("\n") else newline
    return text + gap + block


def _without_block(text: str) -> str:
    before, _, after = _split(text)
    return before + after


def _split(text: str) -> tuple[str, bool, str]:
    """What comes before our line, whether there is one, and what comes after."""
    lines = text.splitlines(keepends=True)
    marks = [k for k, line in enumerate(lines) if line.strip() in (BEGIN, END)]
    if not marks:
        return text, False, ""
    if [lines[k].strip() for k in marks] != [BEGIN, END]:
        raise InitUnreadable(
            "The marks around Vera Edit's line in Nuke's init.py do not come as one pair.",
            argument="init.py",
            value=f"lines {', '.join(str(k + 1) for k in marks)}",
            remedy=f"Remove the lines from {BEGIN} to {END} by hand.",
        )
    first, last = marks
    return "".join(lines[:first]), True, "".join(lines[last + 1 :])


@contextmanager
def _replacing(file: Path, text: str) -> Iterator[Callable[[], None]]:
    """The new text is beside the file; calling what is given puts it in its place in one step, an empty one by removing
    the file. Nothing is left beside it, and nothing is done where the text is what is there."""
    if text == _read(file):
        yield lambda: None
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    place = file.resolve()  # some keep it elsewhere, with a link here
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=".init.")
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as opened:
            opened.write(text)
        if place.exists():
            shutil.copymode(place, partial)
        yield lambda: _put(partial, place, is_empty=not text)
    finally:
        partial.unlink(missing_ok=True)


def _put(partial: Path, place: Path, *, is_empty: bool) -> None:
    if is_empty:
        place.unlink()
    else:
        partial.replace(place)
