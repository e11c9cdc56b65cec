"""What a column refuses, in SQL: a wrong writer gets an error, and no reader a wrong answer.

``@`` stands for the column. NULL passes, which NOT NULL forbids where it must.
"""

from typing import Final

from schemas import clr

_MAX: Final = clr.DECIMAL_MAX
_TEXT: Final = "typeof(@) IN ('text', 'null')"
# Neither NUL, where GLOB would end, nor any other character of several bytes.
_ASCII: Final = f"{_TEXT} AND length(CAST(@ AS BLOB)) = length(@)"
_WHOLE: Final = "typeof(@) IN ('integer', 'null')"

INT32: Final = {"sqlite": f"{_WHOLE} AND @ BETWEEN {clr.INT32_MIN} AND {clr.INT32_MAX}"}
BOOLEAN: Final = {"sqlite": f"{_WHOLE} AND @ IN (0, 1)"}
STRING: Final = {"sqlite": _TEXT}

_DIGITS: Final = "ltrim(replace(@, '.', ''), '-0')"
DECIMAL: Final = {
    "sqlite": f"{_ASCII} AND @ NOT GLOB '*[^0-9.-]*' AND @ NOT GLOB '?*-*'"
    " AND @ NOT GLOB '*.*.*' AND @ GLOB '*[0-9]'"
    " AND ltrim(@, '-') GLOB '[0-9]*' AND ltrim(@, '-') NOT GLOB '0[0-9]*'"
    # A System.Decimal's zero is written without a sign.
    " AND (@ NOT GLOB '-*' OR @ GLOB '*[1-9]*')"
    f" AND (length(@) <= {clr.DECIMAL_SCALE} OR"
    f" (length(@) - instr(@ || '.', '.') <= {clr.DECIMAL_SCALE} AND (length({_DIGITS}) < 29"
    f" OR length({_DIGITS}) = 29 AND {_DIGITS} <= '{_MAX}')))",
    # NaN and Infinity are greater than all.
    "postgresql": f"abs(@) <= {_MAX} AND scale(@) <= {clr.DECIMAL_SCALE}"
    f" AND abs(@) * CAST(10 AS numeric) ^ CAST(scale(@) AS numeric) <= {_MAX}",
}

_ZONE: Final = "ltrim(substr(@, 20), '.0123456789')"
_FRACTION: Final = f"substr(@, 20, length(@) - 19 - length({_ZONE}))"
_WIRE: Final = clr.DATE_TIME.pattern.replace("?P<date>", "?:")
DATE_TIME: Final = {
    "sqlite": f"{_ASCII} AND @ GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
    "T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]*' AND substr(@, 12, 2) < '24'"
    " AND @ > '0001'"
    # Without the modifier a date is given as it was, be it the 30th of February.
    " AND date(substr(@, 1, 10), '+0 days') IS substr(@, 1, 10)"
    f" AND ({_ZONE} IN ('', 'Z') OR {_ZONE} GLOB '[+-][01][0-9]:[0-5][0-9]'"
    f" AND substr({_ZONE}, 2) <= '14:00')"
    f" AND ({_FRACTION} = '' OR {_FRACTION} GLOB '.[0-9]*' AND length({_FRACTION}) <= 8"
    f" AND {_FRACTION} NOT GLOB '?*.*')",
    "postgresql": f"CASE WHEN @ ~ '^(?:{_WIRE})$' THEN make_date(CAST(substr(@, 1, 4) AS int),"
    " CAST(substr(@, 6, 2) AS int), CAST(substr(@, 9, 2) AS int)) IS NOT NULL"
    " ELSE @ IS NULL END",
}
