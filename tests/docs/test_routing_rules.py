"""docs/routing-rules.md: its tables list what there is, its rules are read, and send requests where it says."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.docs.pages import DOCS, anchors
from warren.facts import Facts, RequestUser, facts_of_head
from warren.protocol.identity import user_of
from warren.protocol.sql.statement import statement_properties, without_statement
from warren.routing.mvel.scope import STEPS
from warren.routing.rules.made import THEN
from warren.routing.rules.plain import ALL, ANY, FIELDS, HEADERS, NOT, OPERATORS, TIME
from warren.routing.rules.rule import CLUSTER, FALLBACK, GROUP, LONGEST_NAME, REJECT, STOP, RuleSet, Ruling
from warren.rulebook.reading import KEYS, LARGEST_FILE, read_rules

PAGE = (DOCS / "routing-rules.md").read_text()
EXAMPLE = re.compile(
    r"^```text\n(.*?)^```\n\n\| request \| goes to \|\n\|---\|---\|\n((?:\|[^\n]*\|\n)+)", re.DOTALL | re.MULTILINE
)
HEADER = re.compile(r"([A-Z][A-Za-z-]+): (.*)")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
CHANCE = re.compile(r"0\.\d+")
ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
TARGET = re.compile(r"(GET|HEAD|PUT|DELETE) (/\S*)")


@dataclass
class Told:
    """A request as a row of a table tells it."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    sql: str = ""
    method: str = "POST"
    path: str = "/v1/statement"
    address: str = "192.0.2.1"
    now: datetime = datetime(2026, 11, 25, 12, tzinfo=UTC)
    chance: float = 0.5
    user_info: dict[str, Any] | None = None

    def facts(self) -> Facts:
        named: dict[bytes, list[bytes]] = {}
        for name, value in self.lines:
            named.setdefault(name.lower().encode(), []).append(value.encode())
        user: str | None = user_of(named, claim="email") or None
        if user is None and self.user_info is not None:
            user = self.user_info["sub"]
        return Facts(
            request=facts_of_head(
                method=self.method,
                path=self.path,
                query=None,
                headers={name.decode(): [value.decode() for value in values] for name, values in named.items()},
                remote_address=self.address,
                scheme="http",
            ),
            user=RequestUser(user=user, user_info=self.user_info),
            query=end_of(statement_properties(self.sql.encode(), named))
            if self.method == "POST"
            else without_statement(named),
            now=self.now,
        )


def end_of(reading: Any) -> Any:
    while True:
        try:
            next(reading)
        except StopIteration as ended:
            return ended.value


