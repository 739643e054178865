"""Sessions: made, renewed and destroyed; a token says it all, a Host keeps next to nothing."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError
from altar_extras.grid.host._askers import Asker, denied, new_session, session_or_key_id
from altar_extras.grid.host._tenant import OpRefusedError
from altar_extras.grid.security import SessionToken
from altar_extras.grid.wire import Ack, Fault, SessionCreated

if TYPE_CHECKING:
    from altar_extras.grid.host._mirror import Doc
    from altar_extras.grid.host._tenant import Tenant
    from altar_extras.grid.wire import CreateSession, DestroySession, RenewSession

__all__ = ["create", "destroy", "renew", "revoke", "tell_revoked"]

_MOST_NARROWED = 50_000
_MOST_OF_ONE = 20_000  # of one key
_MOST_PATTERNS = 100
_WILD = frozenset("*?[")


async def create(tenant: Tenant, asker: Asker, asked: CreateSession) -> SessionCreated:
    """A new session of the asker's key."""
    _open(tenant)
    assert asker.principal is not None
    own = asker.principal.tools
    wanted = _wanted(tuple(asked.tools), own)
    session = new_session(asker.key)
    made = Asker(
        kind="session", id=session, key=asker.key, key_id=asker.key_id, principal=asker.principal
    )
    if not wanted:
        raise OpRefusedError(denied("no_rights", "no tool that was asked for is allowed"))
    _check_some(tenant, wanted)
    expires = _expires(tenant, asked.ttl)
    token = _token(tenant, made, wanted, expires)
    if wanted != own:
        shared = tenant.shared
        own_count = shared.mirror.count_of("session", tenant.name, asker.key_id)
        full = shared.mirror.count("session", tenant.name) >= _MOST_NARROWED
        if full or own_count >= _MOST_OF_ONE:
            raise OpRefusedError(_exhausted("too many sessions that ask for some tools only"))
        doc = {"tools": list(wanted), "expires": expires}
        await shared.mirror.change(tenant.key("session", session), lambda _: doc)
    await tenant.shared.note(
        "session_created",
        session=session,
        tenant=tenant.name,
        principal=asker.principal.name,
        key=asker.key_id,
        expires=expires,
    )
    return _created(tenant, made, asked.id, token, expires)


async def renew(tenant: Tenant, asker: Asker, asked: RenewSession) -> SessionCreated:
    """A new token for the session that asks."""
    _open(tenant)
    patterns = tenant.patterns(asker)
    expires = _expires(tenant, asked.ttl)
    token = _token(tenant, asker, patterns, expires)
    key = tenant.key("session", asker.id)
    if tenant.shared.mirror.get(key) is not None:
        await tenant.shared.mirror.change(key, lambda doc: _longer(doc, expires))
    await tenant.shared.note(
        "session_renewed", session=asker.id, tenant=tenant.name, expires=expires
    )
    return _created(tenant, asker, asked.id, token, expires)


async def destroy(tenant: Tenant, asker: Asker, asked: DestroySession) -> Ack:
    """End the session that asks."""
    await revoke(tenant, asker.id)
    await tenant.shared.note("session_destroyed", session=asker.id, tenant=tenant.name)
    for kind in ("session", "dynamic"):
        if tenant.shared.mirror.get(tenant.key(kind, asker.id)) is not None:
            await tenant.shared.mirror.remove(tenant.key(kind, asker.id))
    return Ack(id=asked.id, time_ms=tenant.shared.time_ms())


async def revoke(tenant: Tenant, name: str) -> None:
    """Believe a session, or a key, no more: on every Host, and on the runtimes that listen."""
    shared = tenant.shared
    made: Doc = {}  # a key is revoked for good: as long as it is listed it could ask for more
    if name[:1] != "U":
        if shared.revoked.is_full(name):
            raise OpRefusedError(_exhausted("too many sessions were destroyed within a short time"))
        # no token of the session can live longer, and none is made from now on
        made = {"expires": int(shared.clock() + shared.settings.session_seconds) + 60}
    await shared.mirror.change(
        tenant.key("revoked", name),
        lambda doc: made if doc is None or (not made and "expires" in doc) else None,
    )
    tell_revoked(tenant, name)


