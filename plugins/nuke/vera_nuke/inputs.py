"""What is plugged into the node: its plate, its mask and its hold-out, as they are and on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nuke

from vera_client.errors import Refused
from vera_client.host import rendered
from vera_client.host.chain import Chain
from vera_client.host.plate_files import Plate, require_files

from . import main_thread, reads, spaces, upstream
from .chain import describe
from .main_thread import Steps
from .node import value
from .tree import INPUT_NAMES


def view_of(node: nuke.Node) -> str:
    """The view that takes are made of.

    Raises:
        Refused: The script has none of that name.
    """
    named, views = str(value(node, "plate_view")).strip(), nuke.views()
    if named and named not in views:
        raise Refused(
            "The script has no such view.",
            argument="plate_view",
            value=named,
            remedy=f"Choose one of: {', '.join(views)}.",
        )
    return named or views[0]


def source_of(node: nuke.Node, name: str) -> nuke.Node | None:
    """The node that feeds an input, seen through Dots; None where nothing does."""
    source = node.input(INPUT_NAMES.index(name))
    while source is not None and source.Class() == "Dot":
        source = source.input(0)
    return source


def require_plate(node: nuke.Node, frames: range) -> nuke.Node:
    """The node that is plugged in as plate.

    Raises:
        Refused: None is, it has no color, it does not have all of the frames, or the view is none.
    """
    source = source_of(node, "plate")
    if source is None:
        raise Refused("No plate is plugged in.", argument="plate", value=node.name(), remedy="Connect the plate input.")
    if not _has_color(source):
        raise Refused(
            "What is plugged in as plate has no red, green and blue.",
            argument="plate",
            value=source.name(),
            remedy="Shuffle what is to be edited to rgb.",
        )
    require_range(source, frames)
    view_of(node)
    return source


def plate_in(node: nuke.Node, frames: range) -> Steps[Plate | Chain]:
    """The files that are shown unchanged over the frames, or what would have to be rendered. Asks no disk but for what
    Nuke says of the files at both ends. For the main thread.

    Raises:
        Refused: As `require_plate`.
    """
    source, view = require_plate(node, frames), view_of(node)
    is_proxy = is_at_proxy_size(node)
    plate = None if is_proxy else reads.sequence_of(source, frames, view)
    if plate is None:
        chain = yield from describe(source, frames, view, is_proxy)
        return chain
    said = str(value(node, "plate_colorspace")).strip()
    return replace(plate, color_space=said) if said else plate


def _has_color(source: nuke.Node) -> bool:
    """Of a node in error it cannot be told."""
    try:
        channels = set(source.channels())
    except RuntimeError:
        return True
    return not channels or set(upstream.CHANNELS) <= channels


def matte_in(node: nuke.Node, name: str, frames: range) -> Steps[Chain | None]:
    """The mask or the hold-out as it would have to be rendered, if anything is plugged in. It is always rendered: its
    alpha is what Nuke makes of it. For the main thread."""
    source = source_of(node, name)
    if source is None:
        return None
    chain = yield from describe(source, frames, view_of(node), is_at_proxy_size(node))
    return chain


def is_at_proxy_size(node: nuke.Node) -> bool:
    """Whether takes are made at the script's proxy size as it is now."""
    return bool(node["use_proxy"].value() and nuke.root()["proxy"].value())


def require_range(source: nuke.Node, frames: range) -> None:
    """A still is shown at any frame; all else has a range of its own.

    Raises:
        Refused: Frames are asked for that the input does not have.
    """
    first, last = frames_of(source)
    if first < last and (frames[0] < first or frames[-1] > last):
        raise Refused(
            f"The plate has frames {first}-{last} only.",
            argument="frames",
            value=f"{frames[0]}-{frames[-1]}",
            remedy="Choose frames of the plate, handles included.",
        )


def frames_of(source: nuke.Node) -> tuple[int, int]:
    """First and last frame of an input. A Read's that are shifted are counted here: Nuke does not see through an
    expression."""
    offset = reads.frame_offset(source) if source.Class() == "Read" else None
    if offset is not None:
        return int(source["first"].value()) - offset, int(source["last"].value()) - offset
    own = source.frameRange()
    return own.first(), own.last()


def on_disk(
    node: nuke.Node,
    sources: dict[str, Plate | Chain | None],
    frames: range,
    node_folder: Path,
    tell: Callable[[str, int, int, int], None],
    is_stopped: Callable[[], bool],
) -> dict[str, Plate]:
    """`plate`, `mask` and `holdout` as files: rendered where they have to be and were not before; what is None left
    out. In a thread, or on the main thread where Nuke has no window.

    Raises:
        Refused: Files are missing, or as `render_upstream` says.
        Stopped: As `render_upstream` says.
    """
    files: dict[str, Plate] = {}
    missing: dict[str, rendered.Rendered] = {}
    how = main_thread.call(_how, node)
    color_space = main_thread.call(spaces.working_space)
    for name, source in sources.items():
        if isinstance(source, Plate):
            require_files(source, frames, name, "Read")
            files[name] = source
        elif source is not None:
            place = rendered.place(node_folder, name, frames, source.fingerprint, is_alone=bool(source.unseen))
            place = replace(place, color_space=color_space)
            files[name] = place.plate
            if not place.is_whole:
                missing[name] = place
    if missing:
        upstream.render_upstream(node, missing, how, tell, is_stopped)
    return files


def _how(node: nuke.Node) -> upstream.How:
    return upstream.How(view_of(node), bool(node["use_proxy"].value()))


def as_mask(node: nuke.Node) -> Callable[[Plate], dict[str, Any]]:
    """How a mask becomes proto's `MaskSource`, as the node has it now."""
    meaning, invert = mask_meaning(node), bool(node["mask_invert"].value())
    return lambda mask: {"source": mask.as_source(), "meaning": meaning, "invert": invert}


def as_holdout(node: nuke.Node) -> Callable[[Plate], dict[str, Any]]:
    """How a hold-out becomes proto's `MaskSource`: white is where nothing may change."""
    invert = bool(node["holdout_invert"].value())
    return lambda holdout: {"source": holdout.as_source(), "invert": invert}


def mask_meaning(node: nuke.Node) -> str:
    """`edit` or `keep`: as chosen, else as the edit type has it."""
    chosen = str(value(node, "mask_meaning"))
    if chosen != "auto":
        return chosen
    return "edit" if value(node, "edit_type") == "add" else "keep"
