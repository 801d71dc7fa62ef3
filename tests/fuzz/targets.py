"""What is fuzzed: hostile text of each kind goes in, and nothing but the errors that are promised may come out."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress

from warren.errors import SettingsError
from warren.facts import Facts, RequestFacts, RequestUser
from warren.protocol.identity import bearer_token, user_of
from warren.protocol.sql.analysis import analyse, analysing, whole
from warren.protocol.sql.prepared import PreparedStatements, Unreadable
from warren.protocol.sql.statement import may_kill, statement_properties
from warren.routing.mvel.compile import MvelError, RuleFailed, compile_action, compile_condition
from warren.routing.mvel.scope import Scope
from warren.rulebook.reading import read_rules

Target = Callable[[bytes], None]

LARGEST = 64 * 1024


def facts() -> Facts:
    """A request like any other."""
    headers = {"x-trino-source": ["airflow"], "x-trino-client-tags": ["a,label=special", "b"], "host": ["gw:8080"]}
    query = analyse("SELECT * FROM hive.web.clicks", catalog="hive", schema="web")
    return Facts(request=RequestFacts(headers=headers), user=RequestUser(user="ana"), query=query)


def mvel(data: bytes) -> None:
    """Any text as a condition and as an action: compiled and run, or refused with a place."""
    text = data.decode("utf-8", "replace")
    for compiled in (compile_condition, compile_action):
        for traced in (False, True):
            with suppress(MvelError, RuleFailed):
                compiled(text, traced=traced).run(Scope(facts=facts()))


def rules(data: bytes) -> None:
    """Any text as a rules file: rules that decide as they explain, or problems that have a place in the file."""
    text = data.decode("utf-8", "replace")
    try:
        found = read_rules(text, analyses=True)
    except SettingsError:
        return
    explained = found.explain(facts(), lambda: 0.5).ruling
    try:
        assert found.decide(facts(), lambda: 0.5) == explained
    except RuleFailed:
        assert explained is None


def sql(data: bytes) -> None:
    """Any bytes as a statement: read in one piece as in slices."""
    may_kill(data)
    text = data.decode("utf-8", "replace")
    at_once = analyse(text, catalog="hive", schema="web")
    assert whole(analysing(text, catalog="hive", schema="web")) == at_once


def prepared(data: bytes) -> None:
    """Any bytes in the header of prepared statements, and the same as the compressed text of one."""
    for line in (data, b"s1=%24zstd%3A" + b64encode(data), b"s1=" + data):
        with suppress(Unreadable):
            PreparedStatements([line], largest=LARGEST)("s1")
        fields = {b"x-trino-prepared-statement": [line], b"x-trino-catalog": [data[:50]]}
        whole(statement_properties(b"EXECUTE s1", fields, max_body_size=LARGEST, v2=True))


def identity(data: bytes) -> None:
    """Any bytes where a client says who it is."""
    token = b".".join(b64encode(part) for part in data.split(b".", 2))
    for value in (data, b"Basic " + data, b"Basic " + b64encode(data), b"Bearer " + data, b"Bearer " + token):
        fields = {b"authorization": [value], b"cookie": [b"Trino-UI-Token=" + token, data]}
        assert len(user_of(fields, claim="email")) <= 256
        bearer_token(fields)
    user_of({b"x-trino-user": [data]}, claim="email")


TARGETS: Mapping[str, Target] = {"mvel": mvel, "rules": rules, "sql": sql, "prepared": prepared, "identity": identity}
SEEDS: Mapping[str, tuple[bytes, ...]] = {
    "mvel": (
        b'request.getHeader("X-Trino-Source") == "airflow" && trinoQueryProperties.tablesContains("a.b.c")',
        b'if (state.get("x") == null) { result.put("routingGroup", "etl"); } else { foreach (t : [1, 2]) { state.put(t, t); } }',
    ),
    "rules": (
        b"name: a\nwhen: {source: airflow, any: [{user: x}, {tables: {matches: 'h.*'}}]}\nthen: {group: etl, stop: true}\n",
        b'---\nname: b\npriority: 5\ncondition: \'request.getHeader("A") contains "b"\'\nactions: [\'result.put("routingGroup", "x")\']\n',
    ),
    "sql": (
        b"WITH a AS (SELECT * FROM h.s.t) SELECT x -> x, U&'\\0041' FROM a JOIN \"B\".c USING (d) -- e\n",
        b"CALL system.runtime.kill_query(query_id => '20260416_160256_03078_6b4yt', message => 'm')",
        b"EXECUTE IMMEDIATE 'INSERT INTO t VALUES (''1'')' USING 1",
    ),
    "prepared": (b"s1=SELECT+1,s2=SELECT%202", b"\x28\xb5\x2f\xfd\x04\x58\x41\x00\x00SELECT 1"),
    "identity": (b"ana:secret", b'{"alg":"none"}.{"email":"ana@example.com"}.x'),
}
"""Something sensible to begin with."""
