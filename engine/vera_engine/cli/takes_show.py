"""`vera-edit takes show`: all that is known of one take, from the engine and from its own `take.json`."""

from __future__ import annotations

import argparse
import json
import textwrap
from datetime import datetime
from pathlib import Path
from typing import Any

from vera_client import VeraClient
from vera_engine.cli.outcome import DONE, print_json
from vera_engine.cli.region_text import region_text
from vera_engine.cli.take_address import find_take
from vera_engine.cli.take_result import color_text, duration, frames_text, seam_text, take_result

JSON_HELP = """
With --json the last line is the object that `vera-edit edit` prints, and in it "record": all of take.json, or null.
"""


def run(client: VeraClient, arguments: argparse.Namespace) -> int:
    """Print the take, as JSON or as lines."""
    take = find_take(client, arguments.take, arguments.take_root, arguments.node)
    record = read_record(take)
    if arguments.json:
        print_json({**take_result(take), "record": record or None})
    else:
        print(in_words(take, record))
    return DONE


def read_record(take: dict[str, Any]) -> dict[str, Any]:
    """The take's `take.json`, finished or not; empty where it is not on this machine."""
    for directory in (take["directory"], f"{take['directory']}.partial"):
        try:
            record = json.loads((Path(directory) / "take.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(record, dict) and record.get("take_id") == take["take_id"]:
            return record
    return {}


def statistics_of(record: dict[str, Any]) -> dict[str, dict[str, float]]:
    """What a finished take's record says of each frame; empty of one that is not finished, which names ranges there."""
    frames = record.get("frames")
    return frames if isinstance(frames, dict) else {}


def in_words(take: dict[str, Any], record: dict[str, Any]) -> str:
    """The facts as lines for a person; what is not known is left out."""
    request = take["request"]
    lines = {
        "take": f"{take['version']} of {request['node_id']}{', starred' if take['starred'] else ''}",
        "label": take["label"],
        "note": take["note"],
        "state": _state(take),
        "folder": take["directory"] if take["state"] == "finished" else f"{take['directory']}.partial",
        "frames": _frames(take),
        "edit": f"{request['edit_type']}: {request['prompt']}",
        "plate": source_text(request.get("plate")),
        "color": color_text(take),
        "mask": mask_text(request.get("mask")),
        "hold-out": holdout_text(request.get("holdout")),
        "region": region_text(request["region"]) if request.get("region") else "",
        "finish": finish_text(request.get("finish")),
        "settings": _settings(request),
        "base": _base(take),
        "model": _model(record),
        "device": record.get("device", ""),
        "made": datetime.fromtimestamp(take["created_at"]).strftime("%Y-%m-%d %H:%M"),
        "time": _time(take.get("seconds")),
        "matte": _matte(statistics_of(record)),
        "seams": ", ".join(
            f"{seam['first_side']}/{seam['second_side']} {seam_text(seam['value'])} ({seam['kind']})"
            for seam in take["seams"]
        ),
        "warnings": "\n".join(take["warnings"]),
    }
    known = {label: text for label, text in lines.items() if text}
    width = max(map(len, known)) + 2
    return "\n".join(
        textwrap.fill(line, 110, initial_indent=begin, subsequent_indent=" " * width, break_long_words=False)
        for label, text in known.items()
        for begin, line in _begun(f"{label:<{width}}", text.splitlines())
    )


def source_text(source: dict[str, Any] | None) -> str:
    """A plate or mask: its files, where they lie in time, what their values mean."""
    if not source:
        return ""
    words = [source.get("path") or f"upload {source.get('upload_id', '')}"]
    if source.get("frame_offset"):
        words.append(f"file frame = frame {source['frame_offset']:+d}")
    words += [f"{name} {source[name]}" for name in ("view", "part", "layer") if source.get(name)]
    if source.get("nan") == "zero":
        words.append("what is not finite read as 0")
    return ", ".join(words)


def _begun(label: str, lines: list[str]) -> list[tuple[str, str]]:
    return [(label if number == 0 else " " * len(label), line) for number, line in enumerate(lines)]


def _state(take: dict[str, Any]) -> str:
    error = take.get("error")
    if take["state"] != "failed" or not error:
        return str(take["state"])
    where = f" [{error['argument']}: {error['value']}]" if error["argument"] else ""
    return f"failed: {error['reason']}{where} {error['remedy']}".rstrip()


def _frames(take: dict[str, Any]) -> str:
    count = take["window_count"]
    words = frames_text(take["frames"]) + (f", in {count} windows" if count > 1 else "")
    if take["state"] != "finished" and take["finished_frames"]:
        words += f"; done: {frames_text(take['finished_frames'])}"
    return words


def mask_text(mask: dict[str, Any] | None) -> str:
    """A mask: its files, and what white says."""
    meanings = {"edit": "white is where to edit", "keep": "white is what to keep"}
    return _mask(mask, meanings)


def holdout_text(holdout: dict[str, Any] | None) -> str:
    """A hold-out: its files, and what white says."""
    return _mask(holdout, {"edit": "black stays", "keep": "white stays"})


def finish_text(finish: dict[str, Any] | None) -> str:
    """How the layers were finished: `detail plate, black 0.06, ...`."""
    return ", ".join(
        f"{name} {value if isinstance(value, str) else f'{value:g}'}"
        for name, value in (finish or {}).items()
        if value != ""
    )


def _mask(mask: dict[str, Any] | None, meanings: dict[str, str]) -> str:
    if not mask:
        return ""
    meaning = meanings.get(mask["meaning"], "")
    return ", ".join(filter(None, [source_text(mask["source"]), meaning, "inverted" if mask["invert"] else ""]))


def _settings(request: dict[str, Any]) -> str:
    settings = request["settings"]
    words = [f"seed {settings['seed']}"] if "seed" in settings else []
    if settings.get("preset"):
        words.append(settings["preset"])
    if "num_inference_steps" in settings:
        words.append(f"{settings['num_inference_steps']} steps")
    if "guidance_scale" in settings:
        words.append(f"guidance {settings['guidance_scale']:g}")
    if request.get("exposure"):
        words.append(f"exposure {request['exposure']:+g}")
    if request.get("handles"):
        words.append(f"handles of {request['handles']}")
    if request.get("priority"):
        words.append(f"priority {request['priority']}")
    return ", ".join(words)


def _base(take: dict[str, Any]) -> str:
    if not take["base_version"]:
        return ""
    strength = take["request"].get("strength", 1)
    made = frames_text(take["request"]["frames"])
    if take["request"].get("finish_only"):
        return f"{take['base_version']}; finished anew: {made}"
    return f"{take['base_version']}; made again: {made}" + (f", strength {strength:g}" if strength != 1 else "")


def _model(record: dict[str, Any]) -> str:
    if not record.get("model"):
        return ""
    at = " at {}x{}".format(*record["working_size"]) if record.get("working_size") else ""
    plate = ", plate {}x{}".format(*record["plate_size"]) if record.get("plate_size") else ""
    return f"{record['model']['name']}{at}{plate}, engine {record.get('engine_version', '?')}"


def _time(seconds: dict[str, float] | None) -> str:
    if not seconds or not seconds["total"]:
        return ""
    parts = ", ".join(f"{name} {duration(seconds[name])}" for name in ("queued", "model", "pixels"))
    return f"{duration(seconds['total'])} ({parts})"


def _matte(frames: dict[str, dict[str, float]]) -> str:
    """How much of the picture the matte covers."""
    covered = [statistics["matte_coverage"] for statistics in frames.values() if "matte_coverage" in statistics]
    if not covered:
        return ""
    empty = sum(coverage == 0 for coverage in covered)
    words = f"covers {min(covered):.1%} to {max(covered):.1%} of the picture"
    return words + (f"; empty in {empty} of {len(covered)} frames" if empty else "")
