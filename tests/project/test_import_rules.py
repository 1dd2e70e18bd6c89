"""Who may import whom, looked at in processes that have imported nothing else; import-linter reads the source."""

from __future__ import annotations

import json
import subprocess

import pytest

IMPORT_ALL = """
import importlib, json, pkgutil, sys
for name in {packages!r}:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if not module.name.startswith({leave_out!r}):
            importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""
TORCH = {"torch", "diffusers", "transformers"}


def modules_after(fresh_python, packages: list[str], leave_out: tuple[str, ...] = ()) -> set[str]:
    return set(json.loads(fresh_python(IMPORT_ALL.format(packages=packages, leave_out=leave_out)).splitlines()[-1]))


def roots(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_the_walk_sees_what_a_package_imports(fresh_python):
    """Without this the tests below could pass by importing nothing."""
    modules = modules_after(fresh_python, ["vera_engine.plates"])
    assert {"vera_engine.plates.layers", "OpenImageIO", "numpy"} <= modules


def test_the_server_never_imports_torch(fresh_python):
    modules = modules_after(fresh_python, ["vera_engine.server"])
    assert "grpc" in modules
    assert not roots(modules) & TORCH


def test_of_takes_only_the_worker_imports_torch(fresh_python):
    worker_side = tuple(f"vera_engine.takes.{name}" for name in ("worker", "render", "memory_check"))
    modules = modules_after(fresh_python, ["vera_engine.takes"], leave_out=worker_side)
    assert not roots(modules) & (TORCH | {"vera_edit", "grpc"})


def test_plates_need_neither_torch_nor_the_interface(fresh_python):
    assert not roots(modules_after(fresh_python, ["vera_engine.plates"])) & (TORCH | {"vera_edit", "grpc"})


def test_the_command_line_loads_nothing_heavy_before_it_knows_the_subcommand(fresh_python):
    modules = json.loads(fresh_python("import json, sys, vera_engine.cli.main; print(json.dumps(sorted(sys.modules)))"))
    assert not roots(set(modules)) & (TORCH | {"OpenImageIO", "numpy", "grpc", "vera_edit"})


@pytest.mark.parametrize("version", ["3.9", "3.11", "3.13"])
def test_the_client_needs_the_standard_library_alone(repository, fresh_python, version):
    found = subprocess.run(
        ["sh", "prerequisites.sh", "python", version], cwd=repository, capture_output=True, text=True, check=False
    )
    if found.returncode != 0:
        pytest.skip(f"no Python {version} on this machine")
    program = f"import sys; sys.path.append({str(repository / 'plugins' / 'client')!r})\n" + IMPORT_ALL.format(
        packages=["vera_client"], leave_out=("vera_client.bridge.", "vera_client.start_bridge")
    )
    # -I and -S: no site-packages, so that whatever is not of the standard library cannot be imported.
    modules = json.loads(fresh_python(program, "-I", "-S", "-B", python=found.stdout.strip()))
    assert "vera_client.client" in modules
    assert not roots(set(modules)) & {"vera_engine", "vera_edit", "grpc", "google", "numpy"}
