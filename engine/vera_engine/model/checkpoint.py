"""What lies in somebody's checkpoint folder: which weights are which component's, by which key table, how configured.

Two forms are known: diffusers' (a folder for each component, each with its config.json), and Wan2.1's own (weights at
the top, the tokenizer in google/umt5-xxl). What one folder lacks may come from another.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import init_empty_weights
from diffusers import AutoencoderKLWan
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from torch import nn
from transformers import UMT5Config, UMT5EncoderModel

from vera_engine.errors import FailedPrecondition
from vera_engine.model.key_names import listed
from vera_engine.model.key_tables import KeyTable, Placement, built_in_tables
from vera_engine.model.pickles import WeightsArePickled, pickles_in
from vera_engine.model.settings import ModelFolderMissing
from vera_engine.model.transformer import BRANCHES, VeraTransformer3DModel
from vera_engine.model.weight_files import StoredTensor, component_tensors, read_json, stored_tensors, weight_sets
from vera_engine.model.weights import WeightsNotPlaced, check_placement, empty_text_encoder, places_of

TOKENIZER_FOLDERS = ("tokenizer", "google/umt5-xxl")
"""diffusers' and Wan2.1's own place for it."""
WAN_HEAD_DIM = 128
"""Of every Wan2.1; a checkpoint's shapes do not say it."""
IMAGE_KEYS = ("img_emb.", "image_embedder", "k_img", "add_k_proj")
"""In names of Wan's image-to-video transformers alone."""
CONVERTED = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"


class CheckpointNotTextToVideo(FailedPrecondition):
    """A Wan transformer of another kind than the one Vera starts from."""


@dataclass(frozen=True)
class Weights:
    """The weights of one component, each tensor with its place."""

    folder: Path
    """Where they lie."""
    tensors: Mapping[str, StoredTensor]
    """By the checkpoint's own names."""
    placement: Placement

    @property
    def is_as_it_should_be(self) -> bool:
        """Whether the folder is the engine's own form already: it can be copied as it is."""
        return (self.folder / "config.json").is_file() and all(
            name == place.source for name, place in self.placement.places.items()
        )


def find_weights(component: str, folders: Sequence[Path], tables: Sequence[KeyTable]) -> Weights:
    """The weights of a component in the first of the folders that has them.

    Args:
        component: One of key_tables' COMPONENTS.
        folders: The checkpoint, and what it may be filled up from.
        tables: The user's; one for this component is then the only one that is tried.

    Raises:
        ModelFolderMissing: No folder has them.
        WeightsArePickled: They are there as pickles only.
        WeightsCorrupt, WeightsIncomplete: A file cannot be read to its end.
        WeightsNotPlaced: Several sets of weights could be meant.
    """
    own = [table for table in tables if table.component == component]
    tried = own or built_in_tables(component)
    for folder in folders:
        if (folder / component).is_dir():
            tensors = component_tensors(folder / component)
            return Weights(folder / component, tensors, best_placement(tried, tensors))
        # A layout that nobody knows is still one set of weights; it is reported by what it has no place for.
        sets = [stored_tensors(weights) for weights in weight_sets(folder)]
        placed = [(tensors, best_placement(tried, tensors)) for tensors in sets]
        known = [(t, p) for t, p in placed if 2 * len(p.unplaced) < len(t) or (own and len(p.unplaced) < len(t))]
        if len(known) > 1:
            names = [weights.name.name for weights in weight_sets(folder)]
            raise WeightsNotPlaced(
                f"Several sets of weights could be the {component}: {listed(names)}.",
                argument="from",
                value=folder,
                remedy="Leave one of them in the folder.",
            )
        if known:
            return Weights(folder, *known[0])
    if component == "transformer":
        refuse_unused(folders[0], [])
    raise _missing(component, folders)


def refuse_unused(folder: Path, used: Sequence[Path]) -> None:
    """Refuse a folder with weights at its top that no component is made of: they would be left out without a word.

    Raises:
        WeightsNotPlaced: With their names.
    """
    for weights in weight_sets(folder):
        if not set(weights.files) & set(used):
            raise WeightsNotPlaced(
                f"No key table knows the names in {weights.name.name}: {listed(stored_tensors(weights))}.",
                argument="from",
                value=folder,
                remedy="Write a key table for this layout (docs/models.md) and give it with --table; or move the file"
                " elsewhere, if it has nothing to do with it.",
            )


def best_placement(tables: Sequence[KeyTable], tensors: Mapping[str, StoredTensor]) -> Placement:
    """What the table that knows most of the names makes of them; of equals the first."""
    placements = [table.place(tensors) for table in tables]
    return min(placements, key=lambda placement: len(placement.unplaced) + len(placement.twice))


def find_tokenizer(folders: Sequence[Path]) -> Path:
    """The tokenizer's folder.

    Raises:
        ModelFolderMissing: There is none.
    """
    for folder in folders:
        for name in TOKENIZER_FOLDERS:
            if (folder / name).is_dir():
                return folder / name
    raise _missing("tokenizer", folders)


def find_scheduler(folders: Sequence[Path]) -> Path | None:
    """The scheduler's folder; None where the folders are of Wan2.1's own form, which writes none down.

    Raises:
        ModelFolderMissing: A folder in diffusers' form lacks it.
    """
    for folder in folders:
        if (folder / "scheduler").is_dir():
            return folder / "scheduler"
    if any((folder / "transformer").is_dir() for folder in folders):
        raise _missing("scheduler", folders)
    return None


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


def check_weights(weights: Weights, model: nn.Module) -> None:
    """Refuse weights that do not fill a model.

    Raises:
        WeightsNotPlaced, WeightsShapeMismatch: As `check_placement`.
    """
    check_placement(weights.placement, weights.tensors, places_of(model), weights.folder)


def wan_name(name: str) -> str | None:
    """The name of a Vera tensor in the Wan its branch starts from; None: it is new."""
    prefixes = [f"branches.{branch}." for branch in BRANCHES]
    return next((name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix)), None)


def not_text_to_video(why: str, folder: Path) -> CheckpointNotTextToVideo:
    """The refusal of another kind of checkpoint."""
    return CheckpointNotTextToVideo(
        f"Vera starts from a Wan2.1 text-to-video transformer; {why}.",
        argument="from",
        value=folder,
        remedy="Use Wan2.1-T2V-1.3B or Wan2.1-T2V-14B.",
    )


def _missing(component: str, folders: Sequence[Path]) -> FailedPrecondition | ModelFolderMissing:
    """Why there is no such component, and the way out."""
    remedy = (
        f"Fetch the release in diffusers' form (`vera-edit fetch {CONVERTED}`) and convert that,"
        " or give its folder with --rest-from."
    )
    pickles = [name for folder in folders for name in pickles_in(folder)]
    if pickles:
        return WeightsArePickled(
            f"The checkpoint has no {component} in safetensors, but pickles ({listed(pickles)});"
            " reading one can run any code its maker put in it.",
            argument="from",
            value=folders[0],
            remedy=remedy,
        )
    return ModelFolderMissing(f"The checkpoint has no {component}.", argument="from", value=folders[0], remedy=remedy)
