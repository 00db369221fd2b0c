# SPDX-License-Identifier: Apache-2.0
"""certferry host rotate-key: a new deploy key on real sshds; and what edits the file there."""

import base64
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

from certferry import CONFLICT, FINAL, WAITS, wait_until_group_is_gone
from net import wait_for

SCRIPT = pathlib.Path(__file__).parent / "../../server/install/authorizer.sh"
OLD = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + b"o" * 32).decode()
NEW = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + b"n" * 32).decode()
ADDED = f"ssh-ed25519 {NEW} certferry\n"
LINE = f"ssh-ed25519 {OLD} certferry\n"
OTHER = 'command="/usr/bin/backup --all",restrict ssh-rsa AAAAB3Nza root@backup\n'


# -- the editor by itself

@pytest.fixture(params=["dash", "bash", "busybox"])
def shell(request):
    return {"busybox": ["busybox", "sh"]}.get(request.param, [request.param])


def authorized(tmp_path, text):
    (tmp_path / ".ssh").mkdir(mode=0o700, exist_ok=True)
    path = tmp_path / ".ssh" / "authorized_keys"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o640)
    return path


def edit(shell, home, job, old=OLD, new=NEW, text=None):
    text = text or f"certferry-authorizer 1\njob {job}\nold {old}\nnew {new}\nend\n"
    done = subprocess.run([*shell, str(SCRIPT)], input=text, capture_output=True, text=True,
                          env={"HOME": str(home), "PATH": os.environ["PATH"]}, timeout=30)
    assert done.stderr == "" and done.returncode == 0, done
    assert done.stdout.startswith("certferry-authorizer-1 ") and done.stdout.count("\n") == 1
    return done.stdout.removeprefix("certferry-authorizer-1 ").rstrip("\n")


# name: before, after "add"; what "remove" makes of that is the first without lines of OLD
ADDS = {
    "bare": (LINE, ADDED + LINE),
    "restrict": ("restrict " + LINE, "restrict " + ADDED + "restrict " + LINE),
    "options with blanks in quotes": (
        'from="192.0.2.1,10.0.0.0/8",command="sh -c \\"$SSH_ORIGINAL_COMMAND\\" x",pty ' + LINE,
        'from="192.0.2.1,10.0.0.0/8",command="sh -c \\"$SSH_ORIGINAL_COMMAND\\" x",pty ' + ADDED +
        'from="192.0.2.1,10.0.0.0/8",command="sh -c \\"$SSH_ORIGINAL_COMMAND\\" x",pty ' + LINE),
    "among others": (
        "# mine\n\n" + OTHER + "restrict " + LINE + "ssh-dss AAA x\n",
        "# mine\n\n" + OTHER + "restrict " + ADDED + "restrict " + LINE + "ssh-dss AAA x\n"),
    "twice": ('from="a" ' + LINE + 'from="b" ' + LINE,
              'from="a" ' + ADDED + 'from="a" ' + LINE + 'from="b" ' + ADDED + 'from="b" ' + LINE),
    "without a comment, without an end": (f"ssh-ed25519 {OLD}", ADDED + f"ssh-ed25519 {OLD}\n"),
    "with CR": (f"ssh-ed25519 {OLD}\r\n", ADDED + f"ssh-ed25519 {OLD}\r\n"),
    "indented, tabs": (f"\t restrict\tssh-ed25519\t {OLD}\tx\n",
                       f"restrict {ADDED}\t restrict\tssh-ed25519\t {OLD}\tx\n"),
    "backslashes and glob letters": (
        "# a\\nb * ? [x] %s\n" + LINE, "# a\\nb * ? [x] %s\n" + ADDED + LINE),
    "the old key in a comment, too": (
        f"# ssh-ed25519 {OLD}\nssh-rsa AAAA me ssh-ed25519 {OLD} x\n" + LINE,
        f"# ssh-ed25519 {OLD}\nssh-rsa AAAA me ssh-ed25519 {OLD} x\n" + ADDED + LINE),
}


