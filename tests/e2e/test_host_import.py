# SPDX-License-Identifier: Apache-2.0
"""certferry host import: servers from Ansible and CSV, host keys from known_hosts."""

import shutil
import subprocess

import pytest

from certferry import CONFLICT, DONE, USAGE

DENIED = 5


def host_key(host):
    return " ".join((host.root / "etc/ssh/ssh_host_key.pub").read_text().split()[:2])


def new_key(directory, kind="ed25519"):
    path = directory / f"other-{kind}"
    for old in (path, path.with_suffix(".pub")):
        old.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


def pins(world):
    rows = world.certferry.json("host", "list")["hosts"]
    return {row["host"]: [key["type"] + " " + key["fingerprint"] for key in row["host_keys"]]
            for row in rows}


def fleet(world, count=2):
    for number in range(1, count + 1):
        world.add_host(f"web-{number}")
    world.write_config()
    world.public_key = world.certferry.init()["ssh_public_key"]
    for host in world.hosts.values():
        host.start_ssh_only(f"restrict {world.public_key}")
        world.running.append(host)


def known_hosts(world, text, hashed=False):
    path = world.directory / "known_hosts"
    path.write_text(text)
    if hashed:
        subprocess.run(["ssh-keygen", "-H", "-f", path], check=True, capture_output=True)
        assert path.read_text().startswith("|1|")
    return path


@pytest.mark.parametrize("hashed", [False, True], ids=["plain", "hashed"])
def test_known_hosts(world, hashed):
    """By address and port, as ssh(1) writes them; then a login, with no enroll before."""
    fleet(world)
    path = known_hosts(world, "".join(
        f"[{host.address}]:2222 {host_key(host)}\n" for host in world.hosts.values()) +
        f"[192.0.2.99]:2222 {new_key(world.directory)}\n", hashed)
    result = world.certferry.run("host", "import", path)
    assert result.code == USAGE and "with --yes" in result.err
    assert pins(world) == {"web-1": [], "web-2": []}
    result = world.certferry.good("host", "import", path, "--yes")
    assert "2 hosts are enrolled" in result.out
    assert ("by its hash" if hashed else "by name") in result.out
    for name, host in world.hosts.items():
        assert pins(world)[name] == [f"ssh-ed25519 {host.fingerprint()}"]
    # The pins hold at a real sshd.
    world.certferry.good("host", "rotate-key")
    # The same again changes nothing.
    result = world.certferry.good("host", "import", path, "--yes")
    assert "is pinned already" in result.out and "0 hosts are enrolled" in result.out


def test_by_scan(world):
    """What ssh-keyscan writes."""
    fleet(world, 1)
    host = world.hosts["web-1"]
    text = subprocess.run(["ssh-keyscan", "-T", "60", "-p", "2222", host.address], check=True,
                          capture_output=True, text=True).stdout
    world.certferry.good("host", "import", known_hosts(world, text), "--yes")
    world.certferry.good("host", "rotate-key")


def test_a_wrong_key_is_pinned_and_refused(world):
    """A file that lies costs a refusal, not a login."""
    fleet(world, 1)
    host = world.hosts["web-1"]
    path = known_hosts(world, f"[{host.address}]:2222 {new_key(world.directory)}\n")
    world.certferry.good("host", "import", path, "--yes")
    result = world.certferry.run("host", "rotate-key")
    assert "the host key is not the pinned one" in result.out
    assert host.authentications() == []


def test_a_pin_is_never_replaced(world):
    fleet(world)
    world.enroll("web-1")
    before = pins(world)["web-1"]
    one, two = world.hosts.values()
    for kind in ("ed25519", "ecdsa"):
        path = known_hosts(world, f"[{one.address}]:2222 {new_key(world.directory, kind)}\n"
                                  f"[{two.address}]:2222 {host_key(two)}\n")
        result = world.certferry.run("host", "import", path, "--yes")
        assert result.code == DENIED and "1 host was left as it is" in result.err
        assert "another one than is pinned" in result.out
        assert pins(world) == {"web-1": before, "web-2": [f"ssh-ed25519 {two.fingerprint()}"]}


