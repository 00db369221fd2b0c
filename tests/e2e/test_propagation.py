# SPDX-License-Identifier: Apache-2.0
"""Who must show a record before the CA is asked, and what the order says while it waits."""

import contextlib
import os
import shutil
import signal
import sqlite3
import time

import pytest

from fleet import ZONE, Knot, challenge
from net import wait_for

NAME = challenge(ZONE)


def finish(world, names=(ZONE,), ca=None, **entry):
    if world.resolver is None:
        world.add_resolver()
    world.add_ca(**(ca or {}))
    world.add_host("web-1")
    world.config["dns"]["home"].update(entry)
    world.add_certificate(names=list(names), **{"unique-name": None})
    world.set_up()


def assert_issued(world):
    world.assert_all_served()
    world.assert_no_residue()
    assert world.pebble.issued() == 1


def waits_for(world):
    """Of the order of a run that goes on: it has the store to itself, so a copy is read; None
    also where the copy is not whole."""
    state, copy = world.directory / "state", world.directory / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    with contextlib.suppress(FileNotFoundError):
        for name in ("certferry.db", "certferry.db-wal"):
            shutil.copy(state / name, copy)
    with contextlib.closing(sqlite3.connect(copy / "certferry.db")) as db, \
            contextlib.suppress(sqlite3.DatabaseError):
        return (db.execute('SELECT waits_for FROM "order"').fetchone() or [None])[0]
    return None


def waiting_for(world):
    """Whom the order waits for, as a run that is ended in the middle leaves it."""
    process = world.certferry.start("apply", "--yes", "--no-check")
    try:
        wait_for("the TXT record at the primary", world.nameserver.txt, 90)
        wait_for("whom the order waits for", lambda: waits_for(world))
        assert process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert world.pebble.challenges() == 0
    row = world.certferry.status()["www", "web-1"]
    return row["waits_for"] or ""


def test_stale_secondary_is_named(world):
    world.add_dns(secondary=True)
    finish(world)
    said = waiting_for(world)
    assert f"{world.secondary.address} lacks it" in said, said
    assert f"{world.nameserver.address} lacks" not in said, said
    world.secondary.refresh()
    result = world.certferry.apply()
    assert result.code == 0, result
    assert_issued(world)
    assert world.certferry.status()["www", "web-1"]["waits_for"] is None


def test_silent_server_counts(world):
    """Nobody answers at one address of the NS set: that server may be seen by the CA."""
    world.add_dns(ns_hosts=(53, 77))
    finish(world)
    said = waiting_for(world)
    assert world.net.address(77) in said, said
    # Mended where it is wrong: the dead server leaves the zone.
    world.nameserver.update(f"delete {ZONE}. NS ns2.{ZONE}.")
    result = world.certferry.apply()
    assert result.code == 0, result
    assert_issued(world)


def test_dead_address_family_does_not_count(world):
    """IPv6 leads nowhere from here (nobody answers at ::1): that stops nothing."""
    world.add_dns(ns_hosts=(53, "::1"))
    finish(world)
    result = world.certferry.apply()
    assert result.code == 0, result
    assert_issued(world)


def negative_ttl(world, seconds):
    ns = world.nameserver
    serial = int(ns.query("SOA", ZONE)[0][6]) + 1
    ns.add(ZONE, "SOA", f"ns1.{ZONE}. hostmaster.{ZONE}. {serial} 3600 600 86400 {seconds}")


def test_resolvers_that_remember_a_no(world):
    """Only these are asked, and not again before they have forgotten."""
    world.add_dns(ns_hosts=(77,))  # what the zone publishes cannot be reached from here
    negative_ttl(world, 3)
    shared = world.add_resolver("shared", 61, caches=True)
    world.resolver = None
    world.add_resolver("own", 60)
    finish(world, propagation={"resolvers": [shared.address]})
    assert shared.status("TXT", NAME) == "NXDOMAIN"
    before, zones = shared.asked("TXT", NAME), shared.asked("SOA", ZONE)
    result = world.certferry.apply("--no-check")
    assert result.code == 0, result
    assert_issued(world)
    assert 1 <= shared.asked("TXT", NAME) - before <= 4, shared.log_tail()
    # The other resolver finds zones; of the record it hears by the CA alone.
    assert shared.asked("SOA", ZONE) == zones


@pytest.mark.parametrize("entry, seconds", [
    pytest.param({"propagation": "none"}, 0, id="none"),
    pytest.param({"propagation": {"settle": "3s"}}, 3, id="settle"),
])
def test_nobody_is_asked(world, entry, seconds):
    """A stale secondary is not waited for: the operator said so."""
    world.add_dns(secondary=True)
    finish(world, **entry)
    begin = time.monotonic()
    result = world.certferry.apply("--no-check")
    assert result.code == 0, result
    assert time.monotonic() - begin >= seconds
    assert world.secondary.query("TXT", NAME) == []
    assert_issued(world)


def test_clock_set_back_while_it_settles(world):
    """It takes its time once more, and not as long as the clock was ahead."""
    world.add_dns()
    finish(world, propagation={"settle": "10s"})
    waiting_for(world)
    with sqlite3.connect(world.directory / "state" / "certferry.db") as db:
        db.execute('UPDATE "order" SET state_since_ms = state_since_ms + 86400000')
    db.close()
    result = world.certferry.apply("--no-check")
    assert result.code == 0, result
    assert_issued(world)


def test_settle_after_all_show_it(world):
    world.add_dns()
    finish(world, settle="3s")
    begin = time.monotonic()
    result = world.certferry.apply("--no-check")
    assert result.code == 0, result
    assert time.monotonic() - begin >= 3
    assert_issued(world)


def test_signed_zone(world):
    """The CA's resolver validates, and so does ours."""
    world.add_dns(Knot, signed=True)
    world.add_resolver(trust=world.nameserver.ds())
    finish(world, names=[ZONE, f"*.{ZONE}"])
    assert "ad;" in world.resolver.query("SOA", ZONE, "+adflag")
    result = world.certferry.apply()
    assert result.code == 0, result
    assert_issued(world)


def test_bogus_zone_costs_nothing_at_the_ca(world):
    """The parent holds another key's DS: the CA would see SERVFAIL, whatever we write."""
    world.add_dns(Knot, signed=True)
    key_tag = world.nameserver.ds()[0].split()[3 if "IN" in world.nameserver.ds()[0] else 2]
    world.add_resolver(trust=[f"{ZONE}. DS {key_tag} 13 2 {'00' * 32}"])
    finish(world)
    assert world.resolver.status("SOA", ZONE) == "SERVFAIL"
    result = world.certferry.apply()
    assert result.code in (6, 7), result
    assert "DNSSEC" in result.out + result.err, result
    assert world.pebble.posts("/order-plz") == 0
    world.assert_no_residue()


def test_large_set_is_told(world):
    """More values at the name than one UDP answer takes: told, and still done."""
    world.add_dns()
    finish(world, ca={"always_valid": True})
    values = [f"{n:043d}" for n in range(30)]
    world.nameserver.update(*(f"add {NAME}. 60 TXT {value}" for value in values))
    result = world.certferry.apply()
    assert result.code == 0, result
    world.assert_all_served()
    assert sorted(world.nameserver.txt()[NAME]) == values
    told = [e for e in world.certferry.json("events", "--limit", "500")["events"]
            if e["event"] == "txt.large"]
    assert len(told) == 1 and "31" in told[0]["text"] and NAME in told[0]["text"], told
