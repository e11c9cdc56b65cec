"""The room's README."""

import re
from pathlib import Path

from app import webapi

_ROOM = Path(webapi.__file__).parent
_README = (_ROOM / "README.md").read_text(encoding="utf-8")


def test_every_module_is_in_the_table() -> None:
    """The rules can be found by it, and it names no module that is gone."""
    table = _README.partition("## Find a rule")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+\.py)`", table))

    assert named == {path.name for path in _ROOM.glob("*.py")} - {"__init__.py"}
