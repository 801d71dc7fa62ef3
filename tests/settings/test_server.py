"""The listening side: ports, TLS, forwarded headers, access log."""

from pathlib import Path

import pytest

from warren.errors import SettingsError
from warren.settings.load import parse
from warren.settings.server import ForwardedMode, ServerSettings

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
HTTPS = "http-server.https.enabled: true, http-server.https.keystore.path: gateway.pem"


def server(properties: str, directory: Path = Path("/etc")) -> ServerSettings:
    return parse(f"serverConfig: {{{properties}}}", {}, directory=directory).settings.server


def remedy(properties: str, directory: Path = Path("/etc")) -> str:
    with pytest.raises(SettingsError) as refused:
        server(properties, directory)
    (problem,) = refused.value.problems
    return f"{problem.key}: {problem.remedy}"


@pytest.mark.parametrize(
    ("written", "mode"),
    [
        ("true", ForwardedMode.ACCEPT),
        ("True", ForwardedMode.ACCEPT),
        ("ACCEPT", ForwardedMode.ACCEPT),
        ("false", ForwardedMode.REJECT),
        ("'false'", ForwardedMode.REJECT),
        ("reject", ForwardedMode.REJECT),
        ("IGNORE", ForwardedMode.IGNORE),
    ],
)
def test_the_forwarded_mode_has_the_spellings_of_airlift(written: str, mode: ForwardedMode) -> None:
    assert server(f"http-server.process-forwarded: {written}").forwarded is mode


def test_a_forwarded_mode_that_is_not_written_is_a_mode_of_its_own() -> None:
    assert server("").forwarded is ForwardedMode.ABSENT
    assert server("http-server.process-forwarded: ").forwarded is ForwardedMode.ABSENT


def test_an_unknown_forwarded_mode_is_refused() -> None:
    assert "ACCEPT" in remedy("http-server.process-forwarded: absent")


def test_https_needs_a_pem_file(tmp_path: Path) -> None:
    assert "keystore.path" in remedy("http-server.https.enabled: true", tmp_path)
    assert "no such file" in remedy(HTTPS, tmp_path)
    with pytest.raises(SettingsError, match="/" + "d" * 99 + r"/gateway\.pem: the file cannot be read"):
        server(HTTPS, tmp_path / ("d" * 99))
    (tmp_path / "gateway.pem").write_bytes(b"\xfe\xed\xfe\xed")
    assert "Java key stores" in remedy(HTTPS, tmp_path)
    (tmp_path / "gateway.pem").write_text(PEM)
    assert server(HTTPS, tmp_path).keystore_path == tmp_path / "gateway.pem"


def test_a_key_store_is_not_looked_at_while_https_is_off() -> None:
    assert not server("http-server.https.keystore.path: store.jks").https_enabled


def test_the_password_of_the_key_is_a_secret() -> None:
    found = server("http-server.https.keystore.key: hunter2")
    assert found.keystore_key is not None
    assert found.keystore_key.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(found) + str(found) + found.model_dump_json()


def test_one_of_the_ports_must_be_open(tmp_path: Path) -> None:
    assert "both off" in remedy("http-server.http.enabled: false")
    (tmp_path / "gateway.pem").write_text(PEM)
    for properties, key, other in (
        (f"{HTTPS}, http-server.https.port: 8080", "https", "http"),
        (f"{HTTPS}, http-server.http.port: 8443", "http", "https"),
    ):
        assert remedy(properties, tmp_path) == (
            f"serverConfig.http-server.{key}.port: "
            f"http-server.{other}.port is the same: HTTP and HTTPS cannot share a port"
        )
    assert server(f"{HTTPS}, http-server.http.port: 0, http-server.https.port: 0", tmp_path).https_port == 0


@pytest.mark.parametrize(("written", "address"), [("127.0.0.1", "127.0.0.1"), ("'::'", "::"), ("'::1'", "::1")])
def test_the_address_to_listen_on_is_an_address(written: str, address: str) -> None:
    assert server(f"node.bind-ip: {written}").bind_ip == address
    assert server("").bind_ip is None


def test_a_name_is_no_address_to_listen_on() -> None:
    assert remedy("node.bind-ip: localhost").startswith("serverConfig.node.bind-ip: write an IP address")


@pytest.mark.parametrize(
    ("properties", "path"),
    [
        ("", None),
        ("http-server.log.enabled: true", None),
        ("http-server.log.path: log/access.log", Path("/etc/log/access.log")),
        ("http-server.log.path: log/access.log, http-server.log.enabled: true", Path("/etc/log/access.log")),
        ("http-server.log.path: log/access.log, http-server.log.enabled: false", None),
    ],
)
def test_there_is_an_access_log_only_where_its_path_is_written(properties: str, path: Path | None) -> None:
    assert server(properties).access_log_path == path


def test_clients_are_set_one_by_one() -> None:
    found = server("proxy.http-client.connect-timeout: 1s, monitor.http-client.https.hostname-verification: false")
    assert found.proxy_client.connect_timeout_seconds == 1.0
    assert found.monitor_client.connect_timeout_seconds == 5.0
    assert found.proxy_client.hostname_verification
    assert not found.monitor_client.hostname_verification


def test_a_nested_property_is_told_to_be_flat() -> None:
    assert remedy("http-server: {http: {port: 8080}}").startswith("serverConfig.http-server: unknown key")


def test_files_for_tls_towards_clusters_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    tls = parse("proxyTls: {caFile: ca.pem}", {}, directory=tmp_path).settings.proxy_tls
    assert tls.ca_file == tmp_path / "ca.pem"
    with pytest.raises(SettingsError, match="no such file"):
        parse("proxyTls: {certFile: cert.pem}", {}, directory=tmp_path)


def test_a_server_can_be_made_in_python() -> None:
    found = ServerSettings(http_port=0, bind_ip="127.0.0.1", forwarded=ForwardedMode.IGNORE)
    assert (found.http_port, found.bind_ip, found.forwarded) == (0, "127.0.0.1", ForwardedMode.IGNORE)
