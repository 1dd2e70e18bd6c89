"""What the plugin may use: Nuke's names that every version has, the client, the standard library, an old Python."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from vera_nuke.knobs import Kind

SYMBOLS = Path(__file__).resolve().parent / "symbols"
"""Made by `list_symbols.py`, from the lists of names that Nuke's versions document."""
VERSIONS = {"15.2", "16.1", "17.0"}
STUBS = ("_nuke.pyi", "callbacks.pyi", "executeInMain.pyi")


@pytest.fixture(scope="module")
def modules(repository) -> dict[Path, ast.Module]:
    """Every module of the plugin, read."""
    return {file: ast.parse(file.read_text(encoding="utf-8")) for file in (repository / "plugins/nuke").rglob("*.py")}


@pytest.fixture(scope="module")
def stubs() -> list[ast.Module]:
    return read_stubs()


def read_stubs() -> list[ast.Module]:
    """Nuke 13.2's names and signatures."""
    spec = find_spec("nuke-stubs")
    assert spec is not None
    (folder,) = spec.submodule_search_locations
    return [ast.parse((Path(folder) / name).read_text(encoding="utf-8")) for name in STUBS]


def documented() -> dict[str, set[str]]:
    """Which versions' own lists have a name: of the module's names, and of methods as `.name`."""
    lines = (SYMBOLS / "documented.txt").read_text(encoding="utf-8").splitlines()
    return {name: set(versions.split()) for name, _, versions in (line.partition("\t") for line in lines)}


def undocumented() -> set[str]:
    """Constants and menu calls, which those lists leave out altogether."""
    return set((SYMBOLS / "undocumented.txt").read_text(encoding="utf-8").split())


def of_the_module(modules: dict[Path, ast.Module]) -> set[str]:
    """All `nuke.name` in the plugin, and the classes of the knobs' table."""
    attributes = (node for tree in modules.values() for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return {each.attr for each in attributes if is_nuke(each.value)} | {kind.value for kind in Kind}


def is_nuke(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id == "nuke"


def names_in(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def methods_in(trees: list[ast.Module]) -> set[str]:
    """Those of nodes and knobs."""
    classes = (node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef))
    return {
        each.name
        for node in classes
        if is_of_graph(node.name)
        for each in node.body
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")
    }


def test_every_name_of_nukes_is_in_all_versions(modules, stubs):
    known, constants = documented(), undocumented()
    in_stubs = {name for tree in stubs for name in names_in(tree)}
    for name in sorted(of_the_module(modules)):
        if name in constants:
            assert name in in_stubs, f"nuke.{name} is in no list and not in types-nuke"
        else:
            assert known.get(name, set()) >= VERSIONS, f"nuke.{name}: {known.get(name)}"
    assert not constants & set(known)


def is_of_graph(name: str) -> bool:
    """Whether a class is of nodes or knobs."""
    return name in ("Node", "Group", "Root", "Layer") or name.endswith("Knob")


def methods_called(modules: dict[Path, ast.Module], stubs: list[ast.Module]) -> set[str]:
    """What the plugin calls that nodes or knobs have."""
    called = {
        node.func.attr
        for tree in modules.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not is_nuke(node.func.value)
    }
    return called & methods_in(stubs)


def test_every_method_of_nodes_and_knobs_is_in_all_versions(modules, stubs):
    known = documented()
    used = sorted(methods_called(modules, stubs))
    assert "setExpression" in used
    for name in used:
        assert known.get(f".{name}", set()) >= VERSIONS, f".{name}(): {known.get(f'.{name}')}"


def test_it_imports_nuke_the_client_and_the_standard_library_alone(modules):
    allowed = {"nuke", "vera_client", "vera_nuke"} | sys.stdlib_module_names
    for file, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found = {str(node.module).partition(".")[0]}
            else:
                continue
            assert found <= allowed, f"{file.name} imports {found - allowed}"


def test_python_3_9_is_enough(repository):
    vermin = Path(sys.executable).with_name("vermin")
    command = [vermin, "--target=3.9-", "--violations", "--eval-annotations", "--no-tips", "--processes=1"]
    folders = (repository / "plugins" / "nuke", repository / "plugins" / "client" / "vera_client" / "host")
    done = subprocess.run([*command, *folders], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
