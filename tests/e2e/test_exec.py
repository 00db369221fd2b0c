# SPDX-License-Identifier: Apache-2.0
"""Programs of the operator's: every convention, and acme.sh's own script, to the CA and back."""

import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile
import time

import pytest

from fleet import ZONE, Bind, Knot, Tsig

ROOT = (pathlib.Path(__file__).parent / "../..").resolve()

# Adds or removes one value, told as each convention tells it; says who it is.
UPDATE = """#!/bin/sh
id -un >&2
update() {
	printf 'server %s\\nzone %s\\nupdate %s\\nsend\\n' "$SERVER" "$ZONE" "$1" | nsupdate -y "$KEY"
}
add() {
	update "add $1 60 TXT \\"$2\\""
}
remove() {
	update "delete $1 TXT \\"$2\\""
}
"""
LEGO = """
case $1 in
present) add "$2" "$3" ;;
cleanup) remove "$2" "$3" ;;
*) exit 2 ;;
esac
"""
DEHYDRATED = """
case $1 in
deploy_challenge) add "_acme-challenge.$2." "$4" ;;
clean_challenge) remove "_acme-challenge.$2." "$4" ;;
*) exit 2 ;;
esac
"""
CERTBOT_AUTH = """
[ -z "${CERTBOT_AUTH_OUTPUT+x}" ] && add "_acme-challenge.$CERTBOT_DOMAIN." "$CERTBOT_VALIDATION"
"""
CERTBOT_CLEANUP = """
[ -n "$CERTBOT_AUTH_OUTPUT" ] && remove "_acme-challenge.$CERTBOT_DOMAIN." "$CERTBOT_VALIDATION"
"""


