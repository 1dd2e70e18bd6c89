from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vera_engine.plates.color import ColorSpace
from vera_engine.plates.disk import FolderNotWritable
from vera_engine.plates.layers import Layers
from vera_engine.plates.picture import (
    PictureInvalid,
    contact_sheet,
    edit_picture,
    matte_picture,
    plate_picture,
    write_png,
)

BACKGROUND = (28, 28, 28)


def test_a_plate_is_shown_in_srgb_with_white_for_brighter_than_white() -> None:
    plate = np.float32([[[0.5, 0.0, 1.0], [60000, -2.0, 0.18]]])
    shown = plate_picture(plate, ColorSpace.parse("lin_rec709"))
    np.testing.assert_allclose(shown, [[[0.735357, 0, 1], [1, 0, 0.461356]]], atol=1e-5)


def test_a_matte_is_shown_as_gray_of_its_own_values() -> None:
    matte = np.float16([[0, 0.25, 1]])
    np.testing.assert_array_equal(matte_picture(matte), np.repeat(np.float32([[[0], [0.25], [1]]]), 3, axis=-1))


def test_an_edit_is_shown_over_a_checkerboard() -> None:
    matte = np.zeros((32, 48), np.float16)
    premult = np.zeros((32, 48, 3), np.float16)
    matte[8:24, 16:32] = 1
    premult[8:24, 16:32] = [1, 0, 0]
    shown = edit_picture(Layers.of(premult, matte, premult), ColorSpace.parse("lin_rec709"), square=8)
    np.testing.assert_allclose(shown[10, 20], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(shown[0, 0], 0.35, atol=1e-6)
    np.testing.assert_allclose(shown[0, 8], 0.55, atol=1e-6)
    np.testing.assert_allclose(shown[8, 8], 0.35, atol=1e-6)
    # Half of it lets half of the checkerboard's light through.
    half = edit_picture(
        Layers.of(premult * 0, matte * np.float16(0.5), premult), ColorSpace.parse("lin_rec709"), square=8
    )
    through = ((0.35 + 0.055) / 1.055) ** 2.4 / 2
    np.testing.assert_allclose(half[16, 16], 1.055 * through ** (1 / 2.4) - 0.055, atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 7, 3), (5, 7)])
def test_a_png_holds_the_values_rounded(tmp_path: Path, random: np.random.Generator, shape: tuple[int, ...]) -> None:
    picture = random.random(shape, dtype=np.float32)
    write_png(tmp_path / "ü 1.png", picture)
    with Image.open(tmp_path / "ü 1.png") as image:
        assert image.mode == ("RGB" if len(shape) == 3 else "L")
        np.testing.assert_array_equal(np.asarray(image), np.floor(picture * 255 + 0.5).astype(np.uint8))
    assert [file.name for file in tmp_path.iterdir()] == ["ü 1.png"]


@pytest.mark.parametrize("bad", [1.01, -0.01, np.nan])
def test_values_that_cannot_be_shown_are_refused(tmp_path: Path, bad: float) -> None:
    picture = np.full((4, 4, 3), 0.5, np.float32)
    picture[1, 1, 1] = bad
    with pytest.raises(PictureInvalid, match=r"0\.\.1"):
        write_png(tmp_path / "a.png", picture)
    with pytest.raises(PictureInvalid, match=r"\(H, W"):
        write_png(tmp_path / "a.png", np.zeros((4, 4, 4), np.float32))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FolderNotWritable):
        write_png(tmp_path / "gone" / "a.png", np.zeros((4, 4), np.float32))


def test_a_contact_sheet_has_every_picture_in_its_cell_and_its_labels(tmp_path: Path) -> None:
    reds = [np.full((20, 30, 3), [0.2 * (n + 1), 0, 0], np.float32) for n in range(3)]
    grays = [np.full((20, 30), 0.2 * (n + 1), np.float32) for n in range(3)]
    contact_sheet([("plate", reds), ("matte", grays)], tmp_path / "sheet.png", ["1001", "1009", "1017"], image_width=90)
    with Image.open(tmp_path / "sheet.png") as image:
        sheet = np.asarray(image)
    colours = [(51, 0, 0), (102, 0, 0), (153, 0, 0), (51, 51, 51), (102, 102, 102), (153, 153, 153)]
    corners = []
    for colour in colours:
        rows, columns = np.nonzero((sheet == colour).all(axis=-1) & _solid(sheet, colour))
        assert rows.size >= 80 * 50, colour
        corners.append((columns.min(), rows.min()))
    lefts, tops = [corner[0] for corner in corners], [corner[1] for corner in corners]
    assert lefts[0] < lefts[1] < lefts[2]
    assert lefts[:3] == lefts[3:]
    assert len(set(tops[:3])) == len(set(tops[3:])) == 1
    assert tops[0] < tops[3]
    # Ink beside each row and above each column, and nowhere in the corner between.
    inked = (sheet != BACKGROUND).any(axis=-1)
    left, top = lefts[0], tops[0]
    assert inked[tops[0] : tops[0] + 60, :left].sum() > 30
    assert inked[tops[3] : tops[3] + 60, :left].sum() > 30
    for column in lefts[:3]:
        assert inked[:top, column : column + 90].sum() > 30
    assert not inked[:top, :left].any()


def _solid(sheet: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Where a pixel and its right and lower neighbours are of the colour: no antialiased letter is."""
    same = (sheet == colour).all(axis=-1)
    return same & np.roll(same, -1, axis=0) & np.roll(same, -1, axis=1)


def test_a_sheet_whose_rows_do_not_fit_is_refused(tmp_path: Path) -> None:
    picture = np.zeros((4, 4), np.float32)
    with pytest.raises(PictureInvalid, match="Row 'matte' has 1 pictures for 2 columns"):
        contact_sheet([("plate", [picture] * 2), ("matte", [picture])], tmp_path / "sheet.png", ["a", "b"])
    with pytest.raises(PictureInvalid):
        contact_sheet([], tmp_path / "sheet.png", ["a"])
    with pytest.raises(PictureInvalid, match=r"0\.\.1"):
        contact_sheet([("plate", [picture + 2])], tmp_path / "sheet.png", ["a"])
    assert not list(tmp_path.iterdir())
