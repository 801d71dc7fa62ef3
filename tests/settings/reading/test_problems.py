"""No message shows a secret, whatever is wrong with the file."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warren.errors import SettingsError
from warren.settings.describe import every_setting
from warren.settings.load import LATER, parse

SECRETS = [
    "hunter2",
    "hunter2: x",
    "hunter2\nhunter3: [",
    "{hunter2: 1}",
    "*hunter2",
    "'hunter2",
    "a&hunter2=b",
    "%hunter2",
]
TEMPLATES = [
    "dataStore: {{jdbcUrl: 'jdbc:postgresql://h/d?password={0}&sslmode={0}'}}",
    "dataStore: {{jdbcUrl: 'jdbc:mysql://h/d?{0}=1'}}",
    "dataStore:\n  jdbcUrl: {0}\n  password: {0}\n  paswd: {0}",
    "dataStore: {0}",
    "monitor: {{taskDelay: {0}, retries: {0}, {0}: 1}}",
    "routing: {{strictGroups: {0}}}",
    "extraWhitelistPaths: ['[{0}', {0}]",
    "additionalStatementPaths: [{0}, x{0}]",
    "adminAllowFrom: [{0}]\ntrustedProxies: {0}",
    "instanceName: 'a b {0}'",
    "stateDirectory: {0}\nproxyTls: {{caFile: '{0}'}}",
    "serverConfig: {{node.bind-ip: {0}, log.{0}: 1, http-server.process-forwarded: {0}, {0}: {0}}}",
    "serverConfig: {{http-server.https.enabled: true, http-server.https.keystore.path: '{0}', http-server.https.keystore.key: {0}}}",
    "clusterStatsConfiguration: {{monitorType: {0}}}",
    "authentication: {0}\npresetUsers: {0}\nroutingRules: {{rulesEngineEnabled: {0}, rulesType: {0}}}",
    "gatewayCookieConfiguration: {{enabled: {0}, cookieSigningSecret: {0}}}\nuiConfiguration: {0}",
    "{0}: {0}\n{0}: {0}",
    "monitor.{0}: 1\nsearch: {{x.{0}: 1}}",
    "{0}",
    "a: [\n{0}",
    "backendState: {{password: {0}, username: {0}}}\nmodules: {0}",
    "valkeyConfiguration: {{url: {0}, host: {0}, port: {0}, password: {0}, keyPrefix: {0}, {0}: {0}}}",
    "valkeyConfiguration: {{url: 'valkey://u:{0}@h', tls: {{caFile: {0}}}, sentinel: {{nodes: [{0}], master: {0}, password: {0}}}}}",
    "distributedCacheConfiguration: {{timeout: {0}, cacheTtl: {0}, password: {0}, {0}: {0}}}",
]


def told(text: str, environment: dict[str, str]) -> str:
    try:
        loaded = parse(text, environment, directory=Path("/etc"))
    except SettingsError as error:
        return str(error) + repr(error.problems)
    return str(loaded.warnings)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("template", TEMPLATES)
def test_no_value_of_a_variable_is_told(template: str, secret: str) -> None:
    assert "hunter" not in told(template.format("${ENV:SECRET}"), {"SECRET": secret})


@pytest.mark.parametrize(
    "text",
    [
        "dataStore: {jdbcUrl: 'jdbc:postgresql://h/d?password=hunter2&sslmode=x'}",
        "dataStore: {jdbcUrl: 'jdbc:postgresql://u:hunter2@h/d'}",
        "dataStore: {jdbcUrl: 'jdbc:postgresql://u:p/hunter2@h/d'}",
        "dataStore: {jdbcUrl: 'jdbc:postgresql://u:p?hunter2@h/d'}",
        "dataStore: {jdbcUrl: 'jdbc:postgresql://h/d?password=p&hunter2'}",
        "dataStore: {jdbcUrl: 'hunter2'}",
        "dataStore: {jdbcUrl: 'jdbc:h2:x', paswd: hunter2}",
        "dataStore: {jdbcUrl: 'jdbc:h2:x', password: [hunter2]}",
        "dataStore: hunter2",
        "password: hunter2",
        "backendState: {password: {hunter2: x}}",
        "serverConfig: {http-server.https.keystore.kye: hunter2}",
        "password: *hunter2",
        "valkeyConfiguration: {url: [hunter2]}",
        "valkeyConfiguration: {url: 'http://u:hunter2@h'}",
        "valkeyConfiguration: {url: 'valkey://u:hunter2@h:x'}",
        "valkeyConfiguration: {url: 'valkey://u:hunter2@h', password: hunter2}",
        "valkeyConfiguration: {host: 'valkey://u:hunter2@h'}",
        "valkeyConfiguration: {cluster: {nodes: ['u:hunter2@h:1']}}",
        "valkeyConfiguration: {sentinel: {master: m, password: hunter2, nodes: []}}",
    ],
)
def test_no_secret_that_stands_in_the_file_is_told(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(text, {}, directory=Path("/etc"))
    values = [problem.found + problem.remedy for problem in refused.value.problems]
    assert "hunter2" not in "".join(values)


def test_settings_show_no_secret_either() -> None:
    text = """
        dataStore: {jdbcUrl: 'jdbc:mysql://h/d?password=hunter1', password: hunter2}
        backendState: {password: hunter3}
        serverConfig: {http-server.https.keystore.key: hunter4}
        valkeyConfiguration: {password: hunter5, sentinel: {master: m, nodes: [h], password: hunter6}}
    """
    loaded = parse(text, {}, directory=Path("/etc"))
    shown = repr(loaded) + str(loaded) + loaded.settings.model_dump_json() + str(loaded.settings.model_dump())
    assert "hunter" not in shown


KEYS = sorted({part for setting in every_setting() for part in (setting.key, *setting.key.split(".", 1))} | LATER)
SCALARS = st.sampled_from(
    ["1", "-1", "yes", "~", "''", "1s", "4kB", "0x1F", "1:30", ".nan", "*a", "&a x", "!!int x", "/x", "::1"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=3).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"
        ),
    ),
    max_leaves=6,
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6))
def test_whatever_a_file_says_the_answer_is_settings_or_problems(content: dict[str, str]) -> None:
    told("\n".join(f"{key}: {value}" for key, value in content.items()), {})


@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.text())
def test_text_that_is_no_configuration_is_a_problem(text: str) -> None:
    told(text, {})


def test_a_variable_that_is_not_set_is_the_only_problem_of_its_key() -> None:
    with pytest.raises(SettingsError) as refused:
        parse("monitor: {retries: '${ENV:X}'}\ndataStore: {jdbcUrl: '${ENV:Y}'}", {}, directory=Path("/etc"))
    assert [problem.found for problem in refused.value.problems] == ["${ENV:X}", "${ENV:Y}"]


def test_a_wrong_value_from_the_environment_is_told_with_its_key() -> None:
    with pytest.raises(
        SettingsError, match=r"line 1: monitor\.retries: a value from the environment: write a whole number"
    ):
        parse("monitor: {retries: '${ENV:X}'}", {"X": "many"}, directory=Path("/etc"))
