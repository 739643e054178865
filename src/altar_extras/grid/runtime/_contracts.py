"""Which contracts a runtime serves: read from a manifest, or made of its tools."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from altar.adm import ToolContract, legal_name
from altar.errors import ConfigurationError
from altar.later import Mark, Session
from altar_extras.grid.runtime._stream import waiting_for_credit
from altar_extras.grid.security import contract_digest

if TYPE_CHECKING:
    from collections.abc import Iterable


__all__ = ["Served", "chosen", "contracts_of", "paced_tools", "served_tools", "staying"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One tool as this runtime serves it, and the contract that promises it.

    ``can_stop``: its body ends when it is told to, as a coroutine or a worker
    process does and a thread does not.
    """

    name: str
    major: int
    contract: str
    version: str
    digest: str
    is_inline: bool = False
    can_stop: bool = False
    is_stream: bool = False


def contracts_of(tools: Any, *, version: str = "1.0.0") -> tuple[ToolContract, ...]:
    """The contracts that tools fulfil by themselves: one for each module they come from.

    ``tools`` is what ``Session(tools=...)`` takes. A contract is named after its
    module and has ``version``. Tools that run with their caller only
    (``execution="local_only"``) are in none. Raises what Session raises.
    """
    with Session(tools=tools) as session:
        marks = [mark for mark in session.__altar_tools__() if not _stays(mark)]
        declared = {one.name: one for one in session.declarations()}
    groups: dict[str, list[Mark]] = {}
    for mark in marks:
        module = getattr(mark.target, "__module__", None)
        groups.setdefault(module if isinstance(module, str) else "tools", []).append(mark)
    return tuple(
        ToolContract(
            name=legal_name(module.replace(".", "_")),
            description=f"The tools of {module}.",
            function_declarations=tuple(declared[mark.name] for mark in group),
            version=version,
        )
        for module, group in groups.items()
    )


def chosen(tools: Any, given: tuple[ToolContract, ...] | None) -> tuple[ToolContract, ...]:
    """The contracts to offer, of those given or else made of the tools.

    Raises ConfigurationError when a contract's tool is not there, or is another.
    """
    if given is None:
        made = contracts_of(tools)
        if not made:
            why = "each runs with its caller only (local_only)" if staying(tools) else "none given"
            raise ConfigurationError(f"there is no tool to serve: {why}")
        return made
    with Session(tools=tools) as session:
        declared = {one.name: one for one in session.declarations()}
    kept = []
    for contract in given:
        names = [one.name for one in contract.function_declarations]
        here = [name for name in names if name in declared]
        for one in contract.function_declarations:
            mine = declared.get(one.name)
            if mine is not None and mine.to_dict()["parameters"] != one.to_dict()["parameters"]:
                raise ConfigurationError(
                    f"the tool {one.name} takes other parameters than the contract "
                    f"{contract.name} promises: give the tool of that version"
                )
        if here and len(here) < len(names):
            missing = ", ".join(sorted({*names} - {*here}))
            raise ConfigurationError(
                f"the contract {contract.name} promises {missing}, which these tools lack: "
                "give all of a contract's tools, or none"
            )
        if here:
            kept.append(contract)
    if not kept:
        raise ConfigurationError(
            "none of these tools is in a contract: sign a manifest that holds them "
            "(altar manifest sign), or leave contracts out (DEVELOPMENT)"
        )
    return tuple(kept)


def served_tools(tools: Any, contracts: Iterable[ToolContract]) -> dict[tuple[str, int], Served]:
    """What calls may name: (tool, major version) to the tool and its contract."""
    with Session(tools=tools) as session:
        marks = {mark.name: mark for mark in session.__altar_tools__()}
    found: dict[tuple[str, int], Served] = {}
    for contract in contracts:
        digest = contract_digest(contract)
        for declaration in contract.function_declarations:
            mark = marks[declaration.name]
            if _stays(mark):  # whatever a contract says of it
                continue
            options, target = mark.options, mark.target
            found[(declaration.name, contract.major)] = Served(
                name=declaration.name,
                major=contract.major,
                contract=contract.name,
                version=contract.version,
                digest=digest,
                is_inline=bool(options and options.inline),
                can_stop=bool(options and options.isolate) or _is_awaited(target),
                is_stream=inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target),
            )
    return found


def staying(tools: Any) -> tuple[str, ...]:
    """The names of the tools that run with their caller only: no runtime serves them."""
    with Session(tools=tools) as session:
        return tuple(mark.name for mark in session.__altar_tools__() if _stays(mark))


def _stays(mark: Mark) -> bool:
    return mark.options is not None and mark.options.execution == "local_only"


def _is_awaited(target: Any) -> bool:
    return (
        inspect.iscoroutinefunction(target)
        or inspect.isasyncgenfunction(target)
        or hasattr(type(target), "__altar_async__")
    )


def paced_tools(tools: Any) -> list[Any]:
    """The same tools, async generators made to wait for credit (see Chunks)."""
    with Session(tools=tools) as session:
        marks = session.__altar_tools__()
    paced: list[Any] = []
    for mark in marks:
        if not inspect.isasyncgenfunction(mark.target):
            paced.append(mark)
            continue
        made = Mark(waiting_for_credit(mark.target), mark.name, mark.description, mark.options)
        made.scope, made.declaration = mark.scope, mark.declaration
        paced.append(made)
    return paced