def test_markers_and_patterns(world):
    fleet(world, 3)
    one, two, three = world.hosts.values()
    other = new_key(world.directory)
    path = known_hosts(
        world, f"@cert-authority * {other}\n"
               f"@revoked * {host_key(one)}\n"
               f"[{one.address}]:2222 {host_key(one)}\n"
               f"[{two.address[:-1]}?]:2222,!{one.address} {host_key(two)}\n"
               f"[web-3]:2222 {host_key(three)}\n[{three.address}]:2222 {other}\n")
    result = world.certferry.run("host", "import", path, "--yes")
    assert result.code == DENIED
    assert "line 1: @cert-authority is of no use here" in result.out
    assert "line 3: the key is revoked by line 2" in result.out
    # The pattern speaks of web-1 and web-3, too, and of web-3 it contradicts the others.
    assert "two different ssh-ed25519 keys" in result.out
    assert "by a pattern" in result.out
    assert pins(world)["web-2"] == [f"ssh-ed25519 {two.fingerprint()}"]
    assert pins(world)["web-1"] == [] and pins(world)["web-3"] == []


def test_a_pinned_key_that_was_revoked(world):
    fleet(world, 1)
    world.enroll("web-1")
    path = known_hosts(world, f"@revoked * {host_key(world.hosts['web-1'])}\n")
    result = world.certferry.run("host", "import", path, "--yes")
    assert result.code == DENIED and "is revoked by line 1" in result.out


INI = """
[web]
web[01:02].example.org ansible_host=192.0.2.1
db-1:2200 ansible_user=deploy
localhost ansible_connection=local
[prod:children]
web
[prod:vars]
ansible_port=2222
ntp_server=x
"""
YAML = """---
all:
  children:
    prod:
      vars: {ansible_port: 2222, ntp_server: x}
      children:
        web:
          hosts:
            web[01:02].example.org: {ansible_host: 192.0.2.1}
            db-1: {ansible_user: deploy, ansible_port: 2200}
            localhost: {ansible_connection: local}
"""
CSV = """name,address,port,user,groups
web01.example.org,192.0.2.1,2222,,web;prod
web02.example.org,192.0.2.1,2222,,web;prod
db-1,,2200,deploy,web prod
"""


def imported(world, text, name="fleet.list", words=()):
    path = world.directory / name
    path.write_text(text)
    return world.certferry.run("host", "import", path, *words)


@pytest.mark.parametrize("text", [INI, YAML, CSV], ids=["ini", "yaml", "csv"])
def test_inventories(world, text):
    world.write_config()
    world.certferry.init()
    result = imported(world, text)
    assert result.code == DONE, result
    made = world.directory / "conf.d" / "hosts-fleet.yaml"
    assert f"written: {made} (3 hosts)" in result.out
    assert "host import ~/.ssh/known_hosts" in result.out
    if text != CSV:
        assert "localhost is left out" in result.out
        assert "group_vars, host_vars" in result.out
    assert made.stat().st_mode & 0o777 == 0o644
    world.certferry.good("check")
    rows = {row["host"]: row for row in world.certferry.json("host", "list")["hosts"]}
    assert {name: (row["address"], row["port"], row["user"]) for name, row in rows.items()} == {
        "web01.example.org": ("192.0.2.1", 2222, "root"),
        "web02.example.org": ("192.0.2.1", 2222, "root"),
        "db-1": ("db-1", 2200, "deploy")}
    assert "['web', 'prod']" in made.read_text() or "['prod', 'web']" in made.read_text()
    # Again: nothing is new, and nothing is written.
    before = made.read_bytes()
    result = imported(world, text)
    assert result.code == DONE and "Nothing new" in result.out and "left as they are" in result.out
    assert made.read_bytes() == before and len(list(made.parent.iterdir())) == 1
    # More of it goes beside it.
    result = imported(world, CSV + "db-2,,,,\n" if text == CSV else INI + "[web]\ndb-2\n")
    assert "hosts-fleet-2.yaml (1 host)" in result.out
    world.certferry.good("check")
    assert made.read_bytes() == before


def logins(world):
    return {row["host"]: row["user"] for row in world.certferry.json("host", "list")["hosts"]}


