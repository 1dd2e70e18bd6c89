"""What a model folder says of itself: `vera_edit.json`, beside the weights. Standard library only.

The engine's server answers from here what sizes, lengths and words a model knows, without loading it.
"""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from vera_engine.errors import FailedPrecondition, InvalidArgument, NotFound

SETTINGS_FILE = "vera_edit.json"
FORMAT_VERSION = 1
SIZE_MULTIPLE = 16
"""Working sizes are whole tokens: 8 pixels a latent, 2 latents a patch."""


class ModelFolderMissing(NotFound):
    """There is no model where one was named."""


class ModelSettingsInvalid(FailedPrecondition):
    """A model folder's `vera_edit.json` cannot be used."""


@dataclass(frozen=True)
class ModelSettings:
    """A model's own configuration; raises `ModelSettingsInvalid` for values that no model could work with."""

    name: str
    """What takes record as the model that made them."""
    vocabulary: tuple[str, ...]
    """The words the model was trained on, lower-case. Empty: a language model reads the text, any word will do."""
    working_sizes: tuple[tuple[int, int], ...]
    """The (width, height) it works at, in pixels, multiples of 16: one for each kind of aspect ratio."""
    window_frames: int
    """Frames in one window, 4n + 1."""
    overlap_frames: int
    """Frames that a window shares with the one before, 4n + 1, less than `window_frames`; 0: as few as may be."""
    num_inference_steps: int
    """Denoising steps where a request names none."""
    guidance_scale: float
    """Classifier-free guidance where a request names none; 1.0 is none."""
    flow_shift: float
    """How far the flow-match schedule leans towards noise; 1.0 is not at all."""
    background_needs_mask: bool
    """Whether background change is refused without a mask of the subject."""
    codec: str
    """Class name of the video autoencoder in `vae/`."""
    weights_sha256: dict[str, str]
    """SHA-256 of every weights file, by its path relative to the folder."""
    preset_steps: dict[str, int] = field(default_factory=dict)
    """Denoising steps of presets, by name, where those of pipeline/presets.py do not suit the model."""

    def __post_init__(self) -> None:
        for setting, valid, rule in (
            ("name", bool(self.name.strip()), "must not be empty"),
            ("vocabulary", all(words_of(word) == [word] for word in self.vocabulary), "must be lower-case words"),
            ("working_sizes", bool(self.working_sizes), "must not be empty"),
            (
                "working_sizes",
                all(side > 0 and side % SIZE_MULTIPLE == 0 for size in self.working_sizes for side in size),
                f"must be multiples of {SIZE_MULTIPLE}",
            ),
            ("window_frames", self.window_frames > 0 and self.window_frames % 4 == 1, "must be 4n + 1"),
            (
                "overlap_frames",
                self.overlap_frames == 0
                or (self.overlap_frames % 4 == 1 and 0 < self.overlap_frames < self.window_frames),
                "must be 0, or 4n + 1 and less than window_frames",
            ),
            ("num_inference_steps", self.num_inference_steps > 0, "must be at least 1"),
            ("guidance_scale", math.isfinite(self.guidance_scale) and self.guidance_scale >= 1, "must be at least 1"),
            ("flow_shift", math.isfinite(self.flow_shift) and self.flow_shift > 0, "must be above 0"),
            ("codec", bool(self.codec), "must not be empty"),
            (
                "weights_sha256",
                all(re.fullmatch("[0-9a-f]{64}", digest) for digest in self.weights_sha256.values()),
                "must be 64 hexadecimal digits each",
            ),
            ("preset_steps", all(steps > 0 for steps in self.preset_steps.values()), "must be at least 1 each"),
        ):
            if not valid:
                raise ModelSettingsInvalid(
                    f"The model's {setting} {rule}.",
                    argument=f"{SETTINGS_FILE}.{setting}",
                    value=getattr(self, setting),
                )

    @property
    def window_latents(self) -> int:
        """Latents in one window: the first holds one frame, the others four each."""
        return (self.window_frames - 1) // 4 + 1

    @property
    def overlap_latents(self) -> int:
        """Latents that a window shares with the one before: enough for `overlap_frames`, and never none.

        Inside a clip every latent holds four frames, so 5 frames take two of them. With none in common nothing would
        hold windows together.
        """
        return max(1, (self.overlap_frames + 3) // 4)

    def working_size(self, plate_width: int, plate_height: int) -> tuple[int, int]:
        """The (width, height) to work at for a plate: of the nearest aspect ratio, the largest of equals.

        Raises:
            InvalidArgument: A side is not positive.
        """
        if plate_width <= 0 or plate_height <= 0:
            raise InvalidArgument(
                "The plate has no pixels.", argument="plate.size", value=f"{plate_width}x{plate_height}"
            )
        plate_aspect = plate_width / plate_height

        def fit(size: tuple[int, int]) -> tuple[float, int]:
            width, height = size
            return abs(math.log(width / height / plate_aspect)), -width * height

        return min(self.working_sizes, key=fit)


def model_folder(model: str | os.PathLike[str]) -> Path:
    """The folder of a model: "small" is the one that comes with the engine, anything else a path.

    Raises:
        ModelFolderMissing: There is no such folder, or it holds no model.
    """
    folder = Path(__file__).parent / "small" if model == "small" else Path(model).expanduser()
    if not (folder / SETTINGS_FILE).is_file():
        raise ModelFolderMissing(
            f"There is no {SETTINGS_FILE} in the folder." if folder.is_dir() else "There is no such model folder.",
            argument="model",
            value=folder,
            remedy='Use "small", or a folder made by `vera-edit convert-weights`.',
        )
    return folder


def read_settings(model: str | os.PathLike[str]) -> ModelSettings:
    """Read the settings of "small" or of the model in a folder.

    Raises:
        ModelFolderMissing: There is no such folder, or it holds no model.
        ModelSettingsInvalid: The file is no JSON, or a setting is missing, unknown, or of the wrong kind.
    """
    path = model_folder(model) / SETTINGS_FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelSettingsInvalid(f"The file is not JSON: {error}.", argument="model", value=path) from error
    if not isinstance(stored, dict) or stored.get("format_version") != FORMAT_VERSION:
        raise ModelSettingsInvalid(
            f"The file is not of format version {FORMAT_VERSION}.",
            argument="model",
            value=path,
            remedy="Convert the weights again with this version of vera-edit.",
        )
    values = {name: value for name, value in stored.items() if name != "format_version"}
    missing = [each.name for each in fields(ModelSettings) if each.default_factory is MISSING]
    missing = sorted(set(missing) - values.keys())
    unknown = sorted(values.keys() - {each.name for each in fields(ModelSettings)})
    if missing or unknown:
        raise ModelSettingsInvalid(
            f"Settings missing: {missing}; unknown: {unknown}.",
            argument="model",
            value=path,
        )
    return ModelSettings(**{name: _typed(name, value) for name, value in values.items()})


def write_settings(folder: Path, settings: ModelSettings) -> None:
    """Write `vera_edit.json` into a model folder, whole or not at all."""
    text = json.dumps({"format_version": FORMAT_VERSION, **asdict(settings)}, indent=2) + "\n"
    partial = folder / f"{SETTINGS_FILE}.partial"
    partial.write_text(text, encoding="utf-8")
    partial.replace(folder / SETTINGS_FILE)


def unknown_words(prompt: str, vocabulary: tuple[str, ...]) -> list[str]:
    """The prompt's words that a model does not know, lower-case, each once, in order; none for an empty vocabulary."""
    if not vocabulary:
        return []
    return [word for word in dict.fromkeys(words_of(prompt)) if word not in vocabulary]


def words_of(prompt: str) -> list[str]:
    """The lower-case runs of letters and digits, as the small model's tokenizer splits a prompt."""
    return re.findall(r"\w+", prompt.lower())


def _typed(name: str, value: Any) -> Any:
    """A JSON value as the setting's own type; JSON knows neither tuples nor whole floats."""
    match name, value:
        case ("name" | "codec", str()) | ("background_needs_mask", bool()):
            return value
        case "window_frames" | "overlap_frames" | "num_inference_steps", int() if not isinstance(value, bool):
            return value
        case "guidance_scale" | "flow_shift", int() | float() if not isinstance(value, bool):
            return float(value)
        case "vocabulary", list() if all(isinstance(word, str) for word in value):
            return tuple(value)
        case "working_sizes", list() if all(_is_size(size) for size in value):
            return tuple((width, height) for width, height in value)
        case "weights_sha256", dict() if all(isinstance(digest, str) for digest in value.values()):
            return value
        case "preset_steps", dict() if all(type(steps) is int for steps in value.values()):
            return value
    raise ModelSettingsInvalid(
        "The setting is of the wrong kind.", argument=f"{SETTINGS_FILE}.{name}", value=json.dumps(value)
    )


def _is_size(value: Any) -> bool:
    """Whether a JSON value is a pair of whole numbers."""
    return isinstance(value, list) and len(value) == 2 and all(type(side) is int for side in value)
