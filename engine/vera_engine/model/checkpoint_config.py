"""What configuration the weights in a checkpoint are of: said by its folder, or read off their shapes."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelerate import init_empty_weights
from diffusers import AutoencoderKLWan
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from transformers import UMT5Config, UMT5EncoderModel

from vera_engine.errors import FailedPrecondition
from vera_engine.model.checkpoint import Weights
from vera_engine.model.key_names import listed
from vera_engine.model.transformer import VeraTransformer3DModel
from vera_engine.model.weight_files import read_json
from vera_engine.model.weights import check_placement, empty_text_encoder

WAN_HEAD_DIM = 128
"""Of every Wan2.1; a checkpoint's shapes do not say it."""
IMAGE_KEYS = ("img_emb.", "image_embedder", "k_img", "add_k_proj")
"""In names of Wan's image-to-video transformers alone."""


class CheckpointNotTextToVideo(FailedPrecondition):
    """A Wan transformer of another kind than the one Vera starts from."""


def transformer_config(weights: Weights) -> tuple[dict[str, Any], bool]:
    """The configuration of Vera's transformer that weights are for, and whether they are a Vera's already, not a Wan's.

    It is the folder's where that says it in diffusers' words, else read off the weights' shapes.

    Raises:
        CheckpointNotTextToVideo: It is not a Wan2.1 text-to-video transformer, or a Vera made of such.
        ModelFolderMissing, WeightsCorrupt: A component folder without a usable config.json.
        WeightsNotPlaced: The shapes say no configuration.
    """
    image_keys = [name for name in weights.tensors if any(key in name for key in IMAGE_KEYS)]
    if image_keys:
        raise not_text_to_video(f"it has {listed(image_keys, most=2)}", weights.folder)
    is_vera = any(name.startswith("branches.") for name in weights.placement.places)
    said: dict[str, Any] = {}
    if weights.folder.name == "transformer" or (weights.folder / "config.json").is_file():
        said = read_json(weights.folder / "config.json")
    kind = said.get("_class_name")
    if kind in ("WanModel", None) or (is_vera and kind != VeraTransformer3DModel.__name__):
        if said.get("model_type", "t2v") != "t2v":
            raise not_text_to_video(f"it says that it is {said['model_type']}", weights.folder)
        return config_of_shapes(weights, "branches.edit." if is_vera else "", said.get("num_heads")), is_vera
    known = inspect.signature(VeraTransformer3DModel.__init__).parameters
    settings = {k: v for k, v in said.items() if not k.startswith("_") and (k in known or v is not None)}
    # Image-to-video checkpoints have image_dim, added_kv_proj_dim, and more channels in than out.
    foreign = sorted(settings.keys() - known)
    classes = (WanTransformer3DModel.__name__, VeraTransformer3DModel.__name__)
    if kind not in classes or foreign or settings.get("in_channels") != settings.get("out_channels"):
        channels = f"{settings.get('in_channels')} channels in, {settings.get('out_channels')} out"
        raise not_text_to_video(f"this is a {kind} of {', '.join([channels, *foreign])}", weights.folder)
    return settings, is_vera


def config_of_shapes(weights: Weights, prefix: str, num_heads: int | None) -> dict[str, Any]:
    """A Wan transformer's configuration, read off the shapes of its weights.

    Args:
        weights: Placed under the engine's names.
        prefix: Before the names of a Wan: "", or a branch's.
        num_heads: Where the checkpoint says it; None: of Wan2.1's size.

    Raises:
        WeightsNotPlaced: A tensor that says something is not there.
        CheckpointNotTextToVideo: More channels go in than come out.
    """

    def shape(name: str) -> tuple[int, ...]:
        place = weights.placement.places.get(prefix + name)
        if place is None:
            check_placement(weights.placement, weights.tensors, {prefix + name: ()}, weights.folder)
        assert place is not None
        return weights.tensors[place.source].shape

    dim, in_channels, *patch_size = shape("patch_embedding.weight")
    out_channels = shape("proj_out.weight")[0] // math.prod(patch_size)
    if in_channels != out_channels:
        raise not_text_to_video(f"{in_channels} channels go in, {out_channels} come out", weights.folder)
    layers = {
        int(name.removeprefix(prefix).split(".")[1])
        for name in weights.placement.places
        if name.startswith(f"{prefix}blocks.")
    }
    heads = num_heads or dim // WAN_HEAD_DIM
    return {
        "patch_size": patch_size,
        "num_attention_heads": heads,
        "attention_head_dim": dim // max(1, heads),
        "in_channels": in_channels,
        "out_channels": out_channels,
        "text_dim": shape("condition_embedder.text_embedder.linear_1.weight")[1],
        "freq_dim": shape("condition_embedder.time_embedder.linear_1.weight")[1],
        "ffn_dim": shape("blocks.0.ffn.net.0.proj.weight")[0],
        "num_layers": max(layers) + 1,
        "cross_attn_norm": f"{prefix}blocks.0.norm2.weight" in weights.placement.places,
    }


def vae_model(weights: Weights) -> AutoencoderKLWan:
    """The empty video autoencoder that weights are for: the folder's, or Wan2.1's where it says nothing."""
    said = read_json(weights.folder / "config.json") if weights.folder.name == "vae" else {}
    with init_empty_weights():
        return AutoencoderKLWan.from_config(said) if said.get("_class_name") else AutoencoderKLWan()


def text_encoder_model(weights: Weights) -> UMT5EncoderModel:
    """The empty text encoder that weights are for: the folder's, or the UMT5 of these shapes where it says nothing."""
    if weights.folder.name == "text_encoder":
        return empty_text_encoder(weights.folder)
    shapes = {target: weights.tensors[place.source].shape for target, place in weights.placement.places.items()}
    attention = "encoder.block.0.layer.0.SelfAttention"
    lacking = [n for n in ("shared.weight", f"{attention}.q.weight") if n not in shapes]
    if lacking:
        check_placement(weights.placement, weights.tensors, dict.fromkeys(lacking, ()), weights.folder)
    buckets, heads = shapes[f"{attention}.relative_attention_bias.weight"]
    vocabulary, d_model = shapes["shared.weight"]
    config = UMT5Config(
        vocab_size=vocabulary,
        d_model=d_model,
        d_kv=shapes[f"{attention}.q.weight"][0] // heads,
        d_ff=shapes["encoder.block.0.layer.1.DenseReluDense.wi_0.weight"][0],
        num_layers=sum(name.endswith("SelfAttention.q.weight") for name in shapes),
        num_heads=heads,
        relative_attention_num_buckets=buckets,
        is_encoder_decoder=False,
        architectures=["UMT5EncoderModel"],
    )
    with init_empty_weights():
        return UMT5EncoderModel(config)


MODELS: dict[str, Callable[[Weights], ModelMixin | UMT5EncoderModel]] = {
    "vae": vae_model,
    "text_encoder": text_encoder_model,
}
"""How the components beside the transformer are made from what was found."""


def not_text_to_video(why: str, folder: Path) -> CheckpointNotTextToVideo:
    """The refusal of another kind of checkpoint."""
    return CheckpointNotTextToVideo(
        f"Vera starts from a Wan2.1 text-to-video transformer; {why}.",
        argument="from",
        value=folder,
        remedy="Use Wan2.1-T2V-1.3B or Wan2.1-T2V-14B.",
    )
