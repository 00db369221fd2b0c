# SPDX-License-Identifier: Apache-2.0
"""certferry-agent over plain pipes, without SSH: what it takes, refuses and puts back."""
import collections
import contextlib
import hashlib
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import agent_wire as wire
from agent_host import IS_STATIC
from agent_wire import CERT, CHAIN, KEY, Session, frame, job, walk
from net import wait_for

BUILD = os.environ.get(
    "CERTFERRY_BUILD", os.path.join(os.path.dirname(__file__), "../../build/dev"))
PROGRAM = BUILD + "/sbin/certferry-agent"
FILES = ["cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"]
POLICY = """
version: 1
state: {base}/state
services:
  web:
    test: [{base}/serve, test, web]
    test-timeout: 30
    reload: [{base}/serve, reload, web]
    reload-timeout: 30
  mail:
    reload: [{base}/serve, reload, mail]
slots:
  www:
    names: [www.example.org, "*.www.example.org"]
    directory: {base}/tls/www
    group: daemon
    mode: 0640
    services: [web]
  post:
    names: [mail.example.org]
    directory: {base}/tls/post
    formats: [pem, combined, der, pkcs12]
    pkcs12-password-file: {base}/password
    services: [web, mail]
  own:
    names: [own.example.org]
    directory: {base}/tls/own
    key-on: target
  alone:
    names: [alone.example.org]
    directory: {base}/tls/alone
    older: allow
"""
SERVE = """#!/bin/sh
echo "$1 $2 begins" >>{base}/log
[ ! -e {base}/$1-$2-fails ] || {{ echo "$2 says no"; exit 3; }}
[ ! -e {base}/$1-$2-once ] || {{ rm {base}/$1-$2-once; echo "$2 says no"; exit 3; }}
[ ! -e {base}/$1-$2-hangs-once ] || {{ rm {base}/$1-$2-hangs-once; sleep 60; }}
[ ! -e {base}/$1-$2-hangs ] || sleep 60
[ ! -e {base}/$1-$2-slow ] || sleep 1
set -- "$1" "$2" {base}/tls/*/fullchain.pem
if [ -e "$3" ]; then
	cat {base}/tls/*/fullchain.pem >{base}/served-$2.new || exit 1
	mv {base}/served-$2.new {base}/served-$2 || exit 1
fi
echo "$1 $2" >>{base}/log
"""


class Machine:
    def __init__(self, base):
        self.base = base
        self.policy = base / "agent.yaml"
        self.policy.write_text(POLICY.format(base=base))
        serve = base / "serve"
        serve.write_text(SERVE.format(base=base))
        serve.chmod(0o755)
        (base / "password").write_text("secret\n")
        (base / "password").chmod(0o600)
        (base / "tls").mkdir()

    def hurry(self):
        """Commands have 3 s each."""
        self.policy.write_text(self.policy.read_text().replace("timeout: 30", "timeout: 3"))

    def stop(self):
        """What a killed session has left at work, and all else that is here."""
        def left():
            return subprocess.run(["pgrep", "-f", str(self.base)], check=False, text=True,
                                  capture_output=True).stdout.split()

        for pid in left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        wait_for("all processes are gone", lambda: not left())
        shutil.rmtree(self.base)

    def session(self, *wrapper):
        return Session(PROGRAM, self.policy, wrapper)

    def start(self, *slots, **how):
        session = self.session()
        session.send(job(wire.INSTALL, [(name, None, files) for name, files in slots], **how))
        return session

    def install(self, *slots, word=wire.COMMIT, **how):
        session = self.start(*slots, **how)
        line = ""
        while line is not None and line != "reloaded":
            line = session.line()
        session.send(frame(word))
        return session.end()

    def command(self, *args):
        return subprocess.run([PROGRAM, "--policy", self.policy, *args], text=True,
                              capture_output=True, timeout=60)

    def at(self, slot, name=""):
        return self.base / "tls" / slot / name

    def live(self, slot):
        return self.at(slot, "live").resolve().name if self.at(slot, "live").exists() else None

    def log(self):
        log = self.base / "log"
        text = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line for line in text if not line.endswith("begins")]

    def whole(self, slot):
        """What is live is a pair; its certificate's text."""
        cert = self.at(slot, "cert.pem").read_text()
        fits = [subprocess.check_output(["openssl", *how, "-noout" if how[0] == "x509" else
                                         "-pubout", "-in", self.at(slot, name)], text=True)
                for how, name in ((("x509", "-pubkey"), "cert.pem"), (("pkey",), "privkey.pem"))]
        assert fits[0] == fits[1]
        return cert


@pytest.fixture(scope="module")
def ca():
    return wire.Ca()


@pytest.fixture
def machine():
    # Nobody else may write above the policy; what pytest makes is below /tmp.
    base = tempfile.mkdtemp(prefix="certferry-agent-test-", dir="/var/lib")
    os.chmod(base, 0o755)
    made = Machine(pathlib.Path(base))
    yield made
    made.stop()


