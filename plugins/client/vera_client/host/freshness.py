"""Is a take still what its node asks for? Told by take.json and the files alone: no engine, and no host, is needed.

A repaired take was made in several goes; what any of them was made from counts as what it was made from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import regions, rendered
from .chain import Chain
from .plate_files import Plate, changed_frames
from .take_folders import TakeFolder, spell_frames

MOST_GOES = 1000
"""A chain of repairs that is longer bites its own tail."""
OLDER_PRESET = "final"
"""What takes were made with before there were presets."""
TOLERANCE = 1e-5
"""Relative; a guidance has gone through 32 bits."""


@dataclass(frozen=True)
class Asked:
    """What a node asks for as it is now."""

    edit_type: str
    prompt: str
    seeds: range | None
    """None: any."""
    steps: int | None
    """None: the preset's own; of `guidance` the model's."""
    guidance: float | None
    frames: range
    plate: Plate | Chain | None
    """None where there is a `problem`."""
    problem: str
    """Why there is no plate."""
    masks: dict[range, Chain]
    """What is plugged in as mask, over the frames of each mask the take was made from; empty: nothing is."""
    mask_meaning: str
    mask_invert: bool
    exposure: float = 0.0
    region: dict[str, Any] | None = None
    """Proto's `Region`; None: all of the picture."""
    finish: dict[str, Any] = field(default_factory=dict)
    """Proto's `FinishSettings`; what is left out is not held against the take."""
    holdouts: dict[range, Chain] = field(default_factory=dict)
    """What is plugged in as hold-out and goes into takes, over the frames of each that the take was made from."""
    holdout_invert: bool = False
    preset: str = ""
    """Empty: any."""


@dataclass(frozen=True)
class Verdict:
    """What has come of a look."""

    reasons: tuple[str, ...] = ()
    """Why the take is stale, a sentence each; empty: it is not."""
    unseen: tuple[str, ...] = ()
    """What was not looked at."""

    @property
    def is_stale(self) -> bool:
        return bool(self.reasons)


def goes(take: TakeFolder) -> list[TakeFolder]:
    """A take and those it is a repair of, the first of all last."""
    found: list[TakeFolder] = []
    each: TakeFolder | None = take
    while each is not None and len(found) < MOST_GOES:
        found.append(each)
        each = each.base
    return found


def plate_frames(take: TakeFolder, take_root: Path) -> range:
    """The frames of the plate that a take was first made from."""
    origin = goes(take)[-1]
    was = rendered.of_path(_request(origin).get("plate", {}).get("path", ""), take_root)
    if was is not None:
        return was.frames
    seen = [int(frame) for frame in origin.record.get("plate") or origin.frames]
    return range(min(seen), max(seen) + 1)


def masks_rendered(take: TakeFolder, take_root: Path, kind: str = "mask") -> list[rendered.Rendered]:
    """The masks, or of kind `holdout` the hold-outs, that a take was made from, where they were rendered."""
    sources = [(_request(go).get(kind) or {}).get("source", {}).get("path", "") for go in goes(take)]
    return [was for was in (rendered.of_path(source, take_root) for source in sources) if was is not None]


def compare(asked: Asked, take: TakeFolder, take_root: Path) -> Verdict:
    """Holds what a node asks for against what a take was made from. Asks the disk for times, and for content where
    only times differ."""
    made = goes(take)
    if not all(_request(go) for go in made):
        return Verdict(unseen=("what the take was made from, for its take.json does not say",))
    reasons = [asked.problem] if asked.plate is None else plate_reasons(asked.plate, made[-1], take_root)
    unseen = list(asked.plate.unseen) if asked.plate is not None and not isinstance(asked.plate, Plate) else []
    unseen += [name for chain in (*asked.masks.values(), *asked.holdouts.values()) for name in chain.unseen]
    if made[-1].record.get("base_take"):
        unseen.append("what was asked for at first, for that take is not on disk any more")
    else:
        reasons += words_reasons(asked, made, take_root)
    reasons += picture_reasons(asked, take, take_root)
    beyond = sorted(set(asked.frames) - set(take.frames))
    if beyond:
        reasons.append(f"It lacks frames {spell_frames(beyond)}, which are asked for")
    return Verdict(tuple(reasons), tuple(dict.fromkeys(unseen)))


