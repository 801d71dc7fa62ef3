"""TLS on both sides: what is shown, what is checked, and that changed files are seen without a restart."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from tests.wire.certificates import Authority, joined, make_authority
from tests.wire.messages import GET, LAST_OK, OK, post
from tests.wire.stage import PATIENCE, Listener, Stage, listening, stage, until
from warren.wire.syntax.forwarded import Destination
from warren.wire.ticker import Ticker
from warren.wire.tls import CertificateFiles, cluster_context, server_context
from warren.wire.upstream import Upstream, UpstreamLimits


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@dataclass(frozen=True)
class Password:
    value: str

    def get_secret_value(self) -> str:
        return self.value


def trusting(authority: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


@asynccontextmanager
async def connected(
    gateway: Stage, context: ssl.SSLContext
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", gateway.port, ssl=context, server_hostname="127.0.0.1"
        )
        try:
            yield reader, writer
        finally:
            writer.transport.abort()
            await until(lambda: not gateway.connections)


def serial(writer: asyncio.StreamWriter) -> str:
    return str(writer.get_extra_info("peercert")["serialNumber"])


async def test_a_client_is_met_with_the_certificate_and_http_1_1(authority: Authority) -> None:
    certificate, key = authority.issue("gateway")
    async with (
        stage(tls=server_context(CertificateFiles(certificate, key_path=key))) as gateway,
        connected(gateway, trusting(authority)) as (reader, writer),
    ):
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        writer.write(GET)
        cluster = await gateway.cluster.accepts()
        assert (
            b"\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: gw\r\nX-Forwarded-Port: 443\r\n" in await cluster.head()
        )
        await cluster.sends(OK)
        assert await reader.readexactly(len(OK)) == OK


async def test_one_file_may_hold_certificate_and_encrypted_key(authority: Authority, tmp_path: Path) -> None:
    pem = joined(tmp_path / "all.pem", *authority.issue("encrypted", password="secret words"))
    async with (
        stage(tls=server_context(CertificateFiles(pem, Password("secret words")))) as gateway,
        connected(gateway, trusting(authority)) as (_, writer),
    ):
        assert serial(writer)


async def test_changed_files_are_seen_by_the_next_connection_and_broken_ones_change_nothing(
    authority: Authority, tmp_path: Path
) -> None:
    pem = joined(tmp_path / "all.pem", *authority.issue("first"))
    async with stage(tls=server_context(CertificateFiles(pem))) as gateway:
        async with connected(gateway, trusting(authority)) as (_, writer):
            first = serial(writer)
        joined(pem, *authority.issue("second"))
        async with connected(gateway, trusting(authority)) as (_, writer):
            second = serial(writer)
        assert second != first
        with structlog.testing.capture_logs() as logs:
            pem.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n")
            for _ in range(2):
                async with connected(gateway, trusting(authority)) as (_, writer):
                    assert serial(writer) == second
            pem.unlink()
            async with connected(gateway, trusting(authority)) as (_, writer):
                assert serial(writer) == second
            joined(pem, *authority.issue("third"))
            async with connected(gateway, trusting(authority)) as (_, writer):
                assert serial(writer) not in (first, second)
        assert [entry["event"] for entry in logs] == ["certificates_kept", "certificates_kept", "certificates_reloaded"]
        assert str(pem) in logs[0]["because"]


async def test_a_client_that_is_cut_sees_no_orderly_end(authority: Authority) -> None:
    certificate, key = authority.issue("gateway")
    async with (
        stage(tls=server_context(CertificateFiles(certificate, key_path=key))) as gateway,
        connected(gateway, trusting(authority)) as (reader, writer),
    ):
        writer.write(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(b"HTTP/1.0 200 OK\r\n\r\nabc")
        assert (await reader.readuntil(b"abc")).endswith(b"\r\n\r\nabc")
        cluster.resets()
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_an_early_answer_arrives_although_the_client_still_sends(authority: Authority) -> None:
    certificate, key = authority.issue("gateway")
    async with (
        stage(tls=server_context(CertificateFiles(certificate, key_path=key))) as gateway,
        connected(gateway, trusting(authority)) as (reader, writer),
    ):
        writer.write(post(3_000_000))
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(OK)
        for _ in range(30):
            writer.write(b"a" * 100_000)
            await writer.drain()
        assert await reader.readexactly(len(LAST_OK)) == LAST_OK
        gateway.time_passes(2.1)
        with suppress(ConnectionResetError):
            await reader.read()


async def test_back_pressure_reaches_through_tls(authority: Authority) -> None:
    certificate, key = authority.issue("gateway")
    size = 60_000_000
    async with (
        stage(tls=server_context(CertificateFiles(certificate, key_path=key))) as gateway,
        connected(gateway, trusting(authority)) as (reader, writer),
    ):
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport that reads, too
        writer.write(GET)
        cluster = await gateway.cluster.accepts()
        await cluster.head()
        await cluster.sends(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        left, idle = size, 0
        while idle < 200:
            took = cluster.sends_at_most(b"a" * min(left, 65536))
            left, idle = left - took, 0 if took else idle + 1
            await asyncio.sleep(0.0005)
        assert left > 0
        (connection,) = gateway.connections
        assert connection.transport.get_write_buffer_size() < 2_000_000
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        await reader.readuntil(b"\r\n\r\n")

        async def rest() -> None:
            await cluster.sends(b"a" * left)

        async def read() -> None:
            got = 0
            while got < size:
                got += len(await reader.read(1 << 20))

        await asyncio.gather(rest(), read())


@pytest.mark.parametrize("content", [None, "nonsense", "-----BEGIN CERTIFICATE-----\nnonsense\n"])
def test_files_that_cannot_be_used_are_named(tmp_path: Path, content: str | None) -> None:
    pem = tmp_path / "broken.pem"
    if content is not None:
        pem.write_text(content)
    with pytest.raises(OSError, match=r"broken.pem: this certificate and its key cannot be used: ."):
        server_context(CertificateFiles(pem))
    with pytest.raises(OSError, match=r"broken.pem: these authorities cannot be used: ."):
        cluster_context(ca_file=pem, cert_file=None, key_file=None, verify_hostname=True)


@pytest.mark.parametrize("password", [None, Password("wrong")])
def test_a_wrong_password_is_an_error_and_no_question(authority: Authority, password: Password | None) -> None:
    certificate, key = authority.issue("locked", password="right")
    with pytest.raises(OSError, match=r"locked.pem: this certificate and its key cannot be used: ") as caught:
        server_context(CertificateFiles(certificate, password, key))
    assert "wrong" not in str(caught.value).replace("the password is wrong", "")


def test_a_key_of_another_certificate_is_an_error(authority: Authority) -> None:
    certificate, _ = authority.issue("one")
    _, key = authority.issue("two")
    with pytest.raises(OSError, match=r"one.pem: .*key values mismatch"):
        server_context(CertificateFiles(certificate, key_path=key))


@asynccontextmanager
async def secure_cluster(
    authority: Authority, context: ssl.SSLContext, *, host: str = "127.0.0.1", client_must_show: bool = False
) -> AsyncIterator[tuple[Stage, list[object]]]:
    """A gateway whose cluster speaks TLS, and the certificates that it was shown."""
    seen: list[object] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peercert"))
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(OK)
        except asyncio.IncompleteReadError:
            writer.close()

    side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.file))
    side.load_cert_chain(*authority.issue("cluster", host=host))
    side.verify_mode = ssl.CERT_REQUIRED if client_must_show else ssl.CERT_NONE
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=side)
    port = server.sockets[0].getsockname()[1]
    unused: Listener = listening()

    def upstream(ticker: Ticker) -> Upstream:
        return Upstream(
            "blue", host="127.0.0.1", port=port, destination=Destination(host=b"blue"), tls=context, ticker=ticker,
            limits=UpstreamLimits(),
        )  # fmt: skip

    try:
        async with stage(cluster=unused, upstream=upstream) as gateway:
            yield gateway, seen
    finally:
        server.close()
        await server.wait_closed()


async def asked(gateway: Stage) -> tuple[bytes, bytes]:
    client = await gateway.client()
    await client.sends(GET)
    return await client.message()


async def test_a_cluster_is_trusted_by_its_authority_and_shown_our_certificate(authority: Authority) -> None:
    certificate, key = authority.issue("us")
    context = cluster_context(ca_file=authority.file, cert_file=certificate, key_file=key, verify_hostname=True)
    async with secure_cluster(authority, context, client_must_show=True) as (gateway, seen):
        assert (await asked(gateway))[0].startswith(b"HTTP/1.1 200 ")
        assert "us" in str(seen[0])


async def test_a_cluster_of_another_authority_is_a_503_that_says_so(authority: Authority, tmp_path: Path) -> None:
    other = make_authority(tmp_path / "other", "another authority")
    context = cluster_context(ca_file=other.file, cert_file=None, key_file=None, verify_hostname=False)
    async with secure_cluster(authority, context) as (gateway, seen):
        head, body = await asked(gateway)
        assert head.startswith(b"HTTP/1.1 503 ")
        assert body.startswith(b"blue could not agree on TLS: ")
        assert b"certificate verify failed" in body.lower()
        assert seen == []


@pytest.mark.parametrize(("verify_hostname", "status"), [(True, b"503"), (False, b"200")])
async def test_a_certificate_for_another_host(authority: Authority, status: bytes, *, verify_hostname: bool) -> None:
    context = cluster_context(ca_file=authority.file, cert_file=None, key_file=None, verify_hostname=verify_hostname)
    async with secure_cluster(authority, context, host="other.example") as (gateway, _):
        head, _ = await asked(gateway)
        assert head.startswith(b"HTTP/1.1 " + status)


async def test_a_new_authority_is_seen_by_the_next_connection(authority: Authority, tmp_path: Path) -> None:
    other = make_authority(tmp_path / "other", "another authority")
    trusted = joined(tmp_path / "trusted.pem", other.file)
    context = cluster_context(ca_file=trusted, cert_file=None, key_file=None, verify_hostname=True)
    async with secure_cluster(authority, context) as (gateway, _):
        assert (await asked(gateway))[0].startswith(b"HTTP/1.1 503 ")
        joined(trusted, other.file, authority.file)
        assert (await asked(gateway))[0].startswith(b"HTTP/1.1 200 ")
