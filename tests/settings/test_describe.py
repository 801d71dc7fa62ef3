"""The documentation says everything that the models say, and its examples work."""

import re
from pathlib import Path

import pytest

from warren.settings.describe import every_setting, split, table, table_without_effect
from warren.settings.load import LATER, parse

PAGE = Path(__file__).parent.parent.parent / "docs" / "configuration.md"
TEXT = PAGE.read_text()
SAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
SECTIONS = sorted({split(setting.key)[0] for setting in every_setting() if setting.without_effect is None})
SAME_TABLE = {"serverConfig.monitor.http-client": "serverConfig.proxy.http-client"}


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section or "top")
def test_the_page_has_the_table_of_every_section(section: str) -> None:
    wanted = table(SAME_TABLE.get(section, section))
    assert wanted in TEXT, f"docs/configuration.md should have this table:\n{wanted}"


def test_the_page_has_the_table_of_keys_without_effect() -> None:
    wanted = table_without_effect()
    assert wanted in TEXT, f"docs/configuration.md should have this table:\n{wanted}"


def test_two_clients_share_a_table_since_they_have_the_same_keys() -> None:
    assert table("serverConfig.monitor.http-client") == table("serverConfig.proxy.http-client")


def test_every_setting_is_explained() -> None:
    assert [setting.key for setting in every_setting() if not setting.help.endswith(".")] == []


def test_a_setting_tells_its_type_and_default() -> None:
    found = {setting.key: setting for setting in every_setting()}
    assert (found["monitor.taskDelay"].type, found["monitor.taskDelay"].default) == ("duration, at least 10ms", "1m")
    assert (found["limits.statementBodyKept"].type, found["limits.statementBodyKept"].default) == (
        "size, 0B to 1GB",
        "1MB",
    )
    assert found["trustedProxies"].default == "everywhere"
    assert found["dataStore.jdbcUrl"].default == "required"
    assert found["serverConfig.http-server.http.port"].default == "8080"
    assert found["databaseCache.enabled"].without_effect is not None


def test_every_section_of_later_versions_is_mentioned() -> None:
    assert [key for key in sorted(LATER) if f"`{key}`" not in TEXT] == []


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_on_the_page_works(sample: str, tmp_path: Path) -> None:
    (tmp_path / "gateway.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    parse(sample, {"DB_PASSWORD": "s3cret", "VALKEY_PASSWORD": "s3cret"}, directory=tmp_path)


def test_the_page_has_samples() -> None:
    assert len(SAMPLES) >= 3
