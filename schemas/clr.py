"""CLR types as marshmallow fields.

A loaded value is what the wire needs: an ``int``, a ``bool``, a ``str``. System.Decimal and
System.DateTime are loaded as their exact text, because no Python type holds both a decimal's
written scale and .NET's range, or a date's seventh digit and its kind. Nothing is rounded,
truncated or dropped: what a type can't hold raises ``marshmallow.ValidationError``.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal as PythonDecimal
from typing import Any, ClassVar, TypeVar

from marshmallow import ValidationError, fields

_Value = TypeVar("_Value")

INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1
DECIMAL_MAX = 2**96 - 1
DECIMAL_SCALE = 28

_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
DATE_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}"
    r"(?:\.[0-9]{1,7})?"
    r"(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?",
)
"""A DateTime's text on the wire, but for the calendar."""


def int32(value: object) -> int:
    """Take an ``int`` of 32 bits, and no ``bool``.

    Raises ``marshmallow.ValidationError``, as all of these rules do.
    """
    if type(value) is not int:
        raise ValidationError(f"must be a whole number, not {_shown(value)}")
    if not INT32_MIN <= value <= INT32_MAX:
        raise ValidationError(f"must be from {INT32_MIN} to {INT32_MAX}, not {_shown(value)}")
    return value


def boolean(value: object) -> bool:
    """Take ``True`` or ``False``, and no number. Raises ``marshmallow.ValidationError``."""
    if type(value) is not bool:
        raise ValidationError(f"must be true or false, not {_shown(value)}")
    return value


