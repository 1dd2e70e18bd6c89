"""Which color configuration counts, and whether it is the one that somebody else goes by."""

from __future__ import annotations

from pathlib import Path

import pytest

from vera_engine.plates.chosen_config import BUILT_IN, ColorConfigDiffers, check_chosen, chosen_config


@pytest.fixture
def show(tmp_path: Path) -> Path:
    config = tmp_path / "Show 1 – Übergang" / "show.ocio"
    config.parent.mkdir()
    config.touch()
    return config


@pytest.mark.parametrize("ocio", [None, "", BUILT_IN])
def test_nothing_chosen_is_the_built_in_one(monkeypatch: pytest.MonkeyPatch, show: Path, ocio: str | None) -> None:
    if ocio is None:
        monkeypatch.delenv("OCIO", raising=False)
    else:
        monkeypatch.setenv("OCIO", ocio)
    assert chosen_config() == BUILT_IN
    check_chosen("", "A shell")
    check_chosen(BUILT_IN, "A take")
    with pytest.raises(ColorConfigDiffers) as refused:
        check_chosen(str(show), "A shell")
    assert refused.value.value == str(show)
    assert BUILT_IN in refused.value.reason
    assert f"Let the variable OCIO name {show};" in refused.value.remedy


def test_a_studios_own_by_whatever_path(monkeypatch: pytest.MonkeyPatch, show: Path, tmp_path: Path) -> None:
    monkeypatch.setenv("OCIO", str(show))
    (tmp_path / "current").symlink_to(show.parent)
    for same in (show, tmp_path / "current" / "show.ocio", show.parent / ".." / show.parent.name / "show.ocio"):
        check_chosen(str(same), "A shell")
    (tmp_path / "other.ocio").touch()
    for other in (str(tmp_path / "other.ocio"), "", "ocio://default"):
        with pytest.raises(ColorConfigDiffers) as refused:
            check_chosen(other, "A shell")
        assert str(show) in refused.value.reason
    with pytest.raises(ColorConfigDiffers) as refused:
        check_chosen("", "A shell")
    assert refused.value.remedy.startswith("Unset the variable OCIO;")
