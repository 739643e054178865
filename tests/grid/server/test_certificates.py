"""Certificates for development: who they are for, who may read them, when they are made anew."""

from __future__ import annotations

import datetime as dt
import ssl
import stat

import pytest

pytest.importorskip("cryptography")

from cryptography import x509

from altar.errors import ConfigurationError
from altar_extras.grid.server import development_certificates

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def day(number: float) -> dt.datetime:
    return NOW + dt.timedelta(days=number)


def names(path) -> set[str]:
    found = x509.load_pem_x509_certificate(path.read_bytes())
    value = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in value}


def test_a_server_is_named_for_loopback_and_the_given_names_and_files_are_private(tmp_path):
    made = development_certificates(tmp_path / "tls", names=["n1.example", "10.0.0.1"], now=NOW)
    assert names(made.server_cert) == {"localhost", "127.0.0.1", "::1", "n1.example", "10.0.0.1"}
    assert made.expires == day(30)
    for file in (tmp_path / "tls").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_good_certificates_stay_and_aging_ones_are_made_anew_by_the_same_ca(tmp_path):
    made = development_certificates(tmp_path, now=NOW)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    development_certificates(tmp_path, now=day(15))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    later = development_certificates(tmp_path, now=day(21))
    assert later.expires == day(51)
    assert made.ca.read_bytes() == before["ca.pem"]
    assert made.server_cert.read_bytes() != before["server.pem"]


def test_a_name_that_is_missing_or_another_ca_makes_a_new_certificate(tmp_path):
    made = development_certificates(tmp_path, now=NOW)
    first = made.server_cert.read_bytes()
    development_certificates(tmp_path, names=["other"], now=NOW)
    second = made.server_cert.read_bytes()
    assert first != second
    made.ca.unlink()
    development_certificates(tmp_path, names=["other"], now=NOW)
    assert made.server_cert.read_bytes() != second


def test_a_client_has_a_certificate_that_is_no_servers(tmp_path):
    made = development_certificates(tmp_path, clients=["runtime-1"])
    client = x509.load_pem_x509_certificate((tmp_path / "runtime-1.pem").read_bytes())
    uses = client.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert x509.oid.ExtendedKeyUsageOID.SERVER_AUTH not in uses
    context = ssl.create_default_context(cafile=str(made.ca))
    context.load_cert_chain(made.client_cert, made.client_key)


@pytest.mark.parametrize("wrong", ["../x", "ca", "server", ""])
def test_a_client_name_that_is_no_file_name_is_refused(tmp_path, wrong):
    with pytest.raises(ConfigurationError, match="no name for a client"):
        development_certificates(tmp_path, clients=[wrong])
