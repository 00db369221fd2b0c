# SPDX-License-Identifier: Apache-2.0
"""The servers of the world around certferry: a CA, name servers, a delaying proxy.

Each is a real program started in its own directory on the addresses of one net. start()
returns when it answers; stop() ends it by its process id. What it printed is in its log.
"""

import base64
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time

from net import can_connect, free_port, wait_for

ZONE = "example.org"


class Server:
    """A process with a directory and a log, ended by its id."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o755)
        self.log = self.directory / "log"
        self.process = None

    def spawn(self, argv, ready, env=None):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], **(env or {})}, start_new_session=True)

        def answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"{argv[0]} ended at once, {self.log}:\n{self.log_tail()}")
            return ready()

        wait_for(f"{argv[0]} ({self.log})", answers)

    def stop(self):
        process, self.process = self.process, None
        if process is None:
            return
        try:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        except ProcessLookupError:
            process.wait()

    def children(self):
        pid = self.process.pid
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self):
        return self.log_text()[-2000:]


def close(listener):
    """Also where another thread waits on it: that one would hold the port."""
    try:
        listener.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    listener.close()


def free_of_apparmor(program, directory):
    """AppArmor binds Debian's named to /etc/bind by its path: run a copy there."""
    enabled = pathlib.Path("/sys/module/apparmor/parameters/enabled")
    if not enabled.exists() or enabled.read_text().strip() != "Y":
        return program
    copy = pathlib.Path(directory) / pathlib.Path(program).name
    shutil.copy(program, copy)
    return copy


class Pebble(Server):
    """The CA. What it was asked is counted from its log."""

    def __init__(self, directory, net, nameserver, nonce_reject=0, authz_reuse=100,
                 validity_s=90 * 86400, eab=None, always_valid=False):
        super().__init__(directory)
        self.address = net.address(14)
        self.port = 14000
        self.nameserver = nameserver
        self.eab = eab
        self.env = {
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_WFE_NONCEREJECT": str(nonce_reject),
            "PEBBLE_AUTHZREUSE": str(authz_reuse),
            # It asks by UDP alone, so a large answer is too much for it.
            "PEBBLE_VA_ALWAYS_VALID": "1" if always_valid else "0",
        }
        self.ca_file = self.directory / "ca.pem"
        self.validity_s = validity_s

    @property
    def url(self):
        return f"https://{self.address}:{self.port}/dir"

    def start(self):
        if not self.ca_file.exists():
            self._make_certificate()
        config = {
            "listenAddress": f"{self.address}:{self.port}",
            "managementListenAddress": f"{self.address}:15000",
            "certificate": str(self.ca_file),
            "privateKey": str(self.directory / "ca.key"),
            "httpPort": 5002,
            "tlsPort": 5001,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": self.eab is not None,
            "certificateValidityPeriod": self.validity_s,
        }
        if self.eab:
            config["externalAccountMACKeys"] = {self.eab[0]: self.eab[1]}
        path = self.directory / "pebble.json"
        path.write_text(json.dumps({"pebble": config}))
        self.spawn(["pebble", "-config", path, "-dnsserver", f"{self.nameserver}:53", "-strict"],
                   lambda: can_connect(self.address, self.port), self.env)
        return self

    def _make_certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
             "-keyout", self.directory / "ca.key", "-out", self.ca_file,
             "-subj", "/CN=pebble of the tests",
             "-addext", f"subjectAltName=IP:{self.address}"],
            check=True, capture_output=True)

    def issued(self):
        return len(re.findall(r"Issued certificate", self.log_text()))

    def posts(self, path):
        """Requests to /order-plz (newOrder), /finalize-order/, /chalZ/, /sign-me-up."""
        return len(re.findall(rf"POST {re.escape(path)}", self.log_text()))

    def challenges(self):
        return self.posts("/chalZ/")

    def requests(self):
        return len(re.findall(r"(POST|GET|HEAD) /", self.log_text()))


