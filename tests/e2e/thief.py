# SPDX-License-Identifier: Apache-2.0
"""Whoever has the deploy key, and the server that he is let loose on.

The server is a root directory as in hosts.py, with an sshd that allows all that sshd can
allow, so that the key's line alone stands in between. It runs in mount, process,
network and IPC namespaces of its own: what is in them is known exactly, whatever else this
machine does. WAYS are what OpenSSH's client can do with a key; each says whether it had an
effect. The same are tried with a line that allows everything, where each must have one.
"""

import hashlib
import os
import pathlib
import signal
import stat
import subprocess
import sys
import tempfile
import time

import agent_wire as wire
from net import wait_for
from servers import Server

PORT = 2222
SECRET_PORT, SECRET = 8008, b"what only this server sees"
SSHD = """
Port 2222
ListenAddress 127.0.0.1
HostKey /etc/ssh/ssh_host_key
AuthorizedKeysFile .ssh/authorized_keys
UsePAM no
StrictModes yes
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel VERBOSE
MaxStartups 100
MaxSessions 20
AcceptEnv ENV LC_* LANG SSH_* BASH_ENV
PermitUserEnvironment yes
PermitUserRC yes
PermitTTY yes
PermitTunnel %(tunnel)s
PermitListen any
PermitOpen any
GatewayPorts yes
X11Forwarding yes
XAuthLocation /usr/bin/xauth
AllowAgentForwarding yes
AllowTcpForwarding yes
AllowStreamLocalForwarding yes
Subsystem sftp internal-sftp
Subsystem shell /bin/sh
"""
START = """set -e
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$1/dev/pts"
mount -t proc proc "$1/proc"
busybox ip link set lo up
exec chroot "$1" /usr/sbin/sshd -D -e
"""
# A service of the server's own loopback, by TCP and by a socket in its tree.
SERVICE = """
import os, socket, sys, threading
def serve(listener):
    while True:
        client, _ = listener.accept()
        client.sendall(sys.argv[3].encode())
        client.close()
tcp = socket.create_server(("127.0.0.1", int(sys.argv[1])))
os.chdir(sys.argv[2])
local = socket.socket(socket.AF_UNIX)
local.bind("secret.sock")
local.listen()
threading.Thread(target=serve, args=(tcp,), daemon=True).start()
print("ready", flush=True)
serve(local)
"""
# What the thief sends into a hole: by TCP, through SOCKS, or a socket; prints the answer.
ASK = """
import socket, sys
how, where = sys.argv[1:3]
s = socket.socket(socket.AF_UNIX) if how == "unix" else socket.socket()
s.settimeout(20)
s.connect(where if how == "unix" else ("127.0.0.1", int(where)))
if how == "socks":
    s.sendall(b"\\4\\1" + int(sys.argv[3]).to_bytes(2, "big") + b"\\x7f\\0\\0\\1\\0")
while data := s.recv(4096):
    sys.stdout.buffer.write(data)
"""


def can_tunnel():
    """Not every container lets its root do it."""
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError:
        return False
    return True


