"""Plugins: names -> "module:attribute", altar's own and those that entry points add.

A model prefix or a runtime mode is loaded when it is first used. The
entry-point groups are ``altar.providers`` (a factory: model name -> Provider)
and ``altar.runtimes`` (a factory: Settings -> Runtime); altar's own names win
over an entry point's. The group ``altar.types`` is read where types are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoint

__all__ = [
    "Plugin",
    "check_model",
    "is_provider_name",
    "load_provider",
    "load_runtime",
    "own_name",
    "provider_help",
    "provider_names",
    "runtime_names",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One of altar's own: where it is, and the library it needs.

    ``library`` is the module that must be importable and ``requirement`` what
    pip calls it (both empty when the standard library will do); ``extra`` is
    altar's name for it; ``example`` a model name to show.
    """

    target: str
    library: str = ""
    requirement: str = ""
    extra: str = ""
    example: str = ""


_GEMINI = Plugin(
    target="altar_extras.gemini:GeminiProvider",
    library="google.genai",
    requirement="google-genai>=2.30",
    extra="gemini",
    example="gemini-3.8-flash",
)
_LOCAL = Plugin(target="altar.llm.openai_compatible:LocalProvider", example="qwen3")
_OPENAI = Plugin(
    target="altar_extras.openai:OpenAIProvider",
    library="openai",
    requirement="openai>=2.54",
    extra="openai",
    example="gpt-5.5",
)
_PROVIDERS = {
    "offline": Plugin(target="altar.llm._offline:OfflineProvider", example=""),
    "local": _LOCAL,
    "openai-compatible": _LOCAL,
    "gemini": _GEMINI,
    "google-genai": _GEMINI,
    "gemini-interactions": replace(
        _GEMINI, target="altar_extras.gemini_interactions:InteractionsProvider"
    ),
    "vertex": replace(_GEMINI, target="altar_extras.gemini:VertexProvider"),
    "anthropic": Plugin(
        target="altar_extras.anthropic:AnthropicProvider",
        library="anthropic",
        requirement="anthropic>=2",
        extra="anthropic",
        example="claude-opus-5-5",
    ),
    "openai": _OPENAI,
    "openai-chat": replace(_OPENAI, target="altar_extras.openai_chat:OpenAIChatProvider"),
}
_RUNTIMES = {
    "grid": Plugin(
        target="altar_extras.grid.client:from_settings",
        library="nats",
        requirement="nats-py[nkeys]>=2.16",
        extra="grid",
    ),
}
# what people type for a prefix: the names of vendors, of their models, of other libraries
_WORDS = {
    "azure": "openai",
    "chatgpt": "openai",
    "claude": "anthropic",
    "google": "gemini",
    "gpt": "openai",
    "llama.cpp": "local",
    "lmstudio": "local",
    "ollama": "local",
    "openai-responses": "openai",
    "vertexai": "vertex",
    "vllm": "local",
}
_OBJECT = "an object with the Provider protocol (docs/loop.md shows one)"
_TREE = (
    "Type it in altar's source tree: an unrelated package holds the name altar on the public index."
)


def provider_names() -> tuple[str, ...]:
    """Every model prefix that is known, usable or not."""
    return tuple(sorted({*_PROVIDERS, *_entries("altar.providers")}))


def is_provider_name(name: str) -> bool:
    """Whether ``name`` is a model prefix; entry points are read for what is not altar's own."""
    return name in _PROVIDERS or name in _entries("altar.providers")


def own_name(name: str) -> str:
    """What the provider behind a prefix calls itself: "gemini" for "google-genai"."""
    plugin = _PROVIDERS.get(name)
    if plugin is None:
        return name
    return next(first for first, one in _PROVIDERS.items() if one.target == plugin.target)


def runtime_names() -> tuple[str, ...]:
    """Every mode that works now: "local", and the runtimes that can be loaded."""
    own = [name for name, plugin in _RUNTIMES.items() if _usable(plugin)]
    return tuple(sorted({"local", *own, *_entries("altar.runtimes")}))


def load_provider(model: str) -> Any:
    """The Provider for ``"prefix:name"``.

    Raises ConfigurationError, which says what is usable and what to type,
    for an unknown prefix, for one this version of altar does not hold yet,
    and for one whose library is missing.
    """
    source, prefix, name = _source(model)
    if isinstance(source, Plugin):
        return _load_own(f"'{prefix}:'", source, f" {_usable_providers()}.")(name)
    return _load_entry(source)(name)


def check_model(model: str) -> None:
    """Raise ConfigurationError for a model that cannot be looked up; imports no library."""
    _source(model)