def failure(lines, slot):
    return next(line for line in lines if line.startswith(f"slot-failed {slot} "))


def test_hello(machine):
    session = machine.session()
    session.send(frame(wire.HELLO))
    lines, status = session.end()
    assert lines[0].split()[0] == "agent" and lines[0].split()[2] == "4"
    assert lines[1:] == ["slot www issuer", "service www web", "slot post issuer",
                         "service post web", "service post mail", "slot own target",
                         "slot alone issuer"]
    assert status == 0
    assert not list((machine.base / "tls").iterdir())


def test_hello_and_a_job(machine, ca):
    session = machine.session()
    session.send(frame(wire.HELLO))
    session.wait_for("slot")
    session.send(job(wire.INSTALL, [("www", None, ca.leaf("www.example.org"))]))
    session.wait_for("reloaded")
    session.send(frame(wire.COMMIT))
    lines, status = session.end()
    assert lines[-1] == "committed" and status == 0


def test_install(machine, ca):
    files = ca.leaf("www.example.org", "a.www.example.org")
    lines, status = machine.install(("www", files))
    assert lines == ["staged www", "switched", "tested", "reloaded", "committed"]
    assert status == 0 and machine.log() == ["test web", "reload web"]
    assert machine.at("www", "fullchain.pem").read_text() == files[CERT] + files[CHAIN]
    assert machine.at("www", "privkey.pem").read_text() == files[KEY]
    for name in FILES:
        assert os.readlink(machine.at("www", name)) == "live/" + name
        stat = machine.at("www", name).stat()
        assert stat.st_mode & 0o7777 == (0o640 if name == "privkey.pem" else 0o644)
        assert stat.st_gid == 1
    assert machine.at("www").stat().st_mode & 0o7777 == 0o755
    assert not machine.at("www", ".lock").exists()


def test_the_same_again_changes_nothing(machine, ca):
    files = ca.leaf("www.example.org")
    machine.install(("www", files))
    machine.log()
    before = walk(machine.base / "tls")
    lines, status = machine.install(("www", files))
    assert (lines, status) == (["unchanged www", "reloaded", "committed"], 0)
    assert walk(machine.base / "tls") == before and machine.log() == []
    # Rolled back, there is nothing to take back.
    lines, status = machine.install(("www", files), word=wire.ROLLBACK)
    assert lines[-1] == "rolled-back" and status == 1 and machine.log() == []
    assert walk(machine.base / "tls") == before
    # The issuer may ask for the reload.
    lines, status = machine.install(("www", files), anyway=True)
    assert lines == ["unchanged www", "tested", "reloaded", "committed"]
    assert machine.log() == ["test web", "reload web"]


def test_two_generations_are_kept(machine, ca):
    seen = []
    for _ in range(3):
        machine.install(("www", ca.leaf("www.example.org")))
        seen.append(machine.live("www"))
    assert len(set(seen)) == 3
    assert {at.name for at in machine.at("www").glob("gen-*")} == set(seen[1:])


@pytest.mark.parametrize("what", ["test-web-once", "reload-web-once", "test-web-hangs-once",
                                  "reload-web-hangs-once", "rollback", "cut", "silence", "hup"])
def test_put_back(machine, ca, what):
    old = ca.leaf("www.example.org")
    machine.install(("www", old))
    before, served = walk(machine.base / "tls"), (machine.base / "served-web").read_text()
    machine.log()
    if what.endswith("once"):  # as a service does that takes the old files well
        (machine.base / what).touch()
        if "hangs" in what:
            machine.hurry()
        lines, status = machine.install(("www", ca.leaf("www.example.org")))
        word = what.split("-")[0] + "-failed"
        assert lines[-1].startswith(word + " web: ")
        assert ("did not end within 3 s" if "hangs" in what else "status 3: web says no") in \
            lines[-1]
    else:
        session = machine.start(("www", ca.leaf("www.example.org")),
                                confirm=1 if what == "silence" else 60)
        session.wait_for("reloaded")
        # Who is silent has no time to look.
        assert what == "silence" or walk(machine.base / "tls") != before
        if what == "rollback":
            session.send(frame(wire.ROLLBACK))
        elif what == "cut":
            session.process.stdin.close()
        elif what == "hup":
            session.process.send_signal(signal.SIGHUP)
        lines, status = session.end(close=False)
        assert lines[-1] == "rolled-back"
    assert status == 1
    assert walk(machine.base / "tls") == before
    if not what.startswith("test"):
        assert (machine.base / "served-web").read_text() == served
    machine.whole("www")


def test_first_delivery_put_back_leaves_nothing(machine, ca):
    lines, _ = machine.install(("www", ca.leaf("www.example.org")), word=wire.ROLLBACK)
    assert lines[-1] == "rolled-back"
    assert list(machine.at("www").iterdir()) == []


