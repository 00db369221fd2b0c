# SPDX-License-Identifier: Apache-2.0
"""The deploy key in the wrong hands, and the line of authorized_keys that certferry writes.

Whatever OpenSSH's client can ask for is asked for, and 200 crafted jobs are sent; then all
that is on the server is as it was, to the byte, mode, owner and time, and no process and no
listener stays. The same ways in are tried with a line without restrictions, so that one
sees that each of them can succeed.
"""

import concurrent.futures
import contextlib
import hashlib
import random
import shutil
import string
import struct
import subprocess
import tempfile

import pytest

import agent_wire as wire
from agent_wire import CERT, CHAIN, KEY, frame, job
from fleet import SLOT, ZONE
from hosts import copy_program
from net import wait_for
from test_agent_install import run_script, simple_world
from thief import PORT, WAYS, Jail, Thief, can_tunnel, machine_tree

pytestmark = pytest.mark.own_mounts

NAMES = (ZONE, f"web-1.srv.{ZONE}")
RELOAD = "#!/bin/sh\nenv >>/var/log/reloads\n"
# What the agent touches to see whether somebody else is at work: only when, not what.
TOUCHED = ("var/lib/certferry-agent", "etc/ssl/certferry/www")


@pytest.fixture
def make(world):
    """A server that was set up by `certferry agent script`, and its thief."""
    def one(user="root", lines=lambda line: line, tunnel=True):
        host = simple_world(world, user=user, reload=["/usr/bin/reload-service"], names=[ZONE],
                            install={"directory": SLOT})
        world.running.append(host)
        host.write("usr/bin/reload-service", RELOAD, 0o755)
        (host.root / "var/log/reloads").touch(mode=0o666)
        (host.root / "var/log/reloads").chmod(0o666)
        for tool in ("scp", "env"):
            copy_program(host.root, tool)
        script = world.certferry.good("agent", "script", "web-1", "--from", "127.0.0.1").out
        done = run_script(host, script)
        assert done.returncode == 0, done
        jail = Jail(host, tunnel)
        stack.callback(jail.stop)
        # Paths of sockets must be short.
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="thief-", dir="/tmp"))
        thief = Thief(jail, directory, user)
        stack.callback(thief.end)
        # The line that was written, with the thief's key for the deploy key.
        deploy = " ".join(world.public_key.split()[:2])
        file = thief.home / ".ssh/authorized_keys"
        line = file.read_text()
        assert line.startswith('restrict,command="/usr/sbin/certferry-agent session",') and \
            line.count(deploy) == 1 and line.count("\n") == 1, line
        file.write_text(lines(line.replace(deploy, thief.public)))
        rc = thief.home / ".ssh/rc"
        rc.write_text("touch /tmp/rc-ran\n")
        jail.start()
        return thief

    with contextlib.ExitStack() as stack:
        yield one


def clean(tree):
    """Without the times of what is touched by rights."""
    return {name: row[:4] if name in TOUCHED else row for name, row in tree.items()}


def difference(one, other):
    return {name: (one.get(name), other.get(name)) for name in one.keys() | other.keys()
            if one.get(name) != other.get(name)}


def still(jail):
    wait_for("no process stays", lambda: not jail.processes(), seconds=60)
    wait_for("no listener stays", lambda: jail.listeners() == {PORT, 8008}, seconds=60)


def try_all(thief, ways):
    """Which of them had an effect."""
    found = set()
    for name in ways:
        if WAYS[name](thief):
            found.add(name)
        thief.end()
        still(thief.jail)
        for made in [thief.loot, thief.directory / "agent", thief.directory / "hole",
                     thief.directory / "control", *(thief.root / "tmp").glob("*")]:
            if made.is_dir():
                shutil.rmtree(made)
            else:
                made.unlink(missing_ok=True)
    return found


def test_each_way_in_can_succeed(make):
    """Or else the next test would say nothing."""
    thief = make(lines=lambda line: line[line.index("ssh-ed25519"):])
    ways = set(WAYS)
    if not can_tunnel():
        ways.remove("-w")
    assert ways - try_all(thief, sorted(ways)) == set()


