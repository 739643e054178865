"""Probes: docstrings in every style, and parameter names that trip others."""

from typing import Any

from tests.probes._row import row, see

__all__ = ["ROWS"]


def google(city: str, days: int = 3) -> str:
    """Weather for a city.

    Looks far ahead.

    Args:
        city (str): Name of the city.
        days (int, optional): Days ahead,
            at most ten. Defaults to 3.

    Returns:
        str: The forecast.

    Raises:
        ValueError: When it rains.
    """
    return see(city, days)


def numpy(city: str, days: int = 3) -> str:
    """Weather for a city.

    Looks far ahead.

    Parameters
    ----------
    city : str
        Name of the city.
    days : int, optional
        Days ahead,
        at most ten.

    Returns
    -------
    str
        The forecast.
    """
    return see(city, days)


def sphinx(city: str, days: int = 3) -> str:
    """Weather for a city.

    Looks far ahead.

    :param city: Name of the city.
    :type city: str
    :param int days: Days ahead,
        at most ten.
    :returns: The forecast.
    :rtype: str
    :raises ValueError: When it rains.
    """
    return see(city, days)


def epydoc(city: str, days: int = 3) -> str:
    """Weather for a city.

    Looks far ahead.

    @param city: Name of the city.
    @type city: str
    @param days: Days ahead,
        at most ten.
    @return: The forecast.
    @rtype: str
    """
    return see(city, days)


def no_blank(city: str, days: int = 3) -> str:
    """Weather for a city.
    Looks far ahead.
    Args:
        city: Name of the city.
        days: Days ahead, at most ten.
    Returns:
        The forecast.
    """
    return see(city, days)


def colon(city: str, days: int = 3) -> str:
    """Weather for a city.

    Looks far ahead.

    Args:
        city: Name of the city: like "Rome: Italy" or http://x.y.
        days: Days ahead, at most ten.
    """
    return see(city, days)


def star(city: str, *days: int, **opts: int) -> str:
    """Weather for a city.

    Looks far ahead.

    Args:
        city: Name of the city.
        *days: Days ahead, at most ten.
        **opts: Anything else.
    """
    return see(city, days, opts)


def none(city: str, days: int = 3) -> str:
    return see(city, days)


def pep257(city: str, days: int = 3) -> str:
    """Weather for a city.

    Looks far ahead.

    Keyword arguments:
    city -- Name of the city.
    days -- Days ahead, at most ten.
    """
    return see(city, days)


def keywords(city: str, *, days: int = 3) -> str:
    """Weather for a city.

    Looks far ahead.

    Args:
        city: Name of the city.

    Keyword Args:
        days: Days ahead, at most ten.

    Example:
        >>> keywords("Rome")
    """
    return see(city, days)


def stale(city: str, days: int = 3) -> str:
    """Weather for a city.

    Looks far ahead.

    Args:
        city: Name of the city.
        days: Days ahead, at most ten.
        hours: No longer there.
    """
    return see(city, days)


_RUNS = [({"city": "A", "days": 2}, ("A", 2)), ({"city": "A"}, ("A", 3))]
_SAYS = {"city": "Name of the city", "days": "at most ten."}
_OUT = (
    *(
        "Args",
        "Parameters",
        "----",
        ":param",
        "@param",
        "Returns",
        ":return",
        "@return",
        "forecast",
    ),
    *("Raises", "rains", "Name of the city", "Keyword", "Example", ">>>", ":type"),
)


def _doc(id: str, fn: Any, **facts: Any) -> Any:
    facts.setdefault("runs", _RUNS)
    return row(
        id,
        "docstring",
        fn,
        bad=[{}, {"city": 5}, {"city": "A", "days": "x"}],
        optional=facts.pop("optional", ("days",)),
        says=facts.pop("says", _SAYS),
        summary="Weather for a city.",
        summary_not=_OUT,
        **facts,
    )


