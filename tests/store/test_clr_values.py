"""What drivers give becomes what ADO.NET would have given, or is refused."""

import json
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from app.store import clr_values
from schemas import clr
from tests import truth
from tests.strategies import dates, decimals

_ISTANBUL = timezone(timedelta(hours=3))


@pytest.mark.parametrize(
    ("take", "value", "taken"),
    [
        (clr_values.int32, 7, 7),
        (clr_values.int32, Decimal("-7"), -7),
        (clr_values.boolean, True, True),
        (clr_values.boolean, 1, True),
        (clr_values.boolean, 0, False),
        (clr_values.boolean, "1", True),
        (clr_values.boolean, "0", False),
        (clr_values.decimal, Decimal("10.10"), "10.10"),
        (clr_values.decimal, Decimal("1E+3"), "1000"),
        (clr_values.decimal, Decimal("0.00"), "0.00"),
        (clr_values.decimal, Decimal("-0.0"), "0.0"),
        (clr_values.decimal, 11, "11"),
        (clr_values.decimal, "00011.50", "11.50"),
        (clr_values.decimal, 61.5, "61.5"),
        (clr_values.decimal, 100.0, "100"),
        (clr_values.decimal, 0.1 + 0.2, "0.3"),
        (clr_values.decimal, 1e20, "100000000000000000000"),
        (clr_values.decimal, 1.5e-28, "0.0000000000000000000000000002"),
        (clr_values.decimal, 1e-300, "0"),
        (clr_values.decimal, 1e23, "100000000000000000000000"),
        (clr_values.decimal, 79228162514264.33e15, "79228162514264300000000000000"),
        (clr_values.decimal, -0.0, "0"),
        (clr_values.date_time, "2016-01-02 03:04:05.1234567", "2016-01-02T03:04:05.1234567"),
        (clr_values.date_time, "2016-01-02T03:04:05.1200000", "2016-01-02T03:04:05.12"),
        (clr_values.date_time, "2016-01-02 03:04:05.0000000", "2016-01-02T03:04:05"),
        (clr_values.date_time, "2016-01-02", "2016-01-02T00:00:00"),
        (clr_values.date_time, "2016-01-02T03:04:05Z", "2016-01-02T03:04:05Z"),
        (clr_values.date_time, "2016-01-02 03:04:05.5 +03:00", "2016-01-02T03:04:05.5+03:00"),
        (clr_values.date_time, "2016-01-02 03:04:05+03", "2016-01-02T03:04:05+03:00"),
        (clr_values.date_time, "2016-01-02 03:04:05-0330", "2016-01-02T03:04:05-03:30"),
        (clr_values.date_time, "2016-01-02 03:04:05+00", "2016-01-02T03:04:05+00:00"),
        (clr_values.date_time, datetime(2016, 1, 2, 3, 4, 5, 120000), "2016-01-02T03:04:05.12"),
        (clr_values.date_time, datetime(1, 1, 1), "0001-01-01T00:00:00"),
        (
            clr_values.date_time,
            datetime(2016, 1, 2, tzinfo=_ISTANBUL),
            "2016-01-02T00:00:00+03:00",
        ),
        (clr_values.date_time, datetime(2016, 1, 2, tzinfo=UTC), "2016-01-02T00:00:00+00:00"),
        (clr_values.date_time, date(2016, 1, 2), "2016-01-02T00:00:00"),
    ],
)
def test_a_value_is_taken(take: Callable[[Any], Any], value: object, taken: object) -> None:
    """With its type, scale, digits and kind."""
    found = take(value)

    assert (type(found), found) == (type(taken), taken)


