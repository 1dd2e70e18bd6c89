"""What a run trains on and begins with: drawn clips and a small model, or encoded ones and a large one."""

from __future__ import annotations

import abc
import random
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKLWan
from torch import Tensor, nn

from vera_engine.model.codec import LinearVideoCodec
from vera_engine.model.settings import model_folder, read_settings
from vera_engine.model.transformer import VeraTransformer3DModel
from vera_engine.model.weight_files import read_json
from vera_engine.model.weights import load_transformer
from vera_engine.pipeline.text import LONGEST_TEXT
from vera_engine.training.checkpoints import mismatch
from vera_engine.training.clips import ClipBatch, ClipStream
from vera_engine.training.codec_fit import fit_components
from vera_engine.training.config import Bucket, TrainingConfig
from vera_engine.training.encoded import EncodedStream, EncodedTexts, check_encoder
from vera_engine.training.encoder import load_codec
from vera_engine.training.export import FLOW_SHIFT
from vera_engine.training.processes import Processes
from vera_engine.training.text_encoder import tiny_text_encoder, word_tokenizer
from vera_engine.training.trained import Trained, TrainedParts, new_transformer
from vera_engine.training.vocabulary import words
from vera_engine.training.warm_start import codec_of, take_over_weights

SAMPLES_LANE = 10_000
"""Clips on sample sheets are of a lane that nothing is trained on where clips are drawn."""


class Source(abc.ABC):
    """Streams of batches, and what belongs to their texts and pictures.

    Attributes:
        codec: Decodes the latents; loaded when it is first needed.
        flow_shift: Of the schedule that samples are made with.
    """

    flow_shift: float

    def __init__(self, config: TrainingConfig) -> None:
        self._config = config
        self._streams: dict[tuple[Bucket, int], ClipStream | EncodedStream] = {}
        self._drawn_before: dict[str, int] = {}

    @property
    @abc.abstractmethod
    def codec(self) -> LinearVideoCodec | AutoencoderKLWan: ...

    @abc.abstractmethod
    def new_model(self, empty: bool = False) -> Trained:
        """The model before its first step.

        Args:
            empty: Its numbers come from elsewhere: nothing is read, and no memory touched, where there is much of it.
        """

    @abc.abstractmethod
    def new_stream(self, bucket: Bucket, lane: int, drawn: int) -> ClipStream | EncodedStream:
        """A stream that has drawn so many clips already."""

    @abc.abstractmethod
    def texts_for(self, texts: list[str]) -> list[str] | Tensor:
        """Instructions as `Trained.forward` takes them."""

    @abc.abstractmethod
    def parts(self, trained: Trained, step: int) -> TrainedParts:
        """What training has made."""

    def stream(self, bucket: Bucket, lane: int) -> ClipStream | EncodedStream:
        """The stream of a bucket and lane, gone on with where a checkpoint left it."""
        if (bucket, lane) not in self._streams:
            drawn = self._drawn_before.get(_stream_name(self._config, bucket, lane), 0)
            self._streams[bucket, lane] = self.new_stream(bucket, lane, drawn)
        return self._streams[bucket, lane]

    @property
    def drawn(self) -> dict[str, int]:
        """Clips drawn so far, by stream: all that the streams have of state."""
        now = {_stream_name(self._config, *key): stream.drawn for key, stream in self._streams.items()}
        return {**self._drawn_before, **now}

    def go_on_from(self, drawn: dict[str, int], lanes: range, place: Path) -> None:
        """Takes over the counts of a checkpoint.

        Args:
            drawn: Of all lanes.
            lanes: Those of this process.
            place: The checkpoint.

        Raises:
            RunFolderMismatch: The checkpoint has streams that the training file has not.
        """
        buckets = [bucket for stage in self._config.stages for bucket in stage.buckets]
        names = {_stream_name(self._config, bucket, lane) for bucket in buckets for lane in range(self._config.lanes)}
        if unknown := set(drawn) - names:
            raise mismatch(place, f"no buckets or lanes {sorted(unknown)}")
        mine = {_stream_name(self._config, bucket, lane) for bucket in buckets for lane in lanes}
        self._drawn_before = {name: count for name, count in drawn.items() if name in mine}

    def samples(self, count: int) -> ClipBatch:
        """The clips that sample sheets show: always the same ones, of the size of the last stage's first bucket."""
        bucket = self._config.stages[-1].buckets[0]
        sized = replace(bucket, batch_size=count)
        return self.new_stream(sized, SAMPLES_LANE, 0).batch(random.Random(0))


