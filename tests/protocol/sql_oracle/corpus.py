"""The statements that our reading of SQL is held against Trino's on: files by theme, and a few that a file cannot show."""

from collections.abc import Iterator
from pathlib import Path

STATEMENTS = Path(__file__).parent / "statements"
REFUSED = "refused"
"""The theme of what Trino does not parse."""
END = " ;;"
"""Ends a statement, at the end of a line. One semicolon is part of functions' bodies."""

ODD = (
    "",
    " ",
    "\n\n\n",
    "-- only a comment",
    "/* only a comment */",
    "\tSELECT\t*\tFROM\tponds\t",
    "\r\nSELECT *\r\nFROM ponds\r\n",
    "SELECT *\rFROM ponds",
    "SELECT a -- FROM x\r\nFROM ponds",
    "SELECT a -- FROM x\r FROM y\nFROM ponds",
    "SELECT a FROM ponds -- the end",
    "SELECT a FROM ponds --",
    "SELECT a FROM ponds /**/",
    "SELECT a FROM ponds /***/",
    "SELECT a FROM ponds /*/ FROM rain */",
    "SELECT a FROM ponds /* /* FROM rain */",
    "SELECT a FROM ponds /* /* */ , rain */",
    "SELECT a FROM ponds, /* -- */ rain",
    "SELECT a FROM ponds, -- /* \n rain",
    "SELECT a FROM ponds /* open",
    "SELECT a FROM ponds WHERE b = 'open",
    'SELECT a FROM "open',
    "\ufeffSELECT a FROM ponds",
    "SELECT\u00a0a FROM ponds",
    "SELECT\fa FROM ponds",
    "SELECT\va FROM ponds",
    "SELECT a\u2028FROM ponds",
    "SELECT a\u3000FROM ponds",
    "SELECT '\u2028\u0085\x00' FROM ponds",
    'SELECT a FROM "a\nb"',
    'SELECT a FROM "\x00"',
    'SELECT a FROM "Ünïcode".ẞ',
    'SELECT a FROM "ÜNÏCODE"."İSTANBUL"."ΣΑΣ"',
    'SELECT a FROM "😀"',
    "SELECT a FROM pönds",
    "SELECT '😀', U&'\\+01F600' FROM ponds",
    "SELECT a FROM ponds\x00",
    "SELECT a FROM ponds;",
    "SELECT a FROM ponds ; ",
    ";",
    "SELECT 1; SELECT a FROM ponds",
    "SELECT " + "(" * 60 + "1" + ")" * 60 + " FROM ponds",
    "SELECT * FROM " + "(" * 40 + "ponds" + ")" * 40,
    "SELECT * FROM " + "(SELECT * FROM " * 40 + "ponds" + ")" * 40,
    "SELECT " + "(SELECT " * 40 + "a FROM ponds" + ")" * 40 + " FROM rain",
    "SELECT * FROM a WHERE x = 1" + " OR x = 2 AND y = 'from b'" * 400,
    "SELECT " + ", ".join(f"column_{number}" for number in range(2000)) + " FROM ponds",
    "SELECT * FROM " + ", ".join(f"c{number % 7}.s{number % 11}.t{number}" for number in range(500)),
    "SELECT * FROM a" + "".join(f" JOIN t{number} ON a.x = t{number}.x" for number in range(150)),
    "SELECT 1 FROM a" + "".join(f" UNION ALL SELECT {number} FROM t{number}" for number in range(150)),
    "WITH " + ", ".join(f"q{n} AS (SELECT * FROM q{n + 1})" for n in range(60)) + " SELECT * FROM q0, q59, q60",
    "INSERT INTO ponds VALUES " + ", ".join(f"({number}, 'from t{number}')" for number in range(3000)),
    "CREATE TABLE ponds (" + ", ".join(f"c{number} varchar({number})" for number in range(1, 500)) + ")",
)
"""White space, comments and letters that do not survive editors, and statements longer than anyone would write."""


def statements(theme: str) -> list[str]:
    """The statements of one file, without the headings between them."""
    return list(_read((STATEMENTS / f"{theme}.sql.txt").read_text(encoding="utf-8")))


def themes() -> list[str]:
    return sorted(path.name.removesuffix(".sql.txt") for path in STATEMENTS.glob("*.sql.txt"))


def corpus() -> list[str]:
    """All of them, the refused and the odd included."""
    return [*(sql for theme in themes() for sql in statements(theme)), *ODD]


def _read(text: str) -> Iterator[str]:
    lines: list[str] = []
    for line in text.split("\n"):
        if lines or (line.strip() and not line.startswith("## ")):
            lines.append(line.removesuffix(END))
        if lines and line.endswith(END):
            yield "\n".join(lines)
            lines = []
    assert not lines, f"this statement does not end with{END}: {lines}"
