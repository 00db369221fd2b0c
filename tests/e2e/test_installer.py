# SPDX-License-Identifier: Apache-2.0
"""The installer (transport "shell") under three shells, without SSH.

The command is the one that certferry sends (tests/install_command prints it). The
busybox server is a root directory that holds nothing but busybox.
"""
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from certferry import wait_until_group_is_gone

BUILD = os.environ.get(
    "CERTFERRY_BUILD", os.path.join(os.path.dirname(__file__), "../../build/dev"))
FILES = ["cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"]


class Server:
    """A shell, and a root directory ("" is this machine's)."""

    def __init__(self, shell, base):
        self.shell = shell
        self.root = ""
        self.base = base
        command, self.check_command = (
            subprocess.check_output([BUILD + "/tests/install_command", *option], text=True)
            for option in ([], ["check"]))
        if shell == "busybox":
            self.root = base
            self.base = "/srv"
            os.makedirs(base + "/srv")
            make_busybox_root(base)
            self.argv = ["chroot", base, "/bin/sh", "-c", command]
        else:
            # As /bin/sh of a server: the command starts "sh" by its name.
            os.makedirs(base + "/bin")
            os.symlink(shutil.which(shell), base + "/bin/sh")
            self.argv = [base + "/bin/sh", "-c", command]
        self.env = {"PATH": base + "/bin:/usr/bin:/bin", "text": "x", "LC_EVIL": "() { :;}"}

    def start(self):
        return subprocess.Popen(self.argv, env=self.env, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                start_new_session=True)

    def look(self, text):
        """What the checker says to a bundle."""
        done = subprocess.run(self.argv[:-1] + [self.check_command], env=self.env, input=text,
                              capture_output=True, text=True, timeout=60)
        return [line.removeprefix("certferry-1 ").strip() for line in done.stdout.splitlines()]

    def outside(self, path):
        return self.root + path

    def script(self, name, text):
        path = f"{self.base}/{name}"
        with open(self.outside(path), "w") as f:
            f.write("#!/bin/sh\n" + text)
        os.chmod(self.outside(path), 0o755)
        return path


def make_busybox_root(base):
    os.makedirs(base + "/bin")
    shutil.copy(shutil.which("busybox"), base + "/bin/busybox")
    ldd = subprocess.run(["ldd", base + "/bin/busybox"], capture_output=True, text=True)
    for lib in re.findall(r"/\S+", ldd.stdout):
        os.makedirs(base + os.path.dirname(lib), exist_ok=True)
        shutil.copy(lib, base + lib)
    for applet in subprocess.check_output(["busybox", "--list"], text=True).split():
        if applet != "busybox":
            os.symlink("busybox", f"{base}/bin/{applet}")
    for directory in ["etc", "dev", "tmp", "proc"]:
        os.makedirs(f"{base}/{directory}")
    for name in ["passwd", "group"]:
        shutil.copy("/etc/" + name, base + "/etc/" + name)
    os.mknod(base + "/dev/null", 0o666 | 0o020000, os.makedev(1, 3))
    os.chmod(base + "/dev/null", 0o666)


@pytest.fixture(params=["dash", "bash", "busybox"])
def server(request):
    base = tempfile.mkdtemp(prefix="installer-", dir="/var/tmp")
    os.chmod(base, 0o755)
    yield Server(request.param, base)
    shutil.rmtree(base)


def cert(tag):
    """Four texts that belong together, as long as real ones."""
    body = lambda what: f"-----BEGIN {what}-----\n" + f"{what} {tag}\n" * 30 + f"-----END {what}-----\n"
    return {"cert.pem": body("CERT"), "chain.pem": body("CHAIN"),
            "fullchain.pem": body("CERT") + body("CHAIN"), "privkey.pem": body("KEY")}


def checksum(texts):
    return hashlib.sha256("".join(texts[f] for f in FILES).encode()).hexdigest()


def slot(name, directory, texts, owner="root", group="root", mode="0640", sum=None):
    lines = (f"slot {name}\ndirectory {directory}\nowner {owner}\ngroup {group}\n"
             f"mode {mode}\nopen-mode 0644\nopen 3\ncert.pem\nchain.pem\nfullchain.pem\n"
             "secret 1\nprivkey.pem\n")
    if texts is None:
        return lines
    lines += f"sum {sum or checksum(texts)}\n"
    for file in FILES:
        lines += f"{file} {texts[file].count(chr(10))}\n{texts[file]}"
    return lines