def words_reasons(asked: Asked, made: list[TakeFolder], take_root: Path) -> list[str]:
    """What of the request was in none of a take's goes as it is now."""
    newest = made[0].record
    looks = (
        (lambda go: asked.edit_type == _request(go)["edit_type"], "The kind of edit was another"),
        (lambda go: asked.prompt == _request(go)["prompt"], f"The prompt was: {newest['request']['prompt']}"),
        (lambda go: _is_seed(asked, go), f"The seed was {newest['settings']['seed']}"),
        (lambda go: _is_preset(asked, go), f"The preset was {newest['settings'].get('preset', OLDER_PRESET)}"),
        (lambda go: _is_setting(asked.steps, go, "num_inference_steps"), "The number of steps was another"),
        (lambda go: _is_setting(asked.guidance, go, "guidance_scale"), "The guidance was another"),
        (lambda go: _is_mask(asked, go, take_root), "The mask was another"),
    )
    return [reason for was_asked, reason in looks if not any(map(was_asked, made))]


def picture_reasons(asked: Asked, take: TakeFolder, take_root: Path) -> list[str]:
    """What of the picture's treatment is not what the take's newest go was made with.

    A hold-out that the take does not have is none of it: the host shows it live.
    """
    newest, size = _request(take), take.record.get("plate_size")
    finish = newest.get("finish") or {}
    looks = (
        (_is_near(asked.exposure, newest.get("exposure") or 0.0), "The exposure was another"),
        (regions.is_made_so(asked.region, newest.get("region"), take.frames, size), "The region was another"),
        (
            all(_is_near(value, finish[name]) for name, value in asked.finish.items() if finish.get(name) is not None),
            "The finish was another",
        ),
        (_is_holdout(asked, newest.get("holdout"), take_root), "The hold-out was another"),
    )
    return [reason for is_same, reason in looks if not is_same]


def plate_reasons(plate: Plate | Chain, origin: TakeFolder, take_root: Path) -> list[str]:
    """Why a plate is not the one any more that a take was first made from; empty: it is."""
    recorded = _request(origin)["plate"]
    was = rendered.of_path(recorded["path"], take_root)
    if not isinstance(plate, Plate):
        is_same = was is not None and was.fingerprint == plate.fingerprint
        return [] if is_same else ["What feeds the plate was another"]
    if was is not None:
        return ["The plate was another"]
    if plate.color_space != recorded["color_space"]:
        return [f"The plate's color space was {recorded['color_space']}"]
    changed = changed_frames(plate, origin.record["plate"])
    return [f"The plate was another in frames {spell_frames(changed)}"] if changed else []


def _request(take: TakeFolder) -> dict[str, Any]:
    request = take.record.get("request")
    return request if isinstance(request, dict) else {}


def _is_seed(asked: Asked, go: TakeFolder) -> bool:
    return asked.seeds is None or go.record["settings"]["seed"] in asked.seeds


def _is_preset(asked: Asked, go: TakeFolder) -> bool:
    return asked.preset in ("", go.record["settings"].get("preset", OLDER_PRESET))


def _is_setting(asked: float | None, go: TakeFolder, name: str) -> bool:
    """Left to the model then and now, or the value that was effective."""
    if asked is None:
        return _request(go)["settings"][name] is None
    return _is_near(asked, float(go.record["settings"][name]))


def _is_near(value: Any, was: Any) -> bool:
    """The same word, or a number that has gone through 32 bits."""
    if isinstance(value, str) or isinstance(was, str):
        return bool(value == was)
    return bool(abs(value - was) <= TOLERANCE * max(1.0, abs(was)))


def _is_mask(asked: Asked, go: TakeFolder, take_root: Path) -> bool:
    mask = _request(go)["mask"]
    if mask is None or not asked.masks:
        return mask is None and not asked.masks
    was = rendered.of_path(mask["source"]["path"], take_root)
    is_read_alike = (mask["meaning"], mask["invert"]) == (asked.mask_meaning, asked.mask_invert)
    return is_read_alike and was is not None and asked.masks[was.frames].fingerprint == was.fingerprint


def _is_holdout(asked: Asked, made: dict[str, Any] | None, take_root: Path) -> bool:
    if made is None:
        return True
    was = rendered.of_path(made["source"]["path"], take_root)
    now = None if was is None else asked.holdouts.get(was.frames)
    is_same = was is not None and now is not None and now.fingerprint == was.fingerprint
    return is_same and made["invert"] == asked.holdout_invert
