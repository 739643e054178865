"""The pytest plugin: recorded models, scripted ones, a clean registry, and no live call by mistake.

It is active wherever altar is installed, and loads nothing of altar beyond
the switch until a fixture is used.

============================  ==================================================================
``altar_cassette``            a model that replays ``cassettes/<file>/<test>.jsonl``
``altar_scripted``            makes models that say what they are told, and must be asked it all
``altar_registry``            ``altar.registry``, empty, and afterwards as it was before
``altar_session``             a Session without tools, closed afterwards
``@pytest.mark.live``         a test that may call a vendor, when ``--altar-live`` says so
``pytest --altar-record``     makes the recordings again, with live calls
============================  ==================================================================
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from altar import live

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from altar import Registry, Session
    from altar.llm import Capabilities, Provider
    from altar.testing import ScriptedProvider

__all__ = ["altar_cassette", "altar_registry", "altar_scripted", "altar_session"]

_FAILED = pytest.StashKey[bool]()
_OPTIONS = ("path", "model", "mode", "secrets", "prepare")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.\-\[\]]+")
_LONGEST_NAME = 100


# -- options, markers, the switch --------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("altar", "altar: tests of tools and models")
    group.addoption(
        "--altar-live",
        action="store_true",
        help="let tests marked 'live' call model providers (or set ALTAR_LIVE=1); "
        "without it they are skipped, and no other test ever may",
    )
    group.addoption(
        "--altar-record",
        action="store_true",
        help="record the answers for the fixture altar_cassette again, with live calls "
        "(or set ALTAR_RECORD=1)",
    )
    parser.addini(
        "altar_live_marker",
        "the name of the marker for tests that may call a model provider",
        default="live",
    )


def pytest_configure(config: pytest.Config) -> None:
    name = config.getini("altar_live_marker")
    for line in (
        f"{name}: may call a model provider; runs with --altar-live alone",
        "altar_cassette(path, model, mode, secrets, prepare): options of the fixture of that name",
    ):
        config.addinivalue_line("markers", line)
    switch = ExitStack()
    switch.enter_context(
        live.forbid(
            f"Tests call no model provider. Where it is meant, mark the test @pytest.mark.{name} "
            "and type pytest --altar-live; to record a cassette, pytest --altar-record."
        )
    )
    config.add_cleanup(switch.close)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if _is_marked(item) and not _may_be_live(item.config):
        pytest.skip("it calls a model provider: type pytest --altar-live, or set ALTAR_LIVE=1")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with ExitStack() as switch:
        if _is_marked(item) and _may_be_live(item.config):
            switch.enter_context(live.allow())
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when in ("setup", "call"):
        item.stash[_FAILED] = item.stash.get(_FAILED, False) or not report.passed
    return report


def _is_marked(item: pytest.Item) -> bool:
    return item.get_closest_marker(item.config.getini("altar_live_marker")) is not None


def _may_be_live(config: pytest.Config) -> bool:
    return bool(config.getoption("altar_live")) or _says("ALTAR_LIVE")


def _says(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() not in {"", "0", "false", "no"}


def _failed(request: pytest.FixtureRequest) -> bool:
    """Whether the test has failed, or was skipped: then nothing is asked of what it left undone."""
    return bool(request.node.stash.get(_FAILED, False))


# -- fixtures ----------------------------------------------------------------------------


@pytest.fixture
def altar_cassette(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """A model whose answers are recorded once, and replayed without a network ever after.

    They are kept in ``cassettes/<test file>/<test>.jsonl`` beside the test file.
    ``@pytest.mark.altar_cassette(model="gemini:...")`` says which model is
    recorded (else the configured one); ``path``, ``mode``, ``secrets`` and
    ``prepare`` are those of :func:`altar.testing.cassette`. Nothing is recorded
    unless ``pytest --altar-record`` (or ALTAR_RECORD=1) asks for it, or the
    marker says ``mode="auto"``; and only what a test that passed was told.
    """
    from altar.testing import Cassette  # noqa: PLC0415 - loads the providers' half of altar

    options = _options_of(request)
    path = request.path.parent / options.pop("path", _recording_of(request.node))
    records = request.config.getoption("altar_record") or _says("ALTAR_RECORD")
    mode = options.pop("mode", None)
    if mode in (None, "auto") and records:
        mode = "record"
    elif mode is None:
        mode = "replay"
        if not path.exists():
            pytest.fail(
                f"there is no recording {path}. To make it, type: pytest --altar-record "
                f"{request.node.nodeid!r} (with the key of the model in the environment)",
                pytrace=False,
            )
    tape = Cassette(path, options.pop("model", None), mode=mode, **options)
    with ExitStack() as switch:
        if tape.recording and records:
            switch.enter_context(live.allow())
        yield tape.__enter__()
        error = AssertionError("the test failed") if _failed(request) else None
        tape.__exit__(None if error is None else AssertionError, error, None)


@pytest.fixture
def altar_scripted(
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., ScriptedProvider]]:
    """Makes models that follow a script: ``altar_scripted(["Hello", ToolCall(...)])``.

    The replies are those of :class:`altar.testing.ScriptedProvider`, and so are
    ``model=`` and ``capabilities=``. A test that passes must have asked for all
    of the replies.
    """
    from altar.testing import ScriptedProvider  # noqa: PLC0415 - as above

    made: list[ScriptedProvider] = []

    def make(
        replies: Iterable[Any],
        *,
        model: str = "script",
        capabilities: Capabilities | None = None,
    ) -> ScriptedProvider:
        made.append(ScriptedProvider(replies, model=model, capabilities=capabilities))
        return made[-1]

    yield make
    if not _failed(request):
        for provider in made:
            provider.finished()


@pytest.fixture
def altar_registry() -> Iterator[Registry]:
    """``altar.registry`` without any tool; after the test it holds what it held before."""
    import altar  # noqa: PLC0415 - as above

    before = altar.registry.snapshot()
    altar.registry.restore(altar.Registry().snapshot())
    yield altar.registry
    altar.registry.restore(before)


@pytest.fixture
def altar_session() -> Iterator[Session]:
    """A :class:`altar.Session` without tools, to ``add`` to; it is closed after the test."""
    import altar  # noqa: PLC0415 - as above

    with altar.Session() as session:
        yield session


def _options_of(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the marker says; the nearest one counts, over those of the class and the module."""
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("altar_cassette"))):
        if len(marker.args) > 1:
            pytest.fail("altar_cassette(path, ...): the other options are keywords", pytrace=False)
        options.update(dict(zip(_OPTIONS, marker.args, strict=False)), **marker.kwargs)
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        pytest.fail(
            f"@pytest.mark.altar_cassette has no option {unknown[0]!r}; there are "
            f"{', '.join(_OPTIONS)}",
            pytrace=False,
        )
    return options


def _recording_of(node: pytest.Item) -> Path:
    """Where a test's recording is, beside the test file: a name every file system takes."""
    file, _, rest = node.nodeid.partition("::")
    name = rest.replace("::", ".")
    legal = _NOT_IN_NAMES.sub("-", name)[:_LONGEST_NAME]
    if legal != name:  # two tests may differ by what a name cannot hold
        legal += "-" + hashlib.sha256(name.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return Path("cassettes") / Path(file).stem / f"{legal}.jsonl"
