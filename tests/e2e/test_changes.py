# SPDX-License-Identifier: Apache-2.0
"""The world or the configuration changes while something is under way."""

import signal
import sqlite3

from certferry import USAGE, WAITS
from test_happy import names_of


def kill_at(world, words, *arguments):
    with world.settling():
        world.certferry.apply_killed_at(words, *arguments)


def test_ca_that_forgot_the_account(world):
    """The CA lost its state: the account is registered anew, with no help."""
    world.standard(1)
    assert world.certferry.apply().code == 0
    world.pebble.stop()
    world.pebble.start()
    result = world.certferry.apply("--force", "www")
    assert result.code == 0, result
    # Said when it was so, and not with every step of what went well then.
    assert result.out.count("does not know this account") == 1, result
    world.assert_all_served()


def test_ca_that_forgot_the_order(world):
    """Its order is gone with the CA's state: it is begun anew, once, in the same run."""
    world.standard(1, ca={"authz_reuse": 0})
    kill_at(world, "spread")
    world.pebble.stop()
    world.pebble.start()
    result = world.certferry.apply()
    assert result.code == 0, result
    assert "lost the order" in result.out and "registered anew" in result.out, result
    assert world.pebble.issued() == 1
    world.assert_all_served()
    world.assert_no_residue()


def test_forced_order_that_the_ca_forgot(world):
    """No plan would order it again: what was asked for is done all the same."""
    world.standard(1, ca={"authz_reuse": 0})
    assert world.certferry.apply().code == 0
    kill_at(world, "spread", "--force", "www")
    world.pebble.stop()
    world.pebble.start()
    result = world.certferry.apply()
    assert result.code == 0, result
    assert world.pebble.issued() == 2
    world.assert_all_served()
    world.assert_no_residue()


def test_names_changed_under_an_order(world):
    """What was begun for the old names is not finished for nothing."""
    world.standard(1, ca={"authz_reuse": 0})
    kill_at(world, "spread")
    names = world.config["certificates"]["www"]["names"]
    names.append("one.more.example.org")
    world.write_config()
    result = world.certferry.apply()
    assert result.code == 0, result
    world.assert_all_served()
    world.assert_no_residue()
    assert world.pebble.issued() == 1
    assert "one.more.example.org" in names_of(world.hosts["web-1"])


def test_renewal_that_fails_hides_nothing(world):
    """The CA is away: status says so, and that the old certificate is installed and served;
    and what diverged on the server is mended all the same."""
    world.standard(1)
    assert world.certferry.apply().code == 0
    host = world.hosts["web-1"]
    before = host.installed_sha256()
    world.pebble.stop()
    result = world.certferry.apply("--force", "www")
    assert result.code == WAITS, result
    row = world.certferry.status()["www", "web-1"]
    assert row["state"] == "waiting" and row["error"], row
    assert row["installed"] and row["is_served"], row
    assert "not renewed; installed is one that ends" in row["reason"], row
    world.config["certificates"]["www"]["install"]["directory"] = "/srv/tls"
    world.write_config()
    result = world.certferry.apply()
    assert result.code == WAITS, result
    assert host.installed_sha256("/srv/tls") == before


def test_ledger_of_many_is_swept_in_one_run(world):
    """What dead runs left behind is removed at the next start, however much it is."""
    world.standard(1)
    assert world.certferry.apply().code == 0
    database = sqlite3.connect(world.directory / "state" / "certferry.db")
    with database:
        database.executemany(
            "INSERT INTO txt (order_id, dns, zone, name, value, state, created_at) "
            "SELECT max(id), 'home', 'example.org', '_acme-challenge.example.org', ?, "
            "'unwanted', 0 FROM \"order\"", [(f"left-{number}",) for number in range(250)])
    database.close()
    result = world.certferry.apply()
    assert result.code == 0, result
    database = sqlite3.connect(world.directory / "state" / "certferry.db")
    assert database.execute("SELECT count(*) FROM txt").fetchone() == (0,)
    database.close()


def test_rolled_back_is_not_served(world):
    """Two certificates of one service: one is not seen, so both are rolled back, and
    neither row claims that the new one is served."""
    world.standard(1)
    assert world.certferry.apply().code == 0
    host = world.hosts["web-1"]
    before = host.installed_sha256()
    world.add_certificate("mail", install={"directory": "/etc/ssl/certferry/mail"},
                          **{"unique-name": "{host}.mail.example.org"})
    world.write_config()
    host.sshd.stop()
    result = world.certferry.apply("--force", "www", "--no-check")
    assert result.code == WAITS, result
    host.start_sshd()
    result = world.certferry.apply()
    assert result.code == WAITS, result
    assert host.installed_sha256() == before
    row = world.certferry.status()["www", "web-1"]
    assert not row["installed"] and not row["is_served"], row


def test_looking_leaves_no_trace(world):
    """An hourly run that finds all well adds nothing to the events, which are kept for
    ever."""
    world.standard(1)
    assert world.certferry.apply().code == 0
    before = world.certferry.json("events")["events"]
    assert world.certferry.apply().code == 0
    assert world.certferry.json("events")["events"] == before


def test_force_needs_a_place(world):
    world.standard(1)
    result = world.certferry.run("plan", "--force", "www/web-9")
    assert result.code == USAGE and "web-9" in result.err, result


def test_healing_is_not_nothing(world):
    """A run that had to bring something back does not say that nothing was to do."""
    world.standard(1)
    assert world.certferry.apply().code == 0
    world.hosts["web-1"].resolve("privkey.pem").unlink()
    result = world.certferry.apply()
    assert result.code == 0 and "nothing was to do" not in result.out, result


def test_stopped_in_the_middle(world):
    """SIGINT: what is running comes to its end, nothing new begins, and the code says that
    something is left; the next run does the rest with no second certificate."""
    world.standard(2, ca={"authz_reuse": 0})
    with world.settling():
        process, seen = world.certferry.apply_until("publish", signal.SIGINT)
        rest = process.stderr.read()
        process.stderr.close()
        assert process.wait(timeout=240) == WAITS, "".join(seen) + rest
    assert "stopped by a signal" in rest and "the next apply goes on" in rest, rest
    assert world.pebble.issued() < 2
    result = world.certferry.apply()
    assert result.code == 0, result
    world.assert_all_served()
    assert world.pebble.issued() == 2
    world.assert_no_residue()
