"""Sets of rules as people write them: conditions and actions run in order, and the group that comes out."""

import pytest

from warren.facts import Facts, Qualified, QueryProperties, RequestFacts, RequestUser
from warren.routing.mvel.compile import compile_action, compile_condition
from warren.routing.mvel.scope import Scope

Rules = tuple[tuple[str, str], ...]

AIRFLOW = 'request.getHeader("X-Trino-Source") == "airflow"'
TAGS = 'request.getHeader("X-Trino-Client-Tags")'
LABEL = f'{TAGS} contains "label=special"'
ETL = 'result.put("routingGroup", "etl")'
SPECIAL = 'result.put("routingGroup", "etl-special")'
KEY = "FileBasedRoutingGroupSelector.RESULTS_ROUTING_GROUP_KEY"

ATOMIC: Rules = (
    (
        f"{AIRFLOW} && ({TAGS} == null || {TAGS}.isEmpty())",
        ETL,
    ),
    (f"{AIRFLOW} && {LABEL}", SPECIAL),
)
PRIORITIES: Rules = ((AIRFLOW, ETL), (f"{AIRFLOW} && {LABEL}", SPECIAL))
IF_STATEMENTS: Rules = (
    (AIRFLOW, f'if ({LABEL}) {{\n  result.put({KEY}, "etl-special");\n}} else {{\n  result.put({KEY}, "etl");\n}}'),
)
STATE: Rules = (
    ("true", 'state.put("triggered", new HashSet())'),
    (AIRFLOW, f'{ETL};\nstate.get("triggered").add("airflow");'),
    (f'state.get("triggered").contains("airflow") && {LABEL}', SPECIAL),
)
SAME = {"atomic": ATOMIC, "priorities": PRIORITIES, "if statements": IF_STATEMENTS, "state": STATE}


def group_by(rules: Rules, facts: Facts) -> str | None:
    scope = Scope(facts)
    for condition, action in rules:
        if compile_condition(condition).run(scope):
            compile_action(action).run(scope)
    group = scope.result.get("routingGroup")
    assert group is None or isinstance(group, str)
    return group


@pytest.mark.parametrize("rules", SAME.values(), ids=SAME)
@pytest.mark.parametrize(
    ("headers", "group"),
    [
        ({"x-trino-source": ["airflow"]}, "etl"),
        (
            {"x-trino-source": ["airflow"], "x-trino-client-tags": ["email=test@example.com,label=special"]},
            "etl-special",
        ),
        ({"x-trino-client-tags": ["email=test@example.com,label=special"]}, None),
        ({}, None),
    ],
)
def test_four_ways_to_say_the_same_choose_the_same(
    rules: Rules, headers: dict[str, list[str]], group: str | None
) -> None:
    assert group_by(rules, Facts(request=RequestFacts(headers=headers))) == group


def puts(group: str) -> str:
    return f'result.put("routingGroup", "{group}")'


PROPERTIES: Rules = (
    ("true", puts("no-match")),
    ('trinoRequestUser.userExistsAndEquals("will")', puts("will-group")),
    (
        r"""trinoQueryProperties.tablesContains("cat_default.\"schem_\\\"default\".tblz")
              && trinoQueryProperties.tablesContains("cat_default.schemy.tbly")
              && trinoQueryProperties.tablesContains("catx.schemx.tblx")
              && trinoQueryProperties.getSchemas().contains("schemy")
              && trinoQueryProperties.getCatalogs().contains("catx")""",
        puts("tbl-group"),
    ),
    (
        """trinoQueryProperties.getCatalogSchemas.contains("catx.nondefault")
             && trinoQueryProperties.getCatalogSchemas.contains("caty.default")
             && !trinoQueryProperties.getCatalogSchemas.contains("catx.default")""",
        puts("catalog-schema-group"),
    ),
    ('trinoQueryProperties.getQueryType().toLowerCase.equals("insert")', puts("type-group")),
    (
        'trinoQueryProperties.getResourceGroupQueryType() == "DATA_DEFINITION"',
        puts("resource-group-type-group"),
    ),
    (
        """trinoQueryProperties.getQueryType().toLowerCase == "query"
             && trinoQueryProperties.tablesContains("cat.schem.foo")""",
        puts("statement-header-group"),
    ),
    (
        """trinoQueryProperties.getDefaultCatalog().equals(java.util.Optional.of("other_catalog"))
             && trinoQueryProperties.getDefaultSchema().equals(java.util.Optional.of("other_schema"))""",
        puts("defaults-group"),
    ),
    ('trinoQueryProperties.getCatalogs().contains("system")', puts("system")),
)


def reads(*tables: Qualified, query_type: str = "Query") -> QueryProperties:
    return QueryProperties(
        query_type=query_type,
        tables=frozenset(tables),
        catalogs=frozenset(table[0] for table in tables),
        schemas=frozenset(table[1] for table in tables),
        catalog_schemas=frozenset(f"{table[0]}.{table[1]}" for table in tables),
    )


@pytest.mark.parametrize(
    ("query", "user", "group"),
    [
        (QueryProperties(), "will", "will-group"),
        (
            reads(
                ("catx", "schemx", "tblx"),
                ("cat_default", "schemy", "tbly"),
                ("cat_default", 'schem_\\"default', "tblz"),
            ),
            None,
            "tbl-group",
        ),
        (reads(("catx", "nondefault", "tblx"), ("caty", "default", "tbly")), None, "catalog-schema-group"),
        (QueryProperties(query_type="Insert", is_query_parsing_successful=False), None, "type-group"),
        (
            QueryProperties(query_type="CreateTable", resource_group_query_type="DATA_DEFINITION"),
            None,
            "resource-group-type-group",
        ),
        (reads(("cat", "schem", "foo")), None, "statement-header-group"),
        (QueryProperties(default_catalog="other_catalog", default_schema="other_schema"), None, "defaults-group"),
        (reads(("system", "runtime", "nodes")), None, "system"),
        (QueryProperties(error_message="line 1:15", is_query_parsing_successful=False), None, "no-match"),
    ],
)
def test_what_the_sql_says_chooses_the_group(query: QueryProperties, user: str | None, group: str) -> None:
    facts = Facts(request=RequestFacts(), user=RequestUser(user=user), query=query)
    assert group_by(PROPERTIES, facts) == group


def test_a_share_of_the_users_by_hash() -> None:
    share = 'Math.abs(trinoRequestUser.getUser().orElse("").hashCode()) % 100 < 30'
    users = [Facts(request=RequestFacts(), user=RequestUser(user=f"user{number}")) for number in range(400)]
    chosen = sum(compile_condition(share).run(Scope(facts)) for facts in users)
    assert 80 < chosen < 160
