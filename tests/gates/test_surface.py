"""The public surface: few names, sorted, importable, and exactly those a package says it has."""

from __future__ import annotations

import importlib
import inspect
import types

import pytest

import altar
from tests.gates._source import modules

PACKAGES = sorted(name for name, module in modules().items() if module.is_package)
MODULES = sorted(name for name in modules() if not name.endswith("__main__"))
INTERNAL = {"altar.adm": {"ResultDraft"}}  # for altar's own executors, and said so where imported
TOP_LEVEL = {
    "__init__",
    "__main__",
    "agent",
    "config",
    "errors",
    "live",
    "plugins",
    "_lazy",
    "_secrets",
}


def case_order(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then functions, each by letter, as ruff's RUF022 sorts."""
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1 if name[:1].isupper() else 2), name


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_a_sorted_list_of_names_that_exist(name: str):
    module = importlib.import_module(name)
    assert list(module.__all__) == sorted(set(module.__all__), key=case_order)
    missing = [public for public in module.__all__ if not hasattr(module, public)]
    assert not missing


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_lists_exactly_what_it_exports(name: str):
    package = importlib.import_module(name)
    values = {public: getattr(package, public) for public in dir(package) if public[0] != "_"}
    exported = {
        public
        for public, value in values.items()
        if not isinstance(value, types.ModuleType)
        and type(value).__name__ != "_Feature"  # from __future__ import annotations
        and public not in {"TYPE_CHECKING", "lazy_names"}
    }
    assert exported - INTERNAL.get(name, set()) == set(package.__all__)


def test_altar_has_25_names_at_most_and_no_subpackage_among_them():
    assert len(altar.__all__) <= 25
    assert not [name for name in altar.__all__ if inspect.ismodule(getattr(altar, name))]


def test_the_names_of_the_golden_path_are_there():
    promised = {
        "Agent", "Context", "Param", "Registry", "Session", "agenerate", "astream", "configure",
        "declare", "generate", "registry", "stream", "tool",
    }  # fmt: skip
    assert promised <= set(altar.__all__)


def test_packages_are_public_and_the_files_inside_them_private():
    public = [
        module.where
        for module in modules().values()
        if not module.is_package
        and not module.path.stem.startswith("_")
        and module.path.parent.name != "altar"
    ]
    assert not public
    loose = {
        module.path.stem for module in modules().values() if module.path.parent.name == "altar"
    }
    assert loose <= TOP_LEVEL


def test_every_module_opens_with_a_sentence():
    bare = [m.where for m in modules().values() if not (getattr(m.tree.body[0], "value", None))]
    assert not bare
