"""TLS contexts, for clients and towards clusters."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A PEM file with the chain and the private key, and the key's password."""

    path: Path
    password: SecretStr | None = None


def server_context(files: CertificateFiles) -> ssl.SSLContext:
    """The context that clients are met with. Raises OSError when the files cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(files.path, password=files.password.get_secret_value() if files.password else None)
    return context


def cluster_context(
    *, ca_file: Path | None, cert_file: Path | None, key_file: Path | None, verify_hostname: bool
) -> ssl.SSLContext:
    """The context that https clusters are met with. Raises OSError when the files cannot be used."""
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.check_hostname = verify_hostname
    context.set_alpn_protocols(["http/1.1"])
    if cert_file is not None:
        context.load_cert_chain(cert_file, key_file)
    return context
