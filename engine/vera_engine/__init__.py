"""The Vera Edit engine: from a plate and an instruction to an edit layer and a matte."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("vera-edit")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0.1.0"
