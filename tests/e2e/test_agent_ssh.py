# SPDX-License-Identifier: Apache-2.0
"""The transport "agent" from the issuer to nginx, over a real sshd."""

import contextlib
import hashlib
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

import agent_wire as wire
from agent_host import COMMAND, force, give_agent, take_agent, write_policy
from certferry import WAITS, wait_until_group_is_gone
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
    assert first.code == 0, first
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
    assert bad.code != 0 and "mistakes" in bad.out, bad


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
                              probe={"port": host.ports[slot], "timeout": "5s"},
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
    site = (host.root / "etc/nginx/conf.d/site.conf").read_text()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other", "-keyout",
                    host.root / "other.key", "-out", host.root / "other.pem"], check=True,
                   capture_output=True)
    host.write("etc/nginx/conf.d/site.conf",
               site.replace("/etc/ssl/certferry/www/fullchain.pem", "/other.pem")
                   .replace("/etc/ssl/certferry/www/privkey.pem", "/other.key"))
    subprocess.run(["chroot", host.root, "nginx", "-s", "reload"], check=True)
    host.write("etc/nginx/conf.d/site.conf", site)
    time.sleep(1)
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
    argv = fleet.certferry.argv("-v", "apply", "--yes", "--no-check", "--force", "www")
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True,
                               env=fleet.certferry.environment())
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "reloaded" in line:
            fleet.host.kill(*victims)
            break
    lines += process.stderr.readlines()
    assert process.wait(60) != 0, "".join(lines)
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


# -- the deploy key in hand

def tree(host):
    """Every file of the server but those that sshd and nginx write of themselves."""
    found = {}
    for at in sorted(host.root.rglob("*")):
        name = str(at.relative_to(host.root))
        if name.startswith(("var/log", "dev", "proc", "run")):
            continue
        stat = at.lstat()
        what = os.readlink(at) if at.is_symlink() else \
            hashlib.sha256(at.read_bytes()).hexdigest() if at.is_file() else ""
        found[name] = (what, stat.st_mode, stat.st_uid, stat.st_gid)
    return found


def processes(host):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "root").resolve() == host.root.resolve():
                found.append((entry / "comm").read_text().strip())
        except OSError:
            continue
    return sorted(name for name in found if not name.startswith(("sshd", "nginx")))


class Thief:
    """Whoever has the key, with all that OpenSSH's client can do."""

    def __init__(self, world):
        self.world, self.host = world, world.host
        self.key = world.directory / "stolen"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        # A server that allows all that it can, so that the line alone stands between.
        host = self.host
        config = host.root / "etc/ssh/sshd_config"
        config.write_text(config.read_text() + """
Subsystem sftp internal-sftp
AcceptEnv *
PermitUserEnvironment yes
PermitTunnel yes
X11Forwarding yes
AllowTcpForwarding yes
AllowStreamLocalForwarding yes
GatewayPorts yes
""")
        force(host, world.public_key)
        lines = host.root / "root/.ssh/authorized_keys"
        lines.write_text(lines.read_text() +
                         COMMAND + self.key.with_suffix(".pub").read_text())
        host.sshd.stop()
        host.start_sshd()

    def options(self):
        return ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR", "-o",
                "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
                "-i", self.key]

    def ssh(self, *words, send=b"", options=()):
        return subprocess.run(
            ["ssh", *self.options(), "-p", "2222", *options, f"root@{self.host.address}", *words],
            input=send, capture_output=True, timeout=60,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "$(touch /pwned)", "LD_PRELOAD": "",
                 "LC_X": "() { :;}; touch /pwned", "BASH_ENV": "/pwned", "DISPLAY": ":9"})

    def run(self, program, *words):
        """What waits for an answer of another protocol waits in vain: 8 seconds."""
        return subprocess.run(["timeout", "8", program, *self.options(), *words],
                              capture_output=True, timeout=60, stdin=subprocess.DEVNULL)


def test_deploy_key_in_hand(fleet, tmp_path):
    assert fleet.certferry.apply().code == 0
    done = whole(fleet)
    thief = Thief(fleet)
    host, at = fleet.host, f"root@{fleet.host.address}"
    thief.ssh()  # what the first session makes (state directory) is there
    before = tree(host)
    loot = tmp_path / "loot"
    payload = tmp_path / "payload"
    payload.write_text("x")

    for words in ((), ("sh",), ("cat", "/etc/shadow"), ("touch /pwned; certferry-agent session",),
                  ("certferry-agent", "--policy", "/tmp/p", "session"),
                  ("certferry-agent", "rollback", "www")):
        seen = thief.ssh(*words, send=b"touch /pwned\ncat /etc/shadow\n")
        assert b"root:" not in seen.stdout + seen.stderr and seen.returncode != 0, seen
    for options in (("-tt",), ("-A",), ("-X",), ("-Y",), ("-o", "SendEnv=LC_* LD_* BASH_ENV"),
                    ("-o", "SetEnv=LC_ALL=/pwned PATH=/tmp"), ("-R", "127.0.0.1:0:127.0.0.1:1"),
                    ("-o", "Tunnel=yes", "-w", "any"), ("-N", "-o", "ExitOnForwardFailure=yes",
                                                       "-R", "127.0.0.1:0:127.0.0.1:1")):
        seen = thief.ssh(send=b"touch /pwned\n", options=options)
        assert seen.returncode != 0, (options, seen)
    # A way through to another port of the server.
    seen = thief.ssh(options=("-W", f"{host.address}:8080"), send=b"GET / HTTP/1.0\r\n\r\n")
    assert b"200" not in seen.stdout and seen.returncode != 0, seen
    # Subsystem, and copying in both ways by both protocols.
    assert thief.ssh("sftp", options=("-s",)).returncode != 0
    for how in ("-O", "-s"):
        assert thief.run("scp", how, "-P", "2222", payload, f"{at}:/pwned").returncode != 0
        assert thief.run("scp", how, "-P", "2222", f"{at}:/etc/shadow", loot).returncode != 0
    assert thief.run("sftp", "-P", "2222", "-b", "/dev/null", at).returncode != 0

    assert not loot.exists() and tree(host) == before
    wait_for("no process stays", lambda: not processes(host))
    assert host.served_sha256() == done["sha256"]


def test_deploy_key_crafted_frames(fleet):
    """Bytes changed under a right digest, to a slot that they can never fill."""
    assert fleet.certferry.apply().code == 0
    thief = Thief(fleet)
    thief.ssh()
    before = tree(fleet.host)
    chance = random.Random(44)
    base = wire.job(wire.INSTALL, [("www", None, wire.Ca().leaf("evil.example.net"))])[:-44]
    for _ in range(30):
        data = bytearray(base)
        for _ in range(chance.randint(1, 4)):
            spot = chance.choice([chance.randrange(len(data)), chance.randrange(64)])
            data[spot:spot + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 3))
        end = wire.frame(wire.END, hashlib.sha256(data).digest())
        seen = thief.ssh(send=bytes(data) + end)
        assert b"certferry-1 failed" in seen.stdout and seen.returncode == 1, seen
    assert tree(fleet.host) == before
    wait_for("no process stays", lambda: not processes(fleet.host))


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
    process = subprocess.Popen(
        keyless.certferry.argv("-v", "apply", "--yes"), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=keyless.certferry.environment(), start_new_session=True)
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "no longer has the key" in line:
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.stderr.close()
    assert process.wait(60) == -signal.SIGKILL, "".join(lines)
    wait_until_group_is_gone(process.pid)
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
