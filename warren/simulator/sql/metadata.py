"""What there is: schemas and tables, Trino's system and information tables as DuckDB queries, and SHOW."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CATALOGS = ("memory", "system", "tpch")
SESSION_PROPERTIES = {
    "distributed_sort": ("true", "boolean"),
    "join_distribution_type": ("AUTOMATIC", "varchar"),
    "join_reordering_strategy": ("AUTOMATIC", "varchar"),
    "query_max_cpu_time": ("1000000000.00d", "varchar"),
    "query_max_execution_time": ("100.00d", "varchar"),
    "query_max_run_time": ("100.00d", "varchar"),
    "query_priority": ("1", "integer"),
    "redistribute_writes": ("true", "boolean"),
    "resource_overcommit": ("false", "boolean"),
    "retry_policy": ("NONE", "varchar"),
    "spill_enabled": ("false", "boolean"),
    "task_concurrency": ("4", "integer"),
}
"""The session properties that may be set here: their defaults and types."""

TYPES_MACRO = """
CREATE MACRO trino_type_name(given, noted) AS coalesce(noted, CASE
  WHEN given = 'HUGEINT' THEN 'bigint' WHEN given = 'FLOAT' THEN 'real' WHEN given = 'BLOB' THEN 'varbinary'
  WHEN given = 'TIMESTAMP' THEN 'timestamp(6)' WHEN given = 'TIME' THEN 'time(6)'
  WHEN given = 'TIMESTAMP WITH TIME ZONE' THEN 'timestamp(3) with time zone'
  WHEN given LIKE 'STRUCT%' THEN 'row' || lower(substr(given, 7))
  WHEN given LIKE '%[]' THEN 'array(' || lower(replace(given, '[]', '')) || ')'
  ELSE lower(given) END)
"""
OTHER_MACROS = (
    "CREATE MACRO infinity() AS 'inf'::DOUBLE",
    "CREATE MACRO nan() AS 'nan'::DOUBLE",
    "CREATE MACRO is_finite(x) AS isfinite(x)",
    "CREATE MACRO is_nan(x) AS isnan(x)",
)

SYSTEM_SCHEMAS = ("information_schema", "jdbc", "metadata", "runtime")
SYSTEM_TABLES = {
    "jdbc": ("catalogs", "columns", "schemas", "table_types", "tables"),
    "metadata": ("catalogs",),
    "runtime": ("nodes", "queries", "transactions"),
}
INFORMATION_TABLES = ("columns", "schemata", "tables", "views")

_OWN = "database_name IN ('memory', 'tpch') AND schema_name <> 'main'"
_TABLES = f"""
SELECT database_name, schema_name, table_name, 'BASE TABLE' AS kind FROM duckdb_tables() WHERE {_OWN}
UNION ALL SELECT database_name, schema_name, view_name, 'VIEW' FROM duckdb_views() WHERE NOT internal AND {_OWN}
"""  # noqa: S608 - constants only
_SCHEMAS = f"""
SELECT database_name, schema_name FROM duckdb_schemas() WHERE {_OWN} AND schema_name NOT IN ('information_schema', 'pg_catalog')
UNION ALL SELECT c, 'information_schema' FROM (VALUES ('memory'), ('tpch'), ('system')) AS v(c)
UNION ALL SELECT 'system', s FROM (VALUES ('jdbc'), ('metadata'), ('runtime')) AS v(s)
"""  # noqa: S608
TABLES_SQL = f"SELECT database_name, schema_name, table_name, kind FROM ({_TABLES})"  # noqa: S608
SCHEMAS_SQL = f"SELECT DISTINCT database_name, schema_name FROM ({_SCHEMAS}) ORDER BY 1, 2"  # noqa: S608
COLUMNS_SQL = f"""
SELECT database_name, schema_name, table_name, column_name, column_index AS position, is_nullable,
  trino_type_name(data_type, comment) AS type FROM duckdb_columns() WHERE {_OWN}
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Facts:
    """What the coordinator knows and a statement may ask about."""

    node_id: str
    version: str
    uri: str
    queries: Sequence[Sequence[Any]]
    """Rows of system.runtime.queries, as in QUERIES."""
    transactions: Sequence[Sequence[Any]]


QUERIES = (
    ("query_id", "VARCHAR"), ("state", "VARCHAR"), ("user", "VARCHAR"), ("source", "VARCHAR"), ("query", "VARCHAR"),
    ("resource_group_id", "VARCHAR[]"), ("queued_time_ms", "BIGINT"), ("analysis_time_ms", "BIGINT"),
    ("planning_time_ms", "BIGINT"), ("created", "TIMESTAMPTZ"), ("started", "TIMESTAMPTZ"),
    ("last_heartbeat", "TIMESTAMPTZ"), ("end", "TIMESTAMPTZ"), ("error_type", "VARCHAR"), ("error_code", "VARCHAR"),
)  # fmt: skip
NODES = (
    ("node_id", "VARCHAR"), ("http_uri", "VARCHAR"), ("node_version", "VARCHAR"), ("coordinator", "BOOLEAN"),
    ("state", "VARCHAR"),
)  # fmt: skip
TRANSACTIONS = (
    ("transaction_id", "VARCHAR"), ("isolation_level", "VARCHAR"), ("read_only", "BOOLEAN"),
    ("auto_commit_context", "BOOLEAN"), ("create_time", "TIMESTAMPTZ"), ("idle_time_secs", "BIGINT"),
    ("written_catalog", "VARCHAR"), ("catalogs", "VARCHAR[]"),
)  # fmt: skip


