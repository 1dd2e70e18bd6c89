"""What a training step costs, against what its FLOPs predict from three plain Wan2.1 transformers.

    python -m benchmarks.training_speed [--threads 2] [--repeats 15]

At each size the same step (forward, loss, backward) is timed in turns: of Vera, and of three `WanTransformer3DModel`s
of its size, one after the other, each on its own tokens. Vera attends jointly, which is more work: torch's own counter
says how much more. The ratio is (Wans' time x FLOPs of Vera / FLOPs of the Wans) / Vera's time: 1 is as fast as the
work allows, where these are.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from diffusers import WanTransformer3DModel
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from vera_engine.model.transformer import BRANCHES, VeraTransformer3DModel

_SMALL = {"heads": 4, "head": 64, "ffn": 512, "layers": 4, "channels": 24}
SIZES = {
    "small model, 5 frames of 288x192": (_SMALL, (2, 24, 36)),
    "small model, 17 frames of 192x128": (_SMALL, (5, 16, 24)),
    "small model, 17 frames of 288x192": (_SMALL, (5, 24, 36)),
    "Wan's proportions, 17 frames of 192x128": (
        {"heads": 4, "head": 128, "ffn": 2986, "layers": 4, "channels": 16},
        (5, 16, 24),
    ),
}
"""Heads, their width, feed-forward, layers, latent channels; latents in time, height and width."""
BATCH = 2
TEXT_TOKENS, TEXT_DIM = 16, 96


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print("| size | tokens a branch | FLOPs, Vera / three Wans | time, Vera / three Wans | predicted / measured |")
    print("|---|---|---|---|---|")
    for name, (shape, latents) in SIZES.items():
        print(measure(name, shape, latents, arguments.repeats), flush=True)


def measure(name: str, shape: dict[str, int], latents: tuple[int, int, int], repeats: int) -> str:
    """A row of the table."""
    torch.manual_seed(0)
    vera, wans = (
        VeraTransformer3DModel(**configuration(shape)),
        [WanTransformer3DModel(**configuration(shape)) for _ in BRANCHES],
    )
    layers = [torch.randn(BATCH, shape["channels"], *latents) for _ in BRANCHES]
    text, timestep = torch.randn(BATCH, TEXT_TOKENS, TEXT_DIM), torch.full((BATCH,), 500.0)

    def step_of_vera() -> None:
        predicted = vera(*layers, timestep, text, source_latents=layers[0], mask_latents=layers[1])
        backward([predicted.edit, predicted.alpha, predicted.composite])

    def step_of_wans() -> None:
        backward([wan(layer, timestep, text).sample for wan, layer in zip(wans, layers, strict=True)])

    work = {step: flops(step) for step in (step_of_vera, step_of_wans)}
    seconds: dict[Callable[[], None], list[float]] = {step: [] for step in work}
    for _ in range(repeats):
        for step, taken in seconds.items():
            began = time.perf_counter()
            step()
            taken.append(time.perf_counter() - began)
    times = {step: median(taken) for step, taken in seconds.items()}
    more_work, more_time = work[step_of_vera] / work[step_of_wans], times[step_of_vera] / times[step_of_wans]
    tokens = latents[0] * latents[1] * latents[2] // 4
    return f"| {name} | {tokens} | {more_work:.2f} | {more_time:.2f} | {more_work / more_time:.2f} |"


def configuration(shape: dict[str, int]) -> dict[str, int]:
    """As both transformers take it."""
    return {
        "num_attention_heads": shape["heads"],
        "attention_head_dim": shape["head"],
        "ffn_dim": shape["ffn"],
        "num_layers": shape["layers"],
        "in_channels": shape["channels"],
        "out_channels": shape["channels"],
        "text_dim": TEXT_DIM,
        "freq_dim": 128,
        "rope_max_seq_len": 256,
    }


def backward(predictions: list[Tensor]) -> None:
    """A loss like that of training, and its gradients."""
    loss = torch.stack([prediction.square().mean() for prediction in predictions]).sum()
    loss.backward()


def flops(step: Callable[[], None]) -> int:
    """Of one step, by torch's counter; attention as matrix products, for others a CPU has the counter does not know."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        step()
    return int(counter.get_total_flops())


if __name__ == "__main__":
    main()
