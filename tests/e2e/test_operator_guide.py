# SPDX-License-Identifier: Apache-2.0
"""docs/operator-guide.md, followed word for word: from nothing to ten servers.

Configuration and commands come out of the guide's own blocks. What is ours: addresses (its
192.0.2.N are the servers of a net on loopback), SSH's port, the CA, and `ansible`, which
does what the guide has it do. Then the changes of its section 5.
"""

import csv
import io
import os
import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from agent_host import PROGRAM, put_program
from certferry import BUILD, FINAL, WAITS
from guide import Guide, Terminal
from hosts import SSH_PORT, Host, copy_program
from net import can_connect, wait_for
from services import PLACEHOLDER, ServiceHost
from servers import Knot, Pebble, Tsig
from test_agent_install import SUDOERS, prepare

REAL = "https://acme-v02.api.letsencrypt.org/directory"
STAGING = REAL.replace("acme-", "acme-staging-")
NAMES = {"www": "example.com", "shop": "shop.example.com", "mail": "mail.example.com"}


class PlainHost(Host):
    """busybox and dropbear."""

    def start_ssh_only(self, public_key):
        for name in ("dropbear", "dropbearkey"):
            copy_program(self.root, name)
        (self.root / "etc/dropbear").mkdir()
        key = "/etc/dropbear/dropbear_ed25519_host_key"
        done = subprocess.run(["chroot", self.root, "/usr/bin/dropbearkey", "-t", "ed25519",
                               "-f", key], check=True, capture_output=True, text=True)
        line = next(row for row in done.stdout.splitlines() if row.startswith("ssh-ed25519"))
        self.write("etc/ssh/ssh_host_key.pub", line + "\n")
        self.authorize(public_key)
        self.sshd.spawn(["chroot", self.root, "/usr/sbin/dropbear", "-F", "-E", "-r", key,
                         "-P", "/run/dropbear.pid", "-p", f"{self.address}:{SSH_PORT}"],
                        lambda: can_connect(self.address, SSH_PORT))


