# SPDX-License-Identifier: Apache-2.0
"""A person sets the records: no process waits for it, and nothing is forgotten."""

import re
import sqlite3

from fleet import ZONE, Tsig, challenge

LINE = re.compile(r'^(\S+)\. (\d+) IN TXT "([^"]+)"$', re.M)
PERSON = 6  # the exit code: somebody is needed
WWW = f"www.deep.{ZONE}"  # not under the wildcard


def by_hand(world, names=(ZONE, f"*.{ZONE}", WWW), dns=("hand",), hosts=1, **certificate):
    """The name server is there, but of certferry's credentials for it none is used."""
    if world.nameserver is None:
        world.add_dns()
    if "broken" in dns:
        world.add_entry("broken", world.nameserver)
        (world.directory / "secrets" / "tsig-broken").write_text(
            Tsig(name="stranger").bind_text())
    world.add_resolver()
    world.add_ca()
    for number in range(1, hosts + 1):
        world.add_host(f"web-{number}")
    world.config["dns"]["hand"] = {"provider": "manual"}
    world.add_certificate(names=list(names), dns=list(dns),
                          **{"unique-name": None, **certificate})
    world.set_up()


def apply(world, *words):
    """It never waits for a person: hours would be no surprise."""
    return world.certferry.apply(*words, timeout=240)


def pending(world):
    """{action: sorted [(name, value)]}; the zone lines and the JSON tell the same."""
    rows = world.certferry.json("pending")["pending"]
    lines = {(name, value) for name, _, value in LINE.findall(world.certferry.good("pending").out)}
    assert lines == {(row["name"], row["value"]) for row in rows}
    return {action: sorted((row["name"], row["value"]) for row in rows
                           if row["action"] == action) for action in ("set", "remove")}


def paste(world, records, verb="add"):
    """What the person does, with the lines as they were shown."""
    for name, value in records:
        if verb == "add":
            world.nameserver.add(name, "TXT", value)
        else:
            world.nameserver.remove(name, "TXT", value)


def test_from_the_question_to_the_certificate(world):
    by_hand(world)
    result = apply(world)
    assert result.code == PERSON, result
    asked = pending(world)
    assert [name for name, _ in asked["set"]] == \
        [challenge(ZONE), challenge(ZONE), challenge(WWW)], asked
    assert asked["remove"] == []
    for name, value in asked["set"]:
        assert f'{name}.' in result.out + result.err and value in result.out + result.err, result
    row = world.certferry.status()["www", "web-1"]
    assert row["state"] == "waiting" and "certferry pending" in row["reason"], row
    assert world.nameserver.txt() == {}

    # Restarted, and one of three is set: the same question, and nothing new at the CA.
    paste(world, asked["set"][:1])
    assert apply(world).code == PERSON
    assert pending(world)["set"] == asked["set"]
    assert world.pebble.posts("/order-plz") == 1 and world.pebble.challenges() == 0

    paste(world, asked["set"][1:])
    result = apply(world)
    assert result.code == 0, result
    world.assert_all_served()
    assert world.pebble.issued() == 1

    # They stand, so they are to be removed, until nobody shows them any more.
    left = pending(world)
    assert left == {"set": [], "remove": asked["set"]}
    paste(world, left["remove"][:1], "remove")
    assert apply(world).code == 0
    assert pending(world)["remove"] == left["remove"][1:]
    paste(world, left["remove"][1:], "remove")
    assert apply(world).code == 0
    assert pending(world) == {"set": [], "remove": []}
    assert world.pebble.issued() == 1


def test_all_names_at_once(world):
    """Two certificates on two hosts, one name in common: one run asks for everything."""
    by_hand(world, names=[ZONE, WWW], hosts=2, **{"unique-name": "{host}.srv." + ZONE})
    world.add_certificate("api", names=[f"api.{ZONE}", ZONE], dns=["hand"], hosts=["web-1"],
                          **{"unique-name": None, "install": {"directory": "/etc/ssl/api"},
                             "reload": None, "probe": False})
    world.write_config()
    assert apply(world).code == PERSON
    asked = pending(world)["set"]
    assert {name for name, _ in asked} == {
        challenge(name) for name in (ZONE, WWW, f"api.{ZONE}", f"web-1.srv.{ZONE}",
                                     f"web-2.srv.{ZONE}")}, asked
    paste(world, asked)
    for _ in range(3):
        # A name that was proved meanwhile may have made another order's wish void.
        result = apply(world)
        paste(world, [r for r in pending(world)["set"] if r not in asked])
        if result.code == 0:
            break
    assert result.code == 0, result
    assert world.pebble.issued() == 3


def test_nobody_sets_it(world):
    """After by-hand-timeout the order ends and says so; its question is withdrawn."""
    by_hand(world, names=[WWW])
    assert apply(world).code == PERSON
    old = pending(world)["set"]
    with sqlite3.connect(world.directory / "state" / "certferry.db") as db:
        db.execute('UPDATE "order" SET state_since_ms = state_since_ms - ?',
                   (6 * 86400 * 1000,))
    db.close()
    result = apply(world)
    assert result.code == PERSON, result
    error = world.certferry.status()["www", "web-1"]["error"]["text"]
    assert "5 d" in error or "5d" in error or "432000" in error, error
    assert world.pebble.challenges() == 0
    # The next run asks for a value that the next order can use.
    result = apply(world)
    asked = pending(world)
    assert asked["remove"] == [], asked
    assert len(asked["set"]) == 1, result
    paste(world, asked["set"])
    assert apply(world).code == 0
    world.assert_all_served()
    assert asked["set"] != old or world.pebble.posts("/order-plz") == 2


