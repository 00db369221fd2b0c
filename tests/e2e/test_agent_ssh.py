# SPDX-License-Identifier: Apache-2.0
"""The transport "agent" from the issuer to nginx, over a real sshd."""

import os
import pathlib
import signal
import subprocess
import time

import pytest

from agent_host import force, give_agent, take_agent, write_policy
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


def test_divergence_is_healed(fleet):
    assert fleet.certferry.apply().code == 0
    serial = whole(fleet)["serial"]
    path = fleet.host.resolve("chain.pem")
    path.write_text(path.read_text() + "\n")
    assert fleet.certferry.apply().code == 0
    whole(fleet, serial)
    assert fleet.pebble.issued() == 1


@pytest.mark.parametrize("what, text", [("test", "test failed"), ("reload", "reload failed")])
def test_service_refuses(fleet, what, text):
    assert fleet.certferry.apply().code == 0
    before = whole(fleet)
    fleet.host.write(f"{what}-fails", "")
    failed = fleet.certferry.apply("--force", "www", "--no-check")
    assert failed.code != 0, failed
    found = row(fleet)
    assert text in found["error"]["text"] and "says no" in found["error"]["text"], found
    assert fleet.host.served_sha256() == before["sha256"] == fleet.host.installed_sha256()
    (fleet.host.root / f"{what}-fails").unlink(missing_ok=True)
    assert fleet.certferry.apply().code == 0
    assert whole(fleet)["serial"] != before["serial"]
    assert fleet.pebble.issued() == 2


def test_reload_without_effect(fleet):
    """It says that it has reloaded; we see the old one, and it is put back."""
    assert fleet.certferry.apply().code == 0
    before = whole(fleet)
    fleet.host.write("reload-skipped", "")
    assert fleet.certferry.apply("--force", "www").code != 0
    assert "rolled back" in row(fleet)["error"]["text"]
    assert fleet.host.served_sha256() == before["sha256"] == fleet.host.installed_sha256()
    (fleet.host.root / "reload-skipped").unlink()
    assert fleet.certferry.apply().code == 0
    whole(fleet)


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


def kill_inside(host, names):
    """SIGKILL to programs of those names in this root, but the sshd that listens."""
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if (entry / "root").resolve() == host.root.resolve() and \
                    (entry / "comm").read_text().strip() in names and \
                    int(entry.name) != host.sshd.process.pid:
                os.kill(int(entry.name), signal.SIGKILL)
        except (OSError, ValueError):
            continue


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
            kill_inside(fleet.host, victims)
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


def test_shell_where_an_agent_is(fleet):
    """transport: shell is taken at its word; the forced command refuses it."""
    fleet.config["hosts"]["web-1"]["transport"] = "shell"
    fleet.write_config()
    assert fleet.certferry.apply("--no-check").code != 0
    assert fleet.host.generations() == []
    force(fleet.host, fleet.public_key)
    write_policy(fleet.host)
