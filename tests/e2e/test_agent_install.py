# SPDX-License-Identifier: Apache-2.0
"""certferry agent script and agent install: the agent put on servers, by hand and by SSH."""

import shutil
import subprocess

import pytest
import yaml

from agent_host import IS_STATIC, PROGRAM, put_program
from fleet import SLOT, ZONE
from hosts import Host, copy_program

TOOLS = ["useradd", "usermod", "visudo", "getent", "uname", "mktemp", "dd", "sha256sum", "hostname"]
SUDOERS = "root ALL=(ALL:ALL) NOPASSWD: ALL\ndeploy ALL=(root) NOPASSWD: ALL\n@includedir /etc/sudoers.d\n"
POLICY = "etc/certferry/agent.yaml"


def prepare(host, program=True):
    """What the package of the agent and a usual server have."""
    if "busybox" not in (host.root / "bin/sh").resolve().name:
        for name in TOOLS:
            copy_program(host.root, name)
    if (host.root / "usr/bin/sudo").exists():
        host.write("etc/sudoers", SUDOERS, 0o440)
        (host.root / "etc/sudoers.d").mkdir(exist_ok=True)
    if program:
        put_program(host.root)
    (host.root / "var/lib").mkdir(exist_ok=True)


def make_host(world, user="root", flavour="debian", login="root", **options):
    host = Host(world.directory / "web-1", "web-1", world.net.address(100), world.cache,
                flavour=flavour, user=login)
    world.hosts["web-1"] = host
    world.config["hosts"]["web-1"] = {"address": host.address, "port": 2222, "groups": ["web"],
                                      "user": user}
    prepare(host, **options)
    return host


def simple_world(world, user="root", flavour="debian", **certificate):
    world.config["cas"]["pebble"] = {"directory": "https://ca.test/dir"}
    world.config["dns"]["home"] = {"provider": "manual"}
    host = make_host(world, user, flavour)
    world.add_certificate(**certificate)
    world.write_config()
    world.public_key = world.certferry.init()["ssh_public_key"]
    return host


def run_script(host, text, *args, shell="/bin/sh", **environment):
    host.write("setup", text)
    return subprocess.run(["env", "-i", *[f"{k}={v}" for k, v in environment.items()],
                           "/usr/sbin/chroot", host.root, shell, "/setup", *args],
                          capture_output=True, text=True, timeout=60)


def tree(host):
    """Everything below the directories that the script writes to, with owner and mode."""
    found = {}
    for top in ("etc", "root", "home", "var/lib", "usr/sbin"):
        for path in sorted((host.root / top).rglob("*")):
            st = path.lstat()
            plain = path.is_file() and not path.is_symlink()
            found[str(path)] = (st.st_mode, st.st_uid, st.st_gid,
                                path.read_bytes() if plain else None)
    return found


@pytest.mark.parametrize("flavour", ["debian", "busybox"])
def test_twice_is_once(world, flavour):
    host = simple_world(world, flavour=flavour, services=["haproxy"], **{"key-on": "target"}, install={
        "directory": SLOT, "group": "ssl-cert", "mode": "0640"})
    host.write("root/.ssh/authorized_keys", f"# mine\nssh-ed25519 AAAA other\nrestrict {world.public_key}\n",
               0o600)
    text = world.certferry.good("agent", "script", "web-1", "--from", "192.0.2.1,2001:db8::/32").out
    first = run_script(host, text)
    assert first.returncode == 0, first
    # The sandbox is then no wider than the slots, from the first session on.
    assert (host.root / SLOT.lstrip("/")).stat().st_mode & 0o7777 == 0o755
    before = tree(host)
    second = run_script(host, text)
    assert second.returncode == 0, second
    assert tree(host) == before
    assert "written" not in second.stdout, second.stdout
    wider = run_script(host, world.certferry.good("agent", "script", "web-1").out)
    assert wider.returncode == 1 and "use --from, too" in wider.stderr, wider
    assert tree(host) == before
    keys = (host.root / "root/.ssh/authorized_keys").read_text().splitlines()
    assert keys == ["# mine", "ssh-ed25519 AAAA other",
                    'restrict,command="/usr/sbin/certferry-agent session",'
                    f'from="192.0.2.1,2001:db8::/32" {world.public_key}']
    checked = subprocess.run(["chroot", host.root, "/usr/sbin/certferry-agent", "check"],
                             capture_output=True, text=True)
    assert checked.returncode == 0, checked
    for wanted in (f"web-1.srv.{ZONE}", f"*.{ZONE}", SLOT, "combined.pem", "root:ssl-cert, 0640",
                   "service haproxy", "is made here and never leaves",
                   "kill -USR2 $(cat /run/haproxy.pid)", "service nginx"):
        assert wanted in checked.stdout, (wanted, checked.stdout)


