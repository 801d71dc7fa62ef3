"""Sections that this version does not offer: refused when on, checked when off."""

from pathlib import Path

import pytest

from warren.errors import SettingsError
from warren.settings.load import parse


def problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        parse(text, {}, directory=Path("/etc"))
    return [problem.key for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("authentication: {}", "authentication"),
        ("authentication: {defaultType: form, form: {selfSignKeyPair: {privateKeyRsa: x}}}", "authentication"),
        ("authorization: {admin: .*}", "authorization"),
        ("presetUsers: {u: {password: hunter2, privileges: ADMIN}}", "presetUsers"),
        ("gatewayCookieConfiguration: {enabled: true}", "gatewayCookieConfiguration.enabled"),
        ("modules: [io.trino.gateway.ha.module.QueryCountBasedRouterProvider]", "modules"),
        ("managedApps: [x.Y]", "managedApps"),
    ],
)
def test_what_would_guard_or_route_is_refused(text: str, key: str) -> None:
    assert problems(text) == [key]


def test_no_secret_of_a_refused_section_is_shown() -> None:
    with pytest.raises(SettingsError) as refused:
        parse("presetUsers: {u: {password: hunter2}}\nauthentication: hunter2", {}, directory=Path("/etc"))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "gatewayCookieConfiguration: {enabled: no, cookieSigningSecret: x}",
        "oauth2GatewayCookieConfiguration: {routingPaths: [/oauth2], deletePaths: [/logout], lifetime: 5m}",
        "uiConfiguration: {disablePages: [history]}",
        "pagePermissions: {ADMIN: dashboard_cluster, API: }",
        "presetUsers: {}",
        "modules: []",
    ],
)
def test_what_is_off_or_only_about_the_ui_is_one_warning(text: str) -> None:
    loaded = parse(text, {}, directory=Path("/etc"))
    section = text.partition(":")[0]
    assert loaded.warnings[0] == f"not offered in this version, and off or only about the web UI: {section}"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("uiConfiguration: {disablePage: [x]}", "uiConfiguration.disablePage"),
        ("uiConfiguration: {disablePages: x}", "uiConfiguration.disablePages"),
        ("oauth2GatewayCookieConfiguration: {lifetime: 5}", "oauth2GatewayCookieConfiguration.lifetime"),
    ],
)
def test_their_keys_and_values_are_checked(text: str, key: str) -> None:
    assert problems(text) == [key]


@pytest.mark.parametrize("key", ["authentication", "authorization", "modules", "routingRules", "uiConfiguration"])
def test_a_section_with_nothing_in_it_is_as_good_as_not_written(key: str) -> None:
    assert len(parse(f"{key}:", {}, directory=Path("/etc")).warnings) == 1
