"""Values as programming languages print them, and brackets that are of the other kind."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

reprs = partial(Case, "reprs")

_ROW = list(range(200))

CASES = [
    reprs("{'a': array([1, 2]), 'b': None, 'c': <x y>}", {"a": [1, 2], "b": None, "c": "<x y>"}),
    reprs(
        """{"a": Counter({'x': 2}), "b": deque([1]), "c": Decimal('1.5'), "d": 1}""",
        {"a": {"x": 2}, "b": [1], "c": "1.5", "d": 1},
    ),
    reprs(
        '{"a": tensor([0.1], device="cuda:0"), "b": datetime.date(2024, 1, 2), "c": 1}',
        {"a": 'tensor([0.1], device="cuda:0")', "b": "datetime.date(2024, 1, 2)", "c": 1},
    ),
    reprs("[array([1, 2]), set(), 3]", [[1, 2], None, 3]),
    reprs(f'{{"a": array({_ROW}), "b": 2}}', {"a": _ROW, "b": 2}),
    reprs(f'{{"a": array({_ROW}, dtype=int8), "b": 2}}', {"a": _ROW, "b": 2}),
    reprs("{'a': <Foo object at 0x1>, 'b': 2}", {"a": "<Foo object at 0x1>", "b": 2}),
    reprs('{"a": <b>x</b>, "c": 1}', {"a": "<b>x</b>", "c": 1}),
    reprs('{"a": see <b>x</b> or <br/>, "c": 1}', {"a": "see <b>x</b> or <br/>", "c": 1}),
    reprs("[<Foo at 0x1>, <Bar at 0x2>]", ["<Foo at 0x1>", "<Bar at 0x2>"]),
    reprs(
        'Order(order_id="A", items=[Item(name="nut", qty=2)])',
        {"order_id": "A", "items": [{"name": "nut", "qty": 2}]},
    ),
    reprs(
        "{'o': Item(name='it\\'s', p=P(x=1)), 'b': 1}",
        {"o": {"name": "it's", "p": {"x": 1}}, "b": 1},
    ),
    reprs('{"a": {{x}}, "b": {y}, "c": [{z}]}', {"a": "{{x}}", "b": "{y}", "c": ["{z}"]}),
    reprs('{"a": -', {"a": None}),
    reprs('{"a": [1, 2, 3, "b": 2]}', {"a": [1, 2, 3], "b": 2}),
    reprs('{"a": 1\n{"a": 2\n{"a": 3}', [{"a": 1}, {"a": 2}, {"a": 3}]),
    reprs("{'a': 1,\n{'a': 2,\n{'a': 3}", [{"a": 1}, {"a": 2}, {"a": 3}]),
    reprs('["id": 1, "n": 2]', {"id": 1, "n": 2}),
    reprs('{"x": ["id": 1, "n": 2], "b": 3}', {"x": {"id": 1, "n": 2}, "b": 3}),
    reprs('["id": 1, "n": 2}', {"id": 1, "n": 2}),
    reprs('["id": 1}, {"id": 2}]', [{"id": 1}, {"id": 2}]),
    reprs('{"tags": {"a", "b"], "n": 1}', {"tags": ["a", "b"], "n": 1}),
    reprs('{"tags": {"a"], "n": 1}', {"tags": ["a"], "n": 1}),
    reprs('{"a": "x"</b>, "c": {"d": 1</i>}, "e": 2}', {"a": "x", "c": {"d": 1}, "e": 2}),
    reprs('{"a": 1```, "c": 1}', {"a": 1, "c": 1}),
    reprs(
        '{"people": [{"name": "Li", "tags": ["a]}, {"name": "Jo", "tags": ["b"]}]}',
        {"people": [{"name": "Li", "tags": ["a"]}, {"name": "Jo", "tags": ["b"]}]},
    ),
    reprs("\\boxed{42}", "\\boxed{42}"),
    reprs('{"a": 1}\n- see [none]', {"a": 1}),
    reprs('"{"a": 1}"', {"a": 1}),
    reprs('"[{"a": "x"}, 2]"', [{"a": "x"}, 2]),
    reprs("user:\n  name: Bob\n  age: 3", "user:\n  name: Bob\n  age: 3"),
]
