"""Checks that keep out what an answer can't hold, for programs that write the table themselves.

SQLite copies the table. Where a value is in the way, nothing is changed, and the error names the
column's check.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.store.clr_types import STORED
from app.store.tables import check
from schemas import clr

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COLUMNS: dict[type[clr.ClrField[Any]], str] = {
    clr.Int32: "user_id process_id",
    clr.Boolean: "active charge_complete payment_complete",
    clr.String: (
        "station_name socket_name socket_type socket_kwh company_name company_image socket_image"
        " price_unit pricing_unit"
    ),
    clr.Decimal: "start_percent current_percent end_percent used_kwh average_kwh price pricing",
    clr.DateTime: "start_date end_date",
}


def _checks() -> Iterator[tuple[str, str]]:
    """Yield each check's name and SQL, where the database's type allows more than the member's."""
    dialect = op.get_context().dialect.name
    for kind, names in _COLUMNS.items():
        if dialect in STORED[kind].checks:
            for name in names.split():
                yield f"ck_charge_process_{name}", check(kind, name, dialect)


def upgrade() -> None:
    """Add the checks that are not there."""
    found = sa.inspect(op.get_bind()).get_check_constraints("charge_process")
    there = {each["name"] for each in found}
    with op.batch_alter_table("charge_process") as table:
        for name, sql in _checks():
            if name not in there:
                table.create_check_constraint(name, sql)


def downgrade() -> None:
    """Drop the checks."""
    with op.batch_alter_table("charge_process") as table:
        for name, _ in _checks():
            table.drop_constraint(name, type_="check")
