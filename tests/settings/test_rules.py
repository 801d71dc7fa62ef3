"""The sections `routingRules` and `requestAnalyzerConfig`: what they hold, and what is refused with the key."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from warren.errors import SettingsError
from warren.settings.load import Loaded, parse
from warren.settings.root import Settings
from warren.settings.rules import RulesType

HERE = Path("/etc/warren")


def read(**sections: Any) -> Loaded:
    return parse(yaml.safe_dump(sections), {}, directory=HERE)


def rules(**keys: Any) -> Settings:
    return read(routingRules=keys).settings


def analyzer(**keys: Any) -> Settings:
    return read(requestAnalyzerConfig=keys).settings


def problems(**sections: Any) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read(**sections)
    return [str(problem) for problem in refused.value.problems]


def test_without_the_sections_no_rules_are_used_and_nothing_is_analysed() -> None:
    settings = read().settings
    assert not settings.routing_rules.rules_engine_enabled
    assert settings.routing_rules.rules_type is RulesType.FILE
    found = settings.request_analyzer_config
    assert (found.analyze_request, found.clients_use_v2_format, found.oauth_token_info_url) == (False, False, None)
    assert (found.max_body_size, found.token_user_field) == (1_000_000, "email")


def test_rules_of_a_file() -> None:
    loaded = read(
        routingRules={"rulesEngineEnabled": True, "rulesConfigPath": "rules.yaml", "rulesRefreshPeriod": "10s"}
    )
    found = loaded.settings.routing_rules
    assert (found.rules_engine_enabled, found.rules_type) == (True, RulesType.FILE)
    assert found.rules_config_path == HERE / "rules.yaml"
    assert any("rulesRefreshPeriod" in warning and "within a second" in warning for warning in loaded.warnings)
    assert rules(rulesConfigPath="/rules.yaml").routing_rules.rules_config_path == Path("/rules.yaml")


def test_rules_of_a_service() -> None:
    service = {
        "urlPath": "https://user:pw@rules.example:8090/group?a=b",
        "excludeHeaders": ["Authorization", "Cookie"],
        "propagateErrors": True,
        "timeout": "500ms",
    }
    found = rules(rulesEngineEnabled=True, rulesType="EXTERNAL", rulesExternalConfiguration=service).routing_rules
    external = found.rules_external_configuration
    assert found.rules_type is RulesType.EXTERNAL
    assert external.url_path == service["urlPath"]
    assert external.exclude_headers == ("Authorization", "Cookie")
    assert (external.propagate_errors, external.timeout) == (True, 0.5)


def test_a_service_has_a_second_unless_it_is_given_another_time() -> None:
    external = rules(rulesExternalConfiguration={"urlPath": "http://rules"}).routing_rules.rules_external_configuration
    assert (external.timeout, external.propagate_errors, external.exclude_headers) == (1.0, False, ())


def test_analysis() -> None:
    found = analyzer(
        analyzeRequest=True,
        maxBodySize=5000,
        clientsUseV2Format=True,
        tokenUserField="sub",
        oauthTokenInfoUrl="https://idp.example/userinfo",
    ).request_analyzer_config
    assert (found.analyze_request, found.max_body_size, found.clients_use_v2_format) == (True, 5000, True)
    assert (found.token_user_field, found.oauth_token_info_url) == ("sub", "https://idp.example/userinfo")


def test_the_documented_spelling_of_upstream_is_understood() -> None:
    assert analyzer(isClientsUseV2Format=True).request_analyzer_config.clients_use_v2_format


def test_rules_that_are_off_need_no_source() -> None:
    assert not rules(rulesEngineEnabled=False, rulesType="EXTERNAL").routing_rules.rules_engine_enabled


@pytest.mark.parametrize(
    ("section", "key", "words"),
    [
        ({"rulesEngineEnabled": True}, "routingRules", "write rulesConfigPath"),
        ({"rulesEngineEnabled": True, "rulesConfigPath": None}, "routingRules", "write rulesConfigPath"),
        (
            {"rulesEngineEnabled": True, "rulesType": "EXTERNAL", "rulesConfigPath": "r.yaml"},
            "routingRules",
            "write rulesExternalConfiguration.urlPath",
        ),
        ({"rulesEngineEnabled": "perhaps"}, "routingRules.rulesEngineEnabled", ""),
        ({"rulesType": "DATABASE"}, "routingRules.rulesType", "write FILE or EXTERNAL"),
        ({"rulesType": "file"}, "routingRules.rulesType", "write FILE or EXTERNAL"),
        ({"rulesFile": "r.yaml"}, "routingRules.rulesFile", ""),
        ({"rulesRefreshPeriod": "soon"}, "routingRules.rulesRefreshPeriod", ""),
    ],
)
def test_rules_that_cannot_be_used_are_refused_with_the_key(section: dict[str, Any], key: str, words: str) -> None:
    (problem,) = problems(routingRules=section)
    assert f"{key}: " in problem
    assert words in problem


@pytest.mark.parametrize(
    "url",
    [
        "rules.example/group",
        "ftp://rules.example/group",
        "http://",
        "http:///group",
        "http://rules.example:0/",
        "http://rules.example:99999/",
        "http://rules.example:port/",
        "http://[::1/",
        "http://rules.example/#group",
        "http://rules.example/a b",
        "http://rules.example/\x7f",
        "http://räte.example/",
        "",
    ],
)
def test_what_is_no_url_is_refused_for_both_services(url: str) -> None:
    (problem,) = problems(routingRules={"rulesExternalConfiguration": {"urlPath": url}})
    assert "routingRules.rulesExternalConfiguration.urlPath: " in problem
    (problem,) = problems(requestAnalyzerConfig={"oauthTokenInfoUrl": url})
    assert "requestAnalyzerConfig.oauthTokenInfoUrl: " in problem


def test_a_url_with_a_password_is_not_shown_and_not_for_tokens() -> None:
    (problem,) = problems(routingRules={"rulesExternalConfiguration": {"urlPath": "ftp://me:hunter2@rules"}})
    assert "hunter2" not in problem
    (problem,) = problems(requestAnalyzerConfig={"oauthTokenInfoUrl": "https://me:hunter2@idp.example/"})
    assert "write the URL without user and password" in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ({"rulesExternalConfiguration": {"timeout": "0s"}}, "timeout"),
        ({"rulesExternalConfiguration": {"timeout": "11s"}}, "timeout"),
        ({"rulesExternalConfiguration": {"excludeHeaders": "Cookie, Authorization", "urlPat": "x"}}, "urlPat"),
    ],
)
def test_a_service_that_cannot_be_used_is_refused_with_the_key(section: dict[str, Any], key: str) -> None:
    assert any(
        f"routingRules.rulesExternalConfiguration.{key}: " in problem for problem in problems(routingRules=section)
    )


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ({"maxBodySize": 0}, "maxBodySize"),
        ({"maxBodySize": "1MB"}, "maxBodySize"),
        ({"maxBodySize": 100_000_001}, "maxBodySize"),
        ({"tokenUserField": ""}, "tokenUserField"),
        ({"analyzeRequests": True}, "analyzeRequests"),
    ],
)
def test_an_analysis_that_cannot_be_done_is_refused_with_the_key(section: dict[str, Any], key: str) -> None:
    (problem,) = problems(requestAnalyzerConfig=section)
    assert f"requestAnalyzerConfig.{key}: " in problem
