"""Settings for providers: a name that no provider has is a slip of the pen, told at once."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from altar import plugins
from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from altar.llm._task import Task

__all__ = ["check_settings"]


def check_settings(task: Task) -> None:
    """Raise ConfigurationError for settings of a provider that nobody knows.

    Known are altar's own prefixes, those of entry points (looked up for a name
    that is no other), and the name of the run's own provider.
    """
    own = task.provider.name
    for name in task.options.settings:
        if name == own or plugins.is_provider_name(name):
            continue
        known = sorted({own, *plugins.provider_names()})
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigurationError(
            f"Options(settings={{{name!r}: ...}}): no provider has this name; {hint}"
            f"known are {', '.join(map(repr, known))}"
        )
