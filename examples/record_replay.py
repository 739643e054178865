"""Record a conversation once, replay it for ever: no key, no network, the same answers.

python examples/record_replay.py                         # records the offline demo model
python examples/record_replay.py gemini:gemini-3.8-flash # a real one
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from quickstart import get_weather

import altar
from altar.errors import CassetteError
from altar.testing import cassette


def ask(path: Path, prompt: str, model: str | None = None) -> str:
    """One conversation, recorded into ``path`` when that is not there yet, else replayed."""
    with cassette(path, model) as recorded:
        return altar.generate(prompt, model=recorded, tools=[get_weather]).text


if __name__ == "__main__":
    model = sys.argv[1] if len(sys.argv) > 1 else "offline:"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "weather.jsonl"
        first = ask(path, "What is the weather in Oslo?", model)
        print(first)
        print("recorded", len(path.read_text("utf-8").splitlines()), "lines")

        again = ask(path, "What is the weather in Oslo?")
        print("replayed, the same:", again == first)

        try:
            ask(path, "What is the weather in Rome?")
        except CassetteError as error:
            print("another question is not in it:", str(error).splitlines()[0])
