"""The table of knobs, and what is made of it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import nuke

from vera_nuke import knobs, node
from vera_nuke.knobs import Kind

STOCK = {"name", "label", "disable", "selected", "mask", "lifetimeStart", "useLifetime", "dope_sheet", "postage_stamp"}


def load(file: Path):
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_the_tables(repository):
    made = load(repository / "docs" / "make_nuke_knobs.py")
    assert made.PAGE.read_text(encoding="utf-8") == made.page(), "run docs/make_nuke_knobs.py"


def test_names_are_alone_and_none_of_nukes_own():
    names = [knob.name for knob in knobs.all_knobs()] + [tab.name for tab in knobs.TABS]
    assert len(set(names)) == len(names)
    assert not STOCK & set(names)
    assert not set(nuke.nodes.Group().knobs()) & set(names)


def test_each_is_whole():
    for knob in knobs.all_knobs():
        assert knob.label
        assert knob.tooltip.endswith(".") or (knob.kind is Kind.NOTE and not knob.is_passing), knob
        assert bool(knob.choices) == (knob.kind is Kind.CHOICE), knob
        assert bool(knob.target) == (knob.kind is Kind.LINK), knob
        assert knob.kind is not Kind.CHOICE or knob.default in dict(knob.choices), knob
        assert len({shown for _, shown in knob.choices}) == len(knob.choices), knob
        assert knob.limits is None or knob.limits[0] <= knob.default <= knob.limits[1], knob
        if knob.needs is not None:
            other, wanted = knob.needs
            assert wanted in dict(knobs.BY_NAME[other].choices or ((True, ""), (False, ""))), knob


def test_words_and_what_is_shown_are_each_others():
    made = node.create()
    for knob in knobs.all_knobs():
        for word, shown in knob.choices:
            made[knob.name].setValue(shown)
            assert node.value(made, knob.name) == word
            assert knobs.text(knob.name, word) == shown
