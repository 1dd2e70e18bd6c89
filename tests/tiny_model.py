"""A whole Vera model folder with random weights, small enough to make a take in a second or two."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from vera_engine.model.checksums import seal_weights
from vera_engine.model.codec import LinearVideoCodec
from vera_engine.model.settings import ModelSettings
from vera_engine.model.transformer import VeraTransformer3DModel
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.training.text_encoder import tiny_text_encoder, word_tokenizer

WORDS = ("a", "add", "background", "ball", "blue", "red", "replace", "sky", "the", "with")
CHANNELS = 16


def make_tiny_model(folder: Path, *, num_inference_steps: int = 3) -> ModelSettings:
    """Writes the model; its mattes are noise with zeros, ones and what lies between. The same bits every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(20)
        tokenizer = word_tokenizer(WORDS, 16)
        pipeline = VeraPipeline(
            transformer=VeraTransformer3DModel(
                num_attention_heads=2,
                attention_head_dim=12,
                in_channels=CHANNELS,
                out_channels=CHANNELS,
                text_dim=32,
                freq_dim=32,
                ffn_dim=48,
                num_layers=2,
                rope_max_seq_len=64,
                absolute_positions=True,
                first_latent_embedding=True,
                prediction_type="sample",
            ),
            vae=_orthonormal_codec(),
            text_encoder=tiny_text_encoder(len(tokenizer), 32),
            tokenizer=tokenizer,
            scheduler=FlowMatchEulerDiscreteScheduler(shift=1.5),
        )
        _start_what_starts_at_zero(pipeline.transformer)
    pipeline.save_pretrained(folder)
    return seal_weights(
        folder,
        ModelSettings(
            name="tiny",
            vocabulary=WORDS,
            working_sizes=((48, 32), (32, 48)),
            window_frames=17,
            overlap_frames=5,
            num_inference_steps=num_inference_steps,
            guidance_scale=2.0,
            flow_shift=1.5,
            background_needs_mask=True,
            codec="LinearVideoCodec",
            weights_sha256={},
        ),
    )


def _start_what_starts_at_zero(transformer: VeraTransformer3DModel) -> None:
    """Plate and mask reach an untrained model through zeros: without this neither would change a bit of a take."""
    with torch.no_grad():
        for parameter in transformer.parameters():
            if not parameter.any():
                parameter.normal_(std=0.02)


def _orthonormal_codec() -> LinearVideoCodec:
    """A codec whose blocks are random orthonormal vectors: but for its ramp, what it encodes it also decodes."""
    codec: LinearVideoCodec = LinearVideoCodec(z_dim=CHANNELS, seam_filter_width=0, temporal_ramp=0.5)
    with torch.no_grad():
        for basis in (codec.first_basis, codec.group_basis):
            basis.copy_(torch.linalg.qr(torch.randn(basis.shape))[0])
        for scale in (codec.first_scale, codec.group_scale):
            scale.fill_(30.0)
    return codec
