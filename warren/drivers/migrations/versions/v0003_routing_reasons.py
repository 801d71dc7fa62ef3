"""The table `warren_routing_reasons`: why each statement went where it went, beside its row of `query_history`."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TABLE = "warren_routing_reasons"


def upgrade() -> None:
    # MySQL keeps what was done by a migration that was cut short.
    if not sa.inspect(op.get_bind()).has_table(TABLE):
        op.create_table(
            TABLE,
            sa.Column("query_id", sa.String(256), primary_key=True),
            sa.Column("created", sa.BigInteger, nullable=False, index=True),
            sa.Column("reason", sa.Text, nullable=False),
        )
