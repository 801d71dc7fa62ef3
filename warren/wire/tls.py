"""TLS contexts, for clients and towards clusters: each new connection uses the files as they are at that moment."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog

log = structlog.get_logger()

ALPN = ["http/1.1"]

Stamp = tuple[int, int, int]


class Secret(Protocol):
    """A text that does not show itself."""

    def get_secret_value(self) -> str: ...


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A PEM file with the certificate and its chain, and the private key: in the same file, or in `key_path`."""

    path: Path
    password: Secret | None = None
    """Of the private key."""
    key_path: Path | None = None


def server_context(files: CertificateFiles) -> ssl.SSLContext:
    """The context that clients are met with. Raises OSError, with a sentence for people, when the files cannot be used."""

    def make() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(ALPN)
        _load(context, files)
        return context

    return _Reloaded.following(make, (files.path, files.key_path), ssl.PROTOCOL_TLS_SERVER)


def cluster_context(
    *, ca_file: Path | None, cert_file: Path | None, key_file: Path | None, verify_hostname: bool
) -> ssl.SSLContext:
    """The context that https clusters are met with; without `ca_file` the system's authorities are trusted.

    Raises OSError, with a sentence for people, when the files cannot be used.
    """

    def make() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = verify_hostname
        context.set_alpn_protocols(ALPN)
        if ca_file is None:
            context.load_default_certs()
        else:
            try:
                context.load_verify_locations(ca_file)
            except OSError as error:
                raise OSError(f"{ca_file}: these authorities cannot be used: {why(error)}") from error
        if cert_file is not None:
            _load(context, CertificateFiles(cert_file, key_path=key_file))
        return context

    return _Reloaded.following(make, (ca_file, cert_file, key_file), ssl.PROTOCOL_TLS_CLIENT)


class _Reloaded(ssl.SSLContext):
    """Hands each new connection to a context of the files as they are now. Files that cannot be used change nothing.

    The loop asks a context for one thing per connection, `wrap_bio`: that is where the files are looked at.
    """

    _make: Callable[[], ssl.SSLContext]
    _files: tuple[Path, ...]
    _stamps: tuple[Stamp | None, ...]
    _current: ssl.SSLContext

    @classmethod
    def following(
        cls, make: Callable[[], ssl.SSLContext], files: tuple[Path | None, ...], protocol: ssl._SSLMethod
    ) -> "_Reloaded":
        context = cls(protocol)
        context._make = make
        context._files = tuple(file for file in files if file is not None)
        context._stamps = tuple(map(_stamp, context._files))  # before reading: a change meanwhile is seen later
        context._current = make()
        context.check_hostname = context._current.check_hostname
        return context

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        self._follow()
        return self._current.wrap_bio(*args, **kwargs)

    def _follow(self) -> None:
        stamps = tuple(map(_stamp, self._files))
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._current = self._make()
        except OSError as error:
            log.warning(
                "certificates_kept", because=str(error), remedy="the former ones stay in use; write the files again"
            )
        else:
            log.info("certificates_reloaded", files=[str(file) for file in self._files])


def _load(context: ssl.SSLContext, files: CertificateFiles) -> None:
    secret = files.password.get_secret_value() if files.password is not None else ""
    try:
        # Always a password: without one OpenSSL would ask for it on the terminal, and wait.
        context.load_cert_chain(files.path, files.key_path, password=lambda: secret)
    except (OSError, ValueError) as error:
        raise OSError(f"{files.path}: this certificate and its key cannot be used: {why(error)}") from error


def why(error: Exception) -> str:
    """What OpenSSL means, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "no certificate or key in PEM format").replace("_", " ").lower()
        return {"pem lib": "it holds no certificate and key in PEM format, or the password is wrong"}.get(
            reason, reason
        )
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _stamp(file: Path) -> Stamp | None:
    """Changes whenever the file does; None while there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