class Tsig:
    """A TSIG key, and the file certferry reads it from."""

    def __init__(self, algorithm="hmac-sha256", name="certferry-test"):
        self.algorithm = algorithm
        self.name = name
        self.bytes = secrets.token_bytes(32 if algorithm.endswith("256") else 64)
        self.secret = base64.b64encode(self.bytes).decode()

    def bind_text(self):
        return (f'key "{self.name}" {{\n'
                f'\talgorithm {self.algorithm};\n\tsecret "{self.secret}";\n}};\n')

    def dig_option(self):
        return f"{self.algorithm}:{self.name}:{self.secret}"


OPERATOR = "operator"
# What the key may write where the server is strict: TXT, at the challenges of these alone.
CHALLENGED = (
    "", "www", "www.deep", "other", "api", "new", "a", "b", "a.b", "b.sub", "a.b.sub",
    "deep.sub", "one.more", "collected", "ec-256", "ec-384", "rsa-2048", "rsa-3072",
    "rsa-4096", *(f"web-{n}.srv" for n in range(1, 10)),
    *(f"web-{n:02}.srv" for n in range(0, 12)), *(f"web-{n}.mail" for n in range(1, 4)),
    f"{ZONE}.acme")


def challenge(name):
    return f"_acme-challenge.{name}"


def zone_text(zone, addresses):
    lines = [f"$ORIGIN {zone}.", "$TTL 60",
             f"@ SOA ns1.{zone}. hostmaster.{zone}. 1 3600 600 86400 60"]
    for number, address in enumerate(addresses, 1):
        lines += [f"@ NS ns{number}.{zone}.",
                  f"ns{number} {'AAAA' if ':' in address else 'A'} {address}"]
    return "\n".join(lines) + "\n"


class NameServer(Server):
    """
    What Knot, BIND and PowerDNS have in common: zones, updated by TSIG with certferry's
    key. Whatever a test needs there beside the challenges it writes as the operator, who
    has a key of his own: update(), add(), remove().

    ns_hosts: the zones' name servers, as hosts of the net, or as addresses.
    """

    def __init__(self, directory, net, host=53, tsig=None, zone=ZONE, zones=None,
                 ns_hosts=None):
        super().__init__(directory)
        self.net = net
        self.address = net.address(host)
        self.zones = list(zones or (zone,))
        self.zone = self.zones[0]
        self.tsig = tsig or Tsig()
        self.operator = Tsig(name=OPERATOR)
        self.ns_addresses = [h if isinstance(h, str) else net.address(h)
                             for h in (ns_hosts or (host,))]

    def answers(self):
        return all(self.query("SOA", zone, seconds=1) for zone in self.zones)

    def query(self, kind, name, transfer=False, seconds=10):
        argv = ["dig", f"@{self.address}", "+norecurse", f"+time={seconds}", "+tries=2",
                "+noall", "+answer", "+onesoa"]
        if transfer:
            argv += ["-y", self.tsig.dig_option()]
        done = subprocess.run(argv + [name, kind], capture_output=True, text=True)
        return [line.split() for line in done.stdout.splitlines()
                if line and not line.startswith(";")]

    def txt(self, zone=None):
        """Every TXT record of the zone: {name: [values]}."""
        found = {}
        rows = self.query("AXFR", zone or self.zone, transfer=True)
        assert rows, "no transfer: it does not say that there is none"
        for row in rows:
            if len(row) >= 5 and row[3] == "TXT":
                found.setdefault(row[0].rstrip("."), []).append(row[4].strip('"'))
        return found

    def reaches_zone(self):
        return bool(self.query("AXFR", self.zone, transfer=True))

    # -- what an operator writes

    def zone_of(self, name):
        return max((z for z in self.zones if name == z or name.endswith("." + z)), key=len)

    def update(self, *lines, zone=None, key=None):
        """Lines of nsupdate: "add www.example.org 60 CNAME a.example.net."."""
        zone = zone or self.zone_of(lines[0].split()[1].rstrip("."))
        done = subprocess.run(
            ["nsupdate", "-y", (key or self.operator).dig_option()], text=True,
            capture_output=True,
            input="\n".join([f"server {self.address}", f"zone {zone}",
                             *(f"update {line}" for line in lines), "send", ""]))
        assert done.returncode == 0, f"{lines}: {done.stderr}"

    def add(self, name, kind, data, ttl=60):
        self.update(f"add {name}. {ttl} {kind} {data}")

    def remove(self, name, kind="", data=""):
        self.update(f"delete {name}. {kind} {data}")


