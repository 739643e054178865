"""Broken JSON: what a model meant, what was changed to read it, and a value as it comes."""

from __future__ import annotations

from dataclasses import dataclass

from altar import repair

ANSWER = """Sure! Here is your order:

```json
{
  'customer': 'Ada',           // as in the passport
  "note": "write "fragile" on it",
  items: [
    {"article": "vase", "pieces": 1,},
    {"article": "plate" "pieces": 012}
  ],
  'gift': True,
```
"""


@dataclass
class Order:
    """What the answer should hold."""

    customer: str
    pieces: int
    gift: bool = False


if __name__ == "__main__":
    result = repair.parse(ANSWER)
    print(result.value)
    for fix in result.fixes:
        print(f"  {fix.code} at {fix.start}: {fix.before!r} -> {fix.after!r}")
    print(f"confidence {result.confidence:.0%}")

    # a schema says what values mean
    print(repair.loads("{Customer: Ada, pieces: '1,200 pieces', gift: yes}", Order))

    # no guesses: what is riskier than 0.2 is refused
    try:
        repair.loads('{"customer": "Ada", "pieces": 1', max_risk=0.2)
    except repair.RepairError as error:
        print(f"refused: {error}")

    # a value as it comes
    parser = repair.StreamParser()
    for chunk in ('{"customer": "A', 'da", "pieces": 1', "2, 'gi", "ft': True"):
        print(parser.feed(chunk))
    print(parser.close().value)
