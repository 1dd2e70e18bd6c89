"""Tiny models whose every part has a say, and plates to edit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.tiny_model import make_tiny_model
from vera_engine.model.checksums import seal_weights
from vera_engine.model.settings import read_settings
from vera_engine.model.transformer import VeraTransformer3DModel
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.pipeline.pipeline import VeraPipeline

HEIGHT, WIDTH = 32, 48


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request: pytest.FixtureRequest) -> str:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    return str(request.param)


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes a tiny model of a prediction type; what starts at zero (mask, plate, layers, places) is random in it."""

    def make(prediction_type: str) -> Path:
        folder = tmp_path_factory.mktemp("models") / prediction_type
        make_tiny_model(folder)
        transformer = VeraTransformer3DModel.from_pretrained(folder / "transformer")
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for parameter in transformer.parameters():
                if not parameter.any():
                    parameter.normal_(std=0.2, generator=generator)
        transformer.register_to_config(prediction_type=prediction_type)
        transformer.save_pretrained(folder / "transformer")
        seal_weights(folder, read_settings(folder))
        return folder

    return make


@pytest.fixture(scope="session")
def sample_folder(make_model: Callable[[str], Path]) -> Path:
    """A model that predicts clean samples, as the small model does; read only."""
    return make_model("sample")


@pytest.fixture(scope="session")
def velocity_folder(make_model: Callable[[str], Path]) -> Path:
    """A model that predicts velocities, as Wan's weights do; read only."""
    return make_model("velocity")


@pytest.fixture(scope="session")
def sample_pipeline(sample_folder: Path) -> VeraPipeline:
    return load_pipeline(str(sample_folder), "cpu")


@pytest.fixture(scope="session")
def velocity_pipeline(velocity_folder: Path) -> VeraPipeline:
    return load_pipeline(str(velocity_folder), "cpu")


@pytest.fixture(params=["sample", "velocity"])
def either_pipeline(request: pytest.FixtureRequest) -> VeraPipeline:
    """One of each prediction type."""
    pipeline: VeraPipeline = request.getfixturevalue(f"{request.param}_pipeline")
    return pipeline


@pytest.fixture(scope="session")
def plate() -> Callable[[int], NDArray[np.float32]]:
    """A plate (T, 32, 48, 3) of smooth noise; a longer one begins as the shorter one does."""

    def make(frame_count: int) -> NDArray[np.float32]:
        coarse = np.random.default_rng(5).random((17, 4, 6, 3), dtype=np.float32)
        return np.ascontiguousarray(coarse.repeat(8, axis=1).repeat(8, axis=2)[:frame_count])

    return make


@pytest.fixture(scope="session")
def mask() -> Callable[[int], NDArray[np.float32]]:
    """A mask (T, 32, 48): a box that covers a part of the frame."""

    def make(frame_count: int) -> NDArray[np.float32]:
        box = np.zeros((frame_count, HEIGHT, WIDTH), np.float32)
        box[:, 8:24, 16:40] = 1
        return box

    return make
