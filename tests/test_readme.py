"""README says what is so."""

import dataclasses
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from app.cli import COMMANDS
from app.config import Settings
from app.host.actions import RESOURCES
from app.host.application import WebApi
from app.server import demo
from app.store.store import Store
from tests import truth

_ROOT = Path(__file__).parent.parent
_README = (_ROOT / "README.md").read_text(encoding="utf-8")


def _section(title: str) -> str:
    """Return a section's text."""
    return _README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _rows(title: str) -> list[str]:
    """Return the first cells of a section's table, without their marks."""
    return re.findall(r"^\| `([^`]*)`", _section(title), re.MULTILINE)


def test_every_setting_is_listed() -> None:
    """The table names the settings, in the code's order."""
    assert _rows("Settings") == [item.name.upper() for item in dataclasses.fields(Settings)]


def test_every_command_is_listed(make_app: Callable[..., WebApi]) -> None:
    """The table names the application's own commands."""
    listed = {row.split()[1] for row in _rows("Commands")}
    context = click.Context(make_app().cli)

    assert listed == set(COMMANDS) == set(make_app().cli.list_commands(context))


def test_the_picture_is_true() -> None:
    """Every room and every module beside the rooms is in the picture, and nothing else."""
    picture = _section("How it is built").split("```")[1]
    drawn = set(re.findall(r"\b(\w+)\.py\b", picture)) | set(
        re.findall(r"^  (\w+)/", picture, re.M)
    )
    there = {path.stem for path in (*_ROOT.glob("app/*.py"), *_ROOT.glob("*.py"))}
    there |= {path.parent.name for path in _ROOT.glob("app/*/__init__.py")}

    assert drawn == there - {"__init__"}


def _examples() -> list[tuple[str, str]]:
    """Return the curl commands of README and what they print."""
    return re.findall(r"```console\n\$ (curl .*)\n(.*)\n```", _README)


@pytest.mark.parametrize(("command", "printed"), _examples(), ids=["json", "xml"])
def test_the_examples_are_what_the_demo_answers(
    make_app: Callable[..., WebApi], tmp_path: Path, command: str, printed: str
) -> None:
    """Each curl gets the printed bytes."""
    url = f"sqlite:///{tmp_path / 'demo.sqlite'}"
    demo.fill(Store(url, RESOURCES))
    arguments = shlex.split(command)
    headers = [("Accept", arguments[2].partition(": ")[2])] if "-H" in arguments else []
    target = arguments[-1].removeprefix("http://127.0.0.1:8000")

    answer = truth.call(make_app(database_url=url), target, [("Host", "a"), *headers])

    assert answer.body.decode() == printed


def test_the_test_command_is_what_ci_runs() -> None:
    """.ci/run takes the command from README."""
    command = _section("Test it").partition("```sh\n")[2].partition("\n```")[0]

    found = subprocess.run(
        ["sh", "-c", _CI_EXTRACT], cwd=_ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert found.strip() == command
    assert _CI_EXTRACT in (_ROOT / ".ci" / "run").read_text(encoding="utf-8")


_CI_EXTRACT = "sed -n '/<!-- test command -->/,/```$/p' README.md | sed -n '/^python3/p'"


def test_the_benchmarks_command_is_there() -> None:
    """It explains itself."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.measure.benchmark", "--help"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "constant" in done.stdout
