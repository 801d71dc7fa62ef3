"""Keys with two spellings."""

from pathlib import Path

import pytest

from warren.errors import SettingsError
from warren.settings.load import parse
from warren.settings.root import Settings


def settings(text: str) -> Settings:
    return parse(text, {}, directory=Path("/etc")).settings


@pytest.mark.parametrize("key", ["xForwardedProtoHeader", "xforwardedProtoHeader"])
def test_the_forwarded_proto_header_has_two(key: str) -> None:
    state = settings(f"backendState: {{{key}: true}}").backend_state
    assert state is not None
    assert state.x_forwarded_proto_header


@pytest.mark.parametrize("written", ["10", "10s", "'10s'"])
def test_the_query_timeout_may_be_a_bare_number_of_seconds(written: str) -> None:
    assert settings(f"monitor: {{queryTimeout: {written}}}").monitor.query_timeout == 10.0


@pytest.mark.parametrize("key", ["clientsUseV2Format", "isClientsUseV2Format"])
def test_the_format_of_clients_has_two(key: str) -> None:
    settings(f"requestAnalyzerConfig: {{{key}: true}}")


def test_timeouts_of_the_monitor_become_those_of_its_client() -> None:
    client = settings(
        "monitor: {connectTimeoutSeconds: 3, requestTimeoutSeconds: 4, idleTimeoutSeconds: 5}"
    ).server.monitor_client
    assert (client.connect_timeout_seconds, client.request_timeout_seconds, client.idle_timeout_seconds) == (3, 4, 5)


def test_they_join_what_server_config_says() -> None:
    server = settings("serverConfig: {http-server.http.port: 1}\nmonitor: {connectTimeoutSeconds: 3}").server
    assert (server.http_port, server.monitor_client.connect_timeout_seconds) == (1, 3.0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "backendState:\n  xForwardedProtoHeader: true\n  xforwardedProtoHeader: true",
            (
                "line 3: backendState.xforwardedProtoHeader: means the same as backendState.xForwardedProtoHeader: "
                "keep one of the two"
            ),
        ),
        (
            "serverConfig: {monitor.http-client.connect-timeout: 1s}\nmonitor: {connectTimeoutSeconds: 3}",
            (
                "line 2: monitor.connectTimeoutSeconds: means the same as "
                "serverConfig.monitor.http-client.connect-timeout: keep one of the two"
            ),
        ),
    ],
)
def test_both_at_once_contradict_each_other(text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(text)
    assert [str(told) for told in refused.value.problems] == [problem]


@pytest.mark.parametrize("written", ["soon", "-1", "0", "[1]"])
def test_a_timeout_that_is_none_is_refused_with_its_line(written: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(f"monitor:\n  connectTimeoutSeconds: {written}")
    assert [problem.line for problem in refused.value.problems] == [2]


def test_a_section_of_the_wrong_kind_does_not_get_in_the_way() -> None:
    with pytest.raises(SettingsError) as refused:
        settings("serverConfig: x\nmonitor: {connectTimeoutSeconds: 3}\nbackendState: [xforwardedProtoHeader]")
    assert [problem.key for problem in refused.value.problems] == ["serverConfig", "backendState"]


CACHE = """
    enabled: true
    host: valkey
    port: 7000
    password: x
    database: 1
    maxTotal: 50
    maxIdle: 25
    minIdle: 2
"""


def test_the_distributed_cache_has_two() -> None:
    usual = settings(f"valkeyConfiguration:{CACHE}    timeoutMs: 1500\n    cacheTtlSeconds: 600")
    other = settings(f"distributedCacheConfiguration:{CACHE}    timeout: 1.5s\n    cacheTtl: 10m")
    assert other == usual
    assert usual.valkey_configuration.server.timeout_seconds == 1.5


def test_the_other_spelling_has_the_same_defaults_and_the_same_keys_besides() -> None:
    assert settings("distributedCacheConfiguration: {}") == Settings()
    section = settings("distributedCacheConfiguration: {timeout: , healthCheckIntervalMs: 5000}").valkey_configuration
    assert (section.timeout_ms, section.health_check_interval_ms) == (2000, 5000)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "valkeyConfiguration: {}\ndistributedCacheConfiguration: {enabled: true}",
            "line 2: distributedCacheConfiguration: means the same as valkeyConfiguration: keep one of the two",
        ),
        (
            "distributedCacheConfiguration:\n  timeout: 1s\n  timeoutMs: 1000",
            (
                "line 2: distributedCacheConfiguration.timeout: means the same as distributedCacheConfiguration.timeoutMs: "
                "keep one of the two"
            ),
        ),
        (
            "distributedCacheConfiguration:\n  maxIdle: 30",
            "line 2: distributedCacheConfiguration.maxIdle: 30: must be at most maxTotal, which is 20",
        ),
        (
            "distributedCacheConfiguration:\n  cacheTtl: 30",
            (
                "line 2: distributedCacheConfiguration.cacheTtl: 30: "
                "a duration is a number and a unit (ns us ms s m h d), such as 30s or 1.5h"
            ),
        ),
        (
            "distributedCacheConfiguration:\n  timeout: 1000d",
            "line 2: distributedCacheConfiguration.timeout: 1000d: must be at most 2147483647",
        ),
        (
            "distributedCacheConfiguration: x",
            "line 1: distributedCacheConfiguration: write keys with values, indented below it",
        ),
        (
            "distributedCacheConfiguration: {timeout: '${ENV:X}'}",
            "line 1: ${ENV:X}: the environment variable X is not set: set it, or write the value here",
        ),
    ],
)
def test_what_is_wrong_with_it_is_told_in_the_words_of_the_file(text: str, told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(text)
    assert [str(problem) for problem in refused.value.problems] == [told]


@pytest.mark.parametrize("empty", ["valkeyConfiguration", "distributedCacheConfiguration"])
def test_a_spelling_with_nothing_after_it_does_not_count(empty: str) -> None:
    (other,) = {"valkeyConfiguration", "distributedCacheConfiguration"} - {empty}
    assert settings(f"{empty}:\n{other}: {{port: 7000}}").valkey_configuration.port == 7000


@pytest.mark.parametrize("written", ["[1]", "{a: b}", "soon", "-1s"])
def test_a_duration_of_it_that_is_none_is_one_problem(written: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(f"distributedCacheConfiguration:\n  timeout: {written}")
    assert [(problem.key, problem.line) for problem in refused.value.problems] == [
        ("distributedCacheConfiguration.timeout", 2)
    ]