def _source(model: str) -> tuple[Plugin | EntryPoint, str, str]:
    """Where the provider of ``model`` is, its prefix, and the model's own name."""
    prefix, colon, name = (part.strip() for part in model.partition(":"))
    plugin = _PROVIDERS.get(prefix)
    if plugin is not None:
        if not _brought(plugin):
            raise ConfigurationError(
                f"this version of altar has no '{prefix}:' provider. {_usable_providers()}. "
                f"Planned: {_planned(prefix, plugin)}."
            )
        if not name and plugin.example:
            raise ConfigurationError(
                f"{model!r} names no model; type, for example, '{prefix}:{plugin.example}'"
            )
        return plugin, prefix, name
    entry = _entries("altar.providers").get(prefix)
    if entry is not None:
        return entry, prefix, name
    if not colon:
        hint = _suggested(prefix, None) or "."
        raise ConfigurationError(
            f"the model {model!r} has no prefix; write 'prefix:name'{hint} {provider_help()}"
        )
    hint = _suggested(prefix, name) or "."
    raise ConfigurationError(
        f"unknown model provider {prefix!r} in {model!r}{hint} {provider_help()}"
    )


def _suggested(word: str, name: str | None) -> str:
    """What was meant by a prefix nobody has, or (``name`` is None) by a text without one."""
    known = provider_names()
    said = word.lower().replace("_", "-")
    family = said.partition("-")[0]
    found = said if said in known else _WORDS.get(said)
    if found is None and name is None:  # the model alone, which often says whose it is
        found, name = family if family in known else _WORDS.get(family), word
    if found is None and name is not word:
        found = next(iter(get_close_matches(said, known, n=1, cutoff=0.7)), _WORDS.get(family))
    if found is None:
        return ""
    example = _PROVIDERS[found].example if found in _PROVIDERS else ""
    return f"; did you mean '{found}:{name or example}'?"


def _usable_providers() -> str:
    usable = {name for name, plugin in _PROVIDERS.items() if _usable(plugin)}
    usable.update(_entries("altar.providers"))
    names = ", ".join([f"'{name}:'" for name in sorted(usable)])
    return f"Usable now: {names}, or {_OBJECT}"


def provider_help() -> str:
    """Which prefixes are usable now, what to install for others, and which are yet to come."""
    text = f"{_usable_providers()}."
    # the first of several names of one provider is its own
    rows = {plugin.target: (name, plugin) for name, plugin in reversed(_PROVIDERS.items())}
    waiting = sorted(row for row in rows.values() if not _usable(row[1]))
    lines: dict[str, list[str]] = {}
    for name, plugin in waiting:
        if _brought(plugin):
            lines.setdefault(_pip(plugin), []).append(f"'{name}:'")
    install = [f"{', '.join(names)} with {line}" for line, names in lines.items()]
    planned = [_planned(name, plugin) for name, plugin in waiting if not _brought(plugin)]
    if install:
        text += f" To be installed: {'; '.join(install)}. {_TREE}"
    if planned:
        text += f" Planned, and not in this version: {', '.join(planned)}."
    return text


def _planned(name: str, plugin: Plugin) -> str:
    """What will bring a provider that is not there yet: nothing that could be typed today."""
    what = f'the extra ".[{plugin.extra}]"' if plugin.extra else "altar itself"
    return f"'{name}:' with {what}"


def _pip(plugin: Plugin) -> str:
    """The lines that install what ``plugin`` needs."""
    return f'pip install "{plugin.requirement}" or pip install ".[{plugin.extra}]"'


def load_runtime(name: str) -> Callable[[Any], Any]:
    """The runtime factory of mode ``name``; raises ConfigurationError when there is none."""
    plugin = _RUNTIMES.get(name)
    if plugin is not None:
        if not _brought(plugin):
            planned = f'Planned: {name!r} with the extra ".[{plugin.extra}]".'
            raise ConfigurationError(f"this version of altar has no mode {name!r}. {planned}")
        return _load_own(repr(name), plugin, "")
    entry = _entries("altar.runtimes").get(name)
    if entry is None:
        known = ", ".join(repr(mode) for mode in sorted({*runtime_names(), *_RUNTIMES}))
        raise ConfigurationError(f"unknown mode {name!r}; known are {known}")
    return _load_entry(entry)


def _load_own(shown: str, plugin: Plugin, usable: str) -> Callable[..., Any]:
    if plugin.library and not _found(plugin.library):
        library = plugin.requirement.partition(">")[0].partition("[")[0]
        raise ConfigurationError(
            f"{shown} needs the library {library}, which is not installed; type {_pip(plugin)} "
            f"for altar with it. {_TREE}{usable}"
        )
    module, _, attribute = plugin.target.partition(":")
    factory: Callable[..., Any] = getattr(import_module(module), attribute)
    return factory


def _load_entry(entry: EntryPoint) -> Callable[..., Any]:
    try:
        factory: Callable[..., Any] = entry.load()
    except (ImportError, AttributeError) as error:
        package = entry.dist.name if entry.dist is not None else "an installed package"
        raise ConfigurationError(
            f"the plugin {entry.name!r} of {package} ({entry.value}) cannot be loaded: {error}"
        ) from error
    return factory


def _entries(group: str) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - 20 ms, for names not altar's own

    return {entry.name: entry for entry in entry_points(group=group)}


def _usable(plugin: Plugin) -> bool:
    return _brought(plugin) and (not plugin.library or _found(plugin.library))


def _brought(plugin: Plugin) -> bool:
    """Whether this version of altar holds the module at all."""
    return _found(plugin.target.partition(":")[0])


def _found(module: str) -> bool:
    """Whether ``module`` can be imported, without importing it."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # its package is missing, or broken
        return False
