"""The lock file for deployments."""

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

from packaging.requirements import Requirement

from tests.conftest import ROOT

LOCK = ROOT / ".requirements.lock"


def _locked() -> dict[str, str]:
    found = re.findall(r"^([a-z0-9-]+)==(\S+) ", LOCK.read_text(), re.M)
    return dict(found)


def test_every_dependency_is_locked_within_its_bounds() -> None:
    """What serves, and the extras for tokens, metrics and PostgreSQL."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = config["options.extras_require"]
    lists = [config["options"]["install_requires"]]
    lists += [extras["auth"], extras["metrics"], extras["postgres"]]
    locked = _locked()

    wrong = [
        line
        for line in "\n".join(lists).split("\n")
        if line and not line.startswith("#") and _is_for_linux(line)
        if locked[Requirement(line).name.lower()] not in Requirement(line).specifier
    ]

    assert wrong == []


def test_the_lock_file_installs(tmp_path: Path) -> None:
    """Each file has a known hash, and together they serve."""
    made = tmp_path / "packages"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes"]
    subprocess.run([*install, "--target", str(made), "-r", str(LOCK)], check=True)
    code = (
        "import sys; from app.factory import create_app; import app.host.access.bearer, psycopg; "
    )
    code += "create_app(); import flask; print(flask.__file__)"

    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": f"{made}:{ROOT}"},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )

    assert done.stdout.startswith(str(made))


def _is_for_linux(line: str) -> bool:
    marker = Requirement(line).marker
    return marker is None or marker.evaluate({"sys_platform": "linux"})