class DrawnSource(Source):
    """Drawn clips for a small model from scratch: its codec is fitted once, its text encoder trained along."""

    flow_shift = FLOW_SHIFT

    def __init__(self, config: TrainingConfig, codec: LinearVideoCodec) -> None:
        super().__init__(config)
        self._codec = codec
        self._tokenizer = word_tokenizer(words(), config.text_tokens)

    @property
    def codec(self) -> LinearVideoCodec:
        return self._codec

    def new_model(self, empty: bool = False) -> Trained:
        config = self._config
        transformer, text_encoder = new_transformer(config), tiny_text_encoder(len(self._tokenizer), config.text_dim)
        if config.warm_start:
            take_over_weights(config.warm_start, transformer, text_encoder)
        return Trained(config, transformer, text_encoder, self._tokenizer)

    def new_stream(self, bucket: Bucket, lane: int, drawn: int) -> ClipStream:
        return ClipStream(self._config, self._codec, bucket, lane, drawn)

    def texts_for(self, texts: list[str]) -> list[str]:
        return texts

    def parts(self, trained: Trained, step: int) -> TrainedParts:
        return TrainedParts(
            trained.merged_transformer().eval(), trained.text_encoder, self._tokenizer, self._codec.eval(), step
        )


class EncodedSource(Source):
    """Encoded clips for a model that begins as a model folder has it; codec and text encoder stay as they are.

    Args:
        device: Where the codec shows what the model makes: elsewhere it would take minutes a clip.
    """

    def __init__(self, config: TrainingConfig, device: torch.device) -> None:
        super().__init__(config)
        self._folder, self._data = model_folder(config.init), Path(config.data)
        self._settings = read_settings(self._folder)
        check_encoder(self._data, self._settings)
        tokens = read_json(self._folder / "tokenizer" / "tokenizer_config.json").get("model_max_length", LONGEST_TEXT)
        self._texts = EncodedTexts(self._data, min(int(tokens), LONGEST_TEXT))
        self.flow_shift = self._settings.flow_shift
        self._codec: LinearVideoCodec | AutoencoderKLWan | None = None
        self._device = device

    @property
    def codec(self) -> LinearVideoCodec | AutoencoderKLWan:
        if self._codec is None:
            self._codec = load_codec(self._folder, self._settings, self._device)
        return self._codec

    def new_model(self, empty: bool = False) -> Trained:
        if not empty:
            return Trained(self._config, load_transformer(self._folder, torch.float32).train())
        with init_empty_weights():
            transformer = VeraTransformer3DModel.from_config(read_json(self._folder / "transformer" / "config.json"))
        trained = Trained(self._config, transformer.train())
        for module in trained.modules():
            for name, parameter in module.named_parameters(recurse=False):
                if parameter.is_meta:  # accelerate knows weights by their addresses: on no device they would have none
                    place = nn.Parameter(torch.empty_like(parameter, device="cpu"), parameter.requires_grad)
                    module.register_parameter(name, place)
        return trained

    def new_stream(self, bucket: Bucket, lane: int, drawn: int) -> EncodedStream:
        lane, lanes = (0, 1) if lane == SAMPLES_LANE else (lane, self._config.lanes)
        return EncodedStream(self._data, bucket, self._config.seed, lane, lanes, drawn)

    def texts_for(self, texts: list[str]) -> Tensor:
        return self._texts.states(texts)

    def parts(self, trained: Trained, step: int) -> TrainedParts:
        return TrainedParts(trained.merged_transformer().eval(), None, None, None, step)


def begin(config: TrainingConfig, run_folder: Path, processes: Processes) -> tuple[Source, Trained]:
    """Where the clips come from, and the model before its first step."""
    source = (
        EncodedSource(config, processes.accelerator.device)
        if config.init
        else DrawnSource(config, _fitted_codec(config, run_folder / "codec", processes))
    )
    return source, source.new_model(processes.is_sent_weights)


def _fitted_codec(config: TrainingConfig, folder: Path, processes: Processes) -> LinearVideoCodec:
    codec: LinearVideoCodec
    if processes.rank == 0 and not folder.exists():
        partial = folder.with_suffix(".partial")
        if config.warm_start:
            codec = codec_of(config.warm_start)
        else:
            # Clips for the codec come from seeds that no training clip has.
            codec = fit_components(
                config.z_dim, config.seam_filter_width, clip_count=config.codec_clips, seed=10_000_000 + config.seed
            )
        codec.save_pretrained(partial)
        partial.rename(folder)
    processes.accelerator.wait_for_everyone()
    codec = LinearVideoCodec.from_pretrained(folder)
    for name in ("z_dim", "seam_filter_width"):
        if codec.config[name] != getattr(config, name):
            raise mismatch(folder, f"its {name} is {codec.config[name]}, not {getattr(config, name)}")
    codec.requires_grad_(False)
    return codec


def _stream_name(config: TrainingConfig, bucket: Bucket, lane: int) -> str:
    """What a stream's state is kept under: the size, numbered where several buckets are of one size, and the lane."""
    sizes: dict[Bucket, str] = {}
    for each in (each for stage in config.stages for each in stage.buckets):
        if each not in sizes:
            earlier = sum(str(other) == str(each) for other in sizes)
            sizes[each] = f"{each}-{earlier + 1}" if earlier else str(each)
    return f"{sizes[bucket]}/{lane}"
