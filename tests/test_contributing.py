"""The contributor's page says what is so."""

import re
from configparser import ConfigParser

from tests import packages
from tests.conftest import ROOT

_PAGE = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")


def test_every_path_of_the_page_is_there() -> None:
    """Files and folders of the project, in code marks or links."""
    named = re.findall(r"`((?:app|tests|schemas|\.ci|\.changes|\.packaging)/[\w./]*)`", _PAGE)
    named += [f"tests/{path}" for path in re.findall(r"\]\(([^)#]+)\)", _PAGE)]

    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_measurement_is_listed() -> None:
    """The table has one row for each module that can be run."""
    listed = re.findall(r"^\| `python -m tests\.measure\.(\w+)` \|", _PAGE, re.M)
    runnable = [
        path.stem
        for path in ROOT.glob("tests/measure/*.py")
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    ]

    assert listed == sorted(runnable)


def test_the_checks_are_those_of_the_test_command() -> None:
    """In the same order, with the same options."""
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    commands = config["testenv"]["commands"].replace(" {posargs}", "").strip().split("\n")
    block = _PAGE.partition("## The checks")[2].split("```")[1]

    assert re.findall(r"^\.tox/tests/bin/(.*)$", block, re.M) == commands


def test_what_measurements_need_is_in_the_list() -> None:
    """So `.ci/setup` installs it."""
    needed = {"valgrind", "nginx", "openssl", "wrk"}

    assert needed <= packages.listed().keys()
    assert all(word in _PAGE for word in needed)


def test_every_environment_of_the_page_is_there() -> None:
    """As tox knows them."""
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    known = {"tests", *(name.partition(":")[2] for name in config.sections())}

    assert set(re.findall(r"tox run -e (\w+)", _PAGE)) <= known
