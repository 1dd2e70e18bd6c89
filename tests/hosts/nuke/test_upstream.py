"""Plates rendered through an inner Write, and the script as it was before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nuke
import numpy as np
import OpenImageIO as oiio
import pytest
import shots

from vera_client.errors import Refused
from vera_client.host import rendered
from vera_client.host.chain import Chain
from vera_client.host.plate_files import Plate
from vera_nuke import inputs, main_thread, node, upstream

FRAMES = range(1001, 1004)
HOW = upstream.How("main", is_proxy=False)


@pytest.fixture
def ours(tmp_path: Path) -> nuke.Node:
    """A node in a saved script, a Grade on its plate and a disc on its mask."""
    shots.save_script(tmp_path)
    plate = shots.add_read(shots.write_plate(tmp_path / "plate", FRAMES), FRAMES)
    mask = shots.add_read(shots.write_mask(tmp_path / "plate", FRAMES), FRAMES)
    made = node.create()
    made.setInput(0, nuke.nodes.Grade(inputs=[plate], multiply=0.5, black_clamp=False))
    made.setInput(1, mask)
    nuke.scriptSave()
    return made


def plate_in(ours: nuke.Node, frames: range) -> Plate | Chain:
    return main_thread.in_slices(inputs.plate_in(ours, frames))


def place_of(tmp_path: Path, name: str = "plate") -> rendered.Rendered:
    return rendered.place(tmp_path / "vera_takes" / "n", name, FRAMES, "0" * 16, is_alone=False)


def render(ours: nuke.Node, places: dict[str, rendered.Rendered], stop_at: int = 10**6) -> list[tuple[str, int]]:
    told: list[tuple[str, int]] = []
    upstream.render_upstream(
        ours, places, HOW, lambda name, frame, *_: told.append((name, frame)), lambda: len(told) >= stop_at
    )
    return told


def state_of_script() -> tuple[str, bool, int, bool]:
    written = nuke.script.written(nuke.root().nodes(), with_root=True)
    return written, nuke.modified(), nuke.stage.undo_depth[0], bool(nuke.root()["proxy"].value())


def test_frames_are_rendered_and_nothing_is_left(ours: nuke.Node, tmp_path: Path) -> None:
    nuke.root()["proxy"].setValue(True)
    nuke.modified(False)
    before = state_of_script()
    places = {"plate": place_of(tmp_path), "mask": place_of(tmp_path, "mask")}
    told = render(ours, places)
    assert told == [(name, frame) for name in places for frame in FRAMES]
    assert state_of_script() == before
    plate = shots.read_exr(places["plate"].plate.file(1002))
    source = shots.read_exr(tmp_path / "plate" / "plate.1002.exr")
    for name in "RGB":
        half = (0.5 * source[name]).astype(np.float16).astype(np.float32)
        np.testing.assert_array_equal(plate[name], half)
    mask = shots.read_exr(places["mask"].plate.file(1001))
    assert list(mask) == ["A"]
    assert mask["A"].max() == 1
    assert places["plate"].is_whole
    assert [view for _, _, view in nuke.stage.executed] == ["main"] * 6


def test_a_cancelled_rendering_leaves_nothing(ours: nuke.Node, tmp_path: Path) -> None:
    before = state_of_script()
    with pytest.raises(upstream.Stopped):
        render(ours, {"plate": place_of(tmp_path)}, stop_at=2)
    assert state_of_script() == before
    assert not list((tmp_path / "vera_takes").rglob("*.exr"))


def test_what_cannot_be_rendered_is_told_with_its_frame(ours: nuke.Node, tmp_path: Path) -> None:
    (tmp_path / "plate" / "plate.1002.exr").unlink()
    before = state_of_script()
    with pytest.raises(Refused, match="plate input at frame 1002") as refused:
        render(ours, {"plate": place_of(tmp_path)})
    assert refused.value.argument == "plate"
    assert state_of_script() == before
    assert not list((tmp_path / "vera_takes").rglob("*.exr"))


def test_a_render_of_the_artists_is_no_place_for_another(ours: nuke.Node, tmp_path: Path) -> None:
    nuke.stage.is_rendering[:] = [True]
    with pytest.raises(Refused, match="Nuke is rendering"):
        render(ours, {"plate": place_of(tmp_path)})


def test_a_node_that_is_deleted_between_frames(ours: nuke.Node, tmp_path: Path) -> None:
    def tell(_name: str, frame: int, *_: int) -> None:
        if frame == 1002:
            nuke.delete(ours)

    with pytest.raises(Refused, match="deleted"):
        upstream.render_upstream(ours, {"plate": place_of(tmp_path)}, HOW, tell, lambda: False)
    assert nuke.stage.undo_depth == [0]


def test_a_folder_that_cannot_be_written_to(ours: nuke.Node, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    place = replace(place_of(tmp_path), folder=tmp_path / "taken" / "upstream" / "plate")
    with pytest.raises(Refused, match="cannot be written") as refused:
        render(ours, {"plate": place})
    assert refused.value.argument == "take_root"


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda ours: ours.setInput(0, None), "No plate is plugged in"),
        (lambda ours: ours.setInput(0, nuke.nodes.Constant(channels="alpha")), "no red, green and blue"),
        (lambda ours: ours["plate_view"].setValue("right"), "no such view"),
    ],
)
def test_plates_that_cannot_be(ours: nuke.Node, prepare, reason: str) -> None:
    prepare(ours)
    with pytest.raises(Refused, match=reason):
        plate_in(ours, FRAMES)


def test_a_range_beyond_the_inputs(ours: nuke.Node) -> None:
    with pytest.raises(Refused, match="1001-1003 only"):
        plate_in(ours, range(1001, 1005))


def test_missing_files_of_the_plate_itself(ours: nuke.Node, tmp_path: Path) -> None:
    ours.setInput(0, nuke.nodes.Dot(inputs=[ours.input(0).input(0)]))
    (tmp_path / "plate" / "plate.1003.exr").unlink()
    plate = plate_in(ours, FRAMES)
    with pytest.raises(Refused, match="lacks frames 1003"):
        inputs.on_disk(ours, {"plate": plate}, FRAMES, tmp_path, lambda *_: None, lambda: False)


def test_what_was_rendered_is_not_rendered_again(ours: nuke.Node, tmp_path: Path) -> None:
    def on_disk() -> dict[str, object]:
        sources = {
            "plate": plate_in(ours, FRAMES),
            "mask": main_thread.in_slices(inputs.matte_in(ours, "mask", FRAMES)),
        }
        return inputs.on_disk(ours, sources, FRAMES, tmp_path / "vera_takes" / "n", lambda *_: None, lambda: False)

    first = on_disk()
    count = len(nuke.stage.executed)
    assert on_disk() == first
    assert len(nuke.stage.executed) == count == 6
    ours.input(0)["multiply"].setValue(3.0)
    assert on_disk()["plate"] != first["plate"]
    assert len(nuke.stage.executed) == count + 3


def test_other_frames_upstream_keep_the_scripts_numbers(ours: nuke.Node, tmp_path: Path) -> None:
    shift = nuke.nodes.TimeOffset(inputs=[ours.input(0).input(0)], time_offset=10)
    ours.setInput(0, shift)
    frames = range(1011, 1014)
    with pytest.raises(Refused, match="1011-1013 only"):
        plate_in(ours, FRAMES)
    sources = {"plate": plate_in(ours, frames)}
    files = inputs.on_disk(ours, sources, frames, tmp_path / "n", lambda *_: None, lambda: False)
    shown = shots.read_exr(files["plate"].file(1012))
    np.testing.assert_array_equal(shown["G"], shots.read_exr(tmp_path / "plate" / "plate.1002.exr")["G"])


def test_a_still_is_held_over_the_frames(ours: nuke.Node, tmp_path: Path) -> None:
    still = tmp_path / "still.exr"
    shots.write_exr(still, np.full((*shots.SIZE, 3), 0.25))
    ours.setInput(0, shots.add_read(still, range(1, 2)))
    sources = {"plate": plate_in(ours, FRAMES)}
    files = inputs.on_disk(ours, sources, FRAMES, tmp_path / "n", lambda *_: None, lambda: False)
    assert [float(shots.read_exr(files["plate"].file(frame))["R"].max()) for frame in FRAMES] == [0.25] * 3


def test_overscan_and_pixel_aspect_come_along(ours: nuke.Node, tmp_path: Path) -> None:
    source, values = tmp_path / "over.1001.exr", np.full((20, 30, 3), 0.25, np.float32)
    spec = oiio.ImageSpec(30, 20, 3, "half")
    spec.x, spec.y, spec.full_width, spec.full_height = -4, -3, 22, 14
    spec.attribute("PixelAspectRatio", 2.0)
    output = oiio.ImageOutput.create(str(source))
    output.open(str(source), spec)
    output.write_image(values)
    output.close()
    over = shots.add_read(tmp_path / "over.%04d.exr", range(1001, 1002))
    ours.setInput(0, nuke.nodes.Grade(inputs=[over], multiply=2.0))
    place = replace(place_of(tmp_path), frames=range(1001, 1002))
    render(ours, {"plate": place})
    rendered_spec = oiio.ImageInput.open(str(place.plate.file(1001))).spec()
    for name in ("x", "y", "width", "height", "full_x", "full_y", "full_width", "full_height"):
        assert getattr(rendered_spec, name) == getattr(spec, name), name
    assert rendered_spec.get_float_attribute("PixelAspectRatio") == 2.0
    assert shots.read_exr(place.plate.file(1001))["R"].max() == 0.5
