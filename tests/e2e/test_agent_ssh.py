# SPDX-License-Identifier: Apache-2.0
"""The transport "agent" from the issuer to nginx, over a real sshd. What somebody else can
do with the issuer's key is in test_agent_thief.py."""

import contextlib
import shutil
import sqlite3
import subprocess

import pytest

from agent_host import force, give_agent, take_agent, write_policy
from certferry import WAITS
from fleet import ZONE
from net import wait_for


@pytest.fixture
def fleet(world):
    """One host with an agent, nothing delivered yet."""
    world.standard(1)
    world.host = world.hosts["web-1"]
    give_agent(world.host, world.public_key)
    return world


def row(world):
    return world.certferry.status()["www", "web-1"]


def whole(world, serial=None):
    """Served, installed, a pair, by the agent."""
    found = world.assert_all_served()["web-1"]
    assert found["transport"] == "agent" and found["agent_version"], found
    if serial:
        assert found["serial"] == serial
    return found


def test_install_and_unchanged(fleet):
    first = fleet.certferry.apply()
    assert first.code == 0 and "1 of 1 certificate is installed as wanted" in first.out, first
    done = whole(fleet)
    assert fleet.host.reloads() == 1

    second = fleet.certferry.apply()
    assert second.code == 0 and "nothing was to do" in second.out, second
    assert fleet.host.reloads() == 1
    assert whole(fleet)["serial"] == done["serial"]
    # It was asked once.
    assert fleet.certferry.good("events").out.count("host.transport") == 1

    assert fleet.certferry.apply("--force", "www").code == 0
    assert whole(fleet)["serial"] != done["serial"]
    assert fleet.host.reloads() == 2 and len(fleet.host.generations()) == 2


def test_check_says_what_is_wrong(fleet):
    good = fleet.certferry.run("plan", "--check")
    assert good.code == 0 and "agent" in good.out, good
    fleet.host.write("etc/certferry/agent.yaml", "version: 2\n")
    bad = fleet.certferry.run("plan", "--check")
    assert bad.code != 0 and "has 2 mistakes:" in bad.out, bad
    fleet.host.write("etc/certferry/agent.yaml", "version: 1\nodd: 1\nslots: {}\n")
    bad = fleet.certferry.run("plan", "--check")
    assert bad.code != 0 and "has 1 mistake:" in bad.out, bad


# What an administrator who counts would put there.
COUNTED = """#!/bin/sh
echo %s >>/counted
exec nginx %s
"""
MORE_SLOTS = """
  %(name)s:
    names: ["*.%(zone)s"]
    directory: /etc/ssl/certferry/%(name)s
    services: [nginx]
"""


def test_several_of_one_service(world):
    """Certificates that are due together: one session, one test, one reload."""
    names = ["www", "shop", "mail", "wiki"]
    slots = [f"/etc/ssl/certferry/{name}" for name in names]
    world.add_dns()
    world.add_ca()
    host = world.host = world.add_host("web-1", slots=slots)
    for name, slot in zip(names, slots):
        world.add_certificate(name, names=[f"{name}.{ZONE}"], install={"directory": slot},
                              probe={"port": host.ports[slot], "timeout": "10s"},
                              **{"unique-name": None})
    world.set_up()
    give_agent(host, world.public_key,
               more="".join(MORE_SLOTS % {"name": name, "zone": ZONE} for name in names[1:]))
    assert world.certferry.apply().code == 0
    for name in ("test", "reload"):
        host.write(f"usr/bin/{name}-service",
                   COUNTED % (name, "-t" if name == "test" else "-s reload"), 0o755)
    for slot in slots:
        host.resolve("privkey.pem", slot).write_text("overwritten\n")
    logins = len(host.logins())
    assert world.certferry.apply().code == 0
    assert len(host.logins()) - logins == 1
    assert (host.root / "counted").read_text().split() == ["test", "reload"]
    assert world.pebble.issued() == len(names)
    for name, slot in zip(names, slots):
        assert world.assert_all_served(name, slot)["web-1"]["transport"] == "agent"


def test_divergence_is_healed(fleet):
    assert fleet.certferry.apply().code == 0
    serial = whole(fleet)["serial"]
    path = fleet.host.resolve("chain.pem")
    path.write_text(path.read_text() + "\n")
    assert fleet.certferry.apply().code == 0
    whole(fleet, serial)
    assert fleet.pebble.issued() == 1


def test_unchanged_but_not_served(fleet):
    """The files are there and the service shows others: it is reloaded after all."""
    assert fleet.certferry.apply().code == 0
    serial = whole(fleet)["serial"]
    host = fleet.host
    # nginx with the certificate of somebody else, and the files as they must be.
    right, site = host.served_sha256(), (host.root / "etc/nginx/conf.d/site.conf").read_text()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other", "-keyout",
                    host.root / "other.key", "-out", host.root / "other.pem"], check=True,
                   capture_output=True)
    host.write("etc/nginx/conf.d/site.conf",
               site.replace("/etc/ssl/certferry/www/fullchain.pem", "/other.pem")
                   .replace("/etc/ssl/certferry/www/privkey.pem", "/other.key"))
    subprocess.run(["chroot", host.root, "nginx", "-s", "reload"], check=True)
    # Until the old workers are gone, which would serve the right one for a while.
    wait_for("nginx has the other one", lambda: host.served_sha256() not in (None, right) and
             len(host.nginx.children()) == 1)
    host.write("etc/nginx/conf.d/site.conf", site)
    assert fleet.certferry.apply().code == 0
    whole(fleet, serial)
    assert fleet.pebble.issued() == 1


