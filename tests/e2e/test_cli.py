# SPDX-License-Identifier: Apache-2.0
"""What an operator sees: words, tables, exit codes."""

import datetime
import fcntl
import json
import os
import pty
import re
import sqlite3
import struct
import subprocess
import termios
import threading
import time

import pytest

from fleet import ZONE


def on_terminal(world, *words, environment=None, columns=80, answer=None, timeout=120):
    """Runs it on a terminal of its own, and answers its question; what came out there."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    out = []
    questions = 0

    def read():
        nonlocal questions
        while True:
            try:
                data = os.read(leader, 65536)
            except OSError:
                return
            if not data:
                return
            out.append(data)
            if answer and b"".join(out).count(b"[yes/no]") > questions:
                questions += 1
                os.write(leader, answer.encode())

    process = subprocess.Popen(
        world.certferry.argv(*words), stdin=follower, stdout=follower, stderr=follower,
        env={**world.certferry.environment(), "TERM": "xterm", **(environment or {})},
        start_new_session=True)
    os.close(follower)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    code = process.wait(timeout=timeout)
    reader.join(timeout=60)
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
    result = world.certferry.run("check")
    assert result.code == 2, result
    assert "--config" in result.err and "certferry.yaml.example" in result.err, result
    assert ":1:1" not in result.err, result


@pytest.mark.parametrize("words, said", [
    (["host"], ["'host enroll'", "'host list'"]),
    (["provider"], ["'provider list'", "'provider show'"]),
    (["cert"], ["'cert show'"]),
    (["staus"], ["'status'"]),
    (["frobnicate"], ["certferry help"]),
    (["apply", "--limit", "3"], ["certferry: apply takes no --limit"]),
    (["provider", "show", "nobody"], ["provider list"]),
])
def test_a_wrong_call_names_the_right_one(world, words, said):
    result = world.certferry.run(*words)
    assert result.code in (2, 3), result
    for word in said:
        assert word in result.err, result


def test_help_fits_a_terminal(world):
    helped = world.certferry.good("help").out
    assert max(map(len, helped.splitlines())) <= 80, helped
    for code in range(8):
        assert re.search(rf"^  {code}  \w", helped, re.M), helped
    grouped = world.certferry.good("help", "host").out
    assert "host enroll" in grouped and "host list" in grouped
    assert world.certferry.good("host", "--help").out == grouped
    assert "agent script" in world.certferry.good("agent", "-h").out
    assert world.certferry.good("nonsense", "--help").out == helped


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
    cases = {
        "st": {"status"},
        "host ": {"enroll", "import", "list", "rotate-key"},
        "host enroll --": {"--config", "--verbose", "--quiet", "--help", "--fingerprint"},
        "apply --o": {"--only"},
        "apply --l": set(),
        "plan --only apply --y": set(),
        "-c x events --l": {"--limit"},
    }
    for line, offered in cases.items():
        words = " ".join(f"'{word}'" for word in ["certferry", *line.split(" ")])
        test = f"""
            set -u
            . {script}
            COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
            _certferry
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        done = subprocess.run(["bash", "-c", test], capture_output=True, text=True)
        assert set(done.stdout.split()) == offered, (line, done)


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


def test_apply_asks_on_a_terminal(world):
    world.standard(1)
    for answer in ("no\n", "\x04"):
        code, out = on_terminal(world, "apply", answer=answer)
        assert code == 2 and "nothing was done" in out, out
    assert world.pebble.requests() == 0
    code, out = on_terminal(world, "apply", answer="yes\n")
    assert code == 0, out


def test_enrolling_asks_on_a_terminal(world):
    world.standard(1)
    host = world.hosts["web-1"]
    for answer in ("no\n", "y\n", "\x04"):
        code, out = on_terminal(world, "host", "enroll", "web-1", answer=answer)
        assert code == 5 and "nothing was pinned" in out, out
        assert "Pinned until now" in out and out.count(host.fingerprint()) == 2, out
    code, out = on_terminal(world, "host", "enroll", "web-1", answer="yes\n")
    assert code == 0, out


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_tables_on_a_terminal(world, columns):
    """Nothing is cut, no word is broken, no line is broken by the terminal."""
    world.standard(1)
    world.add_host("web-2")
    world.write_config()
    assert world.certferry.apply().code == 6
    _, out = on_terminal(world, "status", columns=columns)
    assert max(map(len, out.splitlines())) <= columns, out
    assert "certferry host enroll web-2" in " ".join(out.split()), out
    for word in ("www/web-1", "done", "blocked", "INSTALLED", "SERVED"):
        assert word in out, out
    piped = world.certferry.good("status").out.splitlines()
    assert len(piped) == 3 and piped[2].endswith("certferry host enroll web-2"), piped
    shown = json.loads(world.certferry.good("--json", "status").out)["certificates"]
    assert shown[0]["serial"] in piped[1], piped


