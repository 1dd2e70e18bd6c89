"""Stands in the engine's place on a child's path: the same services, with takes that go by a script."""
