"""`vera-edit info`: what is installed, what the model knows, which engine runs."""

from __future__ import annotations

import argparse
import json
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vera_engine import __version__
from vera_engine.cli.machine import TorchMissing, ask_torch, find_engine, state_files
from vera_engine.model.settings import model_folder, read_settings
from vera_engine.pipeline.presets import DEFAULT_PRESET, PRESETS, preset_steps


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "info",
        help="say the version, the model's words and sizes, color spaces, the device and the running engine",
        description="Says what is installed here, and which engine runs. With --json one object of the same facts.",
    )
    parser.add_argument(
        "--model", default="small", metavar="small|DIR", help="small, or a model folder (default: small)"
    )
    parser.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="where the engine keeps its state (default: the user's own)"
    )
    parser.add_argument(
        "--color-spaces", action="store_true", help="print the names that --colorspace understands, one a line"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what is known; a missing model is an error, a missing torch or engine is a fact."""
    facts = gather(arguments.model, arguments.state_dir)
    if arguments.json:
        print(json.dumps(facts))
    elif arguments.color_spaces:
        print("\n".join(facts["color"]["names"]))
    else:
        print(in_words(facts))
    return 0


def gather(model: str, state_dir: Path | None) -> dict[str, Any]:
    """Everything `info` says, as JSON values.

    Raises:
        ModelFolderMissing, ModelSettingsInvalid: As `read_settings`.
    """
    settings = read_settings(model)
    try:
        torch = ask_torch()
        device = {"torch": torch.version, "device": torch.device, "problem": None}
    except TorchMissing as error:
        device = {"torch": None, "device": None, "problem": str(error)}
    files = state_files(state_dir)
    engine = find_engine(files)
    return {
        "version": __version__,
        "model": {
            "name": settings.name,
            "folder": str(model_folder(model)),
            "working_sizes": [list(size) for size in settings.working_sizes],
            "window_frames": settings.window_frames,
            "num_inference_steps": settings.num_inference_steps,
            "guidance_scale": settings.guidance_scale,
            "presets": {preset.name: preset_steps(preset, settings) for preset in PRESETS.values()},
            "background_needs_mask": settings.background_needs_mask,
            "vocabulary": list(settings.vocabulary),
        },
        "color": _color(),
        "device": device,
        "state_dir": str(files.state_dir),
        "engine": None if engine is None else {**_without_token(asdict(engine.port_file)), "answers": engine.answers},
    }


def in_words(facts: dict[str, Any]) -> str:
    """The facts as lines for a person."""
    model, device = facts["model"], facts["device"]
    sizes = ", ".join(f"{width}x{height}" for width, height in model["working_sizes"])
    lines = {
        "vera-edit": facts["version"],
        "model": f"{model['name']} ({model['folder']})",
        "works at": f"{sizes}; {model['window_frames']} frames in one window",
        "by itself": f"{model['presets'][DEFAULT_PRESET]} steps, guidance {model['guidance_scale']:g}",
        "presets": ", ".join(f"{name} ({steps} steps)" for name, steps in model["presets"].items()),
        "background": "needs a mask of the subject" if model["background_needs_mask"] else "works without a mask",
        "words": " ".join(sorted(model["vocabulary"])) or "any: the text is read by a language model",
        "color": _color_in_words(facts["color"]),
        "device": f"{device['device']} (torch {device['torch']})" if device["torch"] else f"none: {device['problem']}",
        "state": facts["state_dir"],
        "engine": _engine_in_words(facts["engine"]),
    }
    width = max(map(len, lines)) + 2
    return "\n".join(
        textwrap.fill(f"{label:<{width}}{text}", 100, subsequent_indent=" " * width, break_long_words=False)
        for label, text in lines.items()
    )


def _color() -> dict[str, Any]:
    """The configuration that an engine started from here has, and the names that it understands."""
    from vera_engine.plates.color import SHORT_NAMES  # which brings image libraries
    from vera_engine.plates.color_config import ColorConfig, ColorConfigUnusable

    try:
        config = ColorConfig.current()
    except ColorConfigUnusable as error:
        return {"config": None, "names": [], "problem": str(error)}
    return {"config": config.name, "names": [*SHORT_NAMES, *config.names], "problem": None}


def _color_in_words(color: dict[str, Any]) -> str:
    if color["config"] is None:
        return f"none: {color['problem']}"
    return f"{color['config']}, --color-spaces lists its names"


def _engine_in_words(engine: dict[str, Any] | None) -> str:
    if engine is None:
        return "not running; it is started when it is needed"
    if not engine["answers"]:
        return f"not running; the one that wrote engine.json (process {engine['process_id']}) has gone"
    return f"running: version {engine['engine_version']}, process {engine['process_id']}, {engine['address']}"


def _without_token(port_file: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in port_file.items() if name != "token"}
