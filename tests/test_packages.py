"""What a test does where one of Debian's packages is missing."""

from pathlib import Path

import pytest

from tests import packages
from tests.conftest import ROOT


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any package."""
    monkeypatch.setattr(packages, "_PATH", str(tmp_path))


@pytest.mark.usefixtures("bare")
def test_a_test_without_its_package_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names the package, not the program."""
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match=r"^needs Debian's package chromium-driver$"):
        packages.program("chromedriver")


@pytest.mark.usefixtures("bare")
def test_in_ci_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """There the packages are installed, so nothing is skipped."""
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match=r"^needs Debian's package nginx-light$"):
        packages.program("nginx")


def test_the_run_counts_what_was_skipped_for_which_package() -> None:
    """Other reasons are not counted."""
    reasons = ["needs Debian's package openssl", "no time"] + ["needs Debian's package wrk"] * 2

    assert packages.skipped(f"Skipped: {reason}" for reason in reasons) == {"openssl": 1, "wrk": 2}


def test_a_program_that_is_not_listed_is_refused() -> None:
    """So that `.ci/setup` installs whatever a test runs."""
    with pytest.raises(AssertionError, match="packages does not list no-such-program"):
        packages.program("no-such-program")


def test_programs_of_packages_are_asked_for() -> None:
    """No test names such a program in a command line of its own."""
    direct = [
        (path.relative_to(ROOT).as_posix(), program)
        for path in ROOT.glob("tests/**/*.py")
        for program in packages.listed()
        if f'["{program}", ' in path.read_text(encoding="utf-8")
        or f'which("{program}"' in path.read_text(encoding="utf-8")
    ]

    assert direct == []
