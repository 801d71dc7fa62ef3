"""Whole files: good ones, bad ones, and what is said about both."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from warren.errors import Problem, SettingsError
from warren.settings.load import Loaded, defaults, load, parse, placed
from warren.settings.root import Settings
from warren.settings.sections import MonitorType

HERE = Path("/etc/warren")

UPSTREAM = """\
serverConfig:
  node.environment: test
  http-server.http.port: 8090
  http-server.http.enabled: true
  log.levels-file: etc/log.config
  http-server.threads.max: 500
  proxy.http-client.request-timeout: 3m
  proxy.http-client.max-response-content-length: 1GB

dataStore:
  jdbcUrl: jdbc:postgresql://localhost:5432/trino_gateway_db
  user: trino_gateway_db_admin
  password: ${ENV:DB_PASSWORD}
  driver: org.postgresql.Driver
  queryHistoryHoursRetention: 24

clusterStatsConfiguration:
  monitorType: INFO_API

monitor:
  taskDelay: 1m
  retries: 3

extraWhitelistPaths:
  - '/v1/custom.*'
  - '/custom/logout.*'

routing:
  asyncTimeout: 3m
  defaultRoutingGroup: etl

databaseCache:
  enabled: yes
  expireAfterWrite: 1h

uiConfiguration:
  disablePages:
    - routing-rules

routingRules:
  rulesEngineEnabled: False
  rulesConfigPath: "app/config/routing_rules.yml"

