"""The distributed cache: keys, defaults, what excludes what, and the form that the driver gets."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from warren.errors import SettingsError
from warren.settings.load import Loaded, parse
from warren.settings.stores.valkey import ValkeyConfiguration, ValkeyFiles, ValkeyServer

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
SENTINEL = "sentinel: {master: m, nodes: [a]}"
CLUSTER = "cluster: {nodes: [a]}"


def read(section: str, directory: Path = Path("/etc"), **environment: str) -> Loaded:
    return parse(f"valkeyConfiguration:\n{section}", environment, directory=directory)


def configuration(keys: str, directory: Path = Path("/etc"), **environment: str) -> ValkeyConfiguration:
    return read(f"  {{{keys}}}", directory, **environment).settings.valkey_configuration


def problems(keys: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        configuration(keys)
    return [
        f"{problem.key.removeprefix('valkeyConfiguration.')}: {problem.remedy}" for problem in refused.value.problems
    ]


DEFAULTS = ValkeyServer(
    kind="single",
    addresses=(("localhost", 6379),),
    master=None,
    sentinel_password=None,
    username=None,
    password=None,
    database=0,
    tls=None,
    max_total=20,
    max_idle=10,
    min_idle=5,
    timeout_seconds=2.0,
    ttl_seconds=1800,
    health_check_seconds=30.0,
    budget_seconds=0.1,
    key_prefix="trino:query",
)


@pytest.mark.parametrize("keys", ["", "enabled: , host: , port: , password: , url: , tls: , sentinel: , cluster: "])
def test_the_defaults_are_those_of_the_request_and_nothing_is_on(keys: str) -> None:
    section = configuration(keys)
    assert not section.enabled
    assert section.server == DEFAULTS
    assert section == ValkeyConfiguration()


def test_every_key_reaches_the_driver(tmp_path: Path) -> None:
    for name in ("ca.pem", "gateway.pem", "gateway.key"):
        (tmp_path / name).write_text(PEM)
    section = configuration(
        "enabled: true, host: valkey.example.com, port: 7000, username: gateway, password: '${ENV:VALKEY_PASSWORD}', "
        "database: 3, maxTotal: 50, maxIdle: 25, minIdle: 2, timeoutMs: 500, cacheTtlSeconds: 600, "
        "healthCheckIntervalMs: 5000, requestBudgetMs: 50, keyPrefix: 'dev:query', "
        "tls: {enabled: true, caFile: ca.pem, certFile: gateway.pem, keyFile: gateway.key, verifyHostname: false}",
        tmp_path,
        VALKEY_PASSWORD="hunter2",
    )
    assert section.enabled
    assert section.server == ValkeyServer(
        kind="single",
        addresses=(("valkey.example.com", 7000),),
        master=None,
        sentinel_password=None,
        username="gateway",
        password=SecretStr("hunter2"),
        database=3,
        tls=ValkeyFiles(
            ca_file=tmp_path / "ca.pem",
            cert_file=tmp_path / "gateway.pem",
            key_file=tmp_path / "gateway.key",
            verify_hostname=False,
        ),
        max_total=50,
        max_idle=25,
        min_idle=2,
        timeout_seconds=0.5,
        ttl_seconds=600,
        health_check_seconds=5.0,
        budget_seconds=0.05,
        key_prefix="dev:query",
    )


def test_zero_means_no_timeout_and_no_end() -> None:
    server = configuration("timeoutMs: 0, cacheTtlSeconds: 0").server
    assert (server.timeout_seconds, server.ttl_seconds) == (None, None)


def test_sentinels_know_where_the_server_is() -> None:
    server = configuration(
        "sentinel: {master: gateways, nodes: [s1, 's2:7001', '[::1]:7002'], password: hunter2}, password: hunter3, database: 2"
    ).server
    assert (server.kind, server.master, server.database) == ("sentinel", "gateways", 2)
    assert server.addresses == (("s1", 26379), ("s2", 7001), ("::1", 7002))
    assert (server.sentinel_password, server.password) == (SecretStr("hunter2"), SecretStr("hunter3"))


def test_some_nodes_stand_for_the_cluster() -> None:
    server = configuration("cluster: {nodes: [n1, 'n2:7001']}, database: 0, username: u, password: p").server
    assert (server.kind, server.addresses) == ("cluster", (("n1", 6379), ("n2", 7001)))
    assert (server.username, server.password) == ("u", SecretStr("p"))


def test_a_url_says_where_the_server_is_and_whether_by_tls() -> None:
    server = configuration("url: 'valkeys://gateway:hunter2@[2001:db8::1]:7000/4'").server
    assert (server.kind, server.addresses) == ("single", (("2001:db8::1", 7000),))
    assert (server.username, server.password, server.database) == ("gateway", SecretStr("hunter2"), 4)
    assert server.tls == ValkeyFiles(ca_file=None, cert_file=None, key_file=None, verify_hostname=True)


@pytest.mark.parametrize(
    ("keys", "has_tls"),
    [
        ("url: 'valkey://h'", False),
        ("url: 'valkey://h', tls: {enabled: true}", True),
        ("url: 'rediss://h', tls: {enabled: true}", True),
        ("url: 'rediss://h', tls: {verifyHostname: false}", True),
        ("tls: {enabled: true}", True),
        ("tls: {enabled: false, verifyHostname: false}", False),
        (f"{SENTINEL}, tls: {{enabled: true}}", True),
        (f"{CLUSTER}, tls: {{enabled: true}}", True),
    ],
)
def test_tls_is_used_where_it_is_asked_for(keys: str, has_tls: bool) -> None:
    assert (configuration(keys).server.tls is not None) == has_tls


def test_a_certificate_may_bring_its_key_in_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "both.pem").write_text(PEM)
    tls = configuration("tls: {enabled: true, certFile: both.pem}", tmp_path).server.tls
    assert tls is not None
    assert tls.cert_file == tls.key_file == tmp_path / "both.pem"


@pytest.mark.parametrize(
    ("keys", "idle"),
    [
        ("", (10, 5)),
        ("maxTotal: 7", (7, 5)),
        ("maxTotal: 3", (3, 3)),
        ("maxIdle: 2", (2, 2)),
        ("minIdle: 10", (10, 10)),
    ],
)
def test_numbers_that_are_not_written_follow_smaller_ones_that_are(keys: str, idle: tuple[int, int]) -> None:
    server = configuration(keys).server
    assert (server.max_idle, server.min_idle) == idle


TWICE = "url says it already: keep one of the two"


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("maxTotal: 5, maxIdle: 6", ["maxIdle: must be at most maxTotal, which is 5"]),
        ("maxIdle: 4, minIdle: 5", ["minIdle: must be at most maxIdle, which is 4"]),
        ("maxTotal: 4, minIdle: 5", ["minIdle: must be at most maxTotal, which is 4"]),
        ("minIdle: 11", ["minIdle: must be at most maxIdle, which is 10"]),
        ("maxTotal: 0, maxIdle: 6", ["maxTotal: must be at least 1"]),
        ("url: 'valkey://h', host: h", [f"host: {TWICE}"]),
        ("url: 'valkey://h', port: 6379", [f"port: {TWICE}"]),
        ("url: 'valkey://h', username: u", [f"username: {TWICE}"]),
        ("url: 'valkey://h', password: p", [f"password: {TWICE}"]),
        ("url: 'valkey://h', database: 0, port: 1", [f"database: {TWICE}", f"port: {TWICE}"]),
        (
            f"{SENTINEL}, {CLUSTER}",
            ["cluster: a server is watched by Sentinels or part of a Cluster: keep one of the two"],
        ),
        (
            f"{SENTINEL}, url: 'valkey://h'",
            ["url: the nodes of sentinel say where the servers are: remove it, and write username and password apart"],
        ),
        (
            f"{CLUSTER}, url: 'valkey://h'",
            ["url: the nodes of cluster say where the servers are: remove it, and write username and password apart"],
        ),
        (f"{SENTINEL}, host: h", ["host: the nodes of sentinel say where the servers are: remove it"]),
        (f"{CLUSTER}, port: 1", ["port: the nodes of cluster say where the servers are: remove it"]),
        (f"{CLUSTER}, database: 1", ["database: a Cluster has database 0 only: remove it"]),
        ("username: u", ["username: a user without a password: write password, too (where the user needs none, any)"]),
        (
            "username: u, password: ''",
            ["username: a user without a password: write password, too (where the user needs none, any)"],
        ),
        (
            "url: 'valkeys://h', tls: {enabled: false}",
            ["tls.enabled: url asks for TLS: remove this, or write valkey:// there"],
        ),
        (
            "tls: {verifyHostname: true}",
            ["tls: TLS is off: write enabled: true with the files, or a url that begins with valkeys://"],
        ),
        ("sentinel: {}", ["sentinel.master: required, and missing", "sentinel.nodes: required, and missing"]),
        ("cluster: {}", ["cluster.nodes: required, and missing"]),
        ("cluster: {nodes: []}", ["cluster.nodes: name 1 to 100 nodes, each as host:port"]),
        (f"cluster: {{nodes: [{', '.join('a' * 101)}]}}", ["cluster.nodes: name 1 to 100 nodes, each as host:port"]),
        ("cluster: {nodes: a}", ["cluster.nodes: write a list: one line with `- value` for each"]),
        (
            "sentinel: {master: 'a b', nodes: [a, ':']}",
            [
                "sentinel.master: write the name that follows `sentinel monitor` in the Sentinels' files",
                "sentinel.nodes[1]: a host is a name or an IP address, nothing else",
            ],
        ),
        ("host: ''", ["host: a host is a name or an IP address, nothing else"]),
        ("host: 'a:6379'", ["host: a host is a name or an IP address, nothing else"]),
        ("enabled: perhaps", ["enabled: write true or false"]),
        ("timeoutMs: 2s", ["timeoutMs: write a whole number"]),
        ("tls: true", ["tls: write keys with values, indented below it"]),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_key(keys: str, told: list[str]) -> None:
    assert sorted(problems(keys)) == told


def test_each_problem_has_the_line_of_its_key() -> None:
    with pytest.raises(SettingsError) as refused:
        read("  url: valkey://h\n  host: other\n  maxTotal: 5\n  database: 1\n  tls:\n    enabled: true\n  port: 7")
    assert [str(problem) for problem in refused.value.problems] == [
        f"line 3: valkeyConfiguration.host: other: {TWICE}",
        f"line 5: valkeyConfiguration.database: 1: {TWICE}",
        f"line 8: valkeyConfiguration.port: 7: {TWICE}",
    ]


@pytest.mark.parametrize("prefix", ["a", "dev:query", "a" * 128, "trino|query~!"])
def test_a_key_prefix_is_plain_text(prefix: str) -> None:
    assert configuration(f"keyPrefix: '{prefix}'").server.key_prefix == prefix


@pytest.mark.parametrize("prefix", ["", "a" * 129, "{a}", "a}", "a b", "ä", '"a\\tb"', '"a\\x7f"'])
def test_a_key_prefix_with_anything_that_would_part_the_keys_is_refused(prefix: str) -> None:
    written = prefix if prefix.startswith('"') else f"'{prefix}'"
    assert problems(f"keyPrefix: {written}") == [
        "keyPrefix: write 1 to 128 plain characters: ASCII, without blanks and without braces"
    ]


def test_an_unknown_key_is_told_with_the_nearest() -> None:
    assert problems("hosts: x")[0].startswith("hosts: unknown key; did you mean host?")
    assert "did you mean caFile?" in problems("tls: {cafile: x}")[0]
    assert "did you mean nodes?" in problems("cluster: {nodes: [a], node: [a]}")[0]


def test_files_of_tls_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(PEM)
    with pytest.raises(SettingsError, match=r"tls\.caFile: \S+: the file cannot be read: no such file"):
        configuration("tls: {enabled: true, caFile: ca.pem}", tmp_path)
    with pytest.raises(SettingsError, match=r"tls\.keyFile: \S+: a key without a certificate: write certFile, too"):
        configuration("tls: {enabled: true, keyFile: key.pem}", tmp_path)


@pytest.mark.parametrize(
    "keys",
    [
        "enabled: true, host: h, password: '${ENV:SECRET}'",
        "enabled: true, url: 'valkey://u:${ENV:SECRET}@h'",
        "enabled: true, sentinel: {master: m, nodes: [h], password: '${ENV:SECRET}'}",
    ],
)
def test_a_secret_is_in_no_text_that_can_be_made_of_it(keys: str) -> None:
    loaded = read(f"  {{{keys}}}", SECRET="hunter2")
    section = loaded.settings.valkey_configuration
    shown = (repr(loaded), str(section), section.model_dump_json(), str(section.model_dump()), repr(section.server))
    assert [text for text in shown if "hunter" in text] == []
    assert len(loaded.warnings) == 3


def test_a_password_may_look_like_a_number() -> None:
    assert configuration("password: 0123").server.password == SecretStr("0123")


def test_an_empty_password_is_none() -> None:
    assert configuration("password: '', sentinel: {master: m, nodes: [a], password: ''}").server == (
        configuration(SENTINEL).server
    )
