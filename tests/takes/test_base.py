"""What a repair takes over from its base, and which bases it is refused with."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.takes.conftest import write_frame
from vera_engine.model.settings import ModelSettings
from vera_engine.plates.frames import FrameSet
from vera_engine.takes.base import (
    BaseNotFinished,
    BaseNotFound,
    BaseOfAnotherModel,
    BaseOfAnotherPlate,
    BaseOfAnotherSize,
    BaseUnusable,
    FoundBase,
    FramesNotInBase,
    read_base,
)
from vera_engine.takes.checks import check_request
from vera_engine.takes.request import (
    AskedFinish,
    AskedSettings,
    BaseTake,
    EditType,
    MaskMeaning,
    MaskReference,
    PlateReference,
    TakeRequest,
    TakeSettings,
)
from vera_engine.takes.rules import HoldoutUnclear, MaskNeeded, MaskUnclear, StrengthInvalid


def write_version(directory: Path, request: TakeRequest, settings: TakeSettings, model: ModelSettings) -> None:
    """A finished version as far as a repair is checked against it: what its `take.json` says."""
    directory.mkdir(parents=True)
    files = {frame: Path(request.plate.path).with_name(f"plate.{frame - 1000}.exr") for frame in request.frames}
    record = {
        "take_id": "the base",
        "request": request.as_record(),
        "settings": asdict(settings),
        "frames": {str(frame): {"matte_box": [5, 6, 7, 8]} for frame in request.frames},
        "files": {f"{kind}.{frame}.exr": {} for frame in request.frames for kind in ("layers", "model")},
        "plate": {str(f): {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for f, path in files.items()},
        "plate_size": [60, 40],
        "working_size": [48, 32],
        "model": {"name": model.name, "weights_sha256": model.weights_sha256},
        "latents": [{"file": "latents.001.safetensors"}],
    }
    (directory / "take.json").write_text(json.dumps(record))


@pytest.fixture
def base(model, plate, request_of, tmp_path) -> FoundBase:
    settings = TakeSettings(seed=77, num_inference_steps=5, guidance_scale=3.5)
    checked = check_request(request_of(plate=plate, prompt="a blue sky"), model, tmp_path)
    write_version(tmp_path / "takes" / "hero" / "v001", checked.request, settings, model)
    return read_base(tmp_path / "takes" / "hero" / "v001")


@pytest.fixture
def asked(base) -> TakeRequest:
    """All that a repair has to say."""
    return TakeRequest("hero", None, "", FrameSet.parse("1002"), PlateReference(""), base=base.take)


def test_what_is_not_said_is_the_bases(model, base, asked, tmp_path):
    checked = check_request(asked, model, tmp_path, base)
    request = checked.request
    assert (request.prompt, request.edit_type, request.plate) == ("a blue sky", EditType.ADD, base.request.plate)
    assert checked.settings == base.settings
    assert (request.strength, request.base) == (1.0, base.take)
    assert checked.frames == FrameSet.parse("1001-1003")
    assert checked.window_latents == (2,)


def test_what_is_said_is_not_the_bases(model, base, asked, tmp_path):
    settings = AskedSettings(seed=0, guidance_scale=0.0)
    asked = replace(asked, prompt="a red ball", settings=settings, strength=0.5, edit_type=EditType.BACKGROUND)
    with pytest.raises(MaskNeeded):
        check_request(asked, model, tmp_path, base)
    checked = check_request(asked, replace(model, background_needs_mask=False), tmp_path, base)
    assert (checked.request.prompt, checked.request.strength) == ("a red ball", 0.5)
    assert checked.settings == TakeSettings(0, 5, 0.0)


def test_a_preset_that_is_said_brings_its_own_steps(model, base, asked, tmp_path):
    base = replace(base, settings=replace(base.settings, preset="draft"))
    model = replace(model, preset_steps={"standard": 4})
    assert check_request(asked, model, tmp_path, base).settings == base.settings
    said = replace(asked, settings=AskedSettings(preset="standard"))
    assert check_request(said, model, tmp_path, base).settings == TakeSettings(77, 4, 3.5, "standard")


def test_a_mask_stays_unless_another_or_none_is_named(model, base, asked, plate, tmp_path):
    mask = MaskReference(plate, MaskMeaning.KEEP_THIS)
    other = MaskReference(plate, MaskMeaning.EDIT_HERE, invert=True)
    masked = replace(base, request=replace(base.request, mask=mask))
    assert check_request(asked, model, tmp_path, masked).request.mask == mask
    assert check_request(replace(asked, mask=other), model, tmp_path, masked).request.mask == other
    assert check_request(replace(asked, without_mask=True), model, tmp_path, masked).request.mask is None
    with pytest.raises(MaskUnclear):
        check_request(replace(asked, mask=other, without_mask=True), model, tmp_path, masked)


def test_a_hold_out_and_what_layers_are_finished_with_stay_unless_others_are_named(model, base, asked, plate, tmp_path):
    hold, other = MaskReference(plate, MaskMeaning.KEEP_THIS), MaskReference(plate, MaskMeaning.KEEP_THIS, invert=True)
    finish = replace(base.request.finish, black=0.2, despill=0.5)
    held = replace(base, request=replace(base.request, holdout=hold, finish=finish))

    def of(**said: object) -> TakeRequest:
        return check_request(replace(asked, **said), model, tmp_path, held).request

    assert (of().holdout, of().finish) == (hold, finish)
    assert of(holdout=other).holdout == other
    assert of(without_holdout=True).holdout is None
    assert of(finish=AskedFinish(black=0.1)).finish == replace(finish, black=0.1)
    with pytest.raises(HoldoutUnclear):
        of(holdout=other, without_holdout=True)


@pytest.mark.parametrize("name", ["view", "part", "layer"])
def test_another_picture_of_the_same_file_is_another_plate(model, base, asked, plate, tmp_path, name):
    seen_so = replace(base.request, plate=replace(base.request.plate, **{name: "left"}))
    with pytest.raises(BaseOfAnotherPlate) as caught:
        check_request(replace(asked, plate=plate), model, tmp_path, replace(base, request=seen_so))
    assert caught.value.argument == f"plate.{name}"


@pytest.mark.parametrize("strength", [0.0, -0.5, 1.01, math.nan, math.inf])
def test_a_strength_that_is_none_is_refused(model, base, asked, tmp_path, strength):
    with pytest.raises(StrengthInvalid) as caught:
        check_request(replace(asked, strength=strength), model, tmp_path, base)
    assert caught.value.argument == "strength"


def test_frames_that_the_base_has_not_are_named(model, base, asked, tmp_path):
    with pytest.raises(FramesNotInBase, match=r"does not have 1000, 1004-1005; it has 1001-1003\.") as caught:
        check_request(replace(asked, frames=FrameSet.parse("1000-1001,1003-1005")), model, tmp_path, base)
    assert caught.value.argument == "frames"
    with pytest.raises(FramesNotInBase):
        check_request(replace(asked, handles=2), model, tmp_path, base)


def test_the_plate_has_to_be_the_bases_own(model, base, asked, plate, tmp_path):
    assert check_request(replace(asked, plate=plate), model, tmp_path, base).request.plate.path == plate.path
    copied = tmp_path / "copied"
    shutil.copytree(Path(plate.path).parent, copied, ignore=shutil.ignore_patterns("takes"))
    elsewhere = replace(plate, path=str(copied / "plate.#.exr"))
    check_request(replace(asked, plate=elsewhere), model, tmp_path, base)  # the same pixels elsewhere
    write_frame(copied / "plate.2.exr", value=0.5)
    with pytest.raises(BaseOfAnotherPlate, match="1002 differ") as caught:
        check_request(replace(asked, plate=elsewhere), model, tmp_path, base)
    assert (caught.value.argument, caught.value.value) == ("plate.path", elsewhere.path)


def test_another_color_space_is_another_plate(model, base, asked, plate, tmp_path):
    with pytest.raises(BaseOfAnotherPlate) as caught:
        check_request(replace(asked, plate=replace(plate, color_space="srgb")), model, tmp_path, base)
    assert caught.value.argument == "plate.color_space"


def test_another_size_is_refused(model, base, asked, tmp_path):
    for changed, words in (
        ({"plate_size": (120, 80)}, "plate is 60x40, the base's was 120x80"),
        ({"working_size": (96, 64)}, "works at 48x32, the base's did at 96x64"),
    ):
        with pytest.raises(BaseOfAnotherSize, match=words):
            check_request(asked, model, tmp_path, replace(base, **changed))


def test_latents_of_another_decoder_are_refused(model, base, asked, tmp_path):
    other = replace(model, weights_sha256={**model.weights_sha256, "transformer/a.safetensors": "b" * 64})
    check_request(asked, other, tmp_path, base)  # other weights of the same family read them
    with pytest.raises(BaseOfAnotherModel):
        check_request(asked, replace(model, weights_sha256={"vae/a.safetensors": "b" * 64}), tmp_path, base)


def test_a_base_is_what_its_own_folder_says(base, tmp_path):
    directory = tmp_path / "takes" / "hero" / "v001"
    assert base.take == BaseTake("the base", str(directory))
    assert (str(base.frames), base.plate_size, base.working_size) == ("1001-1003", (60, 40), (48, 32))
    shutil.move(tmp_path / "takes", tmp_path / "moved")
    moved = tmp_path / "moved" / "hero" / "v001"
    assert read_base(moved) == replace(base, take=BaseTake("the base", str(moved)))


def test_what_is_no_finished_take_is_no_base(base, tmp_path):
    node = tmp_path / "takes" / "hero"
    with pytest.raises(BaseNotFound) as caught:
        read_base(node / "v007")
    assert caught.value.value == str(node / "v007")
    (node / "v007.partial").mkdir()
    for directory in (node / "v007", node / "v007.partial"):
        with pytest.raises(BaseNotFinished):
            read_base(directory)


@pytest.mark.parametrize(
    "change",
    [
        {"latents": []},
        {"latents": None},
        {"plate_size": None},
        {"frames": {}},
        {"settings": {"seed": 1}},
        {"request": {"frames": {"first_frame": 1, "last_frame": 2}}},
    ],
)
def test_a_version_without_what_a_repair_needs_is_refused(base, tmp_path, change):
    path = tmp_path / "takes" / "hero" / "v001" / "take.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(BaseUnusable) as caught:
        read_base(path.parent)
    assert (caught.value.argument, caught.value.value) == ("base_directory", str(path.parent))
