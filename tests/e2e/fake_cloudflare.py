# SPDX-License-Identifier: Apache-2.0
"""
fake_cloudflare - Cloudflare's API v4 for DNS, in front of a real name server

Built from what Cloudflare publishes:
- the OpenAPI schema, github.com/cloudflare/api-schemas (openapi.json: the envelope, the
  dns_records paths and their permissions), and what is generated from it: the types of the
  npm package cloudflare 7.3.0 (resources/dns/records, zones/zones, user/tokens) and
  developers.cloudflare.com/api (List Zones needs "Zone Read", records "DNS Write";
  filters name.exact, name.startswith ...; a batch does deletes, patches, puts, posts in
  this order and in one transaction; ttl 60 to 86400, or 1);
- developers.cloudflare.com/dns/manage-dns-records/how-to/batch-record-changes: 200 records
  a batch on the free plan, 3,500 on the others;
- developers.cloudflare.com/fundamentals/api/reference/limits: 1,200 requests in 5 minutes,
  then 429 with retry-after;
- for the codes and words of errors, which the schema lacks, replies quoted in issues of
  acme.sh (#2989, #3805: 1038), ddns-go (#81: 6003, #1378: 81058), NewFuture/DDNS (#21:
  81057), certbot (#8015: zone.list), octodns-cloudflare (#60: 9109),
  cloud-inquisitor (#153: 10100).
What could not be found in public is marked "a guess". certbot's plugin, an independent
client, is run against it by test_cloudflare.py.

    fake = FakeCloudflare(directory, net, nameserver).start()
    zone = fake.add_zone("example.org")
    token = fake.add_token(edit=[zone], read=[zone])
    fake.requests      every request: Request(method, path, query, body, token, status)
    fake.next(...)     what goes wrong with one of the next requests
"""

import dataclasses
import datetime
import http.server
import json
import re
import secrets
import socket
import ssl
import subprocess
import threading
import time
from urllib.parse import parse_qsl, urlsplit

PORT = 8443
BASE = "/client/v4"
BATCH_MAX = 200
EVERY = "every zone"


@dataclasses.dataclass
class Zone:
    id: str
    name: str
    account: str = "First Account"
    status: str = "active"
    room: int = 1000  # records on the free plan


@dataclasses.dataclass
class Token:
    text: str
    edit: object = ()   # zones' ids with Zone:DNS:Edit, or EVERY
    read: object = ()   # zones' ids with Zone:Zone:Read, or EVERY
    status: str = "active"
    id: str = dataclasses.field(default_factory=lambda: secrets.token_hex(16))
    times: list = dataclasses.field(default_factory=list)

    def may(self, right, zone):
        return right == EVERY or zone.id in right


@dataclasses.dataclass
class Request:
    method: str
    path: str
    query: dict
    body: object
    token: str
    time: float = dataclasses.field(default_factory=time.monotonic)
    status: int = 0


@dataclasses.dataclass
class Fault:
    """At the next requests of this kind: what is done to the reply."""
    method: str
    path: str     # a regular expression
    kind: str     # lose, truncate, html, bare, or a status
    count: int
    headers: dict


class Refusal(Exception):
    def __init__(self, status, code, message, chain=(), **headers):
        super().__init__(message)
        self.status, self.headers = status, headers
        self.error = {"code": code, "message": message}
        if chain:
            self.error["error_chain"] = [dict(zip(("code", "message"), link)) for link in chain]


def unquoted(content):
    return content[1:-1] if len(content) > 1 and content[0] == content[-1] == '"' else content


def number(query, name, default, least, most):
    try:
        value = int(query.get(name, default))
    except ValueError:
        value = 0
    if not least <= value <= most:
        raise Refusal(400, 1004, "Validation error", [(1011, f"{name} is out of range")])  # a guess
    return value


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, request, client_address):
        pass  # clients that hang up