class Knot(NameServer):
    """
    knotd. With primary: a secondary that transfers only when told to by refresh().
    signed: the zones are signed, with keys of their own that ds() tells.
    """

    def __init__(self, directory, net, host=53, primary=None, signed=False, **rest):
        if primary is not None:
            rest.setdefault("tsig", primary.tsig)
            rest.setdefault("zones", primary.zones)
        super().__init__(directory, net, host, **rest)
        self.primary = primary
        self.signed = signed
        self.config = self.directory / "knot.conf"

    def start(self):
        storage = self.directory / "db"
        storage.mkdir(exist_ok=True)
        (self.directory / "rundir").mkdir(exist_ok=True)
        lines = [
            "server:",
            f"  rundir: {self.directory}/rundir",
            f"  listen: {self.address}@53",
            "  udp-workers: 1", "  tcp-workers: 2", "  background-workers: 1",
            "control:", f"  listen: {self.directory}/knot.sock",
            "log:", "- target: stderr", "  any: info",
            "database:",
            f"  storage: {storage}",
            "  journal-db-max-size: 16M", "  timer-db-max-size: 1M", "  kasp-db-max-size: 5M",
            "  catalog-db-max-size: 5M",
            "key:"]
        for key in (self.tsig, self.operator):
            lines += [f"- id: {key.name}", f"  algorithm: {key.algorithm}",
                      f"  secret: {key.secret}"]
        lines += ["acl:", "- id: writer", f"  key: [{self.tsig.name}, {self.operator.name}]",
                  "  action: [update, transfer]"]
        if self.signed:
            lines += ["policy:", "- id: quick", "  algorithm: ecdsap256sha256",
                      "  single-type-signing: on", "  ksk-lifetime: 0"]
        if self.primary:
            lines += ["remote:", "- id: primary", f"  address: {self.primary.address}@53",
                      f"  key: {self.tsig.name}"]
        lines.append("zone:")
        for zone in self.zones:
            zone_file = storage / f"{zone}.zone"
            lines += [f"- domain: {zone}", f"  storage: {storage}", f"  file: {zone_file}",
                      "  zonefile-sync: -1", "  acl: writer"]
            if self.signed:
                lines += ["  dnssec-signing: on", "  dnssec-policy: quick",
                          "  zonefile-load: difference"]
            if self.primary:
                lines.append("  master: primary")
            else:
                zone_file.write_text(zone_text(zone, self.ns_addresses))
        self.config.write_text("\n".join(lines) + "\n")
        self.spawn(["knotd", "-c", self.config], self.answers)
        return self

    def answers(self):
        return super().answers() and \
            (not self.signed or all(self.query("DNSKEY", zone) for zone in self.zones))

    def ds(self, zone=None):
        """The signed zone's DS records, as an unbound's trust."""
        zone = zone or self.zone
        done = subprocess.run(["keymgr", "-c", self.config, zone, "ds"], check=True,
                              capture_output=True, text=True)
        return [line for line in done.stdout.splitlines() if " DS " in line]

    def control(self, *argv):
        subprocess.run(["knotc", "-b", "-s", self.directory / "knot.sock", *argv], check=True,
                       capture_output=True, text=True, timeout=20)

    def refresh(self, zone=None):
        """Transfers the zone from the primary now."""
        self.control("zone-retransfer", zone or self.zone)


