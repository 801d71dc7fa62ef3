"""The table `warren_leases`: which process does what only one may do at a time."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # MySQL keeps what was done by a migration that was cut short.
    if not sa.inspect(op.get_bind()).has_table("warren_leases"):
        op.create_table(
            "warren_leases",
            sa.Column("name", sa.String(64), primary_key=True),
            sa.Column("holder", sa.String(64), nullable=False),
            sa.Column("beat", sa.BigInteger, nullable=False),
        )
