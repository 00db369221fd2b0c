# SPDX-License-Identifier: Apache-2.0
"""What would fail is found before the CA is asked: each check, seen to fail and seen to
succeed at real servers; nothing is left behind, and only the place it is about waits."""

import json
import os
import subprocess
import time

import pytest

import test_failures
from fake_ca import FakeCa
from fleet import SLOT, ZONE, Knot, Tsig
from net import wait_for


def standard(world, count=1, dns=None, trust=(), **certificate):
    """The usual world, with a resolver that knows what is above the zone."""
    world.add_dns(**(dns or {}))
    world.add_resolver(trust=trust(world.nameserver) if trust else ())
    world.add_ca()
    for number in range(1, count + 1):
        world.add_host(f"web-{number}")
    world.add_certificate(**certificate)
    world.set_up()


def look(world, *words):
    """plan --check: the result, and {(subject, check): row}; of many rows the worst."""
    result = world.certferry.run("--json", "plan", "--check", *words)
    rows = {}
    for row in json.loads(result.out)["checks"]:
        key = row["subject"], row["check"]
        order = ["ok", "note", "failed"]
        if key not in rows or order.index(rows[key]["result"]) < order.index(row["result"]):
            rows[key] = row
    return result, rows


def results(rows):
    return {key: row["result"] for key, row in rows.items()}


def tree(host):
    """All of a server that a visit might change."""
    found = {}
    for top in ("etc", "tmp", "var/tmp", "root", "home"):
        for at, _, files in os.walk(host.root / top):
            for path in [at] + [os.path.join(at, f) for f in files]:
                s = os.lstat(path)
                found[path] = (s.st_mode, s.st_size, s.st_mtime_ns)
    return found


def orders(world):
    return world.pebble.posts("/order-plz")


def test_all_is_well(world):
    standard(world, 2)
    before = tree(world.hosts["web-1"])
    result, rows = look(world)
    assert result.code == 0, result
    assert results(rows) == {
        **{(host, check): "ok" for host in ("web-1", "web-2")
           for check in ("reached", "host key", "login", "tools", "directory")},
        # nginx is told of files that the first delivery brings.
        ("web-1", "test"): "note", ("web-2", "test"): "note",
        ("ca pebble", "directory"): "ok", ("dns home", "record"): "ok",
        **{(name, check): "ok" for check in ("CAA", "zone", "DNSSEC")
           for name in (ZONE, f"web-1.srv.{ZONE}", f"web-2.srv.{ZONE}")},
        (f"*.{ZONE}", "CAA"): "ok"}, result
    # Looked at, and left as it was; nothing was asked of the CA but its directory.
    assert tree(world.hosts["web-1"]) == before
    world.assert_no_residue()
    assert orders(world) == 0 and world.pebble.posts("/sign-me-up") == 0
    assert "txt.removed" in world.certferry.good("events").out

    first = world.certferry.apply()
    assert first.code == 0, first
    world.assert_all_served()
    result, rows = look(world)
    assert result.code == 0 and rows["web-1", "test"]["result"] == "ok", result
    world.assert_all_served()
    # With nothing to issue nothing is checked.
    again = world.certferry.apply()
    assert again.code == 0 and "check.result" not in again.err, again
    quick = world.certferry.apply("--force", "www", "--no-check")
    assert quick.code == 0 and "check.result" not in quick.err, quick


class Trouble:
    """What is wrong with web-2: which check says so, in which words, and the way out."""

    check = words = advice = ""
    code = 6
    user = "root"

    def __init__(self, world):
        self.world, self.host = world, world.hosts["web-2"]

    def strike(self):
        pass

    def mend(self):
        pass


class Down(Trouble):
    check, words, advice = "reached", "refused", "port 2222"
    code = 7  # nobody need act: the next run finds it up again

    def strike(self):
        self.host.sshd.stop()

    def mend(self):
        self.host.start_sshd()


class KeyChanged(Trouble):
    check, words, advice = "host key", "not the pinned one", "host enroll web-2"

    def strike(self):
        self.host.sshd.stop()
        self.host.make_host_key("ed25519")
        self.host.start_sshd()

    def mend(self):
        self.world.enroll("web-2")