@pytest.mark.parametrize("victims", [("sshd", "sshd-session"), ("certferry-agent",)],
                         ids=["session", "agent"])
def test_killed_after_reloaded(fleet, victims):
    """While we look from outside. Without its session the agent puts the old one back;
    without the agent the new, whole one stays until the next run."""
    assert fleet.certferry.apply().code == 0
    before = whole(fleet)
    fleet.host.write("reload-skipped", "")
    process = fleet.certferry.start("-v", "apply", "--yes", "--no-check", "--force", "www",
                                    err=subprocess.PIPE)
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "reloaded" in line:
            fleet.host.kill(*victims)
            break
    lines += process.stderr.readlines()
    assert process.wait(240) != 0, "".join(lines)
    assert not row(fleet)["installed"]
    if "sshd" in victims:
        wait_for("the old one is back",
                 lambda: fleet.host.installed_sha256() == before["sha256"])
    assert fleet.host.pair_matches() and fleet.host.served_sha256() == before["sha256"]
    (fleet.host.root / "reload-skipped").unlink()
    assert fleet.certferry.apply().code == 0
    assert whole(fleet)["serial"] != before["serial"]
    assert fleet.pebble.issued() == 2


def test_policy_refuses_a_name(fleet):
    fleet.config["certificates"]["www"]["unique-name"] = "{host}.other." + ZONE
    fleet.write_config()
    assert fleet.certferry.apply("--no-check").code != 0
    assert f"web-1.other.{ZONE}" in row(fleet)["error"]["text"], row(fleet)
    assert fleet.host.generations() == []


def test_agent_comes_and_goes(world):
    """auto: the shell where no agent answers; asked again when the answer makes no sense."""
    world.standard(1)
    host = world.hosts["web-1"]
    assert world.certferry.apply().code == 0
    assert world.assert_all_served()["web-1"]["transport"] == "shell"
    serial = row(world)["serial"]

    give_agent(host, world.public_key)
    result = world.certferry.apply()
    assert result.code == 0, result
    assert row(world)["transport"] == "agent" and row(world)["serial"] == serial

    take_agent(host, world.public_key)
    result = world.certferry.apply()
    assert result.code == 0, result
    assert row(world)["transport"] == "shell" and row(world)["serial"] == serial

    give_agent(host, world.public_key)
    assert world.certferry.apply("--force", "www").code == 0
    whole(world)
    assert world.pebble.issued() == 2


def test_agent_that_must_be_there(world):
    world.standard(1)
    world.config["hosts"]["web-1"]["transport"] = "agent"
    world.write_config()
    assert world.certferry.apply("--no-check").code != 0
    assert "no certferry-agent answers" in row(world)["error"]["text"], row(world)
    give_agent(world.hosts["web-1"], world.public_key)
    result = world.certferry.apply()
    assert result.code == 0, result
    whole(world)

    # It was there, and is gone.
    take_agent(world.hosts["web-1"], world.public_key)
    assert world.certferry.apply("--no-check").code != 0
    assert "no certferry-agent answers" in row(world)["error"]["text"], row(world)


def test_shell_where_an_agent_is(fleet):
    """transport: shell is taken at its word; the forced command refuses it."""
    fleet.config["hosts"]["web-1"]["transport"] = "shell"
    fleet.write_config()
    assert fleet.certferry.apply("--no-check").code != 0
    assert fleet.host.generations() == []
    force(fleet.host, fleet.public_key)
    write_policy(fleet.host)


# -- key on target

TARGET = "    key-on: target\n"


@pytest.fixture
def keyless(world):
    """The key is made on the server."""
    world.standard(1, **{"key-on": "target"})
    world.host = world.hosts["web-1"]
    give_agent(world.host, world.public_key, more=TARGET)
    return world


def store_keys(world):
    """Purposes of the keys in the store."""
    with contextlib.closing(sqlite3.connect(world.directory / "state" / "certferry.db")) as db:
        return sorted(row[0] for row in db.execute("SELECT purpose FROM key"))


def private_key(host):
    return host.resolve("privkey.pem").read_text()


