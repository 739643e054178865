"""Keys and values without quotes, and lines that look like YAML."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

key = partial(Case, "unquoted_keys")
value = partial(Case, "unquoted_values")
yaml = partial(Case, "yaml_like")
bold = partial(Case, "bold_keys")

CASES = [
    key('{name: "Ada", age: 36}', {"name": "Ada", "age": 36}),
    key(
        '{first name: "Ada", last-name: "L", _id: 1, $ref: "x"}',
        {"first name": "Ada", "last-name": "L", "_id": 1, "$ref": "x"},
    ),
    key('{user: {id: 7, tags: ["a"]}, ok: true}', {"user": {"id": 7, "tags": ["a"]}, "ok": True}),
    key('{1: "one", 2: "two"}', {"1": "one", "2": "two"}),
    key('{größe: 3, città: "Roma", 名: "x"}', {"größe": 3, "città": "Roma", "名": "x"}),
    key('{a.b.c: 1, x/y: 2, @type: "t"}', {"a.b.c": 1, "x/y": 2, "@type": "t"}),
    key('{\n  name: "Ada"\n  age: 36\n}', {"name": "Ada", "age": 36}),
    key("{null: 1, true: 2, None: 3}", {"null": 1, "true": 2, "None": 3}),
    key("{\"a\": 1, b: 2, 'c': 3}", {"a": 1, "b": 2, "c": 3}),
    key("{total (EUR): 12.5, n#: 3}", {"total (EUR)": 12.5, "n#": 3}),
    key('[{id: 1, v: "x"}, {id: 2, v: "y"}]', [{"id": 1, "v": "x"}, {"id": 2, "v": "y"}]),
    value('{"city": Buenos Aires, "n": 1}', {"city": "Buenos Aires", "n": 1}),
    value('{"city": Buenos Aires}', {"city": "Buenos Aires"}),
    value("{city: Rome, country: Italy}", {"city": "Rome", "country": "Italy"}),
    value('{"day": 2031-05-04, "n": 1}', {"day": "2031-05-04", "n": 1}),
    value('{"at": 09:45, "n": 1}', {"at": "09:45", "n": 1}),
    value('{"at": 2031-05-04T09:45:10+02:00, "n": 1}', {"at": "2031-05-04T09:45:10+02:00", "n": 1}),
    value('{"at": 2031-05-04 09:45:10, "n": 1}', {"at": "2031-05-04 09:45:10", "n": 1}),
    value('{"price": $19.99, "n": 1}', {"price": "$19.99", "n": 1}),
    value('{"price": 19.99 EUR, "n": 1}', {"price": "19.99 EUR", "n": 1}),
    value('{"price": €1.234,50, "n": 1}', {"price": "€1.234,50", "n": 1}),
    value(
        '{"w": 70kg, "h": 180 cm, "t": -4°C, "p": 12%}',
        {"w": "70kg", "h": "180 cm", "t": "-4°C", "p": "12%"},
    ),
    value(
        '{"phone": +1 555-0100, "ip": 10.0.0.1, "v": v1.2.3}',
        {"phone": "+1 555-0100", "ip": "10.0.0.1", "v": "v1.2.3"},
    ),
    value(
        '{"id": 3f2a-9c01, "sha": 1a2b3c4, "n": 1}', {"id": "3f2a-9c01", "sha": "1a2b3c4", "n": 1}
    ),
    value(
        '{"url": https://a.example/p?x=1&y=2, "n": 1}',
        {"url": "https://a.example/p?x=1&y=2", "n": 1},
    ),
    value('{"mail": bo@a.example, "n": 1}', {"mail": "bo@a.example", "n": 1}),
    value('{"path": /var/log/app.log, "n": 1}', {"path": "/var/log/app.log", "n": 1}),
    value('{"path": C:\\data\\x.txt, "n": 1}', {"path": "C:\\data\\x.txt", "n": 1}),
    value('{"s": well, that is it, "n": 1}', {"s": "well, that is it", "n": 1}),
    value('{"s": Portland, OR, "zip": "97201"}', {"s": "Portland, OR", "zip": "97201"}),
    value('{"s": he said: fine, "n": 1}', {"s": "he said: fine", "n": 1}),
    value(
        '{"a": yes, "b": no, "c": on, "d": n/a}',
        {"a": "yes", "b": "no", "c": "on", "d": "n/a"},
        {"a": True, "b": False, "c": True, "d": "n/a"},
    ),
    value("[red, green, dark blue]", ["red", "green", "dark blue"]),
    value("[10:30, 11:00]", ["10:30", "11:00"]),
    value('{"expr": 3 + 4 * 2, "n": 1}', {"expr": "3 + 4 * 2", "n": 1}),
    value('{"fn": lambda x: x + 1, "n": 1}', {"fn": "lambda x: x + 1", "n": 1}),
    value(
        '{"range": 1-5, "ratio": 16:9, "score": 8/10}',
        {"range": "1-5", "ratio": "16:9", "score": "8/10"},
    ),
    value("{\n  status: in progress\n  owner: Bo\n}", {"status": "in progress", "owner": "Bo"}),
    value(
        '{"t": truely, "f": falsey, "n": nullable}', {"t": "truely", "f": "falsey", "n": "nullable"}
    ),
    value('{"q": Is it so? Yes! , "n": 1}', {"q": "Is it so? Yes!", "n": 1}),
    value('{"name": Dr. O\'Brien, "n": 1}', {"name": "Dr. O'Brien", "n": 1}),
    value('{"t": the "best" one, "n": 1}', {"t": 'the "best" one', "n": 1}),
    value('{"enum": Color.RED, "n": 1}', {"enum": "Color.RED", "n": 1}),
    value('{"size": 3x4, "n": 2nd}', {"size": "3x4", "n": "2nd"}),
    yaml("name: Ada\nage: 36\nok: true", {"name": "Ada", "age": 36, "ok": True}),
    yaml('"name": "Ada"\n"tags": ["x", "y"]', {"name": "Ada", "tags": ["x", "y"]}),
    yaml('name: "Ada",\nage: 36,', {"name": "Ada", "age": 36}),
    yaml("city: New York\ncountry: USA", {"city": "New York", "country": "USA"}),
    yaml("---\nname: Ada\nage: 36\n", {"name": "Ada", "age": 36}),
    yaml('{\n  tags:\n    - "a"\n    - "b"\n}', {"tags": ["a", "b"]}),
    yaml("title: Soup: the basics\nminutes: 30", {"title": "Soup: the basics", "minutes": 30}),
    bold('{**name**: "Ada", **age**: 36}', {"name": "Ada", "age": 36}),
    bold('{**"name"**: "Ada", **"age"**: 36}', {"name": "Ada", "age": 36}),
    bold('{"**name**": "Ada", x: 1}', {"**name**": "Ada", "x": 1}, {"name": "Ada", "x": 1}),
    bold(
        '{*name*: "Ada", __age__: 36}', {"name": "Ada", "age": 36}, {"name": "Ada", "__age__": 36}
    ),
    bold('{\n  - **city**: "Rome",\n  - **zip**: "00100"\n}', {"city": "Rome", "zip": "00100"}),
    bold('**name**: "Ada"\n**age**: 36', {"name": "Ada", "age": 36}),
    bold('{`name`: "Ada", **tags**: ["x"]}', {"name": "Ada", "tags": ["x"]}),
]
