"""Names how two texts of a value differ: numbers, dates and text."""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from math import isfinite
from typing import Final

from app.parity.difference import Kind

_DATE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?", re.I
)
_NUMBER: Final = re.compile(r"[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,3})?")
_WIDE: Final = Context(prec=2_000)
_MOST_MARKS: Final = 30
"""The most combining marks in a row, as in Unicode's Stream-Safe Text Format."""
_DOUBLE: Final = 17
"""The most digits that a double is written with."""

Named = Iterator[tuple[Kind, Kind | None]]
"""Kinds, each with another one that it could be."""


def value_kinds(before: str, after: str, *, may_be_number: bool) -> Named:
    """Yield what differs between two texts that are not the same."""
    if may_be_number and (kind := _number_kind(before, after)):
        yield kind, None
        return
    dates = _date(before), _date(after)
    if dates[0] and dates[1]:
        yield from _date_kinds(dates[0], dates[1])
    else:
        yield _text_kind(before, after), None


def sort_of(text: str) -> str:
    """Return what a text looks like: a boolean, a number, a date with its zone, or other text."""
    if text in ("true", "false"):
        return "boolean"
    if _NUMBER.fullmatch(text.strip()):
        return "number"
    found = _DATE.fullmatch(text.strip())
    return f"date {found[4]}" if found else "text"


def _text_kind(before: str, after: str) -> Kind:
    if _one_line(before) == _one_line(after):
        return Kind.LINE_BREAK
    if before.split() == after.split():
        return Kind.WHITE_SPACE
    if before.lower() == after.lower():
        return Kind.LETTER_CASE
    if _is_cheap(before) and _is_cheap(after) and _normal(before) == _normal(after):
        return Kind.NORMALIZATION
    return Kind.OTHER_VALUE


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _is_cheap(text: str) -> bool:
    """Whether a text can be normalized in time: the sorting of many marks in a row is quadratic."""
    if text.isascii():
        return True
    marks = 0
    for character in text:
        first = unicodedata.normalize("NFKD", character)[0]
        marks = marks + 1 if unicodedata.combining(first) else 0
        if marks > _MOST_MARKS:
            return False
    return True


def _one_line(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _number_kind(before: str, after: str) -> Kind | None:
    """Name how two numbers differ, ``None`` if they are none or have different values."""
    if not (_NUMBER.fullmatch(before.strip()) and _NUMBER.fullmatch(after.strip())):
        return None
    old, new = Decimal(before.strip()), Decimal(after.strip())
    if old == new:
        return _same_number_kind(before.strip(), after.strip())
    if old == new.copy_negate():
        return Kind.NUMBER_SIGN
    return Kind.NUMBER_ROUNDING if _is_rounded(old, new) or _is_double(old, new) else None


def _same_number_kind(before: str, after: str) -> Kind:
    if _sign(before) != _sign(after):
        return Kind.NUMBER_SIGN
    if _exponent(before) != _exponent(after):
        return Kind.NUMBER_EXPONENT
    if _plain(before).rstrip("0") == _plain(after).rstrip("0"):
        return Kind.NUMBER_SCALE
    return Kind.NUMBER_TEXT


def _sign(number: str) -> str:
    return number[0] if number[0] in "+-" else ""


def _exponent(number: str) -> str:
    return number.lower().partition("e")[2]


def _plain(number: str) -> str:
    """Return a number with its point, so that zeros after it can be cut off."""
    return number if "." in number else f"{number}."


def _is_rounded(longer: Decimal, shorter: Decimal) -> bool:
    """Whether a number is another one with fewer decimals."""
    place = int(shorter.as_tuple().exponent)
    if not int(longer.as_tuple().exponent) < place <= 0:
        return False
    for rounding in (ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_DOWN):
        with suppress(InvalidOperation):
            if shorter == longer.quantize(Decimal(1).scaleb(place), rounding, _WIDE):
                return True
    return False


def _is_double(one: Decimal, other: Decimal) -> bool:
    """Whether two numbers are one double, which one of them has the digits of."""
    digits = min(len(number.normalize(_WIDE).as_tuple().digits) for number in (one, other))
    return digits <= _DOUBLE and isfinite(float(one)) and float(one) == float(other)


@dataclass(frozen=True, slots=True)
class _Date:
    clock: datetime
    fraction: str
    zone: timedelta | None

    def moment(self) -> datetime:
        return self.clock - (self.zone or timedelta())


def _date(text: str) -> _Date | None:
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    try:
        clock = datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC)
        zone = _zone(found[4])
        clock - (zone or timedelta())
    except (ValueError, OverflowError):
        return None
    return _Date(clock, found[3] or "", zone)


def _zone(text: str | None) -> timedelta | None:
    if text is None or text in "Zz":
        return None if text is None else timedelta()
    minutes = 60 * int(text[1:3]) + int(text[-2:])
    return timedelta(minutes=-minutes if text[0] == "-" else minutes)


def _date_kinds(old: _Date, new: _Date) -> Named:
    """Name what two dates differ in, fraction and zone apart; dates of other moments are values."""
    fits = {
        fraction: zone
        for fraction, made in _shortened(old, len(new.fraction))
        if made.fraction.rstrip("0") == new.fraction.rstrip("0")
        and (zone := _zone_kind(made, new)) is not Kind.OTHER_VALUE
    }
    if not fits:
        yield Kind.OTHER_VALUE, None
        return
    fraction, zone = next(iter(fits.items()))
    if fraction is not Kind.DATE_TEXT:
        yield fraction, Kind.DATE_FRACTION_ROUNDED if len(fits) > 1 else None
    if zone is not Kind.DATE_TEXT or fraction is Kind.DATE_TEXT:
        yield zone, None


def _shortened(date: _Date, digits: int) -> Iterator[tuple[Kind, _Date]]:
    """Yield a date as it is or, with fewer digits of its fraction, cut and rounded."""
    if digits >= len(date.fraction.rstrip("0")):
        yield Kind.DATE_TEXT, date
        return
    yield Kind.DATE_FRACTION_CUT, replace(date, fraction=date.fraction[:digits])
    place = Decimal(1).scaleb(-digits)
    rounded = Decimal(f"0.{date.fraction}").quantize(place, ROUND_HALF_UP)
    with suppress(OverflowError):
        clock = date.clock + timedelta(seconds=int(rounded))
        fraction = str(rounded).partition(".")[2]
        yield Kind.DATE_FRACTION_ROUNDED, replace(date, clock=clock, fraction=fraction)


def _zone_kind(old: _Date, new: _Date) -> Kind:
    """Name how the zones differ; ``DATE_TEXT`` for one zone, however it is written."""
    if old.zone == new.zone:
        return Kind.DATE_TEXT if old.clock == new.clock else Kind.OTHER_VALUE
    if old.clock == new.clock:
        if new.zone is None:
            return Kind.DATE_ZONE_LEFT_OUT
        return Kind.DATE_ZONE_ADDED if old.zone is None else Kind.DATE_ZONE_CHANGED
    is_same = None not in (old.zone, new.zone) and old.moment() == new.moment()
    return Kind.DATE_IN_ANOTHER_ZONE if is_same else Kind.OTHER_VALUE
