# SPDX-License-Identifier: Apache-2.0
"""What an operator sees: words, tables, exit codes."""

import json
import os
import pty
import re
import subprocess
import threading

import pytest

from fleet import ZONE


def on_terminal(world, *words, environment=None, timeout=120):
    """Runs it on a terminal of its own; what came out there."""
    leader, follower = pty.openpty()
    out = []

    def read():
        while True:
            try:
                data = os.read(leader, 65536)
            except OSError:
                return
            if not data:
                return
            out.append(data)

    process = subprocess.Popen(
        world.certferry.argv(*words), stdin=follower, stdout=follower, stderr=follower,
        env={**world.certferry.environment(), "TERM": "xterm", **(environment or {})},
        start_new_session=True)
    os.close(follower)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    code = process.wait(timeout=timeout)
    reader.join(timeout=5)
    os.close(leader)
    return code, b"".join(out).decode(errors="replace")


def small(world):
    world.add_dns()
    world.add_ca()
    world.add_host("web-1")
    world.add_certificate()
    world.write_config()


def test_every_mistake_is_said_with_its_place(world):
    world.certferry.config.write_text("""\
cas:
  le: {directory: http://ca.example/dir, agree-to-terms: true}
dns:
  home: {provider: rfc2136, server: 192.0.2.53, tsig-key: {file: secrets/tsig}}
hosts:
  web-1: {adress: 192.0.2.11}
certificates:
  www:
    names: [example.com, "*.example.com", "-bad.example.com"]
    ca: le
    dns: nowhere
    hosts: [web-1]
    reload: nginx
""")
    result = world.certferry.run("check")
    assert result.code == 2, result
    places = re.findall(r"certferry\.yaml:(\d+):(\d+): ([^ ]+): ", result.err)
    assert {int(line) for line, _, _ in places} >= {2, 6, 9, 11}, result
    assert "address" in result.err  # the nearest known key
    assert "https" in result.err


def test_exit_codes_of_wrong_calls(world):
    small(world)
    for words in (["frobnicate"], ["apply", "--frobnicate"], ["host"], ["host", "enroll"],
                  ["plan", "--only", "nobody"]):
        result = world.certferry.run(*words)
        assert result.code == 2, result
        assert result.err.strip(), result
    assert world.certferry.run("status").code == 2  # before init
    world.certferry.config.unlink()
    assert world.certferry.run("check").code == 2


def test_init_is_repeatable(world):
    small(world)
    first = world.certferry.init()
    key = (world.directory / "state" / "sealing.key").read_bytes()
    assert first["ssh_public_key"].startswith("ssh-ed25519 ")
    assert world.certferry.init() == first
    assert (world.directory / "state" / "sealing.key").read_bytes() == key


def test_wrong_sealing_key_is_refused(world):
    small(world)
    world.certferry.init()
    key = world.directory / "state" / "sealing.key"
    text = key.read_text()
    key.write_text(("A" if text[0] != "A" else "B") + text[1:])
    result = world.certferry.run("status")
    assert result.code == 2, result
    assert "sealing" in result.err, result


def test_enrolling_takes_nothing_on_trust(world):
    world.standard(1)
    host = world.add_host("web-2")
    world.write_config()
    world.running.append(host.start(f"restrict {world.public_key}"))
    wrong = world.hosts["web-1"].fingerprint()
    result = world.certferry.run("host", "enroll", "web-2", "--fingerprint", wrong)
    assert result.code == 5, result
    assert host.fingerprint() in result.out + result.err, "the key it shows is not told"
    # Nobody at a terminal, no fingerprint: refused as well.
    result = world.certferry.run("host", "enroll", "web-2")
    assert result.code == 2, result
    pins = world.certferry.json("host", "list")
    assert wrong in json.dumps(pins) and host.fingerprint() not in json.dumps(pins)
    assert host.authentications() == []
    world.enroll("web-2")
    assert host.fingerprint() in json.dumps(world.certferry.json("host", "list"))


def test_listings(world):
    world.standard(2)
    plan = world.certferry.good("plan")
    assert "web-1" in plan.out and "web-2" in plan.out
    planned = world.certferry.json("plan")
    assert len(json.dumps(planned)) > 20
    assert world.pebble.requests() == 0, "plan spoke to the CA"
    assert world.certferry.apply().code == 0
    table = world.certferry.good("status").out
    assert "\033" not in table
    for host in world.hosts:
        assert re.search(rf"www/{host}\s+done", table), table
    events = world.certferry.json("events", "--limit", "500")
    assert "order" in json.dumps(events) and "delivery.done" in json.dumps(events)
    shown = world.certferry.good("cert", "show", "www/web-1").out
    assert ZONE in shown and "web-1.srv" in shown
    assert "rfc2136" in world.certferry.good("provider", "list").out
    assert "tsig-key" in world.certferry.good("provider", "show", "rfc2136").out
    assert "certferry" in world.certferry.good("version").out
    helped = world.certferry.good("help").out
    for command in ("init", "check", "host enroll", "plan", "apply", "status", "events"):
        assert command in helped
    for word in ("host list", "plan", "status", "cert show www", "provider list", "events",
                 "provider show rfc2136", "version"):
        json.loads(world.certferry.good("--json", *word.split()).out)


def test_completion(world):
    small(world)
    script = world.directory / "completion"
    script.write_text(world.certferry.good("completion", "bash").out)
    test = f"""
        set -u
        . {script}
        COMP_WORDS=(certferry st); COMP_CWORD=1; COMP_LINE='certferry st'; COMP_POINT=12
        $(complete -p certferry | sed 's/.*-F \\([^ ]*\\).*/\\1/') certferry st certferry
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", test], capture_output=True, text=True)
    assert "status" in done.stdout, done


def test_live_progress_on_a_terminal(world):
    world.standard(2)
    code, out = on_terminal(world, "apply", "--yes")
    assert code == 0, out
    assert "\033[" in out or "\r" in out, "nothing was drawn"
    assert "www" in out and "web-2" in out
    world.assert_all_served()


def test_no_color(world):
    world.standard(1)
    _, out = on_terminal(world, "status", environment={"NO_COLOR": "1"})
    assert not re.search(r"\033\[[0-9;]*3[0-7]m", out), repr(out)


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_needs_no_configuration(world, word):
    result = world.certferry.run(word)
    assert result.code == 0 and "apply" in result.out, result
