"""A statement of each kind that analysts, dbt and BI tools send, and the tables in it."""

import pytest

from tests.protocol.sql.statements import tables_of

STATEMENTS = [
    (
        (
            "SELECT c.name, sum(o.total) FROM hive.sales.orders o JOIN customers c ON o.cid = c.id WHERE o.ds >= "
            "DATE '2026-01-01' GROUP BY 1 ORDER BY 2 DESC LIMIT 10"
        ),
        "dc.ds.customers hive.sales.orders",
    ),
    (
        (
            "WITH a AS (SELECT * FROM s1.t1), b AS (SELECT * FROM a JOIN mysql.x.t2 USING (id)) SELECT * FROM b "
            "WHERE id IN (SELECT id FROM t3)"
        ),
        "dc.ds.t3 dc.s1.t1 mysql.x.t2",
    ),
    (
        (
            "CREATE TABLE IF NOT EXISTS iceberg.db.t WITH (format = 'PARQUET', partitioning = ARRAY['month(ts)']) "
            "AS SELECT * FROM hive.d.src WITH NO DATA"
        ),
        "hive.d.src iceberg.db.t",
    ),
    (
        (
            "CREATE OR REPLACE TABLE iceberg.db.t2 (a bigint NOT NULL COMMENT 'x', b row(x varchar, y "
            "decimal(10,2)), c map(varchar, array(integer))) COMMENT 't' WITH (location='s3://b/t')"
        ),
        "iceberg.db.t2",
    ),
    (
        "INSERT INTO hive.d.t (a,b) SELECT a,b FROM other.t2",
        "dc.other.t2 hive.d.t",
    ),
    (
        (
            "MERGE INTO accounts t USING monthly.updates s ON (t.customer = s.customer) WHEN MATCHED AND s.address "
            "= 'Centreville' THEN DELETE WHEN MATCHED THEN UPDATE SET purchases = s.purchases + t.purchases WHEN "
            "NOT MATCHED THEN INSERT (customer, purchases) VALUES(s.customer, s.purchases)"
        ),
        "dc.ds.accounts dc.monthly.updates",
    ),
    (
        "UPDATE hive.d.purchases SET status = 'OVERDUE' WHERE ship_date IS NULL",
        "hive.d.purchases",
    ),
    (
        "DELETE FROM lineitem WHERE orderkey IN (SELECT orderkey FROM orders WHERE priority = 'LOW')",
        "dc.ds.lineitem dc.ds.orders",
    ),
    (
        "TRUNCATE TABLE hive.d.t",
        "hive.d.t",
    ),
    (
        "EXECUTE IMMEDIATE 'SELECT name FROM hive.d.nation WHERE id = ?' USING 1",
        "hive.d.nation",
    ),
    (
        "PREPARE my_select FROM SELECT name FROM hive.d.nation WHERE regionkey = ? AND x < ?",
        "hive.d.nation",
    ),
    (
        "EXECUTE my_select USING 1, 'abc'",
        "",
    ),
    (
        "DEALLOCATE PREPARE my_select",
        "",
    ),
    (
        "DESCRIBE OUTPUT my_select",
        "",
    ),
    (
        (
            "CALL system.runtime.kill_query(query_id => '20151207_215727_00146_tx3nr', message => 'Using too many "
            "resources')"
        ),
        "",
    ),
    (
        "CALL iceberg.system.register_table('s', 't', 'hdfs://x')",
        "",
    ),
    (
        (
            "SELECT * FROM hive.d.orders MATCH_RECOGNIZE (PARTITION BY custkey ORDER BY orderdate MEASURES "
            "A.totalprice AS starting_price, LAST(B.totalprice) AS bottom_price ONE ROW PER MATCH AFTER MATCH SKIP "
            "PAST LAST ROW PATTERN (A B+ C+ D+) SUBSET U = (C, D) DEFINE B AS totalprice < PREV(totalprice), C AS "
            "totalprice > PREV(totalprice) AND totalprice <= A.totalprice, D AS totalprice > PREV(totalprice))"
        ),
        "hive.d.orders",
    ),
    (
        (
            "SELECT cust_key, val OVER w FROM orders WINDOW w AS (PARTITION BY cust_key ORDER BY order_date "
            "MEASURES last(total_price) AS val ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING PATTERN (A B+) "
            "DEFINE B AS total_price < PREV(total_price))"
        ),
        "dc.ds.orders",
    ),
    (
        "SELECT * FROM TABLE(postgresql.system.query(query => 'SELECT * FROM tpch.nation'))",
        "postgresql.system.query",
    ),
    (
        "SELECT * FROM TABLE(exclude_columns(input => TABLE(hive.d.orders), columns => DESCRIPTOR(clerk, comment)))",
        "dc.ds.exclude_columns hive.d.orders",
    ),
    (
        (
            "SELECT transform(numbers, n -> n * n), reduce(a, 0, (s, x) -> s + x, s -> s), filter(a, x -> x IS NOT "
            "NULL) FROM t"
        ),
        "dc.ds.t",
    ),
    (
        "SELECT n, ord FROM t CROSS JOIN UNNEST(arr, m) WITH ORDINALITY AS u(n, k, ord)",
        "dc.ds.t",
    ),
    (
        "SELECT * FROM nation CROSS JOIN LATERAL (SELECT name || ' :-' AS x FROM region WHERE region.k = nation.k)",
        "dc.ds.nation dc.ds.region",
    ),
    (
        (
            "SELECT json_value(d, 'lax $.a' RETURNING bigint DEFAULT 0 ON EMPTY NULL ON ERROR), json_query(d, 'lax "
            "$.b[*]' WITH ARRAY WRAPPER), json_exists(d, 'strict $.c?(@ > 3)' PASSING 1 AS \"x\"), JSON_OBJECT(KEY "
            "'k' VALUE v ABSENT ON NULL), json_array(1,2 NULL ON NULL) FROM t"
        ),
        "dc.ds.t",
    ),
    (
        (
            "SELECT * FROM customers, JSON_TABLE(col, 'lax $.children[*]' AS \"c\" COLUMNS (id BIGINT PATH 'lax "
            "$.id', rn FOR ORDINALITY, name VARCHAR(60) PATH 'lax $.name' DEFAULT 'n' ON EMPTY))"
        ),
        "dc.ds.customers",
    ),
    (
        (
            "CREATE OR REPLACE MATERIALIZED VIEW iceberg.d.mv GRACE PERIOD INTERVAL '1' HOUR COMMENT 'c' WITH "
            "(format = 'ORC') AS SELECT a, count(*) c FROM hive.d.t GROUP BY a"
        ),
        "hive.d.t iceberg.d.mv",
    ),
    (
        "REFRESH MATERIALIZED VIEW iceberg.d.mv",
        "iceberg.d.mv",
    ),
    (
        "CREATE VIEW hive.d.v COMMENT 'x' SECURITY INVOKER AS SELECT * FROM hive.d.t",
        "hive.d.t hive.d.v",
    ),
    (
        "ALTER TABLE iceberg.d.t EXECUTE optimize(file_size_threshold => '128MB') WHERE ds = DATE '2026-01-01'",
        "iceberg.d.t",
    ),
    (
        "ALTER TABLE iceberg.d.t SET PROPERTIES partitioning = ARRAY['day(ts)'], x = DEFAULT",
        "iceberg.d.t",
    ),
    (
        "ALTER TABLE IF EXISTS d.t ADD COLUMN IF NOT EXISTS zip varchar COMMENT 'z' FIRST",
        "dc.d.t",
    ),
    (
        "SHOW TABLES FROM hive.d LIKE 'a%'",
        "",
    ),
    (
        "SHOW CREATE TABLE hive.d.t",
        "hive.d.t",
    ),
    (
        "SHOW COLUMNS FROM hive.d.t",
        "hive.d.t",
    ),
    (
        "SHOW STATS FOR (SELECT * FROM hive.d.t WHERE x > 1)",
        "hive.d.t",
    ),
    (
        "SHOW CATALOGS",
        "",
    ),
    (
        "SHOW FUNCTIONS FROM a.b LIKE 'x%' ESCAPE '$'",
        "",
    ),
    (
        "EXPLAIN ANALYZE VERBOSE SELECT count(*) FROM hive.d.t",
        "hive.d.t",
    ),
    (
        "EXPLAIN (TYPE DISTRIBUTED, FORMAT JSON) SELECT * FROM hive.d.t",
        "hive.d.t",
    ),
    (
        "SET SESSION hive.insert_existing_partitions_behavior = 'OVERWRITE'",
        "",
    ),
    (
        "RESET SESSION query_max_run_time",
        "",
    ),
    (
        "SET ROLE admin IN hive",
        "",
    ),
    (
        "SET SESSION AUTHORIZATION 'bob'",
        "",
    ),
    (
        "SET TIME ZONE 'Europe/Berlin'",
        "",
    ),
    (
        "USE hive.d",
        "",
    ),
    (
        "GRANT SELECT, INSERT ON TABLE hive.d.t TO ROLE analyst WITH GRANT OPTION",
        "",
    ),
    (
        "DENY DELETE ON hive.d.t TO USER bob",
        "",
    ),
    (
        "CREATE ROLE admin WITH ADMIN USER bob IN hive",
        "",
    ),
    (
        "WITH FUNCTION doubleup(x integer) RETURNS integer RETURN x * 2 SELECT doubleup(a) FROM hive.d.t",
        "hive.d.t",
    ),
    (
        (
            "WITH FUNCTION fib(n bigint) RETURNS bigint BEGIN DECLARE a, b bigint DEFAULT 1; DECLARE c bigint; IF "
            "n <= 2 THEN RETURN 1; END IF; WHILE n > 2 DO SET n = n - 1; SET c = a + b; SET a = b; SET b = c; END "
            "WHILE; RETURN c; END SELECT fib(5), x FROM hive.d.t"
        ),
        "hive.d.t",
    ),
    (
        "CREATE FUNCTION memory.default.f(a bigint) RETURNS bigint DETERMINISTIC RETURN a + 1",
        "",
    ),
    (
        "START TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY",
        "",
    ),
    (
        "COMMENT ON COLUMN hive.d.t.c IS 'x'",
        "hive.d.t",
    ),
    (
        "ANALYZE hive.d.t WITH (partitions = ARRAY[ARRAY['p1']])",
        "hive.d.t",
    ),
    (
        "VALUES (1, 'a'), (2, 'b')",
        "",
    ),
    (
        "TABLE hive.d.t",
        "hive.d.t",
    ),
    (
        (
            "SELECT * FROM iceberg.d.t FOR VERSION AS OF 8954597067493422955 a JOIN iceberg.d.t2 FOR TIMESTAMP AS "
            "OF TIMESTAMP '2026-01-01 00:00:00 UTC' b ON a.x = b.x"
        ),
        "iceberg.d.t iceberg.d.t2",
    ),
    (
        'SELECT * FROM iceberg.d."t$snapshots"',
        "iceberg.d.t$snapshots",
    ),
    (
        "SELECT * FROM hive.d.t TABLESAMPLE BERNOULLI (10)",
        "hive.d.t",
    ),
    (
        (
            "SELECT a, b, grouping(a,b) FROM t GROUP BY GROUPING SETS ((a,b),(a),()) OFFSET 5 ROWS FETCH FIRST 10 "
            "ROWS WITH TIES"
        ),
        "dc.ds.t",
    ),
    (
        (
            "SELECT listagg(v, ',' ON OVERFLOW TRUNCATE '...' WITH COUNT) WITHIN GROUP (ORDER BY v) FILTER (WHERE "
            "v IS NOT NULL), try_cast(x AS timestamp(3) with time zone) AT TIME ZONE 'UTC' FROM t"
        ),
        "dc.ds.t",
    ),
    (
        'SELECT U&\'\\0041\', "we""ird" FROM "my cat"."my sch"."my tbl"',
        "my cat.my sch.my tbl",
    ),
    (
        "CREATE SCHEMA IF NOT EXISTS hive.web AUTHORIZATION USER alice WITH (location = 's3://b/')",
        "",
    ),
    (
        "DROP CATALOG example",
        "",
    ),
    (
        "CREATE CATALOG example USING postgresql WITH (\"connection-url\" = 'jdbc:pg:localhost:5432')",
        "",
    ),
    (
        "CREATE BRANCH audit IN TABLE iceberg.d.t",
        "iceberg.d.t",
    ),
    (
        "WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 4) SELECT sum(n) FROM t",
        "",
    ),
    (
        '/* dbt {"a":1} */ -- c\nSELECT /* x */ 1 FROM hive.d.t -- end',
        "hive.d.t",
    ),
]


@pytest.mark.parametrize(("text", "named"), STATEMENTS)
def test_the_tables_of_everyday_statements(text: str, named: str) -> None:
    assert tables_of(text) == named
