# SPDX-License-Identifier: Apache-2.0
"""Many orders want their values at one TXT name at once, through CNAMEs of many names."""

import time

import pytest

from fleet import ZONE, challenge
from net import wait_for

AWAY = "acme.test"
TARGET = f"proof.{AWAY}"
FOREIGN = "of-somebody-else"
HOSTS = [f"web-{n}" for n in range(1, 7)]


def crowd(world):
    """Each host has a name of its own, and all challenges lead to one name."""
    world.add_dns()
    world.away = world.add_server("away", [AWAY], 55)
    world.add_resolver()
    world.add_ca()
    for host in HOSTS:
        world.add_host(host)
        world.nameserver.add(challenge(f"{host}.srv.{ZONE}"), "CNAME", f"{TARGET}.")
    world.nameserver.add(challenge(f"www.{ZONE}"), "CNAME", f"{TARGET}.")
    world.away.add(TARGET, "TXT", FOREIGN)
    world.add_certificate(names=[f"www.{ZONE}"],
                          **{"dns": ["home", "away"], "challenge-alias": TARGET})
    world.config["dns"]["home"]["zones"] = [ZONE]
    world.set_up()


def test_all_at_once(world):
    crowd(world)
    result = world.certferry.apply("--no-check")
    assert result.code == 0, result
    world.assert_all_served()
    assert world.pebble.issued() == len(HOSTS)
    # One proof for the name that they share, and one for each of their own.
    assert world.pebble.challenges() == len(HOSTS) + 1
    assert world.away.txt() == {TARGET: [FOREIGN]}
    assert world.nameserver.txt() == {}


@pytest.mark.parametrize("values", [2, 5])
def test_killed_in_the_crowd(world, values):
    """Whatever of it stood in the DNS: the next run goes on, and leaves what is not ours."""
    crowd(world)
    with world.settling("home", "away"):
        running = world.certferry.start("-v", "apply", "--yes", "--no-check")
        wait_for(f"{values} values", lambda: len(world.away.txt()[TARGET]) >= values)
        running.kill()
        running.communicate()
    begin = time.monotonic()
    result = world.certferry.apply("--no-check")
    assert result.code == 0, result
    assert time.monotonic() - begin < 200
    world.assert_all_served()
    assert world.pebble.issued() == len(HOSTS)
    assert world.away.txt() == {TARGET: [FOREIGN]}
