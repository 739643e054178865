"""What a request asks that a model cannot do: told before it is sent, by one rule for all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from altar.errors import UnsupportedError
from altar.llm._parts import BlobPart
from altar.llm._request import Adaptation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from altar.llm._provider import Capabilities, Provider
    from altar.llm._request import Request
    from altar.llm._sampling import Sampling

__all__ = ["fitted", "lacking", "takes_blob"]

_KNOBS = ("max_tokens", "temperature", "top_p", "top_k", "stop", "seed", "reasoning")


def lacking(request: Request, can: Capabilities) -> list[str]:
    """What ``request`` needs and a model with these capabilities has not; a chain passes it by."""
    missing = []
    if request.tools and not can.tools:
        missing.append("tools")
    if can.max_tools is not None and len(request.tools) > can.max_tools:
        missing.append(f"more than {can.max_tools} tools")
    if (
        request.tool_choice is not None
        and request.tool_choice.mode == "ANY"
        and not can.tool_choice
    ):
        missing.append("tool_choice")
    missing += [f"{mime} in the prompt" for mime in _mimes(request) if not takes_blob(can, mime)]
    return missing


def takes_blob(can: Capabilities, mime: str) -> bool:
    """Whether a model reads blobs of ``mime``: listed as "image/png", "image/*" or "*/*"."""
    kind = mime.partition("/")[0]
    return any(item in ("*/*", mime, f"{kind}/*") for item in can.blobs)


def _mimes(request: Request) -> Iterator[str]:
    """The blobs of what is asked now; those of the past are told of as text where they must."""
    last = request.messages[-1] if request.messages else None
    for part in last.parts if last is not None and last.role == "user" else ():
        if isinstance(part, BlobPart):
            yield part.mime


def fitted(request: Request, provider: Provider) -> tuple[Request, tuple[Adaptation, ...]]:
    """The request without the sampling its model does not take, and what was left out.

    Raises UnsupportedError for what cannot be left out: tools, blobs that are
    asked about; and for any knob under ``Sampling(strict=True)``.
    """
    can = provider.capabilities
    missing = lacking(request, can)
    if missing:
        raise UnsupportedError(
            f"{provider.name}:{provider.model} does not take {', '.join(missing)}",
            provider=provider.name,
            sent=False,
            hint="Use another model, or leave it out.",
        )
    return _without_knobs(request, provider, can)


def _without_knobs(
    request: Request, provider: Provider, can: Capabilities
) -> tuple[Request, tuple[Adaptation, ...]]:
    if can.sampling is None:
        return request, ()
    sampling: Sampling = request.sampling
    strange = [name for name in _KNOBS if getattr(sampling, name) and name not in can.sampling]
    strange += [
        name
        for name in ("temperature", "top_p", "seed")
        if getattr(sampling, name) == 0 and name not in can.sampling
    ]
    if not strange:
        return request, ()
    model = f"{provider.name}:{provider.model}"
    if sampling.strict:
        raise UnsupportedError(
            f"{model} does not take {', '.join(f'sampling.{name}' for name in strange)}",
            provider=provider.name,
            sent=False,
            hint="Leave it out, or type Sampling(strict=False) to have altar leave it out.",
        )
    nothing = {name: () if name == "stop" else None for name in strange}
    kept = replace(sampling, **nothing)  # type: ignore[arg-type]
    notes = [Adaptation(f"sampling.{name}", f"{model} does not take it") for name in strange]
    return replace(request, sampling=kept), tuple(notes)
