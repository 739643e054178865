"""JSON values and the data model's nouns."""

from __future__ import annotations

from hypothesis import strategies as st

from altar.adm import (
    Blob,
    ErrorObject,
    FunctionCall,
    FunctionDeclaration,
    Tool,
    ToolConfig,
    ToolContract,
    ToolManifest,
    ToolResult,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
safe_integers = st.integers(-(2**53) + 1, 2**53 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)


def json_values(integers=safe_integers, numbers=floats):
    """Any JSON value whose integers and numbers come from these."""
    leaves = st.none() | st.booleans() | integers | numbers | texts
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=12,
    )


def json_objects(values=None):
    """A JSON object."""
    return st.dictionaries(texts, json_values() if values is None else values, max_size=4)


names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_-]{0,20}", fullmatch=True)
sentences = texts.filter(str.strip)
call_ids = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=128)
extensions = st.none() | st.dictionaries(
    st.from_regex(r"(x_|vendor_)[a-z_]{1,8}", fullmatch=True).filter(
        lambda name: name not in {"x_metadata", "x_returns"}
    ),
    json_values(),
    min_size=1,
    max_size=3,
)

calls = st.builds(
    FunctionCall, name=texts, args=json_objects(), call_id=call_ids, extensions=extensions
)
errors = st.builds(
    ErrorObject,
    message=sentences,
    type=sentences,
    details=st.none() | json_objects(),
    retry_allowed=st.none() | st.booleans(),
    retry_after_ms=st.none() | st.integers(0, 10**9),
    remediation_steps=st.lists(texts, max_size=3).map(tuple),
    correlation_id=st.none() | texts,
)
results = st.builds(
    ToolResult,
    name=texts,
    call_id=call_ids,
    content=json_values(),
    metadata=st.none() | json_objects().filter(bool),
    extensions=extensions,
) | st.builds(ToolResult, name=texts, call_id=call_ids, error=errors, extensions=extensions)
blobs = st.builds(Blob, st.sampled_from(["image/png", "text/plain; charset=utf-8"]), st.binary())

_leaf_schemas = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "number", "integer", "boolean"])},
    optional={"description": sentences, "default": json_values()},
)
schemas = st.recursive(
    _leaf_schemas,
    lambda inner: (
        st.fixed_dictionaries({"type": st.just("array"), "items": inner})
        | st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(texts, inner, max_size=3)}
        )
    ),
    max_leaves=6,
)
parameters = st.dictionaries(texts, schemas, max_size=4).flatmap(
    lambda properties: st.builds(
        lambda required: {"type": "object", "properties": properties, "required": required},
        st.lists(st.sampled_from(sorted(properties)), unique=True) if properties else st.just([]),
    )
)
declarations = st.builds(
    FunctionDeclaration,
    name=names,
    description=sentences,
    parameters=st.none() | parameters,
    extensions=extensions | st.builds(lambda schema: {"x_returns": schema}, schemas),
)
groups = st.lists(declarations, min_size=1, max_size=3, unique_by=lambda item: item.name).map(tuple)
tools = st.builds(Tool, function_declarations=groups, extensions=extensions)
configs = st.builds(
    ToolConfig,
    mode=st.sampled_from(["AUTO", "ANY"]),
    allowed_function_names=st.lists(names, max_size=3, unique=True).map(tuple),
    extensions=extensions,
)
versions = st.builds("{}.{}.{}".format, *[st.integers(0, 20)] * 3)
contracts = st.builds(
    ToolContract,
    name=names,
    version=versions,
    description=sentences,
    function_declarations=groups,
    extensions=extensions,
)
manifests = st.builds(
    ToolManifest,
    contracts=st.lists(contracts, min_size=1, max_size=3, unique_by=lambda item: item.name),
    global_metadata=st.none() | st.dictionaries(texts.filter(bool), texts, max_size=3),
    extensions=extensions,
)