@pytest.mark.parametrize(
    ("take", "value"),
    [
        (clr_values.int32, 7.0),
        (clr_values.int32, Decimal("7.0")),
        (clr_values.int32, Decimal("NaN")),
        (clr_values.int32, True),
        (clr_values.int32, "7"),
        (clr_values.int32, 2**31),
        (clr_values.boolean, 2),
        (clr_values.boolean, "true"),
        (clr_values.boolean, 1.0),
        (clr_values.decimal, Decimal("Infinity")),
        (clr_values.decimal, Decimal("1E-29")),
        (clr_values.decimal, float("nan")),
        (clr_values.decimal, float("inf")),
        (clr_values.decimal, 1e29),
        (clr_values.decimal, 2.0**96),
        (clr_values.decimal, -(2.0**96)),
        (clr_values.decimal, True),
        (clr_values.decimal, "1e3"),
        (clr_values.decimal, "12,50"),
        (clr_values.decimal, b"1"),
        (clr_values.date_time, "infinity"),
        (clr_values.date_time, "0044-03-15 00:00:00 BC"),
        (clr_values.date_time, "10000-01-01 00:00:00"),
        (clr_values.date_time, "2016-02-30"),
        (clr_values.date_time, "2016-01-02 24:00:00"),
        (clr_values.date_time, "2016-01-02 03:04:05.12345678"),
        (clr_values.date_time, "2016-01-02 03:04:05+03:00:30"),
        (clr_values.date_time, datetime(1890, 1, 1, tzinfo=timezone(timedelta(seconds=7016)))),
        (clr_values.date_time, time(3, 4)),
        (clr_values.date_time, 1451703845),
        (clr.string, UUID(int=1)),
        (clr.string, 7),
        (clr.string, b"a"),
    ],
)
def test_what_loses_something_is_refused(take: Callable[[Any], Any], value: object) -> None:
    """Nothing is rounded, cut or guessed."""
    with pytest.raises(ValidationError):
        take(value)


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ("2016-01-02 03:04:05+00", "2016-01-02T03:04:05Z"),
        (datetime(2016, 1, 2, tzinfo=UTC), "2016-01-02T00:00:00Z"),
        ("2016-01-02 03:04:05+03", "2016-01-02T03:04:05+03:00"),
        ("2016-01-02 03:04:05", "2016-01-02T03:04:05"),
    ],
)
def test_utc_is_written_as_z_where_that_is_set(value: object, taken: str) -> None:
    """Other offsets, and dates of unspecified kind, stay as they are."""
    assert clr_values.date_time(value, "Z") == taken


@given(decimals())
def test_every_decimal_keeps_its_scale(text: str) -> None:
    """A driver's Decimal is what an import of its text is."""
    assert clr_values.decimal(Decimal(text)) == clr.decimal(text)


@given(dates())
def test_every_date_of_the_wire_is_taken_as_it_is(text: str) -> None:
    """Seven digits, any kind."""
    assert clr_values.date_time(text) == text


def test_a_float_is_the_decimal_that_dotnet_makes_of_it() -> None:
    """Each of the 150 conversions that .NET was seen to make."""
    lines = (truth.RECORDINGS / "floats.jsonl").read_text(encoding="utf-8").splitlines()
    recorded = [json.loads(line) for line in lines]

    made = [clr_values.decimal(float(item["float"])) for item in recorded]

    assert len(recorded) == 150
    assert made == [item["decimal"] for item in recorded]


_MAX_DOUBLE_OF_A_DECIMAL = math.nextafter(2.0**96, 0)


def _dotnets_decimal(value: float) -> Fraction:
    """VarDecFromR8's steps in rationals: each product or quotient is rounded to a double once."""

    def rounded(exact: Fraction) -> Fraction:
        return Fraction(exact.numerator / exact.denominator)

    number, scale = Fraction(abs(value)), 0
    if number:
        digits = math.floor(math.frexp(value)[1] * Fraction(19728, 65536))
        scale = min(14 - digits, 28)
    if scale == -1 and number < 10**15:
        scale = 0
    # Powers up to 10**22 are doubles; greater ones are their nearest doubles.
    factor = rounded(Fraction(10 ** abs(scale)))
    number = rounded(number * factor if scale >= 0 else number / factor)
    if number < 10**14 and scale < 28:
        number, scale = rounded(number * 10), scale + 1
    whole, rest = divmod(number, 1)
    if rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole % 2):
        whole += 1
    return (-1 if value < 0 else 1) * Fraction(whole) / Fraction(10) ** scale


@given(
    st.floats(-_MAX_DOUBLE_OF_A_DECIMAL, _MAX_DOUBLE_OF_A_DECIMAL)
    | st.builds(math.ldexp, st.floats(-1, 1), st.integers(-96, 96))
    | st.decimals(-(10**9), 10**9, places=7).map(float)
)
def test_any_float_is_converted_as_by_a_plain_reference(value: float) -> None:
    """The same value, without zeros at its end."""
    made = clr_values.decimal(value)

    assert Fraction(made) == _dotnets_decimal(value)
    assert "." not in made or made[-1] != "0"


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2))
def test_a_float_of_fifteen_digits_is_its_decimal(number: Decimal) -> None:
    """What a money column's REAL was written from."""
    assert Decimal(clr_values.decimal(float(number))) == number
