# SPDX-License-Identifier: Apache-2.0
"""certferry host rotate-key where certferry-agent is all that the deploy key may run: a
person's own login brings the new line, and takes the old one away."""

import os
import subprocess

import pytest

from certferry import FINAL, wait_until_group_is_gone
from fleet import SLOT
from hosts import Host, copy_program
from net import wait_for
from test_agent_install import operator_key, prepare, run_script

COMMAND = 'restrict,command="/usr/sbin/certferry-agent session",from="127.0.0.0/8" '
# name: the configuration's user; None: a shell and root
FLEET = {"web-1": None, "web-2": "root", "web-3": "certferry"}


@pytest.fixture
def mixed(world):
    """A host without an agent, one with the agent as root, one with a user of its own. The
    person's login is deploy, who may use sudo."""
    world.config["cas"]["pebble"] = {"directory": "https://ca.test/dir"}
    world.config["dns"]["home"] = {"provider": "manual"}
    world.add_certificate(install={"directory": SLOT, "mode": "0640"})
    key, world.person = operator_key(world)
    world.login = ["--login", "deploy", "--identity", key]
    for number, (name, user) in enumerate(FLEET.items()):
        host = Host(world.directory / name, name, world.net.address(100 + number), world.cache,
                    user="deploy" if user else "root")
        world.hosts[name] = host
        world.config["hosts"][name] = {"address": host.address, "port": 2222, "groups": ["web"],
                                       "user": user or "root"}
    world.write_config()
    world.public_key = world.certferry.init()["ssh_public_key"]
    for name, user in FLEET.items():
        host = world.hosts[name]
        prepare(host)
        world.running.append(host)
        host.start_ssh_only(world.person if user else f"restrict {world.public_key}")
        host.sshd.stop()
        host.no_penalties()
        host.start_sshd()
        world.enroll(name)
        if user:
            world.certferry.good("agent", "install", name, *world.login, "--yes", "--from",
                                 "127.0.0.0/8")
    return world


def keys_of(world, name):
    home = "var/lib/certferry-login" if FLEET[name] == "certferry" else "root"
    return world.hosts[name].root / home / ".ssh/authorized_keys"


def lines_of(world, name):
    return keys_of(world, name).read_text().splitlines()


def rotate(world, *words):
    return world.certferry.run("host", "rotate-key", *words)


def rows(world):
    found = world.certferry.json("host", "rotate-key", "--status")
    return {row["host"]: row for row in found.get("hosts", [])}


def states(world):
    return {name: row["state"] for name, row in rows(world).items()}


def options_of(name):
    return COMMAND if FLEET[name] else "restrict "


def assert_done(world, old):
    """The new key alone, with the options of the old one, everywhere; and it is of use."""
    new = world.certferry.init()["ssh_public_key"]
    assert new != old
    assert states(world) == {}
    for name in FLEET:
        assert lines_of(world, name) == [options_of(name) + new], name
    for name, user in FLEET.items():
        if user:
            world.certferry.good("agent", "install", name, *world.login, "--yes", "--from",
                                 "127.0.0.0/8")


def test_with_a_login(mixed):
    """In one go; and the file keeps its owner and mode."""
    before = [keys_of(mixed, name).stat() for name in FLEET]
    result = rotate(mixed, *mixed.login)
    assert result.code == 0, result
    assert_done(mixed, mixed.public_key)
    after = [keys_of(mixed, name).stat() for name in FLEET]
    assert [(st.st_uid, st.st_gid, st.st_mode) for st in after] == \
        [(st.st_uid, st.st_gid, st.st_mode) for st in before]


def test_without_a_login_and_then_with_one(mixed):
    """It is said what to do, nothing is lost, and the next run goes on."""
    result = rotate(mixed)
    assert result.code == FINAL, result
    assert states(mixed) == {"web-1": "proved", "web-2": "by hand", "web-3": "by hand"}
    for name in ("web-2", "web-3"):
        row = rows(mixed)[name]
        assert "--login" in row["text"] and f"certferry agent script {name}" in row["text"], row
        assert row["transport"] == "agent"
        assert lines_of(mixed, name) == [COMMAND + mixed.public_key]
    assert mixed.certferry.init()["ssh_public_key"] == mixed.public_key
    # A login that does not work is no other thing.
    stranger = mixed.directory / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger], check=True)
    wrong = rotate(mixed, "--login", "deploy", "--identity", stranger)
    assert wrong.code == FINAL and "your own login did not work" in rows(mixed)["web-2"]["text"]
    # One host at a time is fine, too.
    assert rotate(mixed, "web-3", *mixed.login).code != 0
    assert states(mixed) == {"web-1": "proved", "web-2": "by hand", "web-3": "proved"}
    assert rotate(mixed, *mixed.login).code == 0
    assert_done(mixed, mixed.public_key)


