"""What a legacy service does itself, from one answer to the next, and what that excuses."""

from typing import Final

from app.parity.difference import Difference, Kind
from app.parity.value_differences import sort_of

_ANOTHER_VALUE: Final = {
    Kind.OTHER_VALUE,
    Kind.NUMBER_ROUNDING,
    Kind.NUMBER_SIGN,
    Kind.DATE_FRACTION_CUT,
    Kind.DATE_FRACTION_ROUNDED,
    Kind.DATE_ZONE_CHANGED,
}
"""What a value that changes is called; but for the first, only by chance."""
_COMES_AND_GOES: Final = {
    Kind.NIL,
    Kind.MISSING_MEMBER,
    Kind.EXTRA_MEMBER,
    Kind.NULL_LEFT_OUT,
}
_OF_ANY_TEXT: Final = {Kind.NIL, Kind.EXTRA_MEMBER, Kind.BODY}


def is_noise(item: Difference, noise: list[Difference]) -> bool:
    """Whether the legacy service itself differs in this way at this place."""
    return any(own.where == item.where and _is_alike(item, own) for own in noise)


def _is_alike(item: Difference, own: Difference) -> bool:
    """Whether a difference of the legacy service from itself excuses one at the same place.

    Any other value of the same sort is like a value that changes. Else the kind must be the same
    and, but for what holds a value, what is found too. Nothing excuses an error.
    """
    if item.kind is Kind.OTHER_VALUE:
        sorts = {sort_of(str(each.found).strip('"')) for each in (item, own)}
        return own.kind in _ANOTHER_VALUE and len(sorts) == 1
    if item.kind is not own.kind or (item.kind is Kind.STATUS and str(item.found) >= "400"):
        return False
    if item.kind is Kind.HEADER and item.where.lower() != "content-type":
        return _times(item) == _times(own)
    return item.kind in _OF_ANY_TEXT or item.found == own.found


def _times(item: Difference) -> tuple[int, ...]:
    """Return how often each side has a header."""
    return tuple(
        0 if text is None else 1 + text.count(" | ") for text in (item.expected, item.found)
    )


def may_be_noise(item: Difference, noise: list[Difference]) -> bool:
    """Whether it can come of a change that was under way, and so counts only if it stays."""
    if item.kind is Kind.STATUS:
        return any(own.kind is Kind.STATUS and own.found == item.found for own in noise)
    return item.kind in _ANOTHER_VALUE and any(
        own.where == item.where and own.kind in _ANOTHER_VALUE | _COMES_AND_GOES for own in noise
    )
