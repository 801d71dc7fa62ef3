"""The options of JDBC URLs: what each means here, which change nothing, and which would guard and cannot be honoured."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from pydantic import SecretStr

from warren.settings.units import WrongValue

UNKNOWN_OPTION = (
    "the URL has an option that Warren does not know{meant}; since it may guard something it is not left out silently: "
    "remove it if it does not"
)
PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]{1,60}")


@dataclass(slots=True)
class Honoured:
    """What the options of one URL come to."""

    options: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    password: SecretStr | None = None
    key_password: SecretStr | None = None
    without_effect: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The options that one JDBC driver has. Their names are compared without regard to case."""

    port: int
    decode: Callable[[str], str]
    """How the driver unescapes names, values and the database."""
    passed_on: Mapping[str, str]
    """Options with the same meaning here, and our word for each."""
    timeouts: Mapping[str, tuple[str, float]]
    """Our word for each and its unit in seconds."""
    security: frozenset[str]
    """Options that together say how the connection is secured; read by `secured`."""
    secured: Callable[[Mapping[str, str]], str | None]
    """The sslmode that the security options ask for. Raises WrongValue for what they cannot have here."""
    refused: Mapping[str, str]
    """Options that guard or change what is done, and what to write instead."""
    inert: frozenset[str]
    """Tuning of the Java driver and the like."""
    only_as: Mapping[str, str]
    """Options that tune the Java driver too, but for one value, which means something here."""

    def read(self, written: Mapping[str, str]) -> Honoured:
        """Raises WrongValue for the first option that cannot be honoured."""
        said = Honoured()
        security: dict[str, str] = {}
        unused: list[str] = []
        for name, value in written.items():
            word = name.lower()
            if word in self.security:
                security[word] = value
            elif word in self.inert or value != self.only_as.get(word, value):
                unused.append(name)
            elif word in self.refused:
                raise WrongValue(f"option {name}: {self.refused[word]}")
            elif not self.take(said, name, value):
                raise self.unknown(name, list(written))
        if mode := self.secured(security):
            said.options["sslmode"] = mode
        said.without_effect = tuple(unused)
        return said

    def unknown(self, name: str, written: list[str]) -> WrongValue:
        known = ["user", "password", *self.passed_on, *self.timeouts, *self.security, *self.inert]
        near = difflib.get_close_matches(name.lower(), known, n=1)
        # A password with `&` in it, unescaped, would go on as a name.
        may_be_secret = any("password" in before.lower() for before in written[: written.index(name)])
        found = f"option {name}" if PLAIN_NAME.fullmatch(name) and not may_be_secret else None
        return WrongValue(UNKNOWN_OPTION.format(meant=f" (did you mean {near[0]}?)" if near else ""), found=found)

    def take(self, said: Honoured, name: str, value: str) -> bool:
        """False for an option that nobody knows."""
        match name.lower():
            case "user":
                said.user = value
            case "password":
                said.password = SecretStr(value)
            case "sslpassword" if "sslkey" in self.passed_on:
                said.key_password = SecretStr(value)
            case word if word in self.passed_on:
                said.options[self.passed_on[word]] = value
            case word if word in self.timeouts:
                meaning, unit = self.timeouts[word]
                if time := timeout(name, value, unit):
                    said.options.setdefault(meaning, time)
            case _:
                return False
        return True


def timeout(name: str, value: str, unit: float) -> str | None:
    """Seconds as text, or None for JDBC's 0: no limit asked for."""
    if not (value.isascii() and value.isdigit() and len(value) <= 10):
        raise WrongValue(f"option {name}: write a whole number of {'seconds' if unit == 1 else 'milliseconds'}")
    return f"{int(value) * unit:g}" if int(value) else None


