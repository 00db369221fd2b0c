# SPDX-License-Identifier: Apache-2.0
"""certferry-agent: what a hostile look at it found, each with the promise that it broke."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest
from cryptography import x509

import agent_wire as wire
from agent_wire import CERT, frame, job
from test_agent import PROGRAM, ca, machine  # noqa: F401 (fixtures)


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def as_user(machine):
    """The policy and the places of an agent that is not root's."""
    text = machine.policy.read_text().replace("group: daemon", "owner: daemon\n    group: daemon")
    machine.policy.write_text(text)
    for name in ("state", "tls/www"):
        (machine.base / name).mkdir()
        os.chown(machine.base / name, 1, 1)


@pytest.mark.own_mounts
@pytest.mark.skipif(not shutil.which("sudo"), reason="no sudo here")
def test_reload_by_sudo_that_hangs(machine, ca):
    """What is root's cannot be ended by us: the session does not wait for it for ever, says
    that it is late, and the old files are back."""
    sudoers = machine.base / "sudoers"
    sudoers.write_text(f"daemon ALL=(root) NOPASSWD: {machine.base}/serve reload web\n")
    sudoers.chmod(0o440)
    as_user(machine)
    text = machine.policy.read_text().replace(f"    test: [{machine.base}/serve, test, web]\n", "")
    machine.policy.write_text(text.replace(f"reload: [{machine.base}/serve, reload, web]",
                                           f"reload: [sudo, -n, {machine.base}/serve, reload, web]"))
    # In a namespace of its own, so that this machine's sudoers stay as they are.
    how = ("unshare", "-m", "sh", "-c", f"mount --bind {sudoers} /etc/sudoers && exec \"$@\"", "sh",
           "setpriv", "--reuid", "1", "--regid", "1", "--clear-groups")

    def install():
        session = machine.session(*how)
        session.send(job(wire.INSTALL, [("www", None, ca.leaf("www.example.org"))]))
        while (line := session.line(120)) is not None and not line.startswith("reload"):
            pass
        session.send(frame(wire.COMMIT))
        return session.end()
    assert install()[0][-1] == "committed"
    machine.hurry()
    before = machine.whole("www")
    (machine.base / "reload-web-hangs").touch()
    lines, status = install()
    assert status == 1 and "did not end within 3 s" in lines[-1], lines
    assert machine.whole("www") == before


def cut_short(machine, files):
    """Killed between the switch and the reload: the service has the old ones still."""
    (machine.base / "test-web-slow").touch()
    session = machine.start(("www", files))
    session.wait_for("switched")
    session.process.kill()
    session.process.wait()
    (machine.base / "test-web-slow").unlink()
    # The process that runs commands ends with what it is at.
    wait_for(lambda: subprocess.run(["pgrep", "-f", str(machine.policy)], check=False,
                                    stdout=subprocess.DEVNULL).returncode)


def test_what_was_cut_short_is_remembered(machine, ca):
    """Whatever comes between, the run that ends it tests and reloads."""
    machine.install(("www", ca.leaf("www.example.org")))
    files = ca.leaf("www.example.org")
    cut_short(machine, files)
    lines, _ = machine.install(("www", ca.leaf("www.example.org", begin_days=-2)))
    assert "older: refuse" in lines[0], lines
    lines, _ = machine.install(("www", files))
    assert lines == ["unchanged www", "tested", "reloaded", "committed"]
    assert files[CERT] in (machine.base / "served-web").read_text()
    assert not machine.at("www", ".lock").exists()


def test_request_does_not_end_what_was_cut_short(machine, ca):
    session = machine.session()
    session.send(job(wire.CSR, [("own", ["ec-256", "own.example.org"], {})]))
    pem = "\n".join(session.end()[0][1:]) + "\n"
    public = x509.load_pem_x509_csr(pem.encode()).public_key()
    files = ca.leaf("own.example.org", public=public)
    text = machine.policy.read_text().replace("key-on: target", "key-on: target\n    services: [web]")
    machine.policy.write_text(text)
    (machine.base / "test-web-slow").touch()
    session = machine.start(("own", files))
    session.wait_for("switched")
    session.process.kill()
    session.process.wait()
    (machine.base / "test-web-slow").unlink()
    session = machine.session()
    session.send(job(wire.CSR, [("own", ["ec-256", "own.example.org"], {})]))
    assert session.end()[1] == 0
    lines, _ = machine.install(("own", files))
    assert lines == ["unchanged own", "tested", "reloaded", "committed"]


@pytest.mark.parametrize("what", ["test", "reload"])
def test_cut_short_and_of_no_use(machine, ca, what):
    """Killed after the switch, and the service does not take it: the last one that was
    committed is back."""
    machine.install(("www", ca.leaf("www.example.org")))
    before = machine.whole("www")
    files = ca.leaf("www.example.org")
    cut_short(machine, files)
    assert machine.whole("www") == files[CERT]
    (machine.base / f"{what}-web-once").touch()
    machine.log()
    lines, status = machine.install(("www", files))
    assert status == 1 and lines[-1].startswith(f"{what}-failed web"), lines
    assert machine.whole("www") == before
    assert before in (machine.base / "served-web").read_text()
    assert "reload web" in machine.log()
    lines, _ = machine.install(("www", files))
    assert lines[0] == "staged www" and lines[-1] == "committed"


