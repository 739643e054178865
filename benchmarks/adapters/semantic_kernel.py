"""What a call costs through Semantic Kernel: its own function, and altar's in its place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from semantic_kernel import Kernel
from semantic_kernel.contents import ChatHistory, FunctionCallContent
from semantic_kernel.functions import KernelArguments, KernelPlugin, kernel_function

from altar_extras.semantic_kernel import export_tools

__all__ = ["pairs"]


async def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


def pairs() -> list[tuple[str, Callable[[], object], Callable[[], object]]]:
    """By label: one call of the framework's own function, and one of altar's."""
    logging.getLogger("semantic_kernel").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()  # lighter than a Runner, which minds signals
    own, ours = Kernel(), Kernel()
    own.add_plugin(KernelPlugin("altar", functions=[kernel_function(add)]))
    ours.add_plugin(export_tools([add]))

    def invoke(kernel: Any) -> Callable[[], object]:
        function = kernel.get_function("altar", "add")
        return lambda: loop.run_until_complete(function.invoke(kernel, KernelArguments(a=1, b=2)))

    def asked(kernel: Any) -> Callable[[], object]:
        def run() -> object:
            call = FunctionCallContent(id="1", name="altar-add", arguments='{"a": 1, "b": 2}')
            return loop.run_until_complete(kernel.invoke_function_call(call, ChatHistory()))

        return run

    return [
        ("arguments", invoke(own), invoke(ours)),
        ("a model's call", asked(own), asked(ours)),
    ]
