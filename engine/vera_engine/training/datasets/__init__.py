"""Layered clips from wherever they lie: drawn, in Netflix's published layout, or a studio's own comps."""
