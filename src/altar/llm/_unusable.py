"""Unusable replies: a malformed one, or nothing after the results of tools, is asked for again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from altar.errors import UnusableReplyError
from altar.llm._live import RetryEvent
from altar.llm._mender import model_name
from altar.llm._parts import Text, Thinking
from altar.llm._stops import stop_before_asking

if TYPE_CHECKING:
    from altar.llm._request import Response
    from altar.llm._state import RunState

__all__ = ["ask_once_more", "explain"]

_Kind: TypeAlias = Literal["malformed", "empty"]
_SAID = {
    "malformed": "the reply is malformed, and nothing of it can be used",
    "empty": "the model said nothing after the results of its tools",
}


def ask_once_more(state: RunState, response: Response) -> RetryEvent | None:
    """The event of a reply that is dropped and asked for again; None for one that counts.

    Each kind is asked for again once a run, with the history as it was; the
    reply that is dropped counts in rounds and usage. Nothing is where no limit
    leaves room for it, and nothing that anybody saw text of.
    """
    kind = _kind(state, response)
    if kind is None or kind in state.unusable or state.said:
        return None
    if stop_before_asking(state) is not None:
        return None
    state.unusable.add(kind)
    state.note(response.adaptations)
    error = UnusableReplyError(
        f"{model_name(state.task.provider)}: {_why(kind, response)}",
        provider=state.task.provider.name,
        code=response.raw_finish,
        raw=response.detail,
    )
    return RetryEvent(error=error, attempt=1, delay=0.0)


def explain(state: RunState, response: Response) -> None:
    """Say in the run's detail what is wrong with a reply that is no use and was taken."""
    kind = _kind(state, response, after=-2 if response.message.parts else -1)
    if kind is None:
        if response.finish == "unknown":
            state.detail = _broken_off(response)
        return
    again = ", also when it was asked again" if kind in state.unusable else ""
    if response.finish == "unknown":
        state.detail = f"{_broken_off(response)}{again}"
    elif kind == "empty" or state.detail is None:
        state.detail = f"{_SAID[kind]}{again}"
        if response.detail:
            state.detail += f" ({response.detail})"


def _kind(state: RunState, response: Response, after: int = -1) -> _Kind | None:
    """What is wrong with a reply, where nothing of it can be used.

    A reply of thinking alone answers nobody, however signed; a picture, data
    or a refusal is an answer.
    """
    for part in response.message.parts:
        if not isinstance(part, Thinking) and not (isinstance(part, Text) and not part.text):
            return None
    if response.finish in ("malformed", "unknown"):
        return "malformed"
    messages = state.task.messages
    if response.finish == "stop" and messages[after].role == "tool":
        return "empty"
    return None


def _broken_off(response: Response) -> str:
    """What a reply is that ended for no reason known here."""
    word = response.raw_finish
    said = "the reply ended without a reason" if word is None else f"the reply ended as {word!r}"
    about = f" ({response.detail})" if response.detail and response.detail != word else ""
    return f"{said}, which does not say that it is whole{about}"


def _why(kind: _Kind, response: Response) -> str:
    if response.finish == "unknown":
        return _broken_off(response)
    said = response.detail or response.raw_finish
    return f"{_SAID[kind]} ({said})" if said else _SAID[kind]
