"""Tables drawn from the contracts."""

from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    cast,
    types,
)
from sqlalchemy.sql.elements import ColumnElement

from schemas.charge_process import ChargeProcess
from schemas.contract import Contract

METADATA: Final = MetaData()


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


_COLUMN_TYPES: Final[dict[str, type[types.TypeEngine[Any]]]] = {
    "System.Int32": Integer,
    "System.Boolean": Boolean,
    "System.String": Text,
    "System.Decimal": ExactDecimal,
    # No database type holds seven digits and the kind.
    "System.DateTime": Text,
}


def table_of(contract: type[Contract], name: str, key: str) -> Table:
    """Draw a table from a contract.

    Its primary key is the member ``key``; the column ``user_id`` is in no contract, for the
    service is asked by it.
    """
    columns = [
        Column(
            member,
            _COLUMN_TYPES[field.clr_name](),
            primary_key=member == key,
            autoincrement=False,
            nullable=field.allow_none,
        )
        for member, field in contract.members().items()
    ]
    user_id = Column("user_id", Integer, nullable=False)
    return Table(name, METADATA, user_id, *columns, Index(f"ix_{name}_user", "user_id", key))


CHARGE_PROCESS: Final = table_of(ChargeProcess, "charge_process", key="process_id")
