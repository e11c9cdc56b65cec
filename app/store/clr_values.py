"""What a database's driver gives, as the values that ADO.NET would have given to the model.

Nothing is guessed: a value that its member's type can't hold exactly raises ValidationError. The
one exception is .NET's own conversion of a float to a decimal, which keeps 15 digits.
"""

import math
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError

from schemas import clr

Convert = Callable[[Any], Any]

_DATE = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]{1,7}))?"
    r" ?(?P<zone>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_NUMBER = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,28})?")


def int32(value: object) -> int:
    """Take an integer, or a decimal without digits after its point."""
    if type(value) is Decimal and value.is_finite() and value.as_tuple().exponent == 0:
        value = int(value)
    return clr.int32(value)


def boolean(value: object) -> bool:
    """Take a boolean, or a bit as an integer or, as PostgreSQL's ``bit(1)`` comes, a text."""
    if type(value) in (int, str) and value in (0, 1, "0", "1"):
        return value in (1, "1")
    return clr.boolean(value)


def decimal(value: object) -> str:
    """Take a decimal with its scale, an integer, a number's text, or a float."""
    if type(value) is float:
        value = _of_float(value)
    elif type(value) is str and _NUMBER.fullmatch(value):
        value = Decimal(value)
    return clr.decimal(value)


def date_time(value: object, utc: str = "+00:00") -> str:
    """Take a timestamp, a date, or the text of either with a T or a blank and up to 7 digits.

    Without a zone it is of unspecified kind, with one it is local with its offset; ``utc`` is
    what is written for the offset of UTC. Zeros at the end of a fraction go, as in Json.NET.
    """
    text = _date_text(value) if isinstance(value, date) else value
    found = _DATE.fullmatch(text) if type(text) is str else None
    if found is None:
        return clr.date_time(value)
    fraction = (found["fraction"] or "").rstrip("0")
    return clr.date_time(
        f"{found['date']}T{found['time'] or '00:00:00'}"
        f"{'.' if fraction else ''}{fraction}{_offset(found['zone'], utc)}"
    )


def _of_float(value: float) -> Decimal:
    """Convert a double to the decimal that ``new Decimal(double)`` makes of it (VarDecFromR8).

    The value is scaled to 15 digits before its point in double arithmetic, whose own error
    decides some last digits; ``repr`` and ``%.15g`` are exact and give others.
    """
    if not math.isfinite(value):
        raise ValidationError(f"must be a finite number, not {value}")
    scaled = abs(value)
    exponent = math.frexp(scaled)[1]
    # How many digits are missing from 15, by log10(2) in units of 1/65536.
    power = min(14 - (exponent * 19728 >> 16), clr.DECIMAL_SCALE)
    if power >= 0:
        scaled *= float(10**power)
    elif power == -1 and scaled < 1e15:
        power = 0
    else:
        scaled /= float(10**-power)
    if scaled < 1e14 and power < clr.DECIMAL_SCALE:
        scaled *= 10
        power += 1
    # round() takes a half to the even neighbour, as the original does.
    return Decimal(round(math.copysign(scaled, value))).scaleb(-power).normalize()


def _date_text(value: date) -> str:
    """Write a driver's date or timestamp, whose offset must be whole minutes."""
    offset = value.utcoffset() if isinstance(value, datetime) else None
    if offset is not None and offset % timedelta(minutes=1):
        raise ValidationError(f"must have an offset of whole minutes, not {value.isoformat()}")
    return value.isoformat()


def _offset(zone: str | None, utc: str) -> str:
    """Write an offset with hours and minutes."""
    if zone is None or zone == "Z":
        return zone or ""
    text = f"{zone[:3]}:{zone[3:].lstrip(':') or '00'}"
    return utc if text in ("+00:00", "-00:00") else text
