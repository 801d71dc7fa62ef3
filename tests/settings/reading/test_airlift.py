"""What becomes of each property of `serverConfig`."""

from pathlib import Path

import pytest

from warren.errors import SettingsError
from warren.settings.load import parse
from warren.settings.reading.airlift import known, sort


@pytest.mark.parametrize("key", sorted(known()))
def test_what_is_honoured_is_in_the_models(key: str) -> None:
    found = sort({key: "x"})
    assert found.honoured
    assert not (found.inert)
    assert not (found.flaws)
    assert not (found.refused)
    assert not (found.unknown)


@pytest.mark.parametrize(
    "key",
    [
        "node.environment",
        "node.id",
        "node.internal-address",
        "log.levels-file",
        "log.max-size",
        "jmx.rmiserver.port",
        "tracing.enabled",
        "otel.exporter.endpoint",
        "metrics.jmx-object-names",
        "http-server.threads.max",
        "http-server.http2.max-concurrent-streams",
        "http-server.log.max-history",
        "http-server.show-stack-trace",
        "http-server.https.ssl-session-timeout",
        "proxy.http-client.http2.enabled",
        "proxy.http-client.max-threads",
        "monitor.http-client.max-request-header-size",
        "router.http-client.selector-count",
    ],
)
def test_tuning_of_the_java_program_is_accepted_with_one_warning(key: str) -> None:
    loaded = parse(f"serverConfig: {{{key}: x, node.data-dir: y}}", {}, directory=Path("/etc"))
    assert loaded.warnings[0] == f"serverConfig: accepted without effect: {key}, node.data-dir"


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("proxy.http-client.max-response-content-length", "stream"),
        ("monitor.http-client.max-content-length", "stream"),
        ("http-server.compression.enabled", "unchanged"),
    ],
)
def test_a_limit_that_was_a_flaw_is_accepted_with_the_reason(key: str, reason: str) -> None:
    loaded = parse(f"serverConfig: {{{key}: x}}", {}, directory=Path("/etc"))
    assert loaded.warnings[0].startswith(f"serverConfig.{key}: no effect, since ")
    assert reason in loaded.warnings[0]


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("http-server.auth.users-file", "sign-in"),
        ("http-server.authentication.type", "sign-in"),
        ("http-server.https.truststore.path", "certificates"),
        ("http-server.https.truststore.key", "certificates"),
        ("http-server.https.included-cipher", "TLS policy"),
        ("http-server.https.excluded-cipher", "TLS policy"),
        ("http-server.https.keymanager.password", "keystore.key"),
        ("http-server.https.automatic-shared-secret", "TLS policy"),
        ("proxy.http-client.trust-store-path", "proxyTls"),
        ("monitor.http-client.key-store-password", "proxyTls"),
        ("proxy.http-client.https.excluded-cipher", "TLS policy"),
        ("proxy.http-client.authentication.krb5.principal", "Kerberos"),
        ("router.http-client.socks-proxy", "another proxy"),
        ("proxy.http-client.http-proxy.password", "another proxy"),
    ],
)
@pytest.mark.parametrize("value", ["hunter2", ""])
def test_what_guards_is_refused_in_words_and_without_its_value(key: str, word: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(f"serverConfig:\n  {key}: {value}", {}, directory=Path("/etc"))
    (problem,) = refused.value.problems
    assert (problem.key, problem.line, problem.found) == (f"serverConfig.{key}", 2, "")
    assert word in problem.remedy


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("http-server.http.prot", "http-server.http.port"),
        ("http-server.https.keystore.password", "http-server.https.keystore.path"),
        ("proxy.http-client.conect-timeout", "proxy.http-client.connect-timeout"),
        ("proxy.http-client.http-server.http.port", ""),
        ("connect-timeout", ""),
        ("http-client.connect-timeout", "router.http-client.connect-timeout"),
        ("nodes.environment", ""),
    ],
)
def test_an_unknown_property_is_refused(key: str, meant: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(f"serverConfig: {{{key}: x}}", {}, directory=Path("/etc"))
    (problem,) = refused.value.problems
    assert problem.remedy.startswith("unknown key")
    assert meant in problem.remedy


def test_properties_of_one_client_stay_together() -> None:
    found = sort(
        {"proxy.http-client.connect-timeout": "1s", "proxy.http-client.idle-timeout": "2s", "node.bind-ip": "::"}
    )
    assert found.honoured == {
        "proxy.http-client": {"connect-timeout": "1s", "idle-timeout": "2s"},
        "node.bind-ip": "::",
    }


def test_a_section_that_is_no_map_is_refused() -> None:
    with pytest.raises(SettingsError, match="serverConfig: write keys with values"):
        parse("serverConfig: [a]", {}, directory=Path("/etc"))