def tell_revoked(tenant: Tenant, name: str) -> None:
    """Tell the runtimes of a session, or of a public key, that was revoked."""
    notes = {"session": session_or_key_id(name)}
    for runtime, _ in list(tenant.runtimes.present(tenant.shared.monotonic())):
        tenant.tell(runtime.id, "revoke", notes)


def _open(tenant: Tenant) -> None:
    stopped = tenant.contracts.problem()
    if stopped is not None:
        raise OpRefusedError(stopped)


def _wanted(asked: tuple[object, ...], own: tuple[str, ...]) -> tuple[str, ...]:
    """What of ``asked`` the principal's own names and patterns hold; everything when empty."""
    if not asked:
        return own

    kept = []
    for one in dict.fromkeys(one for one in asked if isinstance(one, str)):
        plain = _WILD.isdisjoint(one)
        covered = plain and any(
            one == pattern or (not _WILD.isdisjoint(pattern) and fnmatchcase(one, pattern))
            for pattern in own
        )
        if one and (covered or one in own or "*" in own):
            kept.append(one)
    return tuple(kept)


def _check_some(tenant: Tenant, wanted: tuple[str, ...]) -> None:
    """The broker refuses a connection without any tool; say so before, and why."""
    if tenant.contracts.allowed(wanted):
        return
    if tenant.is_strict:
        message = "the manifest has none of the tools that were asked for"
        raise OpRefusedError(denied("no_rights", message))
    if "*" not in wanted and not any(_WILD.isdisjoint(one) for one in wanted):
        raise OpRefusedError(
            Fault(
                type="SERVICE_UNAVAILABLE",
                reason="no_runtime",
                message="no runtime serves such a tool yet",
                retry_after_ms=1000,
            )
        )


def _expires(tenant: Tenant, ttl: float) -> int:
    settings, now = tenant.shared.settings, tenant.shared.clock()
    expires = int(now + min(max(ttl, settings.shortest_session), settings.session_seconds))
    manifest = tenant.contracts.manifest
    return expires if manifest is None else min(expires, manifest.expires)


def _token(tenant: Tenant, asker: Asker, patterns: tuple[str, ...], expires: int) -> str:
    assert asker.principal is not None
    token = SessionToken(
        session=asker.id,
        tenant=tenant.name,
        principal=asker.principal.name,
        key=asker.key,
        tools=patterns,
        issued=int(tenant.shared.clock()),
        expires=expires,
    )
    if not 0 < len(patterns) <= _MOST_PATTERNS or any(len(one) > 128 for one in patterns):
        message = f"1 to {_MOST_PATTERNS} names or patterns of 128 characters at most"
        raise OpRefusedError(_unusable(message))
    try:
        return token.signed(tenant.shared.key)
    except ConfigurationError as error:
        raise OpRefusedError(_unusable(str(error))) from None


def _created(tenant: Tenant, asker: Asker, id: str, token: str, expires: int) -> SessionCreated:  # noqa: A002
    return SessionCreated(
        id=id,
        session=asker.id,
        token=token,
        expires_ms=expires * 1000,
        time_ms=tenant.shared.time_ms(),
        tools=tenant.rows(tenant.tools(asker)),
    )


def _longer(doc: Doc | None, expires: int) -> Doc | None:
    return None if doc is None else {**doc, "expires": expires}


def _exhausted(message: str) -> Fault:
    return Fault(
        type="RESOURCE_EXHAUSTED", reason="too_many", message=message, retry_after_ms=10_000
    )


def _unusable(message: str) -> Fault:
    return Fault(type="CONFIGURATION_ERROR", reason="too_many_patterns", message=message)
