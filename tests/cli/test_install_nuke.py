"""`vera-edit install nuke`: a folder and a line in the user's own init.py, both or neither."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vera_engine.cli import doctor, install, nuke_plugin

OWN = "# mine\r\nimport nuke\r\nprint('ä')"


@pytest.fixture
def home(tmp_path) -> Path:
    """A Nuke folder with an init.py of the user's own, without a line's end at its end."""
    folder = tmp_path / "nuke home" / ".nuke"
    folder.mkdir(parents=True)
    (folder / "init.py").write_bytes(OWN.encode())
    (folder / "init.py").chmod(0o640)
    return folder


def everything(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_it_adds_a_folder_and_a_line_and_takes_just_them_away_again(vera_edit, home):
    done = vera_edit("install", "nuke", "--dir", home)
    assert done.returncode == 0, done.stderr
    init = (home / "init.py").read_bytes().decode()
    assert init.startswith(f"{OWN}\r\n# >>> vera-edit\r\n")
    assert "nuke.pluginAddPath('./vera_edit')\r\n" in init
    assert stat.S_IMODE((home / "init.py").stat().st_mode) == 0o640
    for name in ("init.py", "menu.py", "icons/vera_edit.png", "vera_nuke/node.py", "vera_client/host/run.py"):
        assert (home / "vera_edit" / name).is_file(), name
    assert vera_edit("install", "nuke", "--dir", home, "--check").returncode == 0
    before = everything(home)
    assert "up to date" in vera_edit("install", "nuke", "--dir", home).stdout
    assert everything(home) == before
    assert vera_edit("install", "nuke", "--dir", home, "--uninstall").returncode == 0
    assert everything(home) == {"init.py": OWN.encode() + b"\r\n"}
    assert sorted(path.name for path in home.iterdir()) == ["init.py"]


def test_a_dry_run_and_a_check_change_nothing(vera_edit, home):
    assert "would be installed" in vera_edit("install", "nuke", "--dir", home, "--dry-run").stdout
    done = vera_edit("install", "nuke", "--dir", home, "--check")
    assert (done.returncode, "not installed" in done.stdout) == (1, True)
    assert everything(home) == {"init.py": OWN.encode()}


def test_what_lies_beside_the_line_stays_when_it_is_renewed(vera_edit, home):
    vera_edit("install", "nuke", "--dir", home)
    init = home / "init.py"
    text = init.read_bytes().replace(b"'./vera_edit'", b"'/old/place'") + b"\r\n# after\r\n"
    init.write_bytes(text)
    assert "does not name it" in vera_edit("install", "nuke", "--dir", home, "--check").stdout
    vera_edit("install", "nuke", "--dir", home)
    assert init.read_bytes() == text.replace(b"'/old/place'", b"'./vera_edit'")


def test_without_a_nuke_folder_one_is_made_and_uninstall_leaves_it_empty(vera_edit, environment):
    home = Path(environment["HOME"]) / ".nuke"
    assert vera_edit("install", "nuke").returncode == 0
    assert (home / "init.py").read_text() == nuke_plugin.BLOCK
    assert vera_edit("install", "nuke", "--uninstall").returncode == 0
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"# >>> vera-edit\n", "one pair"),
        (b"# <<< vera-edit\n# >>> vera-edit\n", "one"),
    ],
)
def test_an_init_that_cannot_be_changed_safely_is_left_alone(vera_edit, home, content, message):
    (home / "init.py").write_bytes(content)
    for option in ((), ("--uninstall",)):
        done = vera_edit("install", "nuke", "--dir", home, *option)
        assert done.returncode != 0
        assert message in done.stderr
        assert everything(home) == {"init.py": content}


def test_somebody_elses_folder_is_left_alone(vera_edit, home):
    (home / "vera_edit").mkdir()
    (home / "vera_edit" / "tool.py").write_text("theirs")
    assert vera_edit("install", "nuke", "--dir", home).returncode != 0
    assert everything(home) == {"init.py": OWN.encode(), "vera_edit/tool.py": b"theirs"}


@pytest.mark.parametrize("was_there", [False, True])
def test_where_the_line_cannot_be_written_the_folder_is_as_it_was_too(home, monkeypatch, was_there):
    (plugin,) = nuke_plugin.installations(home)
    if was_there:
        plugin.install()
        (home / "vera_edit" / "menu.py").write_text("# older")
        (home / "init.py").write_bytes(OWN.encode())
    before = everything(home)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nuke_plugin, "_put", full)
    with pytest.raises(OSError, match="No space"):
        plugin.install()
    assert everything(home) == before


def test_an_init_that_is_a_link_stays_one(home, tmp_path):
    kept = tmp_path / "dotfiles" / "init.py"
    kept.parent.mkdir()
    (home / "init.py").rename(kept)
    (home / "init.py").symlink_to(kept)
    (plugin,) = nuke_plugin.installations(home)
    plugin.install()
    assert (home / "init.py").is_symlink()
    assert "./vera_edit" in kept.read_text(encoding="utf-8")


STARTS = """
import sys
from pathlib import Path
sys.path.insert(0, {fake!r})
import nuke
nuke.stage.run_startup(Path({plugin!r}))
import vera_nuke.node, vera_client
assert nuke.menu("Nodes").menu("Vera Edit").commands
print(vera_client.__file__)
"""


@pytest.mark.parametrize("kind", ["installed", "checkout"])
def test_nuke_starts_with_it_and_finds_its_client(home, repository, kind):
    """By `init.py` in the user's folder, or by NUKE_PATH; in a process that sees no site-packages."""
    (installation,) = nuke_plugin.installations(home)
    installation.install()
    plugin, client = {
        "installed": (home / "vera_edit", home / "vera_edit" / "vera_client"),
        "checkout": (repository / "plugins" / "nuke", repository / "plugins" / "client" / "vera_client"),
    }[kind]
    program = STARTS.format(fake=str(repository / "tests/hosts/nuke/fake_nuke"), plugin=str(plugin))
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(client / "__init__.py"), done.stdout + done.stderr


