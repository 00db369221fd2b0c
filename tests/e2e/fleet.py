# SPDX-License-Identifier: Apache-2.0
"""A whole world for one test: CA, name servers, hosts, and certferry's configuration."""

import contextlib
import json
import os
import pathlib

from certferry import WAITS, Certferry
from hosts import SLOT, SSH_PORT, TLS_PORT, Host
from net import Net, wait_for
from servers import ZONE, Bind, Knot, Pebble, PowerDns, Proxy, Tsig, Unbound, challenge

KINDS = {"knot": Knot, "bind": Bind, "powerdns": PowerDns}
# The name server of every test that does not name one.
USUAL = KINDS[os.environ.get("CERTFERRY_TEST_DNS", "knot")]


class World:
    """
    Made by the fixture `world`; what a test does not ask for is not started. The
    configuration is a dict in the shape of the YAML file (JSON is YAML), so a test
    changes it and calls write_config().
    """

    def __init__(self, directory, cache):
        self.directory = pathlib.Path(directory)
        self.cache = cache
        self.net = Net()
        self.running = []
        self.hosts = {}
        self.proxies = []
        self.servers = []  # name servers that a resolver is to know
        self.nameserver = self.pebble = self.secondary = self.resolver = None
        self.config = {
            "state-directory": str(self.directory / "state"),
            "resolver": self.net.address(53),
            "orders-in-flight": 4,
            "cas": {}, "dns": {}, "hosts": {}, "certificates": {},
        }
        self.certferry = Certferry(self.directory / "certferry.yaml")
        self.public_key = None

    # -- parts

    def run(self, server):
        server.start()
        self.running.append(server)
        return server

    def add_dns(self, kind=None, tsig=None, secondary=False, **options):
        """The name server of the zone (or zones), and the entry `home`."""
        ns_hosts = (53, 54) if secondary else (53,)
        options.setdefault("ns_hosts", ns_hosts)
        self.nameserver = self.run((kind or USUAL)(
            self.directory / "ns", self.net, tsig=tsig or Tsig(), **options))
        if secondary:
            self.secondary = self.run(Knot(self.directory / "ns2", self.net, host=54,
                                           primary=self.nameserver, ns_hosts=ns_hosts))
        self.servers.append(self.nameserver)
        self.add_entry("home", self.nameserver, key_file="tsig")

    def add_server(self, name, zones, host, kind=Knot, **options):
        """Another name server with zones, and the entry NAME for them."""
        server = self.run(kind(self.directory / f"ns-{name}", self.net, host=host, zones=zones,
                               tsig=options.pop("tsig", None) or Tsig(name=f"key-{name}"),
                               **options))
        self.servers.append(server)
        self.add_entry(name, server, zones=list(zones))
        return server

    def add_entry(self, name, server, key_file=None, **settings):
        """An entry of dns: that updates that server; whoever shares its key is it."""
        secrets = self.directory / "secrets"
        secrets.mkdir(mode=0o700, exist_ok=True)
        key = secrets / (key_file or f"tsig-{name}")
        key.write_text(server.tsig.bind_text())
        key.chmod(0o600)
        self.config["dns"][name] = {
            "provider": "rfc2136", "server": server.address,
            "tsig-key": {"file": f"secrets/{key.name}"}, **settings}

    def add_resolver(self, name="resolver", host=60, **options):
        """A recursive resolver that knows all the servers so far. The first one is
        certferry's and the CA's; add it before the CA."""
        resolver = self.run(Unbound(self.directory / name, self.net, host=host,
                                    servers=self.servers, **options))
        if self.resolver is None:
            self.resolver = resolver
            self.config["resolver"] = resolver.address
        return resolver

    def add_ca(self, **options):
        self.pebble = self.run(Pebble(self.directory / "pebble", self.net,
                                      self.config["resolver"], **options))
        self.config["cas"]["pebble"] = {
            "directory": self.pebble.url, "ca-file": str(self.pebble.ca_file),
            "agree-to-terms": True, "contact": ["mailto:ops@example.org"]}
        if self.pebble.eab:
            key = self.directory / "secrets" / "eab"
            key.write_text(self.pebble.eab[1] + "\n")
            key.chmod(0o600)
            self.config["cas"]["pebble"]["eab"] = {"kid": self.pebble.eab[0],
                                                   "key": {"file": "secrets/eab"}}

    def add_host(self, name, **options):
        number = 100 + len(self.hosts)
        host = Host(self.directory / name, name, self.net.address(number), self.cache, **options)
        self.hosts[name] = host
        self.config["hosts"][name] = {"address": host.address, "port": 2222, "groups": ["web"]}
        if host.user != "root":
            self.config["hosts"][name]["user"] = host.user
        return host

    def add_certificate(self, name="www", **settings):
        entry = {
            "names": [ZONE, f"*.{ZONE}"], "unique-name": "{host}.srv." + ZONE,
            "ca": "pebble", "dns": "home", "hosts": ["web"],
            "install": {"directory": SLOT}, "reload": "nginx",
            "probe": {"port": TLS_PORT, "timeout": "10s"}, **settings}
        self.config["certificates"][name] = {k: v for k, v in entry.items() if v is not None}

    def write_config(self):
        self.certferry.config.write_text(json.dumps(self.config, indent=1))

    # -- what an operator does once

    def set_up(self):
        """Configuration, init, sshd with our key on each host, pins."""
        self.write_config()
        self.public_key = self.certferry.init()["ssh_public_key"]
        for name, host in self.hosts.items():
            self.running.append(host)  # before: what has begun of it must end, too
            host.start(f"restrict {self.public_key}")
            self.enroll(name)

    def enroll(self, name):
        words = ("host", "enroll", name, "--fingerprint", self.hosts[name].fingerprint())
        # "Try again" (7) is tried again, once: libssh2 1.10 loses a handshake in thousands.
        if self.certferry.run(*words).code == WAITS:
            self.certferry.good(*words)

    def standard(self, count=3, flavour="debian", ca=None, **certificate):
        """The usual world: Knot, pebble, so many hosts, one certificate for them all."""
        self.add_dns()
        self.add_ca(**(ca or {}))
        for number in range(1, count + 1):
            self.add_host(f"web-{number}", flavour=flavour)
        self.add_certificate(**certificate)
        self.set_up()

    @contextlib.contextmanager
    def settling(self, *entries, seconds=10):
        """Orders stand for a while in `spread` meanwhile: who is to strike in the middle of one
        would else have a twentieth of a second."""
        for name in entries or ("home",):
            self.config["dns"][name]["settle"] = f"{seconds}s"
        self.write_config()
        yield
        for name in entries or ("home",):
            del self.config["dns"][name]["settle"]
        self.write_config()

    @contextlib.contextmanager
    def slow_ssh(self, seconds=1):
        """Each connection to a host begins so much later, for who is to strike between two."""
        proxies = []
        try:
            for number, (name, host) in enumerate(self.hosts.items(), 200):
                proxies.append(Proxy((self.net.address(number), SSH_PORT),
                                     (host.address, SSH_PORT), delay=seconds).start())
                self.config["hosts"][name]["address"] = self.net.address(number)
            self.write_config()
            yield
        finally:
            for proxy in proxies:
                proxy.stop()
            for name, host in self.hosts.items():
                self.config["hosts"][name]["address"] = host.address
            self.write_config()

    # -- what must be true

    def assert_all_served(self, certificate="www", slot=SLOT):
        """Every host of the certificate has its own, whole, and shows it to the world."""
        serials, keys = set(), set()
        rows = {host: row for (name, host), row in self.certferry.status().items()
                if name == certificate}
        for name, row in rows.items():
            host = self.hosts[name]
            assert row["state"] == "done", row
            assert row["installed"] and row["is_served"], row
            # For a moment nginx has the old workers beside the new ones.
            wait_for(f"{name} serves what is_served says",
                     lambda: host.served_sha256(slot) == row["sha256"])
            assert host.installed_sha256(slot) == row["sha256"], name
            assert host.pair_matches(slot), name
            serials.add(row["serial"])
            keys.add(row["key_sha256"])
        assert len(serials) == len(rows) and len(keys) == len(rows), rows
        return rows

    def assert_no_residue(self):
        for server in self.servers:
            assert server.reaches_zone()
            for zone in server.zones:
                assert server.txt(zone) == {}, zone

    def stop(self):
        for server in reversed(self.running):
            try:
                server.stop()
            except Exception as error:  # the others must end all the same
                print(f"{server}: {error}")
        for host in self.hosts.values():
            host.end_sessions()
            host.remove()
        self.net.free()


__all__ = ["World", "Bind", "Knot", "PowerDns", "Pebble", "Tsig", "Unbound", "ZONE", "SLOT",
           "TLS_PORT", "challenge"]
