# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at every system call of a delivery by agent, of every process that has a part.

The whole path is real: certferry, its SSH worker, sshd, certferry-agent, nginx. The state
is put where a certificate is issued and another one is installed, so that a run has nothing
to do but to deliver. tests/tools/kill_at.c counts the system calls of each process in such
a run; then, for each of them, everything is put back and a run killed there. After that the
old or the new files are live and served, never a mixture, and never anything else was; what
is served is what is live, but where nobody was left to reload; the next apply has status 0,
the new ones are there, and the CA has not heard of it.

A sample is spread over each process, the calls that change something first; with --full it
is all of them (tests/README.md).
"""

import collections
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import pytest

from agent_host import give_agent
from certferry import BUILD
from hosts import SLOT
from net import can_connect, wait_for

FILES = ["cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"]
SAMPLE = 8  # of each kind, in a run that is not --full


Call = collections.namedtuple("Call", "process number name")


@pytest.fixture(scope="session")
def kill_at(tmp_path_factory):
    """Built with the tests; for a release, which has none, here."""
    program = BUILD / "tests" / "kill_at"
    if not program.exists():
        program = tmp_path_factory.mktemp("tools") / "kill_at"
        source = pathlib.Path(__file__).parents[1] / "tools" / "kill_at.c"
        subprocess.run(["cc", "-O2", "-o", program, source], check=True)
    return program


def threads_of(tracer):
    """What the kernel says of those that it traces: {thread: (state, call, where)}."""
    found = {}
    for task in pathlib.Path("/proc").glob("[0-9]*/task/[0-9]*"):
        try:
            status = (task / "status").read_text()
            if f"TracerPid:\t{tracer}\n" in status:
                state = status.split("State:\t")[1].split("\n")[0]
                found[int(task.name)] = (status.split("\n")[0], state,
                                         (task / "syscall").read_text().strip(),
                                         (task / "wchan").read_text())
        except OSError:
            continue
    return found


def run_watched(argv, environment):
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="replace",
                          env=environment) as process:
        try:
            out, err = process.communicate(timeout=120)
            return subprocess.CompletedProcess(argv, process.returncode, out, err)
        except subprocess.TimeoutExpired as error:
            threads = threads_of(process.pid)
            for thread in threads:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(thread, signal.SIGKILL)
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"{argv} hangs; threads: {threads}; said:\n{out}{err}") from error


class Reader(threading.Thread):
    """Looks at what is served and what lies there, all the time but while it is paused."""

    def __init__(self, delivery):
        super().__init__(daemon=True)
        self.delivery = delivery
        self.lock = threading.Lock()
        self.is_over = False
        self.looks = 0
        self.wrong = []

    def run(self):
        while not self.is_over:
            with self.lock:
                self.look()
            time.sleep(0.1)

    def look(self):
        self.looks += 1
        served, installed = self.delivery.served(), self.delivery.installed()
        if served not in ("old", "new") or installed not in ("old", "new"):
            self.wrong.append((served, installed))

    def end(self):
        self.is_over = True
        self.join(60)


class Delivery:
    """A world where one delivery is due, and the way back there."""

    is_first = False

    def __init__(self, world, kill_at, kind):
        self.kill_at, self.kind = kill_at, KINDS[kind]
        self.certferry, self.pebble = world.certferry, world.pebble
        self.host = world.hosts["web-1"]
        self.state = pathlib.Path(world.config["state-directory"])
        self.slot = self.host.root / SLOT.lstrip("/")
        self.kept = world.directory / "kept"
        self.report = world.directory / "report"
        self.prepare()

    # -- to and fro

    def prepare(self):
        assert self.certferry.apply().code == 0
        sha256, files = self.row()["sha256"], self.read_files()
        self.deliver_late("--force", "www")
        self.keep(self.slot)
        self.finish(sha256, files)

    def deliver_late(self, *words):
        """A new certificate, and nobody there to take it."""
        self.host.sshd.stop()
        assert self.certferry.apply("--no-check", *words).code != 0
        self.host.no_penalties()
        self.host.start_sshd()

    def keep(self, *more):
        self.kept.mkdir()
        for at in (self.state, *more):
            self.copy(at, self.kept / at.name)

    def finish(self, old_sha256, old_files):
        """A delivery that is left alone, to see how all must be at the end."""
        result = self.certferry.apply()
        assert result.code == 0, result
        self.new, self.new_files = self.row(), self.read_files()
        self.old_sha256, self.old_files = old_sha256, old_files
        self.state_names = {path.name for path in self.state.iterdir()}
        self.issued, self.asked = self.pebble.issued(), self.pebble.requests()
        assert self.new["sha256"] != old_sha256 and self.issued == 2 - self.is_first

    @staticmethod
    def copy(source, target):
        shutil.rmtree(target, ignore_errors=True)
        subprocess.run(["cp", "-a", source, target], check=True)

    def put_back(self):
        """Also nginx, which must have gone over before anybody looks."""
        for at in (self.state, self.slot):
            self.copy(self.kept / at.name, at)
        self.reload()
        wait_for("the old certificate again", lambda: self.served() == "old", 60)

    def reload(self):
        subprocess.run(["chroot", self.host.root, "nginx", "-s", "reload"], check=True,
                       capture_output=True)

    # -- what is there

    def row(self):
        return self.certferry.status()["www", "web-1"]

    def read_files(self):
        """Those of one generation, whichever is live now."""
        for _ in range(100):
            at = self.slot / os.readlink(self.slot / "live")
            try:
                return [(at / name).read_bytes() for name in FILES]
            except FileNotFoundError:
                continue  # it is no longer live, and gone
        raise AssertionError("live leads to nothing")

    def installed(self):
        files = self.read_files()
        return "old" if files == self.old_files else "new" if files == self.new_files else files

    def served(self):
        found = self.host.served_sha256()
        return "old" if found == self.old_sha256 else \
            "new" if found == self.new["sha256"] else found

    def agreement(self):
        """Old and new workers of nginx answer side by side for a moment."""
        seen = self.served(), self.installed()
        return seen if seen[0] == seen[1] else None

    def processes(self):
        """What runs on the server but sshd that listens and nginx."""
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink(f"/proc/{entry}/root") == str(self.host.root):
                    name = pathlib.Path(f"/proc/{entry}/comm").read_text().strip()
                    if name != "nginx" and int(entry) != self.host.sshd.process.pid:
                        found.append(name)
            except OSError:
                continue
        return found

    # -- a run that is watched

    def run(self, at=None):
        """Its report, line by line."""
        argv = [self.kill_at]
        if self.kind.is_below_sshd:
            argv += ["--attach", self.host.sshd.process.pid]
        if at:
            argv += ["--at", f"{at.process}:{at.number}"]
        argv += [self.kind.names, self.report, *self.certferry.argv("-v", "apply", "--yes")]
        environment = self.certferry.environment()
        # The leak check cannot be where a tracer is.
        environment["ASAN_OPTIONS"] += ":detect_leaks=0"
        done = run_watched([str(a) for a in argv], environment)
        assert done.returncode == 0 and "Sanitizer" not in done.stderr, (at, done)
        return [line.split() for line in self.report.read_text().splitlines()], done

    def calls(self):
        """All system calls of such a run, of the processes of that kind."""
        self.put_back()
        lines, done = self.run()
        assert lines[-1] == ["ended", "0"], done
        names = collections.defaultdict(set)
        for line in lines:
            if line[0] == "is":
                names[int(line[1])].add(line[2])
        calls = [Call(int(line[1]), int(line[2]), line[3]) for line in lines if line[0] == "call"]
        return [call for call in calls
                if self.kind.is_meant(call.process, names[call.process])]

    def kill(self, at):
        """Was it killed there? What must be true after it, whether or not."""
        lines, done = self.run(at)
        wait_for(f"no process stays, killed {at}", lambda: not self.processes(), 60)
        if self.kind.names == AGENT:
            between = self.served(), self.installed()
        else:  # it is there to put back what it had begun
            between = wait_for(f"service and files agree, killed {at}", self.agreement, 60)
        assert {*between} <= {"old", "new"}, (at, between, done)
        result = self.certferry.apply()
        assert result.code == 0, f"killed {at}, then:\n{result}\nkilled:\n{done}"
        self.check_end(at)
        return any(line[0] == "killed" for line in lines), between

    def check_end(self, at):
        row = self.row()
        assert row["state"] == "done" and row["installed"] and row["is_served"] and \
            row["serial"] == self.new["serial"], (at, row)
        assert (self.served(), self.installed()) == ("new", "new"), at
        assert self.pebble.requests() == self.asked and self.pebble.issued() == self.issued, at
        names = {path.name for path in self.slot.iterdir()}
        generations = {name for name in names if name.startswith("gen-")}
        assert names - generations == {"live", *FILES} and \
            len(generations) == 2 - self.is_first, (at, names)
        assert {path.name for path in self.state.iterdir()} == self.state_names, at
        wait_for(f"no process stays, after {at}", lambda: not self.processes(), 60)


class FirstDelivery(Delivery):
    """Nothing is installed. The site names files that are not there yet, and nginx runs
    as it was before the site was written."""

    is_first = True

    def prepare(self):
        self.deliver_late()
        self.keep()
        self.finish(None, None)

    def put_back(self):
        self.copy(self.kept / self.state.name, self.state)
        shutil.rmtree(self.slot.parent, ignore_errors=True)
        self.host.write("etc/nginx/conf.d/site.conf", "")
        self.reload()
        wait_for("no site", lambda: self.served() == "old", 60)
        self.host.write_site()

    def installed(self):
        return super().installed() if (self.slot / "live").is_symlink() else "old"

    def served(self):
        """The other port answers all the time."""
        if self.host.served_pem() is None:
            return "old" if can_connect(self.host.address, 8080) else "nothing"
        return super().served()


class Kind:
    """Names of processes, whether they are below sshd, and which of them are meant, by all
    names that one had. parts: of the whole, for as many worlds at a time as pytest -n says."""

    def __init__(self, parts, names, is_below_sshd=True, is_meant=None, user="root",
                 world=None, in_sample=True):
        self.parts, self.names, self.is_below_sshd, self.user = parts, names, is_below_sshd, user
        self.is_meant = is_meant or (lambda process, names: True)
        self.world, self.in_sample = world or Delivery, in_sample


SSHD, AGENT = "sshd,sshd-session,sshd-auth", "certferry-agent"
# The worker begins as a fork of the issuer, before it is another program. Where the agent has
# a user of its own, sshd has one process for that user and one that stays root.
KINDS = {
    "issuer": Kind(10, "certferry", False, lambda process, names: process == 1),
    "worker": Kind(4, "certferry,certferry-ssh-w", False,
                   lambda process, names: "certferry-ssh-w" in names),
    "sshd": Kind(11, SSHD),
    "agent": Kind(4, AGENT),
    "user's sshd": Kind(13, SSHD, user="deploy"),
    "user's agent": Kind(4, AGENT, user="deploy", in_sample=False),
    "agent, first time": Kind(4, AGENT, world=FirstDelivery),
}


def sample(calls, count):
    """Of each process its share: half of them calls that change something, spread."""
    chosen = set()
    for process in {call.process for call in calls}:
        own = [call for call in calls if call.process == process]
        changing = [call for call in own if call.name != "-"]
        share = max(1, round(count * len(own) / len(calls)))
        for among, number in ((changing, (share + 1) // 2), (own, share // 2)):
            step = len(among) / (number or 1)
            chosen |= {among[int(step * (n + 0.5))] for n in range(number) if among}
    return sorted(chosen)


def make_host(world, user):
    """A server with the agent; what belongs to the agent's user is made as `agent install`
    makes it."""
    world.add_dns()
    world.add_ca()
    host = world.add_host("web-1", user=user)
    world.add_certificate()
    world.set_up()
    if user == "root":
        give_agent(host, world.public_key)
        return
    give_agent(host, world.public_key, f"    owner: {user}\n    group: {user}\n")
    policy = host.root / "etc/certferry/agent.yaml"
    policy.write_text(policy.read_text().replace("[/usr/bin/", "[sudo, -n, /usr/bin/"))
    host.write("etc/sudoers", f"{user} ALL=(root) NOPASSWD: /usr/bin/test-service, "
                              "/usr/bin/reload-service\n", 0o440)
    for path in (SLOT, "/var/lib/certferry-agent"):
        subprocess.run(["chroot", host.root, "install", "-d", "-o", user, "-g", user, path],
                       check=True)


def pytest_generate_tests(metafunc):
    is_full = metafunc.config.getoption("--full")
    metafunc.parametrize("kind, part", [
        (name, part) for part in range(max(kind.parts for kind in KINDS.values()))
        for name, kind in KINDS.items() if part < (kind.parts if is_full else kind.in_sample)])


def kill_at_each(delivery, points):
    """How many were killed where they were to be, what was seen then, what was wrong."""
    reader = Reader(delivery)
    seen, killed, wrong = collections.Counter(), 0, []
    reader.start()
    for at in points:
        try:
            with reader.lock:
                delivery.put_back()
            was_killed, between = delivery.kill(at)
            killed += was_killed
            seen["served %s, installed %s" % between] += 1
            assert not reader.wrong, (at, reader.wrong)
        except (AssertionError, TimeoutError) as error:
            wrong.append(str(error))
            reader.wrong.clear()
    reader.end()
    return killed, dict(seen), wrong


def test_kill_at_system_calls(world, kill_at, kind, part, request):
    make_host(world, KINDS[kind].user)
    delivery = KINDS[kind].world(world, kill_at, kind)
    calls = delivery.calls()
    points = sample(calls, SAMPLE)
    if request.config.getoption("--full"):
        points = [call for call in calls if call.number % KINDS[kind].parts == part]
    killed, seen, wrong = kill_at_each(delivery, points)
    print(f"\n{kind}: {len(calls)} system calls of {len({c.process for c in calls})} processes; "
          f"part {part}: {len(points)} tried, {killed} killed there; then {seen}; {len(wrong)} went wrong")
    assert not wrong, "\n\n".join(wrong)
    # What a run does varies by a few calls, so the last ones may not come.
    assert killed >= 0.9 * len(points) - 2
