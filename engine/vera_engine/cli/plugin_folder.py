"""A host's plugin as a folder of files: compared, put in place or taken away, whole or not at all."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import vera_client
from vera_engine.errors import FailedPrecondition, Internal


class PluginSourceMissing(Internal):
    """This installation of vera-edit came without the plugin."""


class NotOurPlugin(FailedPrecondition):
    """Something else lies where the plugin belongs."""


@dataclass(frozen=True)
class PluginFolder:
    """Where a host looks for the plugin, and what belongs there."""

    target: Path
    files: dict[Path, Path]
    """By its place below the target: the file to be copied."""
    is_ours: Callable[[Path], bool]
    """Whether a folder that lies there is an older plugin of ours."""
    noun: str
    """What the host calls it: `add-on`, `plugin`."""
    hint: str
    """What is left to be done by hand."""

    def differences(self) -> list[str]:
        """How what is installed differs from these files, one line a file, sorted; empty where it does not."""
        if not self.target.exists():
            return ["not installed"]
        there = {place for place, _ in files_below(self.target)} if self.target.is_dir() else set()
        return sorted(
            [f"missing: {place.as_posix()}" for place in self.files.keys() - there]
            + [f"left over: {place.as_posix()}" for place in there - self.files.keys()]
            + [
                f"differs: {place.as_posix()}"
                for place in self.files.keys() & there
                if not filecmp.cmp(self.files[place], self.target / place, shallow=False)
            ]
        )

    def require_ours(self) -> None:
        """Refuse to touch what is not ours.

        Raises:
            NotOurPlugin: A link, a file, or something of another kind is at the target.
        """
        if self.target.is_symlink() or (self.target.exists() and not self.target.is_dir()):
            raise NotOurPlugin(
                f"A link or a file is where the {self.noun} belongs.",
                argument="target",
                value=self.target,
                remedy="Remove it first.",
            )
        if self.target.is_dir() and any(self.target.iterdir()) and not self.is_ours(self.target):
            raise NotOurPlugin(
                f"Something else is where the {self.noun} belongs.",
                argument="target",
                value=self.target,
                remedy="Move that folder away first.",
            )

    def install(self) -> None:
        """Put the files there. What was there stays until the new ones are complete, and comes back if that fails.

        Raises:
            NotOurPlugin: Something else is there.
            OSError: The folder cannot be written.
        """
        with self.installed():
            pass

    def uninstall(self) -> bool:
        """Take the folder away; whether there was one.

        Raises:
            NotOurPlugin: Something else is there.
            OSError: The folder cannot be written.
        """
        with self.uninstalled() as was_there:
            return was_there

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The files are there; where what is done meanwhile fails, what was there before comes back."""
        staging = self._beside("staging")
        self._settle()
        shutil.rmtree(staging, ignore_errors=True)
        try:
            for place, file in self.files.items():
                (staging / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, staging / place)
            with self._moved_aside():
                staging.rename(self.target)
                try:
                    yield
                except BaseException:
                    shutil.rmtree(self.target)
                    raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    @contextmanager
    def uninstalled(self) -> Iterator[bool]:
        """The folder is away; where what is done meanwhile fails, it comes back. Gives whether there was one."""
        self._settle()
        was_there = self.target.exists()
        with self._moved_aside():
            yield was_there

    @contextmanager
    def _moved_aside(self) -> Iterator[None]:
        previous = self._beside("previous")
        if self.target.exists():
            self.target.rename(previous)
        try:
            yield
        except BaseException:
            if previous.exists() and not self.target.exists():
                previous.rename(self.target)
            raise
        shutil.rmtree(previous, ignore_errors=True)

    def _settle(self) -> None:
        """Finish or take back what an interrupted run has left, and make sure that the target is ours."""
        previous = self._beside("previous")
        if previous.exists():
            if self.target.exists():
                shutil.rmtree(previous)
            else:
                previous.rename(self.target)
        self.require_ours()

    def _beside(self, role: str) -> Path:
        return self.target.with_name(f".{self.target.name}.{role}")


def source_folder(room: str, in_wheel: str, marker: str, noun: str) -> Path:
    """A plugin's own files: in a checkout `plugins/<room>`, in a wheel beside the package.

    Args:
        marker: A file that is in it.

    Raises:
        PluginSourceMissing: Neither is there.
    """
    package = Path(__file__).resolve().parent.parent
    places = (package.parent.parent / "plugins" / room, package.parent / in_wheel)
    for place in places:
        if (place / marker).is_file():
            return place
    raise PluginSourceMissing(
        f"The {noun}'s files are not there.", argument=noun, value=places[0], remedy="Install vera-edit again."
    )


def client_files() -> dict[Path, Path]:
    """The client's files, as they lie inside every plugin."""
    client = Path(vera_client.__file__).resolve().parent
    return {Path("vera_client") / place: file for place, file in files_below(client)}


def files_below(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Each file's place below a folder, and the file; caches and hidden files are left out."""
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        if file.is_file() and not any(part == "__pycache__" or part.startswith(".") for part in name.parts):
            yield name, file