@pytest.mark.parametrize("name", ADDS)
def test_lines(shell, tmp_path, name):
    before, after = ADDS[name]
    path = authorized(tmp_path, before)
    assert edit(shell, tmp_path, "add") == "added"
    assert path.read_bytes().decode() == after
    assert path.stat().st_mode & 0o7777 == 0o640
    assert edit(shell, tmp_path, "add") == "present"
    assert path.read_bytes().decode() == after
    assert edit(shell, tmp_path, "remove") == "removed"
    kept = [line for line in after.splitlines(keepends=True)
            if line not in before.splitlines(keepends=True) or
            OLD not in line or line.startswith("#") or line.startswith("ssh-rsa")]
    kept = [line for line in kept if line.rstrip("\n") != before]
    assert path.read_bytes().decode() == "".join(kept)
    assert edit(shell, tmp_path, "remove") == "absent"
    assert os.listdir(tmp_path / ".ssh") == ["authorized_keys"]


# name: the file, what is said; nothing is changed
ELSEWHERE = {
    "empty": ("", "the line of the old key is not in"),
    "another key": (OTHER, "the line of the old key is not in"),
    "in a comment only": (f"# ssh-ed25519 {OLD}\n", "is not in"),
    "within quotes": (f'command="echo ssh-ed25519 {OLD} x" ssh-rsa AAAA x\n', "is not in"),
    "an open quote": (f'command="x ssh-ed25519 {OLD} x\n', "is not in"),
    "another's comment": (f"ssh-rsa AAAA me ssh-ed25519 {OLD}\n", "is not in"),
    "the beginning of a longer one": (f"ssh-ed25519 {OLD}AAAA x\n", "is not in"),
    "the end of a longer one": (f"ssh-ed25519 AAAA{OLD} x\n", "is not in"),
    "another type": (f"ssh-rsa {OLD} x\n", "is not in"),
    "NUL": (LINE.encode() + b"\0\n", "no text"),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_not_ours_to_edit(shell, tmp_path, name):
    text, said = ELSEWHERE[name]
    path = authorized(tmp_path, text)
    before = path.read_bytes()
    assert said in edit(shell, tmp_path, "add")
    assert path.read_bytes() == before
    assert os.listdir(tmp_path / ".ssh") == ["authorized_keys"]


def test_no_file_and_links(shell, tmp_path):
    assert edit(shell, tmp_path, "add").startswith("elsewhere there is no ")
    path = authorized(tmp_path, LINE)
    path.rename(tmp_path / "real")
    path.symlink_to(tmp_path / "real")
    assert "is a link" in edit(shell, tmp_path, "add")
    assert (tmp_path / "real").read_text() == LINE


def test_file_of_another_user(shell, tmp_path):
    path = authorized(tmp_path, LINE)
    os.chown(path, 1, 1)
    assert "belongs to another user" in edit(shell, tmp_path, "add")
    assert path.read_text() == LINE


@pytest.mark.parametrize("text", [
    "", "hello\n", "certferry-authorizer 2\njob add\n", "certferry-authorizer 1\njob add\n",
    f"certferry-authorizer 1\njob add\nold {OLD}\nnew {NEW}\n",
    f"certferry-authorizer 1\njob add\nold {OLD}\nnew {NEW}\nen",
    f"certferry-authorizer 1\njob drop\nold {OLD}\nnew {NEW}\nend\n"])
def test_input_that_is_cut(shell, tmp_path, text):
    path = authorized(tmp_path, LINE)
    assert edit(shell, tmp_path, "", text=text or "\n").startswith("failed ")
    assert path.read_text() == LINE


def test_disk_is_full(shell, tmp_path):
    home = tmp_path / "small"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", home], check=True)
    try:
        path = authorized(home, LINE)
        with pytest.raises(OSError), open(home / "fill", "wb", buffering=0) as fill:
            while fill.write(b"x" * 4096):
                pass
        assert edit(shell, home, "add").startswith("failed ")
        assert path.read_text() == LINE
        assert os.listdir(home / ".ssh") == ["authorized_keys"]
    finally:
        subprocess.run(["umount", home], check=True)


def test_killed_anywhere(shell, tmp_path):
    """Old or new, and the next run gets through whatever was left."""
    big = "".join(f"ssh-rsa AAAA{n} x\n" for n in range(300))
    after = big + "restrict " + ADDED + "restrict " + LINE
    for delay in [n * 0.004 for n in range(12)]:
        path = authorized(tmp_path, big + "restrict " + LINE)
        process = subprocess.Popen([*shell, str(SCRIPT)], stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, start_new_session=True,
                                   env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]})
        process.stdin.write(
            f"certferry-authorizer 1\njob add\nold {OLD}\nnew {NEW}\nend\n".encode())
        process.stdin.close()
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        wait_until_group_is_gone(process.pid)
        assert path.read_text() in (big + "restrict " + LINE, after), delay
        assert edit(shell, tmp_path, "add") in ("added", "present")
        assert path.read_text() == after
        assert os.listdir(tmp_path / ".ssh") == ["authorized_keys"]


