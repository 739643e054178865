"""Where the test corpora lie: ``ALTAR_CORPUS``, or ``../shared/corpus`` beside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def corpus(*parts: str) -> Path:
    """A folder or file of the corpora; skips the test, with the reason, where there is none."""
    base = Path(os.environ.get("ALTAR_CORPUS") or ROOT.parent / "shared" / "corpus")
    found = base.joinpath(*parts)
    if not found.exists():
        pytest.skip(f"corpus {'/'.join(parts)} is not here: set ALTAR_CORPUS to its folder")
    return found


def corpus_files(*parts: str, pattern: str = "*") -> list[Path]:
    """The files of a corpus folder for parametrisation; empty where there is none."""
    base = Path(os.environ.get("ALTAR_CORPUS") or ROOT.parent / "shared" / "corpus")
    return sorted(base.joinpath(*parts).glob(pattern))
