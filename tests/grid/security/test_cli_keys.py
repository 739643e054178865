"""``altar grid keys`` and ``altar manifest sign|verify``, as typed."""

from __future__ import annotations

import argparse
import io
import json
import os
import time

import pytest

pytest.importorskip("cryptography")

from altar.cli import main  # noqa: E402
from altar.cli._console import Console  # noqa: E402
from altar.errors import ConfigurationError  # noqa: E402
from altar_extras.grid.security import (  # noqa: E402
    Credentials,
    ManifestTrust,
    SignedManifest,
    SigningKey,
)
from altar_extras.grid.security._cli_keys import configure, read_seed, run  # noqa: E402
from tests.grid.security.makes import contract, manifest  # noqa: E402


def keys(*words: object) -> str:
    parser = argparse.ArgumentParser()
    configure(parser)
    out, err = io.StringIO(), io.StringIO()
    assert run(parser.parse_args([str(word) for word in words]), Console(out, err)) == 0
    shown = out.getvalue() + err.getvalue()
    for seed in SEEDS:
        assert seed not in shown
    return shown


SEEDS: set[str] = set()


@pytest.fixture
def folder(tmp_path):
    keys("make", tmp_path / "k", "--tenant", "acme", "--client", "ana=add,f_*", "--runtime", "r1",
         "--operator", "olga", "--url", "nats://127.0.0.1:4222")  # fmt: skip
    return tmp_path / "k"


def test_clients_are_added_with_the_manifest_that_they_hold_hosts_to(folder):
    file = folder / "acme.json"
    keys("add", folder, "--client", "eve", "--runtime", "r9", "--manifest", file)
    assert Credentials.read(folder / "eve.json").manifest == str(file)
    keys("rotate", folder / "eve.json")
    assert Credentials.read(folder / "eve.json").manifest == str(file)
    for plain in ("ana", "r9", "host"):
        assert '"manifest"' not in (folder / f"{plain}.json").read_text("utf-8")
    with pytest.raises(ConfigurationError, match="--client"):
        keys("add", folder, "--runtime", "r8", "--manifest", file)


def test_a_whole_grid_s_keys_are_made_and_fit_each_other(folder):
    host = Credentials.read(folder / "host.json", role="host")
    ana, r1, olga = (Credentials.read(folder / f"{name}.json") for name in ("ana", "r1", "olga"))
    assert [(one.role, one.tenant, one.url) for one in (ana, r1)] == [
        ("client", "acme", "nats://127.0.0.1:4222"),
        ("runtime", "acme", "nats://127.0.0.1:4222"),
    ]
    assert [one.key for one in host.principals] == [one.key.public for one in (ana, r1, olga)]
    assert host.principals[0].tools == ("add", "f_*")
    assert {one.root for one in (host, ana, r1)} == {read_seed(folder / "root.seed").public}
    assert ana.host_keys == (SigningKey.from_seed(host.host_seed).public,)
    assert host.tenants.keys() == {"acme"}
    assert os.name != "posix" or {one.stat().st_mode & 0o77 for one in folder.iterdir()} == {0}
    seeds = [host.seed, host.host_seed, host.issuer_seed, host.system_seed, ana.seed, r1.seed]
    assert len({*seeds, *host.tenants.values()}) == 7


def test_the_list_says_what_each_opens_and_no_secret(folder):
    host = Credentials.read(folder / "host.json")
    SEEDS.update(
        {host.seed, host.host_seed, host.issuer_seed, Credentials.read(folder / "ana.json").seed}
    )
    shown = keys("list", folder)
    assert "signing manifests; keep it offline" in shown
    assert "sessions with the tools add, f_*" in shown
    assert "serving tenant acme" in shown
    assert "of the contracts that name its key" in shown
    assert len(shown.splitlines()) == 1 + 5 + 3


def test_a_party_is_added_and_rotated_and_the_host_follows(folder):
    keys("add", folder, "--client", "bob")
    before = Credentials.read(folder / "bob.json").key.public
    assert before in keys("rotate", folder / "bob.json")
    after = Credentials.read(folder / "bob.json").key.public
    known = [one.key for one in Credentials.read(folder / "host.json").principals]
    assert after in known
    assert before not in known
    old = Credentials.read(folder / "host.json")
    keys("rotate", folder / "host.json")
    new = Credentials.read(folder / "host.json")
    assert new.host_seed != old.host_seed
    assert set(new.host_keys) > set(old.host_keys)
    keys("add", folder, "--tenant", "globex", "--client", "eve")
    assert set(Credentials.read(folder / "host.json").tenants) == {"acme", "globex"}