def literal(value: Any) -> str:
    """A value as a DuckDB literal; every text is quoted, whatever it holds."""
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return "'" + str(value).replace("'", "''") + "'"


def relation(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> str:
    """A query that yields exactly these rows."""
    nothing = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in columns)
    if not rows:
        return f"SELECT {nothing} LIMIT 0"
    cells = ", ".join(f'CAST(c{i} AS {kind}) AS "{name}"' for i, (name, kind) in enumerate(columns))
    values = ", ".join("(" + ", ".join(literal(cell) for cell in row) + ")" for row in rows)
    inner = ", ".join(f"c{i}" for i in range(len(columns)))
    return f"SELECT {cells} FROM (VALUES {values}) AS v({inner})"  # noqa: S608 - every cell is a quoted literal


def computed(facts: Facts, catalog: str, schema: str, table: str) -> str | None:
    """The query that stands for a table that is not stored, or None."""
    if schema == "information_schema":
        return _information(catalog, table)
    if catalog != "system":
        return None
    match schema, table:
        case "runtime", "queries":
            return relation(QUERIES, facts.queries)
        case "runtime", "nodes":
            return relation(NODES, [(facts.node_id, facts.uri, facts.version, True, "active")])
        case "runtime", "transactions":
            return relation(TRANSACTIONS, facts.transactions)
        case "metadata", "catalogs":
            rows = [(name, name, name) for name in CATALOGS]
            names = ("catalog_name", "connector_id", "connector_name")
            return relation([(name, "VARCHAR") for name in names], rows)
        case "jdbc", _:
            return _jdbc(table)
        case _:
            return None


def _information(catalog: str, table: str) -> str | None:
    here = f"database_name = {literal(catalog)}"
    match table:
        case "schemata":
            return f"SELECT database_name AS catalog_name, schema_name FROM ({_SCHEMAS}) WHERE {here}"  # noqa: S608
        case "tables" | "views":
            only = "" if table == "tables" else " AND kind = 'VIEW'"
            return (
                "SELECT database_name AS table_catalog, schema_name AS table_schema, table_name, kind AS table_type"  # noqa: S608
                f" FROM ({_TABLES}) WHERE {here}{only}"
            )
        case "columns":
            return (
                "SELECT database_name AS table_catalog, schema_name AS table_schema, table_name, column_name,"  # noqa: S608
                " CAST(position AS BIGINT) AS ordinal_position, CAST(NULL AS VARCHAR) AS column_default,"
                " CASE WHEN is_nullable THEN 'YES' ELSE 'NO' END AS is_nullable, type AS data_type"
                f" FROM ({COLUMNS_SQL}) WHERE {here}"
            )
        case _:
            return None


def _jdbc(table: str) -> str | None:
    nulls = ", ".join(
        f"CAST(NULL AS VARCHAR) AS {name}"
        for name in ("remarks", "type_cat", "type_schem", "type_name", "self_referencing_col_name", "ref_generation")
    )
    match table:
        case "catalogs":
            return relation([("table_cat", "VARCHAR")], [(name,) for name in CATALOGS])
        case "schemas":
            return f"SELECT schema_name AS table_schem, database_name AS table_catalog FROM ({_SCHEMAS})"  # noqa: S608
        case "table_types":
            return relation([("table_type", "VARCHAR")], [("TABLE",), ("VIEW",)])
        case "tables":
            return (
                "SELECT database_name AS table_cat, schema_name AS table_schem, table_name,"  # noqa: S608
                f" CASE kind WHEN 'VIEW' THEN 'VIEW' ELSE 'TABLE' END AS table_type, {nulls} FROM ({_TABLES})"
            )
        case "columns":
            return (
                "SELECT database_name AS table_cat, schema_name AS table_schem, table_name, column_name,"  # noqa: S608
                " CAST(CASE WHEN type LIKE 'varchar%' THEN 12 WHEN type = 'bigint' THEN -5 WHEN type = 'integer' THEN 4"
                " WHEN type = 'double' THEN 8 WHEN type = 'date' THEN 91 WHEN type = 'boolean' THEN 16"
                " WHEN type LIKE 'timestamp%' THEN 93 WHEN type LIKE 'decimal%' THEN 3 ELSE 2000 END AS BIGINT)"
                " AS data_type, type AS type_name, CAST(NULL AS BIGINT) AS column_size,"
                " CAST(NULL AS BIGINT) AS buffer_length, CAST(NULL AS BIGINT) AS decimal_digits,"
                " CAST(10 AS BIGINT) AS num_prec_radix, CAST(2 AS BIGINT) AS nullable, CAST(NULL AS VARCHAR) AS remarks,"
                " CAST(NULL AS VARCHAR) AS column_def, CAST(NULL AS BIGINT) AS sql_data_type,"
                " CAST(NULL AS BIGINT) AS sql_datetime_sub, CAST(NULL AS BIGINT) AS char_octet_length,"
                " CAST(position AS BIGINT) AS ordinal_position, 'YES' AS is_nullable,"
                " CAST(NULL AS VARCHAR) AS scope_catalog, CAST(NULL AS VARCHAR) AS scope_schema,"
                " CAST(NULL AS VARCHAR) AS scope_table, CAST(NULL AS BIGINT) AS source_data_type,"
                f" CAST(NULL AS VARCHAR) AS is_autoincrement, CAST(NULL AS VARCHAR) AS is_generatedcolumn"
                f" FROM ({COLUMNS_SQL})"
            )
        case _:
            return None
