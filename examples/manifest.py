"""Manifests: what tools promise their callers, written down, and compared later."""

from __future__ import annotations

import tempfile
from pathlib import Path

import altar
from altar.adm import ToolContract, ToolManifest


def ship(order: int, express: bool = False) -> str:
    """Ship an order.

    Args:
        order: Its number.
        express: Whether it is urgent.
    """
    return f"order {order} {'flies' if express else 'rolls'}"


def ship_next(order: int, country: str) -> str:
    """Ship an order.

    Args:
        order: Its number.
        country: Where to.
    """
    return f"order {order} to {country}"


def manifest_of(function: object, version: str) -> ToolManifest:
    """One contract with one function."""
    contract = ToolContract(
        name="shop",
        version=version,
        description="The tools of a shop.",
        function_declarations=(altar.declare(function, name="ship"),),
    )
    return ToolManifest(contracts=(contract,))


if __name__ == "__main__":
    path = Path(tempfile.mkdtemp()) / "tools.json"
    manifest_of(ship, "1.0.0").write(path)
    before = ToolManifest.read(path)
    print(before.digest == manifest_of(ship, "1.0.0").digest)

    difference = before.diff(manifest_of(ship_next, "1.1.0"))
    print(difference)
    print("a new major version is needed:", difference.under_versioned)
