"""From a node and its knobs to requests for takes: what can be said no to at once is, before work starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import nuke

from vera_client.errors import Refused
from vera_client.host import freshness, requests
from vera_client.host.chain import Chain
from vera_client.host.plate_files import Plate
from vera_client.host.run import Run
from vera_client.host.take_folders import TakeFolder

from . import inputs, main_thread, settings
from .main_thread import Steps
from .node import take_root


class Progress(Protocol):
    """Who is told how far the way to the request is."""

    def tell(self, name: str, frame: int, done: int, count: int) -> None:
        """An input's frame is about to be rendered."""

    def is_stopped(self) -> bool:
        """Whether the artist wants none of it any more."""


@dataclass(frozen=True)
class Order:
    """What a button has asked for."""

    node_id: str
    make: Callable[[Progress], list[Run]]
    """Brings to disk what the engine has to see, and gives a request for each variant. In a thread, or on the main
    thread of a Nuke without a window. Raises `Refused` and `Stopped`."""


@dataclass(frozen=True)
class Plugged:
    """What is plugged into a node, as `requests.Inputs`."""

    node: nuke.Node
    folder: Path
    progress: Progress

    def plate(self, frames: range) -> Plate | Chain:
        return main_thread.in_slices(inputs.plate_in(self.node, frames))

    def matte(self, name: str, frames: range) -> Chain | None:
        return main_thread.in_slices(inputs.matte_in(self.node, name, frames))

    def on_disk(self, sources: dict[str, requests.Source], frames: range) -> dict[str, Plate]:
        return inputs.on_disk(self.node, sources, frames, self.folder, self.progress.tell, self.progress.is_stopped)


def order_takes(node: nuke.Node, again: bool = False, frames: range | None = None) -> Order:
    """Takes of the plate that is plugged in, one a variant. Main thread.

    Args:
        again: Make a take even where the very same request has made one already.
        frames: Instead of the node's own range.

    Raises:
        Refused: With the setting at fault, its value and what mends it.
    """
    prompt = requests.require_prompt(settings.text(node, "prompt"))
    node_id, root = settings.text(node, "vera_node_id"), take_root(node)
    frames = frames or settings.frame_range(node)
    handles = settings.whole(node, "handles")
    needed = requests.whole_range(frames[0] - handles, frames[-1] + handles)
    inputs.require_plate(node, needed)
    request: dict[str, Any] = {
        "node_id": node_id,
        "edit_type": settings.word(node, "edit_type"),
        "prompt": prompt,
        "frames": [{"first_frame": frames[0], "last_frame": frames[-1]}],
        "handles": handles,
        "settings": settings.model_settings(node),
        "exposure": settings.number(node, "exposure"),
        "finish": settings.finish(node),
        "write_residual": settings.is_on(node, "write_residual"),
        "take_root": str(root),
        "reuse": not again,
    }
    region = settings.region(node, needed)
    if region is not None:
        request["region"] = region
    mattes = {"mask": inputs.as_mask(node), "holdout": inputs.as_holdout(node)}
    nan = settings.word(node, "not_finite")
    seeds = [None] * settings.variants(node) if settings.is_on(node, "use_new_seed") else settings.seeds_asked(node)

    def make(progress: Progress) -> list[Run]:
        plugged = Plugged(node, root / node_id, progress)
        sources: dict[str, requests.Source] = {"plate": plugged.plate(needed)}
        sources.update({name: plugged.matte(name, needed) for name in mattes})
        files = plugged.on_disk(sources, needed)
        plate = {**files["plate"].as_source(), "nan": nan}
        said = {name: as_matte(files[name]) for name, as_matte in mattes.items() if name in files}
        return _variants({**request, "plate": plate, **said}, seeds)

    return Order(node_id, make)