class LoginRefused(Trouble):
    check, words, advice = "login", "does not let user 'root' in", "restrict ssh-ed25519 AAAA"

    def strike(self):
        self.host.authorize("")

    def mend(self):
        _, rows = look(self.world, "--only", "web-2")
        # What the advice says is what an operator pastes.
        self.host.authorize(rows["web-2", "login"]["advice"].split(": ")[1])
        # OpenSSH 10 shuts out for a while who has failed; a new one has forgotten it.
        self.host.sshd.stop()
        self.host.start_sshd()


class SudoRefused(Trouble):
    check, words, advice = "sudo", "password is required", "NOPASSWD: ALL"
    user = "deploy"

    def strike(self):
        self.host.write("etc/sudoers", "root ALL=(ALL) NOPASSWD: ALL\n", 0o440)

    def mend(self):
        _, rows = look(self.world, "--only", "web-2")
        line = rows["web-2", "sudo"]["advice"].split("own: ")[1]
        self.host.write("etc/sudoers", line + "\n", 0o440)


class NoTool(Trouble):
    check, words, advice = "tools", "has no sha256sum", "the same way"

    def strike(self):
        os.rename(self.host.root / "usr/bin/sha256sum", self.host.root / "usr/bin/away")

    def mend(self):
        os.rename(self.host.root / "usr/bin/away", self.host.root / "usr/bin/sha256sum")


class OthersMayWrite(Trouble):
    check, words = "directory", "others may rename"

    def strike(self):
        (self.host.root / "etc/ssl").chmod(0o777)

    def mend(self):
        (self.host.root / "etc/ssl").chmod(0o755)


class DiskFull(Trouble):
    check, words = "directory", "are free"

    strike = test_failures.DiskFull.strike
    stop = test_failures.DiskFull.stop

    def mend(self):
        subprocess.run(["mount", "-o", "remount,size=1m", self.place], check=True)


class ReadOnly(DiskFull):
    words = "cannot be written to"

    def strike(self):
        super().strike()
        subprocess.run(["mount", "-o", "remount,ro,size=1m", self.place], check=True)

    def mend(self):
        subprocess.run(["mount", "-o", "remount,rw", self.place], check=True)


@pytest.mark.parametrize("kind", [Down, KeyChanged, LoginRefused, SudoRefused, NoTool,
                                  OthersMayWrite, DiskFull, ReadOnly],
                         ids=lambda kind: kind.__name__)
def test_one_host_of_two(world, kind):
    world.add_dns()
    world.add_resolver()
    world.add_ca()
    world.add_host("web-1")
    world.add_host("web-2", user=kind.user)
    world.add_certificate()
    world.set_up()
    trouble = kind(world)
    trouble.strike()

    result, rows = look(world)
    assert result.code == 6, result
    bad = {key: row for key, row in rows.items() if row["result"] == "failed"}
    assert list(bad) == [("web-2", kind.check)], result
    row = bad["web-2", kind.check]
    assert kind.words in row["text"] and kind.advice in row["advice"], row
    assert row["host"] == "web-2"

    result = world.certferry.apply()
    assert result.code == kind.code, result
    assert "No new certificate for now: www/web-2" in result.out, result
    assert kind.words in result.out.split("No new certificate")[1], "not in the end's table"
    assert world.certferry.status()["www", "web-1"]["state"] == "done"
    assert orders(world) == 1 and world.pebble.issued() == 1
    passes = kind is Down
    event = "order.postponed" if passes else "order.blocked"
    assert event in world.certferry.good("events").out
    found = world.certferry.status()["www", "web-2"]
    assert found["state"] == ("due" if passes else "blocked"), found
    assert passes or kind.words in found["reason"], found

    trouble.mend()
    result = world.certferry.apply()
    assert result.code == 0, result
    world.assert_all_served()
    assert world.pebble.issued() == 2
    world.assert_no_residue()