def put_txt(world, *rows):
    """Rows of the ledger, as a run with a provider that leaves it to a person writes them."""
    with sqlite3.connect(world.directory / "state" / "certferry.db") as db:
        for order, zone, name, value, state in rows:
            db.execute("INSERT INTO txt (order_id, dns, zone, name, value, state, created_at) "
                       "VALUES (?, 'home', ?, ?, ?, ?, 1)", (order, zone, name, value, state))
    db.close()


def put_order(world, host="web-1", state="spread", waits_for=None):
    """Another order of a place that has one, waiting for its records; its id."""
    now = int(time.time() * 1000)
    with sqlite3.connect(world.directory / "state" / "certferry.db") as db:
        cursor = db.execute(
            'INSERT INTO "order" (certificate, host, ca, dns, profile, names, key_type, intent, '
            "reason, account_id, url, state, state_since_ms, run_at_ms, attempts, polls, "
            "last_kind, last_code, last_msg, last_retry_after, last_at, created_at, waits_for) "
            "SELECT certificate, host, ca, dns, profile, names, key_type, intent, 'forced', "
            "account_id, 'https://127.0.0.1/order', ?, ?, ?, 0, 0, 'none', '', '', 0, 0, ?, ? "
            'FROM "order" WHERE certificate = \'www\' AND host = ?',
            (state, now, now + 3600_000, now // 1000, waits_for, host))
    db.close()
    return cursor.lastrowid


def test_nothing_is_pending(world):
    small(world)
    world.certferry.init()
    assert "No TXT record" in world.certferry.good("pending").out
    assert world.certferry.json("pending") == {"pending": []}


def test_what_a_person_has_to_do(world):
    """Each record once, as lines of a zone file, with who waits for it until when."""
    world.standard(2)
    world.config["dns"]["home"].update(ttl="120s", **{"by-hand-timeout": "2d"})
    world.write_config()
    assert world.certferry.apply().code == 0
    ones = [put_order(world, host) for host in ("web-1", "web-2")]
    put_txt(world,
            (ones[1], ZONE, f"_acme-challenge.{ZONE}", "bbb", "asked"),
            (ones[0], ZONE, f"_acme-challenge.{ZONE}", "bbb", "asked"),
            (ones[0], ZONE, f"_acme-challenge.a.{ZONE}", "aaa", "asked"),
            (ones[0], "acme.example.net", "www.acme.example.net", "ccc", "asked"),
            (None, ZONE, f"_acme-challenge.{ZONE}", "old", "left"),
            (ones[0], ZONE, f"_acme-challenge.{ZONE}", "machine's", "set"))
    out = world.certferry.good("pending").out
    until = re.findall(r"; www/(web-\d) waits until (\S+)\n", out)
    assert [host for host, _ in until] == ["web-1", "web-1", "web-2"], out
    for _, when in until:
        end = datetime.datetime.fromisoformat(when.replace("Z", "+00:00"))
        left = end.timestamp() - time.time()
        assert 2 * 86400 - 300 < left <= 2 * 86400, out
    lines = [line for line in out.splitlines() if " IN TXT " in line]
    assert lines == ['www.acme.example.net. 120 IN TXT "ccc"',
                     f'_acme-challenge.a.{ZONE}. 120 IN TXT "aaa"',
                     f'_acme-challenge.{ZONE}. 120 IN TXT "bbb"',
                     f'_acme-challenge.{ZONE}. 120 IN TXT "old"'], out
    assert out.index("Set these") < out.index("aaa") < out.index("Remove this") < out.index("old")
    rows = world.certferry.json("pending")["pending"]
    assert rows[2] == {
        "action": "set", "zone": ZONE, "name": f"_acme-challenge.{ZONE}", "type": "TXT",
        "ttl": 120, "value": "bbb", "dns": "home",
        "certificates": ["www/web-1", "www/web-2"], "until": rows[2]["until"]}, rows
    assert rows[2]["until"] == min(when for _, when in until), rows
    assert (rows[3]["action"], rows[3]["certificates"], rows[3]["until"]) == ("remove", [], None)


def test_status_says_whom_an_order_waits_for(world):
    world.standard(2)
    assert world.certferry.apply().code == 0
    lagging = "ns2.example.org 192.0.2.2 lacks it (1 value)"
    put_order(world, "web-1", waits_for=lagging)
    by_hand = put_order(world, "web-2", waits_for="set 2 TXT records: certferry pending")
    put_txt(world, *((by_hand, ZONE, f"_acme-challenge.{ZONE}", value, "asked")
                     for value in ("a", "b")))
    rows = world.certferry.status()
    assert rows["www", "web-1"]["state"] == "working", rows
    assert rows["www", "web-1"]["waits_for"] == lagging, rows
    assert rows["www", "web-2"]["state"] == "waiting", rows
    assert rows["www", "web-2"]["reason"] == "set 2 TXT records: certferry pending", rows
    table = world.certferry.good("status").out
    assert re.search(rf"^www/web-1 +working .* {re.escape(lagging)}$", table, re.M), table
    assert re.search("^www/web-2 +waiting .* set 2 TXT records: certferry pending$", table,
                     re.M), table
    # What is installed is looked at all the same, while somebody is waited for.
    planned = world.certferry.json("plan")["plan"]
    assert [(row["host"], row["action"]) for row in planned] == [
        ("web-1", "go on"), ("web-1", "verify"), ("web-2", "go on"), ("web-2", "verify")], planned
    assert planned[0]["reason"] == lagging, planned


def test_plan_says_which_propagation_is_in_force(world):
    world.standard(1, dns=None)
    manual = {"provider": "manual", "by-hand-timeout": "5d"}
    key = world.config["dns"]["home"]
    world.config["dns"] = {
        "home": {**key, "settle": "20s"},
        "hand": manual,
        "split": {**key, "spread-timeout": "90s",
                  "propagation": {"resolvers": ["192.0.2.1", "192.0.2.2@5353"]}},
        "slow": {**key, "propagation": {"settle": "90s"}},
        "blind": {**key, "propagation": "none"},
        "inner": {**manual, "propagation": {"resolvers": ["192.0.2.1"]}}}
    world.write_config()
    world.certferry.good("check")
    said = [
        "dns home (rfc2136): every authoritative server must show the records, within 10m, "
        "then 20s more",
        "dns hand (manual): set by a person, within 5d; every authoritative server must show "
        "them",
        "dns split (rfc2136): resolvers 192.0.2.1, 192.0.2.2@5353 must show the records, "
        "within 90s",
        "dns slow (rfc2136): waits 90s, asks nobody",
        "dns blind (rfc2136): waits for nothing, asks nobody",
        "dns inner (manual): set by a person, within 5d; resolver 192.0.2.1 must show them"]
    out = world.certferry.good("plan").out
    assert [line for line in out.splitlines() if line.startswith("dns ")] == said, out
    rows = world.certferry.json("plan")["dns"]
    assert [f"dns {row['name']} ({row['provider']}): {row['text']}" for row in rows] == said
    assert [row["propagation"] for row in rows] == [
        "authoritative", "authoritative", "resolvers", "settle", "none", "resolvers"], rows
    # Of what the certificate may use, and no other.
    world.config["certificates"]["www"].update(
        {"dns": ["slow", "hand"], "challenge-alias": "x." + ZONE})
    world.write_config()
    out = world.certferry.good("plan").out
    assert [line for line in out.splitlines() if line.startswith("dns ")] == [said[1], said[3]]
    assert f"note: www: challenge-alias x.{ZONE} holds the records of 2 names" in out


@pytest.mark.parametrize("way", ["none", {"settle": "90s"}])
def test_a_person_is_not_waited_for_blindly(world, way):
    small(world)
    world.config["dns"]["hand"] = {"provider": "manual", "propagation": way}
    world.write_config()
    result = world.certferry.run("check")
    assert result.code == 2 and "dns.hand.propagation: a person sets the records" in result.err