class Jail(Server):
    """sshd in namespaces of its own."""

    secret = "/run/secret.sock"

    def __init__(self, host, tunnel=True):
        super().__init__(host.directory / "jail")
        self.host, self.init, self.service = host, None, None
        host.write("etc/ssh/sshd_config", SSHD % {"tunnel": "yes" if tunnel else "no"})
        host.no_penalties()
        host.make_host_key("ed25519")
        host.write("usr/bin/xauth", "#!/bin/sh\n: >/tmp/xauth-ran\n", 0o755)
        host.write("etc/treasure", SECRET.decode())
        for name in ("dev/pts", "dev/net"):
            (host.root / name).mkdir(exist_ok=True)
        (host.root / "dev/ptmx").symlink_to("pts/ptmx")
        if can_tunnel():
            subprocess.run(["cp", "-a", "/dev/net/tun", host.root / "dev/net/tun"], check=True)

    def start(self):
        self.spawn(["unshare", "--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child",
                    "sh", "-c", START, "sh", self.host.root], lambda: PORT in self.listeners())
        self.service = subprocess.Popen(
            [*self.inside(), sys.executable, "-c", SERVICE, str(SECRET_PORT),
             self.host.root / "run", SECRET.decode()], stdout=subprocess.PIPE)
        assert self.service.stdout.readline() == b"ready\n"
        return self

    def stop(self):
        super().stop()
        if self.service:
            self.service.kill()
            self.service.wait()

    def first(self):
        """sshd, by the machine's own numbering."""
        if not self.init:
            for entry in pathlib.Path("/proc").iterdir():
                if entry.name.isdigit() and parent(entry) == self.process.pid:
                    self.init = entry
        return self.init

    def inside(self):
        """For a program of the thief's, which is on the same network and no more."""
        return ["nsenter", f"--net={self.first()}/ns/net"]

    def listeners(self):
        """Ports on which somebody waits."""
        found = set()
        for name in ("tcp", "tcp6"):
            try:
                rows = (self.first() / "net" / name).read_text().splitlines()[1:]
            except (OSError, TypeError):
                return set()
            found |= {int(row.split()[1].split(":")[1], 16) for row in rows
                      if row.split()[3] == "0A"}
        return found

    def tunnels(self):
        lines = (self.first() / "net/dev").read_text().splitlines()
        return [line for line in lines if line.strip().startswith("tun")]

    def processes(self):
        """All but sshd itself: (program, user) each."""
        own, found = os.readlink(self.first() / "ns/pid"), []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.readlink(entry / "ns/pid") == own and \
                        entry.name != self.first().name:
                    found.append(((entry / "comm").read_text().strip(), entry.stat().st_uid))
            except OSError:
                continue
        return sorted(found)

    def sessions(self):
        """An agent is two processes, a shell is one."""
        names = [name for name, _ in self.processes()]
        return names.count("certferry-agent") // 2 + names.count("sh")

    def runs(self, *names):
        return any(name in names for name, _ in self.processes())

    def tree(self):
        """Every file of the server: kind and mode, owner, time, and what is in it."""
        found = {}
        for at in sorted(self.host.root.rglob("*")):
            st = at.lstat()
            what = os.readlink(at) if stat.S_ISLNK(st.st_mode) else \
                hashlib.sha256(at.read_bytes()).hexdigest() if stat.S_ISREG(st.st_mode) else \
                st.st_rdev
            found[str(at.relative_to(self.host.root))] = (
                what, oct(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns)
        return found


def parent(entry):
    try:
        return int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError):
        return None


def machine_tree():
    """The places of this very machine that a way out would aim at; tests do not write
    there, and what runs beside us does not either."""
    found = {}
    for top in ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/sudoers", "/etc/sudoers.d",
                "/etc/ssh", "/etc/certferry", "/etc/crontab", "/etc/cron.d", "/var/spool/cron",
                "/root/.ssh", "/root/.profile", "/root/.bashrc"):
        top = pathlib.Path(top)
        for at in [top, *sorted(top.rglob("*"))]:
            if at.is_file() and not at.is_symlink():
                found[str(at)] = (hashlib.sha256(at.read_bytes()).hexdigest(), at.stat().st_mode)
    for name in ("/pwned", "/rc-ran", "/xauth-ran"):
        found[name] = os.path.lexists(name)
    return found


