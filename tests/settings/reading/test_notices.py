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