def test_mail_host_is_one(machine, ca):
    """Two services on one certificate: all reloaded, or all put back."""
    machine.install(("post", ca.leaf("mail.example.org")))
    assert machine.log() == ["test web", "reload web", "reload mail"]
    cert = machine.whole("post")
    (machine.base / "reload-mail-fails").touch()
    lines, _ = machine.install(("post", ca.leaf("mail.example.org")))
    assert lines[-1].startswith("reload-failed mail: ")
    assert "the reload after it" in lines[-1]
    assert machine.whole("post") == cert
    assert cert in (machine.base / "served-web").read_text()
    # The second service did not take the old files either: the next run sees to it,
    # though they are the same.
    (machine.base / "reload-mail-fails").unlink()
    machine.log()
    files = {kind: machine.at("post", name).read_text() for kind, name in
             ((CERT, "cert.pem"), (CHAIN, "chain.pem"), (KEY, "privkey.pem"))}
    lines, _ = machine.install(("post", files))
    assert lines == ["unchanged post", "tested", "reloaded", "committed"]
    assert machine.log() == ["test web", "reload web", "reload mail"]


def test_two_slots_of_one_service_reload_once(machine, ca):
    lines, _ = machine.install(("www", ca.leaf("www.example.org")),
                               ("post", ca.leaf("mail.example.org")))
    assert lines == ["staged www", "staged post", "switched", "tested", "reloaded", "committed"]
    assert machine.log() == ["test web", "reload web", "reload mail"]


def test_formats(machine, ca):
    files = ca.leaf("mail.example.org")
    machine.install(("post", files))
    full = files[CERT] + files[CHAIN]
    assert machine.at("post", "combined.pem").read_text() == full + files[KEY]
    pem = subprocess.check_output(["openssl", "pkcs12", "-in", machine.at("post", "cert.p12"),
                                   "-passin", "pass:secret", "-nodes"], text=True)
    assert files[CERT] in pem and files[KEY].splitlines()[2] in pem
    der = subprocess.check_output(["openssl", "x509", "-inform", "DER", "-in",
                                   machine.at("post", "cert.der")], text=True)
    assert der == files[CERT]
    key = subprocess.check_output(["openssl", "pkey", "-inform", "DER", "-in",
                                   machine.at("post", "privkey.der")], text=True)
    assert key == files[KEY]
    for name in ("combined.pem", "cert.p12", "privkey.der"):
        assert machine.at("post", name).stat().st_mode & 0o777 == 0o600
    lines, _ = machine.install(("post", files))
    assert lines[0] == "unchanged post"


def test_a_format_less(machine, ca):
    """Its name goes with the next delivery, and comes back with the generation before."""
    machine.install(("post", ca.leaf("mail.example.org")))
    text = machine.policy.read_text()
    machine.policy.write_text(text.replace("formats: [pem, combined, der, pkcs12]", "formats: [pem]"))
    lines, _ = machine.install(("post", ca.leaf("mail.example.org")))
    assert lines[-1] == "committed", lines
    assert sorted(path.name for path in machine.at("post").glob("[a-z]*") if path.name[:4] != "gen-") \
        == sorted(["live", *FILES])
    machine.policy.write_text(text)
    assert machine.command("rollback", "post").returncode == 0
    for name in ("combined.pem", "cert.p12", "cert.der", "privkey.der"):
        assert machine.at("post", name).exists(), name


def test_refused(machine, ca):
    """Each with what must be said; nothing is written."""
    machine.install(("www", ca.leaf("www.example.org")))
    other = wire.Ca()
    rows = [
        ("nowhere", ca.leaf("www.example.org"), "no such slot"),
        ("www", ca.leaf("www.example.org", "evil.example.org"), "name evil.example.org"),
        ("www", ca.leaf("*.example.org"), "name *.example.org"),
        ("www", ca.leaf("b.a.www.example.org"), "name b.a.www.example.org"),
        ("www", ca.leaf("www.example.org", key=other.key), "another key"),
        ("www", ca.leaf("www.example.org", begin_days=-100), "expired"),
        ("www", ca.leaf("www.example.org", begin_days=2), "valid from"),
        ("www", ca.leaf("www.example.org", begin_days=-5), "older: refuse"),
        ("www", {**ca.leaf("www.example.org"), CHAIN: other.pem}, "chain"),
        ("www", {**ca.leaf("www.example.org"), KEY: "-----BEGIN PRIVATE KEY-----\nAAAA\n"
                 "-----END PRIVATE KEY-----\n"}, "private key"),
        ("www", {**ca.leaf("www.example.org"), CERT: "hello\n"}, "PEM"),
        ("own", ca.leaf("own.example.org"), "makes the key here"),
        ("www", {k: v for k, v in ca.leaf("www.example.org").items() if k != KEY}, "no key"),
    ]
    before = walk(machine.base / "tls" / "www")
    for slot, files, text in rows:
        lines, status = machine.install((slot, files))
        assert text in failure(lines, slot), (slot, text, lines)
        assert lines[-1] == "failed no slot could be staged" and status == 1
        assert walk(machine.base / "tls" / "www") == before, text
    assert not machine.at("nowhere").exists()
    assert machine.install(("alone", ca.leaf("alone.example.org")))[1] == 0
    assert machine.install(("alone", ca.leaf("alone.example.org", begin_days=-5)))[1] == 0


