"""What a request says, asks of its base and needs of the disk; more refusals, through an engine, in tests/server."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import replace

import pytest

from tests.plates.studio_config import write_studio_config
from tests.takes.conftest import write_frame
from vera_engine.pipeline.presets import PRESETS, PresetUnknown
from vera_engine.plates.finish_settings import Detail
from vera_engine.plates.frames import FrameSet
from vera_engine.plates.source import FrameMissing
from vera_engine.takes.checks import check_request, read_frames
from vera_engine.takes.notes import NoteInvalid
from vera_engine.takes.plan import plan_take
from vera_engine.takes.region import Box, Region
from vera_engine.takes.request import (
    AskedFinish,
    AskedSettings,
    MaskReference,
    PlateReference,
)
from vera_engine.takes.rules import (
    EditTypeMissing,
    HandlesInvalid,
    PathNotAbsolute,
    PromptInvalid,
    RangeTooLong,
    StrengthInvalid,
    word_warnings,
)
from vera_engine.takes.store import DiskTooFull


def test_unknown_words_are_named_with_those_that_look_like_them(model):
    near, far = word_warnings("A blau Ball, zzz", model)
    assert near == 'The model does not know the word "blau". Did you mean blue?'
    assert far == 'The model does not know the word "zzz". It knows: a, ball, blue, red, sky.'
    assert word_warnings("a RED sky!", model) == ()


def test_a_model_that_reads_any_text_knows_every_word(model):
    assert word_warnings("zzz", replace(model, vocabulary=())) == ()


def test_what_is_not_asked_for_is_the_models_or_the_plates_own(model, plate, request_of, tmp_path):
    checked = check_request(request_of(plate=plate), model, tmp_path)
    assert checked.request.plate.color_space == "ACEScg"
    assert (checked.settings.num_inference_steps, checked.settings.guidance_scale) == (9, 1.5)
    asked = AskedSettings(seed=0, num_inference_steps=1, guidance_scale=0.0)
    settings = check_request(request_of(plate=plate, settings=asked), model, tmp_path).settings
    assert (settings.seed, settings.num_inference_steps, settings.guidance_scale) == (0, 1, 0.0)


@pytest.mark.parametrize(
    ("asked", "own_steps", "in_folder", "said"),
    [
        (AskedSettings(), 50, {}, ("standard", PRESETS["standard"].num_inference_steps)),
        (AskedSettings(preset="final"), 60, {}, ("final", 50)),
        (AskedSettings(preset="final"), 3, {}, ("final", 3)),
        (AskedSettings(preset="draft"), 3, {"draft": 2, "final": 40}, ("draft", 2)),
        (AskedSettings(preset="final"), 3, {"draft": 2, "final": 40}, ("final", 40)),
        (AskedSettings(preset="draft", num_inference_steps=70), 50, {"draft": 2}, ("draft", 70)),
    ],
)
def test_steps_are_the_presets_unless_model_or_artist_know_better(
    model, plate, request_of, tmp_path, asked, own_steps, in_folder, said
):
    model = replace(model, num_inference_steps=own_steps, preset_steps=in_folder)
    settings = check_request(request_of(plate=plate, settings=asked), model, tmp_path).settings
    assert (settings.preset, settings.num_inference_steps) == said


def test_a_preset_that_there_is_not_is_refused(model, plate, request_of, tmp_path):
    with pytest.raises(PresetUnknown, match="draft, standard, final") as caught:
        check_request(request_of(plate=plate, settings=AskedSettings(preset="fast")), model, tmp_path)
    assert (caught.value.argument, caught.value.value) == ("settings.preset", "fast")


def test_how_the_colour_space_was_found_is_known_and_a_guess_of_the_studios_is_told(
    model, request_of, tmp_path, monkeypatch
):
    monkeypatch.setenv("OCIO", str(write_studio_config(tmp_path / "show.ocio")))
    (tmp_path / "scans").mkdir()
    for frame in (1001, 1002, 1003):
        write_frame(tmp_path / "scans" / f"plate.{frame}.exr", space="")
    plate = PlateReference(str(tmp_path / "scans" / "plate.####.exr"))

    def found(**said: str) -> tuple[str, str, str, int]:
        checked = check_request(request_of(plate=replace(plate, **said)), model, tmp_path)
        color = checked.color
        assert checked.request.plate.color_space == said.get("color_space", color.plate)
        return color.plate, color.found_by, color.layers, len(checked.warnings)

    assert found() == ("show_log", "rules", "show_linear", 1)
    assert found(fallback_color_space="shl") == ("show_linear", "option", "show_linear", 0)
    assert found(fallback_color_space="shl", color_space="matte_paint") == ("show_log", "host", "show_linear", 0)


@pytest.mark.parametrize(("more", "channels"), [({}, 7), ({"write_comp": True, "write_residual": True}, 13)])
def test_layers_that_would_not_fit_are_refused(model, plate, request_of, tmp_path, monkeypatch, more, channels):
    layers = 3 * 60 * 40 * channels * 2  # three frames of half floats
    latents = 2 * (48 // 8) * (32 // 8) * 3 * 48 * 2  # two latents of three branches of at most 48 channels, half float
    kept = 3 * 48 * 32 * 7 * 2  # what the model made: edit, alpha, composite, half floats at its own size
    needed = layers + latents + kept
    usage = namedtuple("usage", "total used free")
    request = request_of(plate=plate, take_root=str(tmp_path / "takes"), **more)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(0, 0, needed))
    check_request(request, model, tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(0, 0, needed - 1))
    with pytest.raises(DiskTooFull):
        check_request(request, model, tmp_path)
    assert not (tmp_path / "takes").exists()


def test_the_windows_of_a_request_are_known_before_it_is_queued(model, plate, request_of, tmp_path):
    checked = check_request(request_of(plate=plate), model, tmp_path)
    assert (checked.frames, checked.working_size) == (FrameSet.parse("1001-1003"), (48, 32))
    assert checked.window_latents == (2,)


def test_handles_are_frames_that_the_plate_has_to_have(model, plate, request_of, tmp_path):
    middle = request_of(plate=plate, frames=FrameSet.parse("1002"), handles=1)
    assert check_request(middle, model, tmp_path).frames == FrameSet.parse("1001-1003")
    with pytest.raises(FrameMissing, match="1000, 1004"):
        check_request(replace(middle, handles=2), model, tmp_path)


def test_what_a_window_sees_around_its_frames_is_read_as_well(model):
    frames = FrameSet.parse("1001-1100,1201-1205")
    model = replace(model, window_frames=17, overlap_frames=5)

    def read(made: str) -> str:
        return str(read_frames(plan_take(frames, FrameSet.parse(made), model)))

    # frame 1050 is index 49, of latent 13; two latents on either side are seen, and four before those warm a codec up:
    # latents 7 to 15, the first of which stands for its last frame alone
    assert read("1050") == f"{1001 + 4 * 7}-{1001 + 4 * 15}"
    assert read("1201-1205") == "1201-1205"
    assert read("1001,1203") == "1001-1009,1201-1205"


def test_a_strength_without_a_base_is_refused(model, plate, request_of, tmp_path):
    with pytest.raises(StrengthInvalid, match="base"):
        check_request(request_of(plate=plate, strength=0.5), model, tmp_path)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"handles": -1}, HandlesInvalid),
        ({"frames": FrameSet.parse("1-10001")}, RangeTooLong),
        ({"frames": FrameSet.parse("1-5000,6001-11000"), "handles": 1}, RangeTooLong),
        ({"handles": 2**31 - 1}, RangeTooLong),
        ({"label": "x" * 201}, NoteInvalid),
        ({"label": "two\nlines"}, NoteInvalid),
        ({"edit_type": None}, EditTypeMissing),
        ({"prompt": ""}, PromptInvalid),
        ({"prompt": "ball " * 20_000}, PromptInvalid),
        ({"plate": PlateReference("")}, PathNotAbsolute),
    ],
)
def test_what_no_take_can_be_made_of_is_refused(model, request_of, tmp_path, fields, kind):
    with pytest.raises(kind) as caught:
        check_request(request_of(**fields), model, tmp_path)
    assert caught.value.argument
    assert caught.value.remedy


def test_the_same_request_has_the_same_fingerprint(model, plate, request_of, tmp_path):
    request = request_of(plate=plate, settings=AskedSettings(seed=7), take_root=str(tmp_path / "takes"))

    def of(**fields: object) -> str:
        return check_request(replace(request, **fields), model, tmp_path).fingerprint

    first = of()
    # a seed that was drawn, asked for; a name; its place in the queue; what is the default anyway
    assert first == of(label="wide", priority=3, reuse=True)
    assert first == of(settings=AskedSettings(seed=7, num_inference_steps=9, guidance_scale=1.5))
    assert first == of(exposure=0.0, finish=AskedFinish(black=0.06, detail=Detail.EDIT))
    others = [
        of(settings=AskedSettings(seed=8)),
        of(settings=AskedSettings(seed=7, num_inference_steps=8)),
        of(settings=AskedSettings(seed=7, preset="draft")),
        of(prompt="a red sky"),
        of(frames=FrameSet.parse("1001-1002")),
        of(node_id="other"),
        of(write_comp=True),
        of(exposure=1.0),
        of(region=Region.resting(Box(0, 0, 30, 20))),
        of(finish=AskedFinish(black=0.1)),
        of(holdout=MaskReference(plate)),
        of(mask=MaskReference(plate)),
        check_request(request, replace(model, weights_sha256={"vae/a.safetensors": "0" * 64}), tmp_path).fingerprint,
    ]
    write_frame(tmp_path / "plate.3.exr", value=0.5)
    others.append(of())
    assert len({first, *others}) == len(others) + 1
