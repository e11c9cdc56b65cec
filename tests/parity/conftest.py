"""The kit's commands, run in this process."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.__main__ import main


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    code: object
    out: str
    err: str


Kit = Callable[..., Ended]


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Kit:
    """Run a command of the kit in an empty folder."""
    for name in os.environ:
        if name.startswith("CHARGECLOUD_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str | Path) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main.main([str(argument) for argument in arguments])
        return Ended(ended.value.code, *capsys.readouterr())

    return command