def test_refused_before_the_disk(machine, ca):
    """What can be seen without the slot's directory does not even make it."""
    good = ca.leaf("www.example.org")
    for slot, files in (
            ("www", ca.leaf("evil.example.org")),
            ("www", ca.leaf("www.example.org", key=wire.Ca().key)),
            ("www", ca.leaf("www.example.org", begin_days=-100)),
            ("www", ca.leaf("www.example.org", begin_days=2)),
            ("www", {**good, CHAIN: wire.Ca().pem}),
            ("www", {**good, CERT: ca.pem, KEY: wire.key_pem(ca.key)}),
            ("www", {k: v for k, v in good.items() if k != KEY}),
            ("own", ca.leaf("own.example.org"))):
        lines, status = machine.install((slot, files))
        assert failure(lines, slot) and status == 1
        assert not list((machine.base / "tls").iterdir()), lines


def test_weak_key(machine, ca):
    from cryptography.hazmat.primitives.asymmetric import rsa
    weak = rsa.generate_private_key(65537, 1024)
    files = {**ca.leaf("www.example.org", public=weak.public_key()), KEY: wire.key_pem(weak)}
    lines, _ = machine.install(("www", files))
    assert "kind that is not used" in failure(lines, "www")


def test_one_slot_fails_alone(machine, ca):
    lines, status = machine.install(("www", ca.leaf("evil.example.org")),
                                    ("post", ca.leaf("mail.example.org")))
    assert failure(lines, "www") and lines[-1] == "committed" and status == 0


CRAFTED = {
    "nothing": b"",
    "half a header": frame(wire.HELLO)[:5],
    "another magic": frame(wire.HELLO, magic=b"SSH-"),
    "another version": frame(wire.HELLO, version=2),
    "unknown type": frame(99),
    "type 0": frame(0),
    "hello with bytes": frame(wire.HELLO, b"x"),
    "two hellos": frame(wire.HELLO) * 2,
    "slot first": frame(wire.SLOT, b"www"),
    "commit first": frame(wire.COMMIT),
    "too long": b"CFRA" + struct.pack(">BBHI", 1, 2, 0, 2**31),
    "a path for a slot": job(wire.INSPECT, [("../../etc", None, {})]),
    "an unknown job": frame(wire.JOB, b"\x09\x00\x00\x05"),
    "confirm 0": frame(wire.JOB, b"\x01\x00\x00\x00"),
    "digest": job(wire.INSPECT, [("www", None, {})], digest=b"x" * 32),
    "no slot": job(wire.INSPECT, []),
    "twice": job(wire.INSPECT, [("www", None, {}), ("www", None, {})]),
    "files in inspect": job(wire.INSPECT, [("www", None, {CERT: "x\n"})]),
    "key file twice": frame(wire.JOB, b"\x01\x00\x00\x05") + frame(wire.SLOT, b"www") +
                      frame(wire.FILE, b"\x03x\n") * 2,
    "bytes in PEM": job(wire.INSTALL, [("www", None, {CERT: "\x00\n", CHAIN: ""})]),
    "unknown file": frame(wire.JOB, b"\x01\x00\x00\x05") + frame(wire.SLOT, b"www") +
                    frame(wire.FILE, b"\x04x\n"),
    "over a megabyte": frame(wire.JOB, b"\x01\x00\x00\x05") + b"".join(
        frame(wire.SLOT, b"s%d" % i) + frame(wire.FILE, b"\x01" + b"A" * 200000 + b"\n") +
        frame(wire.FILE, b"\x02") for i in range(6)),
    "request without names": job(wire.CSR, [("own", ["ec-256"], {})]),
    "request for ed25519": job(wire.CSR, [("own", ["ed25519", "own.example.org"], {})]),
    "request with a path": job(wire.CSR, [("own", ["ec-256", "../x"], {})]),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted(machine, name):
    before = walk(machine.base)
    session = machine.session()
    session.send(CRAFTED[name])
    lines, status = session.end()
    assert lines[-1].startswith("failed ") and status == 1, lines
    (machine.base / "state").exists() and shutil.rmtree(machine.base / "state")
    assert walk(machine.base) == before


def test_200_crafted_jobs(machine, ca):
    """Bytes changed and a right digest for them: what is taken is whole, all else refused."""
    chance = random.Random(4)
    machine.install(("www", ca.leaf("www.example.org")))
    before = walk(machine.base / "tls")
    # For a slot that is not its own, so that no mutation can be a right one.
    whole = job(wire.INSTALL, [("alone", None, ca.leaf("www.example.org"))])[:-44]
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at = chance.choice([chance.randrange(len(data)), chance.randrange(64)])
            data[at:at + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 3))
        session = machine.session()
        session.send(bytes(data) + frame(wire.END, hashlib.sha256(data).digest()))
        lines, status = session.end()
        assert lines[-1].startswith("failed ") and status == 1
    assert walk(machine.base / "tls") == before