# -- with certferry and real servers

def keys_of(host):
    home = "root" if host.user == "root" else f"home/{host.user}"
    return host.root / home / ".ssh" / "authorized_keys"


def fleet(world, count=3, **options):
    for number in range(1, count + 1):
        world.add_host(f"web-{number}", **options)
    world.write_config()
    world.public_key = world.certferry.init()["ssh_public_key"]
    for name, host in world.hosts.items():
        host.start_ssh_only(f"{OTHER}restrict {world.public_key}\n# the end")
        world.running.append(host)
        world.enroll(name)


def states(world):
    rows = world.certferry.json("host", "rotate-key", "--status")
    return {row["host"]: row["state"] for row in rows.get("hosts", [])}


def blob(line):
    return line.split("ssh-ed25519 ")[1].split()[0]


def has_only(host, public_key):
    text = keys_of(host).read_text()
    assert text.startswith(OTHER) and text.endswith("# the end\n"), text
    return text == f"{OTHER}restrict {public_key}\n# the end\n"


def test_all_are_up(world):
    fleet(world)
    old = world.public_key
    before = keys_of(world.hosts["web-1"]).stat()
    assert states(world) == {}
    world.certferry.good("host", "rotate-key")
    new = world.certferry.init()["ssh_public_key"]
    assert blob(new) != blob(old)
    for host in world.hosts.values():
        assert has_only(host, new)
    after = keys_of(world.hosts["web-1"]).stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == \
        (before.st_mode, before.st_uid, before.st_gid)
    assert states(world) == {}
    names = [row["event"] for row in world.certferry.json("events")["events"]]
    assert [names.count("ssh.rotation." + word) for word in
            ("begun", "added", "proved", "switched", "removed", "done")] == [1, 3, 3, 1, 3, 1]
    # And the next one begins with that.
    world.certferry.good("host", "rotate-key")
    assert blob(world.certferry.init()["ssh_public_key"]) not in (blob(old), blob(new))


def test_a_user_who_is_not_root(world):
    fleet(world, 1, user="deploy")
    world.certferry.good("host", "rotate-key")
    assert has_only(world.hosts["web-1"], world.certferry.init()["ssh_public_key"])


def test_one_is_down(world):
    fleet(world)
    old = world.public_key
    world.hosts["web-2"].stop()
    result = world.certferry.run("host", "rotate-key")
    assert result.code == WAITS and "not proved on 1 host" in result.err
    assert states(world) == {"web-1": "proved", "web-2": "waits", "web-3": "proved"}
    # The old key is the one that is used, and both are let in.
    assert world.certferry.init()["ssh_public_key"] == old
    for name in ("web-1", "web-3"):
        assert blob(old) in keys_of(world.hosts[name]).read_text()
    world.hosts["web-2"].start_sshd()
    world.certferry.good("host", "rotate-key")
    new = world.certferry.init()["ssh_public_key"]
    assert blob(new) != blob(old)
    for host in world.hosts.values():
        assert has_only(host, new)


def test_without_the_one_that_is_down(world):
    fleet(world)
    old = world.public_key
    world.hosts["web-2"].stop()
    result = world.certferry.run("host", "rotate-key", "--drop-unproved")
    assert result.code == WAITS and "the new key is in use; 1 host is not done" in result.err
    new = world.certferry.init()["ssh_public_key"]
    assert blob(new) != blob(old)
    assert states(world) == {"web-1": "done", "web-2": "waits", "web-3": "done"}
    # It comes back, and the old key still opens it.
    world.hosts["web-2"].start_sshd()
    world.certferry.good("host", "rotate-key", "web-2")
    for host in world.hosts.values():
        assert has_only(host, new)
    assert states(world) == {}


def test_one_that_never_comes_back(world):
    fleet(world, 2)
    world.hosts["web-2"].stop()
    assert world.certferry.run("host", "rotate-key", "--drop-unproved").code == WAITS
    result = world.certferry.good("host", "rotate-key", "--drop-unproved")
    assert "the new key's line:" in result.out and blob(world.public_key) in result.out
    assert states(world) == {}


