"""Servers for every test of the grid: ``node()``, ``cluster(3)``, and shared ones that stay up."""

from __future__ import annotations

from contextlib import ExitStack

import pytest


@pytest.fixture
def node(tmp_path_factory):
    """``node(mtls=..., callout=..., jetstream=..., tenants=(...))``: a server of this test's own,
    which it may kill. Options are those of tests.grid.nodes.Options.
    """
    yield from _starter(tmp_path_factory, "start_node")


@pytest.fixture
def cluster(tmp_path_factory):
    """``cluster(3, mtls=..., callout=...)``: a cluster of this test's own."""
    yield from _starter(tmp_path_factory, "start_cluster")


@pytest.fixture(scope="session")
def shared_node(tmp_path_factory):
    """As ``node``, but one server for each set of options stays up for all tests: never kill it,
    and use subjects and names of your own.
    """
    yield from _starter(tmp_path_factory, "start_node", kept={})


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory):
    """As ``shared_node``, for clusters."""
    yield from _starter(tmp_path_factory, "start_cluster", kept={})


def _starter(folders, what, kept=None):
    from tests.grid import nodes  # noqa: PLC0415 - only where the libraries are

    with ExitStack() as stack:

        def start(*size, **options):
            chosen = (*size, nodes.Options(**{"times": nodes.PATIENT, **options}))
            key = repr(chosen)
            if kept is not None and key in kept:
                return kept[key]
            made = getattr(nodes, what)(folders.mktemp("nats"), *chosen)
            stack.callback(made.close)
            if kept is not None:
                kept[key] = made
            return made

        yield start
