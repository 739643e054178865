"""The parts of Semantic Kernel that the adapter uses, each typed Any.

The library brings some ninety packages, so the checks of types do without it:
looked up by name, its absence or presence changes nothing for them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = [
    "AudioContent",
    "BinaryContent",
    "ChatMessageContent",
    "FunctionExecutionException",
    "FunctionResult",
    "ImageContent",
    "Kernel",
    "KernelArguments",
    "KernelFunction",
    "KernelFunctionFromMethod",
    "KernelFunctionMetadata",
    "KernelParameterMetadata",
    "KernelPlugin",
    "KernelServiceNotFoundError",
    "OperationCancelledException",
    "PrivateAttr",
    "ServiceContentFilterException",
    "ServiceException",
    "TextContent",
    "function_call_form",
]

try:
    _kernel = import_module("semantic_kernel")
except ModuleNotFoundError as error:
    raise ImportError(
        "altar_extras.semantic_kernel needs the library semantic-kernel; type: "
        'pip install "semantic-kernel>=1.40" or pip install ".[semantic-kernel]"'
    ) from error

_functions = import_module("semantic_kernel.functions")
_contents = import_module("semantic_kernel.contents")
_exceptions = import_module("semantic_kernel.exceptions")
_calling = import_module("semantic_kernel.connectors.ai.function_calling_utils")

PrivateAttr: Any = import_module("pydantic").PrivateAttr
Kernel: Any = _kernel.Kernel
KernelArguments: Any = _functions.KernelArguments
KernelFunction: Any = _functions.KernelFunction
KernelFunctionFromMethod: Any = _functions.KernelFunctionFromMethod
KernelFunctionMetadata: Any = _functions.KernelFunctionMetadata
KernelParameterMetadata: Any = _functions.KernelParameterMetadata
KernelPlugin: Any = _functions.KernelPlugin
FunctionResult: Any = _functions.FunctionResult
AudioContent: Any = _contents.AudioContent
BinaryContent: Any = import_module("semantic_kernel.contents.binary_content").BinaryContent
ChatMessageContent: Any = _contents.ChatMessageContent
ImageContent: Any = _contents.ImageContent
TextContent: Any = _contents.TextContent
FunctionExecutionException: Any = _exceptions.FunctionExecutionException
KernelServiceNotFoundError: Any = _exceptions.KernelServiceNotFoundError
OperationCancelledException: Any = _exceptions.OperationCancelledException
ServiceContentFilterException: Any = _exceptions.ServiceContentFilterException
ServiceException: Any = _exceptions.ServiceException
function_call_form: Any = _calling.kernel_function_metadata_to_function_call_format