def boolean(options: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    if (value := options.get(name)) is None:
        return default
    if value.lower() not in {"true", "false", "", "yes", "no"}:
        raise WrongValue(f"option {name}: write true or false")
    # `?ssl` alone means yes, as it does to the drivers.
    return value.lower() in {"true", "", "yes"}


def chosen(options: Mapping[str, str], modes: Mapping[str, str]) -> str | None:
    if (value := options.get("sslmode")) is None:
        return None
    if (mode := modes.get(value.lower())) is None:
        raise WrongValue(f"option sslmode: write one of {', '.join(modes)}")
    return mode


POSTGRESQL_MODES = {mode: mode for mode in ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")}
NO_CHECK = "org.postgresql.ssl.nonvalidatingfactory"
USUAL_CHECK = "org.postgresql.ssl.libpqfactory"


def postgresql_security(options: Mapping[str, str]) -> str | None:
    factory = options.get("sslfactory", USUAL_CHECK).lower()
    if factory not in {NO_CHECK, USUAL_CHECK}:
        raise WrongValue(
            "option sslfactory: a Java class cannot check certificates here; "
            "write sslmode=verify-full and sslrootcert=file.pem"
        )
    if options.get("gssencmode", "allow").lower() not in {"disable", "allow", "prefer"}:
        raise WrongValue("option gssEncMode: Kerberos is not offered; use TLS (sslmode=verify-full)")
    mode = chosen(options, POSTGRESQL_MODES)
    if mode is None and boolean(options, "ssl"):
        mode = "verify-full"
    return "require" if mode in {"verify-ca", "verify-full"} and factory == NO_CHECK else mode


MYSQL_MODES = {
    "disabled": "disable",
    "preferred": "prefer",
    "required": "require",
    "verify_ca": "verify-ca",
    "verify_identity": "verify-full",
}
MARIADB_MODES = {
    "disable": "disable",
    "trust": "require",
    "verify-ca": "verify-ca",
    "verify-full": "verify-full",
}


def mysql_security(options: Mapping[str, str]) -> str | None:
    """As Connector/J has it, but `useSSL=true` means it: there it falls back to plain text without a word."""
    if mode := chosen(options, MYSQL_MODES | MARIADB_MODES):
        return mode
    if not boolean(options, "usessl", default=True):
        return "disable"
    if boolean(options, "verifyservercertificate"):
        return "verify-ca"
    return "require" if boolean(options, "usessl") or boolean(options, "requiressl") else None


def mariadb_security(options: Mapping[str, str]) -> str | None:
    """As MariaDB's driver has it: TLS is verified in full unless the file says to trust any certificate."""
    if mode := chosen(options, MYSQL_MODES | MARIADB_MODES):
        return mode
    if "usessl" in options and not boolean(options, "usessl"):
        return "disable"
    if not boolean(options, "usessl"):
        return None
    return "require" if boolean(options, "trustservercertificate") else "verify-full"


JAVA_STORE = (
    "Java key stores cannot be read: export the certificates as PEM and write serverSslCert=file.pem "
    "with sslMode=VERIFY_CA or VERIFY_IDENTITY"
)
JAVA_CLIENT_STORE = "Java key stores cannot be read, and client certificates are not offered for MySQL in this version"
CIPHERS = "choosing TLS versions or ciphers is not offered; the system's policy applies"
SESSION = "changing the session is not offered: set it for the database user on the server"


def words(text: str) -> frozenset[str]:
    return frozenset(text.lower().split())


POSTGRESQL = Vocabulary(
    port=5432,
    decode=unquote_plus,
    passed_on={
        "sslrootcert": "sslrootcert",
        "sslcert": "sslcert",
        "sslkey": "sslkey",
        "currentschema": "currentSchema",
        "options": "options",
        "applicationname": "ApplicationName",
        "preparethreshold": "prepareThreshold",
    },
    timeouts={
        "connecttimeout": ("connectTimeout", 1),
        "logintimeout": ("connectTimeout", 1),
        "sockettimeout": ("socketTimeout", 1),
    },
    security=words("ssl sslmode sslfactory gssEncMode"),
    secured=postgresql_security,
    refused={
        "readonly": "the gateway writes to its database: remove the option",
        "requireauth": "choosing the way to authenticate is not offered: restrict it in the server's pg_hba.conf",
        "channelbinding": "channel binding cannot be demanded in this version: use sslmode=verify-full",
        "sslhostnameverifier": "a Java class cannot check names here: use sslmode=verify-full",
        "sslpasswordcallback": "a Java class cannot be asked: write sslpassword",
        "authenticationpluginclassname": "Java plugins cannot be used: write user and password",
        "socketfactory": "a Java class cannot make the connection: name a host and port",
    },
    inert=words("""
        adaptiveFetch adaptiveFetchMaximum adaptiveFetchMinimum allowEncodingChanges assumeMinServerVersion autosave
        binaryTransfer binaryTransferDisable binaryTransferEnable cancelSignalTimeout charSet cleanupSavepoints
        databaseMetadataCacheFields databaseMetadataCacheFieldsMiB defaultRowFetchSize disableColumnSanitiser
        escapeSyntaxCallMode groupStartupParameters hideUnprivilegedObjects hostRecheckSeconds loadBalanceHosts
        logServerErrorDetail logUnclosedConnections loggerFile loggerLevel maxResultBuffer preferQueryMode
        preparedStatementCacheQueries preparedStatementCacheSizeMiB protocolVersion
        quoteReturningIdentifiers reWriteBatchedInserts readOnlyMode receiveBufferSize sendBufferSize
        sslResponseTimeout stringtype targetServerType tcpKeepAlive tcpNoDelay unknownLength
        """),
    # 0 is what people write for a PgBouncer in transaction mode: no prepared statements.
    only_as={"preparethreshold": "0"},
)

MYSQL_INERT = words("""
    allowLoadLocalInfile allowMultiQueries allowPublicKeyRetrieval allowUrlInLocalInfile autoDeserialize autoReconnect
    cacheCallableStmts cachePrepStmts cacheResultSetMetadata cacheServerConfiguration callableStmtCacheSize
    characterEncoding characterSetResults connectionCollation connectionTimeZone createDatabaseIfNotExist
    defaultFetchSize dontTrackOpenResources elideSetAutoCommits forceConnectionTimeZoneToSession
    initialTimeout jdbcCompliantTruncation logger maintainTimeStats maxPoolSize maxReconnects minPoolSize
    noAccessToProcedureBodies nullCatalogMeansCurrent nullDatabaseMeansCurrent permitMysqlScheme pool
    prepStmtCacheSize prepStmtCacheSqlLimit preserveInstants profileSQL rewriteBatchedStatements
    serverTimezone tcpKeepAlive tcpNoDelay timezone tinyInt1isBit transformedBitIsBoolean useBulkStmts useCompression
    useConfigs useCursorFetch useInformationSchema useJDBCCompliantTimezoneShift useLegacyDatetimeCode
    useLocalSessionState useLocalTransactionState useServerPrepStmts useUnicode yearIsDateType zeroDateTimeBehavior
    """)

MYSQL_REFUSED = {
    **dict.fromkeys(words("trustCertificateKeyStoreUrl trustCertificateKeyStoreType trustStore"), JAVA_STORE),
    **dict.fromkeys(words("trustCertificateKeyStorePassword trustStorePassword trustStoreType"), JAVA_STORE),
    **dict.fromkeys(
        words("""clientCertificateKeyStoreUrl clientCertificateKeyStoreType clientCertificateKeyStorePassword
        keyStore keyStorePassword keyStoreType keyPassword"""),
        JAVA_CLIENT_STORE,
    ),
    **dict.fromkeys(
        words("""enabledTLSProtocols tlsVersions tlsCiphersuites enabledSSLCipherSuites
        enabledSslProtocolSuites enabledSslCipherSuites"""),
        CIPHERS,
    ),
    **dict.fromkeys(words("sessionVariables initSQL"), SESSION),
    "serverrsapublickeyfile": "pinning the server's RSA key is not offered: use sslMode=VERIFY_IDENTITY",
}

MYSQL = Vocabulary(
    port=3306,
    decode=unquote_plus,
    passed_on={"serversslcert": "sslrootcert"},
    timeouts={"connecttimeout": ("connectTimeout", 0.001), "sockettimeout": ("socketTimeout", 0.001)},
    security=words("sslMode useSSL requireSSL verifyServerCertificate"),
    secured=mysql_security,
    refused=MYSQL_REFUSED,
    inert=MYSQL_INERT,
    only_as={},
)

MARIADB = Vocabulary(
    port=3306,
    decode=str,
    passed_on=MYSQL.passed_on,
    timeouts=MYSQL.timeouts,
    security=words("sslMode useSSL trustServerCertificate"),
    secured=mariadb_security,
    refused=MYSQL_REFUSED,
    inert=MYSQL_INERT,
    only_as={},
)