def order_reruns(node: nuke.Node, take: TakeFolder) -> Order:
    """Repairs of a take, one a variant. What the node does not say anew comes from the take: its plate, its mask, its
    words, its settings. Main thread.

    Raises:
        Refused: As `order_takes`.
    """
    frames = requests.require_frames(
        take, settings.whole(node, "rerun_first_frame"), settings.whole(node, "rerun_last_frame")
    )
    node_id, root = settings.text(node, "vera_node_id"), take_root(node)
    seeds = requests.seeds_again(
        take, settings.word(node, "rerun_seed_from"), settings.whole(node, "rerun_seed"), settings.variants(node)
    )
    request = {**_again(node_id, root, take, frames), "prompt": settings.text(node, "rerun_prompt")}
    strength = settings.number(node, "rerun_strength")
    if strength < 1:
        request["strength"] = strength
    as_mask = inputs.as_mask(node) if settings.word(node, "rerun_mask_from") == "node" else None

    def make(progress: Progress) -> list[Run]:
        plugged = Plugged(node, root / node_id, progress)
        said = {
            **requests.plate_again(take, root, plugged),
            **requests.matte_again("mask", take, root, plugged, as_mask),
            **requests.matte_again("holdout", take, root, plugged, None),
        }
        return _variants({**request, **said}, seeds)

    return Order(node_id, make)


def order_finish(node: nuke.Node, take: TakeFolder) -> Order:
    """The layers of a take made anew, with the node's finish settings and the hold-out that is plugged in; the model
    does not run. Main thread.

    Raises:
        Refused: As `order_takes`.
    """
    frames = requests.require_frames(take, take.first_frame, take.last_frame)
    node_id, root = settings.text(node, "vera_node_id"), take_root(node)
    request = {
        **_again(node_id, root, take, frames),
        "finish_only": True,
        "finish": settings.finish(node),
        "write_residual": settings.is_on(node, "write_residual"),
    }
    as_holdout = inputs.as_holdout(node)

    def make(progress: Progress) -> list[Run]:
        plugged = Plugged(node, root / node_id, progress)
        said = {
            **requests.plate_again(take, root, plugged),
            **requests.matte_again("mask", take, root, plugged, None),
            **requests.matte_again("holdout", take, root, plugged, as_holdout),
        }
        return _variants({**request, **said}, [None])

    return Order(node_id, make)


def order_going_on(node: nuke.Node, method: str, directory: Path) -> Order:
    """Something that the engine does with a take that was stopped: `resume_take`, `keep_frames`."""
    node_id = settings.text(node, "vera_node_id")
    return Order(node_id, lambda _: [Run(node_id, method, {"directory": str(directory)})])


def asked_now(node: nuke.Node, take: TakeFolder) -> Steps[freshness.Asked]:
    """What a node asks for as it is, to be held against a take. For the main thread."""
    frames, plate, problem, region = range(0), None, "", None
    masks: dict[str, dict[range, Chain]] = {"mask": {}, "holdout": {}}
    try:
        root = take_root(node)
        frames = settings.frame_range(node)
        own = range(take.first_frame, take.last_frame + 1)
        region = settings.region_to_compare(node, own)
        plate = yield from inputs.plate_in(node, freshness.plate_frames(take, root))
        for name, found in masks.items():
            for each in {own, *(was.frames for was in freshness.masks_rendered(take, root, name))}:
                chain = yield from inputs.matte_in(node, name, each)
                if chain is not None:
                    found[each] = chain
    except Refused as error:
        plate, problem = None, error.reason
    named = settings.model_settings(node)
    return freshness.Asked(
        edit_type=settings.word(node, "edit_type"),
        prompt=settings.text(node, "prompt"),
        seeds=None if settings.is_on(node, "use_new_seed") else settings.seeds_asked(node),
        steps=named.get("num_inference_steps"),
        guidance=named.get("guidance_scale"),
        preset=named["preset"],
        frames=frames,
        plate=plate,
        problem=problem,
        masks=masks["mask"],
        mask_meaning=inputs.mask_meaning(node),
        mask_invert=settings.is_on(node, "mask_invert"),
        exposure=settings.number(node, "exposure"),
        region=region,
        finish=settings.finish(node),
        holdouts=masks["holdout"],
        holdout_invert=settings.is_on(node, "holdout_invert"),
    )


def _again(node_id: str, root: Path, take: TakeFolder, frames: range) -> dict[str, Any]:
    """A request that is based on a take."""
    return {
        "node_id": node_id,
        "base_directory": str(take.directory),
        "frames": [{"first_frame": frames[0], "last_frame": frames[-1]}],
        "settings": {},
        "take_root": str(root),
        "reuse": True,
    }


def _variants(request: dict[str, Any], seeds: Sequence[int | None]) -> list[Run]:
    """One request for each seed; None: the engine's choice."""
    chosen = [{**request["settings"], **({} if seed is None else {"seed": seed})} for seed in seeds]
    return [Run(request["node_id"], "create_take", {"request": {**request, "settings": each}}) for each in chosen]
