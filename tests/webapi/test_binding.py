"""The query and Int32's type converter."""

import re
from contextlib import suppress
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webapi.binding import INT32_MAX, INT32_MIN, JQuerySyntaxError, first_value, int32


@pytest.mark.parametrize(
    ("query", "value"),
    [
        (None, None),
        ("", None),
        ("user_id=1", "1"),
        ("USER_ID=1", "1"),
        ("user%5Fid=1", "1"),
        ("user_id[]=1", "1"),
        ("user_id%5B%5D=1", "1"),
        ("user_id[0]=1", None),
        ("user_id.x=1", None),
        ("user_id[b]=1", None),
        ("x]=2&user_id=1", "1"),
        ("[[]&a[]b&user_id=1", "1"),
        ("user_id[][]=1", "1"),
        ("u[]ser_id=1", "1"),
        ("user_id[[]]=1", None),
        ("user_id=[", "["),
        ("user_id=%2%4%31", "%2A"),
        ("userid=1", None),
        (" user_id=1", None),
        ("user_id+=1", None),
        ("user_id%20=1", None),
        ("u%C5%BFer_id=1", None),
        ("user_id", ""),
        ("user_id=", ""),
        ("user_id==1", "=1"),
        ("a&user_id=1&USER_ID=2", "1"),
        ("a=1;user_id=2", None),
        ("user_id=1;2", "1;2"),
        ("user_id=a+b%2B%20", "a b+ "),
        ("user_id=%zz%", "%zz%"),
        ("user_id=%FF", "\ufffd"),
    ],
)
def test_first_value(query: str | None, value: str | None) -> None:
    """The first value of the name in any case, decoded."""
    assert first_value(query, "user_id") == value


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("+1", 1),
        ("-1", -1),
        ("-0", 0),
        ("0001", 1),
        ("2147483647", INT32_MAX),
        ("-2147483648", INT32_MIN),
        ("\u2003 1\n", 1),
        ("1\0\0", 1),
        ("1 \0", 1),
        ("0x1", 1),
        ("0X7fffFFFF", INT32_MAX),
        ("0xFFFFFFFF", -1),
        ("#80000000", INT32_MIN),
        ("&h1", 1),
        ("&H0000000001", 1),
        ("0" * 5000 + "7", 7),
        ("0x+1", 1),
        ("#0x1", 1),
        ("0x+0x3E8", 1000),
        ("&H+0XFFFFFFFF", -1),
        ("#+0", 0),
        ("0x0x0", 0),
        ("#" + "0" * 5000 + "7", 7),
    ],
)
def test_int32(text: str, number: int) -> None:
    """Blanks and trailing NULs are ignored; hexadecimal is two's complement."""
    assert int32(text) == number


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "+", "-", "abc", "1.0", "1e0", "1,000", "1_000", "١", "１", "1-", "(1)", "- 1"],
        *["2147483648", "-2147483649", "9" * 1_000_000, "0x", "#", "&h", "0xZZ", "-0x1", "0x-1"],
        *["0x+", "0x0x", "#+0x", "0x++1", "0x0x0x1", "0x0x+1", "#-1", "#0x-1", "0x&h1", "##1"],
        *["+0x1", "0x +1", "0x0 x1", "#+-1", "0x+0x100000000", "#" + "f" * 5000],
        *["\u202a1\u202c", "0x\uff11", "&", "&h+"],
        *["0x100000000", "0x1\0", "0x 1", "1\0 1", "\0" + "1", "1\x1c", "NaN", "%zz"],
    ],
)
def test_not_int32(text: str) -> None:
    """Anything else is no Int32."""
    with pytest.raises(ValueError, match="Int32"):
        int32(text)


def _reference(text: str) -> int | None:
    """Int32 by the words of the rule, in plain steps."""
    white = set("\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000")
    white |= {chr(code) for code in range(0x2000, 0x200B)}
    while text and text[0] in white:
        text = text[1:]
    while text and text[-1] in white:
        text = text[:-1]
    for prefix in ("0x", "0X", "#", "&h", "&H"):
        if text.startswith(prefix):
            digits = text.removeprefix(prefix)
            digits = digits[1:] if digits[:1] == "+" else digits
            digits = digits[2:] if digits[:2] in ("0x", "0X") else digits
            if not digits or digits.strip("0123456789abcdefABCDEF"):
                return None
            number = int(digits, 16)
            return None if number >= 2**32 else number - 2**32 * (number >= 2**31)
    text = text.rstrip("\0").rstrip("\t\n\x0b\x0c\r ")
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        return None
    return int(text) if INT32_MIN <= int(text) <= INT32_MAX else None


@given(
    st.text("0123456789abcdefABCDEF+-xX#&hH \t\0\u2003.,", max_size=14)
    | st.lists(st.sampled_from(["0x", "0X", "#", "&h", "&H", "+", "-", "0", "1", "f"])).map("".join)
    | st.integers(-(2**33), 2**33).map(str)
    | st.integers(0, 2**33).map("0x{:X}".format)
)
def test_int32_agrees_with_a_plain_reference(text: str) -> None:
    """Both read the same number or none."""
    try:
        number: int | None = int32(text)
    except ValueError:
        number = None

    assert number == _reference(text)


@pytest.mark.parametrize(
    "query",
    [
        *["user_id[=1", "user_id=1&x[=1", "[", "[&]", "][", "a[b]c[=1", "x[[", "a&b[]c[&d"],
        *["x%5B=1", "x%5b", "%75[", "+[", "x[%00=1", "%d%5%62=1"],
    ],
)
def test_an_unclosed_bracket_in_a_name(query: str) -> None:
    """At any place, escaped or not, it makes the query unreadable."""
    with pytest.raises(JQuerySyntaxError, match="unclosed bracket"):
        first_value(query, "user_id")


def _normalized_name(name: str) -> str:
    """NormalizeJQueryToMvc in its own steps, bracket by bracket."""
    made, rest = "", name
    while "[" in rest:
        before, _, rest = rest.partition("[")
        inside, closed, rest = rest.partition("]")
        if not closed:
            raise JQuerySyntaxError
        dotted = f"[{inside}]" if inside[:1].isdigit() else f".{inside}"
        made += before + (dotted if inside else "")
    return made + rest


_QUERY_PIECES = [
    "user_id",
    "USER_ID",
    "User%5Fid",
    "=",
    "&",
    "[",
    "]",
    "[]",
    "%5b",
    "%5D",
    "0",
    "x",
]


@given(st.lists(st.sampled_from([*_QUERY_PIECES, "+", "%20", ";", "%26", "%3D"])).map("".join))
def test_first_value_agrees_with_a_plain_reference(query: str) -> None:
    """Both read the same value, none, or no query at all."""
    pairs = [pair.partition("=")[::2] for pair in query.split("&")]
    decoded = [(unquote(key.replace("+", " ")), unquote(value)) for key, value in pairs]
    try:
        named = [value for key, value in decoded if _normalized_name(key).lower() == "user_id"]
        expected = named[0].replace("+", " ") if named else None
    except JQuerySyntaxError:
        with pytest.raises(JQuerySyntaxError):
            first_value(query, "user_id")
    else:
        assert first_value(query, "user_id") == expected


@given(st.text())
def test_any_query_is_read(query: str) -> None:
    """Nothing else is raised."""
    with suppress(JQuerySyntaxError):
        first_value(query, "user_id")
