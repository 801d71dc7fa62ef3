"""The options of the URL that guard the connection do guard it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.fixtures.authority import Authority
from warren.drivers.sql import Database
from warren.drivers.sql_tls import client_context
from warren.errors import SettingsError, StoreUnavailable
from warren.settings.stores.jdbc import DatabaseUrl

CERTIFICATE = str(Path(__file__).parent / "self_signed.pem")
ANY = DatabaseUrl(dialect="postgresql", host="db", port=5432, database="d", user="u")
IS_SECURE = {
    "postgresql": "SELECT ssl AS secure FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mysql": "SELECT VARIABLE_VALUE <> '' AS secure FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'",
}


@pytest.mark.parametrize(("options", "trusted"), [({"sslrootcert": CERTIFICATE}, 1), ({}, 2)])
def test_an_authority_of_its_own_takes_the_place_of_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], trusted: int
) -> None:
    systems = tmp_path / "systems.pem"
    systems.write_bytes(b"".join(Authority(tmp_path / name).file.read_bytes() for name in ("one", "two")))
    monkeypatch.setenv("SSL_CERT_FILE", str(systems))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    context = client_context(with_options(ANY, sslmode="verify-full", **options))
    assert isinstance(context, ssl.SSLContext)
    assert len(context.get_ca_certs()) == trusted


def with_options(url: DatabaseUrl, **options: str) -> DatabaseUrl:
    return replace(url, options=options)


async def is_secure(url: DatabaseUrl) -> bool:
    async with opened(url) as database:
        return bool((await database.fetch(IS_SECURE[url.dialect]))[0]["secure"])


@asynccontextmanager
async def opened(url: DatabaseUrl) -> AsyncIterator[Database]:
    database = Database(url, deadline=20.0)
    try:
        yield database
    finally:
        await database.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "secure"),
    [
        ({}, True),
        ({"sslmode": "prefer"}, True),
        ({"sslmode": "disable"}, False),
        ({"sslmode": "require"}, True),
        ({"sslmode": "verify-ca", "sslrootcert": CERTIFICATE}, True),
        ({"sslmode": "verify-full", "sslrootcert": CERTIFICATE}, True),
    ],
)
async def test_a_connection_to_mariadb_is_as_secure_as_the_url_asks(
    mariadb_url: DatabaseUrl, options: dict[str, str], secure: bool
) -> None:
    assert await is_secure(with_options(mariadb_url, **options)) is secure


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_mariadb_with_a_certificate_of_an_unknown_authority_is_refused(
    mariadb_url: DatabaseUrl, mode: str
) -> None:
    with pytest.raises(StoreUnavailable, match="certificate verify failed"):
        await is_secure(with_options(mariadb_url, sslmode=mode))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_postgresql_without_tls_is_refused_when_tls_is_demanded(postgres_url: DatabaseUrl, mode: str) -> None:
    with pytest.raises(StoreUnavailable, match="rejected SSL upgrade"):
        await is_secure(with_options(postgres_url, sslmode=mode))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
async def test_postgresql_without_tls_is_used_when_tls_is_not_demanded(postgres_url: DatabaseUrl, mode: str) -> None:
    assert not await is_secure(with_options(postgres_url, sslmode=mode))


@asynccontextmanager
async def secured_postgresql(heard: asyncio.Queue[bytes]) -> AsyncIterator[int]:
    """As much of a server as shows whether a client goes on once TLS is offered."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = b""
        with contextlib.suppress(OSError, EOFError):
            await reader.readexactly(8)
            writer.write(b"S")
            await writer.start_tls(context)
            said = await reader.read(4096)
        heard.put_nowait(said)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("host", "options", "goes_on"),
    [
        ("127.0.0.1", {"sslmode": "require"}, True),
        ("127.0.0.1", {"sslmode": "verify-ca"}, False),
        ("127.0.0.1", {"sslmode": "verify-full"}, False),
        ("127.0.0.1", {"sslmode": "verify-full", "sslrootcert": CERTIFICATE}, True),
        # A name that the certificate does not have, for the same address.
        ("127.1", {"sslmode": "verify-ca", "sslrootcert": CERTIFICATE}, True),
        ("127.1", {"sslmode": "verify-full", "sslrootcert": CERTIFICATE}, False),
    ],
)
async def test_a_postgresql_client_goes_on_only_with_the_certificate_it_was_told_to_trust(
    host: str, options: dict[str, str], goes_on: bool
) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    async with secured_postgresql(heard) as port:
        async with opened(with_options(replace(ANY, host=host, port=port), **options)) as database:
            with pytest.raises(StoreUnavailable):
                await database.ping()
        assert (b"user\0u\0" in await heard.get()) is goes_on


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_where_tls_is_not_demanded_the_driver_decides(mode: str) -> None:
    assert client_context(with_options(ANY, sslmode=mode)) == mode


def test_a_client_certificate_demands_tls() -> None:
    assert isinstance(client_context(with_options(ANY, sslcert=CERTIFICATE)), ssl.SSLContext)


@pytest.mark.parametrize("option", ["sslrootcert", "sslcert", "sslkey"])
def test_a_file_that_cannot_be_used_is_named(option: str, tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("not a certificate")
    options = {"sslmode": "require", "sslcert": CERTIFICATE, option: str(tmp_path / "bad.pem")}
    with pytest.raises(SettingsError, match=r"bad\.pem.*PEM"):
        client_context(with_options(ANY, **options))


def test_an_encrypted_key_without_its_password_does_not_ask_the_terminal(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3\n-----END ENCRYPTED PRIVATE KEY-----\n"
    )
    url = replace(with_options(ANY, sslcert=CERTIFICATE, sslkey=str(key)), key_password=SecretStr("wrong"))
    with pytest.raises(SettingsError) as caught:
        client_context(url)
    assert "wrong" not in str(caught.value)
