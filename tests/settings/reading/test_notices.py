"""What an operator is told of a file that can be used."""

from pathlib import Path

import pytest

from warren.settings.load import parse


def warnings(text: str) -> str:
    return "\n".join(parse(text, {}, directory=Path("/etc")).warnings)


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ("", True),
        ("serverConfig: {node.bind-ip: 0.0.0.0}", True),
        ("serverConfig: {node.bind-ip: 127.0.0.2}", False),
        ("serverConfig: {node.bind-ip: '::1'}", False),
        ("adminAllowFrom: [10.0.0.0/8]", False),
        ("adminAllowFrom: []", False),
        ("adminAllowFrom: [0.0.0.0/0]", True),
    ],
)
def test_an_open_management_api_is_told_unless_only_this_host_reaches_it(text: str, is_open: bool) -> None:
    assert ("adminAllowFrom" in warnings(text)) == is_open


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ("serverConfig: {http-server.process-forwarded: true}", True),
        ("serverConfig: {http-server.process-forwarded: true}\ntrustedProxies: [10.0.0.0/8]", False),
        ("serverConfig: {http-server.process-forwarded: true}\ntrustedProxies: [0.0.0.0/0]", True),
        ("serverConfig: {http-server.process-forwarded: false}", False),
        ("", False),
    ],
)
def test_believing_every_client_is_told(text: str, is_open: bool) -> None:
    assert ("trustedProxies" in warnings(text)) == is_open


ALLOWED = "adminAllowFrom: [10.0.0.0/8]"
FORWARDED = "serverConfig: {http-server.process-forwarded: true}"


@pytest.mark.parametrize(
    ("lines", "is_useless"),
    [
        ([ALLOWED, FORWARDED], True),
        ([ALLOWED, "serverConfig: {http-server.process-forwarded: true, node.bind-ip: 127.0.0.1}"], True),
        ([ALLOWED, FORWARDED, "trustedProxies: ['::/0']"], True),
        ([ALLOWED, FORWARDED, "trustedProxies: [192.0.2.1/32]"], False),
        ([ALLOWED], False),
        (["adminAllowFrom: []", FORWARDED], False),
        ([FORWARDED], False),
    ],
)
def test_allowed_addresses_that_any_client_can_claim_are_told(lines: list[str], is_useless: bool) -> None:
    told = warnings("\n".join(lines))
    assert ("any client can claim an allowed address in X-Forwarded-For" in told) == is_useless
    assert not is_useless or "list your load balancers, and no others, in trustedProxies" in told


def test_credentials_of_monitors_that_are_not_there_are_told_without_being_shown() -> None:
    told = warnings("backendState: {username: hunter1, password: hunter2, ssl: true}")
    assert "backendState.username, backendState.password, backendState.ssl: no effect" in told
    assert "hunter" not in told


def test_options_of_the_database_without_effect_are_told() -> None:
    told = warnings("dataStore: {jdbcUrl: 'jdbc:mysql://h/d?serverTimezone=UTC&useUnicode=true'}")
    assert "dataStore: accepted without effect for this database: serverTimezone, useUnicode" in told


def test_a_size_limit_on_answers_is_told_to_be_none() -> None:
    assert "proxyResponseConfiguration.responseSize: no effect" in warnings(
        "proxyResponseConfiguration: {responseSize: 64MB}"
    )


@pytest.mark.parametrize(
    ("section", "is_shown"),
    [
        ("host: valkey, password: hunter2", True),
        ("host: 192.0.2.1, password: hunter2", True),
        ("host: valkey", False),
        ("host: localhost, password: hunter2", False),
        ("host: 127.0.0.2, password: hunter2", False),
        ("host: '::1', password: hunter2", False),
        ("host: valkey, password: hunter2, tls: {enabled: true}", False),
        ("url: 'valkey://:hunter2@valkey'", True),
        ("url: 'redis://:hunter2@localhost'", False),
        ("url: 'valkeys://:hunter2@valkey'", False),
        ("cluster: {nodes: [localhost, valkey]}, password: hunter2", True),
        ("sentinel: {master: m, nodes: [valkey], password: hunter2}", True),
        ("sentinel: {master: m, nodes: [valkey]}", False),
    ],
)
def test_a_password_that_crosses_a_network_in_the_clear_is_told(section: str, is_shown: bool) -> None:
    told = warnings(f"valkeyConfiguration: {{enabled: true, {section}}}")
    assert ("the password crosses the network in the clear" in told) == is_shown
    assert "hunter" not in told


@pytest.mark.parametrize(
    ("section", "is_pointless"),
    [("timeoutMs: 99", True), ("timeoutMs: 100", False), ("timeoutMs: 0", False), ("requestBudgetMs: 2001", True)],
)
def test_a_budget_that_a_single_call_cannot_use_is_told(section: str, is_pointless: bool) -> None:
    assert ("requestBudgetMs" in warnings(f"valkeyConfiguration: {{enabled: true, {section}}}")) == is_pointless


@pytest.mark.parametrize(("rest", "is_alone"), [("", True), ("\ndataStore: {jdbcUrl: 'jdbc:mysql://h/d'}", False)])
def test_instances_that_share_queries_but_no_clusters_are_told(rest: str, is_alone: bool) -> None:
    assert ("no dataStore" in warnings(f"valkeyConfiguration: {{enabled: true}}{rest}")) == is_alone


def test_a_distributed_cache_that_is_off_is_nothing_to_tell_about() -> None:
    assert "valkey" not in warnings("valkeyConfiguration: {host: valkey, password: x, timeoutMs: 1}")


@pytest.mark.parametrize(("timeout", "leaves_none"), [("4s", False), ("5s", True)])
@pytest.mark.parametrize(("kind", "asks"), [("EXTERNAL", True), ("FILE", False)])
def test_a_rules_service_that_may_take_all_the_time_of_a_statement_is_told(
    timeout: str, leaves_none: bool, kind: str, asks: bool
) -> None:
    text = (
        "routing: {statementTimeout: 5s}\n"
        f"routingRules: {{rulesEngineEnabled: true, rulesType: {kind}, rulesConfigPath: rules.yaml,"
        f" rulesExternalConfiguration: {{urlPath: 'http://rules/', timeout: {timeout}}}}}\n"
    )
    assert ("statementTimeout" in warnings(text)) == (leaves_none and asks)
