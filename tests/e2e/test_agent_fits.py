# SPDX-License-Identifier: Apache-2.0
"""A server's policy that no longer fits the issuer's configuration is found out before the
CA hears of a new order, said by name in status too, and forgotten when it was mended."""

import pytest

from agent_host import give_agent, take_agent, write_policy
from test_agent_ssh import TARGET, row, whole

FAILED = 6


def orders(world):
    return world.pebble.posts("/order-plz")


def renew(world):
    """Another kind of key: a new certificate is due."""
    world.config["certificates"]["www"]["key"] = "ec-384"
    world.write_config()


def key_on(world, where):
    world.config["certificates"]["www"]["key-on"] = where
    world.write_config()


# What is set otherwise, what is said, what mends it.
MISFITS = {
    "no such slot": (
        lambda world, host: write_policy(host, name="other"),
        "this server's policy has no such slot: www",
        lambda world, host: write_policy(host)),
    "key here, there on target": (
        lambda world, host: write_policy(host, TARGET),
        "makes the key there (key-on: target)",
        lambda world, host: write_policy(host)),
    "key on target, there not": (
        lambda world, host: key_on(world, "target"),
        "takes its key from the issuer",
        lambda world, host: write_policy(host, TARGET)),
    "the configuration is mended": (
        lambda world, host: key_on(world, "target"),
        "takes its key from the issuer",
        lambda world, host: key_on(world, "issuer")),
    "key on target, no agent": (
        lambda world, host: (key_on(world, "target"), take_agent(host, world.public_key)),
        "no certferry-agent answers",
        lambda world, host: give_agent(host, world.public_key, more=TARGET)),
    "a name": (
        lambda world, host: write_policy(host, names="other.example"),
        "does not allow the name",
        lambda world, host: write_policy(host)),
}


# Each once, as a first order or as a renewal; the first of them as both.
TURNS = [("no such slot", False), *((kind, at % 2 == 0) for at, kind in enumerate(MISFITS))]


@pytest.mark.parametrize("kind, is_renewal", TURNS)
def test_misfit_costs_no_order(world, kind, is_renewal):
    strike, words, mend = MISFITS[kind]
    world.standard(1)
    host = world.hosts["web-1"]
    give_agent(host, world.public_key)
    if is_renewal:
        assert world.certferry.apply().code == 0
    before = whole(world) if is_renewal else None
    if is_renewal:
        renew(world)
    spent, reloads = orders(world), host.reloads()
    strike(world, host)

    for _ in range(2):
        result = world.certferry.apply()
        assert result.code == FAILED and "blocked" in result.out, result
        assert words in result.out and "certferry agent install web-1" in result.out, result
        found = row(world)
        assert found["state"] == "blocked" and words in found["reason"], found
    checks = world.certferry.run("plan", "--check")
    assert checks.code == FAILED and words in checks.out, checks
    assert orders(world) == spent and host.reloads() == reloads
    if is_renewal:
        assert host.served_sha256() == before["sha256"] == host.installed_sha256()
        assert host.pair_matches() and row(world)["is_served"], row(world)

    mend(world, host)
    result = world.certferry.apply()
    assert result.code == 0, result
    assert orders(world) == spent + 1 and world.pebble.issued() == spent + 1
    assert whole(world)["state"] == "done"
    again = world.certferry.apply()
    assert again.code == 0 and "nothing was to do" in again.out, again


def test_service_of_another_name(world):
    """Its owner may call a service as he likes: said where all is looked at, and no more."""
    world.standard(1)
    host = world.hosts["web-1"]
    give_agent(host, world.public_key)
    assert "no service called" not in world.certferry.good("plan", "--check").out
    world.config["certificates"]["www"]["reload"] = "apache2"
    world.write_config()
    checks = world.certferry.good("plan", "--check").out
    assert "no service called apache2" in checks, checks
    assert "certferry agent install web-1" in checks, checks
    result = world.certferry.apply()
    assert result.code == 0, result
    assert orders(world) == 1
    whole(world)


def test_others_go_on(world):
    """What does not fit one server keeps nothing from another."""
    world.standard(2)
    for host in world.hosts.values():
        give_agent(host, world.public_key)
    write_policy(world.hosts["web-2"], TARGET)
    result = world.certferry.apply()
    assert result.code == FAILED, result
    rows = {name: found for (_, name), found in world.certferry.status().items()}
    assert rows["web-1"]["state"] == "done" and rows["web-2"]["state"] == "blocked", rows
    assert orders(world) == 1
    write_policy(world.hosts["web-2"])
    assert world.certferry.apply().code == 0
    assert orders(world) == 2
    world.assert_all_served()


def test_host_that_does_not_answer(world):
    """Nothing is known of its policy: it waits as before, and is not said to be misfit."""
    world.standard(1)
    host = world.hosts["web-1"]
    give_agent(host, world.public_key, more=TARGET)
    host.sshd.stop()
    result = world.certferry.apply()
    assert result.code not in (0, FAILED) and orders(world) == 0, result
    assert row(world)["state"] == "due" and "policy" not in row(world)["reason"], row(world)
    write_policy(host)
    host.start_sshd()
    assert world.certferry.apply().code == 0
    assert orders(world) == 1
    whole(world)


GREETINGS = {
    "fewer slots than it says": "echo 'certferry-1 agent 9.9 2'; echo 'certferry-1 slot www issuer'",
    "more slots than it says":
        "echo 'certferry-1 agent 9.9 1'; yes 'certferry-1 slot www issuer' | head -n 90000",
    "services without end":
        "echo 'certferry-1 agent 9.9 1'; echo 'certferry-1 slot www issuer';"
        " yes 'certferry-1 service www x' | head -n 90000",
    "a slot of no kind": "echo 'certferry-1 agent 9.9 1'; echo 'certferry-1 slot www both'",
}


@pytest.mark.parametrize("kind", GREETINGS)
def test_greeting_that_is_none(world, kind):
    world.standard(1)
    host = world.hosts["web-1"]
    host.write("root/talk", f"#!/bin/sh\n{GREETINGS[kind]}\n", 0o755)
    host.force_command("/root/talk")
    result = world.certferry.apply()
    assert result.code == FAILED and "agent" in row(world)["reason"], (result, row(world))
    assert orders(world) == 0 and len(result.out) < 20000, result


# An agent of a later version, whose greeting has lines that do not exist yet.
LATER = """#!/bin/sh
/usr/sbin/certferry-agent session | while IFS= read -r line; do
	case $line in
	"certferry-1 slot "*) echo "certferry-1 formats pem,der of-slot" ;;
	esac
	printf '%s\\n' "$line"
done
"""


def test_agent_of_a_later_version(world):
    world.standard(1)
    host = world.hosts["web-1"]
    give_agent(host, world.public_key)
    host.write("root/later", LATER, 0o755)
    host.force_command("/root/later")
    result = world.certferry.apply()
    assert result.code == 0, result
    assert whole(world)["transport"] == "agent"
    write_policy(host, name="other")
    renew(world)
    result = world.certferry.apply()
    assert result.code == FAILED and "no such slot: www" in result.out, result
    assert orders(world) == 1
