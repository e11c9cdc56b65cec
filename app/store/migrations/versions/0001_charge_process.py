"""The table of processes, as version 1.0.0 has it.

A table that was made before there were versions is taken over as it is.
"""

import sqlalchemy as sa
from alembic import op

from app.store.clr_types import ExactDecimal

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_COLUMNS = {
    sa.Boolean: "active charge_complete payment_complete",
    sa.Text: (
        "station_name socket_name socket_type socket_kwh start_date end_date company_name"
        " company_image socket_image price_unit pricing_unit"
    ),
    ExactDecimal: ("start_percent current_percent end_percent used_kwh average_kwh price pricing"),
}


def upgrade() -> None:
    """Create the table."""
    if sa.inspect(op.get_bind()).has_table("charge_process"):
        return
    members = [
        sa.Column(name, kind()) for kind, names in _COLUMNS.items() for name in names.split()
    ]
    op.create_table(
        "charge_process",
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("process_id", sa.Integer, primary_key=True, autoincrement=False),
        *members,
    )
    op.create_index("ix_charge_process_user", "charge_process", ["user_id", "process_id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("charge_process")
