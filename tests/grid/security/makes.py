"""Keys, contracts, manifests and rules for the tests of the security layer."""

from __future__ import annotations

from altar.adm import FunctionDeclaration, ToolContract, ToolManifest
from altar_extras.grid.security import Principal, SessionToken, SignedManifest, SigningKey

NOW = 1_800_000_000.0  # 2027: a time of the tests' own
DAY = 24 * 3600


def key(number: int) -> SigningKey:
    """The same key for the same number."""
    return SigningKey(number.to_bytes(32, "big"))


ROOT, OTHER_ROOT, HOST, CLIENT, RUNTIME, STRANGER = (key(number) for number in range(1, 7))


def contract(name: str = "math", *tools: str, version: str = "1.2.0", **extensions) -> ToolContract:
    declared = tuple(
        FunctionDeclaration(
            name=tool, description=f"What {tool} does.", parameters={"type": "object"}
        )
        for tool in tools or ("add", "mul")
    )
    return ToolContract(
        name=name,
        version=version,
        description=f"The tools of {name}.",
        function_declarations=declared,
        extensions=extensions or None,
    )


def manifest(*contracts: ToolContract) -> ToolManifest:
    return ToolManifest(contracts=contracts or (contract(),))


def signed(
    found: ToolManifest | None = None,
    *,
    now: float,
    root: SigningKey = ROOT,
    tenant: str = "acme",
    sequence: int = 7,
    days: float = 20,
    revoked=(),
    runtimes=None,
) -> SignedManifest:
    found = found or manifest()
    if runtimes is None:
        runtimes = {one.name: [RUNTIME.public] for one in found.contracts}
    return SignedManifest.sign(
        found,
        root=root,
        tenant=tenant,
        sequence=sequence,
        expires=now + days * DAY,
        runtimes=runtimes,
        revoked=revoked,
        now=now,
    )


def token(
    client: SigningKey = CLIENT, *, now: float = NOW, seconds: int = 3600, **changes
) -> SessionToken:
    fields = {
        "session": "s-1",
        "tenant": "acme",
        "principal": "ana",
        "key": client.public,
        "tools": ("*",),
        "issued": int(now),
        "expires": int(now) + seconds,
    }
    return SessionToken(**{**fields, **changes})


def principal(found: SigningKey, name: str, role: str = "client", tenant: str = "acme", *tools):
    return Principal(key=found.public, name=name, tenant=tenant, role=role, tools=tools or ("*",))
