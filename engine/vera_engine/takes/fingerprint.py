"""What makes two requests one: the same words and numbers, the same files, the same model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from vera_engine.model.settings import ModelSettings
from vera_engine.pipeline.presets import find_preset
from vera_engine.plates.frames import FrameSet
from vera_engine.takes.input_files import input_files
from vera_engine.takes.request import TakeRequest, TakeSettings
from vera_engine.takes.take import TakeColor


def fingerprint(
    request: TakeRequest,
    settings: TakeSettings,
    node_folder: Path,
    read_frames: FrameSet,
    model: ModelSettings,
    color: TakeColor,
) -> str:
    """SHA-256, lower-case hex, over all that the layers come from.

    A plate is known by its path and by every file's size and time of change, which takes no reading; so the same
    pixels under another path, or written again, count as others: a take too many, never a wrong one.

    Args:
        request: The effective request.
        settings: The effective settings, seed included.
        node_folder: Where its takes lie: a take of another node is never the answer.
        read_frames: Host frames of plate, mask and hold-out that are read for it; of the hold-out, those made.
        model: The model that makes it, known by its weights.
        color: What the plate's colour space was found to be.

    Raises:
        OSError: A file cannot be looked at.
    """
    asked = {key: value for key, value in request.as_record().items() if key not in ("settings", "label", "take_root")}
    frames = {"plate": read_frames, "mask": read_frames, "holdout": request.made_frames}
    files = {kind: _states(map(found.file, frames[kind])) for kind, found in input_files(request).items()}
    what = [
        str(node_folder),
        asked,
        vars(settings) | vars(find_preset(settings.preset).levers),
        files,
        [color.plate, color.config],
        sorted(model.weights_sha256.items()),
    ]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _states(paths: Iterable[Path]) -> list[tuple[int, int]]:
    found = (path.stat() for path in paths)
    return [(status.st_size, status.st_mtime_ns) for status in found]
