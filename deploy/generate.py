# ruff: noqa: INP001 - a script
"""Write the server configurations of this folder: ``python deploy/generate.py``.

A test compares them with what is here. For other names or tenants change NODES or TENANTS and run
it again; the keys come from the servers' environment (keys.env).
"""

from __future__ import annotations

from pathlib import Path

from altar_extras.grid.server import GridKeys, Site, Tls, node_settings

HERE = Path(__file__).parent
TENANTS = ("acme",)
NODES = ("n1", "n2", "n3")
REGIONS = {
    "east": ("east-1.example.net", "east-2.example.net", "east-3.example.net"),
    "west": ("west-1.example.net", "west-2.example.net", "west-3.example.net"),
}
# The pods of a StatefulSet, each with a name of its own behind a headless service.
PODS = tuple(f"altar-grid-nats-{number}.altar-grid-nats" for number in range(3))

_HEAD = "# Written by deploy/generate.py; keys and the name come from the environment."
KEYS = GridKeys(
    issuer="$GRID_ISSUER",
    hosts={name: f"$GRID_KEY_{name.upper()}" for name in ("GRID", "SYS", *TENANTS)},
)
TLS = Tls(
    ca="/etc/nats/tls/ca.pem", cert="/etc/nats/tls/server.pem", key="/etc/nats/tls/server.key"
)


def files() -> dict[str, str]:
    """Every generated file, by its path in this folder."""
    pods = _text(nodes=PODS, region="grid")
    return {
        "nats/one.conf": _text(),
        "nats/three.conf": _text(nodes=NODES, region="grid"),
        **{
            f"nats/region-{name}.conf": _text(nodes=nodes, region=name, regions=REGIONS)
            for name, nodes in REGIONS.items()
        },
        "kubernetes/nats.conf": pods,
        "helm/altar-grid/files/nats.conf": pods,
    }


def _text(
    *,
    nodes: tuple[str, ...] = (),
    region: str = "grid",
    regions: dict[str, tuple[str, ...]] | None = None,
) -> str:
    site = Site(
        name="$GRID_SERVER",
        tls=TLS,
        folder="/data",
        host="0.0.0.0",  # noqa: S104 - with TLS, and permissions for everybody
        nodes=nodes,
        region=region,
        regions=regions or {},
    )
    return f"{_HEAD}\n{node_settings(site, KEYS).text()}"


if __name__ == "__main__":
    for path, text in files().items():
        (HERE / path).write_text(text, encoding="utf-8")
