"""What a model says of itself, read without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from vera_engine.errors import InvalidArgument
from vera_engine.model.settings import (
    ModelFolderMissing,
    ModelSettings,
    ModelSettingsInvalid,
    model_folder,
    read_settings,
    unknown_words,
    write_settings,
)

SETTINGS = ModelSettings(
    name="test",
    vocabulary=("add", "a", "red", "ball"),
    working_sizes=((832, 480), (480, 832), (640, 640), (96, 96)),
    window_frames=17,
    overlap_frames=5,
    num_inference_steps=12,
    guidance_scale=2.5,
    flow_shift=3.0,
    background_needs_mask=True,
    codec="LinearVideoCodec",
    weights_sha256={"transformer/weights.safetensors": "0123456789abcdef" * 4},
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_settings(tmp_path, SETTINGS)
    assert read_settings(tmp_path) == SETTINGS
    assert read_settings(str(tmp_path)) == SETTINGS
    assert [path.name for path in tmp_path.iterdir()] == ["vera_edit.json"]


def test_a_folder_need_not_say_steps_of_presets(tmp_path: Path) -> None:
    steps = {"draft": 2, "final": 9}
    write_settings(tmp_path, replace(SETTINGS, preset_steps=steps))
    assert read_settings(tmp_path).preset_steps == steps
    stored = json.loads((tmp_path / "vera_edit.json").read_text())
    del stored["preset_steps"]
    (tmp_path / "vera_edit.json").write_text(json.dumps(stored))
    assert read_settings(tmp_path) == SETTINGS


def test_the_file_is_plain_json_with_a_format_version(tmp_path: Path) -> None:
    write_settings(tmp_path, SETTINGS)
    stored = json.loads((tmp_path / "vera_edit.json").read_text())
    assert stored["format_version"] == 1
    assert stored["working_sizes"] == [[832, 480], [480, 832], [640, 640], [96, 96]]
    assert stored["vocabulary"] == ["add", "a", "red", "ball"]


def test_settings_need_no_torch(tmp_path: Path) -> None:
    write_settings(tmp_path, SETTINGS)
    program = (
        "import sys\n"
        "from vera_engine.model.checksums import hash_weights\n"
        "from vera_engine.model.settings import read_settings\n"
        f"print(read_settings({str(tmp_path)!r}).name, hash_weights)\n"
        "heavy = {'torch', 'diffusers', 'transformers', 'numpy', 'safetensors'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=_path())
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("test ")


def _path() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).parents[2] / "engine")}


@pytest.mark.parametrize("folder", ["nothing", "empty"])
def test_a_missing_model_is_named(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelFolderMissing) as refusal:
        read_settings(tmp_path / folder)
    assert refusal.value.argument == "model"
    assert refusal.value.value == str(tmp_path / folder)
    assert "small" in refusal.value.remedy


def test_small_is_the_model_beside_the_code_and_a_path_is_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small").mkdir()
    write_settings(tmp_path / "small", SETTINGS)
    write_settings(tmp_path, replace(SETTINGS, name="home"))
    monkeypatch.setattr("vera_engine.model.settings.__file__", str(tmp_path / "settings.py"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert model_folder("small") == tmp_path / "small"
    assert read_settings("small").name == "test"
    assert read_settings("~").name == "home"


@pytest.mark.parametrize(
    ("plate", "expected"),
    [
        ((1920, 1080), (832, 480)),
        ((4096, 2160), (832, 480)),
        ((1080, 1920), (480, 832)),
        ((1000, 1001), (640, 640)),
        ((1, 1), (640, 640)),
        # 4:3 lies nearer to 1 (log 0.288) than 832:480 (log 0.550 - 0.288 = 0.262) does: the wider wins.
        ((1440, 1080), (832, 480)),
        # 1.3 : log 0.262 from square, 0.288 from 832:480.
        ((1300, 1000), (640, 640)),
        ((16384, 16), (832, 480)),
    ],
)
def test_the_working_size_is_of_the_nearest_aspect_ratio(plate: tuple[int, int], expected: tuple[int, int]) -> None:
    assert SETTINGS.working_size(*plate) == expected


@pytest.mark.parametrize("plate", [(0, 1080), (1920, 0), (-1, -1)])
def test_a_plate_without_pixels_has_no_working_size(plate: tuple[int, int]) -> None:
    with pytest.raises(InvalidArgument, match="no pixels"):
        SETTINGS.working_size(*plate)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("name", " "),
        ("vocabulary", ("Red",)),
        ("vocabulary", ("two words",)),
        ("working_sizes", ()),
        ("working_sizes", ((832, 481),)),
        ("working_sizes", ((0, 16),)),
        ("window_frames", 16),
        ("window_frames", -3),
        ("overlap_frames", 17),
        ("overlap_frames", 4),
        ("num_inference_steps", 0),
        ("guidance_scale", 0.5),
        ("guidance_scale", float("nan")),
        ("flow_shift", 0.0),
        ("codec", ""),
        ("weights_sha256", {"a.safetensors": "abc"}),
        ("preset_steps", {"draft": 0}),
    ],
)
def test_settings_no_model_could_work_with_are_refused(setting: str, value: Any) -> None:
    with pytest.raises(ModelSettingsInvalid, match=setting) as refusal:
        replace(SETTINGS, **{setting: value})
    assert refusal.value.argument == f"vera_edit.json.{setting}"


@pytest.mark.parametrize(
    ("window", "overlap", "latents"),
    [(17, 5, (5, 2)), (17, 0, (5, 1)), (17, 1, (5, 1)), (49, 13, (13, 4)), (1, 0, (1, 1)), (5, 1, (2, 1))],
)
def test_windows_in_latents(window: int, overlap: int, latents: tuple[int, int]) -> None:
    """A window begins with a frame of its own; what it shares is inside the clip: four frames a latent, never none."""
    settings = replace(SETTINGS, window_frames=window, overlap_frames=overlap)
    assert (settings.window_latents, settings.overlap_latents) == latents


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"window_frames": "17"}, "wrong kind"),
        ({"window_frames": 17.0}, "wrong kind"),
        ({"num_inference_steps": True}, "wrong kind"),
        ({"background_needs_mask": 1}, "wrong kind"),
        ({"guidance_scale": None}, "wrong kind"),
        ({"vocabulary": "red"}, "wrong kind"),
        ({"vocabulary": [1]}, "wrong kind"),
        ({"working_sizes": [832, 480]}, "wrong kind"),
        ({"working_sizes": [[832, 480, 3]]}, "wrong kind"),
        ({"working_sizes": [[832.0, 480.0]]}, "wrong kind"),
        ({"weights_sha256": {"a": 1}}, "wrong kind"),
        ({"preset_steps": {"draft": 2.0}}, "wrong kind"),
        ({"name": 3}, "wrong kind"),
        ({"format_version": 2}, "format version"),
        ({"flow_shfit": 1.0}, "unknown: .*flow_shfit"),
    ],
)
def test_a_file_with_other_things_in_it_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    stored = {"format_version": 1, **asdict(SETTINGS), **changes}
    (tmp_path / "vera_edit.json").write_text(json.dumps(stored))
    with pytest.raises(ModelSettingsInvalid, match=said):
        read_settings(tmp_path)


def test_a_missing_setting_is_named(tmp_path: Path) -> None:
    stored = {"format_version": 1, **asdict(SETTINGS)}
    del stored["codec"]
    (tmp_path / "vera_edit.json").write_text(json.dumps(stored))
    with pytest.raises(ModelSettingsInvalid, match=r"missing: .*codec"):
        read_settings(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_file_that_is_no_settings_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vera_edit.json").write_bytes(content)
    with pytest.raises(ModelSettingsInvalid):
        read_settings(tmp_path)


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("add a red ball", []),
        ("Add a RED ball!", []),
        ("add a crimson ball, a crimson dragon", ["crimson", "dragon"]),
        ("add 2 balls", ["2", "balls"]),
        ("red-ball", []),
        ("füge einen ball hinzu", ["füge", "einen", "hinzu"]),
        ("", []),
        ("...", []),
    ],
)
def test_words_a_model_does_not_know(prompt: str, unknown: list[str]) -> None:
    assert unknown_words(prompt, SETTINGS.vocabulary) == unknown


def test_an_empty_vocabulary_knows_every_word() -> None:
    assert unknown_words("anything at all", ()) == []
