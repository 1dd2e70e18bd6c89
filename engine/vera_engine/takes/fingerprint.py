"""What makes two requests one: the same words and numbers, the same files, the same model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from vera_engine.model.settings import ModelSettings
from vera_engine.plates.frames import FrameSet
from vera_engine.plates.sequence import SequencePattern
from vera_engine.takes.request import PlateReference, TakeRequest, TakeSettings


def fingerprint(
    request: TakeRequest, settings: TakeSettings, node_folder: Path, read_frames: FrameSet, model: ModelSettings
) -> str:
    """SHA-256, lower-case hex, over all that the layers come from.

    A plate is known by its path and by every file's size and time of change, which takes no reading; so the same
    pixels under another path, or written again, count as others: a take too many, never a wrong one.

    Args:
        request: The effective request.
        settings: The effective settings, seed included.
        node_folder: Where its takes lie: a take of another node is never the answer.
        read_frames: Host frames of plate and mask that are read for it.
        model: The model that makes it, known by its weights.

    Raises:
        OSError: A file cannot be looked at.
    """
    asked = {key: value for key, value in request.as_record().items() if key not in ("settings", "label", "take_root")}
    files = [_files(request.plate, read_frames)]
    if request.mask is not None:
        files.append(_files(request.mask.source, read_frames))
    what = [str(node_folder), asked, [settings.seed, settings.num_inference_steps, settings.guidance_scale], files]
    text = json.dumps([*what, sorted(model.weights_sha256.items())], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _files(source: PlateReference, frames: FrameSet) -> list[tuple[int, int]]:
    pattern = SequencePattern.parse(source.path)
    found = (pattern.file(frame + source.frame_offset).stat() for frame in frames)
    return [(status.st_size, status.st_mtime_ns) for status in found]