@pytest.mark.parametrize("user", ["root", "certferry"])
def test_no_way_in(make, user):
    """PermitTunnel is the one thing that no word of authorized_keys can take back: who
    has allowed it (it is off where nobody has) lets root's keys make a tun device."""
    thief = make(user, tunnel=user != "root")
    jail = thief.jail
    assert thief.deliver(wire.Ca().leaf(*NAMES))[-1] == "committed"
    still(jail)
    before, machine = clean(jail.tree()), machine_tree()
    found = set()
    for name, way in WAYS.items():
        if way(thief):
            found.add(name)
        thief.end()
        still(jail)
    assert found == set()
    assert difference(before, clean(jail.tree())) == {}
    assert difference(machine, machine_tree()) == {}
    # What the key is for, it still does.
    assert thief.deliver(wire.Ca().leaf(*NAMES))[-1] == "committed"


def test_from_elsewhere(make):
    """from= of the line: the key is nothing on another machine."""
    thief = make()
    assert thief.run(send=frame(wire.HELLO), patience=60)[1] == 0
    out, status = thief.run(send=frame(wire.HELLO), options=["-b", "127.0.0.2"], patience=60)
    assert status == 255 and b"Permission denied" in out, out


def test_a_command_is_answered(make):
    """`ssh server id`, of somebody who means no harm: it is said what this key is for."""
    thief = make()
    for words, send in [(["id"], b""), (["id"], b"ls -l\n" * 10), ([], b"")]:
        out, status = thief.run(*words, send=send, patience=60)
        assert status == 1 and b"uid=" not in out, out
        assert b"this key may run certferry-agent and nothing else; nothing was done" in out, out
    # An issuer that is understood is told what is wrong and no more.
    out, status = thief.run(send=frame(wire.HELLO) + b"certainly no frame", patience=60)
    assert b"failed " in out and b"this key" not in out, out


# -- crafted frames

PARTS = 18  # how many of each kind; with those that are written out, 200 and some


def pieces(data):
    """The frames of a job, one by one."""
    found = []
    while data:
        size = 12 + int.from_bytes(data[8:12], "big")
        found.append(data[:size])
        data = data[size:]
    return found


def signed(frames):
    """With the digest that they must have."""
    data = b"".join(frames)
    return data + frame(wire.END, hashlib.sha256(data).digest())


def changed_bytes(chance, frames):
    data = bytearray(b"".join(frames))
    for _ in range(chance.randint(1, 4)):
        at = chance.choice([chance.randrange(len(data)), chance.randrange(64)])
        data[at:at + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 3))
    return signed([bytes(data)])


def changed_length(chance, frames):
    frames = list(frames)
    at = chance.randrange(len(frames))
    length = chance.choice([0, 1, len(frames[at]) - 13, len(frames[at]) - 11, 262144, 262145,
                            2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])
    frames[at] = frames[at][:8] + struct.pack(">I", length) + frames[at][12:]
    return signed(frames)


def changed_type(chance, frames):
    frames = list(frames)
    at = chance.randrange(len(frames))
    kind = chance.choice([number for number in (*range(9), 127, 128, 255)
                          if number != frames[at][5]])
    frames[at] = frames[at][:5] + bytes([kind]) + frames[at][6:]
    return signed(frames)


def changed_order(chance, frames):
    frames = list(frames)
    while True:
        chance.shuffle(frames)
        # A chain before its certificate is the same job.
        if frames[0][5] != wire.JOB or frames[1][5] != wire.SLOT:
            return signed(frames)


def one_twice_or_none(chance, frames):
    frames = list(frames)
    at = chance.randrange(len(frames))
    frames[at:at + 1] = [frames[at]] * chance.choice([0, 2, 3])
    return signed(frames)


def another_digest(chance, frames):
    return b"".join(frames) + frame(wire.END, chance.randbytes(chance.choice([32, 32, 0, 31, 33])))


def cut_short(chance, frames):
    whole = signed(frames)
    return whole[:chance.randrange(len(whole) - 1)]


def zeros(chance, frames):
    data = bytearray(b"".join(frames))
    at = chance.randrange(12, len(data))
    data[at:at + chance.randint(1, 40)] = b"\0" * chance.randint(1, 40)
    return signed([bytes(data)])


def words_between(chance, frames):
    """COMMIT and ROLLBACK before there is anything, HELLO in the middle."""
    frames = list(frames)
    frames.insert(chance.randrange(1, len(frames) + 1),
                  frame(chance.choice([wire.HELLO, wire.COMMIT, wire.ROLLBACK])))
    return signed(frames)