def test_development_has_no_root_and_nothing_is_written_over(folder, tmp_path):
    keys("make", tmp_path / "d", "--development")
    assert not (tmp_path / "d" / "root.seed").exists()
    assert Credentials.read(tmp_path / "d" / "client.json").root is None
    for words in (
        ["make", folder],
        ["add", folder, "--client", "ana"],
        ["add", folder, "--client", "host"],
    ):
        with pytest.raises(ConfigurationError, match="there already"):
            keys(*words)
    for words in (["add", folder], ["add", folder, "--client", "../x"], ["list", tmp_path]):
        with pytest.raises(ConfigurationError):
            keys(*words)


@pytest.fixture
def plain(folder):
    path = folder / "tools.manifest"
    manifest(contract("math"), contract("files", "read")).write(path)
    return path


def sign(folder, plain, *more: str) -> int:
    return main(["manifest", "sign", str(plain), "--key", str(folder / "root.seed"), "--tenant",
                 "acme", "--sequence", "3", *more])  # fmt: skip


def test_a_manifest_is_signed_verified_and_believed(folder, plain, capsys, tmp_path):
    runtime = Credentials.read(folder / "r1.json").key.public
    assert sign(folder, plain, "--runtime", f"math={folder / 'r1.json'}", "--expires", "2d") == 0
    shown = capsys.readouterr()
    assert "tenant acme, sequence 3, until" in shown.out
    assert "no runtime may fulfil files" in shown.err
    path = folder / "tools.signed.json"
    root = read_seed(folder / "root.seed").public
    assert main(["manifest", "verify", str(path), "--root", root, "--tenant", "acme"]) == 0
    accepted = ManifestTrust(root, "acme", state_path=tmp_path / "s").accept_file(
        path, now=time.time()
    )
    assert accepted.tools(runtime) == (("add", 1), ("mul", 1))
    assert 1.9 < (accepted.expires - time.time()) / 86400 <= 2


def test_what_would_be_refused_ends_in_exit_code_1_and_says_why(folder, plain, capsys):
    assert sign(folder, plain, "--runtime", str(folder / "r1.json")) == 0
    path, root = folder / "tools.signed.json", read_seed(folder / "root.seed").public
    capsys.readouterr()
    assert main(["manifest", "verify", str(path), "--root", SigningKey.generate().public]) == 1
    assert "foreign_root" in capsys.readouterr().err
    assert main(["manifest", "verify", str(path), "--root", root, "--tenant", "globex"]) == 1
    assert main(["manifest", "verify", str(plain), "--root", root]) == 1
    assert "unsigned" in capsys.readouterr().err
    path.write_text(json.dumps({**json.loads(path.read_text()), "sequence": 9}))
    assert main(["manifest", "verify", str(path), "--root", root]) == 1
    assert "bad_signature" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more", [["--expires", "31d"], ["--expires", "soon"], ["--runtime", "no=U"], ["--runtime", "U"]]
)
def test_what_cannot_be_signed_ends_in_exit_code_2(folder, plain, more, capsys):
    assert sign(folder, plain, *more) == 2
    assert not (folder / "tools.signed.json").exists()
    assert "altar: error:" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["1", "2"])
def test_a_signed_manifest_is_not_written_over_by_an_older_one(folder, plain, number, capsys):
    out = folder / "acme.json"
    assert sign(folder, plain, "--out", str(out), "--sequence", "2") == 0
    before = out.read_bytes()
    capsys.readouterr()
    assert sign(folder, plain, "--out", str(out), "--sequence", number) == 2
    said = capsys.readouterr().err
    assert f"--sequence {number}: {out} holds sequence 2 of tenant acme" in said
    assert "type --sequence 3, or another --out" in said
    assert out.read_bytes() == before
    assert sign(folder, plain, "--out", str(out), "--sequence", "3") == 0
    assert SignedManifest.read(out).sequence == 3


def test_a_file_that_is_no_signed_manifest_is_not_written_over(folder, plain, capsys):
    before = plain.read_bytes()
    assert sign(folder, plain, "--out", str(plain)) == 2
    assert "is no signed manifest: give another --out" in capsys.readouterr().err
    assert plain.read_bytes() == before


def test_a_signature_revokes(folder, plain):
    gone = SigningKey.generate().public
    assert sign(folder, plain, "--revoke", gone) == 0
    assert SignedManifest.read(folder / "tools.signed.json").revoked == (gone,)


def test_the_command_line_knows_the_verbs(folder, capsys):
    pytest.importorskip("nats")
    pytest.importorskip("msgpack")
    assert main(["grid", "keys", "list", str(folder)]) == 0
    assert "ana.json" in capsys.readouterr().out
    assert main(["grid", "keys", "add", str(folder)]) == 2
    assert "type --client NAME" in capsys.readouterr().err
