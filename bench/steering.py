"""What deciding costs: 50 rules of both kinds, and reading what a statement says. Processor time, in this process alone."""

import time
from collections.abc import Callable
from typing import Final

from bench.figures import Key, Pair
from bench.traffic import HEADERS
from warren.facts import Facts, RequestFacts, RequestUser
from warren.protocol.sql.analysis import analyse
from warren.routing.rules.rule import RuleSet
from warren.rulebook.reading import read_rules

RULES: Final = 50
REPETITIONS: Final = 9
ROUNDS: Final = 2_000
MIB: Final = 1024 * 1024

EVERYDAY: Final = (
    "SELECT c.name, c.segment, sum(o.total) AS total, count(*) AS orders\n"
    "FROM hive.sales.orders o JOIN hive.sales.customers c ON o.customer_id = c.id\n"
    "WHERE o.day BETWEEN DATE '2026-11-01' AND DATE '2026-11-25' AND c.region IN ('north', 'south')\n"
    "GROUP BY c.name, c.segment HAVING sum(o.total) > 1000 ORDER BY total DESC LIMIT 100"
)
"""As dashboards send them."""


KINDS: Final = (
    """
condition: 'request.getHeader("X-Trino-Source") == "source-{n}"'
actions: ['result.put("routingGroup", "group-{n}")']
""",
    """
condition: 'trinoQueryProperties.tablesContains("hive.team{n}.facts") && request.getHeader("X-Trino-User") != null'
actions: ['result.put("routingGroup", "group-{n}")']
""",
    """
when: {{user: [ana{n}, bob{n}], source: {{startsWith: airflow}}}}
then: {{group: group-{n}}}
""",
    """
when: {{catalogs: lake{n}, queryType: [Insert, CreateTableAsSelect]}}
then: {{group: group-{n}}}
""",
    """
condition: 'request.getHeader("X-Trino-Client-Tags") contains "label={n}"'
actions: ['result.put("routingGroup", "group-{n}")']
""",
)
"""Rules as people have them, none of which applies to the bench's statements: that costs the most."""


def rules_text(number: int = RULES) -> str:
    """So many rules, of all kinds in turn."""
    return "".join(f"---\nname: rule {n}{KINDS[n % len(KINDS)].format(n=n)}" for n in range(number))


def rules() -> RuleSet:
    return read_rules(rules_text(), analyses=True)


def long_statement(size: int = MIB) -> str:
    """So many characters of an INSERT, as loading tools send them."""
    row = "(1, 'a name', 3.5, DATE '2026-11-25'), "
    head = "INSERT INTO hive.web.clicks VALUES "
    return head + row * ((size - len(head)) // len(row)) + "(0, '', 0, NULL)"


def measure_steering() -> dict[Key, list[Pair]]:
    """The figures of rules and analysis."""
    ruled, facts, long = rules(), _facts(), long_statement()
    seconds = {
        Key.RULES: _least(lambda: ruled.decide(facts, lambda: 0.5), ROUNDS),
        Key.ANALYSIS: _least(lambda: analyse(EVERYDAY, catalog="tpch", schema="tiny"), ROUNDS),
    }
    found = {key: [Pair(None, value * 1e6)] for key, value in seconds.items()}
    speed = len(long) / 1e6 / _least(lambda: analyse(long, catalog="tpch", schema="tiny"), 1)
    return {**found, Key.ANALYSIS_SPEED: [Pair(None, speed)]}


def _facts() -> Facts:
    headers = {name.lower(): (value,) for name, value in HEADERS}
    query = analyse(EVERYDAY, catalog="tpch", schema="tiny")
    return Facts(request=RequestFacts(headers=headers), user=RequestUser(user="alice"), query=query)


def _least(work: Callable[[], object], rounds: int) -> float:
    """Seconds of one round, in the best of several repetitions: disturbances only ever add."""
    work()
    return min(_seconds(work, rounds) for _ in range(REPETITIONS))


def _seconds(work: Callable[[], object], rounds: int) -> float:
    began = time.process_time()
    for _ in range(rounds):
        work()
    return (time.process_time() - began) / rounds
