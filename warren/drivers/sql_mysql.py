"""Connections to MySQL and MariaDB that never fall back to plain text when TLS is demanded. Needs aiomysql."""

import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from aiomysql import Connection, OperationalError
from pymysql.constants import CLIENT


class SecuredConnection(Connection):  # type: ignore[misc]  # aiomysql has no types
    """aiomysql goes on in plain text when the server offers no TLS, and would send the password so when asked."""

    async def _request_authentication(self) -> None:
        if not self.server_capabilities & CLIENT.SSL:
            raise OperationalError("TLS is demanded by the URL, and the server offers none")
        await super()._request_authentication()


def connector(security: ssl.SSLContext | str) -> Callable[..., Awaitable[Connection]]:
    """What opens one connection, secured as `client_context` says."""

    async def connect(**arguments: Any) -> Connection:
        kind = SecuredConnection if isinstance(security, ssl.SSLContext) else Connection
        connection = kind(**arguments, ssl=_context(security))
        try:
            await connection._connect()  # all that aiomysql.connect does
        except BaseException:
            connection.close()  # when a deadline cancels it, aiomysql leaves the socket to the garbage collector
            raise
        return connection

    return connect


def _context(security: ssl.SSLContext | str) -> ssl.SSLContext | None:
    """Where TLS is only preferred, it guards against nobody who can tamper: no certificate is checked."""
    if isinstance(security, ssl.SSLContext):
        return security
    if security == "disable":
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