@pytest.mark.parametrize("is_down", [True, False], ids=["down", "proved"])
def test_one_that_leaves_the_configuration(world, is_down):
    """Nobody visits it any more, so what is left there is said, and how it is removed."""
    fleet(world)
    old = world.public_key
    leaver, stays = ("web-2", "web-3") if is_down else ("web-3", "web-2")
    world.hosts["web-2"].stop()
    assert world.certferry.run("host", "rotate-key").code == WAITS
    del world.config["hosts"][leaver]
    world.write_config()
    row = world.certferry.json("host", "rotate-key", "--status")
    assert row["no_longer_configured"] == [leaver], row
    if not is_down:
        world.hosts["web-2"].start_sshd()
    result = world.certferry.good("host", "rotate-key")
    assert f"no longer in the configuration, so the old key's line stays there: {leaver}\n" in result.out
    file = world.directory / "old.pub"
    file.write_text(old + "\n")
    fingerprint = subprocess.run(["ssh-keygen", "-lf", file], check=True, capture_output=True,
                                 text=True).stdout.split()[1]
    assert fingerprint in result.out, result
    done = [row for row in world.certferry.json("events")["events"]
            if row["event"] == "ssh.rotation.done"]
    assert fingerprint in done[0]["text"] and done[0]["text"].endswith(f": {leaver}"), done

    # What is printed is what helps.
    keys = keys_of(world.hosts[leaver])
    assert blob(old) in keys.read_text()
    command = next(line for line in result.out.splitlines() if "sed -i" in line)
    subprocess.run(["sh", "-c", command.replace("~/.ssh/authorized_keys", f"'{keys}'")], check=True)
    text = keys.read_text()
    assert blob(old) not in text and text.startswith(OTHER) and text.endswith("# the end\n")
    assert has_only(world.hosts[stays], world.certferry.init()["ssh_public_key"])
    assert "no longer" not in world.certferry.good("host", "rotate-key").out


def test_nowhere_proved(world):
    fleet(world, 1)
    world.hosts["web-1"].stop()
    result = world.certferry.run("host", "rotate-key", "--drop-unproved")
    assert result.code == CONFLICT and "proved on no host at all" in result.err
    assert world.certferry.init()["ssh_public_key"] == world.public_key


def test_a_file_elsewhere(world):
    """sshd reads another file: a person adds the line, and the login decides."""
    fleet(world, 2)
    host = world.hosts["web-2"]
    mine = keys_of(host)
    elsewhere = host.root / "etc/ssh/keys"
    shutil.move(mine, elsewhere)
    config = host.root / "etc/ssh/sshd_config"
    host.write("etc/ssh/sshd_config", config.read_text().replace(
        ".ssh/authorized_keys", "/etc/ssh/keys"))
    host.stop()
    host.start_sshd()
    result = world.certferry.run("host", "rotate-key")
    assert result.code == FINAL and "by hand" in result.out
    assert states(world) == {"web-1": "proved", "web-2": "by hand"}
    new = world.certferry.json("host", "rotate-key", "--status")["new_line"]
    assert new in result.out
    elsewhere.write_text(f"restrict {new}\n" + elsewhere.read_text())
    result = world.certferry.run("host", "rotate-key")
    assert result.code == FINAL and "the old key is still let in" in result.out
    assert states(world) == {"web-1": "done", "web-2": "proved"}
    elsewhere.write_text(f"restrict {new}\n")
    world.certferry.good("host", "rotate-key")
    assert world.certferry.init()["ssh_public_key"] == new


def test_a_forced_command(world):
    """The old key may do one thing only, so its line is not ours to edit."""
    fleet(world, 1)
    path = keys_of(world.hosts["web-1"])
    before = f'restrict,command="echo certferry-agent" {world.public_key}\n'
    path.write_text(before)
    result = world.certferry.run("host", "rotate-key")
    assert result.code == FINAL and "forced command" in result.out
    assert path.read_text() == before
    new = world.certferry.json("host", "rotate-key", "--status")["new_line"]
    path.write_text(before + f'restrict,command="echo certferry-agent" {new}\n')
    assert world.certferry.run("host", "rotate-key").code == FINAL
    path.write_text(f'restrict,command="echo certferry-agent" {new}\n')
    world.certferry.good("host", "rotate-key")


