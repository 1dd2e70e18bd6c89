"""How well a model does, measured on clips over plates it never saw."""
