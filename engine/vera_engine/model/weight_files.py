"""Safetensors on disk: which files belong together, what their headers say, and their numbers one tensor at a time.

Nothing here opens a pickle: reading one can run any code its maker put in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from vera_engine.model.checksums import WeightsCorrupt
from vera_engine.model.key_names import listed
from vera_engine.model.pickles import refuse_pickles
from vera_engine.model.settings import ModelFolderMissing

STANDARD_NAMES = ("diffusion_pytorch_model", "model")
"""What diffusers and transformers call weights."""
INDEX_SUFFIX = ".safetensors.index.json"
SAFETENSORS_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}
"""Number formats of weights, by their names in a safetensors header."""
HUB_FOLDER = ".cache"
"""Where a download keeps its notes, beside the files."""


class WeightsIncomplete(WeightsCorrupt):
    """A file of weights that was not copied or downloaded to its end, or is missing from its set."""


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies, and what its file's header says of it."""

    name: str
    file: Path
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def byte_count(self) -> int:
        """Its size in bytes."""
        return torch.Size(self.shape).numel() * self.dtype.itemsize


@dataclass(frozen=True)
class WeightSet:
    """Safetensors files that hold one component between them."""

    name: Path
    """The index, or the single file."""
    files: tuple[Path, ...]

    @property
    def stem(self) -> str:
        """What they are called, without the ending; of a variant, `diffusion_pytorch_model.fp16`."""
        return self.name.name.removesuffix(INDEX_SUFFIX).removesuffix(".safetensors")


def weight_sets(folder: Path) -> list[WeightSet]:
    """The sets of weights that lie in a folder itself, those with an index first.

    Raises:
        WeightsCorrupt: An index cannot be read, or leads elsewhere.
    """
    sets = []
    for index in sorted(folder.glob(f"*{INDEX_SUFFIX}")):
        weight_map = read_json(index).get("weight_map")
        if not isinstance(weight_map, dict) or any(str(name) != Path(str(name)).name for name in weight_map.values()):
            raise WeightsCorrupt("The index names no files, or files elsewhere.", argument="model", value=index)
        sets.append(WeightSet(index, tuple(folder / name for name in sorted(set(weight_map.values())))))
    indexed = {path for known in sets for path in known.files}
    sets += [WeightSet(path, (path,)) for path in sorted(folder.glob("*.safetensors")) if path not in indexed]
    return sets


def component_tensors(component: Path) -> dict[str, StoredTensor]:
    """What the headers of a component's weights say, by tensor name: those under the standard name, or the only ones.

    Raises:
        ModelFolderMissing: There are no weights, or several sets of which none has a standard name.
        WeightsArePickled: There are pickles only.
        WeightsCorrupt, WeightsIncomplete: A header or the index cannot be read, a file is missing or truncated.
    """
    refuse_pickles(component)
    sets = weight_sets(component)
    standard = [known for known in sets if known.stem in STANDARD_NAMES]
    if not standard and len(sets) != 1:
        raise ModelFolderMissing(
            f"There are several sets of weights here: {listed([known.name.name for known in sets])}."
            if sets
            else "There are no weights here.",
            argument="model",
            value=component,
            remedy=f"It should hold {STANDARD_NAMES[0]}.safetensors.",
        )
    return stored_tensors((standard or sets)[0])


def stored_tensors(weights: WeightSet) -> dict[str, StoredTensor]:
    """What the headers of a set's files say, by tensor name, in the files' order.

    Raises:
        WeightsCorrupt: A header cannot be read, or is of a number format that is no weights'.
        WeightsIncomplete: A file is missing, or shorter than its header says.
    """
    missing = [path.name for path in weights.files if not path.is_file()]
    if missing:
        raise WeightsIncomplete(
            f"Files of this set are missing: {listed(missing)}.",
            argument="model",
            value=weights.name,
            remedy=_again(weights.name.parent),
        )
    tensors: dict[str, StoredTensor] = {}
    for path in weights.files:
        try:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - a safetensors file is no dict
                    view = file.get_slice(name)
                    dtype = SAFETENSORS_DTYPES.get(view.get_dtype())
                    if dtype is None:
                        raise WeightsCorrupt(
                            f"{name} is of number format {view.get_dtype()}, which is not one of weights here.",
                            argument="model",
                            value=path,
                            remedy=f"Use a release in one of {', '.join(SAFETENSORS_DTYPES)}.",
                        )
                    tensors[name] = StoredTensor(name, path, tuple(view.get_shape()), dtype)
        except (SafetensorError, OSError) as error:
            raise _unreadable(path, error) from error
    return tensors