def told(cell: str) -> Told:
    request = Told()
    for part in re.findall(r"`([^`]+)`", cell):
        if found := HEADER.fullmatch(part):
            request.lines.append((found[1], found[2]))
        elif found := TARGET.fullmatch(part):
            request.method, request.path = found[1], found[2]
        elif MOMENT.fullmatch(part):
            request.now = datetime.strptime(part, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
        elif CHANCE.fullmatch(part):
            request.chance = float(part)
        elif ADDRESS.fullmatch(part):
            request.address = part
        elif part.startswith("{"):
            request.user_info = json.loads(part)
        else:
            request.sql = part
    return request


def in_words(ruling: Ruling) -> str:
    """As the page says it."""
    if ruling.reject is not None:
        return f"rejected: `{ruling.reject}`"
    words = [f"cluster `{ruling.cluster}`"] if ruling.cluster else []
    if ruling.group or not ruling.cluster:
        words.append(f"group `{ruling.group}`" if ruling.group else "default group")
    if ruling.fallback:
        words.append("else nobody" if ruling.fallback == ruling.group else f"else group `{ruling.fallback}`")
    return ", ".join(words)


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def rules_of(text: str) -> RuleSet:
    return read_rules(text, analyses=True)


EXAMPLES = EXAMPLE.findall(PAGE)
ROWS = [
    pytest.param(text, *cells(row), id=f"{rules_of(text).rules[0].name}-{number}")
    for text, table in EXAMPLES
    for number, row in enumerate(table.splitlines())
]


def test_every_example_has_a_table() -> None:
    assert len(EXAMPLES) == len(re.findall(r"^```text$", PAGE, re.MULTILINE))
    assert len(EXAMPLES) > 15


@pytest.mark.parametrize(("text", "request_told", "goes_to"), ROWS)
def test_a_request_goes_where_the_page_says(text: str, request_told: str, goes_to: str) -> None:
    request, read = told(request_told), rules_of(text)
    chance: Callable[[], float] = lambda: request.chance  # noqa: E731 # read twice below
    ruling = read.decide(request.facts(), chance)
    assert in_words(ruling) == goes_to
    assert read.explain(request.facts(), chance).ruling == ruling


@pytest.mark.parametrize("text", [text for text, _ in EXAMPLES], ids=lambda text: rules_of(text).rules[0].name)
def test_each_rule_of_an_example_applies_to_one_of_its_requests(text: str) -> None:
    table = dict(EXAMPLES)[text]
    read = rules_of(text)
    applied: set[str] = set()
    for row in table.splitlines():
        request = told(cells(row)[0])
        explained = read.explain(request.facts(), lambda: request.chance)  # noqa: B023 called here
        applied |= {tried.rule.name for tried in explained.tried if tried.applies}
    assert {rule.name for rule in read.rules} == applied


def test_a_share_of_the_users_is_about_what_it_says() -> None:
    (text,) = [text for text, _ in EXAMPLES if text.startswith("name: ten percent of the users")]
    read = rules_of(text)
    users = [Told(lines=[("X-Trino-User", f"user{number}")]).facts() for number in range(1000)]
    assert 50 < sum(read.decide(each, lambda: 0.0).group == "canary" for each in users) < 200


# --- tables


def rows_of(name: str) -> list[list[str]]:
    found = re.search(rf"<!-- table: {name} -->\n\n\|.*\|\n\|[-|]+\|\n((?:\|.*\|\n)+)", PAGE)
    assert found is not None, name
    return [cells(row) for row in found[1].splitlines()]


def keys_of(rows: Sequence[Sequence[str]]) -> list[str]:
    return [row[0].strip("`") for row in rows]


def test_all_fields_are_listed_with_what_they_are() -> None:
    expected = [
        [f"`{name}`", each.says, "yes" if each.reads_query else "", "yes" if each.ignores_case else ""]
        for name, each in FIELDS.items()
    ]
    assert rows_of("fields") == expected


def test_all_operators_are_listed() -> None:
    assert keys_of(rows_of("operators")) == list(OPERATORS)
    assert keys_of(rows_of("others")) == [ALL, ANY, NOT, HEADERS, TIME]


def test_all_actions_are_listed_with_their_keys_in_mvel() -> None:
    assert keys_of(rows_of("then")) == [*THEN, STOP]
    named = re.search(r"keys of `result`: (.*?)\.\n", PAGE)
    assert named is not None
    assert re.findall(r"`(\w+)`", named[1]) == [GROUP, FALLBACK, CLUSTER, REJECT, STOP]


def test_all_keys_of_a_rule_are_listed() -> None:
    section = PAGE.partition("A rule has these keys, and no others:")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(KEYS)


def test_limits_are_those_of_the_code() -> None:
    assert f"larger than {LARGEST_FILE // 1024**2} MiB" in PAGE
    assert f"more than {LONGEST_NAME} characters" in PAGE
    assert f"[{STEPS:,} steps]" in PAGE


def test_the_contents_name_every_section() -> None:
    contents = PAGE.partition("Contents: ")[2].partition("\n\n")[0]
    sections = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    }
    assert set(re.findall(r"\(#([\w-]+)\)", contents)) == sections
    assert sections <= anchors(DOCS / "routing-rules.md")