def test_host_never_enrolled(world):
    standard(world, 1)
    host = world.add_host("web-9")
    world.write_config()
    world.running.append(host.start(f"restrict {world.public_key}"))
    before = len(host.authentications())
    result, rows = look(world)
    assert result.code == 6 and rows["web-9", "host key"]["result"] == "failed", result
    assert rows["web-9", "host key"]["advice"] == "certferry host enroll web-9", result
    assert len(host.authentications()) == before


def test_service_that_is_broken_already(world):
    """A new certificate would be rolled back: it is not made. What is there is cared for."""
    standard(world, 2)
    assert world.certferry.apply().code == 0
    host = world.hosts["web-2"]
    host.write_site(broken=True)
    result, rows = look(world)
    assert result.code == 6 and rows["web-2", "test"]["result"] == "failed", result
    assert "this" in rows["web-2", "test"]["text"], "the words of nginx -t are missing"
    assert rows["web-1", "test"]["result"] == "ok"

    old = host.served_sha256()
    result = world.certferry.apply("--force", "www")
    assert result.code == 6, result
    assert world.pebble.issued() == 3 and orders(world) == 3
    assert host.served_sha256() == old and host.pair_matches()
    # It was looked at, as in every run.
    assert any("delivery.phase" in line and "www/web-2" in line
               for line in result.err.splitlines()), result
    host.write_site()
    assert world.certferry.apply("--force", "www/web-2").code == 0
    world.assert_all_served()


def test_wrong_key_for_the_zone(world):
    standard(world, 1)
    key = world.directory / "secrets" / "tsig"
    key.write_text(key.read_text().replace('secret "', 'secret "AAAA'))
    result, rows = look(world)
    assert result.code == 6, result
    row = rows["dns home", "record"]
    assert row["result"] == "failed" and "BADSIG" in row["text"], row
    result = world.certferry.apply()
    assert result.code == 6 and "BADSIG" in result.out, result
    assert world.pebble.posts("/sign-me-up") == orders(world) == 0
    key.write_text(world.nameserver.tsig.bind_text())
    assert world.certferry.apply().code == 0
    world.assert_all_served()


def test_name_in_nobodys_zone(world):
    """One certificate has a name of a zone that nobody serves; the other goes on."""
    standard(world, 1)
    world.add_certificate("lost", names=["www.nobody.invalid"], **{"unique-name": None},
                          install={"directory": "/etc/ssl/certferry/lost"})
    world.write_config()
    result, rows = look(world)
    assert result.code == 6, result
    bad = {key for key, row in rows.items() if row["result"] == "failed"}
    assert ("www.nobody.invalid", "zone") in bad and all("nobody" in key[0] for key in bad), bad
    result = world.certferry.apply()
    assert result.code == 6, result
    assert world.certferry.status()["www", "web-1"]["state"] == "done"
    assert world.pebble.issued() == orders(world) == 1

    # In a zone, but in none of the entry's.
    world.config["dns"]["home"]["zones"] = ["example.com"]
    world.write_config()
    result, rows = look(world)
    assert rows[ZONE, "zone"]["result"] == "failed", result
    assert "home" in rows[ZONE, "zone"]["text"], result


