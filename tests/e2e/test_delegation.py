# SPDX-License-Identifier: Apache-2.0
"""The challenge's record is made where the name's owner says: CNAME, NS, challenge-alias;
and by the entry of dns: that serves that place, or the next one where it refuses."""

import pytest

from fleet import ZONE, Bind, challenge
from servers import Tsig

WWW = f"www.{ZONE}"
AWAY = "acme.test"


def two_zones(world, names=(WWW,), broken=(), kind=None, **certificate):
    """example.org as ever, and a throw-away zone with a server and a key of its own.
    broken: entries whose key the name server does not know."""
    world.add_dns(kind)
    world.away = world.add_server("away", [AWAY], 55)
    for name in broken:
        world.add_entry(name, world.nameserver)
        (world.directory / "secrets" / f"tsig-{name}").write_text(
            Tsig(name=f"stranger-{name}").bind_text())
    finish(world, names, **certificate)


def finish(world, names, **certificate):
    world.add_resolver()
    world.add_ca()
    world.add_host("web-1")
    world.add_certificate(names=list(names),
                          **{"unique-name": None, "dns": None, **certificate})
    world.set_up()


def events(world, name):
    return [e for e in world.certferry.json("events", "--limit", "500")["events"]
            if e["event"] == name]


def assert_issued(world, count=1):
    world.assert_all_served()
    assert world.pebble.issued() == count


def test_cname_to_a_zone_of_its_own(world):
    """A credential for the throw-away zone is enough, and others' values stay there."""
    two_zones(world, names=[WWW, f"*.{WWW}"])
    del world.config["dns"]["home"]
    world.write_config()
    world.nameserver.add(challenge(WWW), "CNAME", f"www.{AWAY}.")
    world.away.add(f"www.{AWAY}", "TXT", "of-somebody-else")
    result = world.certferry.apply()
    assert result.code == 0, result
    assert_issued(world)
    assert world.nameserver.txt() == {}
    assert world.away.txt() == {f"www.{AWAY}": ["of-somebody-else"]}


def test_chain_of_three(world):
    world.add_dns(zones=[ZONE, "middle.test"])
    world.away = world.add_server("away", [AWAY], 55)
    finish(world, [WWW])
    home = world.nameserver
    home.add(challenge(WWW), "CNAME", f"one.{ZONE}.")
    home.add(f"one.{ZONE}", "CNAME", "two.middle.test.")
    home.add("two.middle.test", "CNAME", f"{challenge('www.' + AWAY)}.")
    result = world.certferry.apply()
    assert result.code == 0, result
    assert_issued(world)
    world.assert_no_residue()


CHAINS = {
    "loop": ([(challenge(WWW), f"one.{ZONE}"), (f"one.{ZONE}", f"two.{ZONE}"),
              (f"two.{ZONE}", f"one.{ZONE}")], f"one.{ZONE} -> "),
    "dangling": ([(challenge(WWW), "www.nowhere.invalid")], "www.nowhere.invalid"),
    "too long": ([(challenge(WWW), f"n0.{ZONE}")] +
                 [(f"n{i}.{ZONE}", f"n{i + 1}.{ZONE}") for i in range(9)], f"n1.{ZONE} -> "),
}


@pytest.mark.parametrize("chain, kind", [
    *((chain, None) for chain in CHAINS),
    ("loop", Bind),  # which says SERVFAIL to who asks for TXT there
])
def test_chain_that_leads_nowhere(world, chain, kind):
    """Said before the CA hears of it; and where nobody checks, the order says it."""
    records, words = CHAINS[chain]
    two_zones(world, kind=kind)
    for name, target in records:
        world.nameserver.add(name, "CNAME", f"{target}.")
    result = world.certferry.apply()
    assert result.code == 6, result
    assert words in result.out + result.err, result
    assert world.pebble.posts("/order-plz") == 0

    result = world.certferry.apply("--no-check")
    assert result.code == 6, result
    error = world.certferry.status()["www", "web-1"]["error"]
    assert words in error["text"], error
    assert world.pebble.challenges() == 0
    world.assert_no_residue()

    world.nameserver.remove(challenge(WWW), "CNAME")
    result = world.certferry.apply("--no-check")
    assert result.code == 0, result
    assert_issued(world)