def command_lines(argv):
    """One command, or a list of them."""
    commands = [argv] if argv and isinstance(argv[0], str) else argv
    return [line for command in commands for line in (*("=" + a for a in command), "-")]


def bundle(slots, test=(), reload=(), job="install", service=60, confirm=60):
    head = f"certferry-bundle 2\njob {job}\nservice-timeout {service}\nconfirm-timeout {confirm}\n"
    for what, argv in [("test", test), ("reload", reload)]:
        lines = command_lines(argv)
        head += f"{what} {len(lines)}\n" + "".join(line + "\n" for line in lines)
    return head + "".join(slots) + "end\n"


def install(server, text, answer="commit\n", timeout=60):
    """Sends the bundle, then the answer (None: end of file) after "reloaded"."""
    p = server.start()
    p.stdin.write(text)
    p.stdin.flush()
    lines = []
    for line in p.stdout:
        assert line.startswith("certferry-1 "), line
        lines.append(line[len("certferry-1 "):].strip())
        if lines[-1] == "reloaded":
            if answer is None:
                p.stdin.close()
            elif answer != "silence":
                p.stdin.write(answer)
                p.stdin.flush()
    p.wait(timeout)
    p.lines = lines
    return p


def live(server, directory):
    """The texts as a service reads them."""
    at = server.outside(directory)
    return {f: open(f"{at}/live/{f}").read() for f in FILES}


def generations(server, directory):
    return sorted(n for n in os.listdir(server.outside(directory)) if n.startswith("gen-"))


def leftovers(server, directory):
    return [n for n in os.listdir(server.outside(directory))
            if n not in FILES + ["live"] and not n.startswith("gen-")]


def put(server, tag, **kw):
    d = server.base + "/tls/www"
    return install(server, bundle([slot("www", d, cert(tag))], **kw))


def test_first_and_second_and_same(server):
    d = server.base + "/tls/my www"
    log = server.base + "/log"
    reload = server.script("reload", f'echo "$# $1:$2:$3" >>{log}\n')
    argv = [reload, "", "two  words", "$(id) * \\x"]

    def send(tag):
        return install(server, bundle([slot("www", d, cert(tag), group="adm")],
                                      test=["true"], reload=argv))

    p = send("one")
    assert p.lines == ["staged www", "switched", "tested", "reloaded", "committed"]
    assert p.returncode == 0
    assert live(server, d) == cert("one")
    at = server.outside(d)
    assert open(at + "/fullchain.pem").read() == cert("one")["fullchain.pem"]
    assert oct(os.stat(at + "/privkey.pem").st_mode)[-4:] == "0640"
    assert oct(os.stat(at + "/cert.pem").st_mode)[-4:] == "0644"
    assert oct(os.stat(at + "/live/").st_mode)[-4:] == "0755"
    assert oct(os.stat(at).st_mode)[-4:] == "0755"
    assert os.stat(at + "/privkey.pem").st_uid == 0
    import grp
    assert os.stat(at + "/privkey.pem").st_gid == grp.getgrnam("adm").gr_gid

    assert send("two").lines[0] == "staged www"
    assert live(server, d) == cert("two")
    p = send("two")
    assert p.lines == ["unchanged www", "tested", "reloaded", "committed"]
    send("three")
    assert len(generations(server, d)) == 2
    assert leftovers(server, d) == []
    assert open(server.outside(log)).read().splitlines() == ["3 :two  words:$(id) * \\x"] * 4


def test_mode_is_mended(server):
    d = server.base + "/tls/www"
    put(server, "one")
    os.chmod(server.outside(d) + "/privkey.pem", 0o644)
    assert put(server, "one").lines[0] == "staged www"
    assert oct(os.stat(server.outside(d) + "/privkey.pem").st_mode)[-4:] == "0640"


def test_inspect(server):
    d = server.base + "/tls/www"

    def ask(mode="0640"):
        return install(server, bundle([slot("www", d, None, mode=mode)], job="inspect")).lines

    assert ask() == ["live www none"]
    put(server, "one")
    assert ask() == [f"live www {checksum(cert('one'))} 0640 root:root"]
    assert ask("0600") == [f"live www {checksum(cert('one'))} other owner or mode"]


