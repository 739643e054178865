"""Importing altar is cheap and does nothing; the core runs with every other package blocked."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

from tests.gates._source import SRC

HEAVY = {"asyncio", "dataclasses", "enum", "inspect", "json", "re", "typing"}
MOST_NEW_MODULES = 10


def run_bare(code: str) -> str:
    """Run code in a new interpreter that sees the standard library and the source tree alone."""
    start = f"import sys; sys.path.insert(0, {str(SRC)!r})\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", start + dedent(code)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_decorated_function_costs_a_handful_of_light_modules():
    out = run_bare(
        """
        before = set(sys.modules)
        from altar import tool

        @tool
        def add(a: int, b: int = 1) -> int:
            '''Add two numbers.'''
            return a + b

        print(*sorted(set(sys.modules) - before))
        """
    )
    new = set(out.split())
    assert not new & HEAVY
    assert len(new) <= MOST_NEW_MODULES, sorted(new)


def test_importing_does_no_input_or_output():
    """No file beside Python's own, no environment, no socket, no thread, no process."""
    out = run_bare(
        """
        import os, threading
        seen = []
        get = os.environ.__class__.__getitem__
        os.environ.__class__.__getitem__ = lambda self, key: (seen.append(key), get(self, key))[1]

        def watch(event, args):
            if event == "open" and not str(args[0]).endswith((".py", ".pyc", ".so")):
                seen.append(args[0])
            elif event.startswith(("socket.", "subprocess.", "os.fork", "os.posix_spawn")):
                seen.append(event)

        sys.addaudithook(watch)
        import altar, altar.adm, altar.errors, altar.later, altar.runtime
        for name in altar.__all__:
            getattr(altar, name)
        assert threading.active_count() == 1
        print(seen)
        """
    )
    assert out.strip() == "[]"


def test_the_core_runs_with_every_third_party_import_blocked():
    out = run_bare(
        """
        class Block:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] not in {*sys.stdlib_module_names, "altar"}:
                    raise ModuleNotFoundError(f"blocked: {name}", name=name)

        sys.meta_path.insert(0, Block())
        import altar

        @altar.tool
        def get_weather(city: str) -> str:
            '''Current weather for a city.

            Args:
                city: Name of the city.
            '''
            return f"Sunny in {city}"

        assert altar.declare(get_weather).to_dict(dialect="json-schema")["name"] == "get_weather"
        with altar.Session(tools=[get_weather]) as session:
            assert session.execute("get_weather", {"city": "Oslo"}).unwrap() == "Sunny in Oslo"
            assert not session.execute("get_weather", {"town": "Oslo"}).ok
        reply = altar.generate(
            'What is the weather in "Tokyo"?', model="offline:", tools=[get_weather]
        )
        print(reply.finish, len(reply.calls), "Tokyo" in reply.text)
        """
    )
    assert out.split() == ["stop", "1", "True"]