DOCS = [
    _doc("doc google", google, defaults={"days": 3}),
    _doc("doc numpy", numpy, hard=True, defaults={"days": 3}),
    _doc("doc sphinx", sphinx, hard=True, defaults={"days": 3}),
    _doc("doc epydoc", epydoc, hard=True, defaults={"days": 3}),
    _doc("doc google no blank line", no_blank, hard=True, defaults={"days": 3}),
    _doc(
        "doc google colon in text",
        colon,
        hard=True,
        says={
            "city": 'Name of the city: like "Rome: Italy" or http://x.y.',
            "days": "at most ten.",
        },
    ),
    row(
        "doc *days star name",
        "docstring",
        star,
        runs=[({"city": "A", "days": [1, 2], "k": 3}, ("A", (1, 2), {"k": 3}))],
        bad=[{}, {"city": "A", "days": ["x"]}, {"city": "A", "k": "x"}],
        says=_SAYS,
        summary="Weather for a city.",
        summary_not=_OUT,
        hard=True,
    ),
    row(
        "doc none",
        "docstring",
        none,
        runs=_RUNS,
        bad=[{}, {"city": 5}],
        optional=("days",),
        defaults={"days": 3},
    ),
    _doc("doc PEP 257", pep257, table=False),
    _doc("doc keyword args", keywords, table=False),
    _doc("doc stale parameter", stale, table=False, warns=True),
]


def schema_json_copy(schema: str, json: int, copy: bool = False) -> str:
    """Probe."""
    return see(schema, json, copy)


def model_names(model_config: str, model_fields: int, model_dump: bool = False) -> str:
    """Probe."""
    return see(model_config, model_fields, model_dump)


def underscores(_x: str, __y: int, ___: bool = False) -> str:
    """Probe."""
    return see(_x, __y, ___)


def args_kwargs(args: str, kwargs: int, bound: bool = False) -> str:
    """Probe."""
    return see(args, kwargs, bound)


def config_names(config: str, callbacks: int, run_manager: bool = False) -> str:
    """Probe."""
    return see(config, callbacks, run_manager)


def context_names(context: str, ctx: int, agent: bool = False) -> str:
    """Probe."""
    return see(context, ctx, agent)


def input_names(input: str, name: int, description: bool = False) -> str:
    """Probe."""
    return see(input, name, description)


def self_names(self: str, cls: int, this: bool = False) -> str:
    """Probe."""
    return see(self, cls, this)


def python_names(fn: str, len: int, _: bool = False) -> str:
    """Probe."""
    return see(fn, len, _)


def dict_names(items: str, keys: int, get: bool = False) -> str:
    """Probe."""
    return see(items, keys, get)


def draft_names(result: str, value: int, error: bool = False) -> str:
    """Probe."""
    return see(result, value, error)


def unicode_names(größe: str, 名前: int, é: bool = False) -> str:
    """Probe."""
    return see(größe, 名前, é)


def generated_names(v0: str, v1: int, d: bool = False) -> str:
    """Probe."""
    return see(v0, v1, d)


def _names(id: str, fn: Any, **facts: Any) -> Any:
    a, b, c = fn.__code__.co_varnames[:3]
    return row(
        id,
        "names",
        fn,
        runs=[({a: "a", b: 1, c: True}, ("a", 1, True)), ({a: "a", b: 1}, ("a", 1, False))],
        bad=[{}, {a: 1, b: 1}, {a: "a", b: "x"}, {a: "a", b: 1, "zz": 1}],
        optional=(c,),
        defaults={c: False},
        **facts,
    )


NAMES = [
    _names("params schema/json/copy", schema_json_copy, hard=True),
    _names("params model_config/model_fields", model_names, hard=True),
    _names("params _x/__y", underscores, hard=True),
    _names("params args/kwargs", args_kwargs, hard=True),
    _names("params config/callbacks/run_manager", config_names, hard=True),
    _names("params context/ctx/agent", context_names, hard=True),
    _names("params input/name/description", input_names, hard=True),
    _names("params self/cls of a plain function", self_names, table=False),
    _names("params fn/len/_", python_names, table=False),
    _names("params items/keys/get", dict_names, table=False),
    _names("params result/value/error", draft_names, table=False),
    _names("params in other scripts", unicode_names, table=False),
    _names("params v0/v1/d", generated_names, table=False),
]

ROWS = [*DOCS, *NAMES]