def test_caa(world):
    """Compared with the names that the CA gives itself, and with our account there."""
    ours = "fake-ca.test"
    with FakeCa(world.directory) as ca:
        world.add_dns()
        world.add_resolver()
        world.add_host("web-1")
        world.config["cas"]["pebble"] = {"directory": ca.directory_url,
                                         "ca-file": str(ca.root), "agree-to-terms": True}
        world.add_certificate(names=[ZONE, f"*.{ZONE}"], **{"unique-name": None})
        world.set_up()
        account = ca.base + "/account/1"

        def rows_with(*records):
            world.nameserver.remove(ZONE, "CAA")
            for record in records:
                world.nameserver.add(ZONE, "CAA", f"0 {record}")
            _, rows = look(world)
            return tuple(rows[name, "CAA"]["result"] for name in (ZONE, f"*.{ZONE}"))

        bound = f'issue "{ours}; accounturi={account}"'
        assert rows_with() == ("ok", "ok")
        assert rows_with(f'issue "{ours}"') == ("ok", "ok")
        assert rows_with('issue "other.test"') == ("failed", "failed")
        assert rows_with('issue ";"') == ("failed", "failed")
        assert rows_with('issuewild ";"') == ("ok", "failed")
        assert rows_with('issue "other.test"', f'issuewild "{ours}"') == ("failed", "ok")
        assert rows_with(f'issue "{ours}; validationmethods=http-01"') == ("failed", "failed")
        assert rows_with(f'issue "{ours}; validationmethods=dns-01"') == ("ok", "ok")
        # There is no account yet.
        assert rows_with(bound) == ("failed", "failed")
        assert [entry[0] for entry in ca.log if entry[0] != "directory"] == []
        result = world.certferry.apply()
        assert result.code == 6 and "accounturi" in result.out, result
        assert [entry[0] for entry in ca.log if entry[0] != "directory"] == []
        assert rows_with() == ("ok", "ok")
        world.certferry.apply("--no-check")
        assert rows_with(bound) == ("ok", "ok")
        assert rows_with(bound.replace("account/1", "account/2")) == ("failed", "failed")


def test_a_ca_that_gives_itself_no_name(world):
    """pebble: only what forbids everybody is a no."""
    standard(world, 1)
    world.nameserver.add(ZONE, "CAA", '0 issue "letsencrypt.org"')
    result, rows = look(world)
    assert result.code == 0 and rows[ZONE, "CAA"]["result"] == "note", result
    world.nameserver.remove(ZONE, "CAA")
    world.nameserver.add(ZONE, "CAA", '0 issue ";"')
    result, rows = look(world)
    assert result.code == 6 and rows[ZONE, "CAA"]["result"] == "failed", result
    result = world.certferry.apply()
    assert result.code == 6 and orders(world) == 0, result


def test_challenge_alias(world):
    standard(world, 1, names=[ZONE, f"*.{ZONE}"],
                   **{"unique-name": None, "challenge-alias": f"_acme-challenge.{{name}}.acme.{ZONE}"})
    target = f"_acme-challenge.{ZONE}.acme.{ZONE}"
    plan = world.certferry.run("plan")
    # Without it plan shows it already, with the line to paste.
    assert plan.code == 0 and f"_acme-challenge.{ZONE}." in plan.out, plan
    assert "CNAME" in plan.out and f"{target}." in plan.out, plan
    result, rows = look(world)
    assert result.code == 6 and rows[ZONE, "alias"]["result"] == "failed", result
    result = world.certferry.apply()
    assert result.code == 6 and orders(world) == 0, result

    world.nameserver.add(f"_acme-challenge.{ZONE}", "CNAME", f"{target}.")
    result, rows = look(world)
    assert result.code == 0 and rows[ZONE, "alias"]["result"] == "ok", result
    assert target in rows["dns home", "record"]["text"], result
    assert "CNAME" not in world.certferry.good("plan").out
    result = world.certferry.apply()
    assert result.code == 0, result
    world.assert_all_served()
    world.assert_no_residue()


def test_entries_in_a_list(world):
    """One that refuses and has a next one is in nobody's way; a person is not tried."""
    standard(world, 1)
    wrong = world.directory / "secrets" / "wrong"
    wrong.write_text(Tsig().bind_text())
    wrong.chmod(0o600)
    world.config["dns"] = {
        "wrong": {**world.config["dns"]["home"], "tsig-key": {"file": "secrets/wrong"}},
        "home": world.config["dns"]["home"], "person": {"provider": "manual"}}
    world.config["certificates"]["www"]["dns"] = ["wrong", "home", "person"]
    world.write_config()
    result, rows = look(world)
    assert result.code == 0, result
    assert rows["dns wrong", "record"]["result"] == "note"
    assert rows["dns home", "record"]["result"] == "ok"
    assert ("dns person", "record") not in rows
    world.config["certificates"]["www"]["dns"] = ["wrong"]
    world.write_config()
    assert look(world)[0].code == 6
    world.config["certificates"]["www"]["dns"] = ["person"]
    world.write_config()
    result, rows = look(world)
    assert result.code == 0 and rows["dns person", "record"]["result"] == "note", result
    assert "No TXT record is to be set" in world.certferry.good("pending").out
    world.assert_no_residue()