def test_policy_changed_meanwhile(machine, ca):
    """A session ends by the policy it began with; the next one has the new."""
    session = machine.start(("www", ca.leaf("www.example.org")))
    session.wait_for("reloaded")
    machine.policy.write_text(machine.policy.read_text().replace("[www.example.org,",
                                                                 "[web.example.org,"))
    session.send(frame(wire.COMMIT))
    assert session.end()[0][-1] == "committed"
    lines, _ = machine.install(("www", ca.leaf("www.example.org")))
    assert "does not allow the name www.example.org" in failure(lines, "www")


def test_cut_at_every_frame(machine, ca):
    machine.install(("www", ca.leaf("www.example.org")))
    before = walk(machine.base / "tls")
    whole = job(wire.INSTALL, [("www", None, ca.leaf("www.example.org"))])
    for cut in range(1, len(whole), 97):
        session = machine.session()
        session.send(whole[:cut])
        assert session.end()[1] == 1
    assert walk(machine.base / "tls") == before


def test_inspect_and_check(machine, ca):
    files = ca.leaf("www.example.org")

    def ask(kind, *slots):
        session = machine.session()
        session.send(job(kind, slots))
        return session.end()
    assert ask(wire.INSPECT, ("www", None, {})) == (["live www none"], 0)
    assert ask(wire.CHECK, ("www", ["ec-256", "www.example.org"], {})) == \
        (["checked www", "tested"], 0)
    assert "evil.org" in failure(ask(wire.CHECK, ("www", ["ec-256", "evil.org"], {}))[0], "www")
    assert not machine.at("www").exists()
    machine.install(("www", files))
    texts = [machine.at("www", name).read_bytes() for name in FILES]
    sums = [hashlib.sha256(b"".join(texts[:count])).hexdigest() for count in (4, 3)]
    assert ask(wire.INSPECT, ("www", None, {}))[0] == \
        [f"live www {sums[0]} 0640 root:daemon {sums[1]}"]
    os.chmod(machine.at("www", "privkey.pem"), 0o644)
    assert ask(wire.INSPECT, ("www", None, {}))[0] == \
        [f"live www {sums[0]} other owner or mode {sums[1]}"]
    lines, _ = machine.install(("www", files))
    assert lines[0] == "staged www"


def make_request(machine, *names, kind="ec-256"):
    from cryptography import x509
    session = machine.session()
    session.send(job(wire.CSR, [("own", [kind, *names], {})]))
    lines, status = session.end()
    if status:
        return lines
    count = int(lines[0].removeprefix("csr own "))
    assert len(lines) == count + 1
    csr = x509.load_pem_x509_csr("\n".join(lines[1:]).encode())
    assert csr.is_signature_valid
    return csr


def test_key_on_target(machine, ca):
    names = ["own.example.org"]
    assert "evil.org" in failure(make_request(machine, "evil.org"), "own")
    csr = make_request(machine, *names)
    again = make_request(machine, *names)
    assert csr.public_key().public_numbers() == again.public_key().public_numbers()
    lines, status = machine.install(("own", ca.leaf(*names)))
    assert "makes the key here" in failure(lines, "own")
    lines, _ = machine.install(("own", {k: v for k, v in ca.leaf(*names).items() if k != KEY}))
    assert lines[0].startswith("no-key own the certificate is for a key that is not")
    files = ca.leaf(*names, public=csr.public_key())
    lines, status = machine.install(("own", files), word=wire.ROLLBACK)
    assert lines[-1] == "rolled-back"
    lines, status = machine.install(("own", files))
    assert lines[-1] == "committed"
    cert = machine.whole("own")
    assert cert == files[CERT]
    assert not machine.at("own", ".request").exists()
    # Redelivered; and the next request has a fresh key.
    assert machine.install(("own", files))[0][0] == "unchanged own"
    fresh = make_request(machine, *names)
    assert fresh.public_key().public_numbers() != csr.public_key().public_numbers()


def test_kill_at_each_phase(machine, ca):
    """SIGKILL while each step is at work: a pair is live, and the next run ends it."""
    machine.install(("www", ca.leaf("www.example.org")))
    for phase in ("test-web-slow", "reload-web-slow", "word"):
        old = machine.whole("www")
        files = ca.leaf("www.example.org")
        session = machine.start(("www", files))
        if phase == "word":
            session.wait_for("reloaded")
        else:
            (machine.base / phase).touch()
            session.wait_for("switched" if phase.startswith("test") else "tested")
        session.process.kill()
        session.process.wait()
        assert machine.whole("www") in (old, files[CERT])
        (machine.base / phase).unlink(missing_ok=True)
        machine.log()
        lines, status = machine.install(("www", files))
        assert lines == ["unchanged www", "tested", "reloaded", "committed"], phase
        assert "reload web" in machine.log()
        assert files[CERT] in (machine.base / "served-web").read_text()


