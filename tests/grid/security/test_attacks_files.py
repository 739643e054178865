"""Files that are not what they should be."""

from __future__ import annotations

import os
import time

import pytest

pytest.importorskip("cryptography")

from altar.cli import main  # noqa: E402
from altar.errors import ConfigurationError  # noqa: E402
from altar_extras.grid.security import Credentials, ManifestRefused, ManifestTrust  # noqa: E402
from tests.grid.security.makes import CLIENT, ROOT, signed  # noqa: E402

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and pipes are those of POSIX")


def accepted(path, sequence: int = 7) -> str:
    now = time.time()
    trust = ManifestTrust(ROOT.public, "acme", state_path=path)
    try:
        return str(trust.accept(signed(now=now, sequence=sequence), now=now).sequence)
    except ManifestRefused as refused:
        return refused.reason


def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(tmp_path):
    path = tmp_path / "state"
    os.mkfifo(path)
    assert accepted(path) == "state_broken"
    with pytest.raises(ConfigurationError, match="no regular file"):
        Credentials.read(path)


def test_a_link_in_the_place_of_the_memory_is_replaced_or_refused_and_never_written_through(
    tmp_path,
):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in ("state", "state.lock"):
        path = tmp_path / name
        path.unlink(missing_ok=True)
        path.symlink_to(victim)
        accepted(tmp_path / "state")
        assert victim.read_text() == "precious"


def test_a_memory_that_everybody_may_delete_is_none(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o777)
    assert accepted(folder / "manifest.json") == "state_broken"
    folder.chmod(0o1777)
    assert accepted(folder / "manifest.json") == "7"
    folder.chmod(0o750)
    assert accepted(folder / "manifest.json", 6) == "older"


def test_credentials_that_others_can_read_are_refused_without_a_word_of_them(tmp_path):
    path = tmp_path / "ana.json"
    Credentials(role="client", tenant="acme", name="ana", seed=CLIENT.seed).write(path)
    for mode in (0o640, 0o604, 0o666):
        path.chmod(mode)
        with pytest.raises(ConfigurationError, match="chmod 600") as caught:
            Credentials.read(path)
        assert CLIENT.seed not in str(caught.value)


def test_the_command_takes_no_signed_manifest_without_a_memory(tmp_path, capsys):
    pytest.importorskip("nats")
    pytest.importorskip("msgpack")

    tools = tmp_path / "tools.py"
    tools.write_text("from altar.later import tool\n\n@tool\ndef add(): 'Add.'\n")
    signed(now=time.time()).write(tmp_path / "m.json")
    made = Credentials(role="runtime", tenant="acme", name="r", seed=CLIENT.seed, root=ROOT.public)
    made.write(tmp_path / "r.json")
    status = main(
        ["grid", "runtime", str(tools), "--credentials", str(tmp_path / "r.json")]
        + ["--url", "nats://127.0.0.1:1", "--manifest", str(tmp_path / "m.json")]
    )
    assert status != 0
    assert "--state FOLDER" in capsys.readouterr().err
