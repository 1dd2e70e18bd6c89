# SPDX-License-Identifier: GPL-3.0-or-later
"""Where `vera_client` comes from: inside the add-on once it is built, from its own room in a checkout."""

from __future__ import annotations

import importlib


def _package() -> str:
    inside = f"{__package__}.vera_client"
    try:
        return importlib.import_module(inside).__name__
    except ModuleNotFoundError as error:
        if error.name != inside:
            raise
        return "vera_client"


_errors = importlib.import_module(f"{_package()}.errors")
_host = f"{_package()}.host"
chain = importlib.import_module(f"{_host}.chain")
engine_words = importlib.import_module(f"{_host}.engine_words")
freshness = importlib.import_module(f"{_host}.freshness")
plate_files = importlib.import_module(f"{_host}.plate_files")
regions = importlib.import_module(f"{_host}.regions")
rendered = importlib.import_module(f"{_host}.rendered")
requests = importlib.import_module(f"{_host}.requests")
run = importlib.import_module(f"{_host}.run")
session = importlib.import_module(f"{_host}.session")
take_folders = importlib.import_module(f"{_host}.take_folders")
take_record = importlib.import_module(f"{_host}.take_record")

Refused, VeraClientError = _errors.Refused, _errors.VeraClientError
engine_lines = engine_words.engine_lines
Chain = chain.Chain
Asked, Verdict = freshness.Asked, freshness.Verdict
Notes = take_record.Notes
PartialTake, TakeFolder = take_folders.PartialTake, take_folders.TakeFolder
Plate = plate_files.Plate
require_files = plate_files.require_files
Rendered = rendered.Rendered
Run = run.Run
Session = session.Session
