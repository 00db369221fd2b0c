# SPDX-License-Identifier: Apache-2.0
"""Every authoritative server is asked before the CA is; and one process per store.

What an order does is seen here, so the checks before it (test_preflight.py) are left out."""

import subprocess
import time

from fleet import ZONE
from net import wait_for


def world_with_secondary(world, spread="60s"):
    world.add_dns(secondary=True)
    world.config["dns"]["home"]["spread-timeout"] = spread
    world.add_ca()
    world.add_host("web-1")
    world.add_certificate(names=[ZONE], **{"unique-name": None})
    world.set_up()


def start_apply(world):
    return world.certferry.start("-v", "apply", "--yes", "--no-check",
                                 out=subprocess.PIPE, err=subprocess.STDOUT)


def test_stale_secondary_holds_the_ca_back(world):
    world_with_secondary(world)
    running = start_apply(world)
    try:
        wait_for("the TXT record at the primary", lambda: world.nameserver.txt(), 90)
        time.sleep(5)
        assert world.secondary.query("TXT", f"_acme-challenge.{ZONE}") == []
        assert world.pebble.challenges() == 0
        assert running.poll() is None

        # Meanwhile a second certferry on the same store is told to go away.
        second = world.certferry.run("apply", "--yes")
        assert second.code == 4, second
        assert "certferry" in second.err and "store" in second.err, second

        world.secondary.refresh()
        out, _ = running.communicate(timeout=240)
    finally:
        running.kill()
    assert running.returncode == 0, out
    assert world.pebble.challenges() == 1
    world.assert_all_served()
    world.assert_no_residue()


def test_secondary_that_never_agrees(world):
    """The order ends with a table of who answered what; the CA was never asked."""
    world_with_secondary(world, spread="10s")
    result = world.certferry.apply("--no-check")
    assert result.code in (6, 7), result
    error = world.certferry.status()["www", "web-1"]["error"]["text"]
    assert f"{world.net.address(53)} shows it" in error, error
    assert f"{world.net.address(54)} lacks it" in error, error
    assert world.pebble.challenges() == 0
    assert world.pebble.issued() == 0
    world.assert_no_residue()


def test_name_server_refuses_our_key(world):
    world.standard(1)
    key = world.directory / "secrets" / "tsig"
    key.write_text(key.read_text().replace('secret "', 'secret "AAAA'))
    result = world.certferry.apply("--no-check")
    assert result.code in (6, 7), result
    error = world.certferry.status()["www", "web-1"]["error"]
    # In words, with the name of the key that is wrong.
    assert "BADSIG" in error["text"] and world.nameserver.tsig.name in error["text"], error
    assert world.pebble.challenges() == 0
    assert world.nameserver.tsig.secret not in result.out + result.err
    # Mended, the next run begins anew at once: it was not the CA that refused.
    key.write_text(world.nameserver.tsig.bind_text())
    assert world.certferry.apply().code == 0
    world.assert_all_served()


def test_records_of_a_dead_run_are_removed(world):
    """Killed while its TXT stands; the next start removes it, whatever else it does."""
    world_with_secondary(world)
    running = start_apply(world)
    wait_for("the TXT record at the primary", lambda: world.nameserver.txt(), 90)
    running.kill()
    running.communicate()
    assert world.nameserver.txt()
    other = dict(world.config["certificates"]["www"])
    other["names"] = [f"other.{ZONE}"]
    world.config["certificates"] = {"other": other}  # www is wanted no more
    world.config["dns"]["home"]["spread-timeout"] = "10s"
    world.write_config()
    world.certferry.apply("--no-check")
    world.assert_no_residue()


