"""What ``tools=`` says of objects that belong to other frameworks, given as they are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import altar
from altar.errors import ConfigurationError, RegistryError


def refusal(tools: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        altar.Session(tools)
    return str(caught.value)


def find(key: str) -> str:
    """Find something."""
    return key


def test_modules_and_tools_of_dspy_are_sent_to_its_importer() -> None:
    dspy = pytest.importorskip("dspy")
    program = type("Program", (dspy.Module,), {"forward": lambda self, a: a})
    for thing in (dspy.Predict("a -> b"), dspy.Tool(len, name="size"), program, program()):
        assert "use altar_extras.dspy.import_tools(...)" in refusal([thing])
        assert "use altar_extras.dspy.import_tools(...)" in refusal({"name": thing})


def test_a_module_of_dspy_with_tool_methods_is_an_object_with_tools() -> None:
    dspy = pytest.importorskip("dspy")

    class Program(dspy.Module):  # type: ignore[misc, name-defined]
        @altar.tool
        def find(self, key: str) -> str:
            return key

    assert len(altar.Session([Program()])) == 1


def test_tools_of_langchain_are_sent_to_its_importer() -> None:
    pytest.importorskip("langchain_core")
    from langchain_core.tools import StructuredTool  # noqa: PLC0415

    said = refusal([StructuredTool.from_function(find)])
    assert said == (
        "tools= cannot use the StructuredTool of LangChain as it is: "
        "use altar_extras.langchain.import_tools(...)"
    )


def test_toolsets_of_pydantic_ai_are_sent_to_its_importer() -> None:
    pytest.importorskip("pydantic_ai")
    from pydantic_ai.toolsets import FunctionToolset  # noqa: PLC0415

    assert "altar_extras.pydantic_ai.import_tools(...)" in refusal([FunctionToolset([find])])
    assert "altar_extras.pydantic_ai.import_tools(...)" in refusal({"x": FunctionToolset([find])})


def test_functions_and_plugins_of_semantic_kernel_are_sent_to_its_importer() -> None:
    pytest.importorskip("semantic_kernel")
    from semantic_kernel.functions import kernel_function  # noqa: PLC0415

    plugin = type("Plugin", (), {"find": kernel_function(lambda self, key: key, name="find")})
    assert "altar_extras.semantic_kernel.import_tools(...)" in refusal([plugin()])


def test_tools_of_the_mcp_library_are_sent_to_connect() -> None:
    types = pytest.importorskip("mcp.types")
    said = refusal([types.Tool(name="find", input_schema={"type": "object"})])
    assert "altar.mcp.connect(...)" in said


def test_what_tools_cannot_use_is_shown_short() -> None:
    class Odd:
        def __repr__(self) -> str:
            return "x" * 5000

    for tools in ([Odd()], {"odd": Odd()}):
        assert "x" * 100 in refusal(tools)
        assert len(refusal(tools)) < 500


def test_two_imported_tools_of_one_name_are_told_by_where_they_come_from() -> None:
    pytest.importorskip("langchain_core")
    from langchain_core.tools import StructuredTool  # noqa: PLC0415

    from altar_extras.langchain import import_tools  # noqa: PLC0415

    foreign = StructuredTool.from_function(find)
    with pytest.raises(RegistryError) as caught:
        altar.Session([import_tools(foreign), import_tools(foreign)])
    assert str(caught.value) == (
        "two of this session's tools are called 'find': that of LangChain and that of LangChain; "
        "give one another name where it was made, or take it in once"
    )
    with pytest.raises(RegistryError, match=r"that of LangChain; .* @tool\(name=\.\.\.\)"):
        altar.Session([find, import_tools(foreign)])


def test_two_mcp_servers_with_tools_of_one_name_are_told_of_the_prefix(tmp_path: Path) -> None:
    from altar.mcp import connect  # noqa: PLC0415

    file = tmp_path / "tools.py"
    file.write_text("import altar\n@altar.tool\ndef find(key: str) -> str:\n    return key\n")
    with connect([sys.executable, "-m", "altar", "mcp", str(file)]) as client:
        with pytest.raises(RegistryError, match="ClientOptions\\(prefix='...'\\)") as caught:
            altar.Session([find, client])
        assert "<bound" not in str(caught.value)
        assert "the MCP server" in str(caught.value)
