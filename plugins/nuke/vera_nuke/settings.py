"""What a node's knobs say, in the words of the engine's requests. Main thread."""

from __future__ import annotations

from typing import Any

import nuke

from vera_client.errors import Refused
from vera_client.host import freshness, regions
from vera_client.host.requests import whole_range
from vera_client.host.take_folders import TakeFolder

from . import knobs
from .inputs import frames_of, is_at_proxy_size, source_of
from .node import value
from .shown_takes import shown_take

FINISH = ("black", "white", "refine", "despill", "highlights")
MOST_VARIANTS = 64


def word(node: nuke.Node, name: str) -> str:
    """What a choice is set to."""
    return str(value(node, name))


def text(node: nuke.Node, name: str) -> str:
    return str(value(node, name) or "").strip()


def whole(node: nuke.Node, name: str) -> int:
    return int(node[name].value())


def number(node: nuke.Node, name: str) -> float:
    """As the artist gave it: it has gone through 32 bits."""
    return float(f"{float(node[name].value()):.6g}")


def is_on(node: nuke.Node, name: str) -> bool:
    return bool(node[name].value())


def frame_range(node: nuke.Node) -> range:
    """The frames asked for, both ends included, without handles.

    Raises:
        Refused: The range is reversed, or the input has fewer frames than handles.
    """
    if word(node, "frames_from") == "custom":
        return whole_range(whole(node, "first_frame"), whole(node, "last_frame"))
    source = source_of(node, "plate")
    if source is None:
        return whole_range(whole(node, "first_frame"), whole(node, "last_frame"))
    (first, last), handles = frames_of(source), whole(node, "handles")
    return whole_range(first + handles, last - handles)


def model_settings(node: nuke.Node) -> dict[str, Any]:
    """What is left out takes the preset's or the model's own value."""
    said: dict[str, Any] = {"preset": word(node, "preset")}
    if is_on(node, "use_model_settings"):
        return said
    return {**said, "num_inference_steps": whole(node, "steps"), "guidance_scale": number(node, "guidance")}


def seeds_asked(node: nuke.Node) -> range:
    """The seed of each variant, from the node's own on."""
    return range(whole(node, "seed"), whole(node, "seed") + variants(node))


def variants(node: nuke.Node) -> int:
    """
    Raises:
        Refused: There are too few or too many.
    """
    count = whole(node, "variants")
    if not 1 <= count <= MOST_VARIANTS:
        raise Refused(
            "That many variants cannot be made at once.",
            argument="variants",
            value=count,
            remedy=f"Choose 1 to {MOST_VARIANTS}.",
        )
    return count


def finish(node: nuke.Node) -> dict[str, Any]:
    """As proto's `FinishSettings`."""
    said: dict[str, Any] = {name: number(node, f"finish_{name}") for name in FINISH}
    detail = word(node, "finish_detail")
    return said if detail == "auto" else {**said, "detail": detail}


def region(node: nuke.Node, frames: range) -> dict[str, Any] | None:
    """As proto's `Region`; None: all of the picture.

    Raises:
        Refused: The box is empty, what it is to lie around is not there, or the plate has another size.
    """
    chosen, margin = word(node, "region_from"), whole(node, "region_margin")
    if chosen == "all":
        return None
    if is_at_proxy_size(node):
        raise Refused(
            "A region and proxy size do not go together.",
            argument="region",
            value=chosen,
            remedy="Turn proxy size off on the Color tab, or work on all of the picture.",
        )
    if chosen == "mask":
        if source_of(node, "mask") is None:
            raise Refused(
                "The region is to lie around the mask, and no mask is plugged in.",
                argument="region",
                value=chosen,
                remedy="Connect the mask input, or draw the box.",
            )
        return regions.around_mask(margin)
    if chosen == "take":
        return regions.around_matte(_shown(node), margin)
    return regions.of_boxes({frame: _box(node, frame) for frame in frames}, margin)


def region_to_compare(node: nuke.Node, frames: range) -> dict[str, Any] | None:
    """As `region`, to be held against the take shown: one around that take's own matte says nothing of it."""
    return regions.around_mask(0) if word(node, "region_from") == "take" else region(node, frames)


def of_take(take: TakeFolder) -> dict[str, Any]:
    """What the knobs are set to for what a take was made with, by their names: those that its take.json speaks of."""
    request, effective = take.record["request"], take.record["settings"]
    asked = (request["settings"]["num_inference_steps"], request["settings"]["guidance_scale"])
    preset = effective.get("preset") or freshness.OLDER_PRESET
    said: dict[str, Any] = {
        "edit_type": knobs.text("edit_type", request["edit_type"]),
        "prompt": request["prompt"],
        "use_new_seed": False,
        "variants": 1,
        "seed": effective["seed"],
        "use_model_settings": asked == (None, None),
        "steps": effective["num_inference_steps"],
        "guidance": effective["guidance_scale"],
        "exposure": request.get("exposure") or 0.0,
    }
    if preset in dict(knobs.BY_NAME["preset"].choices):
        said["preset"] = knobs.text("preset", preset)
    if request["mask"] is not None:
        said["mask_meaning"] = knobs.text("mask_meaning", request["mask"]["meaning"])
        said["mask_invert"] = request["mask"]["invert"]
    finish = {name: value for name, value in (request.get("finish") or {}).items() if value is not None}
    detail = finish.pop("detail", None)
    said.update({f"finish_{name}": value for name, value in finish.items()})
    return said if detail is None else {**said, "finish_detail": knobs.text("finish_detail", detail)}


def _shown(node: nuke.Node) -> TakeFolder:
    take = shown_take(node)
    if take is None:
        raise Refused(
            "The region is to lie around the matte of the take shown, and none is shown.",
            argument="region",
            value="take",
            remedy="Choose a take, or draw the box.",
        )
    return take


def _box(node: nuke.Node, frame: int) -> regions.Box:
    """Of a frame, from Nuke's corners, upward, to the engine's, downward."""
    left, bottom, right, top = (round(node["region_box"].getValueAt(frame, side)) for side in range(4))
    if right <= left or top <= bottom:
        raise Refused(
            f"The region's box is empty at frame {frame}.",
            argument="region",
            value=f"{left} {bottom} {right} {top}",
            remedy="Draw the box, or work on all of the picture.",
        )
    source = source_of(node, "plate")
    height = top if source is None else source.format().height()
    return left, height - top, right - left, top - bottom