def test_who_refuses_passes_on_to_a_person(world):
    by_hand(world, names=[WWW], dns=["broken", "hand"])
    result = apply(world, "--no-check")
    assert result.code == PERSON, result
    asked = pending(world)["set"]
    assert [name for name, _ in asked] == [challenge(WWW)], asked
    passed = [e for e in world.certferry.json("events", "--limit", "500")["events"]
              if e["event"] == "dns.passed_on"]
    assert len(passed) == 1, passed
    assert passed[0]["text"].startswith("broken: "), passed
    assert passed[0]["text"].endswith(f"; now hand for {WWW}"), passed
    paste(world, asked)
    assert apply(world, "--no-check").code == 0
    world.assert_all_served()


def test_what_is_set_at_one_server_of_two(world):
    """The person did what was asked; the order says which server has not heard of it."""
    world.add_dns(secondary=True)
    by_hand(world, names=[WWW])
    assert apply(world).code == PERSON
    paste(world, pending(world)["set"])
    assert apply(world).code == PERSON
    row = world.certferry.status()["www", "web-1"]
    assert f"{world.secondary.address} lacks it" in row["waits_for"], row
    assert world.pebble.challenges() == 0
    world.secondary.refresh()
    assert apply(world).code == 0
    world.assert_all_served()


def test_where_the_cname_leads(world):
    """The record to be set is the one at the end of the chain."""
    by_hand(world, names=[WWW])
    world.nameserver.add(challenge(WWW), "CNAME", f"proof.{ZONE}.")
    assert apply(world).code == PERSON
    asked = pending(world)["set"]
    assert [name for name, _ in asked] == [f"proof.{ZONE}"], asked
    paste(world, asked)
    assert apply(world).code == 0
    world.assert_all_served()


def test_one_by_machine_and_one_by_hand(world):
    """Two names of one certificate: only what needs a person is asked of one."""
    by_hand(world, names=[WWW, "www.by-hand.test"], dns=["home", "hand"])
    world.nameserver.stop()
    world.nameserver.zones.append("by-hand.test")
    world.nameserver.start()
    world.config["dns"]["hand"]["zones"] = ["by-hand.test"]
    world.config["dns"]["home"]["zones"] = [ZONE]
    world.resolver.stop()
    world.resolver.start()
    world.write_config()
    assert apply(world).code == PERSON
    asked = pending(world)["set"]
    assert [name for name, _ in asked] == [challenge("www.by-hand.test")], asked
    assert world.nameserver.txt().keys() == {challenge(WWW)}
    paste(world, asked)
    assert apply(world).code == 0
    world.assert_all_served()
    assert world.nameserver.txt() == {}
    paste(world, pending(world)["remove"], "remove")
    assert apply(world).code == 0
    assert pending(world) == {"set": [], "remove": []}


def test_blind_waiting_for_a_person_is_refused(world):
    by_hand(world, names=[WWW])
    world.config["dns"]["hand"]["propagation"] = "none"
    world.write_config()
    result = world.certferry.run("check")
    assert result.code == 2 and "hand" in result.err + result.out, result


def test_only_another_host_of_the_same_names(world):
    """One host's order waits for a person. A run that leaves it out can wait for it in
    vain: it ends, and says whom it would need."""
    by_hand(world, names=[WWW], hosts=2)
    assert apply(world).code == PERSON
    first, second = sorted(
        world.certferry.status().values(),
        key=lambda row: "certferry pending" not in (row["waits_for"] or ""))
    shift(world, "run_at_ms", -86400)
    result = apply(world, "--only", second["host"])
    assert f"the order of www/{first['host']}" in result.out + result.err, result
    paste(world, pending(world)["set"])
    assert apply(world).code == 0
    world.assert_all_served()


def shift(world, column, seconds):
    with sqlite3.connect(world.directory / "state" / "certferry.db") as db:
        db.execute(f'UPDATE "order" SET {column} = {column} + ?', (seconds * 1000,))
    db.close()


def test_the_ca_does_not_wait_as_long(world):
    """An order that is no more at the CA asks nobody for records: it ends, says so, and
    a new one asks for a value that counts, in the same run."""
    by_hand(world, names=[WWW])
    assert apply(world).code == PERSON
    old = pending(world)["set"]
    shift(world, "state_since_ms", -86400)
    world.pebble.stop()
    world.pebble.start()
    result = apply(world)
    assert result.code == PERSON and "while it waited for a person" in result.err, result
    asked = pending(world)["set"]
    assert len(asked) == 1 and asked != old
    assert pending(world)["remove"] == old
    paste(world, asked)
    assert apply(world).code == 0
    world.assert_all_served()
