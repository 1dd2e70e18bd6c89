"""Names and shapes of Wan2.1's own checkpoints, written down from its modules: transformer, codec, UMT5."""

from __future__ import annotations

Shapes = dict[str, tuple[int, ...]]


def linear(name: str, out: int, into: int, *, bias: bool = True) -> Shapes:
    return {f"{name}.weight": (out, into)} | ({f"{name}.bias": (out,)} if bias else {})


def transformer(
    dim: int, ffn_dim: int, layers: int, *, channels: int = 16, text_dim: int = 4096, freq_dim: int = 256
) -> Shapes:
    shapes: Shapes = {"patch_embedding.weight": (dim, channels, 1, 2, 2), "patch_embedding.bias": (dim,)}
    shapes |= linear("text_embedding.0", dim, text_dim) | linear("text_embedding.2", dim, dim)
    shapes |= linear("time_embedding.0", dim, freq_dim) | linear("time_embedding.2", dim, dim)
    shapes |= linear("time_projection.1", 6 * dim, dim)
    for layer in range(layers):
        block = f"blocks.{layer}"
        for attention in ("self_attn", "cross_attn"):
            for projection in "qkvo":
                shapes |= linear(f"{block}.{attention}.{projection}", dim, dim)
            shapes |= {f"{block}.{attention}.norm_{of}.weight": (dim,) for of in "qk"}
        shapes |= {f"{block}.norm3.weight": (dim,), f"{block}.norm3.bias": (dim,)}
        shapes |= linear(f"{block}.ffn.0", ffn_dim, dim) | linear(f"{block}.ffn.2", dim, ffn_dim)
        shapes[f"{block}.modulation"] = (1, 6, dim)
    return shapes | {"head.modulation": (1, 2, dim)} | linear("head.head", 4 * channels, dim)


def convolution(name: str, out: int, into: int, *kernel: int) -> Shapes:
    return {f"{name}.weight": (out, into, *kernel), f"{name}.bias": (out,)}


def residual(name: str, into: int, out: int) -> Shapes:
    shapes: Shapes = {f"{name}.residual.0.gamma": (into, 1, 1, 1), f"{name}.residual.3.gamma": (out, 1, 1, 1)}
    shapes |= convolution(f"{name}.residual.2", out, into, 3, 3, 3) | convolution(
        f"{name}.residual.6", out, out, 3, 3, 3
    )
    return shapes | (convolution(f"{name}.shortcut", out, into, 1, 1, 1) if into != out else {})


def middle(name: str, dim: int) -> Shapes:
    attention = convolution(f"{name}.1.to_qkv", 3 * dim, dim, 1, 1) | convolution(f"{name}.1.proj", dim, dim, 1, 1)
    return (
        residual(f"{name}.0", dim, dim)
        | {f"{name}.1.norm.gamma": (dim, 1, 1)}
        | attention
        | residual(f"{name}.2", dim, dim)
    )


def autoencoder() -> Shapes:
    """Base 96, 16 channels of latents; stages of 96, 192, 384, 384."""
    shapes = convolution("conv1", 32, 32, 1, 1, 1) | convolution("conv2", 16, 16, 1, 1, 1)
    shapes |= convolution("encoder.conv1", 96, 3, 3, 3, 3) | convolution("decoder.conv1", 384, 16, 3, 3, 3)
    position, into = 0, 96
    for stage, out in enumerate((96, 192, 384, 384)):
        for _ in range(2):
            shapes |= residual(f"encoder.downsamples.{position}", into, out)
            position, into = position + 1, out
        if stage < 3:
            shapes |= convolution(f"encoder.downsamples.{position}.resample.1", out, out, 3, 3)
            if stage > 0:
                shapes |= convolution(f"encoder.downsamples.{position}.time_conv", out, out, 3, 1, 1)
            position += 1
    position = 0
    for stage, (first, out) in enumerate(((384, 384), (192, 384), (192, 192), (96, 96))):
        for block in range(3):
            shapes |= residual(f"decoder.upsamples.{position}", first if block == 0 else out, out)
            position += 1
        if stage < 3:
            shapes |= convolution(f"decoder.upsamples.{position}.resample.1", out // 2, out, 3, 3)
            if stage < 2:
                shapes |= convolution(f"decoder.upsamples.{position}.time_conv", 2 * out, out, 3, 1, 1)
            position += 1
    for half, dim, channels in (("encoder", 384, 32), ("decoder", 96, 3)):
        shapes |= middle(f"{half}.middle", 384)
        shapes |= {f"{half}.head.0.gamma": (dim, 1, 1, 1)} | convolution(f"{half}.head.2", channels, dim, 3, 3, 3)
    return shapes


def text_encoder(
    vocabulary: int, dim: int, ffn: int, heads: int, layers: int, *, dim_attention: int | None = None
) -> Shapes:
    attention = dim_attention or dim
    shapes: Shapes = {"token_embedding.weight": (vocabulary, dim), "norm.weight": (dim,)}
    for layer in range(layers):
        block = f"blocks.{layer}"
        shapes |= {f"{block}.norm{number}.weight": (dim,) for number in (1, 2)}
        for projection in "qkv":
            shapes |= linear(f"{block}.attn.{projection}", attention, dim, bias=False)
        shapes |= linear(f"{block}.attn.o", dim, attention, bias=False)
        shapes[f"{block}.pos_embedding.embedding.weight"] = (32, heads)
        shapes |= linear(f"{block}.ffn.gate.0", ffn, dim, bias=False) | linear(f"{block}.ffn.fc1", ffn, dim, bias=False)
        shapes |= linear(f"{block}.ffn.fc2", dim, ffn, bias=False)
    return shapes
