"""The three-branch transformer, its settings, and its weights: read, converted, checked."""
