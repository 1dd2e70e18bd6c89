"""The lock files fit every build of torch and hold all that the project asks for."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ONE_BUILD_ONLY = ("nvidia", "cuda", "cupy", "triton", "pytorch-triton", "mkl", "intel-openmp", "rocm")


@pytest.fixture(scope="module")
def pins(repository):
    """Name to version for each lock, read without the script that writes them."""

    def read(name: str) -> dict[str, str]:
        lines = (repository / "locks" / f"{name}.txt").read_text().splitlines()
        return dict(line.split("==") for line in lines if not line.startswith("#"))

    return {name: read(name) for name in ("engine", "blender-4.5", "blender-5.2")}


@pytest.fixture(scope="module")
def update(repository):
    specification = importlib.util.spec_from_file_location("locks_update", repository / "locks" / "update.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules["locks_update"] = module
    specification.loader.exec_module(module)
    yield module
    del sys.modules["locks_update"]


def test_torch_is_pinned_without_a_build(pins):
    assert pins["engine"]["torch"] == "2.13.0"


@pytest.mark.parametrize("lock", ["engine", "blender-4.5", "blender-5.2"])
def test_pins_are_exact_and_of_no_build_alone(pins, lock):
    assert len(pins[lock]) > 5
    for name, version in pins[lock].items():
        assert re.fullmatch(r"\d[\w.]*", version), f"{name}=={version}: a local tag or no exact version"
        assert not any(name == prefix or name.startswith(f"{prefix}-") for prefix in ONE_BUILD_ONLY), name


def test_every_requirement_is_pinned_to_a_version_that_fits(repository, pins):
    settings = tomllib.loads((repository / "pyproject.toml").read_text())
    extras = settings["project"]["optional-dependencies"]
    wanted = [("engine", text) for text in settings["project"]["dependencies"]]
    wanted += [("engine", text) for extra in extras.values() for text in extra]
    wanted += [("blender-4.5", text) for text in settings["dependency-groups"]["blender-4-5"]]
    wanted += [("blender-5.2", text) for text in settings["dependency-groups"]["blender-5-2"]]
    for lock, text in wanted:
        requirement = Requirement(text)
        version = pins[lock].get(canonicalize_name(requirement.name))
        assert version is not None, f"{text} is not in locks/{lock}.txt: run make locks"
        assert requirement.specifier.contains(version), f"locks/{lock}.txt has {version} for {text}"


def test_the_bridge_needs_no_torch(repository):
    """Base dependencies are what runs beside a host."""
    base = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {Requirement(text).name for text in base} == {
        "googleapis-common-protos",
        "grpcio",
        "grpcio-status",
        "protobuf",
    }


def test_what_pip_resolved_for_cuda_is_written_for_every_build(update):
    names = {
        "torch": "2.13.0+cu130",
        "nvidia-cublas": "13.1",
        "triton": "3.7.0",
        "cuda_bindings": "13.0",
        "Jinja2": "3.1.6",
        "typing_extensions": "4.16.0",
    }
    report = {"install": [{"metadata": {"name": name, "version": version}} for name, version in names.items()]}
    assert update.pins_from_report(report) == ["jinja2==3.1.6", "torch==2.13.0", "typing-extensions==4.16.0"]
