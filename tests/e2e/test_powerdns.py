# SPDX-License-Identifier: Apache-2.0
"""The provider powerdns against the real pdns_server, whose API replaces whole sets."""

import json
import subprocess
import urllib.request

from certferry import BUILD
from fleet import ZONE
from net import can_connect
from servers import PowerDns, Proxy

CHALLENGE = f"_acme-challenge.{ZONE}"
API_PORT, PROXY_PORT = 8081, 8082


class PowerDnsApi(PowerDns):
    """pdns_server and a client of its own to its HTTP API."""

    def answers(self):
        return super().answers() and can_connect(self.address, API_PORT)

    @property
    def api(self):
        return f"http://{self.address}:{API_PORT}"

    def ask(self, method="GET", body=None):
        request = urllib.request.Request(
            f"{self.api}/api/v1/servers/localhost/zones/{self.zone}.", method=method,
            data=json.dumps(body).encode() if body else None, headers={"X-API-Key": self.api_key})
        with urllib.request.urlopen(request, timeout=30) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def set_txt(self, name, contents, ttl):
        self.ask("PATCH", {"rrsets": [{
            "name": f"{name}.", "type": "TXT", "ttl": ttl, "changetype": "REPLACE",
            "records": [{"content": c, "disabled": False} for c in contents]}]})

    def sets(self):
        """{name: (ttl, contents)} of every TXT set, as the API shows them."""
        return {row["name"].rstrip("."): (row["ttl"],
                                          sorted(r["content"] for r in row["records"]))
                for row in self.ask()["rrsets"] if row["type"] == "TXT"}


def start(world, hosts=1, **entry):
    world.add_dns(kind=PowerDnsApi)
    key = world.directory / "secrets" / "api-key"
    key.write_text(world.nameserver.api_key + "\n")
    key.chmod(0o600)
    world.config["dns"]["home"] = {"provider": "powerdns", "api-url": world.nameserver.api,
                                   "api-key": {"file": "secrets/api-key"}, **entry}
    world.add_ca()
    for number in range(hosts):
        world.add_host(f"web-{number + 1}")
    world.add_certificate()
    world.set_up()
    return world.nameserver


def run_batch(server, *changes, url=None, key=None, server_id=None, path=None):
    path = path or server.directory / "key"
    path.write_text(key or server.api_key)
    path.chmod(0o600)
    words = [f"api-url={url or server.api}", f"api-key=@{path}"]
    words += [f"server-id={server_id}"] if server_id else []
    done = subprocess.run(
        [BUILD / "tests" / "run_batch", BUILD / "libexec" / "certferry" / "certferry-dns-host",
         BUILD / "lib" / "certferry" / "plugins", "powerdns", *words,
         *(word for change in changes for word in change)],
        capture_output=True, text=True, timeout=120)
    return done.stdout.splitlines()


def test_foreign_values_survive(world):
    """Three orders at once share a name with two values of somebody else, one of them of
    several strings with all that needs quoting."""
    server = start(world, 3)
    foreign = ['"not ours"', '"a \\"b\\" \\\\ ; c" "second string"']
    server.set_txt(CHALLENGE, foreign, 300)
    server.set_txt(ZONE, ['"v=spf1 -all"'], 600)
    result = world.certferry.apply()
    assert result.code == 0, result
    world.assert_all_served()
    assert world.pebble.issued() == 3
    assert server.sets() == {CHALLENGE: (300, sorted(foreign)), ZONE: (600, ['"v=spf1 -all"'])}


def test_nothing_is_left(world):
    start(world)
    assert world.certferry.apply().code == 0
    world.assert_all_served()
    world.assert_no_residue()
    assert world.nameserver.sets() == {}


def test_wrong_key(world):
    start(world)
    (world.directory / "secrets" / "api-key").write_text("not-the-key\n")
    result = world.certferry.apply("--no-check")
    assert result.code not in (0, 7), result
    error = world.certferry.status()["www", "web-1"]["error"]["text"]
    assert "api-key is refused" in error and "pdns.conf" in error, error
    assert "not-the-key" not in result.out + result.err + error
    assert world.pebble.challenges() == 0


def test_api_away_then_back(world):
    """What cannot be reached is tried again; the order is the same."""
    server = start(world, **{"api-url": f"http://{world.net.address(53)}:{PROXY_PORT}"})
    result = world.certferry.apply("--no-check")
    assert result.code == 7, result
    assert "cannot connect" in result.out + result.err, result
    proxy = Proxy((server.address, PROXY_PORT), (server.address, API_PORT)).start()
    try:
        result = world.certferry.apply("--no-check")
    finally:
        proxy.stop()
    assert result.code == 0, result
    assert world.pebble.posts("/order-plz") == 1
    assert server.sets() == {}


def test_answers_of_the_server(world):
    """What an operator reads, and that a refused name spoils no other."""
    world.add_dns(kind=PowerDnsApi)
    server = world.nameserver
    name = f"_acme-challenge.www.{ZONE}"
    server.ask("PATCH", {"rrsets": [{
        "name": f"_acme-challenge.alias.{ZONE}.", "type": "CNAME", "ttl": 60,
        "changetype": "REPLACE", "records": [{"content": f"{ZONE}.", "disabled": False}]}]})
    add, remove = ("+", ZONE, name, "first"), ("-", ZONE, name, "first")

    assert run_batch(server, add, ("+", ZONE, CHALLENGE, "second"),
                     ("+", ZONE, name, "third")) == ["ok"] * 3
    assert server.sets() == {name: (60, ['"first"', '"third"']), CHALLENGE: (60, ['"second"'])}
    assert run_batch(server, remove, ("-", ZONE, CHALLENGE, "never-there")) == ["ok"] * 2
    assert server.sets() == {name: (60, ['"third"']), CHALLENGE: (60, ['"second"'])}

    good, bad = run_batch(server, add, ("+", ZONE, f"_acme-challenge.alias.{ZONE}", "x"))
    assert good == "ok" and "Conflicts with pre-existing RRset" in bad, bad
    assert '"first"' in server.sets()[name][1]

    for wanted, lines in (
            ("denied:", run_batch(server, add, key="another key")),
            ("no such zone", run_batch(server, ("+", "example.net",
                                                "_acme-challenge.example.net", "v"))),
            ("another server-id", run_batch(server, add, server_id="other")),
            ("temporary:", run_batch(server, add, url=f"http://{world.net.address(9)}:1"))):
        assert len(lines) == 1 and wanted in lines[0], lines


def test_zone_of_the_challenge_alone(world):
    """A zone whose name begins with an underscore, which the API writes as =5F."""
    world.add_dns(kind=PowerDnsApi)
    server = world.nameserver
    zone = f"_acme-challenge.www.{ZONE}"
    request = urllib.request.Request(
        f"{server.api}/api/v1/servers/localhost/zones", method="POST",
        data=json.dumps({"name": f"{zone}.", "kind": "Native",
                         "nameservers": [f"ns1.{ZONE}."]}).encode(),
        headers={"X-API-Key": server.api_key})
    urllib.request.urlopen(request, timeout=30).close()
    below = f"x.{zone}"
    assert run_batch(server, ("+", zone, below, "value")) == ["ok"]
    assert [row[4] for row in server.query("TXT", below)] == ['"value"']
    assert run_batch(server, ("-", zone, below, "value")) == ["ok"]
    assert server.query("TXT", below) == []
