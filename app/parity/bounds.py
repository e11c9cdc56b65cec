"""Bounds what a run keeps of names that a service or a client chose."""

from collections import Counter
from typing import Final, TypeVar

_Key = TypeVar("_Key")
_LONGEST: Final = 200


def cut(name: str) -> str:
    """Return a name with at most 200 characters, the last an ellipsis where it is cut."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def count(counter: Counter[_Key], key: _Key, most: int, other: _Key) -> None:
    """Count a key, as another one where so many keys are counted already."""
    counter[key if key in counter or len(counter) < most else other] += 1