def test_with_the_script(mixed):
    """No login at all: what agent script prints has both lines, and after the switch it
    takes the old one away."""
    assert rotate(mixed).code == FINAL
    new = mixed.certferry.json("host", "rotate-key", "--status")["new_line"]

    def run_scripts():
        text = mixed.certferry.good("agent", "script", "web", "--from", "127.0.0.0/8").out
        for name in ("web-2", "web-3"):
            done = run_script(mixed.hosts[name], text, CERTFERRY_HOST=name)
            assert done.returncode == 0, done

    for _ in range(2):
        run_scripts()
        for name in ("web-2", "web-3"):
            assert sorted(lines_of(mixed, name)) == \
                sorted([COMMAND + mixed.public_key, COMMAND + new])
    left = rotate(mixed)
    assert left.code == FINAL and "still let in" in left.out, left
    assert states(mixed) == {"web-1": "done", "web-2": "proved", "web-3": "proved"}
    assert mixed.certferry.init()["ssh_public_key"] == new
    for _ in range(2):
        run_scripts()
        for name in ("web-2", "web-3"):
            assert lines_of(mixed, name) == [COMMAND + new]
    assert rotate(mixed).code == 0
    assert_done(mixed, mixed.public_key)


def test_a_line_without_the_command(mixed):
    """A key that is let in with more than it should have is not proved."""
    assert rotate(mixed).code == FINAL
    new = mixed.certferry.json("host", "rotate-key", "--status")["new_line"]
    path = keys_of(mixed, "web-2")
    before = path.read_text()
    path.write_text(before + f"restrict {new}\n")
    result = rotate(mixed)
    assert result.code == FINAL and "no certferry-agent answers it" in result.out, result
    assert states(mixed)["web-2"] == "by hand"
    path.write_text(before + COMMAND + new + "\n")
    assert rotate(mixed).code == FINAL
    assert states(mixed)["web-2"] == "proved"
    assert rotate(mixed, *mixed.login).code == 0
    assert_done(mixed, mixed.public_key)


def give_su(host):
    copy_program(host.root, "su")
    host.write("etc/pam.d/su", "".join(f"{kind} required pam_permit.so\n" for kind in
                                       ("auth", "account", "session")))


@pytest.mark.parametrize("tool", ["sudo", "su"])
def test_a_file_of_the_user(mixed, tool):
    """Root does not write where somebody else can put links: it is edited by its owner."""
    home = keys_of(mixed, "web-3").parent
    host = mixed.hosts["web-3"]
    if tool == "su":
        give_su(host)
    subprocess.run(["chroot", host.root, "chown", "-R", "certferry:", f"/{home.relative_to(host.root)}"],
                   check=True)
    before = keys_of(mixed, "web-3").stat()
    assert rotate(mixed, *mixed.login).code == 0
    after = keys_of(mixed, "web-3").stat()
    assert before.st_uid != 0 and (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)
    new = mixed.certferry.init()["ssh_public_key"]
    assert lines_of(mixed, "web-3") == [COMMAND + new]


def test_busybox_and_root(world):
    """A host with no sudo and no tools but busybox's; the person is root."""
    world.config["cas"]["pebble"] = {"directory": "https://ca.test/dir"}
    world.config["dns"]["home"] = {"provider": "manual"}
    key, public = operator_key(world)
    login = ["--login", "root", "--identity", key]
    host = world.add_host("web-1", flavour="busybox")
    world.add_certificate(install={"directory": SLOT})
    world.write_config()
    old = world.certferry.init()["ssh_public_key"]
    prepare(host)
    world.running.append(host)
    host.start_ssh_only(public)
    world.enroll("web-1")
    assert world.certferry.good("agent", "install", "web-1", *login, "--yes")
    world.certferry.good("host", "rotate-key", *login)
    new = world.certferry.init()["ssh_public_key"]
    lines = (host.root / "root/.ssh/authorized_keys").read_text().splitlines()
    assert new != old and lines == [
        public, f'restrict,command="/usr/sbin/certferry-agent session" {new}']


@pytest.mark.parametrize("point", [
    "the first line is there", "the first old line is gone",
    pytest.param("the last line is there", marks=pytest.mark.full)])
def test_killed_in_the_middle(mixed, point):
    is_time = {
        "the first line is there": lambda: len(lines_of(mixed, "web-2")) == 2,
        "the last line is there": lambda: len(lines_of(mixed, "web-3")) == 2,
        "the first old line is gone": lambda: COMMAND + mixed.public_key not in
                                              lines_of(mixed, "web-2"),
    }[point]
    with mixed.slow_ssh():
        process = mixed.certferry.start("host", "rotate-key", *mixed.login)

        def is_there():
            assert process.poll() is None, point
            return is_time()

        wait_for(point, is_there, step=0.01)
        os.killpg(process.pid, 9)
        process.wait()
        wait_until_group_is_gone(process.pid)
    # Whatever key is in use now is let in everywhere, as narrow as before.
    usable = mixed.certferry.init()["ssh_public_key"]
    for name in FLEET:
        assert options_of(name) + usable in lines_of(mixed, name), name
    assert rotate(mixed, *mixed.login).code == 0
    assert_done(mixed, mixed.public_key)
