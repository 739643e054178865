"""How a NATS connection is made: addresses, TLS, patience; whatever would be unsafe is refused."""

from __future__ import annotations

import os
import ssl
import tempfile
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

from altar.errors import ConfigurationError

__all__ = ["Address", "ClientTls", "NatsSettings", "addresses", "is_loopback"]

DEFAULT_PORT = 4222


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsSettings:
    """How patient a connection is, in seconds and bytes.

    ``connect_timeout`` bounds one attempt at one server. A server that said
    nothing for ``dead_after`` seconds counts as lost, whether or not its socket
    is still open. Attempts to come back start at once and then wait
    ``reconnect_wait`` (growing to ``reconnect_wait_max``, with jitter), without end.

    Bodies sent with ``join`` travel together up to ``join_bytes``; once
    ``outbox_bytes`` wait for a slow socket, publishing is refused: what waits
    when a silent server is given up arrives should that server wake. ``inbox`` is
    the prefix for answers of JetStream; a random one when empty, ``_INBOX`` never.
    ``discover`` lets it go to servers that were not named and that the others tell of.
    """

    connect_timeout: float = 2.0
    dead_after: float = 1.75
    reconnect_wait: float = 0.1
    reconnect_wait_max: float = 1.0
    join_bytes: int = 64 * 1024
    outbox_bytes: int = 2 * 1024 * 1024
    inbox: str = ""
    discover: bool = True

    def __post_init__(self) -> None:
        if self.inbox.split(".")[0].upper() == "_INBOX":
            raise ConfigurationError(
                "the inbox prefix _INBOX is everybody's: whoever may read it reads all answers. "
                "Leave inbox out, or give a prefix of your own such as 'grid.v1.re.host1'"
            )
        if min(self.connect_timeout, self.dead_after, self.reconnect_wait) <= 0:
            raise ConfigurationError(
                "connect_timeout, dead_after and reconnect_wait are seconds above 0"
            )

    def inbox_prefix(self) -> str:
        """The prefix in use by one connection."""
        return self.inbox or f"grid.v1.re.{token_hex(16)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls:
    """The certificates of one party: the authority ``ca`` it trusts, its own ``cert`` and ``key``.

    Each is PEM text or the path of a file. TLS 1.3 only, both sides show a
    certificate, and the handshake comes before any other byte.
    """

    ca: str
    cert: str
    key: str = field(repr=False)

    def context(self) -> ssl.SSLContext:
        """A client's SSL context. Raises ConfigurationError for what cannot be read."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            if _is_pem(self.ca):
                context.load_verify_locations(cadata=self.ca)
            else:
                context.load_verify_locations(cafile=self.ca)
            _load_own(context, self.cert, self.key)
        except (OSError, ValueError) as error:  # SSLError is an OSError
            raise ConfigurationError(
                f"TLS: the certificates cannot be used ({type(error).__name__}); ca, cert and key "
                "are PEM texts or paths of PEM files, and the key belongs to the certificate"
            ) from error
        return context


def _is_pem(text: str) -> bool:
    return "-----BEGIN" in text


def _load_own(context: ssl.SSLContext, cert: str, key: str) -> None:
    if not _is_pem(cert) and not _is_pem(key):
        context.load_cert_chain(cert, key)
        return
    # The ssl module reads a chain from files only; mkdtemp's folder is its owner's alone.
    with tempfile.TemporaryDirectory(prefix="altar-grid-") as folder:
        paths = []
        for name, text in (("cert.pem", cert), ("key.pem", key)):
            path = Path(folder) / name
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(text if _is_pem(text) else Path(text).read_text(encoding="ascii"))
            paths.append(path)
        context.load_cert_chain(str(paths[0]), str(paths[1]))


@dataclass(frozen=True, slots=True)
class Address:
    """One server: where it is, and the name its certificate must show."""

    host: str
    port: int
    tls_name: str = ""

    @property
    def url(self) -> str:
        """As the client library takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"nats://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine itself."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine by its very name, whatever a resolver says."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def addresses(urls: str | tuple[str, ...] | list[str], *, secure: bool) -> tuple[Address, ...]:
    """Read ``nats://`` and ``tls://`` URLs; a text may hold several, separated by commas.

    Raises ConfigurationError: for another scheme, for secrets in a URL, for
    ``tls://`` without certificates, and for plaintext beyond this machine.
    """
    texts = urls.split(",") if isinstance(urls, str) else list(urls)
    found = tuple(_address(text.strip(), secure) for text in texts if text.strip())
    if not found:
        raise ConfigurationError(
            "no server to connect to: give a URL such as nats://127.0.0.1:4222"
        )
    return found


def _address(text: str, secure: bool) -> Address:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORT
    except ValueError:
        parts, host, port = urlsplit(""), "", 0
    if not host or parts.scheme not in {"nats", "tls"}:
        raise ConfigurationError(
            "a server's URL is tls://host:port, or nats://127.0.0.1:port on this machine, "
            f"not {text.rpartition('@')[2]!r:.80}"
        )
    if "@" in parts.netloc:
        raise ConfigurationError(
            f"the URL of {host} holds a user or a password: take them out, "
            "a credential file says who connects"
        )
    if parts.scheme == "tls" and not secure:
        raise ConfigurationError(
            f"tls://{host} needs certificates, and these credentials hold none: type altar grid "
            "keys tls FOLDER TLS_FOLDER, or give tls=ClientTls(ca=..., cert=..., key=...)"
        )
    if parts.scheme == "nats" and not is_loopback(host):
        raise ConfigurationError(
            f"nats://{host} would speak plaintext over a network: write tls://{host}:{port} "
            "and give certificates; plaintext is for 127.0.0.1, ::1 and localhost"
        )
    return Address(host, port)
