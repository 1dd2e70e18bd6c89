"""Runs `vera_client.bridge` of this very folder, in whatever interpreter is given this file. Standard library only.

A host's copy of the client may lie in another Python's `site-packages`, whose compiled packages would break this one,
or under another name inside an add-on: so only this folder is shown to the interpreter, never the one around it.
"""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path


def start_bridge() -> None:
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        "vera_client", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} does not hold the client's package")
    package = importlib.util.module_from_spec(spec)
    sys.modules["vera_client"] = package
    spec.loader.exec_module(package)
    runpy.run_module("vera_client.bridge", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    start_bridge()
