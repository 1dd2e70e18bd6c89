"""These tests run inside Blender's own Python; they share the modules beside them and import the add-on as it lies."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2] / "plugins")]
