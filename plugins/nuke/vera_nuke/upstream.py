"""Renders what is plugged into the node, a frame at a time, and leaves no trace in the script."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import nuke

from vera_client.errors import Refused
from vera_client.host.plate_files import NAMES, require_files
from vera_client.host.rendered import Rendered

from . import main_thread, tcl

CHANNELS = ("rgba.red", "rgba.green", "rgba.blue")
ALPHA = "rgba.alpha"
BUSY = "already executing"
"""What Nuke says to whom it cannot render for because it does already."""
SECONDS_BETWEEN_TRIES = 0.2


class Stopped(Exception):
    """The artist has cancelled, here or in Nuke's own dialog."""


class _Busy(Exception):
    """Nuke renders something else."""


@dataclass(frozen=True)
class How:
    """What is the same for all frames of a rendering."""

    view: str
    is_proxy: bool
    """At the script's proxy size where it is in proxy mode; else always at full size."""


def render_upstream(
    node: nuke.Node,
    places: dict[str, Rendered],
    how: How,
    tell: Callable[[str, int, int, int], None],
    is_stopped: Callable[[], bool],
) -> None:
    """Renders inputs of a node to half-float EXR, their values as they are on Nuke's pipes, data window and pixel
    aspect too, in the script's frame numbers.

    In a thread: Nuke stands still for a frame at a time, and its main thread is free between them. A folder has its
    name only when all frames are in it.

    Args:
        places: Where each belongs, by input: `plate`, `mask`, `holdout`.
        tell: Called before each frame with the input, the frame, how many are done and how many there are.
        is_stopped: Asked before each frame.

    Raises:
        Stopped: The rendering was cancelled; nothing of it is left.
        Refused: The node is gone, or Nuke cannot render what feeds it, or it gives no image.
    """
    token = uuid.uuid4().hex[:8]  # another Nuke may be at the same
    folders = {name: place.folder.with_name(f"{place.folder.name}.{token}.partial") for name, place in places.items()}
    count = sum(len(place.frames) for place in places.values())
    try:
        for done, (name, frame) in enumerate(_frames(places)):
            if is_stopped():
                raise Stopped
            tell(name, frame, done, count)
            folders[name].mkdir(parents=True, exist_ok=True)
            _render_when_free(node, name, folders[name], frame, how, is_stopped)
        for name, folder in folders.items():
            require_files(replace(places[name], folder=folder).plate, places[name].frames, name, "Read")
            shutil.rmtree(places[name].folder, ignore_errors=True)
            folder.rename(places[name].folder)
    except OSError as error:
        raise Refused(
            f"The {NAMES[name]} cannot be written to disk: {error.strerror}.",
            argument="take_root",
            value=error.filename or folders[name],
            remedy="Choose a take root that can be written to, with room on its disk.",
        ) from error
    finally:
        for folder in folders.values():
            shutil.rmtree(folder, ignore_errors=True)


def _frames(places: dict[str, Rendered]) -> Iterator[tuple[str, int]]:
    yield from ((name, frame) for name, place in places.items() for frame in place.frames)


def _render_when_free(
    node: nuke.Node, name: str, folder: Path, frame: int, how: How, is_stopped: Callable[[], bool]
) -> None:
    """One frame; while Nuke renders something of the artist's, whose progress lets us in, it has to wait."""
    while True:
        try:
            main_thread.call(_render_frame, node, name, folder, frame, how)
            return
        except _Busy as error:
            if main_thread.is_here():
                raise Refused(
                    f"Nuke is rendering, so that the {NAMES[name]} cannot be rendered.",
                    argument=name,
                    value=frame,
                    remedy="Make takes before or after a render, not in its callbacks.",
                ) from error
        if is_stopped():
            raise Stopped
        time.sleep(SECONDS_BETWEEN_TRIES)


def _render_frame(node: nuke.Node, name: str, folder: Path, frame: int, how: How) -> None:
    """One frame, through a Write that is there for it alone: whatever happens to the script between two frames, it
    holds no trace of us. Main thread."""
    assert isinstance(node, nuke.Group)
    was_modified, proxy = nuke.modified(), nuke.root()["proxy"]
    was_proxy = bool(proxy.value())
    nuke.Undo.disable()
    write: nuke.Node | None = None
    try:
        with node:
            write = nuke.nodes.Write()
        source = node.node(name)
        write.setInput(0, source)
        for knob, value in _write_knobs(name, folder, source).items():
            write[knob].setValue(value)
        if was_proxy and not how.is_proxy:
            proxy.setValue(False)
        nuke.execute(write, frame, frame, 1, [how.view])
    except ValueError as error:
        raise Refused(
            "The node was deleted while its plate was rendered.", argument="node", remedy="Undo, and generate again."
        ) from error
    except (RuntimeError, nuke.CancelledError) as error:
        if isinstance(error, nuke.CancelledError) or "cancel" in str(error).lower():
            raise Stopped from error
        if BUSY in str(error):
            raise _Busy from error
        raise Refused(
            f"Nuke cannot render what feeds the {NAMES[name]} input at frame {frame}: {str(error).strip()}",
            argument=name,
            value=frame,
            remedy="Look at the input in a viewer at that frame.",
        ) from error
    finally:
        if write is not None:
            nuke.delete(write)
        if bool(proxy.value()) != was_proxy:
            proxy.setValue(was_proxy)
        nuke.Undo.enable()
        nuke.modified(was_modified)


def _write_knobs(name: str, folder: Path, source: nuke.Node | None) -> dict[str, object]:
    """In the order that Nuke needs: a file type brings knobs of its own. A mask is its alpha; where it has none, its
    color."""
    has_alpha = source is not None and ALPHA in source.channels()
    return {
        "file": f"{tcl.escape(str(folder))}/{name}.%04d.exr",
        "file_type": "exr",
        "channels": "alpha" if name != "plate" and has_alpha else "rgb",
        "datatype": "16 bit half",
        "autocrop": False,
        "metadata": "all metadata",
        "raw": True,
        "create_directories": True,
    }
