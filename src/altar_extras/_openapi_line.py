"""Line: a socket whose every wait ends with the call it serves."""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from functools import partial
from io import BufferedReader, RawIOBase
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from altar_extras._openapi_servers import Place

__all__ = ["ForbiddenError", "GivenUpError", "Line", "TooLongError", "Watch", "connect"]

_SLICE = 0.05  # seconds after which a wait looks whether anybody still waits for it
_CONNECT = 10.0  # seconds to reach one address
_BUFFER = 65_536
_NAT64 = IPv6Network("64:ff9b::/96")
# beside those that ipaddress knows, which are not the same in every Python: protocols, relays,
# a cloud's own services, documentation, and the site's own
_DENIED = tuple(
    map(
        ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "3fff::/20", "fec0::/10"),
    )
)


class GivenUpError(Exception):
    """Nobody waits for the answer any more."""


class ForbiddenError(Exception):
    """A host has no address that may be reached."""


class TooLongError(Exception):
    """An answer, with all that is said around it, goes on and on."""


class Watch:
    """Until when a call may wait, and whether it was cancelled."""

    __slots__ = ("_cancelled", "deadline")

    def __init__(self, deadline: float, cancelled: Callable[[], bool]) -> None:
        self.deadline = deadline
        self._cancelled = cancelled

    def within(self, seconds: float) -> Watch:
        """The same, for at most so many seconds from now."""
        return Watch(min(self.deadline, monotonic() + seconds), self._cancelled)

    def wait(self) -> float:
        """The seconds the next wait may take. Raises TimeoutError or GivenUpError."""
        if self._cancelled():
            raise GivenUpError
        left = self.deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        return min(left, _SLICE)

    def patiently(self, sock: socket.socket, work: Callable[[], Any]) -> Any:
        """What ``work`` on the socket comes to, asked again until the time is up."""
        while True:
            sock.settimeout(self.wait())
            with suppress(TimeoutError):
                return work()


_NOBODY = Watch(0.0, lambda: True)


class Line:
    """A connected socket, in the form that http.client reads and writes through."""

    __slots__ = ("_most", "_socket", "received", "sent", "watch")

    def __init__(self, sock: socket.socket, watch: Watch) -> None:
        self._socket = sock
        self.begin(watch, 0)

    def begin(self, watch: Watch, most: int) -> None:
        """Serve the next request, whose answer has ``most`` bytes on the wire at the most."""
        self.watch = watch
        self._most = most
        self.sent = 0
        self.received = 0

    def rest(self) -> None:
        """Lie idle: a watch knows the call, and so its session, which are to be let go."""
        self.watch = _NOBODY

    def is_stale(self) -> bool:
        """Whether the server closed it, or spoke out of turn."""
        try:
            if hasattr(select, "poll"):
                poller = select.poll()
                poller.register(self._socket, select.POLLIN)
                return bool(poller.poll(0))
            return bool(select.select([self._socket], [], [], 0)[0])
        except (OSError, ValueError):
            return True

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``."""
        left = memoryview(data)
        while left:
            count = self.watch.patiently(self._socket, partial(self._socket.send, left))
            self.sent += count
            left = left[count:]

    def makefile(self, *_mode: object) -> BufferedReader:
        """What comes back, for one answer."""
        return BufferedReader(_Tap(self), _BUFFER)

    def receive(self, into: memoryview) -> int:
        """Wait for some bytes; 0 when the server closed. Raises TooLongError beyond the most."""
        count: int = self.watch.patiently(self._socket, lambda: self._socket.recv_into(into))
        self.received += count
        if self.received > self._most:
            raise TooLongError
        return count

    def close(self) -> None:
        """Nothing: http.client closes a connection whose answer is still read."""

    def hang_up(self) -> None:
        """Close the socket."""
        with suppress(OSError):
            self._socket.close()


class _Tap(RawIOBase):
    """The raw bytes of a line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, into: memoryview) -> int:  # type: ignore[override]
        return self._line.receive(into)


def connect(place: Place, watch: Watch, trust: Callable[[], ssl.SSLContext]) -> Line:
    """A new connection. Raises OSError, or ForbiddenError where no address is allowed."""
    fault: OSError | None = None
    literal = _literal(place.host)
    if literal is not None and not place.named and not _is_public(literal):
        raise ForbiddenError
    found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in found:
        if not place.named and not _is_public(str(address[0])):
            continue
        sock = socket.socket(family, kind, protocol)
        attempt = watch.within(_CONNECT)
        try:
            _reach(sock, address, attempt)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if place.secure:
                sock = trust().wrap_socket(
                    sock, server_hostname=place.host, do_handshake_on_connect=False
                )
                attempt.patiently(sock, sock.do_handshake)
        except BaseException as error:
            sock.close()
            is_over = isinstance(error, TimeoutError) and monotonic() >= watch.deadline
            if not isinstance(error, OSError) or is_over:
                raise
            fault = error
        else:
            return Line(sock, watch)
    if fault is None:
        raise ForbiddenError
    raise fault


def _reach(sock: socket.socket, address: Any, watch: Watch) -> None:
    """Connect, in slices: a connection that is under way goes on by itself."""
    sock.setblocking(False)
    if sock.connect_ex(address) == 0:
        return
    while True:
        seconds = watch.wait()
        if hasattr(select, "poll"):
            poller = select.poll()
            poller.register(sock, select.POLLOUT)
            ready = bool(poller.poll(seconds * 1000))
        else:
            ready = any(select.select([], [sock], [sock], seconds)[1:])
        if ready:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, "no connection")
            return


def _literal(host: str) -> str | None:
    """The address that a host is, in any form that a resolver takes for one ("127.1"), or None."""
    with suppress(ValueError):
        return str(ip_address(host.partition("%")[0]))
    with suppress(OSError, ValueError):
        return socket.inet_ntoa(socket.inet_aton(host))
    return None


def _is_public(text: str) -> bool:
    """Whether an address is one of the public network; one that holds another is judged by that."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return _is_public(str(inner))
    if any(address in network for network in _DENIED):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved
