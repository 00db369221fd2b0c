# SPDX-License-Identifier: Apache-2.0
"""The module ssh and its worker against a real sshd and a real dropbear."""
import atexit
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from hosts import copy_program, root_template
from net import can_connect, free_port, wait_for

BUILD = os.environ.get(
    "CERTFERRY_BUILD", os.path.join(os.path.dirname(__file__), "../../build/dev"))
TRY = BUILD + "/tests/ssh_try"
# A copy, so that those of tests that run beside are told from ours.
HOME = tempfile.mkdtemp(prefix="certferry-worker-", dir="/var/tmp")
WORKER = shutil.copy(BUILD + "/libexec/certferry/certferry-ssh-worker", HOME)
atexit.register(shutil.rmtree, HOME, True)


def wait_for_port(port):
    wait_for(f"a server at port {port}", lambda: can_connect("127.0.0.1", port))


def make_host_key(path, kind):
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)


def pin(path):
    kind, blob = open(path + ".pub").read().split()[:2]
    return f"{kind} {blob}"


class Sshd:
    def __init__(self, base):
        self.base = base
        os.makedirs("/run/sshd", exist_ok=True)
        for kind in ["ed25519", "ecdsa", "rsa"]:
            make_host_key(f"{base}/{kind}", kind)
        make_host_key(f"{base}/other", "ed25519")
        line = subprocess.check_output([TRY, "new-key", f"{base}/user"], text=True)
        with open(f"{base}/authorized_keys", "w") as f:
            f.write(line)
        self.process = None

    def start(self, keys, extra=""):
        self.port = free_port()
        config = f"{self.base}/config"
        with open(config, "w") as f:
            f.write(f"ListenAddress 127.0.0.1\nPort {self.port}\nPidFile none\n"
                    f"AuthorizedKeysFile {self.base}/authorized_keys\nStrictModes no\n"
                    f"PasswordAuthentication no\nLogLevel DEBUG2\nUsePAM no\n"
                    f"PermitRootLogin yes\n"
                    # bash reads root's .bashrc there, which says what it likes.
                    f"SetEnv HOME={self.base}\n")
            f.writelines(f"HostKey {self.base}/{k}\n" for k in keys)
            f.write(extra + "\n")
        self.log_path = f"{self.base}/log"
        self.process = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-f", config, "-E", self.log_path])
        wait_for_port(self.port)
        with open(self.log_path, "w"):
            pass
        return self

    def log(self, awaited=""):
        """From when it has that; what sshd has seen it says a moment later."""
        def text():
            return pathlib.Path(self.log_path).read_text()

        wait_for(f"{awaited} in sshd's log", lambda: awaited in text())
        return text()

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait()
            self.process = None

    def run(self, command, pins=("ed25519",), seconds=50, data=b"", user="root", below=()):
        argv = [*below, TRY, "exec", WORKER, "127.0.0.1", str(self.port), user,
                f"{self.base}/user", str(seconds), command]
        return subprocess.run(argv + [pin(f"{self.base}/{p}") for p in pins], input=data,
                              capture_output=True, timeout=50 + seconds)

    def scan(self):
        return subprocess.run([TRY, "scan", WORKER, "127.0.0.1", str(self.port)],
                              capture_output=True, text=True, timeout=60)


@pytest.fixture
def sshd():
    base = tempfile.mkdtemp(prefix="ssh-", dir="/var/tmp")
    server = Sshd(base)
    yield server
    server.stop()
    # A session that ends just now may still write its last line there.
    shutil.rmtree(base, ignore_errors=True)


def test_cut_in_the_login(sshd):
    """As by a server that is shut down just then: to be tried again soon, and no refusal."""
    open(f"{sshd.base}/authorized_keys", "w").close()
    sshd.start(["ed25519"], 'AuthorizedKeysCommand /bin/sh -c "kill -9 $PPID"\n'
                            "AuthorizedKeysCommandUser root")
    p = sshd.run("true")
    assert p.returncode == 100 and p.stderr.startswith(b"temporary: web-1"), p
    assert b"closed the connection in the middle of the login" in p.stderr, p


def test_refused_with_a_disconnect(sshd):
    """It says so before it closes."""
    open(f"{sshd.base}/authorized_keys", "w").close()
    sshd.start(["ed25519"], "MaxAuthTries 1")
    p = sshd.run("true")
    assert p.returncode == 100 and p.stderr.startswith(b"denied: web-1"), p
    sshd.log("Too many authentication failures")


def children():
    return subprocess.run(["pgrep", "-f", WORKER], capture_output=True).stdout


def test_command(sshd):
    sshd.start(["ed25519", "ecdsa", "rsa"])
    p = sshd.run("cat; echo oops >&2; printf last; exit 7", data=b"one\ntwo\n")
    assert p.stdout == b"one\ntwo\nlast\n"
    assert p.stderr == b"oops\\x0a"
    assert p.returncode == 7
    sshd.log("Accepted publickey")


@pytest.mark.parametrize("name,status", [("TERM", 143), ("KILL", 137)])
def test_killed_command(sshd, name, status):
    sshd.start(["ed25519"])
    assert sshd.run(f"kill -{name} $$; sleep 5").returncode == status


def test_ecdsa_pin_is_used_though_ed25519_is_there(sshd):
    sshd.start(["ed25519", "ecdsa"])
    assert sshd.run("true", pins=["ecdsa"]).returncode == 0
    assert sshd.run("true", pins=["other", "ecdsa"]).returncode in (0, 100)


def test_changed_host_key(sshd):
    sshd.start(["ed25519"])
    p = sshd.run("touch /tmp/never", pins=["other"])
    assert p.returncode == 100
    words = p.stderr.decode()
    assert words.startswith("denied: web-1 (127.0.0.1:")
    assert "the host key is not the pinned one: pinned ssh-ed25519 SHA256:" in words
    assert "the server shows ssh-ed25519 SHA256:" in words
    assert "certferry host enroll web-1" in words
    log = sshd.log("SSH2_MSG_NEWKEYS received")
    assert "userauth-request" not in log and "Accepted" not in log


def test_changed_key_type(sshd):
    sshd.start(["ecdsa"])
    p = sshd.run("true", pins=["ed25519"])
    assert p.returncode == 100
    assert b"offers no host key of the pinned type (ssh-ed25519)" in p.stderr
    assert "userauth-request" not in sshd.log()


def test_rsa_only(sshd):
    sshd.start(["rsa"])
    p = sshd.run("true", pins=["rsa"])
    if b"none of" in p.stderr:  # libssh2 1.10: SHA-1 only
        assert p.returncode == 100 and p.stderr.startswith(b"denied: ")
        assert sshd.scan().returncode == 100
    else:
        assert p.returncode == 0
        assert sshd.scan().stdout.startswith("ssh-rsa ")


def test_login_refused(sshd):
    sshd.start(["ed25519"])
    open(f"{sshd.base}/authorized_keys", "w").close()
    p = sshd.run("true")
    assert p.returncode == 100
    assert b"does not let user 'root' in" in p.stderr and b"authorized_keys" in p.stderr
    asked = "userauth-request for user root service ssh-connection method publickey"
    assert sshd.log(asked).count(asked) == 1


def test_scan(sshd):
    sshd.start(["ed25519", "ecdsa", "rsa"])
    lines = [line.split() for line in sshd.scan().stdout.splitlines()]
    kinds = {"ssh-ed25519": "ed25519", "ecdsa-sha2-nistp256": "ecdsa", "ssh-rsa": "rsa"}
    assert [line[0] for line in lines][:2] == ["ssh-ed25519", "ecdsa-sha2-nistp256"]
    for kind, blob, fingerprint in lines:
        path = f"{sshd.base}/{kinds[kind]}"
        assert pin(path) == f"{kind} {blob}"
        shown = subprocess.check_output(["ssh-keygen", "-l", "-f", path + ".pub"], text=True)
        assert shown.split()[1] == fingerprint
    assert "userauth-request" not in sshd.log()


def test_old_algorithms_only(sshd):
    sshd.start(["ed25519"], "Ciphers aes128-cbc,3des-cbc\nMACs hmac-md5\n"
                            "KexAlgorithms diffie-hellman-group1-sha1")
    p = sshd.run("true")
    assert p.returncode == 100 and b"no algorithm in common" in p.stderr
    assert "userauth-request" not in sshd.log()


def test_server_that_hangs(sshd):
    sshd.start(["ed25519"])
    sshd.process.send_signal(signal.SIGSTOP)
    begin = time.time()
    p = sshd.run("true", seconds=1)
    assert p.returncode == 100 and p.stderr.startswith(b"temporary: web-1")
    assert time.time() - begin < 30
    assert children() == b""


def test_command_that_hangs(sshd):
    sshd.start(["ed25519"])
    begin = time.time()
    p = sshd.run("sleep 35", seconds=1)
    assert p.returncode == 100 and b"no answer in time" in p.stderr
    assert time.time() - begin < 30
    assert children() == b""


def test_large_input(sshd):
    sshd.start(["ed25519"])
    data = os.urandom(1024 * 1024)
    import hashlib
    p = sshd.run("sha256sum", data=data)
    assert p.stdout.decode().split()[0] == hashlib.sha256(data).hexdigest()


def test_input_while_it_floods_stderr(sshd):
    """Both directions at once, more than any window holds: no deadlock."""
    sshd.start(["ed25519"])
    data = os.urandom(3 * 1024 * 1024)
    p = sshd.run("tee /dev/stderr | wc -c", data=data)
    assert p.stdout.decode().split() == [str(len(data))]
    assert p.returncode == 0


def test_output_between_two_looks(sshd, monkeypatch, tmp_path):
    """All that the command says, and its end, come when the worker has looked for standard
    output and is about to look for standard error: libssh2 then takes in both, and the
    socket stays silent for ever. Each look but those for the login takes 0.2 s."""
    sshd.start(["ed25519"])
    # The leak check cannot be where a tracer is.
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
    p = sshd.run("cat >/dev/null; sleep 0.27; echo done", seconds=30, below=(
        "strace", "-f", "-qq", "-o", str(tmp_path / "trace"), "-e", "trace=recvfrom",
        "-e", "inject=recvfrom:delay_enter=200000:when=20+"))
    assert (p.stdout, p.returncode) == (b"done\n", 0), p


@pytest.mark.parametrize("every, ms", [(5, 30), (8, 50)])
def test_new_keys_between_two_looks(sshd, monkeypatch, tmp_path, every, ms):
    """A server that wants new keys all the time: while they are made our input is held back,
    and the end of it is met by a look for output as well as by one for room."""
    sshd.start(["ed25519"], "RekeyLimit 1K none")
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
    for _ in range(3):
        p = sshd.run("wc -c", seconds=30, data=b"x" * 300000, below=(
            "strace", "-f", "-qq", "-o", str(tmp_path / "trace"), "-e", "trace=recvfrom",
            "-e", f"inject=recvfrom:delay_enter={ms}000:when=60+{every}"))
        assert b"no answer in time" not in p.stderr, p
        if p.returncode == 0:
            break  # libssh2 1.10 loses an exchange of keys in thousands, and says so
    assert (p.stdout, p.returncode) == (b"300000\n", 0), p


def test_flood(sshd):
    sshd.start(["ed25519"])
    begin = time.time()
    p = sshd.run("head -c 100000000 /dev/zero | tr '\\0' x; sleep 60")
    assert p.returncode == 100 and b"a line of over 1000 bytes" in p.stderr
    assert time.time() - begin < 50
    p = sshd.run("seq 1 200000")
    assert p.returncode == 0 and p.stdout.count(b"\n") == 200000


def test_command_that_reads_nothing(sshd):
    sshd.start(["ed25519"])
    p = sshd.run("exec <&-; echo done", data=bytes(500000))
    assert p.stdout == b"done\n" and p.returncode == 0


def test_parent_dies(sshd):
    sshd.start(["ed25519"])
    argv = [TRY, "exec", WORKER, "127.0.0.1", str(sshd.port), "root",
            f"{sshd.base}/user", "30", "echo up; sleep 20", pin(f"{sshd.base}/ed25519")]
    p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    sshd.log("Starting session")
    assert children() != b""
    p.kill()
    p.wait()
    wait_for("the worker to end", lambda: children() == b"")


def test_nobody_listens():
    with tempfile.TemporaryDirectory() as base:
        subprocess.check_output([TRY, "new-key", f"{base}/user"])
        make_host_key(f"{base}/k", "ed25519")
        p = subprocess.run([TRY, "exec", WORKER, "127.0.0.1", str(free_port()), "root",
                            f"{base}/user", "3", "true", pin(f"{base}/k")], capture_output=True)
        assert p.returncode == 100
        assert p.stderr.startswith(b"temporary: web-1 (127.0.0.1:")
        assert b"Connection refused" in p.stderr


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.0 400 no\r\n\r\n", b"\xff" * 5000,
                                      b"SSH-2.0-x\r\n" + b"\xff" * 4000, b"SSH-2.0-x\r\n"])
def test_something_else_listens(greeting):
    with socket.create_server(("127.0.0.1", 0)) as server, \
            tempfile.TemporaryDirectory() as base:
        def serve():
            connection, _ = server.accept()
            connection.sendall(greeting)
            time.sleep(40)
            connection.close()
        threading.Thread(target=serve, daemon=True).start()
        subprocess.check_output([TRY, "new-key", f"{base}/user"])
        make_host_key(f"{base}/k", "ed25519")
        begin = time.time()
        p = subprocess.run([TRY, "exec", WORKER, "127.0.0.1", str(server.getsockname()[1]),
                            "root", f"{base}/user", "1", "true", pin(f"{base}/k")],
                           capture_output=True)
        assert p.returncode == 100 and time.time() - begin < 30
        assert b"web-1" in p.stderr


def test_no_pin():
    with tempfile.TemporaryDirectory() as base:
        subprocess.check_output([TRY, "new-key", f"{base}/user"])
        p = subprocess.run([TRY, "exec", WORKER, "127.0.0.1", "22", "root",
                            f"{base}/user", "3", "true"], capture_output=True)
        assert p.returncode == 100 and p.stderr.startswith(b"config: web-1")


@pytest.fixture
def dropbear(sshd, cache, tmp_path):
    """dropbear in a root of its own: it reads its user's home, and this machine's is not ours."""
    root = tmp_path / "root"
    subprocess.run(["cp", "-al", root_template(cache, "busybox"), root], check=True)
    for name in ("dropbear", "dropbearkey"):
        copy_program(root, name)
    subprocess.run(["chroot", root, "/usr/bin/dropbearkey", "-t", "ed25519", "-f", "/key"],
                   check=True, capture_output=True)
    keys = root / "root/.ssh/authorized_keys"
    keys.unlink(missing_ok=True)
    keys.write_bytes(pathlib.Path(sshd.base, "authorized_keys").read_bytes())
    keys.chmod(0o600)
    sshd.port = free_port()
    with open(root / "log", "wb") as log:
        process = subprocess.Popen(["chroot", root, "/usr/sbin/dropbear", "-F", "-E", "-r", "/key",
                                    "-P", "/pid", "-p", f"127.0.0.1:{sshd.port}"], stderr=log)
    wait_for_port(sshd.port)
    yield sshd
    process.terminate()
    process.wait()
    shutil.rmtree(root, ignore_errors=True)


def test_dropbear(dropbear):
    lines = dropbear.scan().stdout.splitlines()
    assert lines[0].startswith("ssh-ed25519 ")
    with open(f"{dropbear.base}/drop.pub", "w") as f:
        f.write(lines[0])
    data = os.urandom(300000)
    r = dropbear.run("wc -c", pins=["drop"], data=data)
    assert r.stdout.split() == [b"300000"], r.stderr
    command = subprocess.check_output([BUILD + "/tests/install_command"], text=True)
    r = dropbear.run(command, pins=["drop"], data=b"nonsense\n")
    assert r.stdout.startswith(b"certferry-1 failed "), r.stderr
