"""From the query to typed arguments: QueryStringValueProvider and the Int32 type converter."""

import re
from urllib.parse import unquote_plus

from app.webapi.uri import normalize

INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1

# Char.IsWhiteSpace, which String.Trim takes off. Python's strip() would also take U+001C to U+001F.
_WHITE_SPACE = (
    "".join(map(chr, (*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B))))
    + "\u2028\u2029\u202f\u205f\u3000"
)
# NumberStyles.Integer: Int32.Parse.
_INTEGER = re.compile(r"(?P<sign>[+-]?)(?P<digits>[0-9]+)[\t-\r ]*\x00*")
# BaseNumberConverter takes the prefix, Convert.ToInt32(text, 16) a sign and one more prefix.
_HEXADECIMAL = re.compile(r"(?:0[xX]|#|&[hH])\+?(?:0[xX])?(?P<digits>[0-9A-Fa-f]+)")
# As many digits as are out of range, so that a longer number need not be read.
_TOO_MANY = 11


class JQuerySyntaxError(ValueError):
    """A name of a query has a bracket that is not closed."""


def first_value(query: str | None, name: str) -> str | None:
    """Return the first value that a query gives to ``name``; ``None`` when it has no such name.

    Names match in any ASCII case, after decoding and without jQuery's ``[]``
    (FormUrlEncodedParser, FormDataCollectionExtensions.NormalizeJQueryToMvc). A name without
    ``=`` has an empty value. Raises JQuerySyntaxError where any name has an unclosed bracket.

    Args:
        query: what followed the ``?``, as it was sent.
        name: the name in lower case.
    """
    found = None
    # All names are read, because a broken one after the first value fails the request too.
    for pair in normalize(query or "").split("&"):
        key, _, value = pair.partition("=")
        if (key == name or _name(key) == name) and found is None:
            found = value
    return None if found is None else unquote_plus(found)


def int32(text: str) -> int:
    """Read a number as ``Int32Converter`` does.

    Raises ValueError for anything else than an optional sign and ASCII digits, or hexadecimal
    digits in two's complement after ``0x``, ``#`` or ``&h``, in the range of 32 bits.
    """
    text = text.strip(_WHITE_SPACE)
    if found := _INTEGER.fullmatch(text):
        number = int(found["sign"] + (found["digits"].lstrip("0")[:_TOO_MANY] or "0"))
        if INT32_MIN <= number <= INT32_MAX:
            return number
    elif found := _HEXADECIMAL.fullmatch(text):
        number = int(found["digits"].lstrip("0")[:_TOO_MANY] or "0", 16)
        if number < 2**32:
            return number - 2**32 if number > INT32_MAX else number
    raise ValueError("not an Int32")


def _name(escaped: str) -> str:
    """NormalizeJQueryToMvc, but for names in brackets, which are no action's parameter."""
    key = unquote_plus(escaped)
    if key.rfind("[") > key.rfind("]"):
        raise JQuerySyntaxError("a name in the query has an unclosed bracket")
    key = key.replace("[]", "")
    return key.lower() if key.isascii() else key
