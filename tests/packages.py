"""The Debian packages that tests need: `.ci/packages` lists them, `.ci/setup` installs them.

A test asks `program("nginx")` for the path of a program. Where its package is missing, the test
is skipped with a line that names the package; where `CI` is set, it fails. The run ends with how
many tests were skipped for which package.
"""

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

LIST = Path(__file__).parent.parent / ".ci" / "packages"
_REASON = re.compile(r"needs Debian's package (\S+)$")
# Debian leaves these out of an ordinary user's PATH.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def listed() -> dict[str, str]:
    """Return the package of each program or file that tests use."""
    lines = [line.split() for line in LIST.read_text(encoding="utf-8").splitlines()]
    return {program: line[0] for line in lines if line[0] != "#" for program in line[1:]}


def found(name: str) -> str | None:
    """Return the path of a program or a file of the list, or None."""
    assert name in listed(), f"{LIST.name} does not list {name}"
    if os.path.isabs(name):
        return name if os.path.exists(name) else None
    return shutil.which(name, path=_PATH)


def program(name: str) -> str:
    """Return the path of what the list has; without it, skip the test, or fail it in CI."""
    path = found(name)
    if path is None:
        _without(listed()[name])
    return path


def module(name: str, package: str) -> None:
    """Skip the test, or fail it in CI, where Debian keeps a module of Python's in a package."""
    if find_spec(name) is None:
        _without(package)


def _without(package: str) -> NoReturn:
    message = f"needs Debian's package {package}"
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def skipped(reasons: Iterable[str]) -> Counter[str]:
    """Count the skipped tests by the package that they need."""
    matches = (_REASON.search(reason) for reason in reasons)
    return Counter(match[1] for match in matches if match)
