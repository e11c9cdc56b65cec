"""How the store keeps each CLR type: its column, and what a value in a file looks like."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from marshmallow import ValidationError
from sqlalchemy import Boolean, Dialect, Integer, Numeric, Text, cast, types
from sqlalchemy.sql.elements import ColumnElement

from app.store import checks, clr_values
from app.store.clr_values import Convert
from schemas import clr


class ExactDecimal(types.TypeDecorator[str]):
    """A System.Decimal as its text, with the scale it was written with.

    SQLite has no exact decimals, so there it is TEXT; PostgreSQL's unconstrained NUMERIC keeps
    the scale and is read and written as text.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Choose the column's type."""
        exact = dialect.name == "postgresql"
        return dialect.type_descriptor(Numeric(asdecimal=False) if exact else Text())

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Read the number's text."""
        return cast(column, Text)

    def bind_processor(self, dialect: Dialect) -> None:
        """Write the text as it is."""
        return


@dataclass(frozen=True, kw_only=True)
class StoredType:
    """How a CLR type is stored.

    Attributes:
        column: the type of its column.
        legacy: makes what converts a legacy database's value, given the text for UTC's offset.
        xml: takes the text of a captured element; raises ValidationError where it is none.
        checks: dialect -> what its column must fulfil, where the database's own type allows more.
        line: the Python expression for its text in an exported line, given the value in {0}.
    """

    column: type[types.TypeEngine[Any]]
    legacy: Callable[[str], Convert]
    xml: Callable[[str], object]
    line: str
    checks: Mapping[str, str]


def xs_boolean(text: str) -> bool:
    """Parse an xs:boolean, whose blanks count for nothing. Raises ValidationError."""
    bare = text.strip(" \t\r\n")
    if bare not in ("true", "1", "false", "0"):
        raise ValidationError(f"must be true, false, 1 or 0, not {text[:60]!r}")
    return bare in ("true", "1")


def _bare(text: str) -> str:
    """Refuse what .NET reads in a number or date, and never writes."""
    if text != text.strip():
        raise ValidationError(f"must have no blanks around it, not {text[:60]!r}")
    if text.startswith("+"):
        raise ValidationError(f"must have no plus sign, not {text[:60]!r}")
    return text


def _whole(text: str) -> int:
    """Parse an xs:int as .NET writes it."""
    if not _INT32.fullmatch(_bare(text)):
        raise ValidationError(f"must be a whole number, not {text[:60]!r}")
    return int(text)


_INT32: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,10})")


STORED: Final[Mapping[type[clr.ClrField[Any]], StoredType]] = {
    clr.Int32: StoredType(
        column=Integer,
        legacy=lambda _: clr_values.int32,
        xml=_whole,
        line="null if {0} is None else {0}",
        checks=checks.INT32,
    ),
    clr.Boolean: StoredType(
        column=Boolean,
        legacy=lambda _: clr_values.boolean,
        xml=xs_boolean,
        line="boolean[{0}]",
        checks=checks.BOOLEAN,
    ),
    clr.String: StoredType(
        column=Text,
        legacy=lambda _: clr.string,
        xml=str,
        line="null if {0} is None else quote({0})",
        checks=checks.STRING,
    ),
    clr.Decimal: StoredType(
        column=ExactDecimal,
        legacy=lambda _: clr_values.decimal,
        xml=_bare,
        line="null if {0} is None else {0}",
        checks=checks.DECIMAL,
    ),
    clr.DateTime: StoredType(
        # No database type holds seven digits and the kind.
        column=Text,
        legacy=lambda utc: partial(clr_values.date_time, utc=utc),
        xml=_bare,
        line="null if {0} is None else quote({0})",
        checks=checks.DATE_TIME,
    ),
}
