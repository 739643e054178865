"""Plugins: names -> "module:attribute", altar's own and those that entry points add.

A model prefix or a runtime mode is loaded when it is first used. The
entry-point groups are ``altar.providers`` (a factory: model name -> Provider)
and ``altar.runtimes`` (a factory: Settings -> Runtime); altar's own names win
over an entry point's. The group ``altar.types`` is read where types are.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    "load_provider",
    "load_runtime",
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
_LOCAL = Plugin(target="altar.llm._openai_compatible:LocalProvider", example="qwen3")
_PROVIDERS = {
    "offline": Plugin(target="altar.llm._offline:OfflineProvider", example=""),
    "local": _LOCAL,
    "openai-compatible": _LOCAL,
    "gemini": _GEMINI,
    "google-genai": _GEMINI,
    "anthropic": Plugin(
        target="altar_extras.anthropic:AnthropicProvider",
        library="anthropic",
        requirement="anthropic>=2",
        extra="anthropic",
        example="claude-opus-5-5",
    ),
    "openai": Plugin(
        target="altar_extras.openai:OpenAIProvider",
        library="openai",
        requirement="openai>=2.54",
        extra="openai",
        example="gpt-5.5",
    ),
}
_RUNTIMES = {
    "grid": Plugin(
        target="altar_extras.grid:GridRuntime",
        library="nats",
        requirement="nats-py>=2.11",
        extra="grid",
    ),
}
_TREE = (
    "Type it in altar's source tree: an unrelated package holds the name altar on the public index."
)


def provider_names() -> tuple[str, ...]:
    """Every model prefix that is known, usable or not."""
    return tuple(sorted({*_PROVIDERS, *_entries("altar.providers")}))


def runtime_names() -> tuple[str, ...]:
    """Every mode that works now: "local", and the runtimes that can be loaded."""
    own = [name for name, plugin in _RUNTIMES.items() if _usable(plugin)]
    return tuple(sorted({"local", *own, *_entries("altar.runtimes")}))


def load_provider(model: str) -> Any:
    """The Provider for ``"prefix:name"``.

    Raises ConfigurationError, which says what is usable and what to type,
    for an unknown prefix and for one whose library is missing.
    """
    prefix, colon, name = model.partition(":")
    prefix = prefix.strip()
    plugin = _PROVIDERS.get(prefix)
    if plugin is not None:
        if not name.strip() and plugin.example:
            raise ConfigurationError(
                f"{model!r} names no model; type, for example, '{prefix}:{plugin.example}'"
            )
        return _load_own(prefix, plugin, _usable_providers())(name.strip())
    entry = _entries("altar.providers").get(prefix)
    if entry is not None:
        return _load_entry(entry)(name.strip())
    if not colon:
        raise ConfigurationError(
            f"the model {model!r} has no prefix; write 'prefix:name'. {provider_help()}"
        )
    near = get_close_matches(prefix, provider_names(), n=1)
    hint = f"; did you mean '{near[0]}:{name}'?" if near else "."
    raise ConfigurationError(
        f"unknown model provider {prefix!r} in {model!r}{hint} {provider_help()}"
    )


def _usable_providers() -> str:
    usable = {name for name, plugin in _PROVIDERS.items() if _usable(plugin)}
    usable.update(_entries("altar.providers"))
    return "Usable now: " + ", ".join(f"'{name}:'" for name in sorted(usable)) + "."


def provider_help() -> str:
    """Which prefixes are usable now, and what to type for the others."""
    text = _usable_providers()
    rows = {plugin.extra: plugin for plugin in _PROVIDERS.values() if plugin.extra}
    lines = {
        extra: f"'{extra}:' with pip install \".[{extra}]\""
        for extra, plugin in sorted(rows.items())
        if not _usable(plugin)
    }
    here = [line for extra, line in lines.items() if _brought(rows[extra])]
    later = [line for extra, line in lines.items() if not _brought(rows[extra])]
    if here:
        text += f" To be installed: {', '.join(here)}."
    if later:
        text += f" Not in this version of altar yet: {', '.join(later)} once it is."
    return f"{text} {_TREE}" if lines else text


def load_runtime(name: str) -> Callable[[Any], Any]:
    """The runtime factory of mode ``name``; raises ConfigurationError when there is none."""
    plugin = _RUNTIMES.get(name)
    if plugin is not None:
        return _load_own(name, plugin, "")
    entry = _entries("altar.runtimes").get(name)
    if entry is None:
        known = ", ".join(repr(mode) for mode in sorted({*runtime_names(), *_RUNTIMES}))
        raise ConfigurationError(f"unknown mode {name!r}; known are {known}")
    return _load_entry(entry)


def _load_own(name: str, plugin: Plugin, usable: str) -> Callable[..., Any]:
    module, _, attribute = plugin.target.partition(":")
    install = (
        f'pip install "{plugin.requirement}", or pip install ".[{plugin.extra}]" for altar with it'
    )
    if not _brought(plugin):
        later = f". Once it does, it takes {install}. {_TREE}" if plugin.extra else "."
        raise ConfigurationError(
            f"this version of altar does not bring {name!r} yet{later} {usable}"
        )
    if plugin.library and not _found(plugin.library):
        library = plugin.requirement.partition(">")[0]
        raise ConfigurationError(
            f"{name!r} needs the library {library}, which is not installed; type {install}. "
            f"{_TREE} {usable}"
        )
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
