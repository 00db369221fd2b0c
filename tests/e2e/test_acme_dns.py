# SPDX-License-Identifier: Apache-2.0
"""The provider acme_dns against a fake of the service whose values stand in a real zone, so
that the CA finds them through the CNAME; and the fake against another client, acme.sh."""

import json
import os
import pathlib
import subprocess

import pytest

from certferry import BUILD
from fake_acme_dns import FakeAcmeDns, knot_zone
from fleet import ZONE, challenge

WWW = f"www.{ZONE}"
AUTH = "auth.example.net"
PORT = 8080
ROOT = (pathlib.Path(__file__).parent / "../..").resolve()


def start(world, with_cname=True, names=(WWW,), **settings):
    """example.org without a credential for it, and the service with its account."""
    world.add_dns()
    auth = world.add_server("auth", [AUTH], 55)
    world.fake = world.run(FakeAcmeDns(world.net.address(70), PORT, AUTH, knot_zone(auth)))
    world.account = world.fake.register()
    if with_cname:
        world.nameserver.add(challenge(WWW), "CNAME", f"{world.account.fulldomain}.")
    add_entry(world)
    world.add_resolver()
    world.add_ca()
    world.add_host("web-1")
    world.add_certificate(names=list(names), dns="account", **{"unique-name": None, **settings})
    world.set_up()


def add_entry(world, **changes):
    password = world.directory / "secrets" / "acme-dns"
    password.write_text(changes.pop("password", world.account.password) + "\n")
    password.chmod(0o600)
    world.config["dns"] = {"account": {
        "provider": "acme_dns", "api-url": world.fake.url,
        "username": world.account.username, "password": {"file": "secrets/acme-dns"},
        "subdomain": world.account.subdomain, **changes}}


def error_of(world):
    return world.certferry.status()["www", "web-1"]["error"]["text"]


@pytest.mark.parametrize("names, values", [
    pytest.param([WWW], 1, id="one name"),
    pytest.param([WWW, f"*.{WWW}"], 2, id="with its wildcard"),
])
@pytest.mark.parametrize("alias", [False, True], ids=["found", "stated"])
def test_through_the_cname(world, names, values, alias):
    start(world, names=names)
    if alias:
        world.config["certificates"]["www"]["challenge-alias"] = world.account.fulldomain
        add_entry(world, subdomain=world.account.fulldomain)
        world.write_config()
    result = world.certferry.apply("--no-check")
    assert result.code == 0, result
    world.assert_all_served()
    assert world.pebble.issued() == 1
    assert len(world.account.values) == values
    assert world.nameserver.txt() == {}
    # Again, beside the old values, which nobody can remove.
    result = world.certferry.apply("--no-check", "--force", "www")
    assert result.code == 0, result
    assert world.pebble.issued() == 2
    assert json.loads(world.certferry.good("--json", "pending").out)["pending"] == []


def test_checked_before(world):
    start(world)
    result = world.certferry.apply()
    assert result.code == 0, result
    assert world.pebble.issued() == 1


def test_no_cname(world):
    """The text says which line the zone needs."""
    start(world, with_cname=False)
    result = world.certferry.apply("--no-check")
    assert result.code == 6, result
    line = f"{challenge(WWW)}. IN CNAME {world.account.subdomain}."
    assert line in error_of(world), error_of(world)
    assert world.fake.requests == [] and world.pebble.challenges() == 0


@pytest.mark.parametrize("changes", [
    {"password": "x" * 40}, {"username": "00000000-0000-4000-8000-000000000000"},
], ids=["password", "username"])
def test_wrong_account(world, changes):
    start(world)
    add_entry(world, **changes)
    world.write_config()
    result = world.certferry.apply("--no-check")
    assert result.code == 6, result
    error = error_of(world)
    assert "HTTP 401" in error and "allowfrom" in error, error
    assert "x" * 40 not in result.out + result.err + error
    assert world.pebble.challenges() == 0


