"""What every lane of the tests shares: Blender's own tests are collected only where bpy can be imported."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("bpy") else ["hosts/blender"]
