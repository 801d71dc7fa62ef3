# ruff: noqa: S608 - made of the constants below, before anybody can ask anything
"""A small sample in the shape of TPC-H `tiny`, made by SQL: the same rows on every start and machine."""

NATIONS = (
    ("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4), ("ETHIOPIA", 0), ("FRANCE", 3),
    ("GERMANY", 3), ("INDIA", 2), ("INDONESIA", 2), ("IRAN", 4), ("IRAQ", 4), ("JAPAN", 2), ("JORDAN", 4),
    ("KENYA", 0), ("MOROCCO", 0), ("MOZAMBIQUE", 0), ("PERU", 1), ("CHINA", 2), ("ROMANIA", 3),
    ("SAUDI ARABIA", 4), ("VIETNAM", 2), ("RUSSIA", 3), ("UNITED KINGDOM", 3), ("UNITED STATES", 1),
)  # fmt: skip
REGIONS = ("AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST")
SEGMENTS = ("AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY")
PRIORITIES = ("1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW")
MODES = ("AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK")
INSTRUCTIONS = ("COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN")
METALS = ("BRASS", "COPPER", "NICKEL", "STEEL", "TIN")

CATALOG = "tpch"
SCHEMA = "tiny"

LENGTHS: dict[str, dict[str, int]] = {
    "region": {"name": 25, "comment": 152},
    "nation": {"name": 25, "comment": 152},
    "customer": {"name": 25, "address": 40, "phone": 15, "mktsegment": 10, "comment": 117},
    "supplier": {"name": 25, "address": 40, "phone": 15, "comment": 101},
    "part": {"name": 55, "mfgr": 25, "brand": 10, "type": 25, "container": 10, "comment": 23},
    "partsupp": {"comment": 199},
    "orders": {"orderstatus": 1, "orderpriority": 15, "clerk": 15, "comment": 79},
    "lineitem": {"returnflag": 1, "linestatus": 1, "shipinstruct": 25, "shipmode": 10, "comment": 44},
}
"""Lengths of the sample's varchars as Trino's tpch connector gives them; DuckDB forgets them."""


def words(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def pick(values: tuple[str, ...], number: str) -> str:
    return f"({words(values)})[1 + ({number}) % {len(values)}]"


def spread(number: str, salt: int) -> str:
    """A number that looks like chance and is the same every time (Knuth's multiplicative hash)."""
    return f"(((({number}) + {salt}) * 2654435761) % 4294967296 >> 8)"


def statements() -> tuple[str, ...]:
    """What makes the sample, in order."""
    at = f"{CATALOG}.{SCHEMA}"
    nations = ", ".join(f"({i}::BIGINT, '{name}', {region}::BIGINT)" for i, (name, region) in enumerate(NATIONS))
    regions = ", ".join(f"({i}::BIGINT, '{name}')" for i, name in enumerate(REGIONS))
    return (
        f"CREATE SCHEMA {at}",
        (
            f"CREATE TABLE {at}.region AS SELECT k AS regionkey, n AS name, 'the land of ' || lower(n) AS comment"
            f" FROM (VALUES {regions}) AS v(k, n)"
        ),
        (
            f"CREATE TABLE {at}.nation AS SELECT k AS nationkey, n AS name, r AS regionkey,"
            f" 'people of ' || lower(n) AS comment FROM (VALUES {nations}) AS v(k, n, r)"
        ),
        *_parties(at),
        *_goods(at),
        *_sales(at),
    )


def _parties(at: str) -> tuple[str, ...]:
    phone = "printf('%02d-%03d-%03d-%04d', 10 + i % 25, 100 + i % 900, 100 + i * 7 % 900, i * 13 % 10000)"
    return (
        (
            f"CREATE TABLE {at}.customer AS SELECT i AS custkey, printf('Customer#%09d', i) AS name,"
            f" 'Street ' || i % 97 AS address, i * 7 % 25 AS nationkey, {phone} AS phone,"
            f" ({spread('i', 1)} % 1099999 - 99999) / 100e0 AS acctbal, {pick(SEGMENTS, 'i * 3')} AS mktsegment,"
            " 'customer since ' || (1985 + i % 14) AS comment FROM range(1, 1501) AS r(i)"
        ),
        (
            f"CREATE TABLE {at}.supplier AS SELECT i AS suppkey, printf('Supplier#%09d', i) AS name,"
            f" 'Road ' || i % 89 AS address, i * 11 % 25 AS nationkey, {phone} AS phone,"
            f" ({spread('i', 2)} % 1099999 - 99999) / 100e0 AS acctbal, 'supplier since ' || (1985 + i % 14) AS comment"
            " FROM range(1, 101) AS r(i)"
        ),
    )


def _goods(at: str) -> tuple[str, ...]:
    return (
        (
            f"CREATE TABLE {at}.part AS SELECT i AS partkey, 'part ' || {pick(METALS, 'i')} || ' ' || i AS name,"
            " 'Manufacturer#' || (1 + i % 5) AS mfgr, 'Brand#' || (1 + i % 5) || (1 + i % 4) AS brand,"
            f" 'STANDARD ' || {pick(METALS, 'i * 3')} AS type, (1 + {spread('i', 3)} % 50)::INTEGER AS size,"
            f" 'BOX ' || i % 8 AS container, (90000 + i % 200 * 100 + i // 10) / 100e0 AS retailprice,"
            " 'fine goods' AS comment FROM range(1, 2001) AS r(i)"
        ),
        (
            f"CREATE TABLE {at}.partsupp AS SELECT i AS partkey, 1 + (i + s * 25) % 100 AS suppkey,"
            f" ({spread('i * 4 + s', 4)} % 9999)::INTEGER AS availqty,"
            f" (100 + {spread('i * 4 + s', 5)} % 99900) / 100e0 AS supplycost, 'on stock' AS comment"
            " FROM range(1, 2001) AS r(i), range(0, 4) AS t(s)"
        ),
    )


def _sales(at: str) -> tuple[str, ...]:
    day = "DATE '1992-01-01' + ({0} % 2406)::INTEGER"
    price = f"({at}.part.retailprice * q)"
    return (
        (
            f"CREATE TABLE {at}.lineitem AS SELECT o AS orderkey, p AS partkey, 1 + (p + n * 25) % 100 AS suppkey,"
            " n::INTEGER AS linenumber, q::DOUBLE AS quantity,"
            f" {price} AS extendedprice, d / 100e0 AS discount, x / 100e0 AS tax,"
            " CASE WHEN s > DATE '1995-06-17' THEN 'N' WHEN o % 2 = 0 THEN 'R' ELSE 'A' END AS returnflag,"
            " CASE WHEN s > DATE '1995-06-17' THEN 'O' ELSE 'F' END AS linestatus,"
            " s AS shipdate, s + 30 AS commitdate, s + 1 + (o % 30)::INTEGER AS receiptdate,"
            f" {pick(INSTRUCTIONS, 'o + n')} AS shipinstruct, {pick(MODES, 'o * 3 + n')} AS shipmode,"
            " 'line ' || n || ' of order ' || o AS comment FROM"
            f" (SELECT o, n, 1 + {spread('o * 7 + n', 6)} % 2000 AS p, 1 + {spread('o * 7 + n', 7)} % 50 AS q,"
            f" {spread('o * 7 + n', 8)} % 11 AS d, {spread('o * 7 + n', 9)} % 9 AS x,"
            f" {day.format(spread('o', 10))} + 1 + ({spread('o * 7 + n', 11)} % 121)::INTEGER AS s"
            f" FROM range(1, 15001) AS r(o), range(1, 8) AS t(n) WHERE n <= 1 + {spread('o', 12)} % 7)"
            f" JOIN {at}.part ON partkey = p ORDER BY o, n"
        ),
        (
            f"CREATE TABLE {at}.orders AS SELECT i AS orderkey, 1 + {spread('i', 13)} % 1500 AS custkey,"
            " CASE WHEN open = 0 THEN 'F' WHEN open = lines THEN 'O' ELSE 'P' END AS orderstatus, total AS totalprice,"
            f" {day.format(spread('i', 10))} AS orderdate, {pick(PRIORITIES, spread('i', 14))} AS orderpriority,"
            " printf('Clerk#%09d', 1 + i % 1000) AS clerk, 0::INTEGER AS shippriority, 'order ' || i AS comment FROM"
            " (SELECT orderkey AS i, count(*) AS lines, count(*) FILTER (linestatus = 'O') AS open,"
            f" round(sum(extendedprice * (1 + tax) * (1 - discount)), 2) AS total FROM {at}.lineitem GROUP BY 1) ORDER BY i"
        ),
    )