def test_service_test_fails(server):
    d = server.base + "/tls/www"
    put(server, "one")
    test = server.script("test", "printf 'bad\\033[2J\\nline\\n' >&2; seq 1 500; echo at the end; exit 3\n")
    log = server.base + "/log"
    p = put(server, "two", test=[test], reload=[server.script("reload", f"echo x >>{log}\n")])
    assert p.lines[:2] == ["staged www", "switched"]
    assert p.lines[2].startswith(f"test-failed {test[:60]} ended with status 3: ")
    assert p.lines[2].endswith("at the end")
    assert len(p.lines[2]) < 380 and len(p.lines) == 3
    assert p.returncode == 1
    assert live(server, d) == cert("one")
    assert len(generations(server, d)) == 1 and leftovers(server, d) == []
    assert not os.path.exists(server.outside(log))


def test_first_install_fails(server):
    d = server.base + "/tls/www"
    p = put(server, "one", test=["false"])
    assert p.lines[-1].startswith("test-failed false ended with status 1:")
    assert os.listdir(server.outside(d)) == []


def test_missing_program(server):
    p = put(server, "one", test=["/no/such/program"])
    assert p.lines[-1].startswith("test-failed /no/such/program ended with status 127:")
    assert "/no/such/program" in p.lines[-1]


def test_reload_fails_once(server):
    d = server.base + "/tls/www"
    log = server.base + "/log"
    put(server, "one")
    reload = server.script(
        "reload", f"cat {d}/cert.pem | sed -n 2p >>{log}; grep -q 'CERT one' {d}/cert.pem\n")
    p = put(server, "two", reload=[reload])
    assert p.lines[-1].startswith(f"reload-failed {reload} ended with status 1:")
    assert open(server.outside(log)).read().splitlines() == ["CERT two", "CERT one"]
    assert live(server, d) == cert("one")
    assert len(generations(server, d)) == 1 and leftovers(server, d) == []


def test_reload_hangs(server):
    d = server.base + "/tls/www"
    put(server, "one")
    hang = server.script("hang", "trap '' TERM\necho stuck\nwhile :; do sleep 1; done\n")
    begin = time.time()
    p = put(server, "two", reload=[hang], service=1)
    assert time.time() - begin < 60
    assert p.lines[-1].startswith(f"reload-failed {hang} did not end within 1 s: stuck")
    assert f"reload after it {hang} did not end within 1 s" in p.lines[-1]
    assert live(server, d) == cert("one")
    assert leftovers(server, d) == []


def test_daemon_holds_nothing(server):
    """A reload that leaves a daemon behind must not keep the session open."""
    daemon = server.script("daemon", "sleep 31 &\necho started\n")
    begin = time.time()
    p = put(server, "one", reload=[daemon])
    assert p.lines[-1] == "committed"
    assert p.stdout.read() == "" and p.stderr.read() == ""
    assert time.time() - begin < 28


@pytest.mark.parametrize("answer", ["rollback\n", None, "silence", "commit", "COMMIT\n"])
def test_not_confirmed(server, answer):
    d = server.base + "/tls/www"
    log = server.base + "/log"
    put(server, "one")
    reload = server.script("reload", f"sed -n 2p {d}/cert.pem >>{log}\n")
    if answer == "commit":  # cut off before its newline
        p = server.start()
        p.stdin.write(bundle([slot("www", d, cert("two"))], reload=[reload]) + answer)
        p.stdin.close()
        p.lines = [line[12:].strip() for line in p.stdout]
        p.wait()
    else:
        p = install(server, bundle([slot("www", d, cert("two"))], reload=[reload], confirm=1), answer)
    assert p.lines == ["staged www", "switched", "reloaded", "rolled-back"]
    assert p.returncode == 1
    assert open(server.outside(log)).read().splitlines() == ["CERT two", "CERT one"]
    assert live(server, d) == cert("one")
    assert len(generations(server, d)) == 1 and leftovers(server, d) == []


def test_cut_bundle(server):
    d = server.base + "/tls/www"
    put(server, "one")
    text = bundle([slot("www", d, cert("two")), slot("mail", server.base + "/tls/mail", cert("m"))])
    # Always the same ones, with the first and the last that there are.
    for cut in sorted({0, 1, len(text) - 4, len(text) - 1,
                       *random.Random(25).sample(range(len(text)), 21)}):
        p = server.start()
        try:
            p.stdin.write(text[:cut])
            p.stdin.close()
        except BrokenPipeError:
            pass
        assert p.stdout.read().splitlines()[-1].startswith("certferry-1 failed "), cut
        assert p.wait() == 1
        assert live(server, d) == cert("one")
        assert len(generations(server, d)) == 1 and leftovers(server, d) == []
        mail = server.outside(server.base + "/tls/mail")
        assert not os.path.exists(mail) or os.listdir(mail) == []


