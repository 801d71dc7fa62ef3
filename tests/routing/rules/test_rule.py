"""Sets of rules: which of them run, what comes of it, and that an explanation tells the same."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warren.facts import Facts, QueryProperties, RequestFacts, RequestUser
from warren.model import Decision, GroupName
from warren.protocol.identity import user_of
from warren.protocol.sql.statement import statement_properties
from warren.routing.mvel.compile import RuleFailed
from warren.routing.rules.plain import FIELDS
from warren.routing.rules.rule import LONGEST_MESSAGE, LONGEST_NAME, RuleSet, Ruling, decision_of
from warren.rulebook.reading import read_rules
from warren.wire.syntax.heads import read_request_fields

FILES = Path(__file__).parent / "files"
ADHOC = GroupName("adhoc")


def certain() -> float:
    return 0.0


def facts(user: str | None = None, query: QueryProperties | None = None, *, source: str = "", tags: str = "") -> Facts:
    headers = {"x-trino-source": source, "x-trino-client-tags": tags}
    named = {name: (value,) for name, value in headers.items() if value}
    return Facts(request=RequestFacts(headers=named), user=RequestUser(user=user), query=query or QueryProperties())


def decided(rules: RuleSet, asked: Facts, chance: Callable[[], float] = certain) -> Ruling:
    """What they decide, and an explanation agrees with."""
    ruling = rules.decide(asked, chance)
    explained = rules.explain(asked, chance)
    assert (explained.ruling, explained.failed) == (ruling, "")
    return ruling


def failing(rules: RuleSet, asked: Facts) -> str:
    """How they fail; an explanation says the same."""
    with pytest.raises(RuleFailed) as failure:
        rules.decide(asked, certain)
    explained = rules.explain(asked, certain)
    assert explained.ruling is None
    assert explained.failed == str(failure.value)
    return explained.failed


def rules(text: str) -> RuleSet:
    return read_rules(text, analyses=True)


def group(text: str, asked: Facts | None = None) -> str | None:
    return decided(rules(text), asked or facts()).group


# --- files of upstream's kind, read as they are


SPECIAL = "email=test@example.com,label=special"


@pytest.mark.parametrize("name", ["atomic", "priorities", "if-statements", "state"])
@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        (facts(source="airflow"), "etl"),
        (facts(source="airflow", tags=SPECIAL), "etl-special"),
        (facts(tags=SPECIAL), None),
        (facts(), None),
    ],
)
def test_four_files_that_say_the_same_choose_the_same(name: str, asked: Facts, chosen: str | None) -> None:
    read = read_rules((FILES / f"{name}.yaml").read_text(), analyses=False)
    assert not read.needs_query
    assert decided(read, asked).group == chosen


def sent(body: str, *lines: str, v2: bool = False) -> Facts:
    """What is known of a statement that comes with these header lines."""
    block = "".join(f"{line}\r\n" for line in ("Host: x", *lines))
    fields = read_request_fields(f"{block}\r\n".encode(), http_1_0=False, max_fields=20).named
    reading = statement_properties(body.encode(), fields, v2=v2)
    while True:
        try:
            next(reading)
        except StopIteration as ended:
            properties = ended.value
            break
    user = user_of(fields, claim="email") or None
    return Facts(request=RequestFacts(), user=RequestUser(user=user), query=properties)


def session(catalog: str, schema: str) -> tuple[str, str]:
    return f"X-Trino-Catalog: {catalog}", f"X-Trino-Schema: {schema}"


PREPARED = "SELECT c1, c2\nFROM foo\n"
QUERIES = {
    "user": (sent("SELECT 1", f"Authorization: Basic {b64encode(b'will:supersecret').decode()}"), "will-group"),
    "tables": (
        sent(
            "SELECT x.*, y.*, z.* FROM catx.schemx.tblx x, schemy.tbly y, tblz z",
            *session("cat_default", 'schem_\\"default'),
        ),
        "tbl-group",
    ),
    "catalog and schema": (
        sent("SELECT x.*, y.* FROM catx.nondefault.tblx x, caty.default.tbly y", *session("catx", "default")),
        "catalog-schema-group",
    ),
    "type": (sent("INSERT INTO foo SELECT 1"), "type-group"),
    "resource group type": (sent("CREATE TABLE cat.schem.foo (c1 int)"), "resource-group-type-group"),
    "prepared": (
        sent(
            "EXECUTE statement4",
            *session("cat", "schem"),
            "X-Trino-Prepared-Statement: statement1=SELECT+1",
            "X-Trino-Prepared-Statement: statement2=SELECT+2,statement3=SELECT+3",
            "X-Trino-Prepared-Statement: statement5=SELECT+5",
            f"X-Trino-Prepared-Statement: statement4={quote_plus(PREPARED)}",
        ),
        "statement-header-group",
    ),
    "defaults": (sent("", *session("other_catalog", "other_schema")), "defaults-group"),
    "system": (sent("SELECT * from system.runtime.nodes"), "system"),
    "no match": (sent("SELECT * FROM table WHERE column = "), "no-match"),
    "V2": (
        sent('{"preparedStatements":{"statement1":"INSERT INTO foo SELECT 1"},"query":"EXECUTE statement1"}', v2=True),
        "type-group",
    ),
    "V2 that is not switched on": (
        sent('{"preparedStatements":{"statement1":"INSERT INTO foo SELECT 1"},"query":"EXECUTE statement1"}'),
        "no-match",
    ),
}


@pytest.mark.parametrize(("asked", "chosen"), QUERIES.values(), ids=QUERIES)
def test_a_file_about_statements_chooses_by_what_they_say(asked: Facts, chosen: str) -> None:
    read = read_rules((FILES / "query-properties.yaml").read_text(), analyses=True)
    assert read.needs_query
    assert decided(read, asked).group == chosen


def test_a_statement_that_cannot_be_understood_is_known_as_such() -> None:
    query = QUERIES["no match"][0].query
    assert query is not None
    assert (query.is_query_parsing_successful, query.error_message is not None) == (False, True)


# --- which rules run


def plain(name: str, when: str, then: str, *, priority: int | None = None, stop: bool = False) -> str:
    more = (f"priority: {priority}\n" if priority is not None else "") + ("stop: true\n" if stop else "")
    return f"name: {name}\nwhen: {when}\nthen: {then}\n{more}"


def mvel(name: str, condition: str, *actions: str, priority: int | None = None) -> str:
    found: dict[str, object] = {"name": name, "condition": condition, "actions": list(actions)}
    return yaml.safe_dump(found if priority is None else {**found, "priority": priority})


def file(*texts: str) -> str:
    return "---\n".join(texts)


ALWAYS = "{method: POST}"
NEVER = "{method: GET}"


def test_all_rules_that_apply_run_and_the_last_word_counts() -> None:
    ruling = decided(
        rules(
            file(
                plain("one", ALWAYS, "{group: a, fallbackGroup: f}"),
                plain("two", NEVER, "{group: b, fallbackGroup: g}"),
                plain("three", ALWAYS, "{group: c}"),
            )
        ),
        facts(),
    )
    assert (ruling.group, ruling.fallback) == ("c", "f")
    assert ruling.because == "rule three says group c; rule one says fall-back group f"


def test_priorities_run_upwards_and_equal_ones_as_they_are_written() -> None:
    text = file(
        plain("d", ALWAYS, "{group: d}", priority=7),
        plain("b", ALWAYS, "{group: b}"),
        plain("a", ALWAYS, "{group: a}", priority=-(2**31)),
        plain("e", ALWAYS, "{group: e}", priority=7),
        plain("c", ALWAYS, "{group: c}", priority=0),
    )
    read = rules(text)
    assert [rule.name for rule in read.rules] == ["a", "b", "c", "d", "e"]
    assert decided(read, facts()).group == "e"


def test_state_and_result_are_shared_within_a_request_and_fresh_for_the_next() -> None:
    read = rules(
        file(
            mvel("count", "true", 'state.put("n", state.getOrDefault("n", 0) + 1)'),
            mvel("again", "true", 'state.put("n", state.get("n") + 1)'),
            mvel("look", 'state.get("n") == 2 && state.size() == 1', 'result.put("routingGroup", "two")'),
            mvel("read", "true", 'state.put("seen", result.get("routingGroup"))'),
            mvel("say", 'state.get("seen") == "two"', 'result.put("fallbackGroup", "seen")'),
        )
    )
    for _ in range(3):
        ruling = decided(read, facts())
        assert (ruling.group, ruling.fallback) == ("two", "seen")


@pytest.mark.parametrize(
    "stops",
    [
        plain("stops", ALWAYS, "{group: a}", stop=True),
        plain("stops", ALWAYS, "{group: a, stop: true}"),
        mvel("stops", "true", 'result.put("routingGroup", "a")', 'result.put("stop", true)'),
    ],
)
def test_after_a_rule_that_stops_no_other_is_tried(stops: str) -> None:
    read = rules(file(stops, mvel("fails", 'request.getHeader("X").length() > 0', 'result.put("routingGroup", "b")')))
    assert decided(read, facts()).group == "a"
    assert [tried.applies for tried in read.explain(facts(), certain).tried] == [True, None]


@pytest.mark.parametrize(
    "goes_on",
    [
        plain("goes on", NEVER, "{group: x}", stop=True),
        plain("goes on", ALWAYS, "{group: a, stop: false}"),
        mvel("goes on", "true", 'result.put("stop", "true")'),
    ],
)
def test_a_rule_that_does_not_apply_or_does_not_mean_it_stops_nothing(goes_on: str) -> None:
    assert group(file(goes_on, plain("last", ALWAYS, "{group: b}"))) == "b"


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("", "none of 0 rules says a group"),
        (plain("one", NEVER, "{group: a}"), "none of 1 rules says a group"),
        (
            plain("one", ALWAYS, "{cluster: blue}"),
            "none of 1 rules says a group; rule one says cluster blue",
        ),
        (mvel("one", "true", 'result.put("routingGroup", "")'), "none of 1 rules says a group"),
        (mvel("one", "true", 'result.put("routingGroup", null)'), "none of 1 rules says a group"),
        (
            file(plain("one", ALWAYS, "{group: a}"), mvel("two", "true", 'result.remove("routingGroup")')),
            "none of 2 rules says a group",
        ),
        (
            file(plain("one", ALWAYS, "{group: a}"), mvel("two", "true", "result.clear()")),
            "none of 2 rules says a group",
        ),
    ],
)
def test_where_no_rule_says_a_group_the_default_one_takes_it(text: str, because: str) -> None:
    ruling = decided(rules(text), facts())
    assert (ruling.group, ruling.because) == (None, because)
    decision = decision_of(ruling, default=ADHOC)
    assert (decision.group, decision.because) == ("adhoc", f"{because}, so default group adhoc")


def test_a_decision_carries_everything_that_the_rules_say() -> None:
    ruling = decided(rules(plain("one", ALWAYS, "{group: etl, fallbackGroup: night, cluster: blue}")), facts())
    because = "rule one says group etl; rule one says cluster blue; rule one says fall-back group night"
    assert decision_of(ruling, default=ADHOC) == Decision(GroupName("etl"), because, ruling.fallback, ruling.cluster)
    assert (ruling.fallback, ruling.cluster, ruling.reject) == ("night", "blue", None)


def test_a_rejection_has_the_last_word_unless_a_later_rule_takes_it_back() -> None:
    rejecting = plain("deny", ALWAYS, "{reject: not today}")
    ruling = decided(rules(file(rejecting, plain("later", ALWAYS, "{group: a}"))), facts())
    assert (ruling.reject, ruling.because, ruling.group) == ("not today", "rule deny rejects it", "a")
    pardon = mvel("pardon", "true", 'result.remove("rejectMessage")', 'result.put("routingGroup", "b")')
    assert decided(rules(file(rejecting, pardon)), facts()) == Ruling(
        group=GroupName("b"), because="rule pardon says group b"
    )


# --- who has said it


@pytest.mark.parametrize(
    ("text", "because"),
    [
        (file(plain("one", ALWAYS, "{group: a}"), plain("two", ALWAYS, "{group: b}")), "rule two says group b"),
        # Who repeats what stands there already is not its author.
        (file(plain("one", ALWAYS, "{group: a-b}"), plain("two", ALWAYS, "{group: a-b}")), "rule one says group a-b"),
        (
            file(plain("one", ALWAYS, "{group: a-b}"), mvel("two", "true", 'result.put("routingGroup", "a" + "-b")')),
            "rule one says group a-b",
        ),
        (
            file(
                plain("one", ALWAYS, "{group: a}"),
                plain("two", ALWAYS, "{group: b}"),
                plain("three", ALWAYS, "{group: a}"),
            ),
            "rule three says group a",
        ),
        # A condition may write, too.
        (mvel("one", 'result.put("routingGroup", "a") == null', 'state.put("x", 1)'), "rule one says group a"),
        (mvel("one", 'result.put("routingGroup", "a") != null', 'state.put("x", 1)'), "a condition says group a"),
        (
            file(
                mvel("one", "true", 'state.put("r", result)'),
                mvel("two", 'state.get("r").put("routingGroup", "a") != null', 'state.put("x", 1)'),
                mvel("three", 'state.get("r").put("fallbackGroup", "b") == null', 'state.put("x", 1)'),
            ),
            "rule three says group a; rule three says fall-back group b",
        ),
        (mvel("odd\nname", "true", 'result.put("routingGroup", "a")'), "rule odd?name says group a"),
    ],
)
def test_the_reason_names_who_has_said_it(text: str, because: str) -> None:
    assert decided(rules(text), facts()).because == because


def test_a_result_that_holds_itself_is_no_trouble() -> None:
    text = mvel("one", "true", 'result.put("me", result)', 'result.put("routingGroup", "a")')
    assert group(file(text, plain("two", ALWAYS, "{fallbackGroup: b}"))) == "a"


# --- failures


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            mvel("length", 'request.getHeader("X").length() > 3', 'result.put("routingGroup", "a")'),
            "rule length: null pointer: length() asked of null",
        ),
        (
            mvel("text", 'request.getHeader("X")', 'result.put("routingGroup", "a")'),
            "rule text: the condition is not a boolean",
        ),
        (mvel("action", "true", 'state.get("no").add("x")'), "rule action: null pointer: add() asked of null"),
        (mvel("number", "true", 'result.put("routingGroup", 5)'), "rule number: routingGroup must be a text, not int"),
        (mvel("list", "true", 'result.put("rejectMessage", ["a"])'), "rule list: rejectMessage must be a text"),
        (
            mvel("hidden", 'result.put("pinnedCluster", 5) != null', 'state.put("x", 1)'),
            "a condition: pinnedCluster must be a text, not int",
        ),
        (
            mvel("long", "true", f'result.put("routingGroup", "x".repeat({LONGEST_NAME + 1}))'),
            "rule long: routingGroup is longer than 255 characters",
        ),
        (
            mvel("sermon", "true", f'result.put("rejectMessage", "x".repeat({LONGEST_MESSAGE + 1}))'),
            "rule sermon: rejectMessage is longer than 2000 characters",
        ),
    ],
)
def test_a_failure_names_its_rule(text: str, words: str) -> None:
    assert failing(rules(file(plain("before", ALWAYS, "{group: b}"), text)), facts()).startswith(words)


def test_a_failure_ends_the_explanation_where_it_happened() -> None:
    read = rules(
        file(
            plain("before", ALWAYS, "{group: b}"),
            mvel("fails", 'request.getHeader("X").length() > 3', 'result.put("routingGroup", "a")'),
            plain("after", ALWAYS, "{group: c}"),
        )
    )
    before, fails, after = read.explain(facts(), certain).tried
    assert (before.applies, before.put, before.failed) == (True, {"routingGroup": "b"}, "")
    assert (fails.applies, fails.put) == (None, {})
    assert fails.failed == "null pointer: length() asked of null"
    assert (after.applies, after.seen, after.put, after.failed) == (None, [], {}, "")


def test_rules_have_one_budget_of_steps_together() -> None:
    loop = 'foreach (x : "' + "x" * 900 + '") { state.put("x", x); }'
    few = file(*(mvel(f"r{number}", "true", loop) for number in range(2)))
    many = file(*(mvel(f"r{number}", "true", loop) for number in range(40)))
    assert group(few) is None
    assert "too many steps" in failing(rules(many), facts())


# --- chance


def test_chance_is_drawn_once_for_each_time_it_is_asked() -> None:
    read = rules(mvel("share", "Math.random() < 0.1", 'result.put("routingGroup", "canary")'))
    assert decided(read, facts(), lambda: 0.0999).group == "canary"
    assert decided(read, facts(), lambda: 0.1).group is None
    drawn = iter([0.5, 0.05])
    both = rules(
        file(
            mvel("first", "Math.random() < 0.1", 'result.put("routingGroup", "first")'),
            mvel("second", "Math.random() < 0.1", 'result.put("routingGroup", "second")'),
        )
    )
    assert both.decide(facts(), lambda: next(drawn)).group == "second"


# --- explanations


def test_an_explanation_shows_what_each_rule_saw_and_put() -> None:
    read = rules(
        file(
            plain("team", "{source: airflow, user: alice}", "{group: etl}"),
            mvel(
                "tag",
                'request.getHeader("X-Trino-Client-Tags") contains "big"',
                'result.put("routingGroup", request.getHeader("X-Trino-Client-Tags"))',
            ),
            plain("nobody", "{headers: {X-Team: red}}", "{group: red}"),
        )
    )
    explained = read.explain(facts(user="alice", source="airflow", tags="big"), certain)
    team, tag, nobody = explained.tried
    assert (team.rule.name, team.applies, team.seen) == ("team", True, [("source", "airflow"), ("user", "alice")])
    assert team.put == {"routingGroup": "etl"}
    assert tag.applies is True
    assert ('request.getHeader("X-Trino-Client-Tags")', "big") in tag.seen
    assert tag.put == {"routingGroup": "big"}
    assert (nobody.applies, nobody.seen, nobody.put) == (False, [("header X-Team", None)], {})
    assert explained.ruling == Ruling(group=GroupName("big"), because="rule tag says group big")


# --- whatever the rules and the request


NAMES = ("source", "user", "clientTags", "tables", "queryType")
WORDS = st.sampled_from(["a", "b", "ab", "A", "lake.s.t", "insert"])
COMPARED = st.one_of(
    WORDS,
    st.lists(WORDS, min_size=1, max_size=3),
    st.fixed_dictionaries({"equals": WORDS}),
    st.fixed_dictionaries({"oneOf": st.lists(WORDS, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"allOf": st.lists(WORDS, min_size=1, max_size=2)}),
    st.fixed_dictionaries({"startsWith": WORDS, "present": st.sampled_from(["true", "false"])}),
    st.fixed_dictionaries({"contains": WORDS}),
    st.fixed_dictionaries({"endsWith": WORDS}),
)
COMPARISON = st.dictionaries(st.sampled_from(NAMES), COMPARED, min_size=1, max_size=2)
CONDITIONS: st.SearchStrategy[Any] = st.recursive(
    COMPARISON,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=6,
)
ACTIONS = st.dictionaries(st.sampled_from(["group", "fallbackGroup", "cluster", "reject"]), WORDS, min_size=1)
OTHERS = st.sampled_from(
    [
        {"condition": 'request.getHeader("X-Trino-Source") == "a"', "actions": ['result.put("routingGroup", "m")']},
        {"condition": "Math.random() < 0.5", "actions": ['result.put("fallbackGroup", "half")']},
        {"condition": "result.isEmpty()", "actions": ['state.put("r", result)']},
        {"condition": 'state.get("r").size() > 0', "actions": ['result.put("routingGroup", 5)']},
        {"condition": 'request.getHeader("X-Trino-Source").startsWith("a")', "actions": ["result.clear()"]},
        {"condition": 'result.put("routingGroup", "c") == null', "actions": ['result.put("stop", true)']},
    ]
)
WRITTEN = st.one_of(
    st.fixed_dictionaries({"when": CONDITIONS, "then": ACTIONS}, optional={"stop": st.booleans()}), OTHERS
)
FILES_MADE = st.lists(st.tuples(WRITTEN, st.integers(-2, 2)), max_size=6)
VALUE = st.none() | WORDS
REQUESTS = st.builds(
    lambda source, user, tags, table, kind: facts(
        user,
        QueryProperties(query_type=kind or "", tables=frozenset({tuple(table.split("."))} if "." in table else ())),
        source=source or "",
        tags=", ".join(tags),
    ),
    VALUE,
    VALUE,
    st.lists(WORDS, max_size=3),
    WORDS,
    VALUE,
)
FOLDED = ("tables", "queryType")


def meant(condition: Mapping[str, Any], asked: Facts) -> bool:
    """The same, in the plainest words."""
    return all(part_meant(key, value, asked) for key, value in condition.items())


def part_meant(key: str, value: Any, asked: Facts) -> bool:
    match key:
        case "all":
            return all(meant(each, asked) for each in value)
        case "any":
            return any(meant(each, asked) for each in value)
        case "not":
            return not meant(value, asked)
    found = list(FIELDS[key].values(asked))

    def fold(text: str) -> str:
        return text.lower() if key in FOLDED else text

    def compared(how: str, wanted: Any) -> bool:
        match how:
            case "equals":
                return fold(wanted) in found
            case "oneOf":
                return any(fold(each) in found for each in wanted)
            case "allOf":
                return all(fold(each) in found for each in wanted)
            case "present":
                return bool(found) is (wanted == "true")
            case "contains":
                return any(fold(wanted) in each for each in found)
            case "startsWith":
                return any(each.startswith(fold(wanted)) for each in found)
            case _:
                return any(each.endswith(fold(wanted)) for each in found)

    if isinstance(value, Mapping):
        return all(compared(how, wanted) for how, wanted in value.items())
    return compared("oneOf", value if isinstance(value, list) else [value])


def check(written: Sequence[tuple[dict[str, Any], int]], asked: Facts, number: float) -> None:
    found = [{"name": f"r{place}", "priority": priority, **rule} for place, (rule, priority) in enumerate(written)]
    read = rules(yaml.safe_dump_all(found))
    explained = read.explain(asked, lambda: number)
    ruling, failed = None, ""
    try:
        ruling = read.decide(asked, lambda: number)
    except RuleFailed as failure:
        failed = str(failure)
    assert (explained.ruling, explained.failed) == (ruling, failed)
    for tried in explained.tried:
        rule = found[int(tried.rule.name[1:])]
        if tried.applies is None or "when" not in rule:
            continue
        assert tried.applies == meant(rule["when"], asked)
        for name, value in tried.seen:
            values = sorted(FIELDS[name].values(asked))
            assert value == (values if len(values) > 1 else values[0] if values else None)


@pytest.mark.slow
@given(FILES_MADE, REQUESTS, st.sampled_from([0.0, 0.7]))
@settings(derandomize=True, max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_decisions_and_explanations_agree(
    written: Sequence[tuple[dict[str, Any], int]], asked: Facts, number: float
) -> None:
    check(written, asked, number)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@given(FILES_MADE, REQUESTS, st.sampled_from([0.0, 0.7]))
@settings(max_examples=20_000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_decisions_and_explanations_agree_for_long(
    written: Sequence[tuple[dict[str, Any], int]], asked: Facts, number: float
) -> None:
    check(written, asked, number)


def test_facts_are_not_changed_by_rules() -> None:
    asked = facts(user="alice", source="a")
    text = mvel("one", "true", 'request.getHeaders("X-Trino-Source").add("b")', 'result.put("routingGroup", "a")')
    group(text, asked)
    assert asked == replace(facts(user="alice", source="a"))
