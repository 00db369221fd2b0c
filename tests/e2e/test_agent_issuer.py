# SPDX-License-Identifier: Apache-2.0
"""The issuer's side of the agent: agents that vanish, that lie, and certificates whose key
moves to the server and back."""

import shutil
import subprocess

import pytest

from agent_host import give_agent, take_agent, write_policy
from test_agent_install import operator_key
from test_agent_ssh import TARGET, row, whole
from test_happy import names_of


def test_agent_vanishes_before_a_renewal(world):
    """auto: nothing is left to inspect with, so the delivery itself finds it out."""
    world.standard(1)
    host = world.hosts["web-1"]
    give_agent(host, world.public_key)
    assert world.certferry.apply().code == 0
    before = whole(world)["serial"]

    take_agent(host, world.public_key)
    # As one that vanished after it was looked at.
    result = world.certferry.apply("--no-check", "--force", "www")
    assert result.code == 0, result
    found = world.assert_all_served()["web-1"]
    assert found["transport"] == "shell" and found["serial"] != before, found
    assert world.pebble.issued() == 2


def test_key_moves_to_the_server_and_back(world):
    """Each move is one new certificate, and the policy has the last word."""
    world.standard(1)
    host = world.hosts["web-1"]
    give_agent(host, world.public_key)
    assert world.certferry.apply().code == 0
    first = whole(world)

    world.config["certificates"]["www"]["key-on"] = "target"
    world.write_config()
    # The owner has not agreed yet: nothing is ordered, what is there stays.
    assert world.certferry.apply("--no-check").code != 0
    assert "key-on: target" in row(world)["error"]["text"], row(world)
    assert row(world)["served"] and world.pebble.issued() == 1
    write_policy(host, TARGET)
    result = world.certferry.apply()
    assert result.code == 0, result
    second = whole(world)
    assert second["key_sha256"] != first["key_sha256"] and world.pebble.issued() == 2

    world.config["certificates"]["www"]["key-on"] = "issuer"
    world.write_config()
    result = world.certferry.apply("--no-check")
    assert result.code != 0, result
    assert "makes the key here (key-on: target)" in row(world)["error"]["text"], row(world)
    assert host.resolve("privkey.pem").exists()
    write_policy(host)
    result = world.certferry.apply()
    assert result.code == 0, result
    third = whole(world)
    assert third["key_sha256"] != second["key_sha256"] and world.pebble.issued() == 3


# To HELLO, which is short, the answer of an agent; to a job its lie.
LIAR = """#!/bin/sh
if [ "$(head -c 60 | wc -c)" -lt 60 ]; then
	echo 'certferry-1 agent 9.9 1'
	echo 'certferry-1 slot nobody-asked-for target'
	exit 0
fi
%s
"""
LIES = {
    "says staged for ever": (
        "yes 'certferry-1 staged www' | head -n 90000", "said something twice"),
    # What it said of the slot counts; the rest of it is not heard.
    "says failed for ever": ("yes 'certferry-1 slot-failed www no' | head -n 90000", ": no"),
    "committed by itself": (
        "echo 'certferry-1 staged www'; echo 'certferry-1 committed'", "ended with status 0"),
    "unchanged when it is not": (
        "echo 'certferry-1 unchanged www'; echo 'certferry-1 reloaded'; read word;"
        " echo 'certferry-1 committed'", "rolled back"),
    "a slot of its own": ("echo 'certferry-1 staged nobody-asked-for'", "nobody-asked-for"),
    "a request in turn of nothing": ("echo 'certferry-1 csr www 1'; echo x", "does not say"),
    "no key, though it was sent": (
        "echo 'certferry-1 no-key www gone'; echo 'certferry-1 failed nothing to do'", "gone"),
}


@pytest.mark.parametrize("lie", LIES)
def test_agent_that_lies(world, lie):
    script, word = LIES[lie]
    world.standard(2)
    host = world.hosts["web-2"]
    host.write("root/talk", LIAR % script, 0o755)
    host.force_command("/root/talk")

    result = world.certferry.apply("--no-check", timeout=300)
    rows = {name: found for (_, name), found in world.certferry.status().items()}
    assert rows["web-1"]["state"] == "done", result
    liar = rows["web-2"]
    assert liar["transport"] == "agent" and liar["state"] in ("waiting", "failed"), liar
    assert word in liar["error"]["text"], liar
    assert not liar["installed"] and len(result.out) < 20000, (liar, len(result.out))
    assert world.pebble.issued() == 2


