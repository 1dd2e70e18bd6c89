"""Layers of the transformer that wait in the computer's memory and come to the card for their turns.

diffusers' group offloading moves a block's weights when the block is called. Ours are not: a `JointBlock` runs the
parts of three of them, so that its three blocks are one group, which moves when the joint block is called. While a
layer computes, the next one's weights are on their way, in a stream of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from diffusers.hooks import HookRegistry, ModelHook
from diffusers.hooks.group_offloading import ModuleGroup
from diffusers.models.transformers.transformer_wan import WanTransformerBlock
from torch import Tensor, nn

from vera_engine.model.transformer import BRANCHES, VeraTransformer3DModel

_HOOK = "vera_layer_turns"
_ONCE_A_TAKE = ("to_k", "to_v", "norm_k")
"""Parts of cross-attention that make the prompt's keys and values."""


def take_turns(transformer: VeraTransformer3DModel, device: torch.device) -> None:
    """Has the layers of a transformer in the computer's memory come to a device in turn; all else of it moves there.

    Two layers at most are on the device at a time. Nothing computed changes by it.

    Args:
        transformer: On the CPU. Its layers' weights are copied to pinned memory, one layer after the other.
        device: Where it computes.
    """
    stream = torch.cuda.Stream(device) if device.type == "cuda" else None
    away = {
        id(tensor)
        for index in range(len(transformer.blocks))
        for tensor in (*layer_parts(transformer, index), *_once_a_take(transformer, index))
    }
    for tensor in (*transformer.parameters(), *transformer.buffers()):
        if id(tensor) not in away:
            tensor.data = tensor.data.to(device)
    groups = [_Group(layer_parts(transformer, index), device, stream) for index in range(len(transformer.blocks))]
    for index, block in enumerate(transformer.blocks):
        _hook(block, _Turn(groups, index))
    for module in text_parts(transformer):
        _hook(module, _Turn([_Group([*module.parameters()], device, stream)], 0))


def layer_parts(transformer: VeraTransformer3DModel, index: int) -> list[Tensor]:
    """The weights of all branches that a layer uses in a step: all but those for the prompt."""
    once = {id(tensor) for tensor in _once_a_take(transformer, index)}
    return [tensor for block in _blocks(transformer)[index] for tensor in block.parameters() if id(tensor) not in once]


def text_parts(transformer: VeraTransformer3DModel) -> Iterator[nn.Module]:
    """The modules of all layers that make the prompt's keys and values, once a take and outside the layers' turns."""
    for index in range(len(transformer.blocks)):
        yield from _text_parts(transformer, index)


def _once_a_take(transformer: VeraTransformer3DModel, index: int) -> list[Tensor]:
    return [tensor for module in _text_parts(transformer, index) for tensor in module.parameters()]


def _text_parts(transformer: VeraTransformer3DModel, index: int) -> Iterator[nn.Module]:
    for block in _blocks(transformer)[index]:
        for part in _ONCE_A_TAKE:
            module = getattr(block.attn2, part)
            if [*module.parameters()]:  # a norm may have none
                yield module


def _blocks(transformer: VeraTransformer3DModel) -> list[tuple[WanTransformerBlock, ...]]:
    """The branches' blocks, layer by layer."""
    branches: dict[str, Any] = dict(transformer.branches.items())
    return list(zip(*(branches[name].blocks for name in BRANCHES), strict=True))


class _Group:
    """Weights that come and go together; away at first."""

    def __init__(self, parameters: Sequence[Tensor], device: torch.device, stream: torch.cuda.Stream | None) -> None:
        nowhere = nn.Module()  # diffusers asks for leaders, by which hooks of its own would know when to move
        self._group = ModuleGroup(
            modules=[],
            offload_device=torch.device("cpu"),
            onload_device=device,
            offload_leader=nowhere,
            onload_leader=nowhere,
            parameters=[*parameters],
            stream=stream,
        )
        self._stream = stream
        self._here = True
        self.leave()

    def come(self) -> None:
        """Begins to bring them, unless they are here or on their way. Waits for what came before them."""
        if not self._here:
            self._group.onload_()
            self._here = True

    def arrive(self) -> None:
        """Waits until they are here."""
        self.come()
        if self._stream is not None:
            self._stream.synchronize()

    def leave(self) -> None:
        """Lets their memory on the device go, once what was begun there is done."""
        if self._here:
            self._group.offload_()
            self._here = False


class _Turn(ModelHook):  # type: ignore[misc]
    """Brings a group for its turn and the next one behind it.

    Without a stream that can bring one while the other computes, the next one is left where it is.
    """

    _is_stateful = False

    def __init__(self, groups: Sequence[_Group], index: int) -> None:
        super().__init__()
        self._groups = groups
        self._index = index

    def pre_forward(self, module: nn.Module, *args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        mine = self._groups[self._index]
        following = self._groups[self._index + 1] if self._index + 1 < len(self._groups) else None
        for other in self._groups:  # brought for a turn that a step cache then passed over
            if other is not mine and other is not following:
                other.leave()
        mine.arrive()
        if following is not None:
            following.come()
        return args, kwargs

    def post_forward(self, module: nn.Module, output: Any) -> Any:
        self._groups[self._index].leave()
        return output


def _hook(module: nn.Module, hook: ModelHook) -> None:
    HookRegistry.check_if_exists_or_initialize(module).register_hook(hook, _HOOK)
