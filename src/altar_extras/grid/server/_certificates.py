"""Certificates for development: a CA of our own, and what it signs."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError as error:
    raise ImportError(
        "certificates need the package cryptography: type pip install '.[grid]' in altar's tree"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Certificates", "development_certificates"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_RENEW_AT = 1 / 3  # of its life left


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files (PEM, mode 0600) and when the first of them expires (UTC)."""

    ca: Path
    server_cert: Path
    server_key: Path
    client_cert: Path
    client_key: Path
    expires: dt.datetime


def development_certificates(
    folder: Path,
    *,
    names: Iterable[str] = (),
    clients: Iterable[str] = (),
    days: float = 30,
    now: dt.datetime | None = None,
) -> Certificates:
    """Certificates in ``folder``: those that are there while they are good, new ones otherwise.

    ECDSA P-256. The server's is for localhost, 127.0.0.1, ::1 and ``names``; beside ``client``
    one client certificate is made for each of ``clients``. They live for ``days`` days (the CA ten
    times as long) and are made anew when a third of that is left, or when names are missing.

    The CA's key lies beside them: this is for development, not for a fleet.
    Raises ConfigurationError for a name that is no host name, address or file name.
    """
    moment = dt.datetime.now(dt.UTC) if now is None else now
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wanted = (*_LOOPBACK, *dict.fromkeys(name for name in names if name not in _LOOPBACK))
    life = dt.timedelta(days=days)
    authority = _Authority.load(folder, moment, life * 10)
    ends = [authority.issue("server", moment, life, hosts=wanted)]
    for client in ("client", *clients):
        if not client.replace("-", "").replace("_", "").isalnum() or client in ("ca", "server"):
            raise ConfigurationError(
                f"{client!r} is no name for a client: use letters, digits, '-' and '_'"
            )
        ends.append(authority.issue(client, moment, life))
    return Certificates(
        folder / "ca.pem",
        folder / "server.pem",
        folder / "server.key",
        folder / "client.pem",
        folder / "client.key",
        min(ends),
    )


@dataclass(frozen=True, slots=True)
class _Authority:
    folder: Path
    cert: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def load(cls, folder: Path, now: dt.datetime, life: dt.timedelta) -> _Authority:
        cert, key = folder / "ca.pem", folder / "ca.key"
        if cert.exists() and key.exists():
            old = x509.load_pem_x509_certificate(cert.read_bytes())
            secret = serialization.load_pem_private_key(key.read_bytes(), None)
            if isinstance(secret, ec.EllipticCurvePrivateKey) and _is_good(old, now):
                return cls(folder, old, secret)
        fresh = ec.generate_private_key(ec.SECP256R1())
        name = _named("altar grid development CA")
        made = (
            _builder(name, name, fresh.public_key(), now, life)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(fresh, hashes.SHA256())
        )
        _write(cert, made.public_bytes(serialization.Encoding.PEM))
        _write(key, _pem(fresh))
        return cls(folder, made, fresh)

    def issue(
        self,
        name: str,
        now: dt.datetime,
        life: dt.timedelta,
        *,
        hosts: tuple[str, ...] = (),
    ) -> dt.datetime:
        """Make ``name.pem`` and ``name.key`` unless good ones are there; when it expires."""
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        names = [_host(host) for host in hosts]
        if cert.exists() and key.exists():
            old = x509.load_pem_x509_certificate(cert.read_bytes())
            if _is_good(old, now) and self._signed(old) and _names_of(old) >= set(names):
                return old.not_valid_after_utc
        fresh = ec.generate_private_key(ec.SECP256R1())
        # A server of a cluster is a client of the others.
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if hosts:
            uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
        builder = (
            _builder(_named(name), self.cert.subject, fresh.public_key(), now, life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        made = builder.sign(self.key, hashes.SHA256())
        _write(cert, made.public_bytes(serialization.Encoding.PEM))
        _write(key, _pem(fresh))
        return made.not_valid_after_utc

    def _signed(self, cert: x509.Certificate) -> bool:
        try:
            cert.verify_directly_issued_by(self.cert)
        except Exception:  # noqa: BLE001 - whatever it says, it is not ours
            return False
        return True


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: dt.datetime,
    life: dt.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))  # clocks differ
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _is_good(cert: x509.Certificate, now: dt.datetime) -> bool:
    whole = cert.not_valid_after_utc - cert.not_valid_before_utc
    return cert.not_valid_before_utc <= now < cert.not_valid_after_utc - whole * _RENEW_AT


def _names_of(cert: x509.Certificate) -> set[x509.GeneralName]:
    try:
        return set(cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return set()


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"{name!r} is neither a host name nor an IP address") from error


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, data: bytes) -> None:
    """The whole file at once, and readable by its owner only from the first byte on."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
    new.replace(path)