def test_one_bad_slot_of_three(server):
    tls = server.base + "/tls"
    bad = server.base + "/file"
    open(server.outside(bad), "w").close()
    p = install(server, bundle([
        slot("a", tls + "/a", cert("a"), owner="nobodyknows"),
        slot("b", tls + "/b", cert("b")),
        slot("c", bad + "/c", cert("c")),
        slot("d", tls + "/d", cert("d"), group="nogroupknows"),
        slot("e", tls + "/e", cert("e"), sum="1 2"),
        slot("f", tls + "/f", cert("f"))]))
    assert [" ".join(line.split()[:2]) for line in p.lines] == [
        "slot-failed a", "staged b", "slot-failed c", "slot-failed d", "slot-failed e",
        "staged f", "switched", "reloaded", "committed"]
    assert "nobodyknows" in p.lines[0] and "nogroupknows" in p.lines[3]
    assert "disk full" in p.lines[4]
    assert live(server, tls + "/b") == cert("b") and live(server, tls + "/f") == cert("f")
    for name in "ade":
        assert os.listdir(server.outside(f"{tls}/{name}")) == []
    assert p.returncode == 0


def test_all_slots_bad(server):
    p = install(server, bundle([slot("a", server.base + "/tls/a", cert("a"), owner="nobodyknows")]))
    assert p.lines[-1] == "failed no slot could be staged"
    assert p.returncode == 1


def test_foreign_files_are_left_alone(server):
    d = server.base + "/tls/www"
    os.makedirs(server.outside(d))
    with open(server.outside(d) + "/privkey.pem", "w") as f:
        f.write("mine")
    p = put(server, "one")
    assert "move it away" in p.lines[0] and p.lines[0].startswith("slot-failed www")
    assert os.listdir(server.outside(d)) == ["privkey.pem"]
    os.unlink(server.outside(d) + "/privkey.pem")
    os.makedirs(server.outside(d) + "/live/x")
    assert "move it away" in put(server, "one").lines[0]
    shutil.rmtree(server.outside(d) + "/live")
    os.chmod(server.outside(d), 0o777)
    assert "chmod go-w" in put(server, "one").lines[0]
    os.chmod(server.outside(d), 0o755)
    assert put(server, "one").lines[-1] == "committed"


@pytest.mark.parametrize("case", ["foreign", "writable", "sticky", "link"])
def test_directory_that_somebody_could_swap(server, case):
    """A local user who may rename the directory above could lead root's hand elsewhere."""
    home = server.base + "/home"
    d = home + "/tls"
    os.makedirs(server.outside(d))
    if case == "link":  # the real place counts
        os.symlink(home, server.outside(server.base + "/link"))
        d = server.base + "/link/tls"
    os.chmod(server.outside(home), {"sticky": 0o1777, "writable": 0o777}.get(case, 0o755))
    os.chown(server.outside(home), 12345 if case in ["foreign", "link"] else 0, 0)
    lines = install(server, bundle([slot("www", d, cert("one"))])).lines
    if case == "sticky":
        assert lines[-1] == "committed", lines
    else:
        assert "others may rename" in lines[0] and lines[-1].startswith("failed"), lines
        assert os.listdir(server.outside(home + "/tls")) == []


def test_lock(server):
    d = server.base + "/tls/www"
    put(server, "one")
    first = server.start()
    first.stdin.write(bundle([slot("www", d, cert("two"))]))
    first.stdin.flush()
    while first.stdout.readline() != "certferry-1 reloaded\n":
        pass
    p = put(server, "three")
    assert re.match(r"slot-failed www another run \(process \d+\) is at work in", p.lines[0])
    assert live(server, d) == cert("two")
    first.stdin.write("commit\n")
    first.stdin.close()
    assert first.wait() == 0
    assert put(server, "three").lines[-1] == "committed"