def with_lagging_secondary(world):
    """It does not refresh by itself, so the record is looked for in vain."""
    world.add_dns(secondary=True)
    world.add_ca()
    world.add_host("web-1")
    world.add_certificate(names=[ZONE], **{"unique-name": None})
    world.set_up()


def test_a_run_that_dies_leaves_nothing(world):
    """Killed while its test record stands: the next run removes it, and issues."""
    with_lagging_secondary(world)
    running = world.certferry.start("plan", "--check")
    found = wait_for("the test record", world.nameserver.txt, 90)
    running.kill()
    running.communicate()
    (name, values), = found.items()
    assert name == f"_acme-challenge.{ZONE}" and len(values[0]) == 43, found
    assert world.nameserver.txt() == found
    world.config["certificates"]["www"]["dns"] = "home"
    world.config["dns"]["home"]["spread-timeout"] = "10s"
    world.write_config()
    world.certferry.apply("--no-check")
    world.assert_no_residue()


def test_not_seen_yet_is_a_note(world):
    """A secondary that lags is no clear no: an order waits for longer than a check."""
    with_lagging_secondary(world)
    begin = time.monotonic()
    result, rows = look(world)
    assert result.code == 0, result
    row = rows["dns home", "record"]
    assert row["result"] == "note" and f"{world.net.address(54)} lacks it" in row["text"], row
    assert 29 < time.monotonic() - begin < 120
    world.assert_no_residue()


def test_signatures(world):
    """A zone whose signatures fit, and one whose DS record is another key's."""
    standard(world, dns={"kind": Knot, "signed": True}, trust=lambda server: server.ds())
    result, rows = look(world)
    assert result.code == 0 and rows[ZONE, "DNSSEC"]["text"] == "signed, and valid", result
    assert world.certferry.apply().code == 0

    world.resolver.stop()
    world.resolver.trust = [line[:-8] + "00000000" for line in world.resolver.trust]
    world.resolver.start()
    result, rows = look(world)
    assert result.code == 6 and rows[ZONE, "DNSSEC"]["result"] == "failed", result
    assert "bogus" in rows[ZONE, "DNSSEC"]["text"], result
    result = world.certferry.apply("--force", "www")
    assert result.code == 6 and "bogus" in result.out and orders(world) == 1, result


@pytest.mark.parametrize("way", ["none", {"settle": "1s"}, "resolvers"], ids=str)
def test_nobody_is_asked_where_nobody_counts(world, way):
    """Nor is a resolver: it would remember the test record when the real ones come."""
    standard(world, 1)
    if way == "resolvers":
        way = {"resolvers": [world.resolver.address]}
    world.config["dns"]["home"]["propagation"] = way
    world.write_config()
    result, rows = look(world)
    assert result.code == 0 and rows["dns home", "record"]["result"] == "note", result
    assert world.resolver.asked("TXT", f"_acme-challenge.{ZONE}") == 0
    world.assert_no_residue()


def test_many_share_a_look(world):
    """Twelve places of two certificates: each name, and the credential, once."""
    standard(world, 3)
    for n in range(3):
        world.add_certificate(f"more-{n}", install={"directory": f"/etc/ssl/certferry/m{n}"})
    world.write_config()
    result, rows = look(world)
    assert result.code == 0, result
    updates = [e for e in world.certferry.good("events").out.splitlines() if "txt.removed" in e]
    assert len(updates) == 1, updates
    checks = json.loads(result.out)["checks"]
    assert len([c for c in checks if c["subject"] == "dns home"]) >= 12
    table = world.certferry.run("plan", "--check").out
    assert len([line for line in table.splitlines() if line.startswith("dns home  ")]) == 1, table
    # Three visits, and one login each.
    assert [len(host.logins()) for host in world.hosts.values()] == [2, 2, 2]
