"""What options say of models by name: settings and prices; a slip of the pen is told at once."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from altar import plugins
from altar.errors import ConfigurationError
from altar.llm._mender import model_name
from altar.llm._prices import price_of

if TYPE_CHECKING:
    from altar.llm._provider import Provider
    from altar.llm._task import Task

__all__ = ["check_prices", "check_settings"]


def check_settings(task: Task) -> None:
    """Raise ConfigurationError for settings of a provider that nobody knows.

    Known are altar's own prefixes, those of entry points (looked up for a name
    that is no other), and the name of the run's own provider.
    """
    own = {task.provider.name, *[name.partition(":")[0] for name in _models(task.provider)]}
    for name in task.options.settings:
        said = plugins.own_name(name)
        if said != name:
            raise ConfigurationError(
                f"Options(settings={{{name!r}: ...}}): this provider's settings stand under "
                f"{said!r}; type Options(settings={{{said!r}: ...}})"
            )
        if name in own or plugins.is_provider_name(name):
            continue
        known = sorted({*own, *plugins.provider_names()})
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigurationError(
            f"Options(settings={{{name!r}: ...}}): no provider has this name; {hint}"
            f"known are {', '.join(map(repr, known))}"
        )


def check_prices(task: Task, *providers: Provider) -> None:
    """Raise ConfigurationError when a limit on cost meets a model whose price nobody knows."""
    if task.options.limits.cost is None:
        return
    for provider in providers:
        own = provider.capabilities.price
        for name in _models(provider):
            prefix, _, model = name.partition(":")
            if price_of(task.options.prices, prefix, model, own=own) is None:
                near = get_close_matches(name, list(task.options.prices), n=1)
                given = f"; the nearest you gave is {near[0]!r}" if near else ""
                raise ConfigurationError(
                    f"Limits(cost=...) needs the price of {name!r}, which is not known"
                    f"{given}; type Options(prices={{{name!r}: Price(input=..., output=...)}})"
                )


def _models(provider: Provider) -> tuple[str, ...]:
    """The models that may answer for ``provider``, as "prefix:name"; a chain has several."""
    return getattr(provider, "members", None) or (model_name(provider),)
