"""What Vera's authors measured, on their own 72 object additions and 69 background changes: see docs/evaluation.md."""

from __future__ import annotations

from dataclasses import dataclass

Preservation = tuple[float, float, float]
"""PSNR in dB, SSIM, LPIPS, outside the edit."""


@dataclass(frozen=True)
class PaperRow:
    """One row of the project page's table (arXiv 2606.23610)."""

    method: str
    add: Preservation
    background: Preservation


PAPER_ROWS = (
    PaperRow("Ditto", (13.1, 0.447, 0.529), (21.7, 0.888, 0.092)),
    PaperRow("Lucy-Edit", (19.0, 0.798, 0.301), (22.3, 0.908, 0.078)),
    PaperRow("VideoPainter", (10.7, 0.354, 0.669), (29.9, 0.975, 0.032)),
    PaperRow("VACE-1.3B", (10.3, 0.323, 0.667), (31.5, 0.981, 0.024)),
    PaperRow("VACE-14B", (10.1, 0.325, 0.666), (31.7, 0.983, 0.021)),
    PaperRow("ReCo", (16.8, 0.778, 0.280), (24.9, 0.935, 0.061)),
    PaperRow("Vera-1.3B", (25.3, 0.949, 0.078), (35.2, 0.993, 0.010)),
    PaperRow("Vera-14B", (26.1, 0.950, 0.082), (36.2, 0.993, 0.010)),
)