def test_logins_are_named_and_can_be_others(world):
    """What the inventory calls a user is often the login of who wrote it."""
    world.write_config()
    world.certferry.init()
    text = "[web]\nweb-1\nweb-2\n[web:vars]\nansible_user=ubuntu\n[db]\ndb-1 ansible_user=mia\ndb-2\n"
    result = imported(world, text)
    assert result.code == DONE, result
    assert "as the inventory says: mia on 1 host\n" in result.out, result
    assert "as the inventory says: ubuntu on 2 hosts\n" in result.out and "--user NAME" in result.out
    assert logins(world) == {"web-1": "ubuntu", "web-2": "ubuntu", "db-1": "mia", "db-2": "root"}

    (world.directory / "conf.d" / "hosts-fleet.yaml").unlink()
    for wrong in ("-x", "a b", "x" * 33, ""):
        refused = imported(world, text, words=(f"--user={wrong}",))
        assert refused.code == USAGE and "is no user" in refused.err, refused
    assert not (world.directory / "conf.d" / "hosts-fleet.yaml").exists()
    result = imported(world, text, words=("--user", "certferry"))
    assert result.code == DONE and "inventory says" not in result.out, result
    assert set(logins(world).values()) == {"certferry"}
    # Nobody is named who was named before, and host keys have no user.
    assert "inventory says" not in imported(world, text).out
    refused = imported(world, f"web-1 {new_key(world.directory)}\n", words=("--user", "certferry"))
    assert refused.code == USAGE and "--user is for servers" in refused.err, refused


def test_from_standard_input_and_by_format(world):
    world.write_config()
    done = subprocess.run(
        world.certferry.argv("host", "import", "-", "--format", "ansible"), input="name\n",
        capture_output=True, text=True, env=world.certferry.environment())
    assert done.returncode == DONE, done
    text = (world.directory / "conf.d" / "hosts-imported.yaml").read_text()
    assert "'name':\n    address: 'name'\n" in text and "# from standard input" in text
    result = imported(world, "x", words=("--format", "json"))
    assert result.code == USAGE and "known_hosts, ansible or csv" in result.err


def test_into_a_configuration_that_does_not_load(world):
    """Its certificates want the very hosts that are imported."""
    world.config["cas"]["x"] = {"directory": "https://127.0.0.1/dir", "agree-to-terms": True}
    world.config["dns"]["x"] = {"provider": "exec"}
    world.config["certificates"]["www"] = {
        "names": ["www.example.org"], "ca": "x", "dns": "x", "hosts": ["web"]}
    world.write_config()
    assert world.certferry.run("host", "list").code != DONE
    assert imported(world, INI).code == DONE
    assert "no group" not in world.certferry.run("check").err
    shutil.rmtree(world.directory / "conf.d")
    (world.directory / "conf.d").mkdir()
    (world.directory / "conf.d" / "hosts-fleet.yaml").write_text("hosts: {}\n")
    result = imported(world, INI)
    assert result.code == CONFLICT and "nothing was written" in result.err
    assert (world.directory / "conf.d" / "hosts-fleet.yaml").read_text() == "hosts: {}\n"


# name: the file, what is said
REFUSED = {
    "a template": ("[web]\na ansible_host={{ ip }}\n", "line 2: ansible_host is a template"),
    "a shell's words": ("[web]\n$(touch x)\n", "line 2:"),
    "YAML in CSV": ("name,address\na: {},b\n", "is no name for a host"),
    "a playbook": ("---\n- hosts: web\n", "not a map"),
    "a vault": ("all:\n  hosts:\n    a:\n      ansible_host: !vault x\n", "line 4:"),
    "an escape": ("name\n\033]0;x\007\n", "\\x1b"),
    "a key that is cut": ("web-1 ssh-ed25519 AAAA\n", "line 1: the key is damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(world, name):
    world.write_config()
    world.certferry.init()
    text, said = REFUSED[name]
    result = imported(world, text)
    assert result.code == USAGE, result
    assert said in result.err and "fleet.list: line" in result.err
    assert "\033" not in result.err + result.out
    assert not (world.directory / "conf.d").exists()


def test_no_such_file(world):
    world.write_config()
    result = world.certferry.run("host", "import", "/nowhere/file")
    assert result.code != DONE and "/nowhere/file" in result.err
