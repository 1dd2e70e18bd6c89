"""A studio's own OpenColorIO configuration: small, with a linear space that no other has, and with file rules."""

from __future__ import annotations

from pathlib import Path

SHOW_LINEAR_TO_ACES = (
    *(0.70, 0.20, 0.10, 0),
    *(0.05, 0.90, 0.05, 0),
    *(0.02, 0.08, 0.90, 0),
    *(0, 0, 0, 1),
)
"""Rows of 4, for a column of red, green, blue and 1."""

_CONFIG = """ocio_profile_version: 2

strictparsing: true
roles:
  {interchange}
  scene_linear: show_linear
  default: crosstalk
  matte_paint: show_log

file_rules:
  - !<Rule> {{name: scans, colorspace: show_log, pattern: "*/scans/*", extension: "*"}}
  - !<Rule> {{name: masks, colorspace: raw, pattern: "*/masks/*", extension: "*"}}
  - !<Rule> {{name: Default, colorspace: crosstalk}}

displays:
  monitor:
    - !<View> {{name: raw, colorspace: raw}}

colorspaces:
  - !<ColorSpace>
    name: aces
    encoding: scene-linear

  - !<ColorSpace>
    name: show_linear
    aliases: [shl]
    encoding: scene-linear
    to_scene_reference: !<MatrixTransform> {{matrix: [{matrix}]}}

  - !<ColorSpace>
    name: show_log
    encoding: log
    to_scene_reference: !<GroupTransform>
      children:
        - !<LogAffineTransform> {{base: 2, log_side_slope: 0.07, log_side_offset: 0.6, lin_side_slope: 1,
            lin_side_offset: 0.01, direction: inverse}}
        - !<MatrixTransform> {{matrix: [{matrix}]}}

  - !<ColorSpace>
    name: crosstalk
    encoding: log
    to_scene_reference: !<GroupTransform>
      children:
        - !<MatrixTransform> {{matrix: [0.8, 0.1, 0.1, 0, 0.1, 0.8, 0.1, 0, 0.1, 0.1, 0.8, 0, 0, 0, 0, 1]}}
        - !<ExponentTransform> {{value: [2.2, 2.2, 2.2, 1]}}

  - !<ColorSpace>
    name: raw
    isdata: true
"""


def write_studio_config(path: Path, interchange: str = "aces_interchange: aces") -> Path:
    """Writes the configuration; `interchange` is the line of that role."""
    matrix = ", ".join(map(str, SHOW_LINEAR_TO_ACES))
    path.write_text(_CONFIG.format(interchange=interchange, matrix=matrix), "utf-8")
    return path