def test_killed_anywhere(server):
    """The live pair is whole after kill -9 at any time, and the next run heals."""
    d = server.base + "/tls/www"
    put(server, "0")
    begin = time.time()
    put(server, "1")
    whole = time.time() - begin
    known = {tag: cert(tag) for tag in map(str, range(40))}
    seed = random.randrange(2 ** 32)
    chance = random.Random(seed)
    for i in range(2, 14):
        p = server.start()
        p.stdin.write(bundle([slot("www", d, known[str(i)])], reload=["true"]) + "commit\n")
        p.stdin.flush()
        time.sleep(chance.random() * whole)
        os.killpg(p.pid, signal.SIGKILL)
        p.wait()
        wait_until_group_is_gone(p.pid)
        p.stdin.close()
        assert live(server, d) in (known[str(i)], known[str(i - 1)]), (i, seed)
        p = install(server, bundle([slot("www", d, known[str(i)])], reload=["true"]))
        assert p.lines[-1] == "committed", (i, seed, p.lines)
        assert live(server, d) == known[str(i)]
        assert leftovers(server, d) == []
    # A run that was killed may leave its generation; the next that brings a new one tidies.
    put(server, "20")
    assert len(generations(server, d)) == 2


def test_reader_sees_no_mixed_pair(server):
    d = server.base + "/tls/www"
    put(server, "0")
    at = server.outside(d)
    for i in range(1, 6):
        p = server.start()
        p.stdin.write(bundle([slot("www", d, cert(str(i)))], reload=["true"]) + "commit\n")
        p.stdin.close()
        while p.poll() is None:
            fd = os.open(at + "/live", os.O_RDONLY | os.O_DIRECTORY)
            texts = [open(os.open(f, os.O_RDONLY, dir_fd=fd)).read() for f in FILES]
            os.close(fd)
            assert len({t.split("\n")[1].split(" ")[1] for t in texts}) == 1


