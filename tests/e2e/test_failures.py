# SPDX-License-Identifier: Apache-2.0
"""One server of three is in trouble. The others are done, its row says what is wrong, and
when it is mended the next apply heals it without a new certificate.

The trouble strikes after the checks, which would see it before anything is issued
(test_preflight.py): so they are left out here."""

import subprocess

import pytest

from fleet import SLOT
from servers import Proxy


class Trouble:
    """What happens to a host, what its row must say, and how it is mended."""

    state = "waiting"
    words = ()

    def __init__(self, world, host):
        self.world, self.host = world, host

    def before(self):
        """Before certferry is configured."""

    def strike(self):
        pass

    def mend(self):
        pass

    def check(self):
        pass


class Down(Trouble):
    words = ("refused",)

    def strike(self):
        self.host.sshd.stop()

    def mend(self):
        self.host.start_sshd()


class KeyChanged(Trouble):
    state = "failed"
    words = ("host key",)
    key_type = "ed25519"

    def strike(self):
        self.host.sshd.stop()
        self.host.make_host_key(self.key_type)
        self.host.sshd.log.unlink()
        self.host.start_sshd()

    def check(self):
        # It was spoken to, and no login was tried: not a byte went to the stranger.
        assert "Connection from" in self.host.sshd.log_text()
        assert self.host.authentications() == []

    def mend(self):
        self.world.enroll(self.host.name)


class KeyTypeChanged(KeyChanged):
    key_type = "ecdsa"


class DiskFull(Trouble):
    words = ("disk full",)

    def strike(self):
        self.place = self.host.path("", SLOT)
        self.place.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=755", "tmpfs",
                               self.place], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no right to mount here: {done.stderr.strip()}")
        self.world.running.append(self)

    def check(self):
        left = [p.name for p in self.place.iterdir()]
        assert left == [], f"left behind: {left}"

    def mend(self):
        subprocess.run(["mount", "-o", "remount,size=1m", self.place], check=True)

    def stop(self):
        subprocess.run(["umount", "-l", self.place], check=True)


class HangsInUpload(Trouble):
    words = ()

    def before(self):
        address = self.world.net.address(200)
        self.ssh = Proxy((address, 2222), (self.host.address, 2222))
        self.tls = Proxy((address, 8443), (self.host.address, 8443))
        self.world.config["hosts"][self.host.name]["address"] = address
        for proxy in (self.ssh, self.tls):
            self.world.running.append(proxy.start())

    def strike(self):
        # Key exchange and login take less, command and bundle more than this.
        self.ssh.stall_after = 9000

    def check(self):
        assert self.ssh.connections >= 1
        assert "Accepted publickey" in self.host.sshd.log_text()

    def mend(self):
        self.ssh.stall_after = None


@pytest.mark.parametrize("kind", [Down, KeyChanged, KeyTypeChanged, DiskFull, HangsInUpload],
                         ids=lambda kind: kind.__name__)
def test_one_host_in_trouble(world, kind):
    world.add_dns()
    world.add_ca()
    for number in (1, 2, 3):
        world.add_host(f"web-{number}")
    world.add_certificate()
    trouble = kind(world, world.hosts["web-2"])
    trouble.before()
    world.set_up()
    trouble.strike()

    result = world.certferry.apply("--no-check", timeout=420)
    assert result.code == (7 if trouble.state == "waiting" else 6), result
    rows = {host: row for (_, host), row in world.certferry.status().items()}
    assert rows["web-1"]["state"] == rows["web-3"]["state"] == "done", result
    bad = rows["web-2"]
    assert bad["state"] == trouble.state, bad
    for word in trouble.words:
        assert word in bad["error"]["text"].lower(), bad
    assert (bad["waits_until"] is not None) == (trouble.state == "waiting"), bad
    assert not bad["installed"]
    trouble.check()
    # The reason is told to who ran it, and in the table.
    assert bad["error"]["text"][:40] in result.out, result
    assert world.pebble.issued() == 3

    trouble.mend()
    result = world.certferry.apply()
    assert result.code == 0, result
    world.assert_all_served()
    assert world.pebble.issued() == 3, "healed with a new certificate"
    world.assert_no_residue()


def test_service_that_refuses(world):
    """nginx -t fails on one server: it goes on serving what it served, whole."""
    world.standard(3)
    assert world.certferry.apply().code == 0
    host = world.hosts["web-2"]
    old = host.served_sha256()
    host.write_site(broken=True)

    result = world.certferry.apply("--force", "www", "--no-check")
    assert result.code == 7, result
    rows = {name: row for (_, name), row in world.certferry.status().items()}
    assert rows["web-1"]["state"] == rows["web-3"]["state"] == "done"
    assert rows["web-2"]["state"] == "waiting", rows["web-2"]
    assert "this" in rows["web-2"]["error"]["text"], "the words of nginx -t are missing"
    assert host.served_sha256() == old
    assert host.installed_sha256() == old and host.pair_matches()
    assert world.pebble.issued() == 6

    host.write_site()
    assert world.certferry.apply().code == 0
    world.assert_all_served()
    assert world.pebble.issued() == 6
    assert host.served_sha256() != old


def test_divergence_is_seen_and_healed(world):
    """Somebody deletes or changes what was installed: the next apply brings it back."""
    world.standard(2)
    assert world.certferry.apply().code == 0
    world.hosts["web-1"].resolve("privkey.pem").unlink()
    world.hosts["web-2"].resolve("privkey.pem").chmod(0o644)
    result = world.certferry.apply()
    assert result.code == 0, result
    world.assert_all_served()
    assert world.hosts["web-2"].resolve("privkey.pem").stat().st_mode & 0o777 == 0o600
    assert world.pebble.issued() == 2


def test_host_never_enrolled(world):
    world.standard(1)
    host = world.add_host("web-9")
    world.write_config()
    world.running.append(host.start(f"restrict {world.public_key}"))
    before = len(host.authentications())
    result = world.certferry.apply()
    assert result.code == 6, result
    assert "host enroll web-9" in result.out + result.err, result
    assert world.certferry.status()["www", "web-1"]["state"] == "done"
    assert world.certferry.status()["www", "web-9"]["state"] == "blocked"
    assert len(host.authentications()) == before
    assert world.pebble.issued() == 1


def test_ca_is_down(world):
    world.standard(1)
    world.pebble.stop()
    result = world.certferry.apply()
    assert result.code == 7, result
    row = world.certferry.status()["www", "web-1"]
    assert row["state"] == "waiting" and row["waits_until"], row
    world.pebble.start()
    assert world.certferry.apply().code == 0
    world.assert_all_served()


def test_ca_refuses_a_name(world):
    """A final no of the CA: said in its words, and the TXT records are gone."""
    world.standard(1)
    world.config["certificates"]["www"]["names"] = ["example.org", "nobody.invalid"]
    world.config["certificates"]["www"]["hosts"] = ["web-1"]
    world.write_config()
    result = world.certferry.apply()
    assert result.code in (6, 7), result
    row = world.certferry.status()["www", "web-1"]
    assert row["error"] and row["error"]["text"], row
    world.assert_no_residue()
