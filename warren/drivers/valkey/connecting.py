"""Opening connections to Valkey servers: TLS, user, password and database on each of them."""

import ssl
from typing import Any

from valkey.asyncio.connection import AbstractConnection, Connection, SSLConnection, ValkeySSLContext
from valkey.asyncio.retry import Retry
from valkey.backoff import NoBackoff

from warren.settings.stores.valkey import ValkeyFiles, ValkeyServer

Address = tuple[str, int]

CLIENT_NAME = "warren"
"""What `CLIENT LIST` shows of our connections."""


class Shared(ValkeySSLContext):
    """Made when it is first used. The library's own trusts the system's authorities also where others are named."""

    def __init__(self, files: ValkeyFiles) -> None:
        super().__init__()
        self._files = files

    def get(self) -> ssl.SSLContext:
        """Raises OSError when a file cannot be used."""
        if self.context is None:
            self.context = _context(self._files)
        return self.context


class Secured(SSLConnection):
    """With a context that all connections share; the library would read its files again for each."""

    def __init__(self, context: Shared, arguments: dict[str, Any]) -> None:
        super().__init__(**arguments)
        self.ssl_context = context


class Connector:
    """Makes connections that are ready for commands. Raises what the library raises; the pool translates."""

    def __init__(self, server: ValkeyServer) -> None:
        self._server = server
        self._tls = Shared(server.tls) if server.tls is not None else None

    async def to(self, address: Address) -> AbstractConnection:
        """To a server that holds data."""
        server = self._server
        password = server.password.get_secret_value() if server.password is not None else None
        return await self._connected(address, server.username, password, server.database)

    async def to_sentinel(self, address: Address) -> AbstractConnection:
        secret = self._server.sentinel_password
        return await self._connected(address, None, secret.get_secret_value() if secret is not None else None, 0)

    async def _connected(
        self, address: Address, username: str | None, password: str | None, database: int
    ) -> AbstractConnection:
        arguments: dict[str, Any] = {
            "host": address[0],
            "port": address[1],
            "username": username,
            "password": password,
            "db": database,
            # Deadlines are the pool's, for a whole call with all that belongs to it.
            "socket_timeout": None,
            "socket_connect_timeout": None,
            "retry": Retry(NoBackoff(), 0),
            "client_name": CLIENT_NAME,
            "lib_name": None,
            "lib_version": None,
            "socket_keepalive": True,
        }
        connection: AbstractConnection = Connection(**arguments) if self._tls is None else Secured(self._tls, arguments)
        try:
            await connection.connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection


def _context(files: ValkeyFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = files.verify_hostname
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.ca_file is not None:
        context.load_verify_locations(files.ca_file)
    else:
        context.load_default_certs()
    if files.cert_file is not None:
        context.load_cert_chain(files.cert_file, files.key_file)
    return context
