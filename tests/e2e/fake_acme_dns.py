#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
fake_acme_dns - the API of acme-dns, made from what its project publishes

github.com/joohoi/acme-dns, README.md ("API") and the behaviour of its /register and
/update: Debian has no package of it, and our tests download nothing. Standard library only.

    POST /register  {"allowfrom": [CIDR...]}, or nothing     201 and an account
    POST /update    X-Api-User, X-Api-Key, {"subdomain", "txt"}
                    200 {"txt"}; 401 {"error": "forbidden"} for a user, a key, a subdomain or
                    an address that does not fit; 400 {"error": "bad_txt"} for other than 43
                    characters of base64url
    GET  /health    200

An account has two values; a new one takes the place of the one that was set longest ago,
whatever it is. Nothing is ever removed.

acme-dns answers DNS by itself. Here a real name server does: after each update `publish`
is called with the account's name and its values (knot_zone() makes one that writes
them to a zone by dynamic update).

By hand:  tests/e2e/fake_acme_dns.py 127.0.0.1 8080 auth.example.net     prints what it publishes
"""
import http.server
import ipaddress
import json
import re
import secrets
import sys
import threading
import uuid

KEPT = 2


class Account:
    def __init__(self, domain, allowfrom):
        self.username, self.subdomain = str(uuid.uuid4()), str(uuid.uuid4())
        self.password = secrets.token_urlsafe(30)  # 40 characters
        self.fulldomain = f"{self.subdomain}.{domain}"
        self.allowfrom = allowfrom
        self.values = []  # the one that was set last stands last

    def allows(self, address):
        return not self.allowfrom or any(
            ipaddress.ip_address(address) in ipaddress.ip_network(net, strict=False)
            for net in self.allowfrom)

    def shown(self):
        return {name: getattr(self, name) for name in
                ("username", "password", "fulldomain", "subdomain", "allowfrom")}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200 if self.path == "/health" else 404, {})

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(text) if text else {}
        except ValueError:
            body = None
        fake = self.server.fake
        fake.requests.append((self.path, body))
        if fake.fails:
            self.answer(fake.fails.pop(0), {"error": "db_error"})
        elif self.path == "/register":
            self.register(fake, body)
        elif self.path == "/update":
            self.update(fake, body or {})
        else:
            self.answer(404, {})

    def register(self, fake, body):
        if body is None:
            return self.answer(400, {"error": "malformed_json_payload"})
        try:
            for net in body.get("allowfrom", []):
                ipaddress.ip_network(net, strict=False)
        except ValueError:
            return self.answer(400, {"error": "invalid_allowfrom_cidr"})
        self.answer(201, fake.register(body.get("allowfrom", [])).shown())

    def update(self, fake, body):
        account = fake.accounts.get(self.headers.get("X-Api-User"))
        if not account or self.headers.get("X-Api-Key") != account.password or \
                body.get("subdomain") != account.subdomain or \
                not account.allows(self.client_address[0]):
            return self.answer(401, {"error": "forbidden"})
        txt = str(body.get("txt", ""))
        if not re.fullmatch(r"[A-Za-z0-9_-]{43}", txt):
            return self.answer(400, {"error": "bad_txt"})
        with fake.lock:
            account.values = (account.values + [txt])[-KEPT:]
            fake.publish(account.fulldomain, sorted(set(account.values)))
        self.answer(200, {"txt": txt})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class FakeAcmeDns:
    def __init__(self, address, port, domain, publish):
        self.address, self.port, self.domain, self.publish = address, port, domain, publish
        self.accounts, self.requests = {}, []
        self.fails = []  # statuses of the next answers
        self.lock = threading.Lock()
        self.server = None

    @property
    def url(self):
        return f"http://{self.address}:{self.port}"

    def register(self, allowfrom=()):
        account = Account(self.domain, list(allowfrom))
        self.accounts[account.username] = account
        return account

    def start(self):
        self.server = http.server.ThreadingHTTPServer((self.address, self.port), Handler)
        self.server.fake = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()


def knot_zone(nameserver):
    """publish, for a name server of servers.py: the set is what the account holds."""
    def publish(name, values):
        nameserver.update(f"delete {name}. TXT",
                          *(f"add {name}. 1 TXT {value}" for value in values))
    return publish


if __name__ == "__main__":
    fake = FakeAcmeDns(sys.argv[1], int(sys.argv[2]), sys.argv[3],
                       lambda name, values: print(name, *values, flush=True)).start()
    threading.Event().wait()