def test_key_on_target(keyless):
    plan = keyless.certferry.json("plan")["plan"]
    assert [item["key_on"] for item in plan] == ["target"]
    assert "made there" in keyless.certferry.good("plan").out
    assert keyless.certferry.apply().code == 0
    first = whole(keyless)
    key = private_key(keyless.host)
    assert store_keys(keyless) == ["account", "ssh"]

    # Nothing to do, and it was looked at.
    again = keyless.certferry.apply()
    assert again.code == 0 and "nothing was to do" in again.out, again
    assert keyless.host.reloads() == 1

    # A renewal has a fresh key.
    assert keyless.certferry.apply("--force", "www").code == 0
    second = whole(keyless)
    assert second["serial"] != first["serial"] and second["key_sha256"] != first["key_sha256"]
    assert private_key(keyless.host) != key
    assert store_keys(keyless) == ["account", "ssh"]
    body = "".join(key.splitlines()[1:-1])
    for path in (keyless.directory / "state").rglob("*"):
        assert not path.is_file() or body.encode() not in path.read_bytes(), path

    # What was changed there is seen by what we can compare.
    chain = keyless.host.resolve("chain.pem")
    chain.write_text(chain.read_text() + "\n")
    assert keyless.certferry.apply().code == 0
    whole(keyless, second["serial"])
    assert keyless.pebble.issued() == 2


def test_key_on_target_without_agent(keyless):
    take_agent(keyless.host, keyless.public_key)
    result = keyless.certferry.apply("--no-check")
    assert result.code != 0
    assert "no certferry-agent answers" in row(keyless)["error"]["text"], row(keyless)
    assert keyless.pebble.issued() == 0
    keyless.config["hosts"]["web-1"]["transport"] = "shell"
    keyless.write_config()
    refused = keyless.certferry.run("check")
    assert refused.code != 0 and "key-on" in refused.err + refused.out, refused


def test_key_on_target_refused_by_the_policy(keyless):
    write_policy(keyless.host)
    assert keyless.certferry.apply("--no-check").code != 0
    assert "key-on: target" in row(keyless)["error"]["text"], row(keyless)
    assert keyless.pebble.issued() == 0


# -- a key that was lost there

def lose_staged(world):
    shutil.rmtree(world.host.path(".request"))


def issue_undelivered(world):
    """The certificate is there, its key in the server's staging area, and no more."""
    world.host.write("reload-fails", "")
    assert world.certferry.apply("--no-check").code != 0
    (world.host.root / "reload-fails").unlink()
    assert world.pebble.issued() == 1 and world.host.path(".request").is_dir()


def assert_ordered_anew(world, result, serial, issued=2):
    """Said, and mended in the same run."""
    assert result.code == 0, result
    assert whole(world)["serial"] != serial
    assert world.pebble.issued() == issued
    events = [event["event"] for event in world.certferry.json("events")["events"]]
    assert events.count("delivery.key-lost") >= 1, events
    assert "no longer has the key" in world.certferry.good("events").out
    again = world.certferry.apply()
    assert again.code == 0 and "nothing was to do" in again.out, again


def test_staged_key_lost(keyless):
    issue_undelivered(keyless)
    serial = row(keyless)["serial"]
    lose_staged(keyless)
    assert_ordered_anew(keyless, keyless.certferry.apply(), serial)


def drop_key(host):
    host.resolve("privkey.pem").unlink()


def other_key(host):
    subprocess.run(["openssl", "genpkey", "-algorithm", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-out", host.resolve("privkey.pem")], check=True,
                   capture_output=True)


def drop_all(host):
    """The server as it is after its reinstallation, but for its accounts."""
    shutil.rmtree(host.path("."))


@pytest.mark.parametrize("lose", [drop_key, other_key, drop_all])
def test_live_key_lost(keyless, lose):
    assert keyless.certferry.apply().code == 0
    serial = whole(keyless)["serial"]
    lose(keyless.host)
    assert_ordered_anew(keyless, keyless.certferry.apply(), serial)


@pytest.mark.parametrize("is_installed", [False, True], ids=["staged", "live"])
def test_key_lost_and_killed(keyless, is_installed):
    """SIGKILL when the loss is known and the new order is not begun yet, or just is. The
    next run plans it, and its look before is not put off by a test that misses the files."""
    if is_installed:
        assert keyless.certferry.apply().code == 0
        drop_all(keyless.host)
    else:
        issue_undelivered(keyless)
        lose_staged(keyless)
    serial = row(keyless)["serial"]
    with keyless.settling():
        keyless.certferry.apply_killed_at("no longer has the key")
    assert keyless.pebble.issued() == 1
    assert_ordered_anew(keyless, keyless.certferry.apply(), serial)


def test_every_key_lost(keyless):
    """A server that loses one key after the other does not use up what the CA gives."""
    assert keyless.certferry.apply().code == 0
    serial = whole(keyless)["serial"]
    drop_all(keyless.host)
    assert_ordered_anew(keyless, keyless.certferry.apply(), serial)
    serial = whole(keyless)["serial"]
    drop_all(keyless.host)
    for _ in range(2):
        result = keyless.certferry.apply()
        assert result.code == WAITS, result
    assert keyless.pebble.issued() == 2
    plan = keyless.certferry.json("plan")["plan"]
    assert plan[0]["action"] == "wait" and "again" in plan[0]["reason"], plan
    # Who has found out why says so.
    assert_ordered_anew(keyless, keyless.certferry.apply("--force", "www"), serial, issued=3)