def test_ns_at_the_challenge(world):
    """_acme-challenge.www is a zone by itself, at another server."""
    world.add_dns()
    zone = challenge(WWW)
    world.away = world.add_server("away", [zone, AWAY], 55)
    finish(world, [WWW])
    world.nameserver.add(zone, "NS", f"ns1.{AWAY}.")
    result = world.certferry.apply()
    assert result.code == 0, result
    assert_issued(world)
    world.assert_no_residue()


@pytest.mark.parametrize("alias, names", [
    (f"_acme-challenge.{{name}}.{AWAY}", [WWW, f"*.{WWW}", f"a.{ZONE}"]),
    (f"d420c923.auth.{AWAY}", [WWW, f"a.{ZONE}"]),
], ids=["with {name}", "one for all"])
def test_challenge_alias(world, alias, names):
    """plan prints the CNAMEs that lack; once they are there it is as without the alias."""
    two_zones(world, names, dns="away", **{"challenge-alias": alias})
    bases = sorted({name.removeprefix("*.") for name in names})
    lines = [f"{challenge(base)}. " + "{}CNAME " + alias.replace("{name}", base) + "."
             for base in bases]
    plan = world.certferry.run("plan").out
    for line in lines:
        assert any(line.format(word) in plan for word in ("", "IN ", "60 IN ", "300 IN ")), \
            f"{line}\n{plan}"
    result = world.certferry.apply("--no-check")
    assert result.code == 6, result
    error = world.certferry.status()["www", "web-1"]["error"]["text"]
    assert any(f"{challenge(base)} is no CNAME" in error for base in bases), error
    assert world.pebble.challenges() == 0
    world.assert_no_residue()

    for base in bases:
        world.nameserver.add(challenge(base), "CNAME", alias.replace("{name}", base) + ".")
    assert "CNAME" not in world.certferry.run("plan").out
    result = world.certferry.apply()
    assert result.code == 0, result
    assert_issued(world)
    world.assert_no_residue()


def test_names_through_two_entries(world):
    """One certificate; each name's zone selects its credential, the longest match."""
    world.add_dns(zones=[ZONE, f"sub.{ZONE}"])
    world.add_entry("wide", world.nameserver, zones=[ZONE])
    world.add_entry("narrow", world.nameserver, zones=[f"sub.{ZONE}"])
    world.away = world.add_server("away", [AWAY], 55)
    # The widest zone comes first in the list, and serves only what nothing else does.
    finish(world, [WWW, f"www.{AWAY}", f"a.sub.{ZONE}"],
           dns=["wide", "away", "narrow"])
    result = world.certferry.apply()
    assert result.code == 0, result
    assert_issued(world)
    world.assert_no_residue()


def test_who_refuses_passes_on(world):
    two_zones(world, names=[ZONE, f"*.{ZONE}"], broken=["broken"], dns=["broken", "home"])
    result = world.certferry.apply("--no-check")
    assert result.code == 0, result
    assert_issued(world)
    world.assert_no_residue()
    passed = events(world, "dns.passed_on")
    assert len(passed) == 2, passed
    for event in passed:
        assert event["text"].startswith("broken: ") and "; now home" in event["text"], event
        assert (event["certificate"], event["host"]) == ("www", "web-1"), event


def test_all_refuse(world):
    """The order ends with each one's reason, and the CA was not asked to look."""
    two_zones(world, broken=["first", "second"], dns=["first", "second"])
    result = world.certferry.apply("--no-check")
    assert result.code == 6, result
    error = world.certferry.status()["www", "web-1"]["error"]["text"]
    assert "first" in error and "second" in error, error
    assert world.pebble.challenges() == 0
    world.assert_no_residue()


def test_bind_grants_nothing_but_challenges(world):
    """The credential can write TXT below _acme-challenge and nothing else: it is enough,
    with a CNAME and without."""
    world.add_dns(Bind)
    world.away = world.add_server("away", [AWAY], 55, Bind)
    deep = f"web-1.srv.{ZONE}"
    finish(world, [ZONE, f"*.{ZONE}", deep])
    world.nameserver.add(challenge(deep), "CNAME", f"{challenge('www.' + AWAY)}.")
    for line in (f"add www.{ZONE}. 60 TXT x", f"add {challenge(ZONE)}. 60 CNAME {AWAY}.",
                 f"add {ZONE}. 60 TXT x"):
        with pytest.raises(AssertionError, match="REFUSED"):
            world.nameserver.update(line, key=world.nameserver.tsig)
    result = world.certferry.apply()
    assert result.code == 0, result
    assert_issued(world)
    world.assert_no_residue()