def test_rollback_is_to_what_was_live(machine, ca):
    """A generation that a killed run made and never switched to is not "the one before"."""
    first = ca.leaf("www.example.org")
    machine.install(("www", first))
    machine.install(("www", ca.leaf("www.example.org")))
    other = machine.start(("post", ca.leaf("mail.example.org")))
    other.wait_for("reloaded")
    session = machine.start(("www", ca.leaf("www.example.org")))
    session.wait_for("staged")
    session.process.kill()
    session.process.wait()
    other.send(frame(wire.COMMIT))
    assert other.end()[0][-1] == "committed"
    assert len(list(machine.at("www").glob("gen-*"))) == 3
    done = machine.command("rollback", "www")
    assert done.returncode == 0, done
    assert machine.whole("www") == first[CERT]
    assert len(list(machine.at("www").glob("gen-*"))) == 2


def test_lock_of_a_dead_agent(machine, ca):
    """Its number may be another's by now."""
    files = ca.leaf("www.example.org")
    machine.install(("www", files))
    cut_short(machine, ca.leaf("www.example.org"))
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    (machine.at("www", ".lock") / "holder").write_text(f"{os.getpid()} {boot}\n")
    assert machine.install(("www", ca.leaf("www.example.org")))[0][-1] == "committed"


def test_nobody_reads(machine, ca):
    """Whose lines are not taken is gone: what was switched is put back."""
    machine.install(("www", ca.leaf("www.example.org")))
    before = machine.live("www")
    os.mkfifo(machine.base / "out")
    reader = os.open(machine.base / "out", os.O_RDONLY | os.O_NONBLOCK)
    with open(machine.base / "out", "wb") as out:
        process = subprocess.Popen([PROGRAM, "--policy", machine.policy, "session"],
                                   stdin=subprocess.PIPE, stdout=out)
    filler = os.open(machine.base / "out", os.O_WRONLY | os.O_NONBLOCK)
    (machine.base / "test-web-slow").touch()
    process.stdin.write(job(wire.INSTALL, [("www", None, ca.leaf("www.example.org"))]))
    process.stdin.flush()
    wait_for(lambda: machine.live("www") != before)
    # Full: whether it is at "switched", the test or "tested", no further line is taken.
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(filler, b"x" * 4096)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 1
    assert machine.live("www") == before
    process.stdin.close()
    os.close(reader)
    os.close(filler)


def test_signals_of_who_started_it(machine, ca):
    """Ignored or blocked ones are not taken over."""
    session = machine.session("env", "--ignore-signal=CHLD,HUP,TERM,ALRM", "--block-signal=HUP,TERM")
    session.send(job(wire.INSTALL, [("www", None, ca.leaf("www.example.org"))]))
    session.wait_for("reloaded")
    session.process.send_signal(signal.SIGTERM)
    assert session.end(close=False)[0][-1] == "rolled-back"


def test_hygiene_comes_first(machine, tmp_path):
    """Before the policy is opened, and the alarm is on from then."""
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    session = machine.session("strace", "-o", str(tmp_path / "trace"))
    session.send(frame(wire.HELLO))
    assert session.end()[1] == 0
    before = (tmp_path / "trace").read_text().split('"agent.yaml"')[0]
    for call in ("close_range(3, ", "umask(077)", "chdir(\"/\")", "PR_SET_DUMPABLE, SUID_DUMP_DISABLE",
                 "RLIMIT_CORE, {rlim_cur=0", "RLIMIT_FSIZE, {rlim_cur=4096*1024", "{sa_handler=SIG_IGN"):
        assert call in before, call
    assert "alarm(60)" in before or "it_value={tv_sec=60" in before


def test_user_that_cannot_give_files_away(machine, ca):
    """An agent that is not root's, with a policy for one that is: said before it is tried."""
    as_user(machine)
    machine.policy.write_text(machine.policy.read_text().replace("owner: daemon", "owner: root"))
    how = ("setpriv", "--reuid", "1", "--regid", "1", "--clear-groups")
    text = "runs as uid 1, who cannot give files to root:daemon"
    for kind, request, files in ((wire.CHECK, ["ec-256", "www.example.org"], {}),
                                 (wire.INSTALL, None, ca.leaf("www.example.org"))):
        session = machine.session(*how)
        session.send(job(kind, [("www", request, files)]))
        lines, _ = session.end()
        assert lines[0].startswith("slot-failed www ") and text in lines[0], lines
    assert not list(machine.at("www").iterdir())
    done = subprocess.run([*how, PROGRAM, "--policy", machine.policy, "check"], text=True,
                          capture_output=True, check=False, timeout=60)
    assert done.returncode and text in done.stdout, done
