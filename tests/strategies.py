"""Hypothesis strategies: any process that can be stored."""

from datetime import datetime

from hypothesis import strategies as st

from schemas.charge_process import ChargeProcess
from schemas.clr import DECIMAL_MAX, INT32_MAX, INT32_MIN

INT32 = st.integers(INT32_MIN, INT32_MAX)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@st.composite
def decimals(draw: st.DrawFn) -> str:
    """Draw the text of a System.Decimal of any scale."""
    mantissa = draw(st.integers(-DECIMAL_MAX, DECIMAL_MAX) | st.integers(-1000, 1000))
    scale = draw(st.integers(0, 28))
    digits = str(abs(mantissa)).zfill(scale + 1)
    text = digits[:-scale] + "." + digits[-scale:] if scale else digits
    return "-" + text if mantissa < 0 else text


@st.composite
def dates(draw: st.DrawFn) -> str:
    """Draw the text of a System.DateTime of any kind."""
    moment = draw(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))
    ticks = draw(st.integers(0, 9_999_999))
    fraction = f".{ticks:07}".rstrip("0").rstrip(".")
    kind = draw(st.sampled_from(["", "Z", "+03:00", "-14:00", "+00:00"]))
    return moment.replace(microsecond=0).isoformat() + fraction + kind


_VALUES = {
    "System.Int32": INT32,
    "System.Boolean": st.booleans(),
    "System.String": TEXT,
    "System.Decimal": decimals(),
    "System.DateTime": dates(),
}

PROCESSES = st.fixed_dictionaries(
    {
        name: st.none() | _VALUES[field.clr_name] if field.allow_none else _VALUES[field.clr_name]
        for name, field in ChargeProcess.members().items()
    }
)
"""Members of a process as ``ChargeProcess.row`` takes them."""