def traced(machine, files, *options):
    """A whole delivery under strace, or as much as there is of it."""
    session = machine.session("strace", "-f", "-qq", *options)
    session.send(job(wire.INSTALL, [("www", None, files)]))
    while (line := session.line()) is not None:
        if line == "reloaded":
            session.send(frame(wire.COMMIT))
    session.end()


def test_kill_at_system_calls(machine, ca, tmp_path, request):
    """SIGKILL of agent and runner at a sample of their system calls; at all of them with
    --full. Old or new is live, never a mixture, and the next run ends it."""
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    files = ca.leaf("www.example.org")
    machine.install(("www", files))
    traced(machine, ca.leaf("www.example.org"), "-o", str(tmp_path / "trace"))
    counts = collections.Counter()
    for line in (tmp_path / "trace").read_text().splitlines():
        if match := re.match(r"(\d+) +([a-z0-9_]+)\(", line):
            counts[match.groups()] += 1
    most = collections.Counter()
    for (_, call), count in counts.items():
        most[call] = max(most[call], count)
    points = [(call, when) for call in sorted(most) for when in range(1, most[call] + 1)]
    assert len(points) > 200
    if not request.config.getoption("--full"):
        points = random.Random(7).sample(points, 20)
    machine.install(("www", files), anyway=True)
    for call, when in points:
        old, files = machine.whole("www"), ca.leaf("www.example.org")
        traced(machine, files, "-o", "/dev/null", "-e", f"trace={call}", "-e",
               f"inject={call}:signal=SIGKILL:when={when}")
        assert machine.whole("www") in (old, files[CERT]), (call, when)
        lines, status = machine.install(("www", files))
        assert status == 0 and lines[-1] == "committed", (call, when, lines)
        assert machine.whole("www") == files[CERT]
        assert not list(machine.at("www").glob(".new-*"))
        assert files[CERT] in (machine.base / "served-web").read_text(), (call, when)


def test_two_at_once(machine, ca):
    """The second leaves the slot out; another slot of the service waits for its turn."""
    first = machine.start(("www", ca.leaf("www.example.org")))
    first.wait_for("reloaded")
    lines, _ = machine.install(("www", ca.leaf("www.example.org")))
    assert "another agent is at work" in failure(lines, "www")
    second = machine.start(("post", ca.leaf("mail.example.org")))
    second.wait_for("staged")
    time.sleep(0.5)
    assert machine.log() == ["test web", "reload web"]
    first.send(frame(wire.COMMIT))
    assert first.end()[0][-1] == "committed"
    second.wait_for("reloaded")
    second.send(frame(wire.COMMIT))
    assert second.end()[0][-1] == "committed"


def test_disk_full(machine, ca):
    machine.install(("www", ca.leaf("www.example.org")))
    tiny = machine.base / "tls" / "post"
    tiny.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,mode=755", "none", tiny],
                      capture_output=True, check=False).returncode:
        pytest.skip("cannot mount here")
    try:
        lines, status = machine.install(("post", ca.leaf("mail.example.org")),
                                        ("www", ca.leaf("www.example.org")))
        assert "No space left" in failure(lines, "post") and status == 0
        assert lines[-1] == "committed"
        assert list(tiny.iterdir()) == []
    finally:
        subprocess.run(["umount", tiny], check=True)


def test_read_only(machine, ca):
    machine.install(("www", ca.leaf("www.example.org")))
    cert, at = machine.whole("www"), machine.at("www")
    if subprocess.run(["mount", "--bind", at, at], capture_output=True,
                      check=False).returncode:
        pytest.skip("cannot mount here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", at], check=True)
        lines, _ = machine.install(("www", ca.leaf("www.example.org")))
        assert "Read-only file system" in failure(lines, "www")
        session = machine.session()
        session.send(job(wire.CHECK, [("www", None, {})]))
        assert "read-only" in failure(session.end()[0], "www")
    finally:
        subprocess.run(["umount", at], check=True)
    assert machine.whole("www") == cert


def test_links_do_not_lead_out(machine, ca):
    outside = machine.base / "outside"
    outside.mkdir()
    os.symlink(outside, machine.at("www"))
    lines, _ = machine.install(("www", ca.leaf("www.example.org")))
    assert "is a link" in failure(lines, "www")
    machine.at("www").unlink()
    machine.at("www").mkdir()
    machine.at("www", "privkey.pem").symlink_to(outside / "key")
    lines, _ = machine.install(("www", ca.leaf("www.example.org")))
    assert "move it away" in failure(lines, "www")
    machine.at("www", "privkey.pem").unlink()
    machine.at("www", "live").symlink_to(outside)
    lines, _ = machine.install(("www", ca.leaf("www.example.org")))
    assert "live is there and is not a link" in failure(lines, "www")
    machine.at("www", "live").unlink()
    os.chown(machine.at("www"), 1, 1)
    lines, _ = machine.install(("www", ca.leaf("www.example.org")))
    assert "belongs to uid 1" in failure(lines, "www")
    assert list(outside.iterdir()) == []