def make_csr(host, key, names, *more):
    """As openssl makes it, and where a liar finds it."""
    csr = subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", "/", "-addext",
                          "subjectAltName=" + ",".join(f"DNS:{name}" for name in names), *more],
                         check=True, capture_output=True, text=True).stdout
    host.write("root/csr", csr)
    return len(csr.splitlines())


def test_requests_that_are_not_used(world):
    """Of an agent that was taken over: the CA never hears of any of them."""
    world.standard(1, **{"key-on": "target"})
    host = world.hosts["web-1"]
    give_agent(host, world.public_key, more=TARGET)
    assert world.certferry.apply().code == 0
    names = sorted(names_of(host))
    live, other = host.resolve("privkey.pem"), world.directory / "other.pem"
    rsa = world.directory / "rsa.pem"
    for path, words in ((other, ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
                        (rsa, ["rsa", "-pkeyopt", "rsa_keygen_bits:1024"])):
        subprocess.run(["openssl", "genpkey", "-algorithm", *words, "-out", path], check=True,
                       capture_output=True)
    host.force_command("/root/talk")
    orders = world.pebble.posts("/order-plz")
    for key, wanted, more, text in (
            (live, names, [], "key of the certificate that is installed"),
            (other, [*names, "bank.example.org"], [], "has the name bank.example.org"),
            (other, names[:-1], [], "lacks the name"),
            (other, names, ["-addext", "basicConstraints=CA:TRUE"], "and nothing else"),
            (other, names, ["-subj", "/CN=bank.example.org"], "and nothing else"),
            (rsa, names, [], "a kind that is not used")):
        lines = make_csr(host, key, wanted, *more)
        host.write("root/talk", LIAR % f"echo 'certferry-1 csr www {lines}'; cat /root/csr", 0o755)
        result = world.certferry.apply("--no-check", "--force", "www")
        events = world.certferry.good("events").out
        assert result.code != 0 and text in events, (text, result)
    assert world.pebble.posts("/order-plz") == orders and world.pebble.issued() == 1


def test_live_key_is_not_used_again(world):
    """The agent was killed between its commit and the end of the request."""
    world.standard(1, **{"key-on": "target"})
    host = world.hosts["web-1"]
    give_agent(host, world.public_key, more=TARGET)
    assert world.certferry.apply().code == 0
    first = whole(world)
    host.path(".request").mkdir(0o700)
    shutil.copy(host.resolve("privkey.pem"), host.path(".request") / "privkey.pem")
    result = world.certferry.apply("--force", "www")
    assert result.code == 0, result
    assert whole(world)["key_sha256"] != first["key_sha256"]


# To agent install: what it asks first, the script, and at last the trial.
ENDLESS = """#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
%s) yes 'certferry-1 checked www' ;;
*certferry-machine*)
	echo "certferry-machine $(uname -m)"; echo 'certferry-id 0'; echo 'certferry-agent package' ;;
*mktemp*) cat >/dev/null ;;
*) yes 'certferry-1 checked www' ;;
esac
"""


@pytest.mark.parametrize("at, words", [("*certferry-machine*", "said too much"),
                                       ("*mktemp*", "said too much"),
                                       ("no", "goes on and on")])
def test_install_on_a_server_that_never_ends(world, at, words):
    world.standard(1)
    host = world.hosts["web-1"]
    key, public = operator_key(world)
    host.authorize(f"{public}\n{world.public_key}")
    shutil.copy(shutil.which("uname"), host.root / "usr/bin/uname")
    host.write("root/talk", ENDLESS % at, 0o755)
    host.force_command("/root/talk")
    result = world.certferry.run("agent", "install", "web-1", "--login", "root", "--identity", key,
                                 "--yes", timeout=250)
    assert result.code not in (0, None) and words in result.err, result.err[-500:]
    assert len(result.out) < 400000, len(result.out)
