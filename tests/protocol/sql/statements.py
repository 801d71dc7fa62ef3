"""Statements of Trino and what is to be known of them. Names of tables stand as they do in a rule: `catalog.schema.table`."""

from warren.facts import QueryProperties
from warren.protocol.sql.analysis import analyse

Q = "20200416_160256_03078_6b4yt"


def tables(properties: QueryProperties) -> str:
    return " ".join(sorted(".".join(table) for table in properties.tables))


def names_nothing(properties: QueryProperties) -> bool:
    return not (properties.tables or properties.catalogs or properties.schemas or properties.catalog_schemas)


def facts(text: str, catalog: str | None = "dc", schema: str | None = "ds") -> QueryProperties:
    """Of a statement that must be understood."""
    properties = analyse(text, catalog=catalog, schema=schema)
    assert properties.error_message is None
    assert properties.is_query_parsing_successful
    assert properties.is_new_query_submission
    return properties


def tables_of(text: str) -> str:
    return tables(facts(text))


EVERY_CLASS = [
    ("SELECT 1", "Query", "SELECT", ""),
    ("WITH a AS (SELECT 1) SELECT * FROM a", "Query", "SELECT", ""),
    ("VALUES (1, 'a'), (2, 'b')", "Query", "SELECT", ""),
    ("TABLE c.s.t", "Query", "SELECT", "c.s.t"),
    ("(SELECT * FROM t)", "Query", "SELECT", "dc.ds.t"),
    ("EXPLAIN SELECT * FROM t", "Explain", "EXPLAIN", "dc.ds.t"),
    ("EXPLAIN (TYPE DISTRIBUTED, FORMAT JSON) SELECT * FROM t", "Explain", "EXPLAIN", "dc.ds.t"),
    ("EXPLAIN (SELECT * FROM t)", "Explain", "EXPLAIN", "dc.ds.t"),
    ("EXPLAIN ANALYZE t", "Explain", "EXPLAIN", "dc.ds.t"),
    ("EXPLAIN ANALYZE show.tables WITH (a = 1)", "Explain", "EXPLAIN", "dc.show.tables"),
    ("EXPLAIN ANALYZE verbose", "Explain", "EXPLAIN", "dc.ds.verbose"),
    ("EXPLAIN ANALYZE VERBOSE CALL p()", "ExplainAnalyze", "DATA_DEFINITION", ""),
    ("EXPLAIN ANALYZE SELECT * FROM t", "ExplainAnalyze", "SELECT", "dc.ds.t"),
    ("EXPLAIN ANALYZE VERBOSE INSERT INTO t SELECT 1", "ExplainAnalyze", "INSERT", "dc.ds.t"),
    ("EXPLAIN ANALYZE ANALYZE t", "ExplainAnalyze", "ANALYZE", "dc.ds.t"),
    ("PREPARE p FROM DELETE FROM t WHERE a = ?", "Prepare", "DATA_DEFINITION", "dc.ds.t"),
    ("DEALLOCATE PREPARE p", "Deallocate", "DATA_DEFINITION", ""),
    ("EXECUTE p USING 1, 'abc', (SELECT 1 FROM t)", "Execute", "", ""),
    ("DESCRIBE INPUT p", "DescribeInput", "DESCRIBE", ""),
    ("DESCRIBE OUTPUT p", "DescribeOutput", "DESCRIBE", ""),
    ("DESCRIBE OUTPUT (SELECT * FROM t)", "DescribeOutput", "DESCRIBE", "dc.ds.t"),
    ("DESCRIBE t", "ShowColumns", "DESCRIBE", "dc.ds.t"),
    ("DESC s.t", "ShowColumns", "DESCRIBE", "dc.s.t"),
    ("DESC output", "ShowColumns", "DESCRIBE", "dc.ds.output"),
    ("DESCRIBE input.t", "ShowColumns", "DESCRIBE", "dc.input.t"),
    ("INSERT INTO t VALUES (1)", "Insert", "INSERT", "dc.ds.t"),
    ("INSERT INTO t @ b (a, b) WITH x AS (SELECT 1) SELECT * FROM x, y", "Insert", "INSERT", "dc.ds.t dc.ds.y"),
    ("UPDATE t SET a = 1, b = (SELECT max(x) FROM u) WHERE c", "Update", "UPDATE", "dc.ds.t dc.ds.u"),
    ("DELETE FROM t", "Delete", "DELETE", "dc.ds.t"),
    ("DELETE FROM t@b WHERE a IN (SELECT b FROM u)", "Delete", "DELETE", "dc.ds.t dc.ds.u"),
    ("TRUNCATE TABLE t", "TruncateTable", "DATA_DEFINITION", "dc.ds.t"),
    ("ANALYZE t WITH (partitions = ARRAY[ARRAY['p1']])", "Analyze", "ANALYZE", "dc.ds.t"),
    ("REFRESH MATERIALIZED VIEW t", "RefreshMaterializedView", "INSERT", "dc.ds.t"),
    ("CALL c.s.p(a => 1)", "Call", "DATA_DEFINITION", ""),
    ("USE c.s", "Use", "DATA_DEFINITION", ""),
    ("COMMENT ON TABLE c.s.t IS 'x'", "Comment", "DATA_DEFINITION", "c.s.t"),
    ("COMMENT ON VIEW v IS NULL", "Comment", "DATA_DEFINITION", "dc.ds.v"),
    ("COMMENT ON COLUMN a.b IS 'x'", "Comment", "DATA_DEFINITION", "dc.ds.a"),
    ("COMMENT ON COLUMN a IS 'x'", "Comment", "DATA_DEFINITION", ""),
    ("START TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY", "StartTransaction", "DATA_DEFINITION", ""),
    ("COMMIT WORK", "Commit", "DATA_DEFINITION", ""),
    ("ROLLBACK", "Rollback", "DATA_DEFINITION", ""),
    ("GRANT SELECT, INSERT ON TABLE t TO ROLE r WITH GRANT OPTION", "Grant", "DATA_DEFINITION", ""),
    ("GRANT ALL PRIVILEGES ON SCHEMA s TO u", "Grant", "DATA_DEFINITION", ""),
    ("GRANT CREATE BRANCH ON BRANCH b IN TABLE t TO u", "Grant", "DATA_DEFINITION", ""),
    ("GRANT a, b TO USER u WITH ADMIN OPTION GRANTED BY CURRENT_USER", "GrantRoles", "DATA_DEFINITION", ""),
    ("REVOKE GRANT OPTION FOR SELECT ON t FROM u", "Revoke", "DATA_DEFINITION", ""),
    ("REVOKE ADMIN OPTION FOR a FROM u IN c", "RevokeRoles", "DATA_DEFINITION", ""),
    ("DENY DELETE ON t TO USER bob", "Deny", "DATA_DEFINITION", ""),
    ("SET ROLE admin IN hive", "SetRole", "DATA_DEFINITION", ""),
    ("SET PATH a.b, c", "SetPath", "DATA_DEFINITION", ""),
    ("SET TIME ZONE LOCAL", "SetTimeZone", "DATA_DEFINITION", ""),
    ("SET SESSION a.b = 'OVERWRITE'", "SetSession", "DATA_DEFINITION", ""),
    ("SET SESSION authorization = 1", "SetSession", "DATA_DEFINITION", ""),
    ("SET SESSION AUTHORIZATION 'bob'", "SetSessionAuthorization", "DATA_DEFINITION", ""),
    ("RESET SESSION AUTHORIZATION", "ResetSessionAuthorization", "DATA_DEFINITION", ""),
    ("RESET SESSION authorization.a", "ResetSession", "DATA_DEFINITION", ""),
    ("RESET SESSION query_max_run_time", "ResetSession", "DATA_DEFINITION", ""),
    ("SHOW CATALOGS LIKE 'a%'", "ShowCatalogs", "DESCRIBE", ""),
    ("SHOW SCHEMAS FROM c", "ShowSchemas", "DESCRIBE", ""),
    ("SHOW TABLES IN c.s LIKE 'a%' ESCAPE '$'", "ShowTables", "DESCRIBE", ""),
    ("SHOW COLUMNS FROM t", "ShowColumns", "DESCRIBE", "dc.ds.t"),
    ("SHOW STATS FOR t", "ShowStats", "DESCRIBE", "dc.ds.t"),
    ("SHOW STATS FOR (SELECT * FROM t WHERE x > 1)", "ShowStats", "DESCRIBE", "dc.ds.t"),
    ("SHOW FUNCTIONS FROM a.b LIKE 'x%'", "ShowFunctions", "DESCRIBE", ""),
    ("SHOW SESSION", "ShowSession", "DESCRIBE", ""),
    ("SHOW GRANTS ON TABLE t", "ShowGrants", "DESCRIBE", ""),
    ("SHOW ROLE GRANTS FROM c", "ShowRoleGrants", "DESCRIBE", ""),
    ("SHOW ROLES", "ShowRoles", "DESCRIBE", ""),
    ("SHOW CURRENT ROLES", "ShowRoles", "DESCRIBE", ""),
    ("SHOW BRANCHES IN TABLE t", "ShowBranches", "DESCRIBE", "dc.ds.t"),
    ("SHOW CREATE TABLE t", "ShowCreate", "DESCRIBE", "dc.ds.t"),
    ("SHOW CREATE VIEW t", "ShowCreate", "DESCRIBE", "dc.ds.t"),
    ("SHOW CREATE MATERIALIZED VIEW t", "ShowCreate", "DESCRIBE", "dc.ds.t"),
    ("SHOW CREATE FUNCTION f", "ShowCreate", "DESCRIBE", "dc.ds.f"),
    ("SHOW CREATE SCHEMA c.s", "ShowCreate", "DESCRIBE", ""),
    ("CREATE CATALOG c USING iceberg COMMENT 'x' WITH (a = 1)", "CreateCatalog", "DATA_DEFINITION", ""),
    ("CREATE SCHEMA IF NOT EXISTS c.s AUTHORIZATION USER u", "CreateSchema", "DATA_DEFINITION", ""),
    ("CREATE TABLE t (a bigint NOT NULL COMMENT 'as', LIKE u)", "CreateTable", "DATA_DEFINITION", "dc.ds.t"),
    ("CREATE OR REPLACE TABLE IF NOT EXISTS t (a, b) AS TABLE u", "CreateTableAsSelect", "INSERT", "dc.ds.t dc.ds.u"),
    ("CREATE TABLE t AS (SELECT * FROM u) WITH NO DATA", "CreateTableAsSelect", "INSERT", "dc.ds.t dc.ds.u"),
    ("CREATE VIEW v SECURITY INVOKER AS SELECT * FROM t", "CreateView", "DATA_DEFINITION", "dc.ds.t dc.ds.v"),
    (
        "CREATE MATERIALIZED VIEW v GRACE PERIOD INTERVAL '1' DAY WHEN STALE FAIL WITH (a = 1) AS SELECT * FROM t",
        "CreateMaterializedView",
        "DATA_DEFINITION",
        "dc.ds.t dc.ds.v",
    ),
    ("CREATE FUNCTION m.d.f(a bigint) RETURNS bigint RETURN a + 1", "CreateFunction", "DATA_DEFINITION", ""),
    ("CREATE OR REPLACE BRANCH b WITH (x = 1) IN TABLE t FROM c", "CreateBranch", "DATA_DEFINITION", "dc.ds.t"),
    ("CREATE ROLE r WITH ADMIN USER bob IN hive", "CreateRole", "DATA_DEFINITION", ""),
    ("DROP CATALOG c CASCADE", "DropCatalog", "DATA_DEFINITION", ""),
    ("DROP SCHEMA IF EXISTS c.s RESTRICT", "DropSchema", "DATA_DEFINITION", ""),
    ("DROP TABLE IF EXISTS t", "DropTable", "DATA_DEFINITION", "dc.ds.t"),
    ("DROP VIEW t", "DropView", "DATA_DEFINITION", "dc.ds.t"),
    ("DROP MATERIALIZED VIEW t", "DropMaterializedView", "DATA_DEFINITION", "dc.ds.t"),
    ("DROP FUNCTION IF EXISTS f(bigint, varchar)", "DropFunction", "DATA_DEFINITION", ""),
    ("DROP BRANCH IF EXISTS b IN TABLE t", "DropBranch", "DATA_DEFINITION", "dc.ds.t"),
    ("DROP ROLE r IN c", "DropRole", "DATA_DEFINITION", ""),
    ("ALTER SCHEMA c.s RENAME TO s2", "RenameSchema", "DATA_DEFINITION", ""),
    ("ALTER SCHEMA c.s SET AUTHORIZATION u", "SetAuthorizationStatement", "DATA_DEFINITION", ""),
    ("ALTER TABLE if RENAME TO b", "RenameTable", "DATA_DEFINITION", "dc.ds.b dc.ds.if"),
    ("ALTER TABLE IF EXISTS t ADD COLUMN IF NOT EXISTS z varchar FIRST", "AddColumn", "DATA_DEFINITION", "dc.ds.t"),
    ("ALTER TABLE t RENAME COLUMN IF EXISTS a.b TO c", "RenameColumn", "DATA_DEFINITION", "dc.ds.t"),
    ("ALTER TABLE t DROP COLUMN a", "DropColumn", "DATA_DEFINITION", "dc.ds.t"),
    ("ALTER TABLE t ALTER COLUMN a.b.c.d SET DATA TYPE map<int, int>", "SetColumnType", "DATA_DEFINITION", "dc.ds.t"),
    ("ALTER TABLE t ALTER COLUMN a SET DEFAULT 123", "SetDefaultValue", "DATA_DEFINITION", "dc.ds.t"),
    ("ALTER TABLE t ALTER COLUMN a DROP DEFAULT", "DropDefaultValue", "DATA_DEFINITION", "dc.ds.t"),
    ("ALTER TABLE t ALTER COLUMN a DROP NOT NULL", "DropNotNullConstraint", "DATA_DEFINITION", "dc.ds.t"),
    ("ALTER TABLE t SET AUTHORIZATION ROLE u", "SetAuthorizationStatement", "DATA_DEFINITION", "dc.ds.t"),
    ("ALTER TABLE t SET PROPERTIES x = DEFAULT", "SetProperties", "DATA_DEFINITION", "dc.ds.t"),
    (
        "ALTER TABLE t EXECUTE optimize(a => '1MB') WHERE d IN (SELECT d FROM u)",
        "TableExecute",
        "ALTER_TABLE_EXECUTE",
        "dc.ds.t dc.ds.u",
    ),
    ("ALTER VIEW v RENAME TO w", "RenameView", "DATA_DEFINITION", "dc.ds.v dc.ds.w"),
    ("ALTER VIEW v SET AUTHORIZATION u", "SetAuthorizationStatement", "DATA_DEFINITION", "dc.ds.v"),
    ("ALTER VIEW v REFRESH", "RefreshView", "DATA_DEFINITION", "dc.ds.v"),
    ("ALTER MATERIALIZED VIEW IF EXISTS v RENAME TO w", "RenameMaterializedView", "DATA_DEFINITION", "dc.ds.v dc.ds.w"),
    ("ALTER MATERIALIZED VIEW v SET PROPERTIES x = 1", "SetProperties", "DATA_DEFINITION", "dc.ds.v"),
    ("ALTER MATERIALIZED VIEW v SET AUTHORIZATION u", "SetAuthorizationStatement", "DATA_DEFINITION", "dc.ds.v"),
    ('ALTER "Lake House" c SET AUTHORIZATION u', "SetAuthorizationStatement", "DATA_DEFINITION", ""),
    ("ALTER MATERIALIZED view.v SET AUTHORIZATION u", "SetAuthorizationStatement", "DATA_DEFINITION", ""),
    ("ALTER CATALOG c SET AUTHORIZATION u", "SetAuthorizationStatement", "DATA_DEFINITION", ""),
    ("ALTER BRANCH a IN TABLE t FAST FORWARD TO b", "FastForwardBranch", "DATA_DEFINITION", "dc.ds.t"),
    (
        (
            "MERGE INTO t AS x USING (SELECT * FROM s) AS s ON x.a = s.a WHEN MATCHED AND s.b IN (SELECT b FROM u) THEN"
            " UPDATE SET a = 1, b = 2 WHEN NOT MATCHED THEN INSERT (a, b) VALUES (1, 2)"
        ),
        "Merge",
        "MERGE",
        "dc.ds.s dc.ds.t dc.ds.u",
    ),
    (
        "MERGE INTO t USING a JOIN b ON a.x = b.x ON true WHEN MATCHED THEN DELETE",
        "Merge",
        "MERGE",
        "dc.ds.a dc.ds.b dc.ds.t",
    ),
]
"""Each class at least once: statement, class, resource group type, tables."""
