"""Layered clips on disk as a model's frozen codec and text encoder see them, so that training runs neither.

    clips.jsonl              a line a clip: its file, frames, size, instruction, whether it has a mask
    clips/NAME.safetensors   edit, alpha, composite, source (and mask): latents (C, F, h, w), float16
    texts/SHA256.safetensors states (tokens, text_dim) of one instruction, without padding; the empty one is there too
    encoder.json             which model's codec and text encoder they are of

It is written clip by clip: what is there is not made again.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from vera_engine.errors import FailedPrecondition, NotFound
from vera_engine.model.settings import ModelSettings
from vera_engine.pipeline.pixels import encode_frames
from vera_engine.pipeline.text import encode_prompts
from vera_engine.training.clips import ClipBatch
from vera_engine.training.config import Bucket
from vera_engine.training.datasets.sample import LayeredSample
from vera_engine.training.encoder import Encoder

CLIPS, TEXTS, ENCODER = "clips.jsonl", "texts", "encoder.json"
LAYERS = ("edit", "alpha", "composite", "source")


class EncodedDataMissing(NotFound):
    """No encoded clips where they were said to be, or none of a size that training asks for."""


class EncodedByOtherModel(FailedPrecondition):
    """Clips that another codec or text encoder has seen."""


@dataclass(frozen=True)
class EncodedClip:
    """A line of `clips.jsonl`."""

    name: str
    frames: int
    height: int
    width: int
    instruction: str
    has_mask: bool


class EncodedWriter:
    """Encodes samples into a folder.

    Args:
        folder: Made where missing; what another model encoded there is refused.
        encoder: The model's.
        settings: Of the same model.

    Raises:
        EncodedByOtherModel: The folder holds clips of another model.
    """

    def __init__(self, folder: Path, encoder: Encoder, settings: ModelSettings) -> None:
        self._folder, self._encoder = folder, encoder
        (folder / "clips").mkdir(parents=True, exist_ok=True)
        (folder / TEXTS).mkdir(exist_ok=True)
        identity = encoder_identity(settings)
        if (folder / ENCODER).exists():
            check_encoder(folder, settings)
        else:
            (folder / ENCODER).write_text(json.dumps(identity, indent=1) + "\n", encoding="utf-8")
        self.done = _mended(folder)
        self._text("")

    def add(self, sample: LayeredSample) -> None:
        """Encodes one sample; nothing where it was before. All of its layers are needed, but for the mask.

        Raises:
            PromptTooLong: Its instruction is longer than the text encoder reads.
        """
        if sample.name in self.done:
            return
        if sample.edit is None or sample.alpha is None or sample.composite is None:
            raise EncodedDataMissing(
                "The sample lacks layers: there is nothing to learn from it.",
                argument="sample",
                value=sample.name,
                remedy="Leave it out.",
            )
        self._text(sample.instruction)  # costs little, and may refuse
        videos = {
            "edit": sample.edit,
            "alpha": np.repeat(sample.alpha[..., None], 3, axis=-1),
            "composite": sample.composite,
            "source": sample.source,
        }
        if sample.mask is not None:
            videos["mask"] = np.repeat(sample.mask[..., None], 3, axis=-1)
        latents = {
            name: encode_frames(self._encoder.vae, video)[0].half().cpu().contiguous() for name, video in videos.items()
        }
        _save(latents, self._folder / "clips" / f"{sample.name}.safetensors")
        shape = sample.shape
        clip = EncodedClip(
            sample.name, shape.frames, shape.height, shape.width, sample.instruction, sample.mask is not None
        )
        with (self._folder / CLIPS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(clip)) + "\n")
        self.done.add(sample.name)

    @torch.no_grad()
    def _text(self, text: str) -> None:
        file = text_file(self._folder, text)
        if not file.exists():
            tokenizer = self._encoder.tokenizer
            states = encode_prompts(tokenizer, self._encoder.text_encoder, [text])[0]
            length = len(tokenizer(text).input_ids)
            _save({"states": states[:length].bfloat16().cpu().contiguous()}, file)


class EncodedStream:
    """Draws batches of a bucket's clips: all of them in a new order each time around.

    Only `drawn`, the count of clips so far, is state.

    Args:
        folder: Encoded clips.
        bucket: Which size, and how many at once.
        seed: Decides the orders.
        lane, lanes: Which of the batches of a step this stream draws; together the lanes draw every clip once a round.
        drawn: Clips drawn so far by this lane.

    Raises:
        EncodedDataMissing: There are none of the size.
    """

    def __init__(self, folder: Path, bucket: Bucket, seed: int, lane: int = 0, lanes: int = 1, drawn: int = 0) -> None:
        size = (bucket.frames, bucket.height, bucket.width)
        self._clips = [clip for clip in read_clips(folder) if (clip.frames, clip.height, clip.width) == size]
        if not self._clips:
            raise EncodedDataMissing(
                f"There are no clips of {bucket.frames} frames of {bucket.width}x{bucket.height}.",
                argument="data",
                value=folder,
                remedy="Encode such clips, or name a size in the training file that is there.",
            )
        self.drawn = drawn
        self._folder, self._bucket, self._seed, self._lane, self._lanes = folder, bucket, seed, lane, lanes

    def batch(self, rng: random.Random) -> ClipBatch:
        """The next batch. `rng` is not used: what is drawn follows from the count alone."""
        places = [(self.drawn + k) * self._lanes + self._lane for k in range(self._bucket.batch_size)]
        self.drawn += self._bucket.batch_size
        clips = [self._clips[self._order(place)] for place in places]
        latents = [load_file(self._folder / "clips" / f"{clip.name}.safetensors") for clip in clips]
        edit, alpha, composite, source = (torch.stack([each[name] for each in latents]).float() for name in LAYERS)
        mask = torch.stack([each.get("mask", torch.zeros_like(each["source"])) for each in latents]).float()
        return ClipBatch(
            edit,
            alpha,
            composite,
            source,
            mask,
            importance=torch.ones(len(clips), *edit.shape[1:3], 1, 1),
            shadow=torch.zeros(len(clips), 1, *edit.shape[2:]),
            instructions=[clip.instruction for clip in clips],
            mask_present=torch.tensor([clip.has_mask for clip in clips]),
            begins_run=torch.ones(len(clips), dtype=torch.bool),
        )

    def _order(self, place: int) -> int:
        """Which clip is drawn at a place in the endless sequence of rounds."""
        turn, within = divmod(place, len(self._clips))
        order = list(range(len(self._clips)))
        random.Random(f"{self._seed} {self._bucket} {turn}").shuffle(order)
        return order[within]


class EncodedTexts:
    """The text states of encoded clips, padded with zeros as the pipeline pads them."""

    def __init__(self, folder: Path, window: int) -> None:
        self._folder, self._window = folder, window

    def states(self, texts: list[str]) -> Tensor:
        """(B, window, text_dim), float32."""
        found = [load_file(text_file(self._folder, text))["states"].float() for text in texts]
        padded = torch.zeros(len(texts), self._window, found[0].shape[1])
        for row, states in zip(padded, found, strict=True):
            row[: len(states)] = states
        return padded


def read_clips(folder: Path) -> list[EncodedClip]:
    """The clips that are there, by name.

    Raises:
        EncodedDataMissing: It is no folder of encoded clips.
    """
    file = folder / CLIPS
    if not file.is_file():
        raise EncodedDataMissing(
            f"There is no {CLIPS} here.",
            argument="data",
            value=folder,
            remedy="Make one: vera-edit encode-dataset MODEL DATASET --out DIR",
        )
    clips = (EncodedClip(**json.loads(line)) for line in _whole_lines(file))
    return sorted(clips, key=lambda clip: clip.name)


def _whole_lines(file: Path) -> list[str]:
    """Of an encoding that was killed the last line may be cut off."""
    return [line for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("}\n")]


def _mended(folder: Path) -> set[str]:
    """The names of the clips that are there; what follows them in the list, of a clip that is made again, is cut."""
    file = folder / CLIPS
    if not file.exists():
        return set()
    lines = _whole_lines(file)
    partial = file.with_suffix(".partial")
    partial.write_text("".join(lines), encoding="utf-8")
    partial.replace(file)
    return {json.loads(line)["name"] for line in lines}


def encoder_identity(settings: ModelSettings) -> dict[str, Any]:
    """Which codec and text encoder a model has: checksums of their weights, by file."""
    parts = ("vae/", "text_encoder/")
    return {name: digest for name, digest in settings.weights_sha256.items() if name.startswith(parts)}


def check_encoder(folder: Path, settings: ModelSettings) -> None:
    """Refuses clips that another model's codec or text encoder has seen.

    Raises:
        EncodedByOtherModel: They are such.
        EncodedDataMissing: It is no folder of encoded clips.
    """
    file = folder / ENCODER
    if not file.is_file():
        raise EncodedDataMissing(f"There is no {ENCODER} here.", argument="data", value=folder)
    if json.loads(file.read_text(encoding="utf-8")) != encoder_identity(settings):
        raise EncodedByOtherModel(
            "These clips were encoded by another model's codec or text encoder.",
            argument="data",
            value=folder,
            remedy=f"Encode them with {settings.name}, into another folder.",
        )


def text_file(folder: Path, text: str) -> Path:
    """Where the states of an instruction lie."""
    return folder / TEXTS / f"{hashlib.sha256(text.encode()).hexdigest()}.safetensors"


def _save(tensors: dict[str, Tensor], file: Path) -> None:
    """Whole or not at all."""
    partial = file.with_suffix(".partial")
    save_file(tensors, partial)
    partial.replace(file)
