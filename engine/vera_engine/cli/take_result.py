"""A take as the command line tells it: one JSON object, its fields stable, and the words for a terminal."""

from __future__ import annotations

from typing import Any

from vera_engine.plates.frames import FrameRange, FrameSet
from vera_engine.takes.take import VISIBLE_SEAM

RESULT_HELP = """
With --json the last line is one object: {"state": "queued" | "checking" | "running" | "writing" | "finished" |
"cancelled" | "failed", "take": path of the finished version's folder or null, "version": "v001", "node", "take_id",
"frames": "1001-1049" (all that the version has), "finished_frames" (of those to be made, on disk already), "prompt",
"seed", "label", "note", "starred", "base": version of the take it is based on or null, "windows": how many runs of
the model, "seam": the largest of its seams or null, "seams": [{"between": [1029, 1030], "seam": 0.8, "kind": "window"
| "repair"}], "color": {"plate": its color space, "found_by": "host" | "file" | "option" | "rules", "layers": theirs,
"config": the OpenColorIO configuration} or null where that is not known, "existing": true where a finished take of the
same request was there, "warnings": [...], "seconds": {"total", "queued", "model", "pixels"}, "error": null or {"kind",
"argument", "value", "reason", "remedy"}}. Where there is no take, "state" is "failed", "error" says why, and all else
is null.
"""

AS_EDIT = """
With --json the last line is the object that `vera-edit edit` prints (see its --help).
"""

FIELDS = (
    "state",
    "take",
    "version",
    "node",
    "take_id",
    "frames",
    "finished_frames",
    "prompt",
    "seed",
    "label",
    "note",
    "starred",
    "base",
    "windows",
    "seam",
    "seams",
    "color",
    "existing",
    "warnings",
    "seconds",
    "error",
)
FOUND_BY = {
    "host": "said by the host",
    "file": "said by its files",
    "option": "said by --colorspace",
    "rules": "by the rules of $OCIO",
}
"""How a plate's colour space was found, in words."""
NO_RESULT: dict[str, Any] = {**dict.fromkeys(FIELDS), "state": "failed"}
"""Where there is no take; the error comes besides."""


def take_result(take: dict[str, Any]) -> dict[str, Any]:
    """A take of the client's as the object of `--json`."""
    error = take.get("error")
    return {
        "state": take["state"],
        "take": take["directory"] if take["state"] == "finished" else None,
        "version": take["version"],
        "node": take["request"]["node_id"],
        "take_id": take["take_id"],
        "frames": frames_text(take["frames"]),
        "finished_frames": frames_text(take["finished_frames"]),
        "prompt": take["request"]["prompt"],
        "seed": take["request"]["settings"].get("seed"),
        "label": take["label"],
        "note": take["note"],
        "starred": take["starred"],
        "base": take["base_version"] or None,
        "windows": take["window_count"],
        "seam": largest_seam(take),
        "seams": [
            {"between": [seam["first_side"], seam["second_side"]], "seam": seam["value"], "kind": seam["kind"]}
            for seam in take["seams"]
        ],
        "color": take_color(take),
        "existing": take.get("existing", False),
        "warnings": take["warnings"],
        "seconds": take.get("seconds"),
        "error": {name: error[name] for name in ("kind", "argument", "value", "reason", "remedy")} if error else None,
    }


def take_color(take: dict[str, Any]) -> dict[str, str] | None:
    """The colour spaces of a take, as `take.json` has them; None where they are not known."""
    if not take["color_space"]:
        return None
    return {
        "plate": take["color_space"],
        "found_by": take["color_space_source"],
        "layers": take["layer_space"],
        "config": take["color_config"],
    }


def color_text(take: dict[str, Any]) -> str:
    """`ACEScg (said by its files)`, and the space of the layers where that is another; empty where nothing is known."""
    color = take_color(take)
    if color is None:
        return ""
    layers = f", layers in {color['layers']}" if color["layers"] != color["plate"] else ""
    return f"{color['plate']} ({FOUND_BY.get(color['found_by'], color['found_by'])}){layers}"


def largest_seam(take: dict[str, Any]) -> float | None:
    """The worst of a take's seams; None where it has none."""
    return max((seam["value"] for seam in take["seams"]), default=None)


def frames_text(ranges: list[dict[str, int]]) -> str:
    """`1011-1018,1040`; empty where there are none."""
    return str(FrameSet.covering(map(FrameRange.from_dict, ranges))) if ranges else ""


def seam_text(seam: float | None) -> str:
    """`0.8`, `1.7!` where it may be seen, `-` where there is none."""
    if seam is None:
        return "-"
    return f"{seam:.2f}!" if seam > VISIBLE_SEAM else f"{seam:.2f}"


def duration(seconds: float) -> str:
    """`42 s`, `3 min 12 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