def test_full_disk(server):
    """A file size limit stands for the full disk where nothing may be mounted."""
    d = server.base + "/tls/www"
    put(server, "one")
    at = server.outside(server.base) + "/tls"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k,mode=755", "none", at],
                             capture_output=True).returncode == 0
    if not mounted:
        server.argv = ["sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "sh"] + server.argv
    try:
        texts = cert("two")
        texts["chain.pem"] *= 40
        texts["fullchain.pem"] = texts["cert.pem"] + texts["chain.pem"]
        p = install(server, bundle([slot("www", d, texts)]))
        assert p.lines[0].startswith("slot-failed www")
        assert p.lines[-1].startswith("failed")
        if mounted:
            assert "disk full" in p.lines[0]
            assert os.listdir(server.outside(d)) == []
        else:
            assert live(server, d) == cert("one")
    finally:
        if mounted:
            subprocess.run(["umount", at], check=True)
    assert live(server, d) == cert("one")
    assert leftovers(server, d) == []


@pytest.mark.parametrize("options", ["", "allexport", "xtrace"])
def test_secret_is_seen_nowhere(server, options):
    """Not in arguments or environments while it runs, and not in what it says; not even
    where the login's environment asks bash to export or to trace everything."""
    if options:
        server.env["SHELLOPTS"] = options
    d = server.base + "/tls/www"
    secret = b"KEY canary"
    spy = server.script("spy", "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | "
                        "tr '\\0' '\\n' | grep 'KEY [c]anary' && exit 1; exit 0\n")
    p = server.start()
    p.stdin.write(bundle([slot("www", d, cert("canary"))], test=[spy]))
    p.stdin.flush()
    seen = b""
    while p.poll() is None:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            for name in ("environ", "cmdline"):
                try:
                    with open(f"/proc/{pid}/{name}", "rb") as f:
                        data = f.read()
                    seen += data if secret in data else b""
                except OSError:
                    pass
        if seen or os.path.exists(server.outside(d) + "/live"):
            break
    p.stdin.write("commit\n")
    p.stdin.close()
    out = p.stdout.read() + p.stderr.read()
    p.wait()
    assert seen == b"" and "canary" not in out
    assert "committed" in out


def test_wrong_bundles(server):
    for text in ["", "\n", "hello\n", "certferry-bundle 2\n", "GET / HTTP/1.0\n\n"]:
        p = server.start()
        p.stdin.write(text)
        p.stdin.close()
        assert p.stdout.read().startswith("certferry-1 failed "), text
        assert p.wait() == 1


def everything(server):
    """All that is below the server's directory, with times: a look leaves it alone."""
    found = {}
    for at, _, files in os.walk(server.outside(server.base)):
        for path in [at] + [os.path.join(at, f) for f in files]:
            s = os.lstat(path)
            found[path] = (s.st_mode, s.st_uid, s.st_mtime_ns, s.st_ctime_ns)
    return found


def test_look_changes_nothing(server):
    """Before the first installation, after it, and where the test prints and fails."""
    d = server.base + "/tls/www"
    test = server.script("test", "echo it works; exit 0\n")
    bad = server.script("bad", "seq 1 9999; echo why >&2; exit 3\n")
    for tag in (None, "one"):
        if tag:
            put(server, tag)
        before = everything(server), set(os.listdir("/tmp"))
        assert server.look(bundle([slot("www", d, None)], job="check")) == ["checked www"]
        assert server.look(bundle([slot("www", d, None), slot("a", "/etc/a/b", None)],
                                  test=[test], job="check")) == [
            "checked www", "checked a", "tested"]
        said = server.look(bundle([slot("www", d, None)], test=[bad], job="check"))
        assert said[1].startswith(f"test-failed {bad[:60]} ended with status 3: "), said
        assert said[1].endswith("why") and len(said[1]) < 380, said
        assert everything(server) == before[0]
    assert server.look(bundle([slot("www", d, None)], test=["/no/such"], job="check"))[1] \
        .startswith("test-failed /no/such ended with status 127:")


def test_look_at_a_test_that_hangs(server):
    hang = server.script("hang", "echo stuck; exec sleep 60\n")
    begin = time.time()
    said = server.look(bundle([slot("www", server.base + "/x", None)], test=[hang], service=1,
                              job="check"))
    assert said[1] == f"test-failed {hang} did not end within 1 s: stuck", said
    assert time.time() - begin < 28


@pytest.mark.parametrize("text, said", [
    ("sleep 31 & echo started; exit 0\n", "tested"),
    ("(while :; do echo loud; done) & exit 0\n", "tested"),
    ("(while :; do echo loud; done) & wait\n", "test-failed {} did not end within 1 s: loud"),
    ("yes | tr -d '\\n'\n", "test-failed "),
], ids=["daemon", "loud daemon", "flood", "endless line"])
def test_look_at_a_test_that_leaves_something(server, text, said):
    """What holds the pipe keeps nothing of ours waiting, and cannot write on and on."""
    test = server.script("test", text)
    begin = time.time()
    heard = server.look(bundle([slot("www", server.base + "/x", None)], test=[test], service=1,
                               job="check"))
    assert heard[1].startswith(said.format(test)), heard
    assert time.time() - begin < 28


def test_look_finds(server):
    """Each reason for which a slot would be left out, in the words of the installer."""
    base = server.base
    for name in ("file", "mine/privkey.pem", "open/x/y", "loose/x/y", "own"):
        os.makedirs(server.outside(os.path.dirname(f"{base}/{name}")), exist_ok=True)
        if not name.endswith("y"):
            open(server.outside(f"{base}/{name}"), "w").close()
    os.chmod(server.outside(base + "/open"), 0o777)
    os.chmod(server.outside(base + "/loose"), 0o775)
    cases = {
        base + "/file/www": "is no directory", base + "/mine": "move it away",
        base + "/open/new/www": "others may rename what is in", base + "/open": "chmod go-w",
        base + "/loose/x": "others may rename what is in"}
    for directory, words in cases.items():
        said = server.look(bundle([slot("www", directory, None)], job="check"))
        assert said[0].startswith("slot-failed www ") and words in said[0], (directory, said)
    for account in ({"owner": "nobodyknows"}, {"group": "nogroupknows"}):
        said = server.look(bundle([slot("www", base + "/x", None, **account)], job="check"))
        assert "knows" in said[0] and said[0].startswith("slot-failed"), said
    assert server.look(bundle([slot("www", base + "/x", None, owner="0", group="0")],
                              job="check")) == ["checked www"]


def test_look_at_a_disk(server):
    """Full, and read-only."""
    at = server.outside(server.base) + "/tls"
    os.mkdir(at)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k,mode=755", "none", at],
                      capture_output=True).returncode:
        pytest.skip("no right to mount here")

    def mounts(option):
        if server.shell == "busybox":  # in its root there is no /proc
            for name in ("proc/mounts", "etc/mtab"):
                with open(f"{server.root}/{name}", "w") as f:
                    f.write(f"none / none rw 0 0\nnone /srv/tls tmpfs {option},relatime 0 0\n")

    try:
        mounts("rw")
        text = bundle([slot("www", server.base + "/tls/www", None)], job="check")
        said = server.look(text)
        assert "KiB are free" in said[0], said
        subprocess.run(["mount", "-o", "remount,ro,size=1m", at], check=True)
        mounts("ro")
        said = server.look(text)
        assert "cannot be written to" in said[0], said
    finally:
        subprocess.run(["umount", at], check=True)
