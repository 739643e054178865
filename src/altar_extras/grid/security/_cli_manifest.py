"""``altar manifest sign`` and ``verify``: the root key's work, on a machine outside the grid.

The core's ``altar manifest`` says what may be typed, and loads this.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altar.adm import ToolManifest
from altar.errors import ConfigurationError, InvalidDataError
from altar_extras.grid.security._cli_keys import read_seed
from altar_extras.grid.security._credentials import Credentials
from altar_extras.grid.security._keys import VerifyKey, key_id
from altar_extras.grid.security._manifest import SignedManifest
from altar_extras.grid.security._refused import ManifestRefused
from altar_extras.grid.security._trust import check_signed

if TYPE_CHECKING:
    import argparse

__all__ = ["run_sign", "run_verify"]

_SPAN = re.compile(r"([1-9][0-9]{0,3})([mhd])")
_SECONDS = {"m": 60, "h": 3600, "d": 24 * 3600}


def run_sign(arguments: argparse.Namespace, console: Any) -> int:
    """Sign, and write beside the file what was signed."""
    contracts = [one for path in arguments.files for one in _read(path).contracts]
    manifest = ToolManifest(contracts=tuple(contracts))
    runtimes: dict[str, list[str]] = {one.name: [] for one in manifest.contracts}
    for text in arguments.runtime:
        name, equals, shown = text.rpartition("=")
        if equals and name not in runtimes:
            known = ", ".join(runtimes)
            raise ConfigurationError(f"--runtime {text}: no contract {name!r}; there are {known}")
        for each in [name] if equals else runtimes:
            runtimes[each].append(_key(shown))
    source = Path(arguments.files[0])
    target = Path(arguments.out or source.with_name(f"{source.stem}.signed.json"))
    _check_target(target, arguments.tenant, arguments.sequence)
    signed = SignedManifest.sign(
        manifest,
        root=read_seed(arguments.key),
        tenant=arguments.tenant,
        sequence=arguments.sequence,
        expires=time.time() + _span(arguments.expires),
        runtimes=runtimes,
        revoked=[_key(text) for text in arguments.revoke],
    )
    try:
        signed.write(target)
    except OSError as error:
        raise ConfigurationError(f"{target} cannot be written: {error.strerror}") from error
    console.print(str(target))
    _show(signed, console)
    for name, keys in runtimes.items():
        if not keys:
            console.note(f"no runtime may fulfil {name}; type --runtime {name}=KEY")
    return 0


def run_verify(arguments: argparse.Namespace, console: Any) -> int:
    """Say whether a signed manifest would be believed; exit code 1 when it would not.

    The memory of the highest sequence is each party's own and is not asked.
    """
    root = VerifyKey(arguments.root)
    try:
        signed = SignedManifest.read(arguments.file)
        check_signed(signed, root, arguments.tenant or signed.tenant, time.time())
    except ManifestRefused as refused:
        console.error(f"{arguments.file}: {refused.reason}: {refused.message}")
        return 1
    _show(signed, console)
    return 0


def _check_target(target: Path, tenant: str, sequence: int) -> None:
    """Raise ConfigurationError where a newer manifest, or what is none, would be written over."""
    try:
        held = SignedManifest.read(target) if os.path.lexists(target) else None
    except ManifestRefused as refused:
        message = f"{target} is there and is no signed manifest: give another --out"
        raise ConfigurationError(f"{message} ({refused.message})") from refused
    # a grid that has accepted one never takes another of the same number, nor a lower one
    if held is not None and held.tenant == tenant and sequence <= held.sequence:
        raise ConfigurationError(
            f"--sequence {sequence}: {target} holds sequence {held.sequence} of tenant {tenant}; "
            f"type --sequence {held.sequence + 1}, or another --out"
        )


def _show(signed: SignedManifest, console: Any) -> None:
    until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(signed.expires))
    console.print(f"tenant {signed.tenant}, sequence {signed.sequence}, until {until}")
    console.print(f"root {signed.root}")
    for contract in signed.manifest.contracts:
        keys = ", ".join(key_id(public) for public in signed.runtimes.get(contract.name, ()))
        console.print(f"{contract.name} {contract.version}  runtimes: {keys or 'none'}")
        console.print(f"  {signed.digests[contract.name]}")
    for public in signed.revoked:
        console.print(f"revoked {public}")


def _read(path: str) -> ToolManifest:
    try:
        return ToolManifest.read(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except InvalidDataError as error:
        raise InvalidDataError(path, error.problems) from error


def _key(text: str) -> str:
    """A public key as typed, or that of the credentials file named."""
    if text.endswith(".json"):
        return Credentials.read(text).key.public
    return VerifyKey(text).public


def _span(text: str) -> int:
    form = _SPAN.fullmatch(text)
    if form is None:
        raise ConfigurationError(f"--expires {text}: type minutes, hours or days: 90m, 12h, 30d")
    return int(form[1]) * _SECONDS[form[2]]
