import pytest

from warren.protocol.sql.found import LONGEST_SHOWN, Found


def test_the_first_trouble_is_the_one_that_is_told() -> None:
    found = Found(None, None)
    found.table(("a",))
    found.table(("b",))
    found.catalog("c")
    properties = found.as_properties("x", None, None)
    assert properties.error_message == "name not fully qualified: a: no default catalog"
    assert properties.catalogs == frozenset()


@pytest.mark.parametrize(
    ("name", "because"),
    [
        (("a",), "no default schema"),
        (("a", "b", "c", "d"), "a table's name has three parts at most"),
    ],
)
def test_the_trouble_says_what_is_missing(name: tuple[str, ...], because: str) -> None:
    found = Found("c", None)
    found.table(name)
    assert found.trouble == f"name not fully qualified: {'.'.join(name)}: {because}"


def test_a_long_name_is_not_repeated_in_full() -> None:
    found = Found(None, None)
    found.table(("a" * 9999,))
    assert found.trouble is not None
    assert len(found.trouble) < LONGEST_SHOWN + 100


def test_the_outermost_statement_gives_the_class_and_what_is_analysed_the_type() -> None:
    found = Found(None, None)
    for kind in ("ExplainAnalyze", "ExplainAnalyze", "Explain", "Prepare"):
        found.wrap(kind)
    found.kind = "Query"
    properties = found.as_properties("x", None, None)
    assert (properties.query_type, properties.resource_group_query_type) == ("ExplainAnalyze", "EXPLAIN")


def test_empty_defaults_are_none() -> None:
    found = Found("", "")
    found.table(("a",))
    assert found.trouble is not None