class FakeCloudflare:
    def __init__(self, directory, net, nameserver):
        self.directory = directory
        self.address = net.address(80)
        self.nameserver = nameserver
        self.lock = threading.RLock()
        self.zones, self.tokens, self.records, self.requests = {}, {}, {}, []
        self.faults = []
        self.page_max = 5000000   # what a page of the list holds at most
        self.list_lag_s = 0       # the list lacks what is younger
        self.keeps_quotes = True  # content comes back as it was given, else without
        self.limit = (1200, 300)  # requests a token, seconds
        self.server = None

    # -- what a test does

    @property
    def url(self):
        return f"https://{self.address}:{PORT}{BASE}"

    def start(self):
        self.directory.mkdir(exist_ok=True)
        self.certificate = self.directory / "api.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "30", "-keyout", self.directory / "api.key",
             "-out", self.certificate, "-subj", "/CN=fake Cloudflare",
             "-addext", f"subjectAltName=IP:{self.address}"], check=True, capture_output=True)
        self.certificate.chmod(0o600)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.directory / "api.key")
        self.key_file = self.directory / "tsig"
        self.key_file.write_text(self.nameserver.tsig.dig_option() + "\n")
        self.server = Server((self.address, PORT), Handler)
        self.server.fake = self
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def add_zone(self, name, **rest):
        zone = Zone(secrets.token_hex(16), name, **rest)
        self.zones[zone.id] = zone
        return zone

    def add_token(self, edit=(), read=(), **rest):
        def ids(zones):
            return zones if zones == EVERY else [zone.id for zone in zones]
        token = Token(secrets.token_urlsafe(30), ids(edit), ids(read), **rest)
        self.tokens[token.text] = token
        return token.text

    def add_record(self, zone, name, content, kind="TXT"):
        """As somebody else would: on the dashboard."""
        with self.lock:
            return self.create(zone, {"type": kind, "name": name, "content": content, "ttl": 60})

    def next(self, method, path, kind, count=1, **headers):
        self.faults.append(Fault(method, path, kind, count, headers))

    def values(self, name=None):
        """{name: sorted values} of all TXT records."""
        found = {}
        with self.lock:
            for record in self.records.values():
                if record["type"] == "TXT":
                    found.setdefault(record["name"], []).append(unquoted(record["content"]))
        return sorted(found.get(name, [])) if name else {n: sorted(v) for n, v in found.items()}

    def asked(self, method, path):
        return [r for r in self.requests
                if r.method == method and re.fullmatch(path, r.path)]

    # -- one request

    def answer(self, request, headers):
        """(status, headers, body)"""
        try:
            with self.lock:
                token = self.authenticate(headers)
                request.token = token.text
                self.count(token)
                result, info = self.route(token, request)
            body = {"result": result, "success": True, "errors": [], "messages": []}
            if info:
                body["result_info"] = info
            if request.path == "/user/tokens/verify":
                body["messages"] = [{"code": 10000, "type": None,
                                     "message": "This API Token is valid and active"}]
            return 200, {}, body
        except Refusal as refusal:
            return refusal.status, refusal.headers, {
                "result": None, "success": False, "errors": [refusal.error], "messages": []}

    def authenticate(self, headers):
        if headers.get("X-Auth-Key"):
            raise Refusal(403, 9103, "Unknown X-Auth-Key or X-Auth-Email")
        given = re.fullmatch(r"Bearer ([A-Za-z0-9_-]{40})", headers.get("Authorization", ""))
        if not given:
            raise Refusal(400, 6003, "Invalid request headers",
                          [(6111, "Invalid format for Authorization header")])
        token = self.tokens.get(given[1])
        if not token or token.status != "active":
            raise Refusal(403, 9109, "Invalid access token")
        return token

    def count(self, token):
        most, window_s = self.limit
        now = time.monotonic()
        token.times = [t for t in token.times if t > now - window_s] + [now]
        if len(token.times) > most:
            raise Refusal(429, 10100, f"More than {most} requests per {window_s} seconds reached. "
                          "Please wait and consider throttling your request speed",
                          **{"retry-after": str(window_s)})

    def route(self, token, request):
        path, method = request.path, request.method
        if path == "/user/tokens/verify" and method == "GET":
            return {"id": token.id, "status": token.status}, None
        if path == "/zones" and method == "GET":
            return self.list_zones(token, request.query)
        found = re.fullmatch(r"/zones/([^/]+)(/dns_records)?(/[^/]+)?", path)
        if not found:
            raise Refusal(400, 7000, "No route for that URI")
        zone = self.zones.get(found[1])
        if not re.fullmatch(r"[0-9a-f]{32}", found[1]):
            raise Refusal(404, 7003, f"Could not route to {path}, perhaps your object "
                          "identifier is invalid?", [(7000, "No route for that URI")])
        if not found[2]:
            if not zone or not token.may(token.read, zone):
                raise Refusal(403, 9109, "Unauthorized to access requested resource")
            return self.show_zone(zone), None
        if not zone or not token.may(token.edit, zone):
            raise Refusal(403, 10000, "Authentication error")
        return self.route_records(zone, request, (found[3] or "")[1:])

    def route_records(self, zone, request, item):
        method, body = request.method, request.body
        if method == "GET" and not item:
            return self.list_records(zone, request.query)
        if method != "GET" and re.search(r"\.(cf|ga|gq|ml|tk)$", zone.name):
            raise Refusal(403, 1038, "You cannot use this API for domains with a .cf, .ga, .gq, "
                          ".ml, or .tk TLD (top-level domain). To configure the DNS settings "
                          "for this domain, use the Cloudflare Dashboard.")
        if method == "POST" and not isinstance(body, dict):
            raise Refusal(400, 9207, "Request body is invalid.")
        if method == "POST" and not item:
            return self.show(self.create(zone, body)), None
        if method == "POST" and item == "batch":
            return self.batch(zone, body), None
        if method == "GET":
            return self.show(self.find(zone, item)), None
        if method == "DELETE":
            self.delete(zone, item)
            return {"id": item}, None
        raise Refusal(405, 10405, "Method not allowed for this authentication scheme")

    # -- zones

    def list_zones(self, token, query):
        if not token.read:
            raise Refusal(403, 9109, "Unauthorized to access requested resource")
        found = [zone for zone in self.zones.values()
                 if query.get("name", zone.name) == zone.name
                 and query.get("status", zone.status) == zone.status]
        if token.read != EVERY:
            found = [zone for zone in found if token.may(token.read, zone)]
            if "name" not in query or not found:
                raise Refusal(403, 0, f"Actor 'com.cloudflare.api.token.{token.id}' requires "
                              "permission 'com.cloudflare.api.account.zone.list' to list zones")
        return self.page([self.show_zone(zone) for zone in found], query, 20, 50)

    def show_zone(self, zone):
        return {"id": zone.id, "name": zone.name, "status": zone.status, "paused": False,
                "type": "full", "development_mode": 0,
                "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
                "account": {"id": zone.account.encode().hex()[:32], "name": zone.account}}

    def page(self, rows, query, default, most):
        page = number(query, "page", 1, 1, 10**9)
        size = min(number(query, "per_page", default, 1, most), self.page_max)
        shown = rows[(page - 1) * size:page * size]
        return shown, {"page": page, "per_page": size, "count": len(shown),
                       "total_count": len(rows), "total_pages": -(-len(rows) // size)}

    # -- records

    def list_records(self, zone, query):
        old_enough = time.monotonic() - self.list_lag_s
        rows = [self.show(r) for r in self.records.values()
                if r["zone"] == zone.id and r["made"] <= old_enough and self.matches(r, query)]
        return self.page(rows, query, 100, 5000000)

    def matches(self, record, query):
        tests = {"": str.__eq__, ".exact": str.__eq__, ".startswith": str.startswith,
                 ".endswith": str.endswith, ".contains": str.__contains__}
        if query.get("type", record["type"]) != record["type"]:
            return False
        for member in ("name", "content"):
            for suffix, test in tests.items():
                want = query.get(member + suffix)
                have = [record[member].lower(), unquoted(record[member]).lower()]
                if want is not None and not any(test(h, want.lower()) for h in have):
                    return False
        return True

    def show(self, record):
        content = record["content"] if self.keeps_quotes else unquoted(record["content"])
        shown = {k: v for k, v in record.items() if k not in ("zone", "made")}
        return {**shown, "content": content, "proxiable": False, "proxied": False,
                "settings": {}, "meta": {}, "tags": []}

    def find(self, zone, record_id):
        record = self.records.get(record_id)
        if not record or record["zone"] != zone.id:
            raise Refusal(404, 81044, "Record does not exist.")
        return record

    def create(self, zone, body, update=True):
        record = self.checked(zone, body)
        self.records[record["id"]] = record
        if update:
            self.tell_nameserver(zone, [], [record])
        return record

    def checked(self, zone, body):
        kind, name, content = (str(body.get(k, "")) for k in ("type", "name", "content"))
        ttl = body.get("ttl", 1)
        if kind not in ("TXT", "CNAME", "A") or not name or not content:
            raise Refusal(400, 1004, "DNS Validation Error", [(9005, "Content for the record is "
                                                               "invalid or missing")])
        if not isinstance(ttl, int) or (ttl != 1 and not 60 <= ttl <= 86400):
            raise Refusal(400, 1004, "DNS Validation Error", [(9021, (
                "Invalid TTL. Must be between 60 and 86,400 seconds, or 1 for Automatic."))])
        if name != zone.name and not name.endswith("." + zone.name):
            name += "." + zone.name  # as it does
        mine = [r for r in self.records.values() if r["zone"] == zone.id]
        same = [r for r in mine if r["name"] == name]
        if any(r["type"] == "CNAME" for r in same):
            raise Refusal(400, 81054, "A CNAME record with that host already exists.")
        if any(r["type"] == kind and unquoted(r["content"]) == unquoted(content) for r in same):
            raise Refusal(400, 81058, "An identical record already exists.")
        if len(mine) >= zone.room:
            raise Refusal(400, 81045, "Record quota exceeded.")
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        return {"id": secrets.token_hex(16), "zone": zone.id, "made": time.monotonic(),
                "type": kind, "name": name, "content": content, "ttl": ttl,
                "comment": body.get("comment"), "created_on": now, "modified_on": now}

    def delete(self, zone, record_id, update=True):
        record = self.find(zone, record_id)
        del self.records[record_id]
        if update:
            self.tell_nameserver(zone, [record], [])
        return record

    def batch(self, zone, body):
        """All or nothing; deletes before posts."""
        deletes, posts = body.get("deletes") or [], body.get("posts") or []
        if len(deletes) + len(posts) > BATCH_MAX:
            raise Refusal(400, 9400, "Too many operations in the batch")  # a guess
        before = dict(self.records)
        try:
            gone = [self.delete(zone, row["id"], update=False) for row in deletes]
            made = [self.create(zone, row, update=False) for row in posts]
        except Refusal:
            self.records = before
            raise
        self.tell_nameserver(zone, gone, made)
        return {"deletes": [self.show(r) for r in gone], "patches": [], "puts": [],
                "posts": [self.show(r) for r in made]}

    def tell_nameserver(self, zone, gone, made):
        """The zone of the real server is changed before the reply is sent."""
        if zone.name != self.nameserver.zone:
            return
        lines = [f"server {self.nameserver.address} 53", f"zone {zone.name}."]
        for word, records in (("del", gone), ("add", made)):
            for r in records:
                content = f'"{unquoted(r["content"])}"' if r["type"] == "TXT" else r["content"]
                ttl = f" {max(r['ttl'], 60)}" if word == "add" else ""
                lines.append(f"{word} {r['name']}.{ttl} {r['type']} {content}")
        subprocess.run(["knsupdate", "-v", "-k", self.key_file], text=True, check=True,
                       input="\n".join([*lines, "send", ""]), capture_output=True, timeout=20)

    def fault(self, request):
        with self.lock:
            for fault in self.faults:
                if fault.method == request.method and re.fullmatch(fault.path, request.path):
                    fault.count -= 1
                    if fault.count <= 0:
                        self.faults.remove(fault)
                    return fault
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *args):
        pass

    def handle_any(self):
        fake = self.server.fake
        url = urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(text) if text else None
        except ValueError:
            body = text
        request = Request(self.command, url.path.removeprefix(BASE), dict(parse_qsl(url.query)),
                          body, None)
        fake.requests.append(request)
        fault = fake.fault(request)
        if fault and isinstance(fault.kind, int):
            status, headers, body = fault.kind, fault.headers, b"<html>not now</html>"
        else:
            status, headers, body = fake.answer(request, self.headers)
            body = json.dumps(body).encode()
        request.status = status
        self.send(status, headers, body, fault.kind if fault else None)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def send(self, status, headers, body, fault):
        if fault == "lose":  # the work is done, and nobody will know
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = {"truncate": body[:len(body) // 2], "html": b"<html>hello</html>",
                "bare": b'{"success": false, "errors": [], "result": null}'}.get(fault, body)
        self.send_response(400 if fault == "bare" else status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