def test_the_folder_for_nuke_path_is_printed(capsys, repository):
    assert install.print_path("nuke") == 0
    assert capsys.readouterr().out == f"{repository / 'plugins' / 'nuke'}\n"
    with pytest.raises(install.NoFolderToName, match="own folders"):
        install.print_path("blender")


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {"HOME": "/home/artist", "USERPROFILE": "/no"}, "/home/artist/.nuke"),
        ("darwin", {"HOME": "/Users/artist"}, "/Users/artist/.nuke"),
        ("win32", {"USERPROFILE": "C:/Users/artist"}, "C:/Users/artist/.nuke"),
        ("win32", {"USERPROFILE": "C:/Users/artist", "HOME": "D:/profiles/artist"}, "D:/profiles/artist/.nuke"),
    ],
)
def test_nukes_folder_on_every_system(monkeypatch, platform, environment, expected):
    monkeypatch.setattr(sys, "platform", platform)
    assert nuke_plugin.find_nuke_home(environment) == Path(expected)


def test_doctor_looks_at_nuke_too(tmp_path, monkeypatch, repository):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NUKE_PATH", raising=False)
    assert "never started" in doctor.check_nuke().detail
    (tmp_path / ".nuke").mkdir()
    assert (doctor.check_nuke().status, doctor.check_nuke().remedy) == ("warn", "Run: vera-edit install nuke")
    (plugin,) = nuke_plugin.installations()
    plugin.install()
    assert doctor.check_nuke().status == "ok"
    (tmp_path / ".nuke" / "vera_edit" / "menu.py").write_text("")
    assert "another version" in doctor.check_nuke().detail
    monkeypatch.setenv("NUKE_PATH", os.pathsep.join(["/no/such", str(repository / "plugins" / "nuke")]))
    assert "by NUKE_PATH" in doctor.check_nuke().detail
    assert doctor.check_nuke().status == "ok"
    monkeypatch.setenv("NUKE_PATH", str(tmp_path / ".nuke" / "vera_edit"))  # whose menu.py is another one
    assert doctor.check_nuke().status == "warn"
    plugin.install()
    assert doctor.check_nuke().status == "ok"