def tensors_in_turn(wanted: Iterable[StoredTensor]) -> Iterator[torch.Tensor]:
    """The numbers of tensors, one after the other, each in memory of its own.

    Read, not mapped: pages of a mapped file count as the process's memory until the whole file is let go.
    """
    opened: Path | None = None
    file: Any = None
    for stored in wanted:
        if stored.file != opened:
            opened, file = stored.file, safe_open(stored.file, framework="pt", backend="pread")
        yield file.get_tensor(stored.name)


def write_shards(component: Path, name: str, tensors: Iterable[tuple[str, torch.Tensor]], sizes: list[int]) -> None:
    """Write named tensors into one file, or into several with an index, as they come.

    Args:
        component: The folder; made where it is not there.
        name: What the files are called.
        tensors: Names and numbers; no more of them than one file's are in memory at a time.
        sizes: How many tensors go into each file.
    """
    component.mkdir(parents=True, exist_ok=True)
    coming = iter(tensors)
    weight_map: dict[str, str] = {}
    total_size = 0
    for number, count in enumerate(sizes, start=1):
        suffix = f"-{number:05d}-of-{len(sizes):05d}" if len(sizes) > 1 else ""
        shard = dict(next(coming) for _ in range(count))
        path = component / f"{name}{suffix}.safetensors"
        save_file(shard, path, metadata={"format": "pt"})
        path.chmod(0o644)  # safetensors leaves them to their owner alone; folders say who may come in
        weight_map |= dict.fromkeys(shard, path.name)
        total_size += sum(tensor.nbytes for tensor in shard.values())
        del shard  # before the next one is read
    if len(sizes) > 1:
        index = {"metadata": {"total_size": total_size}, "weight_map": weight_map}
        (component / f"{name}{INDEX_SUFFIX}").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def shard_sizes(byte_counts: Iterable[int], shard_bytes: int) -> list[int]:
    """How many tensors, in order, go into each file of at most `shard_bytes`; a larger tensor gets one of its own."""
    sizes: list[int] = []
    filled = 0
    for byte_count in byte_counts:
        if not sizes or filled + byte_count > shard_bytes:
            sizes.append(0)
            filled = 0
        sizes[-1] += 1
        filled += byte_count
    return sizes


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a model folder.

    Raises:
        ModelFolderMissing: There is no such file.
        WeightsCorrupt: It is not a JSON object.
    """
    if not path.is_file():
        raise ModelFolderMissing(
            f"There is no {path.name} here.",
            argument="model",
            value=path.parent,
            remedy="Name a whole model folder in diffusers' form.",
        )
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsCorrupt(f"The file is not JSON: {error}.", argument="model", value=path) from error
    if not isinstance(stored, dict):
        raise WeightsCorrupt("The file holds no JSON object.", argument="model", value=path)
    return stored


def _unreadable(path: Path, error: Exception) -> WeightsCorrupt:
    """Why a file that should be safetensors is none."""
    with path.open("rb") as file:
        begin = file.read(8)
        header = file.read(min(int.from_bytes(begin, "little"), 2**27)) if len(begin) == 8 else b""
    if begin.startswith(b"version "):
        return WeightsIncomplete(
            "This is a pointer that git-lfs leaves, not the weights.",
            argument="model",
            value=path,
            remedy="Run `git lfs pull` in that folder, or fetch it with `vera-edit fetch`.",
        )
    try:
        ends = [tensor["data_offsets"][1] for name, tensor in json.loads(header).items() if name != "__metadata__"]
        said = len(begin) + len(header) + max(ends, default=0)
    except (ValueError, TypeError, KeyError, AttributeError):
        said = 0
    if said > path.stat().st_size:
        return WeightsIncomplete(
            f"The weights file cannot be read: it has {path.stat().st_size:,} of its {said:,} bytes.",
            argument="model",
            value=path,
            remedy=_again(path.parent),
        )
    return WeightsCorrupt(
        f"The weights file cannot be read: {error}.", argument="model", value=path, remedy="Copy it again."
    )


def _again(folder: Path) -> str:
    """What to do about a file that is not whole: go on with the download that was broken off, where one was."""
    for place in (folder, *folder.parents[:2]):
        if any((place / HUB_FOLDER).rglob("*.incomplete")):
            return "Its download was broken off: run `vera-edit fetch` into the same folder again, it goes on there."
    return "Copy or fetch it again."
