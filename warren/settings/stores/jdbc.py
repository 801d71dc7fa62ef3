"""What a JDBC URL says: existing files have one, and its options can guard the connection, so none is dropped silently."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import SecretStr

from warren.settings.addresses.authority import host_and_port
from warren.settings.stores.jdbc_options import MARIADB, MYSQL, POSTGRESQL, Honoured, Vocabulary
from warren.settings.units import WrongValue

Dialect = Literal["sqlite", "postgresql", "mysql"]

NO_ORACLE = "Oracle is not offered in this version: use PostgreSQL, MySQL, MariaDB or SQLite"
NO_H2 = "H2 is a Java library: use PostgreSQL, MySQL, MariaDB or SQLite (jdbc:sqlite:warren.sqlite)"
NO_LOGIN = "write user and password in keys of their own, not before the host"
SYNTAX = "write jdbc:postgresql://host:5432/database, jdbc:mysql://host:3306/database or jdbc:sqlite:file"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrl:
    """A database and how to reach it, free of any library's way to write it."""

    dialect: Dialect
    """`mysql` is MariaDB, too."""
    host: str = ""
    port: int = 0
    database: str = ""
    user: str | None = None
    password: SecretStr | None = None
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The same words for all dialects: `sslmode` (PostgreSQL's six), `sslrootcert`, `sslcert`, `sslkey` (absolute
    paths), `connectTimeout`, `socketTimeout` (seconds, above 0); for PostgreSQL `currentSchema`, `options`,
    `ApplicationName`, `prepareThreshold` (`0` or not there)."""
    key_password: SecretStr | None = None
    """Of the private key in `sslkey`."""
    path: Path | None = None
    """SQLite's file."""
    without_effect: tuple[str, ...] = ()
    """Options of the URL that change nothing here."""


def database_url(jdbc_url: str, *, user: str | None, password: SecretStr | None, directory: Path) -> DatabaseUrl:
    """Read a JDBC URL. Relative paths in it start at `directory`; `user` and `password` win over those in the URL.

    Raises WrongValue, whose `found` names an unknown option at most: a URL may hold passwords.
    """
    for prefix, read in READERS.items():
        if jdbc_url.startswith(prefix):
            return read(jdbc_url.removeprefix(prefix), user, password, directory)
    raise WrongValue(SYNTAX)


def sqlite(rest: str, user: str | None, password: SecretStr | None, directory: Path) -> DatabaseUrl:
    file, _, options = rest.partition("?")
    if options:
        raise WrongValue("SQLite URLs take no options here: remove everything from the question mark on")
    if not file or file.startswith(("file:", ":")) or "\0" in file:
        raise WrongValue("write the path of a file, such as jdbc:sqlite:warren.sqlite; it must survive a restart")
    unused = tuple(name for name, value in (("user", user), ("password", password)) if value is not None)
    return DatabaseUrl(dialect="sqlite", path=directory / file, without_effect=unused)


def postgresql(rest: str, user: str | None, password: SecretStr | None, directory: Path) -> DatabaseUrl:
    return server("postgresql", rest, POSTGRESQL, Login(user, password, directory))


def mysql(rest: str, user: str | None, password: SecretStr | None, directory: Path) -> DatabaseUrl:
    return server("mysql", rest, MYSQL, Login(user, password, directory))


def mariadb(rest: str, user: str | None, password: SecretStr | None, directory: Path) -> DatabaseUrl:
    return server("mysql", rest, MARIADB, Login(user, password, directory))


def oracle(rest: str, user: str | None, password: SecretStr | None, directory: Path) -> DatabaseUrl:
    raise WrongValue(NO_ORACLE)


def h2(rest: str, user: str | None, password: SecretStr | None, directory: Path) -> DatabaseUrl:
    raise WrongValue(NO_H2)


READERS: Mapping[str, Callable[[str, str | None, SecretStr | None, Path], DatabaseUrl]] = {
    "jdbc:postgresql:": postgresql,
    "jdbc:mysql:": mysql,
    "jdbc:mariadb:": mariadb,
    "jdbc:sqlite:": sqlite,
    "jdbc:oracle:": oracle,
    "jdbc:h2:": h2,
}


@dataclass(frozen=True, slots=True)
class Login:
    """What the section says beside the URL."""

    user: str | None
    password: SecretStr | None
    directory: Path


def server(dialect: Dialect, rest: str, vocabulary: Vocabulary, login: Login) -> DatabaseUrl:
    place, _, query = rest.partition("?")
    if "@" in query.partition("=")[0]:  # a question mark in the password
        raise WrongValue(NO_LOGIN)
    host, port, database = located(place, vocabulary)
    said = vocabulary.read(pairs(query, vocabulary.decode))
    user = login.user if login.user is not None else said.user
    # PostgreSQL's own rule for a URL without a database; the others have none.
    database = database or (user or "" if dialect == "postgresql" else "")
    if not database:
        raise WrongValue("name the database: …://host:port/database")
    return DatabaseUrl(
        dialect=dialect,
        host=host,
        port=port,
        database=database,
        user=user,
        password=login.password if login.password is not None else said.password,
        options=MappingProxyType(resolved(said, login.directory)),
        key_password=said.key_password,
        without_effect=said.without_effect,
    )


def resolved(said: Honoured, directory: Path) -> dict[str, str]:
    files = {"sslrootcert", "sslcert", "sslkey"}
    return {name: str(directory / value) if name in files else value for name, value in said.options.items()}


def located(place: str, vocabulary: Vocabulary) -> tuple[str, int, str]:
    """Host, port and database of what stands before the options."""
    if not place.startswith("//"):
        if "/" in place.rstrip("/") or ":" in place:
            raise WrongValue(SYNTAX)
        return "localhost", vocabulary.port, vocabulary.decode(place.rstrip("/"))
    authority, _, database = place[2:].partition("/")
    if "," in authority:
        raise WrongValue("several hosts are not offered: name one, such as the address that follows the primary")
    if "@" in authority or {"@", "/"} <= set(database):
        raise WrongValue(NO_LOGIN)
    if "(" in authority or "/" in database:
        raise WrongValue(SYNTAX)
    host, port = host_and_port(authority)
    return host or "localhost", port or vocabulary.port, vocabulary.decode(database)


def pairs(query: str, decode: Callable[[str], str]) -> dict[str, str]:
    """The options by name. Raises WrongValue for one written twice: which of them guards?"""
    found: dict[str, str] = {}
    for pair in query.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        name = decode(name)
        if name.lower() in (known.lower() for known in found):
            raise WrongValue("the URL has an option twice: write it once")
        found[name] = decode(value)
    return found
