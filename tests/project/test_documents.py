"""Documents point at what exists, and nothing in the tree points into somebody's machine."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import pytest

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?$(.*?)^```", re.MULTILINE | re.DOTALL)
SOMEBODYS = re.compile(r"(?<![\w.$}~/-])/(?:root|home|Users|work)/(?!artist\b)[\w.]+")
"""A path in somebody's home; `artist` is nobody."""
TEXT = {".py", ".md", ".toml", ".sh", ".txt", ".proto", ".pyi", ".json", ".yaml", ".cfg", ""}


@pytest.fixture(scope="session")
def documents(tracked_files) -> list[Path]:
    found = [path for path in tracked_files if path.suffix == ".md"]
    assert any(path.name == "README.md" for path in found)
    return found


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def shell_lines(document: Path) -> list[str]:
    """The lines of a document's fenced blocks, continued lines joined."""
    blocks = FENCE.findall(document.read_text())
    return [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]


def test_links_resolve(documents, repository):
    broken = []
    for document in documents:
        for link in LINK.findall(document.read_text()):
            if re.match(r"[a-z]+:", link):
                continue
            place, _, anchor = link.partition("#")
            target = (document.parent / place).resolve() if place else document
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{document.relative_to(repository)}: {link}")
    assert not broken


def test_make_targets_that_are_told_of_exist(documents, repository):
    makefile = (repository / "Makefile").read_text()
    targets = set(re.findall(r"^([\w.-]+):", makefile, re.MULTILINE))
    told = {
        match
        for document in documents
        for match in re.findall(r"(?:`|^\s*)make ([\w.-]+)", document.read_text(), re.MULTILINE)
    }
    assert {"demo", "test"} <= told
    assert told <= targets


def test_commands_that_are_told_of_are_understood(documents):
    """Each `vera-edit` line in a fenced block is given to the parser it is meant for."""
    parser = importlib.import_module("vera_engine.cli.main").make_parser()
    lines = [line for document in documents for line in shell_lines(document)]
    commands = [line.split("#")[0] if " #" in line else line for line in lines if re.match(r"(\S*/)?vera-edit\s", line)]
    assert commands
    for command in commands:
        try:
            parser.parse_args(shlex.split(command)[1:])
        except SystemExit as end:
            raise AssertionError(f"not understood: {command}") from end


def test_nothing_points_into_somebodys_machine(tracked_files, repository):
    found = []
    for path in tracked_files:
        if path.suffix in TEXT and path.stat().st_size < 2_000_000:
            found += [
                f"{path.relative_to(repository)}: {match}"
                for match in SOMEBODYS.findall(path.read_text(errors="ignore"))
            ]
    assert not found
