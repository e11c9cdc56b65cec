"""From the query to typed arguments: QueryStringValueProvider and the Int32 type converter."""

import re
from urllib.parse import unquote_plus

INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1

# Char.IsWhiteSpace, which String.Trim takes off. Python's strip() would also take U+001C to U+001F.
_WHITE_SPACE = (
    "".join(map(chr, (*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B))))
    + "\u2028\u2029\u202f\u205f\u3000"
)
# NumberStyles.Integer. Eleven digits are out of range, however many zeros stand before them.
_INTEGER = re.compile(r"(?P<sign>[+-]?)(?=[0-9])0*(?P<digits>[0-9]{0,11})[\t-\r ]*\x00*")
_HEXADECIMAL = re.compile(r"(?:0[xX]|#|&[hH])0*(?P<digits>[0-9A-Fa-f]{0,8})")


def first_value(query: str | None, name: str) -> str | None:
    """Return the first value that a query gives to ``name``; ``None`` when it has no such name.

    Names match in any ASCII case, after decoding and without jQuery's ``[]``
    (FormUrlEncodedParser, FormDataCollectionExtensions.NormalizeJQueryToMvc). A name without
    ``=`` has an empty value. ``name`` must be in lower case.
    """
    for pair in (query or "").split("&"):
        key, _, value = pair.partition("=")
        if _names(key, name):
            return unquote_plus(value)
    return None


def int32(text: str) -> int:
    """Read a number as ``Int32Converter`` does.

    Raises ValueError for anything else than an optional sign and ASCII digits, or hexadecimal
    digits in two's complement after ``0x``, ``#`` or ``&h``, in the range of 32 bits.
    """
    text = text.strip(_WHITE_SPACE)
    if found := _INTEGER.fullmatch(text):
        number = int(found["sign"] + (found["digits"] or "0"))
        if INT32_MIN <= number <= INT32_MAX:
            return number
    elif (found := _HEXADECIMAL.fullmatch(text)) and text[-1] not in "#xXhH":
        number = int(found["digits"] or "0", 16)
        return number - 2**32 if number > INT32_MAX else number
    raise ValueError("not an Int32")


def _names(key: str, name: str) -> bool:
    if key == name:
        return True
    key = unquote_plus(key).replace("[]", "")
    return key.isascii() and key.lower() == name
