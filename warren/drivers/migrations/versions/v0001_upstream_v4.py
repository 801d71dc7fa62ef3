"""The tables `gateway_backend` and `query_history` as Trino Gateway's fourth schema version has them.

Finds out what is there by looking at the columns: nothing, other people's tables, or any of upstream's versions 1 to 4.
Upstream's own `flyway_schema_history` is neither read nor written. These two tables are never changed further.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

TABLES = sa.MetaData()
sa.Table(
    "gateway_backend",
    TABLES,
    sa.Column("name", sa.String(256), primary_key=True),
    sa.Column("routing_group", sa.String(256)),
    sa.Column("backend_url", sa.String(256)),
    sa.Column("external_url", sa.String(256)),
    sa.Column("active", sa.Boolean),
)
HISTORY = sa.Table(
    "query_history",
    TABLES,
    sa.Column("query_id", sa.String(256), primary_key=True),
    sa.Column("query_text", sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")),
    sa.Column("created", sa.BigInteger),
    sa.Column("backend_url", sa.String(256)),
    sa.Column("user_name", sa.String(256)),
    sa.Column("source", sa.String(256)),
    sa.Column("routing_group", sa.String(255)),
    sa.Column("external_url", sa.String(255)),
)
CREATED = sa.Index("query_history_created_idx", HISTORY.c.created)


def upgrade() -> None:
    for table in TABLES.sorted_tables:
        if _look().has_table(table.name):
            _add_missing_columns(table)
        else:
            table.create(op.get_bind())
    _widen_query_text()
    if not any(index["column_names"] == ["created"] for index in _look().get_indexes(HISTORY.name)):
        CREATED.create(op.get_bind())


def _look() -> sa.Inspector:
    """A fresh look: an Inspector remembers what it saw."""
    return sa.inspect(op.get_bind())


def _add_missing_columns(table: sa.Table) -> None:
    present = {column["name"].lower() for column in _look().get_columns(table.name)}
    for column in table.columns:
        if column.name not in present:
            op.add_column(table.name, column)


def _widen_query_text() -> None:
    wanted = HISTORY.c.query_text.type.dialect_impl(op.get_bind().dialect)
    columns = {column["name"]: column["type"] for column in _look().get_columns(HISTORY.name)}
    # SQLite never cuts text off, whatever length the column was declared with.
    if op.get_bind().dialect.name != "sqlite" and not isinstance(columns["query_text"], type(wanted)):
        op.alter_column(HISTORY.name, "query_text", type_=wanted, existing_nullable=True)
