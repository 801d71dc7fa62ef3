"""Every limit of every setting, from both sides."""

from pathlib import Path
from typing import Any

import pytest
from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from warren.errors import SettingsError
from warren.settings.describe import key_of, parts, section_in
from warren.settings.load import parse
from warren.settings.root import Settings
from warren.settings.section import Section

LIMITS = [
    # key, what is still accepted, what no longer is
    ("serverConfig.http-server.http.port", ["0", "65535"], ["-1", "65536"]),
    ("serverConfig.http-server.https.port", ["0", "65535"], ["-1", "65536"]),
    ("serverConfig.http-server.net.max-idle-time", ["1ns", "1000d"], ["0s", "1001d"]),
    ("serverConfig.http-server.max-request-header-size", ["4kB", "1MB"], ["4095B", "1048577B"]),
    ("serverConfig.proxy.http-client.connect-timeout", ["1ns"], ["0s"]),
    ("serverConfig.proxy.http-client.request-timeout", ["1ns"], ["0s"]),
    ("serverConfig.proxy.http-client.idle-timeout", ["1ns"], ["0s"]),
    ("serverConfig.proxy.http-client.max-connections-per-server", ["1"], ["0"]),
    ("serverConfig.proxy.http-client.max-requests-queued-per-destination", ["0"], ["-1"]),
    ("serverConfig.proxy.http-client.max-response-header-size", ["4kB", "1MB"], ["4095B", "1048577B"]),
    ("monitor.taskDelay", ["10ms"], ["9ms", "0s"]),
    ("monitor.retries", ["0", "100"], ["-1", "101"]),
    ("monitor.failureThreshold", ["1", "100"], ["0", "101"]),
    ("monitor.successThreshold", ["1", "100"], ["0", "101"]),
    ("monitor.queryTimeout", ["1ns", "10"], ["0s", "0"]),
    ("monitor.clusterMetricsRegistryRefreshPeriod", ["1ns"], ["0s"]),
    ("routing.asyncTimeout", ["1ns"], ["0s"]),
    ("routing.defaultRoutingGroup", ["a", "a" * 255], ["''", "a" * 256]),
    ("routing.statementTryTimeout", ["1ns"], ["0s"]),
    ("routing.statementTimeout", ["1ns"], ["0s"]),
    ("routing.followTimeout", ["1ns"], ["0s"]),
    ("databaseCache.expireAfterWrite", ["1ns"], ["0s"]),
    ("databaseCache.refreshAfterWrite", ["1ns"], ["0s"]),
    ("shutdownDelay", ["0s"], ["-1s"]),
    ("drainTimeout", ["0s"], ["-1s"]),
    ("instanceName", ["a", "a" * 255], ["''", "a" * 256]),
    ("workers", ["1", "256", "auto", "AUTO", "0x4"], ["0", "257", "-1", "many", "true", "2.5", "''", "[2]"]),
    ("memory.maxEntries", ["1", "10000000"], ["0", "10000001"]),
    ("memory.expireAfterAccess", ["1ns"], ["0s"]),
    ("valkeyConfiguration.port", ["1", "65535"], ["0", "65536"]),
    ("valkeyConfiguration.database", ["0", "2147483647"], ["-1", "2147483648"]),
    ("valkeyConfiguration.maxTotal", ["1", "65535"], ["0", "65536"]),
    ("valkeyConfiguration.maxIdle", ["0", "20"], ["-1", "21", "65536"]),
    ("valkeyConfiguration.minIdle", ["0", "10"], ["-1", "11", "65536"]),
    ("valkeyConfiguration.timeoutMs", ["0", "2147483647"], ["-1", "2147483648"]),
    ("valkeyConfiguration.cacheTtlSeconds", ["0", "2147483647"], ["-1", "2147483648"]),
    ("valkeyConfiguration.healthCheckIntervalMs", ["1000", "2147483647"], ["999", "2147483648"]),
    ("valkeyConfiguration.requestBudgetMs", ["1", "10000"], ["0", "10001"]),
    ("search.maxConcurrent", ["1", "100000"], ["0", "100001"]),
    ("search.maxConcurrentPerClient", ["1", "100000"], ["0", "100001"]),
    ("search.ignoreUnreachableAfter", ["0s"], ["-1s"]),
    ("routingRules.rulesExternalConfiguration.timeout", ["1ns", "10s"], ["0s", "11s"]),
    ("routingRules.rulesRefreshPeriod", ["0s"], ["-1s"]),
    ("requestAnalyzerConfig.maxBodySize", ["1", "100000000"], ["0", "100000001"]),
    ("requestAnalyzerConfig.tokenUserField", ["a"], ["''"]),
    ("limits.maxHeaderCount", ["20", "10000"], ["19", "10001"]),
    ("limits.headTimeout", ["1ns"], ["0s"]),
    ("limits.statementBodyKept", ["0B", "1GB"], ["-1B", "1073741825B"]),
    ("limits.statementBodiesKept", ["0B", "1TB"], ["-1B", "1099511627777B"]),
    ("limits.maxConnections", ["1"], ["0"]),
]
QUERY_HISTORY = ("dataStore.queryHistoryHoursRetention", ["1"], ["0"])


def document(key: str, value: str) -> str:
    section, dot, name = key.partition(".")
    if section == "routingRules" and "." in name:
        inner, _, name = name.partition(".")
        return f"{section}: {{{inner}: {{{name}: {value}}}}}"
    text = f"{section}: {{{name}: {value}}}" if dot else f"{key}: {value}"
    return text.replace("{query", "{jdbcUrl: 'jdbc:sqlite:x', query") if section == "dataStore" else text


def refused_keys(key: str, value: str) -> list[str]:
    try:
        parse(document(key, value), {}, directory=Path("/etc"))
    except SettingsError as error:
        return [problem.key for problem in error.problems]
    return []


@pytest.mark.parametrize(("key", "inside", "outside"), [*LIMITS, QUERY_HISTORY], ids=lambda value: str(value)[:60])
def test_a_limit_holds_from_both_sides(key: str, inside: list[str], outside: list[str]) -> None:
    assert [value for value in inside if refused_keys(key, value)] == []
    assert [value for value in outside if refused_keys(key, value) != [key]] == []


def limited(section: type[Section] = Settings, prefix: str = "") -> list[str]:
    found: list[str] = []
    for name, info in section.model_fields.items():
        key = f"{prefix}{key_of(name, info)}"
        marks: list[Any] = [*info.metadata, *parts(info.annotation)]
        if inner := section_in(info):
            found += limited(inner, f"{key}.")
        elif any(isinstance(mark, Ge | Gt | Le | MinLen | MaxLen) for mark in marks):
            found.append(key)
    return found


def test_no_limit_is_left_out_above() -> None:
    tested = {key for key, _, _ in [*LIMITS, QUERY_HISTORY]}
    # The three clients are one class.
    others = {
        key.replace("proxy", client, 1) for key in tested if ".http-client." in key for client in ("monitor", "router")
    }
    assert set(limited()) - tested - others == set()
    assert len(limited()) > 30