class Bind(NameServer):
    """
    named. It listens only on addresses that an interface has, which those of a test's
    net are not; so it runs on 127.0.0.1 at a free port, behind a relay.

    Its update-policy grants certferry's key nothing but TXT, at and below the challenge
    names of `challenged` (names in the zone, "" the zone itself).
    """

    def __init__(self, *args, challenged=CHALLENGED, **rest):
        super().__init__(*args, **rest)
        self.challenged = challenged

    def zone_config(self, zone):
        zone_file = self.directory / f"{zone}.zone"
        zone_file.write_text(zone_text(zone, self.ns_addresses))
        names = [challenge(f"{name}.{zone}" if name else zone)
                 for name in self.challenged]
        grants = "\n".join(f'\t\tgrant "{self.tsig.name}" subdomain {name}. TXT;'
                           for name in names)
        return f"""
zone "{zone}" {{
	type primary;
	file "{zone_file}";
	allow-transfer {{ key "{self.tsig.name}"; key "{self.operator.name}"; }};
	update-policy {{
		grant "{self.operator.name}" zonesub ANY;
{grants}
	}};
}};
"""

    def start(self):
        port = free_port()
        self.relays = [UdpRelay((self.address, 53), ("127.0.0.1", port)).start(),
                       Proxy((self.address, 53), ("127.0.0.1", port)).start()]
        config = self.directory / "named.conf"
        config.write_text(self.tsig.bind_text() + self.operator.bind_text() + f"""
options {{
	directory "{self.directory}";
	pid-file "{self.directory}/named.pid";
	session-keyfile "{self.directory}/session.key";
	listen-on port {port} {{ 127.0.0.1; }};
	listen-on-v6 {{ none; }};
	recursion no;
	dnssec-validation no;
	notify no;
	check-names primary ignore;
}};
controls {{ }};
""" + "".join(self.zone_config(zone) for zone in self.zones))
        program = free_of_apparmor("/usr/sbin/named", self.directory)
        self.spawn([program, "-g", "-4", "-n", "1", "-c", config], self.answers)
        return self

    def stop(self):
        super().stop()
        for relay in self.relays:
            relay.stop()


class PowerDns(NameServer):
    """pdns_server with its SQLite back end. webserver: its HTTP API at port 8081, with
    the key api_key."""

    schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

    def fill_zone(self, db, number, zone):
        db.execute("INSERT INTO domains (id, name, type) VALUES (?, ?, 'NATIVE')",
                   (number, zone))
        for line in zone_text(zone, self.ns_addresses).splitlines()[2:]:
            owner, kind, content = line.split(" ", 2)
            name = zone if owner == "@" else f"{owner}.{zone}"
            db.execute("INSERT INTO records (domain_id, name, type, content, ttl, disabled,"
                       " auth) VALUES (?, ?, ?, ?, 60, 0, 1)",
                       (number, name, kind, content.replace(f"{zone}.", zone)))
        for kind in ("TSIG-ALLOW-DNSUPDATE", "TSIG-ALLOW-AXFR"):
            for key in (self.tsig, self.operator):
                db.execute("INSERT INTO domainmetadata (domain_id, kind, content)"
                           " VALUES (?, ?, ?)", (number, kind, key.name))

    def fill(self, path):
        with sqlite3.connect(path) as db, open(self.schema, encoding="ascii") as schema:
            db.executescript(schema.read())
            for key in (self.tsig, self.operator):
                db.execute("INSERT INTO tsigkeys (name, algorithm, secret) VALUES (?, ?, ?)",
                           (key.name, key.algorithm, key.secret))
            for number, zone in enumerate(self.zones, 1):
                self.fill_zone(db, number, zone)

    def start(self):
        self.fill(self.directory / "pdns.sqlite3")
        self.api_key = secrets.token_hex(16)
        (self.directory / "pdns.conf").write_text(f"""
launch=gsqlite3
gsqlite3-database={self.directory}/pdns.sqlite3
local-address={self.address}
local-port=53
socket-dir={self.directory}
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8
allow-axfr-ips=127.0.0.0/8
setuid=0
setgid=0
api=yes
api-key={self.api_key}
webserver=yes
webserver-address={self.address}
webserver-port=8081
webserver-allow-from=127.0.0.0/8
""")
        self.spawn(["pdns_server", f"--config-dir={self.directory}", "--guardian=no",
                    "--daemon=no", "--disable-syslog", "--write-pid=no"], self.answers)
        return self


