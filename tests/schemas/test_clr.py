"""CLR types take what they can hold and nothing else."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from schemas import clr


@pytest.mark.parametrize("value", [0, -(2**31), 2**31 - 1])
def test_int32_takes_whole_numbers_of_32_bits(value: int) -> None:
    """The whole range, as it is."""
    assert clr.int32(value) == value


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 10**4000, True, "1", 1.0, Decimal(1), None])
def test_int32_refuses(value: object) -> None:
    """Out of range, or another type."""
    with pytest.raises(ValidationError, match="must be"):
        clr.int32(value)


@pytest.mark.parametrize("value", [0, 1, "true", None, 1.0])
def test_boolean_refuses(value: object) -> None:
    """Anything but true and false."""
    with pytest.raises(ValidationError, match="true or false"):
        clr.boolean(value)


def test_string_takes_any_text() -> None:
    """Controls and all planes."""
    assert clr.string("\0\x1fş\U0010ffff") == "\0\x1fş\U0010ffff"


@pytest.mark.parametrize("value", [1, None, b"a"])
def test_string_refuses(value: object) -> None:
    """Another type."""
    with pytest.raises(ValidationError, match="must be a string"):
        clr.string(value)


def test_string_refuses_a_lone_surrogate() -> None:
    """Half a character has no bytes on the wire."""
    with pytest.raises(ValidationError, match=r"U\+D83D at character 3"):
        clr.string("ab\ud83d")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (11, "11"),
        (Decimal("11.50"), "11.50"),
        (Decimal("1E+2"), "100"),
        (Decimal("1.5E-3"), "0.0015"),
        ("0.00", "0.00"),
        (Decimal("-0.00"), "0.00"),
        ("-0", "0"),
        ("-0.5", "-0.5"),
        (2**96 - 1, "79228162514264337593543950335"),
        ("-79228162514264337593543950335", "-79228162514264337593543950335"),
        ("7.9228162514264337593543950335", "7.9228162514264337593543950335"),
        ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
    ],
)
def test_decimal_keeps_its_scale(value: object, text: str) -> None:
    """The text has the digits that were written; a negative zero has no sign."""
    assert clr.decimal(value) == text


@pytest.mark.parametrize(
    "value",
    [
        2**96,
        "79228162514264337593543950336",
        "1" * 5000,
        "-" + "9" * 30,
        "79228162514264337593543950335.0",
        "0.00000000000000000000000000001",
        "0.00000000000000000000000000000",
        Decimal("1E+100000"),
        Decimal("1E-100000"),
        Decimal("NaN"),
        Decimal("Infinity"),
        10**4000,
        1.5,
        True,
        None,
        "",
        "1e2",
        "+1",
        ".5",
        "1.",
        "01",
        "١",
        "1\n",
    ],
)
def test_decimal_refuses(value: object) -> None:
    """Too many bits or digits, floats, and what is no plain number."""
    with pytest.raises(ValidationError, match="must"):
        clr.decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        "2025-12-06T07:19:38.3037942+03:00",
        "0001-01-01T00:00:00",
        "9999-12-31T23:59:59.9999999Z",
        "2024-02-29T00:00:00.5-14:00",
        "2025-12-06T07:19:38.5000000Z",
    ],
)
def test_date_time_is_kept_as_it_is(text: str) -> None:
    """Seven digits and each kind."""
    assert clr.date_time(text) == text


@pytest.mark.parametrize(
    "value",
    [
        "2025-02-29T00:00:00",
        "0000-01-01T00:00:00",
        "2025-13-01T00:00:00",
        "2025-12-06",
        "2025-12-06 07:19:38",
        "2025-12-06T24:00:00",
        "2025-12-06T07:60:00",
        "2025-12-06T07:19:38.",
        "2025-12-06T07:19:38.12345678",
        "2025-12-06T07:19:38+14:01",
        "2025-12-06T07:19:38+3",
        "2025-12-06T07:19:38z",
        "2025-12-06T07:19:38\n",
        "٢025-12-06T07:19:38",
        20251206,
        None,
    ],
)
def test_date_time_refuses(value: object) -> None:
    """No such day or time, or another form."""
    with pytest.raises(ValidationError, match="must be a"):
        clr.date_time(value)


@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.decimals(), st.binary()
    )
)
def test_any_value_is_taken_or_refused(value: Any) -> None:
    """Nothing but ValidationError is raised, in one line."""
    said = ""
    for take in (clr.int32, clr.boolean, clr.string, clr.decimal, clr.date_time):
        try:
            take(value)
        except ValidationError as error:
            said += str(error.messages[0])

    assert "\n" not in said