SLOTS = ["../www", "/etc/ssl/certferry/www", "www/../../etc", ".", "..", ".ssh", "-rf", "www\0",
         "www\0x", "www/", "www ", " www", "www\n", "WWW", "ww", "wwww", "*", "$(id)", "`id`",
         "%s%n", "", "w" * 64, "w" * 65, "w" * 4096, "\u00fcml", "www;id", "~root", "CON",
         "www\r\ncertferry-1 committed"]


def crafted(ca):
    """(name, bytes) of each; the same ones every time."""
    chance = random.Random(44)
    foreign = pieces(job(wire.INSTALL, [("www", None, ca.leaf("evil.example.net"))]))[:-1]
    ours = ca.leaf(*NAMES)
    misfit = pieces(job(wire.INSTALL, [("www", None, {**ours, KEY: wire.key_pem(ca.key)})]))[:-1]
    for change in (changed_bytes, changed_length, changed_type, changed_order, zeros,
                   one_twice_or_none, another_digest, cut_short, words_between):
        for number in range(PARTS):
            yield (f"{change.__name__} {number}",
                   change(chance, foreign if number % 2 else misfit))
    for slot in SLOTS:
        yield f"slot {slot!r}", job(wire.INSTALL, [(slot, None, ours)])
    bad = wire.Ca()
    rows = {
        "nothing": b"",
        "a shell": b"touch /tmp/pwned\n" * 100,
        "noise": chance.randbytes(100000),
        "frames and frames": frame(wire.HELLO) * 1000,
        "huge": job(wire.INSTALL, [("www", None, {**ours, CHAIN: ca.pem * 500})]),
        "too many slots": job(wire.INSTALL, [(f"s{n}", None, ours) for n in range(65)]),
        "other name": job(wire.INSTALL, [("www", None, ca.leaf(f"x.{ZONE}"))]),
        "one name too many": job(wire.INSTALL, [("www", None, ca.leaf(*NAMES, f"x.{ZONE}"))]),
        "expired": job(wire.INSTALL, [("www", None, ca.leaf(*NAMES, begin_days=-100))]),
        "not yet": job(wire.INSTALL, [("www", None, ca.leaf(*NAMES, begin_days=3))]),
        "older": job(wire.INSTALL, [("www", None, ca.leaf(*NAMES, begin_days=-9))]),
        "another chain": job(wire.INSTALL, [("www", None, {**ours, CHAIN: bad.pem})]),
        "another key": job(wire.INSTALL, [("www", None, ca.leaf(*NAMES, key=bad.key))]),
        "a request where none is": job(wire.CSR, [("www", ["ec-256", ZONE], {})]),
    }
    yield from rows.items()


def only_words(text):
    """What comes back: whole lines, printable, of this protocol."""
    return all(line.startswith(b"certferry-1 ") and set(line.decode()) <= set(string.printable)
               for line in text.splitlines())


def test_200_crafted_frames(make):
    """By way of one connection, four at a time."""
    thief = make()
    jail = thief.jail
    ca = wire.Ca()
    assert thief.deliver(ca.leaf(*NAMES))[-1] == "committed"
    frames = list(crafted(ca))
    assert len(frames) >= 200
    shared = ["-o", f"ControlPath={thief.directory}/control"]
    thief.hold(options=["-M", "-N", *shared], until=(thief.directory / "control").exists)
    before, machine = clean(jail.tree()), machine_tree()

    def send(row):
        words = [*jail.inside(), "ssh", *thief.options(*shared), thief.address]
        return row[0], subprocess.run(words, input=row[1], capture_output=True, timeout=120,
                                      env=thief.environment())

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for name, done in pool.map(send, frames):
            assert done.returncode == 1 and only_words(done.stdout) and not done.stderr and \
                b"failed " in done.stdout, (name, done)
    thief.end()
    still(jail)
    assert difference(before, clean(jail.tree())) == {}
    assert difference(machine, machine_tree()) == {}
    assert thief.deliver(ca.leaf(*NAMES))[-1] == "committed"


def test_environment_of_commands(make):
    """What the client sends along is not in the environment of a reload."""
    thief = make("certferry")
    sent = ["-o", "SendEnv=LC_* LANG ENV BASH_ENV SSH_ORIGINAL_COMMAND", "-o",
            "SetEnv=LC_EVIL=pwned"]
    assert thief.deliver(wire.Ca().leaf(*NAMES), options=sent)[-1] == "committed"
    seen = (thief.root / "var/log/reloads").read_text()
    assert "PATH=" in seen and "pwned" not in seen and "LC_EVIL" not in seen, seen
    assert not thief.pwned()