def test_policy_must_be_roots(machine, ca):
    for change in (lambda: os.chmod(machine.policy, 0o666),
                   lambda: os.chown(machine.policy, 1, 1),
                   lambda: os.chmod(machine.base, 0o777)):
        change()
        session = machine.session()
        session.send(frame(wire.HELLO))
        lines, status = session.end()
        assert lines[0].startswith("failed the policy") and status == 2
        assert machine.command("check").returncode == 2
        os.chmod(machine.base, 0o755)
        os.chmod(machine.policy, 0o644)
        os.chown(machine.policy, 0, 0)
    assert machine.command("check").returncode == 0


def test_commands(machine, ca):
    done = machine.command("check")
    assert done.returncode == 0, done
    for text in ("www.example.org, *.www.example.org", "is made here and never leaves",
                 "cert.p12", "The policy is right."):
        assert text in done.stdout
    first = ca.leaf("www.example.org")
    machine.install(("www", first))
    assert machine.command("rollback", "www").returncode == 3
    machine.install(("www", ca.leaf("www.example.org")))
    newer = machine.whole("www")
    assert "2 kept" in machine.command("status", "www").stdout
    (machine.base / "test-web-fails").touch()
    done = machine.command("rollback", "www")
    assert done.returncode == 7 and "all is as it was" in done.stderr
    assert machine.whole("www") == newer
    (machine.base / "test-web-fails").unlink()
    assert machine.command("rollback", "www").returncode == 0
    assert machine.whole("www") == first[CERT]
    assert first[CERT] in (machine.base / "served-web").read_text()
    assert machine.command("status", "no").returncode == 3
    assert machine.command("frobnicate").returncode == 2


def test_shell_and_agent_follow_each_other(machine, ca):
    """The lock of a dead shell run is taken over, and what it began is brought to an end."""
    files = ca.leaf("www.example.org")
    machine.install(("www", files))
    machine.log()
    lock = machine.at("www", ".lock")
    lock.mkdir()
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    (lock / "holder").write_text(f"{os.getpid()} {boot}\n")
    lines, _ = machine.install(("www", files))
    assert "another run (process" in failure(lines, "www") and lock.exists()
    (lock / "holder").write_text(f"4000000 {boot}\n")
    lines, _ = machine.install(("www", files))
    assert lines == ["unchanged www", "tested", "reloaded", "committed"]


def test_as_a_user_of_its_own(machine, ca):
    """Files, directories and locks are the user's; commands may still become root."""
    serve = machine.base / "serve"
    serve.write_text("#!/bin/sh\ngrep NoNewPrivs /proc/self/status >>%s/tls/www/.log; id -u "
                     ">>%s/tls/www/.log\n" % (machine.base, machine.base))
    text = machine.policy.read_text().replace("group: daemon", "owner: daemon\n    group: daemon")
    machine.policy.write_text(text)
    for name in ("state", "tls/www"):
        (machine.base / name).mkdir()
        os.chown(machine.base / name, 1, 1)

    def install(files):
        session = machine.session("setpriv", "--reuid", "1", "--regid", "1", "--clear-groups")
        session.send(job(wire.INSTALL, [("www", None, files)]))
        while (line := session.line()) not in ("reloaded", None):
            pass
        session.send(frame(wire.COMMIT))
        return session.end()
    lines, status = install(ca.leaf("www.example.org"))
    assert lines == ["staged www", "switched", "tested", "reloaded", "committed"]
    assert machine.at("www", "privkey.pem").stat().st_uid == 1
    assert machine.at("www", ".log").read_text().split() == ["NoNewPrivs:", "0", "1"] * 2
    os.chown(machine.at("www"), 0, 0)
    assert "belongs to uid 0, and we are 1" in failure(install(ca.leaf("www.example.org"))[0],
                                                       "www")


@pytest.mark.own_mounts
def test_sudo_for_the_reload(machine, ca):
    """A user of its own and one literal line of sudoers: the reload is root's."""
    if not shutil.which("sudo"):
        pytest.skip("no sudo here")
    sudoers = machine.base / "sudoers"
    sudoers.write_text(f"daemon ALL=(root) NOPASSWD: {machine.base}/serve reload web\n")
    sudoers.chmod(0o440)
    text = machine.policy.read_text().replace("group: daemon", "owner: daemon\n    group: daemon")
    text = text.replace(f"reload: [{machine.base}/serve, reload, web]",
                        f"reload: [sudo, -n, {machine.base}/serve, reload, web]")
    text = text.replace(f"    test: [{machine.base}/serve, test, web]\n", "")
    machine.policy.write_text(text)
    for name in ("state", "tls/www"):
        (machine.base / name).mkdir()
        os.chown(machine.base / name, 1, 1)
    files = ca.leaf("www.example.org")
    # In a namespace of its own, so that this machine's sudoers stay as they are.
    session = machine.session(
        "unshare", "-m", "sh", "-c", f"mount --bind {sudoers} /etc/sudoers && exec \"$@\"", "sh",
        "setpriv", "--reuid", "1", "--regid", "1", "--clear-groups")
    session.send(job(wire.INSTALL, [("www", None, files)]))
    while (line := session.line()) not in ("reloaded", None):
        pass
    session.send(frame(wire.COMMIT))
    lines, status = session.end()
    assert lines == ["staged www", "switched", "reloaded", "committed"], lines
    served = machine.base / "served-web"
    assert served.read_text() == files[CERT] + files[CHAIN] and served.stat().st_uid == 0