def string(value: object) -> str:
    """Take a text that UTF-8 can carry: a lone surrogate has no bytes on the wire.

    Raises ``marshmallow.ValidationError``, which names the first surrogate by its place, from 1.
    """
    if type(value) is not str:
        raise ValidationError(f"must be a string, not {_shown(value)}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            surrogate = f"U+{ord(value[error.start]):04X}"
            raise ValidationError(
                f"must not hold a lone surrogate: {surrogate} at character {error.start + 1}"
            ) from None
    return value


def decimal(value: object) -> str:
    """Take a number and return its text with the scale it was written with.

    ``value`` is an ``int``, a ``decimal.Decimal`` or the text of a number without exponent.
    System.Decimal has 96 bits and up to 28 digits after the point; its negative zero is written
    without a sign, so it is loaded without one. Raises ``marshmallow.ValidationError`` for what
    it can't hold exactly.
    """
    if type(value) in (PythonDecimal, int):
        # Most numbers: none of the rules below changes or refuses one of so few digits.
        text = str(value)
        if len(text) <= DECIMAL_SCALE and text.replace(".", "", 1).isdigit():
            return text
    text = _number_text(value)
    whole, _, fraction = text.partition(".")
    if len(fraction) > DECIMAL_SCALE:
        raise ValidationError(
            f"must have at most {DECIMAL_SCALE} digits after the point, not {_shown(value)}"
        )
    digits = whole.lstrip("-") + fraction
    # Twenty-eight digits always fit into 96 bits, thirty never.
    if len(digits) > DECIMAL_SCALE + 1 or (
        len(digits) > DECIMAL_SCALE and int(digits) > DECIMAL_MAX
    ):
        raise ValidationError(
            f"must have a value within System.Decimal's 96 bits, not {_shown(value)}"
        )
    return text[1:] if text.startswith("-") and not digits.strip("0") else text


def date_time(value: object) -> str:
    """Take the wire text of a DateTime.

    Years 1 to 9999, up to seven digits of a second, then ``Z`` (UTC), an offset up to 14 hours
    (local) or nothing (unspecified). The text is kept as it was captured: .NET itself writes no
    zeros at the end of a fraction. Raises ``marshmallow.ValidationError``.
    """
    found = DATE_TIME.fullmatch(value) if type(value) is str else None
    if found is None:
        raise ValidationError(
            "must be a date such as 2025-12-06T07:19:38.3037942 with Z, an offset or nothing"
            f" behind it, not {_shown(value)}"
        )
    try:
        date.fromisoformat(found["date"])
    except ValueError:
        raise ValidationError(f"must be a day of the calendar, not {found['date']}") from None
    return found.string


class ClrField(fields.Field[_Value]):
    """A member of a CLR type; it is never missing.

    Args:
        description: what the member says, with its unit; shown by all documents.
        nullable: whether it may be null, as a ``Nullable<T>`` or a reference may be.
    """

    clr_name: ClassVar[str]
    """The type's name in the CLR."""
    range: ClassVar[str]
    """The values it can hold, for people."""
    json_schema: ClassVar[Mapping[str, Any]]
    """The values it can hold in JSON, as keywords of JSON Schema."""
    parse: ClassVar[Callable[..., Any]]
    """Takes a value and returns the wire's; raises ``marshmallow.ValidationError``."""

    def __init__(self, description: str = "", *, nullable: bool = True, **options: Any) -> None:
        metadata = {"description": description} if description else {}
        super().__init__(required=True, allow_none=nullable, metadata=metadata, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> _Value:
        parsed: _Value = type(self).parse(value)
        return parsed


class Int32(ClrField[int]):
    """System.Int32."""

    clr_name = "System.Int32"
    range = f"{INT32_MIN} to {INT32_MAX}"
    json_schema: ClassVar[Mapping[str, Any]] = {
        "type": "integer",
        "format": "int32",
        "minimum": INT32_MIN,
        "maximum": INT32_MAX,
    }
    parse = staticmethod(int32)


class Boolean(ClrField[bool]):
    """System.Boolean."""

    clr_name = "System.Boolean"
    range = "true or false"
    json_schema: ClassVar[Mapping[str, Any]] = {"type": "boolean"}
    parse = staticmethod(boolean)


class String(ClrField[str]):
    """System.String."""

    clr_name = "System.String"
    range = "any text without lone surrogates"
    json_schema: ClassVar[Mapping[str, Any]] = {"type": "string"}
    parse = staticmethod(string)


class Decimal(ClrField[str]):
    """System.Decimal, as exact text."""

    clr_name = "System.Decimal"
    range = "28 digits after the point at most, 96 bits in all; the written scale is kept"
    json_schema: ClassVar[Mapping[str, Any]] = {
        "type": "number",
        # In the OpenAPI format registry: a generator that knows it keeps the written digits.
        "format": "decimal",
        # The limit as the double that most readers take it for: one beyond the exact one.
        "minimum": -(DECIMAL_MAX + 1),
        "maximum": DECIMAL_MAX + 1,
    }
    parse = staticmethod(decimal)


class DateTime(ClrField[str]):
    """System.DateTime, as exact text."""

    clr_name = "System.DateTime"
    range = "years 1 to 9999, up to 7 digits of a second; Z, an offset or no zone"
    json_schema: ClassVar[Mapping[str, Any]] = {
        "type": "string",
        "pattern": f"^{DATE_TIME.pattern.replace('?P<date>', '?:')}$",
    }
    parse = staticmethod(date_time)


def _number_text(value: object) -> str:
    if type(value) is PythonDecimal and value.is_finite() and abs(value.adjusted()) < 100:
        return format(value, "f")
    if type(value) is int and -DECIMAL_MAX <= value <= DECIMAL_MAX:
        return str(value)
    if type(value) is str and _DECIMAL.fullmatch(value):
        return value
    if type(value) in (PythonDecimal, int):
        raise ValidationError(
            f"must have a value within System.Decimal's 96 bits, not {_shown(value)}"
        )
    raise ValidationError(f"must be a decimal number, not {_shown(value)}")


def _shown(value: object) -> str:
    """Show a value in an error, cut to what fits a line."""
    if type(value) is int and value.bit_length() > 256:
        return "a number of more than 77 digits"
    text = str(value) if isinstance(value, PythonDecimal) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