class Thief:
    def __init__(self, jail, directory, user):
        self.jail, self.directory, self.user = jail, pathlib.Path(directory), user
        self.root = jail.host.root
        self.key = self.directory / "stolen"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key],
                       check=True)
        self.public = " ".join(self.key.with_suffix(".pub").read_text().split()[:2])
        self.loot = self.directory / "loot"
        self.payload = self.directory / "payload"
        self.payload.write_text("x")
        self.address = f"{user}@127.0.0.1"
        self.home = self.root / ("root" if user == "root" else f"var/lib/{user}-login")
        # Cookies of a display, as xauth of the client's side would give them.
        self.xauth = self.directory / "xauth"
        self.xauth.write_text("#!/bin/sh\necho x:9 MIT-MAGIC-COOKIE-1 %s\n" % ("00" * 16))
        self.xauth.chmod(0o755)
        self.running = []

    def options(self, *more):
        return ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR", "-o",
                "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-o",
                "BatchMode=yes", "-o", "ConnectTimeout=30", "-i", str(self.key),
                "-o", f"Port={PORT}", *map(str, more)]

    def environment(self):
        """With a display, and an agent of his own that he would like to be asked."""
        return {"PATH": "/usr/bin:/bin:/usr/sbin", "DISPLAY": "127.0.0.1:9", "LANG": "C",
                "HOME": str(self.directory), "SSH_AUTH_SOCK": str(self.directory / "agent"),
                "LC_ALL": "$(touch /tmp/pwned)", "LC_X": "() { :;}; touch /tmp/pwned",
                "BASH_ENV": "$(touch /tmp/pwned)", "ENV": "$(touch /tmp/pwned)",
                "SSH_ORIGINAL_COMMAND": "touch /tmp/pwned"}

    def start(self, program, *words, stdout=None):
        """What it says is in a file, which is never full."""
        with tempfile.NamedTemporaryFile(dir=self.directory, delete=False) as log:
            process = subprocess.Popen(
                [*self.jail.inside(), program, *map(str, words)], stdin=subprocess.PIPE,
                stdout=stdout or log, stderr=subprocess.STDOUT, env=self.environment(),
                start_new_session=True)
            process.log = pathlib.Path(log.name)
        self.running.append(process)
        return process

    def ssh(self, *words, options=(), stdout=None):
        return self.start("ssh", *self.options(*options), self.address, *words, stdout=stdout)

    def run(self, *words, send=b"", options=(), program="ssh", patience=1):
        """Output and status. Who talks another protocol than the agent may wait for each
        other; then he gives up, so many seconds after the agent came: status None."""
        process = self.start(program, *words) if program != "ssh" else \
            self.ssh(*words, options=options)
        try:
            process.stdin.write(send)
            process.stdin.close()
        except BrokenPipeError:
            pass
        end = time.monotonic() + 120
        while process.poll() is None:
            if self.jail.runs("certferry-agent") and end - time.monotonic() > patience:
                end = time.monotonic() + patience
            if time.monotonic() > end:
                break
            time.sleep(0.05)
        status = process.poll()
        if status is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return process.log.read_bytes(), status

    def hold(self, *words, options=(), until):
        """A connection that stays, from when it has what it wants or has ended."""
        process = self.ssh(*words, options=options)
        wait_for(f"{options} to be there or to end",
                 lambda: until() or process.poll() is not None, seconds=60)
        return process

    def session(self, options):
        """One on the server: the agent, or a shell."""
        return self.hold(options=options, until=lambda: self.jail.runs("certferry-agent", "sh"))

    def pwned(self, name="pwned"):
        """Is there what he wanted to make?"""
        return os.path.lexists(self.root / "tmp" / name)

    def ask(self, how, where):
        """What comes out of a hole of his, if anything."""
        done = subprocess.run([*self.jail.inside(), sys.executable, "-c", ASK, how, str(where),
                               str(SECRET_PORT)], capture_output=True, timeout=60)
        return done.stdout

    def end(self):
        """Whatever he still has open."""
        for process in self.running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.log.unlink()
        self.running.clear()

    def deliver(self, files, slot="www", options=()):
        """The one thing that the key can do; the lines that came back."""
        process = self.ssh(options=options, stdout=subprocess.PIPE)
        process.stdin.write(wire.job(wire.INSTALL, [(slot, None, files)]))
        process.stdin.flush()
        lines = []
        for line in process.stdout:
            lines.append(line.decode().strip().removeprefix("certferry-1 "))
            if lines[-1] == "reloaded":
                process.stdin.write(wire.frame(wire.COMMIT))
                process.stdin.flush()
        process.wait()
        return lines


# -- ways in: each says whether it had an effect

TOUCH = "touch /tmp/pwned"


def shell(thief):
    thief.run(send=f"{TOUCH}\n".encode())
    return thief.pwned()


def command(thief):
    thief.run(TOUCH)
    return thief.pwned()


def words_for_the_agent(thief):
    """None of them is read."""
    thief.run(f"certferry-agent --policy /tmp/x session; {TOUCH}")
    return thief.pwned()


def pty(thief):
    thief.run(options=["-tt"], send=b"test -t 0 && touch /tmp/pwned; exit\n")
    return thief.pwned()


def environment(thief):
    """A shell on a terminal reads the file that ENV names."""
    thief.run(options=["-tt", "-o", "SendEnv=ENV LC_* BASH_ENV SSH_ORIGINAL_COMMAND", "-o",
                       "SetEnv=LC_X=$(touch"], send=b"exit\n")
    return thief.pwned()


def user_rc(thief):
    thief.run(send=b"exit\n")
    return thief.pwned("rc-ran")


def subsystem(name):
    def way(thief):
        thief.run(name, options=["-s"], send=f"{TOUCH}\n".encode())
        return thief.pwned()
    return way


def sftp(thief):
    batch = thief.directory / "batch"
    batch.write_text(f"put {thief.payload} /tmp/pwned\nget /etc/treasure {thief.loot}\n")
    thief.run(*thief.options(), "-b", batch, thief.address, program="sftp")
    return thief.pwned() or thief.loot.exists()


def scp_there(how):
    def way(thief):
        thief.run(*thief.options(), how, thief.payload, f"{thief.address}:/tmp/pwned",
                  program="scp")
        return thief.pwned()
    return way


