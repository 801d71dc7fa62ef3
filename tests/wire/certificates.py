"""Certificates made for a test, by the openssl command."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Authority:
    """Signs certificates; the files are in its directory."""

    directory: Path

    @property
    def file(self) -> Path:
        return self.directory / "ca.pem"

    def issue(self, name: str, *, host: str = "127.0.0.1", password: str | None = None) -> tuple[Path, Path]:
        """Files of a certificate for the address or name `host`, and of its key."""
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        kind = "IP" if host[0].isdigit() else "DNS"
        _openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "2", "-subj", f"/CN={name}",
            "-addext", f"subjectAltName={kind}:{host}", "-addext", "basicConstraints=critical,CA:FALSE",
            "-CA", str(self.file), "-CAkey", str(self.directory / "ca.key"), "-out", str(certificate), "-keyout", str(key),
            *(["-passout", f"pass:{password}"] if password else ["-nodes"]),
        )  # fmt: skip
        return certificate, key


def make_authority(directory: Path, name: str = "test authority") -> Authority:
    """Skips the test where there is no openssl that can do it."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl command to make certificates with")
    directory.mkdir(exist_ok=True)
    _openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", f"/CN={name}", "-out", str(directory / "ca.pem"), "-keyout", str(directory / "ca.key"),
        "-addext", "keyUsage=critical,keyCertSign",
    )  # fmt: skip
    return Authority(directory)


def joined(target: Path, *files: Path) -> Path:
    """One file of several, replaced at once as an operator should."""
    fresh = target.with_suffix(".new")
    fresh.write_bytes(b"".join(file.read_bytes() for file in files))
    fresh.replace(target)
    return target


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        pytest.skip(f"this openssl cannot make the certificates: {done.stderr[:200]}")
