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