modules:
managedApps: []
"""


def read(text: str, **environment: str) -> Loaded:
    return parse(text, environment, directory=HERE)


def problems(text: str, **environment: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read(text, **environment)
    return [str(problem) for problem in refused.value.problems]


def test_a_file_of_trino_gateway_works() -> None:
    settings = read(UPSTREAM, DB_PASSWORD="0123").settings

    assert settings.server.http_port == 8090
    assert settings.server.proxy_client.request_timeout_seconds == 180.0
    assert settings.data_store is not None
    assert settings.data_store.password == SecretStr("0123")
    assert settings.data_store.query_history_enabled
    assert settings.data_store.query_history_hours_retention == 24
    assert settings.data_store.database(HERE).database == "trino_gateway_db"
    assert settings.monitor.task_delay == 60.0
    assert settings.monitor.retries == 3
    assert settings.routing.async_timeout == 180.0
    assert settings.routing.default_routing_group == "etl"
    assert settings.extra_whitelist_paths[1].text == "/custom/logout.*"


def test_what_has_no_effect_in_it_is_named_once() -> None:
    warnings = read(UPSTREAM, DB_PASSWORD="x").warnings

    assert warnings == (
        "serverConfig: accepted without effect: node.environment, log.levels-file, http-server.threads.max",
        "not offered in this version, and off or only about the web UI: managedApps, uiConfiguration",
        (
            "serverConfig.proxy.http-client.max-response-content-length: no effect, since answers stream through, "
            "so there is no limit to set"
        ),
        "dataStore.driver: no effect, since the URL says which database it is",
        (
            "databaseCache.enabled, databaseCache.expireAfterWrite: no effect, since no request reads the database: "
            "the list of clusters is kept in memory and read again each second"
        ),
        (
            "the management API is open to everyone who can reach the port: "
            "list the networks that may use it in adminAllowFrom"
        ),
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "routing:\nmonitor:\n", "{}", "\ufeff"])
def test_a_file_that_says_nothing_means_the_defaults(text: str) -> None:
    assert read(text).settings == defaults()


def test_the_defaults_are_those_of_the_design() -> None:
    settings = defaults()
    assert settings.server.http_enabled
    assert settings.server.http_port == 8080
    assert settings.server.max_idle_seconds == 200.0
    assert settings.server.max_request_header_bytes == 65536
    assert settings.server.proxy_client.connect_timeout_seconds == 5.0
    assert settings.server.proxy_client.max_connections_per_server is None
    assert settings.routing.statement_try_timeout == 8.0
    assert settings.routing.statement_timeout == 25.0
    assert settings.routing.follow_timeout == 25.0
    assert settings.routing.async_timeout == 120.0
    assert settings.limits.head_timeout == 20.0
    assert settings.memory.max_entries == 10_000
    assert settings.memory.expire_after_access == 1800.0
    assert settings.search.max_concurrent == 50
    assert settings.search.max_concurrent_per_client == 10
    assert settings.search.ignore_unreachable_after == 600.0
    assert settings.cluster_stats_configuration.monitor_type is MonitorType.INFO_API


def test_our_own_keys_are_read() -> None:
    settings = read("""
        stateDirectory: state
        trustedProxies: [10.0.0.0/8, "2001:db8::/32", 192.0.2.7]
        adminAllowFrom: [127.0.0.1]
        shutdownDelay: 0s
        drainTimeout: 1m
        instanceName: gw-1
        memory: {maxEntries: 5, expireAfterAccess: 1h}
        search: {maxConcurrent: 7, maxConcurrentPerClient: 3, ignoreUnreachableAfter: 1m}
        limits: {maxHeaderCount: 100, headTimeout: 5s, statementBodyKept: 0B, statementBodiesKept: 1MB, maxConnections: 9}
        routing: {strictGroups: true, statementTryTimeout: 4s, statementTimeout: 20s, followTimeout: 22s}
        monitor: {failureThreshold: 3, successThreshold: 2}
    """).settings
    assert settings.state_directory == HERE / "state"
    assert settings.trusted_proxies == (
        IPv4Network("10.0.0.0/8"),
        IPv6Network("2001:db8::/32"),
        IPv4Network("192.0.2.7/32"),
    )
    assert settings.admin_allow_from == (IPv4Network("127.0.0.1/32"),)
    assert (settings.shutdown_delay, settings.drain_timeout, settings.instance_name) == (0.0, 60.0, "gw-1")
    assert settings.memory.expire_after_access == 3600.0
    assert settings.search.max_concurrent_per_client == 3
    assert (settings.limits.statement_body_kept, settings.limits.max_connections) == (0, 9)
    assert settings.routing.strict_groups
    assert (settings.monitor.failure_threshold, settings.monitor.success_threshold) == (3, 2)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("routing: {}\nrouting: {}", "line 2: routing: written before on line 1: keep one of the two"),
        (
            "monitor:\n  retries: 1\n  retries: 1",
            "line 3: monitor.retries: written before on line 2: keep one of the two",
        ),
        ("monitor: {retries: -1}", "line 1: monitor.retries: -1: must be at least 0"),
        ("monitor: {retries: few}", "line 1: monitor.retries: few: write a whole number"),
        ("monitor: {retries: 1.5}", "line 1: monitor.retries: 1.5: write a whole number"),
        ("monitor: {retries: true}", "line 1: monitor.retries: true: write a whole number"),
        ("monitor: {metricMinimumValues: {x: y}}", "line 1: monitor.metricMinimumValues.x: y: write a number"),
        (
            "monitor: {metricMinimumValues: {x: .inf}}",
            "line 1: monitor.metricMinimumValues.x: .inf: write a finite number",
        ),
        ("monitor: [1]", "line 1: monitor: write keys with values, indented below it"),
        ("monitor: often", "line 1: monitor: write keys with values, indented below it"),
        ("routing: {strictGroups: maybe}", "line 1: routing.strictGroups: maybe: write true or false"),
        (
            "routing: {defaultRoutingGroup: ''}",
            "line 1: routing.defaultRoutingGroup: nothing: write at least one character",
        ),
        ("routing: {defaultRoutingGroup: [a]}", "line 1: routing.defaultRoutingGroup: a list: write text"),
        (
            "extraWhitelistPaths: /x",
            "line 1: extraWhitelistPaths: /x: write a list: one line with `- value` for each",
        ),
        (
            "monitor: {taskDelay: 60}",
            "line 1: monitor.taskDelay: 60: a duration is a number and a unit (ns us ms s m h d), such as 30s or 1.5h",
        ),
        (
            "limits: {statementBodyKept: 1048576}",
            "line 1: limits.statementBodyKept: 1048576: a size is a number and a unit (B kB MB GB TB PB), such as 64kB or 32MB",
        ),
        ("dataStore: {user: x}", "line 1: dataStore.jdbcUrl: required, and missing"),
        (
            "dataStore:\n  jdbcUrl: jdbc:oracle:thin:@h:1/x",
            "line 2: dataStore.jdbcUrl: Oracle is not offered in this version: use PostgreSQL, MySQL, MariaDB or SQLite",
        ),
        (
            "trustedProxies: [10.0.0.1/8]",
            (
                "line 1: trustedProxies[0]: 10.0.0.1/8 (of 10.0.0.0/8): the address has bits outside its network: "
                "write the network's first address"
            ),
        ),
        (
            "adminAllowFrom: [office]",
            (
                "line 1: adminAllowFrom[0]: office: write an address or a network, "
                "such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32"
            ),
        ),
        (
            "instanceName: 'a b'",
            "line 1: instanceName: a b: a name has letters, digits, dots, dashes and underscores only: it appears in headers",
        ),
        (
            "serverConfig:\n  http-server.https.enabled: true\n  http-server.https.keystore.path: nope.pem",
            (
                "line 3: serverConfig.http-server.https.keystore.path: /etc/warren/nope.pem: "
                "the file cannot be read: no such file or directory"
            ),
        ),
        (
            "serverConfig:\n  http-server.https.enabled: true",
            (
                "line 2: serverConfig.http-server.https.enabled: true: "
                "HTTPS is on: write http-server.https.keystore.path, too, a PEM file with certificate and key"
            ),
        ),
        (
            "serverConfig:\n  node.environment: x\n  http-server.http.enabled: false",
            "line 3: serverConfig.http-server.http.enabled: false: HTTP and HTTPS are both off: enable one",
        ),
        (
            "proxyTls:\n  caFile: nope.pem",
            "line 2: proxyTls.caFile: /etc/warren/nope.pem: the file cannot be read: no such file or directory",
        ),
        (
            "valkeyConfiguration: {url: 'valkey://u:s3c/r3tpw@h:6379/0'}",
            (
                "line 1: valkeyConfiguration.url: in user and password write / as %2F, ? as %3F, # as %23, @ as %40 "
                "and % as %25, or write host, username and password in keys of their own instead of the URL"
            ),
        ),
        (
            "dataStore: {jdbcUrl: 'jdbc:postgresql://h:99/d?sslmoode=require&password=s3cr3tpw'}",
            (
                "line 1: dataStore.jdbcUrl: option sslmoode: the URL has an option that Warren does not know "
                "(did you mean sslmode?); since it may guard something it is not left out silently: "
                "remove it if it does not"
            ),
        ),
        ("- a", "line 1: no keys: the file is a list of keys and values, such as `monitor:`"),
        (
            "clusterStatsConfiguration: {monitorType: info}",
            "line 1: clusterStatsConfiguration.monitorType: info: write INFO_API or NOOP",
        ),
    ],
)
def test_a_problem_names_key_line_value_and_remedy(text: str, problem: str) -> None:
    assert problems(text) == [problem]


@pytest.mark.parametrize("kind", ["UI_API", "JDBC", "JMX", "METRICS"])
def test_other_monitor_types_are_refused_in_words(kind: str) -> None:
    assert problems(f"clusterStatsConfiguration: {{monitorType: {kind}}}") == [
        (
            f"line 1: clusterStatsConfiguration.monitorType: {kind}: this monitor type is not offered in this version: "
            "write INFO_API, or NOOP to watch nothing"
        )
    ]


def test_noop_is_offered() -> None:
    settings = read("clusterStatsConfiguration: {monitorType: NOOP}").settings
    assert settings.cluster_stats_configuration.monitor_type is MonitorType.NOOP


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "search:\n  maxConcurent: 5",
            (
                "line 2: search.maxConcurent: unknown key; did you mean maxConcurrent or maxConcurrentPerClient? "
                "Known here: ignoreUnreachableAfter, maxConcurrent, maxConcurrentPerClient"
            ),
        ),
        ("routin: {}", "line 1: routin: unknown key; did you mean routing or routingRules?"),
        (
            "authentification: {}",
            "line 1: authentification: unknown key; did you mean authentication or authorization?",
        ),
        (
            "serverConfig: {http-server.http.prt: 1}",
            (
                "line 1: serverConfig.http-server.http.prt: unknown key; "
                "did you mean http-server.http.port or http-server.https.port or http-server.http.enabled?"
            ),
        ),
        (
            "monitor: {bogus: 1}",  # what belongs to other monitors has no effect, and is left out
            ("line 1: monitor.bogus: unknown key; known here: failureThreshold, retries, successThreshold, taskDelay"),
        ),
        ("monitor.taskDelay: 1m", "line 1: monitor.taskDelay: unknown key; write taskDelay below monitor:"),
        (
            "serverConfig.http-server.http.port: 1",
            "line 1: serverConfig.http-server.http.port: unknown key; write http-server.http.port below serverConfig:",
        ),
        (
            "valkeyConfiguration: {tls.enabled: true}",
            "line 1: valkeyConfiguration.tls.enabled: unknown key; write enabled below tls:",
        ),
        ("databaseCache: {bogus: 1}", "line 1: databaseCache.bogus: unknown key"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_known_ones_or_its_place(text: str, problem: str) -> None:
    assert problems(text) == [problem]


def test_an_unknown_key_that_is_near_to_none_is_told_with_those_that_work() -> None:
    (told,) = problems("xyzzy: 1")
    listed = told.removeprefix("line 1: xyzzy: unknown key; known here: ").split(", ")
    assert {"dataStore", "routing", "serverConfig"} < set(listed)
    assert not {"authentication", "modules", "uiConfiguration", "databaseCache", "backendState"} & set(listed)


def test_a_problem_that_shows_later_finds_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("# ours\nrouting:\n  asyncTimeout: ${ENV:X}\n")
    later = (Problem("routing.asyncTimeout", None, "", "a"), Problem("workers", None, "", "b"), Problem("", 7, "", "c"))
    assert [problem.line for problem in placed(later, path)] == [3, None, 7]


@pytest.mark.parametrize(
    ("text", "now"),
    [
        ("routing: {addXForwardedHeaders: true}", "routing.forwardedHeadersEnabled"),
        ("monitor: {taskDelaySeconds: 5}", "monitor.taskDelay"),
        ("statementPaths: [/v1/statement]", "additionalStatementPaths"),
    ],
)
def test_a_key_of_an_older_version_is_told_with_its_new_name(text: str, now: str) -> None:
    assert problems(text)[0].endswith(f"unknown key; its name now is {now}")


@pytest.mark.parametrize("key", ["data_store", "extra_whitelist_paths", "server"])
def test_names_of_python_are_no_keys(key: str) -> None:
    assert f"line 1: {key}: unknown key" in problems(f"{key}: x")[0]


def test_python_names_are_no_keys_inside_sections_either() -> None:
    assert "unknown key" in problems("routing: {async_timeout: 5s}")[0]


def test_an_unknown_key_with_nothing_after_it_is_still_unknown() -> None:
    assert "line 1: bogus: unknown key" in problems("bogus:")[0]


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    found = problems("""\
serverConfig:
  http-server.http.port: 70000
  http-server.auth.users-file: users
  bogus: 1