class Unbound(Server):
    """
    A recursive resolver. It knows where the zones of the servers are, and from there on it
    follows what the zones say.

    caches: it keeps answers, negative ones as well, as their TTL says (and from NSEC it
    knows of names that it never asked for); otherwise each question is asked anew.
    trust: DS records of signed zones; what does not match is SERVFAIL.
    """

    def __init__(self, directory, net, host=60, servers=(), caches=False, trust=()):
        super().__init__(directory)
        self.address = net.address(host)
        self.servers, self.caches, self.trust = list(servers), caches, list(trust)

    def start(self):
        lines = [
            "server:", f'  directory: "{self.directory}"', '  chroot: ""', '  username: ""',
            '  pidfile: ""', "  do-daemonize: no", "  use-syslog: no", '  logfile: ""',
            "  verbosity: 1", "  log-queries: yes", f"  interface: {self.address}",
            "  do-ip6: no",
            "  access-control: 127.0.0.0/8 allow", "  do-not-query-localhost: no",
            "  num-threads: 1", "  outgoing-range: 256", "  so-rcvbuf: 0",
            "  unblock-lan-zones: yes", "  insecure-lan-zones: yes",
            "  infra-host-ttl: 0",
            f'  module-config: "{"validator " if self.trust else ""}iterator"']
        lines += [f"  local-zone: {zone} nodefault" for zone in ("test.", "invalid.")]
        lines += [f'  trust-anchor: "{ds}"' for ds in self.trust]
        if not self.caches:
            lines += ["  cache-max-ttl: 0", "  cache-max-negative-ttl: 0",
                      "  aggressive-nsec: no"]
        lines += ["remote-control:", "  control-enable: no"]
        for server in self.servers:
            for zone in server.zones:
                lines += ["stub-zone:", f"  name: {zone}", f"  stub-addr: {server.address}@53"]
        # A root of our own: what is in none of the zones does not exist, and nothing is
        # asked outside of this machine.
        root = self.directory / "root.zone"
        root.write_text(". 60 SOA root. root. 1 3600 600 86400 60\n. 60 NS root.\n")
        lines += ["auth-zone:", "  name: .", f"  zonefile: {root}", "  for-upstream: yes",
                  "  for-downstream: no", "  fallback-enabled: no"]
        config = self.directory / "unbound.conf"
        config.write_text("\n".join(lines) + "\n")
        self.spawn(["unbound", "-d", "-c", config], self.answers)
        return self

    def query(self, kind, name, *options):
        done = subprocess.run(["dig", f"@{self.address}", "+time=2", "+tries=1", *options,
                               name, kind], capture_output=True, text=True)
        return done.stdout

    def answers(self):
        return "status: " in self.query("SOA", self.servers[0].zone)

    def asked(self, kind, name):
        """How often it was asked for that."""
        return len(re.findall(rf" {re.escape(name)}\. {kind} IN$", self.log_text(), re.M))

    def status(self, kind, name, *options):
        found = re.search(r"status: (\w+)", self.query(kind, name, *options))
        return found.group(1) if found else None


class UdpRelay:
    """Carries questions of many clients to one server, and the answers back."""

    def __init__(self, listen, target):
        self.target = target
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(listen)

    def start(self):
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return self

    def stop(self):
        """The port is free only when nobody waits at the socket any more."""
        close(self.socket)
        self.thread.join(10)

    def _serve(self):
        while True:
            try:
                question, client = self.socket.recvfrom(65535)
            except OSError:
                return
            threading.Thread(target=self._ask, args=(question, client), daemon=True).start()

    def _ask(self, question, client):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ask:
            ask.settimeout(5)
            try:
                ask.sendto(question, self.target)
                self.socket.sendto(ask.recv(65535), client)
            except OSError:
                pass


class Proxy:
    """A TCP proxy that can stop forwarding after so many bytes from the client. delay: the
    seconds that each connection waits before it is carried on."""

    def __init__(self, listen, target, stall_after=None, delay=0):
        self.listen, self.target, self.stall_after = listen, target, stall_after
        self.delay = delay
        self.socket = None
        self.connections = 0

    def start(self):
        self.socket = socket.create_server(self.listen)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()
        return self

    def stop(self):
        """The port is free only when nobody waits at the socket any more."""
        if self.socket:
            close(self.socket)
            self.thread.join(10)

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            for source, sink, limit in ((client, server, self.stall_after), (server, client, None)):
                threading.Thread(target=self._pump, args=(source, sink, limit),
                                 daemon=True).start()

    def _pump(self, source, sink, limit):
        count = 0
        time.sleep(self.delay)
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                if limit is not None and self.stall_after is not None \
                        and count + len(data) > limit:
                    sink.sendall(data[:limit - count])
                    while self.stall_after is not None:  # hangs until the test lets go
                        time.sleep(0.1)
                    break
                count += len(data)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