class Fleet:
    def __init__(self, world):
        self.world, self.net, self.guide = world, world.net, Guide()
        self.directory = world.directory
        self.etc = self.directory / "etc"
        self.etc.mkdir()
        self.config = yaml.safe_load(self.guide.fenced("1", "yaml"))
        self.rows = list(csv.DictReader(io.StringIO(self.guide.fenced("2", "csv"))))
        self.cas = {}
        self.hosts = {}
        world.certferry.config = self.etc / "certferry.yaml"

    # -- the world

    def address(self, found):
        """Of the guide's in ours; a login comes from loopback's first."""
        number = int(found.group(1))
        return {5: "127.0.0.1", 53: self.net.address(53)}.get(number, self.net.address(100 + number))

    def translate(self, text):
        return re.sub(r"\b192\.0\.2\.(\d+)\b", self.address, text)

    def start_servers(self):
        world = self.world
        world.nameserver = world.run(Knot(self.directory / "ns", self.net, tsig=Tsig(),
                                          zones=["example.com"]))
        for number, url in enumerate((STAGING, REAL)):
            ca = Pebble(self.directory / f"ca{number}", self.net, self.net.address(53))
            ca.address = self.net.address(14 + number)
            self.cas[url] = world.run(ca)
        key = self.etc / "tsig.key"
        key.write_text(world.nameserver.tsig.bind_text())
        key.chmod(0o600)

    def make_operator(self):
        """An SSH key of the operator's own, who is `you` on the servers."""
        self.key = self.directory / "operator"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        self.public = self.key.with_suffix(".pub").read_text().strip()
        bin_dir, home = self.directory / "bin", self.directory / "home"
        for directory in (bin_dir, home / ".ssh"):
            directory.mkdir(parents=True)
        stand_ins = {
            "certferry": f'{BUILD}/bin/certferry --config {self.etc}/certferry.yaml "$@"',
            "ssh": f'{shutil.which("ssh")} -i {self.key} -o IdentitiesOnly=yes "$@"',
        }
        for name, command in stand_ins.items():
            (bin_dir / name).write_text(f"#!/bin/sh\nexec {command}\n")
            (bin_dir / name).chmod(0o755)
        self.terminal = Terminal(self.etc, {
            **self.world.certferry.environment(), "HOME": str(home), "TERM": "dumb",
            "PATH": f"{bin_dir}:{os.environ['PATH']}"})

    def make_host(self, row):
        name, address = row["name"], self.translate(row["address"])
        place, cache = self.directory / name, self.world.cache
        if row["groups"] == "mail":
            host = ServiceHost(place, name, address, cache, ["postfix", "dovecot", "apache2"])
        elif name == "lb-1":
            host = ServiceHost(place, name, address, cache, ["haproxy"])
        elif name == "old-1":
            host = PlainHost(place, name, address, cache, flavour="busybox")
        else:
            host = Host(place, name, address, cache)
        self.hosts[name] = self.world.hosts[name] = host
        self.world.running.append(host)
        host.certificate = {"mail": "mail", "lb-1": "shop"}.get(row["groups"] or name, "www")
        host.slots = [f"/etc/ssl/certferry/{host.certificate}"]
        host.ports = {host.slots[0]: 443}
        return host

    def start_host(self, host):
        """As it was before anybody had heard of certferry. The agent's libraries are there."""
        if isinstance(host, PlainHost):
            host.start("")
            return
        prepare(host, program=False)
        put_program(host.root)
        (host.root / "usr/sbin/certferry-agent").unlink()
        host.write("usr/bin/hostname", f"#!/bin/sh\necho {host.name}\n", 0o755)
        host.write("etc/sudoers", SUDOERS + "you ALL=(root) NOPASSWD: ALL\n", 0o440)
        with open(host.root / "etc/passwd", "a") as passwd:
            passwd.write("you:x:1600:1500::/home/you:/bin/sh\n")
        with open(host.root / "etc/shadow", "a") as shadow:
            shadow.write("you:*:19000:0:99999:7:::\n")
        (host.root / "home/you/.ssh").mkdir(parents=True)
        host.write("home/you/.ssh/authorized_keys", self.public + "\n")
        for path in ("home/you", "home/you/.ssh", "home/you/.ssh/authorized_keys"):
            os.chown(host.root / path, 1600, 1500)
        if isinstance(host, ServiceHost):
            self.start_services(host)
        else:
            host.start("")

    def start_services(self, host):
        host.start_ssh_only("")
        host.make_placeholder()
        for service in host.services:
            service.configure(PLACEHOLDER)
            if service.name == "postfix":
                with open(host.root / "etc/postfix/master.cf", "a") as master:
                    master.write(f"{host.address}:587 inet n - y - - smtpd\n")
                service.ports = ((25, "smtp"), (587, "smtp"))
            service.start()
        for service in host.services:
            service.adopt(host.slots[0])

    # -- what the guide has one write

    def write_config(self, directory=STAGING):
        config = yaml.safe_load(self.translate(yaml.safe_dump(self.config)))
        ca = self.cas[directory]
        config["cas"]["letsencrypt"].update({"directory": ca.url, "ca-file": str(ca.ca_file)})
        config["state-directory"] = str(self.directory / "state")
        config["resolver"] = self.net.address(53)
        (self.etc / "certferry.yaml").write_text(yaml.safe_dump(config))

    def write_csv(self):
        lines = self.translate(self.guide.fenced("2", "csv")).splitlines()
        (self.etc / "servers.csv").write_text(
            f"{lines[0]},port\n" + "".join(f"{line},{SSH_PORT}\n" for line in lines[1:]))

    def write_known_hosts(self):
        """Those that the operator has logged in to; web-1 is not among them."""
        with open(self.directory / "home/.ssh/known_hosts", "w") as known:
            for name, host in self.hosts.items():
                key = (host.root / "etc/ssh/ssh_host_key.pub").read_text().split()[:2]
                if name != "web-1":
                    known.write(f"[{host.address}]:{SSH_PORT} {' '.join(key)}\n")

    # -- what it has one type

    def do(self, command):
        if command.startswith("ansible "):
            return self.ansible(shlex.split(command))
        text, code = self.terminal.type(self.translate(command))
        if code == WAITS:  # "it comes back by itself": libssh2 1.10 loses a handshake in thousands
            text, code = self.terminal.type(self.translate(command))
        assert code == 0, text
        return text

    def ansible(self, words):
        """`-m copy` and `-m script`, as root, on the hosts of a group."""
        arguments = words[words.index("-a") + 1]
        group = [self.hosts[row["name"]] for row in self.rows if row["groups"] == words[1]]
        assert group and "-b" in words, words
        for host in group:
            if "copy" in words:
                given = dict(word.split("=") for word in arguments.split())
                assert given["src"] == "/usr/sbin/certferry-agent"
                target = host.root / given["dest"].lstrip("/") / PROGRAM.name
                shutil.copy(PROGRAM, target)
                target.chmod(int(given["mode"], 8))
            else:
                assert "script" in words
                shutil.copy(self.etc / arguments, host.root / "tmp/script")
                done = subprocess.run(["env", "-i", "/usr/sbin/chroot", host.root, "/bin/sh", "/tmp/script"],
                                      capture_output=True, text=True, timeout=60)
                assert done.returncode == 0, (host.name, done)
        return ""

    # -- what must be so then

    def serials(self):
        return {row["serial"] for row in self.world.certferry.status().values()}

    def assert_all_served(self, serials=()):
        """Each its own, at every port, by the way that the guide says."""
        rows = self.world.certferry.status()
        assert len(rows) == len(self.hosts)
        for (certificate, name), row in rows.items():
            host = self.hosts[name]
            assert certificate == host.certificate
            assert row["state"] == "done" and row["is_served"], row
            assert row["transport"] == ("shell" if name == "old-1" else "agent"), row
            assert host.pair_matches(host.slots[0]), name
            assert row["serial"] not in serials, row
            if isinstance(host, ServiceHost):
                host.assert_served(row["sha256"], name=NAMES[certificate])
            else:
                wait_for(f"{name} serves it",
                         lambda it=host, row=row: it.served_sha256(it.slots[0]) == row["sha256"])
        assert len({row["sha256"] for row in rows.values()}) == len(rows)
        return self.serials()


