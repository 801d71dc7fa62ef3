import pytest

from warren.protocol.sql.kinds import RESOURCE_GROUP_TYPES, resource_group_type


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        ("Query", "SELECT"),
        ("ShowBranches", "DESCRIBE"),
        ("CreateTableAsSelect", "INSERT"),
        ("TableExecute", "ALTER_TABLE_EXECUTE"),
        ("SetAuthorizationStatement", "DATA_DEFINITION"),
        ("Execute", ""),
        ("Frobnicate", "UNKNOWN"),
    ],
)
def test_a_class_has_the_type_that_resource_groups_know(kind: str, type_: str) -> None:
    assert resource_group_type(kind) == type_


def test_an_analysed_statement_has_the_type_of_what_is_explained() -> None:
    assert "ExplainAnalyze" not in RESOURCE_GROUP_TYPES