def test_a_user_of_its_own(world):
    """sudo takes the lines, each command alone, and nothing else."""
    host = simple_world(world, user="certferry", services=["nginx", "postgresql", "haproxy"],
                        reload=None, install={"directory": SLOT, "group": "ssl-cert", "mode": "0640"})
    for name in ("haproxy", "runuser"):
        host.write(f"usr/sbin/{name}", "#!/bin/sh\necho ran \"$0\"\n", 0o755)
    text = world.certferry.good("agent", "script", "web-1").out
    assert subprocess.run(["shellcheck", "-e", "SC2016", "-s", "sh", "-"], input=text, text=True).returncode == 0 \
        if shutil.which("shellcheck") else True
    for turn in range(2):
        done = run_script(host, text)
        assert done.returncode == 0, done
        if turn == 0:
            before = tree(host)
    assert tree(host) == before
    lines = (host.root / "etc/sudoers.d/certferry-agent").read_text()
    assert "certferry ALL=(root) NOPASSWD: /usr/sbin/nginx -s reload\n" in lines
    assert subprocess.run(["visudo", "-c", "-f", host.root / "etc/sudoers.d/certferry-agent"],
                          capture_output=True).returncode == 0

    def sudo(*argv):
        return subprocess.run(["chroot", host.root, "sudo", "-n", "-u", "certferry", "--", "sudo",
                               "-n", "-l", *argv], capture_output=True, text=True).returncode == 0

    for service in policy_services(host):
        for argv in service:
            assert sudo(*argv), argv
            assert not sudo(*argv, "more"), argv
    assert not sudo("sh", "-c", "id") and not sudo("nginx", "-s", "stop")
    st = (host.root / SLOT.lstrip("/")).stat()
    uid = int(subprocess.run(["chroot", host.root, "id", "-u", "certferry"], check=True,
                             capture_output=True, text=True).stdout)
    assert st.st_uid == uid and st.st_mode & 0o7777 == 0o755
    assert (host.root / POLICY).stat().st_uid == 0


def policy_services(host):
    """The commands that stand behind sudo in the policy."""
    policy = yaml.safe_load((host.root / POLICY).read_text())
    for service in policy["services"].values():
        commands = [service[what] for what in ("test", "reload") if what in service]
        assert all(argv[:2] == ["sudo", "-n"] for argv in commands), commands
        assert all(service[f"{what}-timeout"] == 60 for what in ("test", "reload") if what in service)
        yield [argv[2:] for argv in commands]


def test_group(world):
    """One script for several: which it is, its own name says, or CERTFERRY_HOST."""
    host = simple_world(world)
    world.config["hosts"]["web-2"] = {"address": "127.0.0.9", "groups": ["web"]}
    world.write_config()
    text = world.certferry.good("agent", "script", "web").out
    lost = run_script(host, text)
    assert lost.returncode == 1 and "CERTFERRY_HOST=NAME" in lost.stderr, lost
    assert not (host.root / POLICY).exists()
    assert run_script(host, text, CERTFERRY_HOST="web-2").returncode == 0
    assert f"web-2.srv.{ZONE}" in (host.root / POLICY).read_text()
    assert "web-1.srv" not in (host.root / POLICY).read_text()
    assert run_script(host, text, CERTFERRY_HOST="web-1.example.org").returncode == 0
    assert f"web-1.srv.{ZONE}" in (host.root / POLICY).read_text()
    # Several words: each server once, and a word that is nobody's is no small matter.
    assert world.certferry.good("agent", "script", "web-2", "web-1").out == text
    assert world.certferry.good("agent", "script", "web-2", "web", "web-2").out == text
    assert world.certferry.good("agent", "script", "web-2", "web-2").out != text
    nobody = world.certferry.run("agent", "script", "web", "wbe")
    assert nobody.code != 0 and "no host and no group 'wbe'" in nobody.err, nobody