@pytest.fixture
def fleet(world):
    made = Fleet(world)
    made.start_servers()
    made.make_operator()
    for row in made.rows:
        made.start_host(made.make_host(row))
    yield made
    print("\n\n".join(made.terminal.shown)[-30000:])


def follow(fleet):
    """Sections 1 to 4."""
    guide = fleet.guide
    build = guide.commands("1")
    assert len(build) == 2 and all("cmake " in command for command in build), build
    fleet.write_config()
    fleet.write_csv()
    fleet.write_known_hosts()
    for command in guide.commands("2"):
        shown = fleet.do(command)
        if command == "certferry init":
            line = re.search(r"^restrict ssh-ed25519 .*$", shown, re.M).group()
            fleet.hosts["old-1"].authorize(line)  # as section 3 says of it
        if command.startswith("certferry host enroll"):
            assert fleet.hosts["web-1"].fingerprint() in shown
    for command in guide.commands("3"):
        fleet.do(command)
    *commands, cron = guide.commands("4")
    for command in commands:
        fleet.do(command)
    return cron.split("root", 1)[1].strip().replace("/usr/bin/", "")


def reinstall(host):
    """Nothing of ours is left, and sshd has made a new host key."""
    for path in ("etc/certferry", host.slots[0].lstrip("/"), "root/.ssh"):
        shutil.rmtree(host.root / path)
    (host.root / "usr/sbin/certferry-agent").unlink()
    host.sshd.stop()
    host.make_host_key("ed25519")
    host.start_sshd()


def test_from_nothing_to_ten_servers(fleet):
    cron = follow(fleet)
    assert len(fleet.hosts) == 10
    first = fleet.assert_all_served()
    # The real CA in the place of the one to try things with.
    fleet.write_config(REAL)
    fleet.do("certferry apply")
    second = fleet.assert_all_served(first)
    assert fleet.cas[REAL].issued() == 10
    assert fleet.do(cron) == ""
    # A name more: each server's owner has to allow it; the others wait for nobody.
    fleet.config["certificates"]["www"]["names"].append("api.eu.example.com")
    fleet.write_config(REAL)
    shown, code = fleet.terminal.type("certferry apply")
    assert code == FINAL and "does not allow the name api.eu.example.com" in shown, shown
    assert len(fleet.serials() & second) == 9, shown
    for command in fleet.guide.commands("3"):
        if "web" in command:
            fleet.do(command)
    fleet.do("certferry apply")
    third = fleet.assert_all_served()
    assert len(third - second) == 7 and fleet.cas[REAL].issued() == 17
    for command in fleet.guide.commands("5"):
        assert "the old one was removed" in fleet.do(command)
    assert fleet.do(cron) == ""
    assert fleet.assert_all_served() == third
    # A server reinstalled: the same certificate again, and not before somebody has looked.
    reinstall(fleet.hosts["web-2"])
    shown, code = fleet.terminal.type("certferry apply")
    assert code == FINAL and "the host key is not the pinned one" in shown, shown
    fleet.do("certferry host enroll web-2")
    fleet.do("certferry agent install web-2 --login you --from 192.0.2.5")
    fleet.do("certferry apply")
    assert fleet.assert_all_served() == third
    assert fleet.cas[REAL].issued() == 17
