# SPDX-License-Identifier: Apache-2.0
"""What a worker that a hostile server has taken over can make certferry do.

In place of certferry-ssh-worker stands a script that says what it likes. The parent must
sign nothing but one login of its own user, wait no longer than its deadline, and end with
a sentence.
"""
import os
import shutil
import struct
import subprocess
import tempfile
import time

import pytest

BUILD = os.environ.get(
    "CERTFERRY_BUILD", os.path.join(os.path.dirname(__file__), "../../build/dev"))
TRY = BUILD + "/tests/ssh_try"

PRELUDE = """#!/usr/bin/python3 -I
import socket, struct
parent = socket.socket(fileno=3)
OPEN, SIGNATURE, EXEC, STDIN, STDIN_EOF, HOST_KEY, SIGN, READY, STDOUT, STDERR, EXIT, FAILED = range(1, 13)
def string(b): return struct.pack(">I", len(b)) + b
def send(kind, data=b""): parent.send(bytes([kind]) + data)
def take(): return parent.recv(65536)
def strings(b):
    while len(b) >= 4:
        n = struct.unpack(">I", b[:4])[0]
        yield b[4:4 + n]
        b = b[4 + n:]
def note(what):
    with open(HERE + "/got", "ab") as f: f.write(what + b"\\n")
opened = take()
address = next(strings(opened[1:]))
rest = opened[1 + 4 + len(address) + 4:]
user, public = list(strings(rest))[:2]
def login(session=bytes(32), message=50, user=user, service=b"ssh-connection", method=b"publickey",
          flag=1, algorithm=b"ssh-ed25519", public=public, more=b""):
    return string(session) + bytes([message]) + string(user) + string(service) + string(method) + \\
        bytes([flag]) + string(algorithm) + string(public) + more
def ask(blob):
    send(SIGN, string(blob))
    got = take()
    if got and got[0] == SIGNATURE: note(b"signed")
"""


@pytest.fixture
def play():
    base = tempfile.mkdtemp(prefix="hostile-", dir="/var/tmp")
    os.chmod(base, 0o755)
    subprocess.run([TRY, "new-key", f"{base}/user"], check=True, capture_output=True)

    def run(script, seconds=20, data=b""):
        path = f"{base}/worker"
        with open(path, "w") as f:
            f.write(PRELUDE.replace("HERE", repr(base)) + script)
        os.chmod(path, 0o755)
        blob = struct.pack(">I", 11) + b"ssh-ed25519" + struct.pack(">I", 32) + bytes(32)
        import base64
        pin = "ssh-ed25519 " + base64.b64encode(blob).decode()
        begin = time.monotonic()
        p = subprocess.run([TRY, "exec", path, "192.0.2.1", "22", "root", f"{base}/user",
                            str(seconds), "cat", pin], input=data, capture_output=True, timeout=60)
        p.seconds = time.monotonic() - begin
        p.signed = open(base + "/got").read().count("signed") if os.path.exists(base + "/got") else 0
        return p

    yield run
    shutil.rmtree(base)


def test_the_stub_can_log_in(play):
    """The tests below could fail: a login is signed, and the stub is believed."""
    p = play("ask(login())\nsend(READY)\ntake()\nsend(STDOUT, string(b'hello\\n'))\n"
             "send(EXIT, struct.pack('>I', 0) + string(b''))\ntake()\n")
    assert (p.returncode, p.stdout, p.signed) == (0, b"hello\n", 1), p.stderr


@pytest.mark.parametrize("blob", [
    "login(user=b'other')", "login(user=b'')", "login(service=b'ssh-userauth')",
    "login(method=b'hostbased')", "login(flag=0)", "login(message=51)", "login(session=b'')",
    "login(session=bytes(65))", "login(algorithm=b'ssh-rsa')", "login(public=public[:-1] + b'x')",
    "login(more=b'x')", "login()[:-1]", "b''", "b'SSHSIG' + string(b'file') + string(b'')",
    "b'-----BEGIN CERTIFICATE REQUEST-----'", "string(b'\\xff' * 60000)", "b'\\xff' * 8",
])
def test_nothing_but_a_login_is_signed(play, blob):
    p = play(f"ask({blob})\nsend(READY)\n")
    assert p.returncode == 100 and p.signed == 0, p.stderr
    assert b"refused" in p.stderr or b"said something out of turn" in p.stderr, p.stderr


def test_one_signature_a_session(play):
    p = play("ask(login())\nask(login(session=bytes(64)))\nsend(READY)\n")
    assert p.returncode == 100 and p.signed == 1, p.stderr
    p = play("send(READY)\ntake()\nask(login())\n")
    assert p.returncode == 100 and p.signed == 1, p.stderr  # the one from before


@pytest.mark.parametrize("frame", [
    "STDERR, string(b'x' * 30000)", "STDOUT, string(b'')", "STDOUT, string(b'x\\n')"])
def test_endless_talk_ends_at_the_deadline(play, frame):
    p = play(f"import os\nframe = bytes([{frame.replace(',', ']) +', 1)}\nsend(READY)\n"
             "os.fork(); os.fork()  # there is always a frame waiting\n"
             "while True: parent.send(frame)\n", seconds=1)
    assert p.returncode == 100, p.stderr
    assert p.seconds < 30 and len(p.stderr) < 4000


@pytest.mark.parametrize("script", [
    "send(255)", "send(0)", "send(SIGN)", "send(READY)\nsend(READY)", "send(STDOUT, string(b'x'))",
    "send(READY)\nsend(STDOUT)", "send(READY)\nsend(STDOUT, b'\\xff\\xff\\xff\\xffx')",
    "send(READY)\nsend(EXIT)", "send(READY)\nsend(EXIT, b'\\0\\0\\0\\0' + string(b'x' * 20))",
    "send(FAILED)", "send(FAILED, b'\\xff' * 8)", "send(READY)\nsend(HOST_KEY, string(b'x'))",
    "parent.send(b'')", "parent.close()", "import os; os.kill(os.getpid(), 11)",
    "parent.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400000); parent.send(bytes(70000))",
])
def test_nonsense_is_a_sentence(play, script):
    p = play(script + "\n")
    assert p.returncode == 100 and b"Sanitizer" not in p.stderr, p.stderr
    assert p.stderr.count(b"\n") == 1 and p.stderr.isascii(), p.stderr


def test_words_are_made_printable(play):
    p = play("send(FAILED, struct.pack('>I', 1) + string(b'\\x1b]0;evil\\x07\\nsecond line\\0'))\n")
    assert p.returncode == 100 and b"\x1b" not in p.stderr and p.stderr.count(b"\n") == 1, p.stderr
