# SPDX-License-Identifier: Apache-2.0
"""The main job: from nothing to a certificate of its own on every server."""

import subprocess

import pytest

from fleet import SLOT, ZONE, Bind, Knot, PowerDns, Tsig


def names_of(host, slot=SLOT):
    text = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in",
         host.resolve("cert.pem", slot)], check=True, capture_output=True, text=True).stdout
    return sorted(word.strip(" ,")[4:] for word in text.split() if word.startswith("DNS:"))


def test_three_servers_then_nothing_to_do(world):
    world.standard(3)
    first = world.certferry.apply()
    assert first.code == 0, first
    world.assert_all_served()
    world.assert_no_residue()
    assert world.pebble.issued() == 3
    for name, host in world.hosts.items():
        # The apex and the wildcard share one TXT name, and both are there.
        assert names_of(host) == sorted([f"*.{ZONE}", ZONE, f"{name}.srv.{ZONE}"])

    again = world.certferry.apply()
    assert again.code == 0, again
    assert "nothing was to do" in again.out, again
    assert world.pebble.issued() == 3


def test_openssl_and_files_as_certbot_names_them(world):
    world.standard(1, install={"directory": SLOT, "owner": "root", "group": "ssl-cert",
                               "mode": "0640"})
    assert world.certferry.apply().code == 0
    host = world.hosts["web-1"]
    seen = subprocess.run(
        ["openssl", "s_client", "-connect", f"{host.address}:8443", "-servername",
         f"web-1.srv.{ZONE}", "-showcerts"], input="", capture_output=True, text=True).stdout
    serial = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=seen,
                            check=True, capture_output=True, text=True).stdout
    row = world.certferry.status()["www", "web-1"]
    assert serial.strip().split("=")[1].lower().lstrip("0") == \
        row["serial"].replace(":", "").lower().lstrip("0")
    for name, mode in (("fullchain.pem", 0o644), ("chain.pem", 0o644), ("cert.pem", 0o644),
                       ("privkey.pem", 0o640)):
        found = host.resolve(name).stat()
        assert found.st_mode & 0o7777 == mode, name
        assert (found.st_uid, found.st_gid) == (0, 110), name
    assert host.resolve("fullchain.pem").read_text() == \
        host.resolve("cert.pem").read_text() + host.resolve("chain.pem").read_text()


@pytest.mark.parametrize("kind, algorithm", [
    pytest.param(Bind, "hmac-sha256", id="bind, sha256"),
    pytest.param(Bind, "hmac-sha512", id="bind, sha512"),
    pytest.param(Knot, "hmac-sha512", id="knot, sha512"),
    pytest.param(PowerDns, "hmac-sha256", id="powerdns, sha256"),
    pytest.param(PowerDns, "hmac-sha512", id="powerdns, sha512"),
])
def test_name_servers(world, kind, algorithm):
    world.add_dns(kind, tsig=Tsig(algorithm))
    world.add_ca()
    world.add_host("web-1")
    world.add_certificate()
    world.set_up()
    assert world.certferry.apply().code == 0
    world.assert_all_served()
    world.assert_no_residue()


def test_values_of_others_stay(world):
    """Only our own value leaves a TXT name."""
    world.standard(1)
    ns = world.nameserver
    subprocess.run(["nsupdate", "-y", ns.tsig.dig_option()], check=True, text=True, input=(
        f"server {ns.address}\nzone {ZONE}\n"
        f"update add _acme-challenge.{ZONE} 60 TXT of-somebody-else\nsend\n"))
    assert world.certferry.apply().code == 0
    assert ns.txt() == {f"_acme-challenge.{ZONE}": ["of-somebody-else"]}


@pytest.mark.parametrize("flavour, user", [
    pytest.param("debian", "deploy", id="sudo"),
    pytest.param("busybox", "root", id="busybox"),
])
def test_kinds_of_servers(world, flavour, user):
    world.add_dns()
    world.add_ca()
    world.add_host("web-1", flavour=flavour, user=user)
    world.add_certificate()
    world.set_up()
    assert world.certferry.apply().code == 0
    world.assert_all_served()
    assert world.certferry.apply("--force", "www").code == 0
    world.assert_all_served()
    # The generation before is kept, older ones are not.
    assert world.certferry.apply("--force", "www").code == 0
    assert len(world.hosts["web-1"].generations()) == 2