def run_batch(world, *changes, **options):
    add_entry(world, **options)
    entry = world.config["dns"]["account"]
    done = subprocess.run(
        [BUILD / "tests" / "run_batch", BUILD / "libexec" / "certferry" / "certferry-dns-host",
         BUILD / "lib" / "certferry" / "plugins", "acme_dns",
         *(f"{name}={entry[name]}" for name in ("api-url", "username", "subdomain")),
         f"password=@{world.directory}/secrets/acme-dns", *(w for c in changes for w in c)],
        capture_output=True, text=True, timeout=120)
    return done.stdout.splitlines()


def test_answers_of_the_service(world, tmp_path):
    (world.directory / "secrets").mkdir(mode=0o700)
    shown = {}
    fake = world.run(FakeAcmeDns(world.net.address(70), PORT, AUTH, shown.__setitem__))
    world.fake, world.account = fake, fake.register()
    name = world.account.fulldomain

    def change(sign, letter, at=name, of=WWW):
        return (f"{sign}{challenge(of)}", AUTH, at, letter * 43)

    assert run_batch(world, change("+", "a"), change("+", "b")) == ["ok", "ok"]
    assert shown == {name: ["a" * 43, "b" * 43]}
    assert run_batch(world, change("-", "a"), change("-", "b")) == ["ok", "ok"]
    assert shown == {name: ["a" * 43, "b" * 43]} and len(fake.requests) == 2

    # Four at once: two are posted, two wait.
    lines = run_batch(world, *(change("+", letter) for letter in "cdef"))
    assert lines[:2] == ["ok", "ok"] and "temporary" in lines[2] + lines[3], lines
    assert shown == {name: ["c" * 43, "d" * 43]}

    assert "bad_txt" in run_batch(world, (f"+{challenge(WWW)}", AUTH, name, "short"))[0]
    other = fake.register(["192.0.2.0/24"])
    assert "HTTP 401" in run_batch(world, change("+", "g", other.fulldomain),
                                   subdomain=other.subdomain)[0]
    world.account = other  # its user and its password, but not from here
    assert "HTTP 401" in run_batch(world, change("+", "g", other.fulldomain))[0]
    fake.fails = [500]
    assert "temporary" in run_batch(world, change("+", "h", other.fulldomain))[0]
    fake.stop()
    assert "temporary" in run_batch(world, change("+", "h", other.fulldomain))[0]


def test_the_fake_with_acme_sh(world):
    """acme.sh's script for acme-dns registers, posts and is validated: the fake is no
    invention of ours."""
    world.add_dns()
    auth = world.add_server("auth", [AUTH], 55)
    fake = world.run(FakeAcmeDns(world.net.address(70), PORT, AUTH, knot_zone(auth)))
    world.add_resolver()
    world.add_ca()

    acme_sh = subprocess.run([ROOT / "packaging" / "acme-sh.sh", ROOT / "build" / "acme.sh"],
                             check=True, capture_output=True, text=True).stdout.strip()

    def issue():
        return subprocess.run(
            [acme_sh, "--issue", "--home", world.directory / "acme.sh", "--server",
             world.pebble.url, "--ca-bundle", world.pebble.ca_file, "--dns", "dns_acmedns",
             "-d", WWW, "--dnssleep", "1", "--keylength", "ec-256", "--force"],
            env={**os.environ, "ACMEDNS_BASE_URL": fake.url, "HOME": str(world.directory)},
            input="\n", capture_output=True, text=True, timeout=240)

    # The first run registers and says which CNAME it needs.
    first = issue()
    assert first.returncode != 0
    assert len(fake.accounts) == 1, first.stdout + first.stderr
    (account,) = fake.accounts.values()
    assert account.fulldomain in first.stdout + first.stderr

    world.nameserver.add(challenge(WWW), "CNAME", f"{account.fulldomain}.")
    second = issue()
    assert second.returncode == 0, second.stdout + second.stderr
    assert world.pebble.issued() == 1
    assert [path for path, _ in fake.requests] == ["/register", "/update", "/update"]
    assert len(account.values) == 2