dataStore: {jdbcUrl: 'jdbc:h2:x', paswd: x}
monitor: {taskDelay: 0s}
authentication: {form: {}}
routingRules: {rulesEngineEnabled: true}
extraWhitelistPaths: ['[']
nothing: ${ENV:MISSING}
routing: {}
routing: {}
""")
    assert [problem.split(": ")[:2] for problem in found] == [
        ["line 2", "serverConfig.http-server.http.port"],
        ["line 3", "serverConfig.http-server.auth.users-file"],
        ["line 4", "serverConfig.bogus"],
        ["line 5", "dataStore.jdbcUrl"],
        ["line 5", "dataStore.paswd"],
        ["line 6", "monitor.taskDelay"],
        ["line 7", "authentication"],
        ["line 8", "routingRules"],
        ["line 9", "extraWhitelistPaths[0]"],
        ["line 10", "${ENV:MISSING}"],
        ["line 10", "nothing"],
        ["line 12", "routing"],
    ]


@pytest.mark.parametrize("key", ["adminAllowFrom", "trustedProxies"])
def test_a_door_key_with_nothing_after_it_does_not_open_the_door(key: str) -> None:
    assert problems(f"{key}:\n  # - 10.0.0.0/8") == [
        f"line 1: {key}: written without networks: list some, or remove the key to allow everybody"
    ]


def test_an_empty_list_of_networks_is_nobody() -> None:
    assert read("adminAllowFrom: []").settings.admin_allow_from == ()


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        defaults().routing.async_timeout = 1.0  # type: ignore[misc] # what the test is about


def test_a_file_is_read_and_its_neighbours_found(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "config.yaml").write_text("stateDirectory: state\n")
    (tmp_path / "config.yaml").symlink_to(tmp_path / "data" / "config.yaml")
    assert load(tmp_path / "config.yaml", {}).settings.state_directory == tmp_path / "state"


@pytest.mark.parametrize(
    ("content", "word"),
    [(None, "cannot be read"), (b"\xff\xfe", "UTF-8"), (b"#" * (1024**2 + 1), "1 MiB")],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes | None, word: str) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        load(path, {})
    (problem,) = refused.value.problems
    assert word in problem.remedy
    assert problem.found == str(path)


@pytest.mark.slow
def test_a_file_as_large_as_allowed_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"#" * 1024**2)
    assert load(tmp_path / "config.yaml", {}).settings == defaults()


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is a directory"):
        load(tmp_path, {})


def test_sections_can_be_made_in_python() -> None:
    settings = Settings(instance_name="a", state_directory=Path("x"))
    assert (settings.instance_name, settings.state_directory) == ("a", Path("x"))
