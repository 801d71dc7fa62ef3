"""Securing connections to a database: from libpq's six words (`sslmode`) to what the drivers take."""

import ssl

from warren.errors import Problem, SettingsError
from warren.settings.stores.jdbc import DatabaseUrl


def client_context(url: DatabaseUrl) -> ssl.SSLContext | str:
    """A context when TLS is demanded; else `disable`, `allow` or `prefer`: without it, or with it when there is some.

    Raises SettingsError when a file cannot be used.
    """
    mode = url.options.get("sslmode", "prefer")
    # A client certificate proves nothing without TLS.
    if mode not in {"require", "verify-ca", "verify-full"} and "sslcert" not in url.options:
        return mode
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = mode == "verify-full"
    context.verify_mode = ssl.CERT_REQUIRED if mode.startswith("verify-") else ssl.CERT_NONE
    try:
        _load_files(context, url)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; ValueError: a wrong password
        files = ", ".join(url.options[name] for name in ("sslrootcert", "sslcert", "sslkey") if name in url.options)
        remedy = f"certificates and keys are PEM files that Warren may read ({error})"
        raise SettingsError((Problem("dataStore.jdbcUrl", None, files, remedy),)) from error
    return context


def _load_files(context: ssl.SSLContext, url: DatabaseUrl) -> None:
    if authority := url.options.get("sslrootcert"):
        context.load_verify_locations(authority)
    else:
        context.load_default_certs()
    if certificate := url.options.get("sslcert"):
        password = url.key_password.get_secret_value() if url.key_password is not None else ""
        # Given in any case: without a password OpenSSL would ask the terminal for one.
        context.load_cert_chain(certificate, url.options.get("sslkey"), password=lambda: password)
