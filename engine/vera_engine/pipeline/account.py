"""What a computation takes, counted without computing it: memory that lives at once, and floating-point operations.

Modules and inputs lie on torch's meta device, where tensors have shapes and no numbers. Everything that is made while
an account is open is counted for as long as something holds it, as an allocator would.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

_aten = torch.ops.aten


class Account:
    """A context in which all that torch makes on the meta device is counted.

    Args:
        device_type: What the computation is to run on, `cpu`, `cuda` or `mps`: it says what convolutions take beside
            what they give.

    Attributes:
        now: Bytes that are alive of what was made inside.
        peak: The most that was alive at once.
        operations: Floating-point operations so far: two for a multiplication and an addition, as
            `torch.utils.flop_counter` counts them.
    """

    def __init__(self, device_type: str) -> None:
        self.now = 0
        self.peak = 0
        self.operations = 0
        self.convolution_scratch = device_type == "cpu"
        self._live: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __enter__(self) -> Self:
        self._modes = ExitStack()
        self._modes.enter_context(_FusedAttention())
        self._modes.enter_context(_Ledger(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._modes.close()

    def hold(self, tensor: Tensor) -> None:
        """Counts a tensor's memory from now on until nothing holds it, once however many views it has."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._live:
            return
        size = storage.nbytes()

        def let_go(_: object) -> None:
            del self._live[key]
            self.now -= size

        self._live[key] = weakref.ref(storage, let_go)
        self.now += size
        self.peak = max(self.peak, self.now)

    def spend(self, scratch: int) -> None:
        """Counts memory that an operation takes while it runs, and gives back."""
        self.peak = max(self.peak, self.now + scratch)


class _Ledger(TorchDispatchMode):
    """Enters into an account what each operation gives."""

    def __init__(self, account: Account) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._account = account

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if not _makes_new(func):  # a view of what is there, or the very tensor
            return func(*args, **given)
        key = (func, _described(args), _described(given))
        account = self._account
        known = _RESULTS.get(key)
        if known is None:
            out = func(*args, **given)
            if not any(isinstance(value, Tensor) and value.is_meta for value in _all_of(out)):
                return out  # numbers for a schedule and the like, computed in earnest
            formula = flop_registry.get(func.overloadpacket)
            operations = 0 if formula is None else formula(*args, **given, out_val=out)
            _RESULTS[key] = (_described(out), operations)
        else:
            described, operations = known
            out = _made(described)
        account.operations += operations
        for value in _all_of(out):
            if isinstance(value, Tensor):
                account.hold(value)
        if account.convolution_scratch and func is _aten.convolution.default:
            account.spend(_convolution_scratch(args[0], args[1], out))
        return out


_RESULTS: dict[Any, tuple[Any, int]] = {}
"""What operations gave, and how many floating-point operations they were, by what they were given.

Layers and chunks are alike, and torch takes some 0.3 ms to work out what an operation on the meta device gives."""


def _convolution_scratch(given: Tensor, weight: Tensor, out: Tensor) -> int:
    """Bytes that a convolution on the CPU takes while it runs, as measured.

    Small ones are matrix products, of a copy of the input for every element of the kernel; the others are oneDNN's, who
    works on an input and an output in an order of its own, of which the larger counts.
    """
    if given.shape[0] == 1 and given.shape[:4].numel() <= _SMALL_CONVOLUTION:
        return given.itemsize * weight[0].numel() * out[0, 0].numel()
    return max(given.nbytes, out.nbytes)


_SMALL_CONVOLUTION = 20480
"""Up to which product of its input's first four sides torch does not trouble oneDNN with a convolution of one clip."""


@functools.cache
def _makes_new(func: Any) -> bool:
    """Whether what an operation gives is memory of its own."""
    schema = func._schema
    views = func is _aten._unsafe_view.default or any(returned.alias_info is not None for returned in schema.returns)
    return not views and not schema.is_mutable


@dataclass(frozen=True)
class _Described:
    """All that the meta device knows of a tensor."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device


def _described(value: Any) -> Any:
    """Values with their tensors described, such that equal ones give equal results; lists as tuples."""
    if isinstance(value, Tensor):
        return _Described(tuple(value.shape), value.stride(), value.dtype, value.device)
    if isinstance(value, (tuple, list)):
        return tuple([_described(one) for one in value])
    if isinstance(value, dict):
        return tuple([(name, _described(one)) for name, one in value.items()])
    return (type(value), value)  # 1, 1.0 and True are equal, and give different tensors


def _all_of(out: Any) -> Sequence[Any]:
    """What an operation gave, be it one tensor or several."""
    return out if isinstance(out, (tuple, list)) else (out,)


def _made(described: Any) -> Any:
    """The inverse of `_described`, for results."""
    if isinstance(described, _Described):
        return torch.empty_strided(described.shape, described.stride, dtype=described.dtype, device=described.device)
    if described and isinstance(described[0], type):
        return described[1]
    return tuple([_made(one) for one in described])


class _FusedAttention(TorchFunctionMode):
    """Attention as every device computes it, in one kernel: on the meta device torch takes it apart.

    There would be a matrix of tokens by tokens, which none of the fused kernels ever makes.
    """

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is torch.nn.functional.scaled_dot_product_attention:
            return _fused_attention(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _fused_attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
    """The shape of attention's result; masks and scales change nothing of it."""
    attended: Tensor = _aten._scaled_dot_product_flash_attention(query, key, value)[0]
    return attended
