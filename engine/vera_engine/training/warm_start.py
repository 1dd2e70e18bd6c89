"""A run that begins with a model's weights."""

from __future__ import annotations

from torch import nn
from transformers import UMT5EncoderModel

from vera_engine.errors import FailedPrecondition
from vera_engine.model.codec import LinearVideoCodec
from vera_engine.model.transformer import VeraTransformer3DModel
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.training.vocabulary import words

_NEW_PARTS = ("first_latent_marks.",)
"""Parts that a model may lack: they are zero at first and change nothing."""


class WarmStartRefused(FailedPrecondition):
    """A model whose weights do not fit the one to be trained."""


def codec_of(model: str) -> LinearVideoCodec:
    """The codec of a model given by name or folder.

    Raises:
        WarmStartRefused: It has another kind of codec.
    """
    vae = _loaded(model).vae
    if not isinstance(vae, LinearVideoCodec):
        raise _refused(model, f"its codec is {type(vae).__name__}, not LinearVideoCodec")
    codec: LinearVideoCodec = vae
    return codec


def take_over_weights(model: str, transformer: VeraTransformer3DModel, text_encoder: UMT5EncoderModel) -> None:
    """Copies the weights of a model given by name or folder; `transformer` may have parts that it lacks.

    Raises:
        WarmStartRefused: It has other sizes or another vocabulary.
    """
    pipeline = _loaded(model)
    if pipeline.settings is None or tuple(pipeline.settings.vocabulary) != words():
        raise _refused(model, "its vocabulary is another")
    parts: tuple[tuple[nn.Module, nn.Module], ...] = (
        (transformer, pipeline.transformer),
        (text_encoder, pipeline.text_encoder),
    )
    for part, given in parts:
        weights = {name: tensor.float() for name, tensor in given.state_dict().items()}
        try:
            missing, unexpected = part.load_state_dict(weights, strict=False)
        except RuntimeError as error:
            raise _refused(model, str(error)) from error
        lacking = [name for name in missing if not name.startswith(_NEW_PARTS)]
        if lacking or unexpected:
            raise _refused(model, f"weights differ: {[*lacking, *unexpected][:3]}")


def _loaded(model: str) -> VeraPipeline:
    return load_pipeline(model, "cpu")


def _refused(model: str, difference: str) -> WarmStartRefused:
    return WarmStartRefused(
        f"The run cannot begin with this model: {difference}.",
        argument="warm_start",
        value=model,
        remedy="Name a model of the same sizes and words, or leave warm_start out.",
    )
