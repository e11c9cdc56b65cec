"""The project is built and installed as people do that, from `.packaging`."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterable
from configparser import ConfigParser
from pathlib import Path

import pytest

import app
from tests.conftest import ROOT

_VERSION = f"chargecloud {app.__version__}\n"
# Not `python -m uv`, which installs into the environment of the tests.
_UV = Path(sysconfig.get_path("scripts")) / "uv"
_NAME = f"chargecloud-{app.__version__}"


def _run(*command: object, cwd: Path, **settings: object) -> str:
    """Run a command that has to succeed; returns its standard output."""
    env = os.environ | {name: str(value) for name, value in settings.items()}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _ours(names: Iterable[str]) -> set[str]:
    """Return the files below the packages, and the entry module."""
    folders = ("app/", "schemas/", "chargecloud_contract_tests/")
    return {name for name in names if name.startswith(folders) or name == "wsgi.py"}


@pytest.fixture
def source(checkout: Path) -> set[str]:
    """The files that are installed: all but what explains the rooms, and the tests' other truth."""
    names = {
        (Path(folder).relative_to(checkout) / name).as_posix()
        for folder, _, names in os.walk(checkout, followlinks=True)
        for name in names
    }
    plugin = ("app/parity/contract_tests/", "chargecloud_contract_tests/")
    return {
        name.replace(*plugin)
        for name in _ours(names)
        if not name.endswith(".md")
        if name.endswith(".jsonl") or "/recordings/" not in name
    }


def test_the_wheel_has_every_file(built: Path, source: set[str]) -> None:
    """Modules, templates, migrations, recordings and the marks of typed packages; nothing else."""
    with zipfile.ZipFile(built / f"{_NAME}-py3-none-any.whl") as wheel:
        names = wheel.namelist()
        said = wheel.read(f"{_NAME}.dist-info/entry_points.txt").decode()

    assert {"app/py.typed", "schemas/py.typed", "app/docs/templates/base.html"} < source
    assert _ours(names) == source
    assert {name.partition("/")[0] for name in set(names) - source} == {f"{_NAME}.dist-info"}
    assert "[console_scripts]\nchargecloud = app.__main__:main\n" in said
    assert "[pytest11]\nchargecloud = " in said


def test_the_source_archive_makes_the_same_wheel(built: Path, tmp_path: Path) -> None:
    """It holds files, not links to what isn't there."""
    with tarfile.open(built / f"{_NAME}.tar.gz") as archive:
        # Python 3.11.4 has the filter that 3.14 uses by itself; 3.11.2 knows none.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "."]

    _run(*command, _NAME, cwd=tmp_path)

    name = f"{_NAME}-py3-none-any.whl"
    with zipfile.ZipFile(built / name) as one, zipfile.ZipFile(tmp_path / name) as other:
        assert one.namelist() == other.namelist()


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment with links to what the tests have, but for this project.

    So pip finds each dependency and needs no index.
    """
    folder = tmp_path / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=tmp_path)
    (packages,) = folder.glob("lib/*/site-packages")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(("chargecloud", "__editable__", "__pycache__")):
            (packages / path.name).symlink_to(path)
    return folder


@pytest.mark.parametrize(
    "what",
    [
        ["./.packaging[auth,metrics]"],
        ["-e", "./.packaging"],
        ["git+file://{checkout}#subdirectory=.packaging"],
        ["{wheel}"],
    ],
    ids=["folder", "editable", "git", "wheel"],
)
def test_pip_installs_it(
    checkout: Path, built: Path, venv: Path, tmp_path: Path, what: list[str]
) -> None:
    """And the command works anywhere, with what it reads from its own files."""
    wheel = built / f"{_NAME}-py3-none-any.whl"
    words = [word.format(checkout=checkout, wheel=wheel) for word in what]
    pip = [sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install"]

    _run(*pip, "-q", "--no-index", "--no-build-isolation", *words, cwd=checkout)

    command = venv / "bin" / "chargecloud"
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    assert _run(command, "--version", cwd=tmp_path) == _VERSION
    assert "now 0002" in _run(command, "db", "upgrade", cwd=tmp_path, CHARGECLOUD_DATABASE_URL=url)


def test_pipx_installs_it(checkout: Path, tmp_path: Path) -> None:
    """With its dependencies from the index, in an environment of its own."""
    settings = {"PIPX_HOME": tmp_path / "pipx", "PIPX_BIN_DIR": tmp_path / "bin"}

    _run(sys.executable, "-m", "pipx", "install", "./.packaging", cwd=checkout, **settings)

    assert _run(tmp_path / "bin" / "chargecloud", "--version", cwd=tmp_path) == _VERSION


def test_uv_installs_it(checkout: Path, tmp_path: Path) -> None:
    """Into an environment that uv made."""
    folder = tmp_path / "venv"
    _run(_UV, "venv", "-q", "--python", sys.executable, folder, cwd=tmp_path)

    _run(_UV, "pip", "install", "./.packaging", cwd=checkout, VIRTUAL_ENV=folder)

    assert _run(folder / "bin" / "chargecloud", "--version", cwd=tmp_path) == _VERSION


def test_uvx_runs_it(checkout: Path) -> None:
    """Without an installation."""
    uvx = [f"{_UV}x", "--python", sys.executable, "--from", "./.packaging"]

    said = _run(*uvx, "chargecloud", "--version", cwd=checkout)

    assert said == _VERSION


def test_a_checkout_without_links_can_be_mended(checkout: Path, tmp_path: Path) -> None:
    """Git on Windows writes a link as a text file, unless it is told that links can be made."""
    clone = tmp_path / "clone"
    _run("git", "clone", "-q", "-c", "core.symlinks=false", checkout, clone, cwd=tmp_path)
    written = (clone / ".packaging" / "setup.cfg").read_text(encoding="utf-8")

    _run("git", "config", "core.symlinks", "true", cwd=clone)
    _run("git", "checkout", "--force", cwd=clone)

    assert written == "../setup.cfg"
    assert (clone / ".packaging" / "setup.cfg").samefile(clone / "setup.cfg")


def test_tox_wants_the_python_that_the_package_wants() -> None:
    """So an older one is refused before pip looks for what would run on it."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")

    assert config["testenv"]["base_python"] == f"python{config['options']['python_requires']}"


def test_only_links_stand_beside_the_build_settings() -> None:
    """Nothing is said twice: pip wants a folder with a pyproject.toml, and gets one."""
    files = {path.name: path for path in (ROOT / ".packaging").iterdir() if path.is_symlink()}

    assert {name: os.readlink(path) for name, path in files.items()} == {
        name: f"../{name}" for name in ("README.md", "app", "schemas", "setup.cfg", "wsgi.py")
    }
    assert (ROOT / ".packaging" / "pyproject.toml").read_text(encoding="utf-8").count("\n") == 3
