"""Which server a connection turns to, and how long it tries: no I/O."""

from __future__ import annotations

import pytest

from altar_extras.grid.transport import AdmissionRefusedError, NatsSettings
from altar_extras.grid.transport._nats_servers import Return, Servers
from altar_extras.grid.transport._nats_settings import Address

ONE, TWO, THREE = (Address("127.0.0.1", port) for port in (1, 2, 3))


def test_the_server_that_was_lost_is_asked_last():
    servers = Servers([ONE, TWO, THREE], is_secure=False)
    servers.last = TWO
    for _ in range(20):
        turn = servers.turn()
        assert turn[-1] == TWO
        assert {*turn} == {ONE, TWO, THREE}


@pytest.mark.parametrize(("is_secure", "known"), [(True, 2), (False, 1)])
def test_a_server_that_was_told_of_is_never_asked_in_plaintext_beyond_this_machine(
    is_secure: bool, known: int
):
    servers = Servers([ONE], is_secure=is_secure)
    servers.discover("10.0.0.7", 4222, Address("one.example", 4222))
    assert len(servers.turn()) == known


def test_a_server_that_was_told_of_shows_its_tellers_name_and_is_known_once():
    servers = Servers([ONE], is_secure=True)
    for _ in range(2):
        servers.discover("10.0.0.7", 4222, Address("one.example", 4222))
    servers.discover("", 4222, ONE)
    assert [one.tls_name for one in servers.turn() if one != ONE] == ["one.example"]


def test_a_refusal_is_told_once_and_slows_the_return_down():
    back = Return(NatsSettings(reconnect_wait=0.01, reconnect_wait_max=0.02))
    assert back.refused(AdmissionRefusedError("no", "unknown_key"))
    assert not back.refused(AdmissionRefusedError("no", "unknown_key"))
    assert all(back.pause() >= 0.5 for _ in range(5))


def test_a_host_that_is_missing_slows_nothing_down():
    back = Return(NatsSettings(reconnect_wait=0.01, reconnect_wait_max=0.02))
    assert back.refused(AdmissionRefusedError("no", "no_host"))
    assert all(back.pause() <= 0.03 for _ in range(5))


def test_only_a_server_that_was_there_and_too_slow_gets_more_time():
    back = Return(NatsSettings())
    before = back.patience
    back.failed(0.0)
    assert back.patience == before
    back.failed(before)
    assert back.patience == 2 * before
