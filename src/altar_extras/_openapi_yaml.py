"""YAML documents as JSON values, by PyYAML: bounded, and with the words of YAML 1.2."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

try:
    import yaml  # type: ignore[import-untyped, unused-ignore]
except ModuleNotFoundError as error:
    raise ImportError(
        "altar_extras.openapi reads YAML with the library PyYAML (JSON needs none); type: "
        'pip install "PyYAML>=6" or pip install ".[openapi]"'
    ) from error

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["read_yaml"]

_DEEPEST = 100
# the last ones are PyYAML's own, of tags (!!int "") on what they do not fit
_FAULTS = (
    *(yaml.YAMLError, RecursionError, ValueError, TypeError),
    *(LookupError, AttributeError, ArithmeticError),
)
_MOST_MERGED = 100_000
_MOST_SOURCES = 20
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOOL = "tag:yaml.org,2002:bool"
_MERGE, _VALUE, _TEXT = (f"tag:yaml.org,2002:{word}" for word in ("merge", "value", "str"))
_DROPPED = {_BOOL, "tag:yaml.org,2002:timestamp"}  # "no" is Norway, and a date stays a text
_BOOL_WORDS = {"true", "True", "TRUE", "false", "False", "FALSE"}


class _Loader(_Base):  # type: ignore[misc]
    """A SafeLoader without dates, with YAML 1.2's two booleans, and with bounded merges."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own form
        first: [(tag, pattern) for tag, pattern in known if tag not in _DROPPED]
        for first, known in _Base.yaml_implicit_resolvers.items()
    }
    merged = 0

    def flatten_mapping(self, node: Any) -> None:
        """Merge keys (<<) written out; what they add is counted before it is made."""
        own: list[Any] = []
        sources: list[Any] = []
        for key, value in node.value:
            if key.tag == _MERGE:
                sources += value.value if isinstance(value, yaml.SequenceNode) else [value]
            else:
                own.append((key, value))
            if key.tag == _VALUE:
                key.tag = _TEXT
        if len(own) == len(node.value):
            return
        if len(sources) > _MOST_SOURCES:
            raise yaml.YAMLError(f"a merge key (<<) of more than {_MOST_SOURCES} mappings")
        node.value = own  # from here on: a merge that leads back to itself adds this alone
        made: list[Any] = []
        for source in reversed(sources):  # the first that has a key has the say
            if not isinstance(source, yaml.MappingNode):
                raise yaml.YAMLError("a merge key (<<) of what is no mapping")
            self.flatten_mapping(source)
            self.merged += len(source.value)
            if self.merged > _MOST_MERGED:
                raise yaml.YAMLError("merge keys (<<) that multiply without end")
            made += source.value
        node.value = made + own


def _plain_bool(loader: Any, node: Any) -> Any:
    return loader.construct_scalar(node).lower() == "true"


for _first in "tTfF":
    _resolvers: Any = _Loader.yaml_implicit_resolvers
    _words = re.compile("^(?:true|True|TRUE|false|False|FALSE)$")
    _resolvers.setdefault(_first, []).append((_BOOL, _words))
_Loader.add_constructor(_BOOL, _plain_bool)


def read_yaml(text: str, where: str) -> Any:
    """The value of a YAML text; raises ConfigurationError where it is none, or too deep."""
    try:
        _check_depth(yaml.parse(text, Loader=_Base))
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except _FAULTS as error:
        said = " ".join(str(error).split())[:200]
        raise ConfigurationError(f"{where} is no YAML: {said}") from None


def _check_depth(events: Iterable[Any]) -> None:
    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise yaml.YAMLError(f"more than {_DEEPEST} nested levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
