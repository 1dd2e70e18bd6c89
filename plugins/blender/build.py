# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the extension: `python plugins/blender/build.py` with a Python that has bpy -> `dist/vera_edit-<version>.zip`.

Copies this folder and `vera_client` side by side, and has Blender's own tool pack and check them. What is left out, the
manifest says.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLIENT = HERE.parent / "client" / "vera_client"


def blender_tool() -> Path:
    """Blender's extension packer, which its Python package carries.

    Raises:
        FileNotFoundError: This Python has no bpy.
    """
    spec = importlib.util.find_spec("bpy")
    places = list(spec.submodule_search_locations or []) if spec else []
    for place in places:
        for tool in sorted(Path(place).glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")):
            return tool
    raise FileNotFoundError("This Python has no bpy: run build.py with the one that has.")


def build(out: Path) -> Path:
    """Packs the extension into the folder `out`.

    Returns:
        The zip, checked.

    Raises:
        subprocess.CalledProcessError: Blender's tool finds fault with it.
    """
    with open(HERE / "blender_manifest.toml", "rb") as file:
        manifest = tomllib.load(file)
    tool = [sys.executable, str(blender_tool())]
    out.mkdir(parents=True, exist_ok=True)
    package = out.absolute() / f"{manifest['id']}-{manifest['version']}.zip"
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder) / manifest["id"]
        shutil.copytree(HERE, staged)
        shutil.copytree(CLIENT, staged / CLIENT.name)
        subprocess.run(
            [*tool, "build", f"--source-dir={staged}", f"--output-filepath={package}"], check=True, stdout=sys.stderr
        )
    subprocess.run([*tool, "validate", str(package)], check=True, stdout=sys.stderr)
    return package


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE.parents[1] / "dist", help="folder of the zip")
    print(build(parser.parse_args().out))


if __name__ == "__main__":
    main()
