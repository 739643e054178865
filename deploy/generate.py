# ruff: noqa: INP001 - a script
"""Write the generated files of this folder: ``python deploy/generate.py`` (needs PyYAML).

nats/ holds the servers' configurations, kubernetes/ the chart of helm/ with its own values. A test
compares them with what is here. For other names or tenants change NODES or TENANTS and run it
again; keys come from the servers' environment (keys.env, or the chart's ``keys``).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from altar_extras.grid.server import GridKeys, Site, Tls, node_settings

HERE = Path(__file__).parent
CHART = HERE / "helm" / "altar-grid"
TENANTS = ("acme",)
NODES = ("n1", "n2", "n3")
REGIONS = {
    "east": ("east-1.example.net", "east-2.example.net", "east-3.example.net"),
    "west": ("west-1.example.net", "west-2.example.net", "west-3.example.net"),
}
# The pods of a StatefulSet, each with a name of its own behind a headless service.
PODS = tuple(f"altar-grid-nats-{number}.altar-grid-nats" for number in range(3))

_HEAD = "# Written by deploy/generate.py"
KEYS = GridKeys(
    issuer="$GRID_ISSUER",
    hosts={name: f"$GRID_KEY_{name.upper()}" for name in ("GRID", "SYS", *TENANTS)},
)
TLS = Tls(
    ca="/etc/nats/tls/ca.pem", cert="/etc/nats/tls/server.pem", key="/etc/nats/tls/server.key"
)
_ACTION = re.compile(r"(\s*)\{\{(-?)\s*(.*?)\s*(-?)\}\}(\s*)", re.DOTALL)


def files() -> dict[str, str]:
    """Every generated file, by its path in this folder."""
    pods = _conf(nodes=PODS)
    made = {
        "nats/one.conf": _conf(),
        "nats/three.conf": _conf(nodes=NODES),
        "helm/altar-grid/files/nats.conf": pods,
    }
    for name, nodes in REGIONS.items():
        made[f"nats/region-{name}.conf"] = _conf(nodes=nodes, region=name, regions=REGIONS)
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    for template in sorted((CHART / "templates").glob("*.yaml")):
        text = rendered(template.read_text("utf-8"), values, {"files/nats.conf": pods})
        made[f"kubernetes/{template.name}"] = f"{_HEAD} from the chart in helm/.\n{text}"
    return made


def rendered(template: str, values: dict[str, Any], attached: dict[str, str]) -> str:
    """A template of the chart, as helm renders it: of its language the templates use values, files,
    ``quote``, ``toJson``, ``indent`` and ``if``, and nothing else is taken here.
    """
    out: list[str] = []
    shown = [True]
    at = 0
    for match in _ACTION.finditer(template):
        before, trim_left, action, trim_right, after = match.groups()
        if shown[-1]:
            out.append(template[at : match.start()] + ("" if trim_left else before))
        at = match.end() - (0 if trim_right else len(after))
        if action == "end":
            shown.pop()
        elif action.startswith("if "):
            shown.append(shown[-1] and bool(_value(action[3:], values, attached)))
        elif shown[-1]:
            out.append(str(_value(action, values, attached)))
    if len(shown) != 1:
        raise ValueError("an if without its end")
    return "".join([*out, template[at:]])


def _value(expression: str, values: dict[str, Any], attached: dict[str, str]) -> Any:
    source, *filters = (part.strip() for part in expression.split("|"))
    if source.startswith(".Files.Get "):
        value: Any = attached[json.loads(source.removeprefix(".Files.Get "))]
    else:
        root, *names = source.removeprefix(".").split(".")
        if root != "Values":
            raise ValueError(f"{expression!r}: only values and files")
        value = values
        for name in names:
            value = value[name]
    for each in filters:
        if each == "quote":
            value = json.dumps(str(value))
        elif each == "toJson":
            value = json.dumps(value, separators=(",", ":"), sort_keys=True)
        elif each.startswith("indent "):
            pad = " " * int(each.removeprefix("indent "))
            value = "\n".join(pad + line for line in value.split("\n"))
        else:
            raise ValueError(f"{each!r} is no filter here")
    return value


def _conf(
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
    return (
        f"{_HEAD}; keys and the name come from the environment.\n{node_settings(site, KEYS).text()}"
    )


if __name__ == "__main__":
    for path, text in files().items():
        (HERE / path).write_text(text, encoding="utf-8")