def without_library(host):
    """The agent here; libyaml is what the server lacks."""
    if IS_STATIC:
        pytest.skip("linked statically: it lacks nothing")
    gone = list((host.root / "usr/lib").rglob("libyaml-0.so*"))
    assert gone, "the agent has no library to lose"
    for path in gone:
        path.unlink()
    return PROGRAM.read_bytes()


def for_another_machine(host):
    program = bytearray(PROGRAM.read_bytes())
    program[18:20] = b"\x02\x00"  # e_machine: SPARC
    return bytes(program)


def of_another_system(host):
    """Its loader is not there."""
    if IS_STATIC:
        pytest.skip("linked statically: it needs no loader")
    program = PROGRAM.read_bytes()
    loader = program[program.index(b"/ld-linux"):].split(b"\0")[0]
    return program.replace(loader, loader[:-1] + b"9", 1)


@pytest.mark.parametrize("flavour, old", [("debian", False), ("busybox", True)])
@pytest.mark.parametrize("make, text", [
    (without_library, "libyaml-0-2 and libssl3"),
    (for_another_machine, "for another kind of machine"),
    (of_another_system, "built for another or newer system")])
def test_an_agent_that_does_not_run(world, flavour, old, make, text):
    """It is tried before anything is changed, and what to do is said."""
    host = simple_world(world, flavour=flavour)
    (host.root / "tmp/agent").write_bytes(make(host))
    if old:
        (host.root / "usr/sbin/certferry-agent").write_text("#!/bin/sh\nexit 0\n")
    else:
        (host.root / "usr/sbin/certferry-agent").unlink()
    before = tree(host)
    done = run_script(host, world.certferry.good("agent", "script", "web-1").out, "/tmp/agent")
    assert done.returncode == 1 and text in done.stderr and "nothing was changed" in done.stderr, done
    assert tree(host) == before


def test_the_agent_of_a_package_that_does_not_run(world):
    host = simple_world(world)
    without_library(host)
    before = tree(host)
    done = run_script(host, world.certferry.good("agent", "script", "web-1").out)
    assert done.returncode == 1 and "libyaml-0.so.2" in done.stderr, done
    assert tree(host) == before


def link_policy(host):
    (host.root / "etc/certferry").mkdir()
    (host.root / POLICY).symlink_to("/tmp/policy")


def open_directory(host):
    (host.root / "etc/certferry").mkdir()
    (host.root / "etc/certferry").chmod(0o777)


@pytest.mark.parametrize("change, text", [
    pytest.param(lambda host: host.write(POLICY, "version: 1\nslots: {}\n"), "made by somebody else",
                 id="policy"),
    pytest.param(link_policy, "is a link", id="link"),
    pytest.param(open_directory, "can be changed by others than root", id="directory"),
    pytest.param(lambda host: (host.root / "usr/sbin/certferry-agent").unlink(),
                 "there is no /usr/sbin/certferry-agent", id="program"),
    pytest.param(lambda host: (host.root / "root/.ssh/authorized_keys").symlink_to("/tmp/keys"),
                 "authorized_keys is a link", id="keys"),
])
def test_odd(world, change, text):
    """Left as it is, and the key is not let in."""
    host = simple_world(world)
    change(host)
    before = tree(host)
    done = run_script(host, world.certferry.good("agent", "script", "web-1").out)
    assert done.returncode == 1 and text in done.stderr, done
    after = tree(host)
    assert {path: row for path, row in after.items() if path in before} == before
    assert not any("authorized_keys" in path for path in after.keys() - before.keys())