def test_ended_while_an_old_line_is_left(world):
    """Somebody has to take it out, now that certferry forgets the key: here it is."""
    fleet(world, 1)
    path = keys_of(world.hosts["web-1"])
    mine = f'restrict,command="echo certferry-agent" {world.public_key}\n'
    path.write_text(mine)
    assert world.certferry.run("host", "rotate-key").code == FINAL
    new = world.certferry.json("host", "rotate-key", "--status")["new_line"]
    path.write_text(mine + mine.replace(world.public_key, new))
    assert world.certferry.run("host", "rotate-key").code == FINAL
    assert states(world) == {"web-1": "proved"}
    result = world.certferry.good("host", "rotate-key", "--drop-unproved")
    assert "the old key's line:" in result.out and blob(world.public_key) in result.out, result
    assert "the new key's line:" not in result.out and states(world) == {}


def test_by_hand_and_left_out(world):
    """Who waits for a person still does when a run goes to others only."""
    fleet(world, 2)
    path = keys_of(world.hosts["web-1"])
    path.write_text(f'restrict,command="echo certferry-agent" {world.public_key}\n')
    world.hosts["web-2"].stop()
    # Nobody knows yet what web-1 will say.
    assert world.certferry.run("host", "rotate-key", "web-2").code == WAITS
    assert world.certferry.run("host", "rotate-key").code == FINAL
    assert world.certferry.run("host", "rotate-key", "web-2").code == FINAL
    assert states(world) == {"web-1": "by hand", "web-2": "waits"}


def test_a_forced_command_that_lets_us_through(world):
    fleet(world, 1)
    path = keys_of(world.hosts["web-1"])
    options = 'from="127.0.0.0/8",restrict,command="exec sh -c \\"$SSH_ORIGINAL_COMMAND\\""'
    path.write_text(f"{OTHER}{options} {world.public_key}\n")
    world.certferry.good("host", "rotate-key")
    new = world.certferry.init()["ssh_public_key"]
    assert path.read_text() == f"{OTHER}{options} {new}\n"


def test_not_enrolled_and_unknown(world):
    fleet(world, 1)
    world.config["hosts"]["web-9"] = {"address": world.hosts["web-1"].address, "port": 2222}
    world.write_config()
    result = world.certferry.run("host", "rotate-key")
    assert result.code == FINAL and "certferry host enroll web-9" in result.out
    assert world.certferry.run("host", "rotate-key", "nobody").code == 3
    assert states(world)["web-1"] == "proved"


def end_when(world, process, is_time):
    """SIGKILL to certferry and its children as soon as that holds."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        time.sleep(0.01)
        if is_time():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            wait_until_group_is_gone(process.pid)
            return True
    process.wait()
    return False


@pytest.mark.parametrize("point", ["the first line is there", "the last line is there",
                                   "the first old line is gone"])
def test_killed_in_the_middle(world, point):
    fleet(world)
    old = world.public_key
    files = [keys_of(host) for host in world.hosts.values()]
    is_time = {
        "the first line is there": lambda: files[0].read_text().count("certferry\n") == 2,
        "the last line is there": lambda: files[2].read_text().count("certferry\n") == 2,
        "the first old line is gone": lambda: blob(old) not in files[0].read_text(),
    }[point]
    with world.slow_ssh():
        process = world.certferry.start("host", "rotate-key")
        assert end_when(world, process, is_time), "it ended before it was killed"
    # Whatever key is in use now is let in everywhere.
    usable = blob(world.certferry.init()["ssh_public_key"])
    for file in files:
        assert usable in file.read_text()
    world.certferry.good("host", "rotate-key")
    new = world.certferry.init()["ssh_public_key"]
    for host in world.hosts.values():
        assert has_only(host, new)


def test_the_old_key_is_refused_and_gone(world):
    fleet(world, 1)
    world.certferry.good("host", "rotate-key")
    # By the last of our own logins, which tries the old key and must not get in: sshd says
    # so when it has seen us go, and that may be later than we have gone.
    sshd = world.hosts["web-1"].sshd
    wait_for("the old key to be refused", lambda: "Connection closed by authenticating user root"
             in sshd.log_text().split("Accepted publickey")[-1])
    path = world.directory / "state" / "certferry.db"
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM key WHERE purpose = 'ssh'").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM rotation_host").fetchone() == (0,)
