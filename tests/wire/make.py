"""Write the golden frames: ``python -m tests.wire.make``; with ``tables``, print those of the page.

A frame once written is a promise to other languages: look at what git says changed.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from altar.adm import ToolContract, canonical_bytes
from altar_extras.grid import wire
from tests.wire.golden import BAD, CONTRACTS, FRAMES, GOOD, TOKENS, kinds, rows_of


def documents() -> dict[str, list[dict[str, Any]]]:
    """File name -> the frames in it."""
    good = [
        {
            "name": name,
            "message": json.loads(wire.pack_json(message)),
            "hex": wire.pack(message).hex(),
        }
        for name, message in GOOD.items()
    ]
    bad = [
        {"name": name, "fate": fate, "reason": reason, "hex": body.hex()}
        for name, (fate, reason, body) in BAD.items()
    ]
    tokens = [{"name": name, "token": token} for name, token in TOKENS.items()]
    contracts = [
        {
            "name": name,
            "contract": written,
            "canonical": canonical_bytes(ToolContract.from_dict(written).to_dict()).decode(),
            "digest": ToolContract.from_dict(written).digest,
        }
        for name, written in CONTRACTS.items()
    ]
    return {
        "messages.json": good,
        "bad.json": bad,
        "tokens.json": tokens,
        "contracts.json": contracts,
    }


def main() -> None:
    """Write the files, or print the tables."""
    if sys.argv[1:] == ["tables"]:
        for name, cls in kinds().items():
            print(f"\n**{name}**\n\n| field | kind | absent | |\n|---|---|---|---|")
            for field, kind, absent in rows_of(cls):
                print(f"| `{field}` | {kind} | {absent} | |")
        return
    FRAMES.mkdir(exist_ok=True)
    for name, frames in documents().items():
        text = json.dumps(frames, indent=1, ensure_ascii=False)
        (FRAMES / name).write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
