"""JDBC URLs: what each part means, and that nothing which guards is dropped."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from warren.settings.stores.jdbc import DatabaseUrl, database_url
from warren.settings.units import WrongValue

HOME = Path("/etc/warren")


def read(url: str, *, user: str | None = None, password: str | None = None) -> DatabaseUrl:
    secret = None if password is None else SecretStr(password)
    return database_url(url, user=user, password=secret, directory=HOME)


@pytest.mark.parametrize(
    ("url", "dialect", "host", "port", "database"),
    [
        ("jdbc:postgresql://db:6543/gateway", "postgresql", "db", 6543, "gateway"),
        ("jdbc:postgresql://db/gateway", "postgresql", "db", 5432, "gateway"),
        ("jdbc:postgresql://[2001:db8::1]:5433/gateway", "postgresql", "2001:db8::1", 5433, "gateway"),
        ("jdbc:postgresql://[::1]/gateway", "postgresql", "::1", 5432, "gateway"),
        ("jdbc:postgresql:gateway", "postgresql", "localhost", 5432, "gateway"),
        ("jdbc:postgresql:///gateway", "postgresql", "localhost", 5432, "gateway"),
        ("jdbc:postgresql://db/a%20b", "postgresql", "db", 5432, "a b"),
        ("jdbc:mysql://db/gateway", "mysql", "db", 3306, "gateway"),
        ("jdbc:mariadb://db:3307/gateway", "mysql", "db", 3307, "gateway"),
    ],
)
def test_a_url_names_host_port_and_database(url: str, dialect: str, host: str, port: int, database: str) -> None:
    found = read(url)
    assert (found.dialect, found.host, found.port, found.database) == (dialect, host, port, database)
    assert found.path is None


def test_postgresql_without_a_database_means_the_one_of_the_user() -> None:
    assert read("jdbc:postgresql://db/", user="gateway").database == "gateway"


def test_sqlite_is_a_file_beside_the_configuration() -> None:
    assert read("jdbc:sqlite:data/w.sqlite") == DatabaseUrl(dialect="sqlite", path=HOME / "data/w.sqlite")
    assert read("jdbc:sqlite:/var/w.sqlite").path == Path("/var/w.sqlite")


def test_sqlite_has_no_users_and_says_so() -> None:
    assert read("jdbc:sqlite:w.sqlite", user="u", password="p").without_effect == ("user", "password")


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("jdbc:postgresql://h/d", None),
        ("jdbc:postgresql://h/d?ssl=true", "verify-full"),
        ("jdbc:postgresql://h/d?ssl", "verify-full"),
        ("jdbc:postgresql://h/d?ssl=false", None),
        ("jdbc:postgresql://h/d?sslmode=verify-ca&ssl=true", "verify-ca"),
        ("jdbc:postgresql://h/d?sslmode=VERIFY-FULL", "verify-full"),
        ("jdbc:postgresql://h/d?sslmode=allow", "allow"),
        ("jdbc:postgresql://h/d?sslmode=disable", "disable"),
        ("jdbc:postgresql://h/d?ssl=true&sslfactory=org.postgresql.ssl.NonValidatingFactory", "require"),
        ("jdbc:postgresql://h/d?ssl=true&sslfactory=org.postgresql.ssl.LibPQFactory", "verify-full"),
        ("jdbc:postgresql://h/d?gssEncMode=disable", None),
        ("jdbc:mysql://h/d", None),
        ("jdbc:mysql://h/d?useSSL=false", "disable"),
        ("jdbc:mysql://h/d?useSSL=true", "require"),
        ("jdbc:mysql://h/d?requireSSL=true", "require"),
        ("jdbc:mysql://h/d?verifyServerCertificate=true&useSSL=true", "verify-ca"),
        ("jdbc:mysql://h/d?sslMode=VERIFY_IDENTITY&useSSL=false", "verify-full"),
        ("jdbc:mysql://h/d?sslMode=PREFERRED", "prefer"),
        ("jdbc:mysql://h/d?sslMode=DISABLED", "disable"),
        ("jdbc:mariadb://h/d", None),
        ("jdbc:mariadb://h/d?useSSL=true", "verify-full"),
        ("jdbc:mariadb://h/d?useSsl=true&trustServerCertificate=true", "require"),
        ("jdbc:mariadb://h/d?useSsl=false", "disable"),
        ("jdbc:mariadb://h/d?sslMode=trust", "require"),
        ("jdbc:mariadb://h/d?sslMode=verify-ca", "verify-ca"),
    ],
)
def test_all_drivers_ways_to_ask_for_tls_become_one(url: str, mode: str | None) -> None:
    assert read(url).options.get("sslmode") == mode


def test_files_of_certificates_lie_beside_the_configuration() -> None:
    found = read("jdbc:postgresql://h/d?sslrootcert=ca.pem&sslcert=/c.pem&sslkey=k.pem&sslpassword=abc%26")
    assert found.options == {"sslrootcert": "/etc/warren/ca.pem", "sslcert": "/c.pem", "sslkey": "/etc/warren/k.pem"}
    assert found.key_password == SecretStr("abc&")
    assert read("jdbc:mysql://h/d?serverSslCert=ca.pem").options == {"sslrootcert": "/etc/warren/ca.pem"}


def test_times_are_seconds_whatever_the_driver_counts_in() -> None:
    postgresql = read("jdbc:postgresql://h/d?connectTimeout=10&socketTimeout=0")
    assert postgresql.options == {"connectTimeout": "10"}
    assert read("jdbc:postgresql://h/d?loginTimeout=7").options == {"connectTimeout": "7"}
    mysql = read("jdbc:mysql://h/d?connectTimeout=1500&socketTimeout=30000")
    assert mysql.options == {"connectTimeout": "1.5", "socketTimeout": "30"}


def test_the_session_of_postgresql_can_be_set() -> None:
    found = read("jdbc:postgresql://h/d?currentSchema=gw,public&ApplicationName=my+gateway&options=-c%20work_mem=1MB")
    assert found.options == {
        "currentSchema": "gw,public",
        "ApplicationName": "my gateway",
        "options": "-c work_mem=1MB",
    }


def test_the_section_wins_over_user_and_password_in_the_url() -> None:
    url = "jdbc:mysql://h/d?user=in-url&password=p%26w"
    assert (read(url).user, read(url).password) == ("in-url", SecretStr("p&w"))
    both = read(url, user="u", password="p")
    assert (both.user, both.password) == ("u", SecretStr("p"))


def test_options_that_only_tune_the_driver_are_named() -> None:
    found = read("jdbc:mysql://h/d?serverTimezone=UTC&characterEncoding=utf8&rewriteBatchedStatements=true")
    assert found.without_effect == ("serverTimezone", "characterEncoding", "rewriteBatchedStatements")
    assert found.options == {}


def test_the_switch_against_prepared_statements_is_honoured_and_other_thresholds_are_tuning() -> None:
    off = read("jdbc:postgresql://h/d?prepareThreshold=0")
    assert (off.options, off.without_effect) == ({"prepareThreshold": "0"}, ())
    five = read("jdbc:postgresql://h/d?prepareThreshold=5")
    assert (five.options, five.without_effect) == ({}, ("prepareThreshold",))


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("jdbc:oracle:thin:@h:1521/x", "Oracle"),
        ("jdbc:h2:mem:x", "H2"),
        ("jdbc:sqlserver://h/d", "jdbc:postgresql://"),
        ("postgresql://h/d", "jdbc:postgresql://"),
        ("", "jdbc:postgresql://"),
        ("jdbc:postgresql://a:5432,b:5432/d", "several hosts"),
        ("jdbc:mysql:loadbalance://a,b/d", "jdbc:mysql://"),
        ("jdbc:mysql://(host=a,port=1)/d", "several hosts"),
        ("jdbc:mysql://(host=a)/d", "jdbc:mysql://"),
        ("jdbc:mysql://u:p@h/d", "keys of their own"),
        ("jdbc:mysql://u:p/w@h/d", "keys of their own"),
        ("jdbc:postgresql://u:p?w@h/d", "keys of their own"),
        ("jdbc:postgresql://u:p#w@h/d", "keys of their own"),
        ("jdbc:postgresql://h:x/d", "port"),
        ("jdbc:postgresql://h:0/d", "port"),
        ("jdbc:postgresql://h:65536/d", "port"),
        ("jdbc:postgresql://[::1/d", "brackets"),
        ("jdbc:postgresql://h/", "name the database"),
        ("jdbc:mysql://h", "name the database"),
        ("jdbc:postgresql://h/d?sslmode=verify", "verify-full"),
        ("jdbc:postgresql://h/d?ssl=maybe", "true or false"),
        ("jdbc:postgresql://h/d?ssl=true&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory", "sslrootcert"),
        ("jdbc:postgresql://h/d?gssEncMode=require", "Kerberos"),
        ("jdbc:postgresql://h/d?channelBinding=require", "channel binding"),
        ("jdbc:postgresql://h/d?readOnly=true", "writes"),
        ("jdbc:postgresql://h/d?connectTimeout=soon", "whole number of seconds"),
        ("jdbc:mysql://h/d?connectTimeout=-1", "whole number of milliseconds"),
        ("jdbc:mysql://h/d?trustCertificateKeyStoreUrl=file:x&sslMode=VERIFY_CA", "serverSslCert"),
        ("jdbc:mysql://h/d?clientCertificateKeyStoreUrl=file:x", "client certificates"),
        ("jdbc:mysql://h/d?tlsVersions=TLSv1.3", "ciphers"),
        ("jdbc:mariadb://h/d?trustStore=x", "serverSslCert"),
        ("jdbc:mysql://h/d?sessionVariables=sql_mode=ANSI", "on the server"),
        ("jdbc:mysql://h/d?someNewGuard=true", "does not know"),
        ("jdbc:postgresql://h/d?sslmode=require&sslMode=disable", "twice"),
        ("jdbc:sqlite:", "survive a restart"),
        ("jdbc:sqlite::memory:", "survive a restart"),
        ("jdbc:sqlite:file:x?mode=ro", "question mark"),
        ("jdbc:sqlite:x?cipher=aes", "question mark"),
    ],
)
def test_what_cannot_be_honoured_is_refused_in_words(url: str, word: str) -> None:
    with pytest.raises(WrongValue) as refused:
        read(url)
    assert word in refused.value.remedy


@pytest.mark.parametrize(
    ("options", "found", "meant"),
    [
        ("someNewGuard=hunter2", "option someNewGuard", "does not know;"),
        ("sslmoode=hunter2&password=hunter2", "option sslmoode", "(did you mean sslmode?)"),
        ("aplicationName=hunter2", "option aplicationName", "(did you mean applicationname?)"),
        ("some+hunter2=x", None, "does not know;"),
        ("hunter2%0Ahunter2=x", None, "does not know;"),
        ("password=first&hunter2=third", None, "does not know;"),  # it may be the rest of the password
        ("sslkey=k&sslPassword=first&hunter2", None, "does not know;"),
        ("password=first&sslmoode=require", None, "(did you mean sslmode?)"),
    ],
)
def test_an_option_that_nobody_knows_is_named_unless_its_name_may_be_a_secret(
    options: str, found: str | None, meant: str
) -> None:
    with pytest.raises(WrongValue) as refused:
        read(f"jdbc:postgresql://h:99/d?{options}")
    assert refused.value.found == found
    assert meant in refused.value.remedy
    assert "hunter2" not in refused.value.remedy


def test_no_representation_shows_a_password() -> None:
    found = read("jdbc:postgresql://h/d?sslkey=k&sslpassword=hunter1&password=hunter2")
    assert "hunter" not in repr(found) + str(found)