def test_no_sudo(world):
    host = simple_world(world, user="deploy", flavour="busybox")
    before = tree(host)
    done = run_script(host, world.certferry.good("agent", "script", "web-1").out)
    assert done.returncode == 1 and "there is no sudo on this server" in done.stderr, done
    assert tree(host) == before


def test_another_command_of_the_key(world):
    host = simple_world(world)
    line = f'command="/usr/bin/rrsync" {world.public_key}\n'
    host.write("root/.ssh/authorized_keys", line, 0o600)
    done = run_script(host, world.certferry.good("agent", "script", "web-1").out)
    assert done.returncode == 1 and "another command for our key" in done.stderr, done
    assert (host.root / "root/.ssh/authorized_keys").read_text() == line


@pytest.mark.parametrize("words, settings, text", [
    (["--from", 'x" ssh'], {}, "--from takes addresses"),
    ([], {"user": "certferry", "install": {"directory": SLOT, "owner": "postgres"}},
     "cannot give files away"),
    ([], {"install": {"directory": SLOT, "group": "110"}}, "by name, not by number"),
    ([], {"reload": ["/bin/x", "a\\b"]}, "put the command into a script"),
])
def test_what_a_policy_cannot_say(world, words, settings, text):
    simple_world(world, **settings)
    result = world.certferry.run("agent", "script", "web-1", *words)
    assert result.code != 0 and text in result.err and not result.out, result


def operator_key(world):
    key = world.directory / "operator"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    return key, key.with_suffix(".pub").read_text().strip()


@pytest.mark.parametrize("user, login", [("root", "root"), ("certferry", "root"),
                                         ("certferry", "deploy")])
def test_install(world, user, login):
    """Over the operator's login, and then a delivery; the deploy key itself opens nothing
    but the agent."""
    key, public = operator_key(world)
    world.add_dns()
    world.add_ca()
    host = make_host(world, user, login=login, program=False)
    put_program(host.root)  # its libraries
    (host.root / "usr/sbin/certferry-agent").unlink()
    world.add_certificate(install={"directory": SLOT, "group": "ssl-cert", "mode": "0640"})
    world.write_config()
    world.certferry.init()
    world.running.append(host)
    host.start(public)
    words = ["agent", "install", "web-1", "--login", login, "--identity", key]
    unknown = world.certferry.run(*words, "--yes")
    assert unknown.code != 0 and "no host key is known" in unknown.err, unknown
    world.enroll("web-1")
    before = tree(host)
    asked = world.certferry.run(*words)
    assert asked.code != 0 and "--yes does what is shown above" in asked.err, asked
    assert "authorized_keys" in asked.out and "directory: '/etc/ssl/certferry/www'" in asked.out
    assert tree(host) == before
    uname = host.root / "usr/bin/uname"
    real = uname.rename(uname.with_name("uname.real"))  # other tests' roots have a link to it
    uname.write_text("#!/bin/sh\necho sparc64\n")
    uname.chmod(0o755)
    sparc = world.certferry.run(*words, "--yes")
    assert sparc.code != 0 and "is a machine sparc64" in sparc.err, sparc
    real.rename(uname)
    if not IS_STATIC:
        without_library(host)
        early = world.certferry.run(*words, "--yes")
        assert early.code != 0 and "libyaml-0-2 and libssl3" in early.err, early
        assert tree(host) == before
    put_program(host.root)
    (host.root / "usr/sbin/certferry-agent").unlink()
    done = world.certferry.good(*words, "--yes")
    assert "www could be installed" in done.out, done
    assert "web-1 is ready" in done.out, done
    assert (host.root / "usr/sbin/certferry-agent").read_bytes() == PROGRAM.read_bytes()
    assert not list((host.root / "tmp").glob("certferry*"))
    again = world.certferry.good(*words, "--yes")
    assert "written" not in again.out and "is there" in again.out, again
    assert world.certferry.apply().code == 0
    world.assert_all_served()
    host.make_host_key("ed25519")
    host.sshd.stop()
    host.start_sshd()
    other = world.certferry.run(*words, "--yes")
    assert other.code != 0 and "your own login did not work" in other.err, other
