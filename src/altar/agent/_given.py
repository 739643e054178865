"""What a run is given, checked on entry: its model, its session, its options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from altar import config, plugins
from altar.errors import ClosedError, ConfigurationError
from altar.later import Session
from altar.llm import (
    BaseProvider,
    Limits,
    Message,
    Options,
    Pending,
    Provider,
    Retry,
    Sampling,
    mend_history,
    to_messages,
)

if TYPE_CHECKING:
    from altar.adm import FunctionDeclaration

__all__ = [
    "check_known",
    "check_model",
    "declared_for",
    "given_history",
    "given_options",
    "given_session",
    "is_provider",
    "opened",
    "provider_of",
]

_DEFAULTS = Options()
_FIELDS: dict[type[Any], str] = {
    Limits: "Options(limits=Limits(rounds=2))",
    Sampling: "Options(sampling=Sampling(temperature=0.0))",
    Retry: "Options(retry=Retry(attempts=1))",
}


def given_options(options: Any) -> Options:
    """``options`` as they are, or the defaults."""
    if options is None:
        return _DEFAULTS
    if not isinstance(options, Options):
        example = _FIELDS.get(type(options), _FIELDS[Limits])
        raise ConfigurationError(
            f"options= takes altar.Options, not {type(options).__name__}; type options={example}"
        )
    return options


def given_history(history: Any, reason: str) -> tuple[Message, ...]:
    """The messages a conversation goes on from; calls without a result are told ``reason``."""
    items = [history]
    if isinstance(history, Iterable) and not isinstance(history, (str, bytes, Mapping)):
        items = list(history)
    for item in items:
        if not isinstance(item, (Message, Mapping)):
            raise ConfigurationError(
                "history= takes a list of Messages, or what altar.llm.dump_messages made of them, "
                f"not {type(item).__name__}; type history=reply.messages"
            )
    return tuple(mend_history(to_messages(items), reason)[0]) if items else ()


def given_session(session: Any, tools: Any, both: str) -> Session | None:
    """The open session the caller brought, if any; tools come from one place only.

    ``both`` is said when ``tools`` holds some, and a session was given too.
    """
    if session is None:
        return None
    if not isinstance(session, Session):
        raise ConfigurationError(
            f"session= takes an altar.Session, not {type(session).__name__}; type "
            "session=altar.Session(tools=[...])"
        )
    if not (isinstance(tools, (tuple, list)) and not tools):
        raise ConfigurationError(both)
    if session.closed:
        raise ClosedError(
            "session= was given a Session that is closed, or past its ttl; make a new "
            "altar.Session, and ask inside its with block"
        )
    return session


def declared_for(asked: object, session: Session) -> tuple[FunctionDeclaration, ...]:
    """What a run of ``asked`` is told of the tools.

    Raises ConfigurationError when a call of a Pending that may yet run has no
    tool here: it would be answered with an error, and what a person decided be lost.
    """
    declared = session.declarations()
    if isinstance(asked, Pending):
        _check_pending(asked, declared)
    return declared


def _check_pending(pending: Pending, declared: tuple[FunctionDeclaration, ...]) -> None:
    denied = [call_id for call_id, said in pending.decisions.items() if said is not True]
    known = {declaration.name for declaration in declared}
    open_calls = [call for call in pending.calls if call.call_id not in denied]
    missing = sorted({call.name for call in open_calls}.difference(known))
    if missing:
        raise ConfigurationError(
            f"this Pending waits for calls of {', '.join(map(repr, missing))}, and there is no "
            "such tool here; give the tools of the first half again, generate(pending, "
            f"tools=[{', '.join(missing)}]), or deny the calls"
        )


def opened(tools: Any) -> Session:
    """A session for an agent's tools."""
    return Session(tools=tools)


def is_provider(model: Any) -> bool:
    """Whether ``model`` is the caller's own provider, which altar does not close."""
    return isinstance(model, (BaseProvider, Provider))


def check_model(model: Any) -> None:
    """Raise ConfigurationError for what is neither a model's name nor a Provider."""
    if isinstance(model, type):  # it has every method, so it looks like a Provider
        raise ConfigurationError(
            f"model= takes a Provider object, not the class {model.__name__}; type "
            f"model={model.__name__}(...)"
        )
    if not (model is None or isinstance(model, str) or is_provider(model)):
        raise ConfigurationError(
            "model= is a text such as 'offline:', or an object with the Provider protocol "
            f"(docs/loop.md shows one), not {type(model).__name__}"
        )


def check_known(model: str | Provider | None) -> None:
    """Raise ConfigurationError for a name no provider answers to; nothing is loaded."""
    model = _chosen(model)
    if isinstance(model, str):
        plugins.check_model(model)


def _chosen(model: str | Provider | None) -> str | Provider:
    return config.settings().model or "offline:" if model is None else model


def provider_of(model: str | Provider | None) -> Provider:
    """The provider for ``model``; the offline demo only when nothing is configured."""
    model = _chosen(model)
    if not isinstance(model, str):
        return model
    provider: Provider = plugins.load_provider(model)
    return provider