@pytest.fixture
def bin_directory():
    """Where another user may read: the tests' own directories are root's alone."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="certferry-exec-", dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def acme_sh(bin_directory):
    """Debian 13's acme.sh; a test fails where it cannot be had."""
    kept = ROOT / "build" / "acme.sh"
    done = subprocess.run([ROOT / "packaging" / "acme-sh.sh", kept], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    shutil.copytree(kept / "usr", bin_directory / "usr", symlinks=True)
    return str(bin_directory / "usr" / "bin" / "acme.sh")


def write_program(path, body):
    path.write_text(UPDATE + body)
    path.chmod(0o755)
    return str(path)


def write_environment(world, **settings):
    path = world.directory / "secrets" / "environment"
    path.write_text("# of the tests\n" + "".join(f"{k}='{v}'\n" for k, v in settings.items()))
    path.chmod(0o600)
    return {"file": "secrets/environment"}


def exec_world(world, kind=None, **settings):
    world.add_dns(kind)
    if "environment" not in settings:
        settings["environment"] = write_environment(
            world, KEY=world.nameserver.tsig.dig_option(), SERVER=world.nameserver.address,
            ZONE=ZONE)
    world.config["dns"]["home"] = {"provider": "exec", **settings}
    world.add_ca()
    world.add_host("web-1", flavour="busybox")
    world.add_certificate()
    world.set_up()


def assert_issued(world):
    result = world.certferry.apply()
    assert result.code == 0, result
    world.assert_all_served()
    world.assert_no_residue()
    assert world.pebble.issued() == 1
    key = world.nameserver.tsig.secret
    assert key not in result.out + result.err
    return result


@pytest.mark.parametrize("convention, bodies", [
    ("lego", [LEGO]), ("dehydrated", [DEHYDRATED]), ("certbot", [CERTBOT_AUTH, CERTBOT_CLEANUP]),
])
def test_convention(world, bin_directory, convention, bodies):
    paths = [write_program(bin_directory / f"hook{n}", body) for n, body in enumerate(bodies)]
    extra = {"cleanup-program": paths[1]} if len(paths) > 1 else {}
    exec_world(world, program=paths[0], convention=convention, **extra)
    assert_issued(world)


def test_one_certbot_hook_for_both(world, bin_directory):
    both = "if [ -n \"$CERTBOT_AUTH_OUTPUT\" ]; then\n" + CERTBOT_CLEANUP + "else\n" + \
        CERTBOT_AUTH + "fi\n"
    exec_world(world, program=write_program(bin_directory / "hook", both), convention="certbot")
    assert_issued(world)


@pytest.mark.parametrize("kind", [Knot, Bind])
def test_acme_sh(world, bin_directory, acme_sh, kind):
    """The real acme.sh with its nsupdate script, at the CA. Its key is a file that only
    the user whom it runs as may read."""
    key = bin_directory / "tsig"
    world.add_dns(kind)
    key.write_text(world.nameserver.tsig.bind_text())
    key.chmod(0o400)
    shutil.chown(key, pwd.getpwnam("daemon").pw_uid)
    world.config["dns"]["home"] = {
        "provider": "exec", "program": acme_sh, "convention": "acme.sh",
        "script": "dns_nsupdate", "user": "daemon",
        "environment": write_environment(world, NSUPDATE_SERVER=world.nameserver.address,
                                         NSUPDATE_KEY=key, NSUPDATE_ZONE=ZONE)}
    world.add_ca()
    world.add_host("web-1", flavour="busybox")
    world.add_certificate()
    world.set_up()
    assert_issued(world)


def test_acme_sh_says_what_is_wrong(world, bin_directory, acme_sh):
    world.add_dns()
    world.config["dns"]["home"] = {
        "provider": "exec", "program": acme_sh, "convention": "acme.sh", "script": "dns_nsupdate",
        "environment": write_environment(world, NSUPDATE_SERVER=world.nameserver.address,
                                         NSUPDATE_KEY=bin_directory / "none")}
    world.add_ca()
    world.add_host("web-1", flavour="busybox")
    world.add_certificate()
    world.set_up()
    result = world.certferry.apply()
    assert result.code in (6, 7), result
    assert "is unreadable" in result.out and "status 1" in result.out, result

    world.config["dns"]["home"]["script"] = "dns_nosuch"
    world.write_config()
    result = world.certferry.apply()
    assert "dns_nosuch.sh: not there" in result.out + result.err, result
    assert world.pebble.challenges() == 0


def test_failing_program(world, bin_directory):
    """Its last words are told, without what it was trusted with; mended, it goes on."""
    path = bin_directory / "hook"
    write_program(path, 'echo "asking with $KEY" >&2\necho "no luck today" >&2\nexit 3\n')
    exec_world(world, program=str(path))
    result = world.certferry.apply()
    assert result.code in (6, 7), result
    assert "status 3" in result.out and "no luck today" in result.out, result
    assert "asking with ***" in result.out, result
    assert world.nameserver.tsig.secret not in result.out + result.err
    assert world.pebble.challenges() == 0
    write_program(path, LEGO)
    assert_issued(world)


def test_untrusted_program(world, bin_directory):
    path = bin_directory / "hook"
    exec_world(world, program=write_program(path, LEGO))
    path.chmod(0o775)
    result = world.certferry.apply()
    assert result.code in (2, 6, 7), result
    assert f"others than its owner can change {path}" in result.out + result.err, result
    assert world.pebble.challenges() == 0


def test_place_without_the_label(world, bin_directory):
    """A CNAME leads to a name of another kind: lego's convention says it whole."""
    target = f"collected.{ZONE}"
    # Knot: the strict BIND lets the key write challenges' names alone.
    exec_world(world, Knot, program=write_program(bin_directory / "hook", LEGO))
    world.add_certificate(names=[f"www.{ZONE}"], **{"unique-name": None})
    world.write_config()
    world.nameserver.add(f"_acme-challenge.www.{ZONE}", "CNAME", f"{target}.")
    assert_issued(world)

    # A certbot hook would write somewhere else, and is not asked to.
    world.config["dns"]["home"].update({"convention": "certbot"})
    world.write_config()
    result = world.certferry.run("--json", "plan", "--check")
    assert f"cannot set {target}" in result.out + result.err, result


def test_an_entry_gets_its_own_credential_alone(world, bin_directory):
    """Everything that certferry sends to its children is recorded: a provider's process
    gets the options of its entry, and a program the environment of its own."""
    exec_world(world, program=write_program(bin_directory / "hook", LEGO))
    other = world.directory / "secrets" / "other"
    other.write_text("TOKEN=other-entrys-secret-0123456789\n")
    other.chmod(0o600)
    world.config["dns"]["other"] = {
        "provider": "exec", "program": str(bin_directory / "hook"), "zones": ["other.test"],
        "environment": {"file": "secrets/other"}}
    world.write_config()
    trace = world.directory / "trace"
    environment = world.certferry.environment()
    environment["ASAN_OPTIONS"] += ":detect_leaks=0"  # it cannot under ptrace
    done = subprocess.run(
        ["strace", "-f", "-qq", "-v", "-s", "100000", "-e",
         "trace=execve,sendto,sendmsg,write,writev,pwrite64", "-o", trace,
         *world.certferry.argv("apply", "--yes")],
        env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    world.assert_all_served()
    recorded = trace.read_text(errors="replace")
    assert recorded.count(f"KEY={world.nameserver.tsig.dig_option()}") >= 2
    assert "other-entrys-secret" not in recorded
    # The hook's environment has nothing but its own and the four that everybody gets.
    hooks = [line for line in recorded.splitlines() if f'execve("{bin_directory}/hook"' in line]
    assert hooks
    for line in hooks:
        names = set(re.findall(r'"([A-Za-z_]+)=', line.split("], [", 1)[1]))
        assert names == {"KEY", "SERVER", "ZONE", "PATH", "LANG", "HOME", "TMPDIR"}, line


# Makes the record and answers that it failed; asked again, it refuses for good.
FORGETFUL = """
case $1 in
present)
	dig +short "@$SERVER" "$2" TXT | grep -qF -e "$3" && exit 126
	add "$2" "$3"
	exit 1 ;;
cleanup) remove "$2" "$3" ;;
esac
"""


def test_made_all_the_same(world, bin_directory):
    """The next entry refuses as well: what the first one made must not stay."""
    exec_world(world, program=write_program(bin_directory / "hook", FORGETFUL))
    world.add_entry("broken", world.nameserver)
    (world.directory / "secrets" / "tsig-broken").write_text(Tsig(name="stranger").bind_text())
    world.config["certificates"]["www"].update(names=[f"www.{ZONE}"], dns=["home", "broken"])
    del world.config["certificates"]["www"]["unique-name"]
    world.write_config()
    # A lost packet costs a minute's wait (7): the next run goes on, as cron's would.
    told = ""
    for _ in range(4):
        result = world.certferry.apply("--no-check")
        told += result.err
        if result.code != 7:
            break
        time.sleep(15)
    assert result.code == 6 and "dns.passed_on" in told, told
    assert world.pebble.challenges() == 0
    world.certferry.apply("--no-check")
    world.assert_no_residue()