def scp_back(how):
    def way(thief):
        thief.run(*thief.options(), how, f"{thief.address}:/etc/treasure", thief.loot,
                  program="scp")
        return thief.loot.exists()
    return way


def forward(how, option, where, what="tcp", session=False):
    """A hole that begins on his side."""
    def way(thief):
        local = thief.directory / "hole"
        ready = local.exists if what == "unix" else lambda: where in thief.jail.listeners()
        # %s: his socket, and the server's.
        text = how % ((local, thief.jail.secret) if what == "unix" else ())
        thief.hold(options=[*([] if session else ["-N"]), option, text], until=ready)
        return SECRET in thief.ask(what, local if what == "unix" else where)
    return way


def straight_through(thief):
    return SECRET in thief.run(options=["-W", f"127.0.0.1:{SECRET_PORT}"])[0]


def jump(thief):
    """By way of this server to another; here it is itself."""
    proxy = " ".join(["ssh", *thief.options("-W", f"127.0.0.1:{PORT}"), thief.address])
    thief.run(TOUCH, options=["-o", f"ProxyCommand={proxy}"])
    return thief.pwned()


def listen(text, ready):
    """A hole that begins on the server's side."""
    def way(thief):
        thief.hold(options=["-N", "-o", "ExitOnForwardFailure=yes", "-R", text],
                   until=lambda: ready(thief))
        return ready(thief)
    return way


def tunnel(thief):
    """His end and the server's."""
    def both():
        return len(thief.jail.tunnels()) == 2
    thief.hold(options=["-N", "-o", "ExitOnForwardFailure=yes", "-o", "Tunnel=point-to-point", "-w",
                        "any:any"], until=both)
    return both()


def agent(thief):
    keys = thief.start("ssh-agent", "-D", "-a", thief.directory / "agent")
    wait_for("ssh-agent", (thief.directory / "agent").exists)
    thief.session(["-A"])
    assert keys.poll() is None
    return any((thief.root / "tmp").glob("ssh-*")) or any(thief.home.glob(".ssh/agent/*"))


def display(how):
    def way(thief):
        thief.session([how, "-o", f"XAuthLocation={thief.xauth}"])
        return 6010 in thief.jail.listeners() or thief.pwned("xauth-ran")
    return way


def many_sessions(thief):
    """One connection, twelve sessions, and a hole that is asked for later."""
    control = thief.directory / "control"
    shared = ["-o", f"ControlPath={control}"]
    thief.hold(options=["-M", "-N", *shared], until=control.exists)
    for number in range(1, 13):
        thief.hold(options=shared, until=lambda want=number: thief.jail.sessions() >= want)
    thief.run(TOUCH, options=shared)
    thief.run(options=[*shared, "-O", "forward", "-L", f"7004:127.0.0.1:{SECRET_PORT}"])
    return thief.pwned() or SECRET in thief.ask("tcp", 7004)


WAYS = {
    "shell": shell,
    "command": command,
    "words for the agent": words_for_the_agent,
    "pty": pty,
    "environment": environment,
    "user rc": user_rc,
    "subsystem sftp": sftp,
    "subsystem shell": subsystem("shell"),
    "scp -O there": scp_there("-O"),
    "scp -O back": scp_back("-O"),
    "scp -s there": scp_there("-s"),
    "scp -s back": scp_back("-s"),
    "-L": forward(f"7001:127.0.0.1:{SECRET_PORT}", "-L", 7001),
    "-L beside a session": forward(f"7002:127.0.0.1:{SECRET_PORT}", "-L", 7002, session=True),
    "-L of a socket": forward("%s:%s", "-L", None, "unix"),
    "-D": forward("7003", "-D", 7003, "socks"),
    "-W": straight_through,
    "ProxyJump": jump,
    "-R": listen(f"127.0.0.1:7005:127.0.0.1:{SECRET_PORT}",
                 lambda thief: 7005 in thief.jail.listeners()),
    "-R to everybody": listen(f"*:7006:127.0.0.1:{SECRET_PORT}",
                              lambda thief: 7006 in thief.jail.listeners()),
    "-R of a socket": listen(f"/tmp/hole:127.0.0.1:{SECRET_PORT}",
                             lambda thief: thief.pwned("hole")),
    "-R as a proxy": listen("7007", lambda thief: 7007 in thief.jail.listeners()),
    "-w": tunnel,
    "-A": agent,
    "-X": display("-X"),
    "-Y": display("-Y"),
    "many sessions": many_sessions,
}