def test_example_is_right(machine):
    example = pathlib.Path(__file__).parents[2] / "packaging/agent.yaml.example"
    machine.policy.write_text(example.read_text())
    done = machine.command("check")
    # Here may be no group ssl-cert; all else must be right.
    wrong = [line for line in done.stdout.splitlines() if "WRONG" in line]
    assert all("in /etc/passwd or no group" in line for line in wrong) and not done.stderr


def test_no_process_stays(machine, ca):
    """Whatever way a session ends, the process that runs commands ends too."""
    machine.install(("www", ca.leaf("www.example.org")))
    session = machine.start(("www", ca.leaf("www.example.org")))
    session.wait_for("reloaded")
    group = subprocess.check_output(["pgrep", "-f", str(machine.policy)], text=True).split()
    assert len(group) == 2
    session.process.kill()
    session.process.wait()
    wait_for("the other one ends", lambda: subprocess.run(
        ["pgrep", "-f", str(machine.policy)], stdout=subprocess.DEVNULL, check=False).returncode)


def memory(pid):
    """What the kernel says of a process's memory, in KiB, and everything else."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {name: int(value) for name, value in re.findall(r"(\w+):\s+(\d+) kB", status)}, status


@pytest.mark.parametrize("digest", ["SHA224", "SHA384", "SHA512", "SHA3_256", "SHA3_512"])
def test_signed_with(machine, digest):
    """OpenSSL is started with few of its algorithms: what a private CA may sign with is among
    them. By RSA, since OpenSSL 3.0 knows no ECDSA with SHA-3."""
    files = wire.Ca(rsa.generate_private_key(65537, 2048)).leaf(
        "www.example.org", digest=getattr(hashes, digest)())
    assert machine.install(("www", files))[0][-1] == "committed"


MEMORY_KIB = 4096


@pytest.mark.parametrize("slot, kind", [("www", "ec"), ("www", "rsa4096"), ("post", "rsa4096")])
def test_memory(machine, ca, slot, kind):
    """4 MiB resident, all that the kernel counts, for each of the two processes, also with
    every format. Of the program that is shipped (one file, linked statically): the stage
    "installed" of test.sh."""
    if not IS_STATIC:
        pytest.skip("not the program that is shipped")
    key = (rsa.generate_private_key(65537, 4096) if kind == "rsa4096"
           else ec.generate_private_key(ec.SECP256R1()))
    names = ["mail.example.org"] if slot == "post" else [
        f"h{n}.www.example.org" for n in range(50)]
    files = ca.leaf(*names, public=key.public_key())
    files[KEY] = wire.key_pem(key)
    session = machine.start((slot, files))
    session.wait_for("reloaded")
    pid = session.process.pid
    runner = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    has, status = memory(pid)
    runs, runs_status = memory(runner[0])
    session.send(frame(wire.COMMIT))
    assert session.end()[0][-1] == "committed"
    assert len(runner) == 1 and "Seccomp:\t2" in status
    assert has["VmHWM"] <= MEMORY_KIB and runs["VmHWM"] <= MEMORY_KIB, (status, runs_status)
    print({key: (has[key], runs[key]) for key in ("VmHWM", "RssAnon")})


def test_it_needs_nothing_of_the_server(machine):
    """The program that is shipped runs where is no library, of whatever kind and version:
    here, in a directory with nothing but its policy and the two lists of accounts."""
    if not IS_STATIC:
        pytest.skip("not the program that is shipped")
    for name in ("etc", "tls", "run"):
        (machine.base / name).mkdir(exist_ok=True)
    for name in ("passwd", "group"):
        shutil.copy(f"/etc/{name}", machine.base / "etc")
    shutil.copy(PROGRAM, machine.base / "run/certferry-agent")
    machine.policy.write_text(f"""
version: 1
services:
  web: {{reload: [/run/certferry-agent, --version]}}
slots:
  www:
    names: [www.example.org]
    directory: /tls/www
    group: daemon
    services: [web]
""")
    done = subprocess.run(["chroot", machine.base, "/run/certferry-agent", "--policy",
                           "/agent.yaml", "check"], text=True, check=False, capture_output=True)
    assert done.returncode == 0 and "WRONG" not in done.stdout, done
