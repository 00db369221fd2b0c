#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
fake_ca - a CA that does wrong on request

It speaks ACME over HTTPS on 127.0.0.1, believes every signature and validates
nothing. A scenario says at which reply it goes wrong, and how; without one (or with
"good") it issues. Standard library only; certificates are made by openssl(1).

    with FakeCa(directory, "order_other_name") as ca:
        ...  ca.directory_url, ca.root (a file), ca.log (what was asked for)

By hand:  tests/e2e/fake_ca.py SCENARIO [DIRECTORY]     "list" lists the scenarios.
"""
import base64
import http.server
import itertools
import json
import pathlib
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from email.utils import formatdate

from net import free_port

URN = "urn:ietf:params:acme:error:"
TOKEN = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"


class Reply:
    """What is about to be sent; a scenario changes it."""

    def __init__(self, status, obj=None, **headers):
        self.status = status
        self.headers = {name.replace("_", "-"): text for name, text in headers.items()}
        self.body = b"" if obj is None else json.dumps(obj).encode()
        self.length = None      # Content-Length, where it is to be a lie
        self.pause = 0.0        # seconds between bytes
        self.endless = False

    def set_json(self, obj):
        self.body = json.dumps(obj).encode()

    def change(self, **members):
        self.set_json({**json.loads(self.body), **members})

    def problem(self, status, kind, detail, **more):
        self.status = status
        self.headers["Content-Type"] = "application/problem+json"
        self.set_json({"type": URN + kind, "detail": detail, **more})


# Scenarios: for each, at which operation what is done to the reply.

def _raw(body):
    return lambda ca, reply: setattr(reply, "body", body)


def _change(**members):
    return lambda ca, reply: reply.change(**members)


def _problem(status, kind, detail, retry_after=None, link=None, **more):
    def apply(ca, reply):
        reply.problem(status, kind, detail, **more)
        if retry_after is not None:
            reply.headers["Retry-After"] = (
                retry_after() if callable(retry_after) else retry_after)
        if link:
            reply.headers["Link"] = link
    return apply


def _bare(status, body=b"", **headers):
    def apply(ca, reply):
        reply.status, reply.body = status, body
        reply.headers.update({name.replace("_", "-"): text
                              for name, text in headers.items()})
    return apply


def _bad_nonce(always):
    def apply(ca, reply):
        if always or ca.count % 2:
            reply.problem(400, "badNonce", "try this one")
            reply.headers.pop("Location", None)
        ca.count += 1
    return apply


def _attribute(name, value):
    return lambda ca, reply: setattr(reply, name, value)


def _no_nonce(ca, reply):
    reply.headers["Replay-Nonce"] = "not a nonce!"


def _lie_about_length(ca, reply):
    reply.length = len(reply.body) + 100


def _identifiers(*names):
    return lambda ca, reply: reply.change(
        identifiers=[{"type": "dns", "value": name} for name in names])


def _token(token):
    def apply(ca, reply):
        challenge = {**json.loads(reply.body)["challenges"][0], "token": token}
        reply.change(challenges=[challenge])
    return apply


def _failed_challenge(ca, reply):
    if not ca.answered:
        return
    challenge = {**json.loads(reply.body)["challenges"][0], "status": "invalid",
                 "error": {"type": URN + "unauthorized",
                           "detail": "No TXT record found at _acme-challenge"}}
    reply.change(status="invalid", challenges=[challenge])


def _failed_order(ca, reply):
    reply.change(status="invalid", certificate=None, error={
        "type": URN + "compound", "detail": "two of them", "subproblems": [
            {"type": URN + "caa", "detail": "forbidden by CAA",
             "identifier": {"type": "dns", "value": "one.test"}},
            {"type": URN + "dns", "detail": "SERVFAIL",
             "identifier": {"type": "dns", "value": "two.test"}}]})


def _certificate(**how):
    return lambda ca, reply: setattr(reply, "body", ca.issue(**how))


SCENARIOS = {
    "good": {},
    # nonces
    "nonce_once": {"post": _bad_nonce(False)},
    "nonce_always": {"post": _bad_nonce(True)},
    "nonce_unusable": {"nonce": _no_nonce},
    # refusals and outages
    "limit_seconds": {"order_new": _problem(429, "rateLimited", "too many", "77")},
    "limit_date": {"order_new": _problem(
        429, "rateLimited", "too many", lambda: formatdate(time.time() + 7200, usegmt=True))},
    "limit_huge": {"order_new": _problem(429, "rateLimited", "too many", "9" * 30)},
    "limit_zero": {"order_new": _problem(429, "rateLimited", "too many", "0")},
    "limit_nonsense": {"order_new": _problem(429, "rateLimited", "too many", "-5 min")},
    "error_500": {"order_new": _problem(500, "serverInternal", "oops", "60")},
    "error_html": {"order_new": _bare(500, b"<html>it broke</html>")},
    "error_503": {"order_new": _bare(503, Retry_After="30")},
    "error_finalize": {"finalize": _problem(403, "orderNotReady", "not yet")},
    "error_csr": {"finalize": _problem(400, "badCSR", "I do not like it")},
    "error_unknown": {"order_new": _problem(403, "brandNew", "who knows\x1b[2J")},
    "account_gone": {"order_new": _problem(400, "accountDoesNotExist", "never seen")},
    "account_deactivated": {"account": _change(status="deactivated")},
    "terms_changed": {"order_new": _problem(
        403, "userActionRequired", "agree", link='<https://ca.test/new>;rel="terms-of-service"')},
    "redirect": {"order_new": lambda ca, reply: _bare(
        302, Location=ca.decoy_url)(ca, reply)},
    "wrong_success": {"order_new": _bare(204)},
    # bodies
    "body_truncated": {"order_new": _lie_about_length},
    "body_endless": {"order_new": _attribute("endless", True)},
    "body_slow": {"order_new": _attribute("pause", 1.0)},
    "body_big_directory": {"directory": _raw(b"{" + b" " * 70000 + b"}")},
    "body_html": {"order_new": _raw(b"<html></html>")},
    "body_list": {"order_new": _raw(b"[]")},
    "body_deep": {"order_new": _raw(b'{"a":' * 5000)},
    "body_twice": {"order_new": _raw(b'{"status":"pending","status":"valid"}')},
    "body_nul": {"order_new": _raw(b'{"status":"pending"\0}')},
    "body_latin1": {"order_new": _raw(b'{"status":"\xe4"}')},
    "body_empty": {"order_new": _raw(b"")},
    "headers_flood": {"order_new": lambda ca, reply: reply.headers.update(
        {f"X-{n}": "x" * 100 for n in range(1000)})},
    "header_long_nonce": {"post": lambda ca, reply: reply.headers.update(
        {"Replay-Nonce": "n" * 5000})},
    # orders
    "order_other_name": {"order_new": _identifiers("evil.test")},
    "order_extra_name": {"order_new": _identifiers("one.test", "two.test", "evil.test")},
    "order_one_less": {"order_new": _identifiers("one.test")},
    "order_turns": {"order": _identifiers("one.test", "evil.test")},
    "order_status": {"order_new": _change(status="finished")},
    "order_no_location": {"order_new": lambda ca, reply: reply.headers.pop("Location")},
    "order_stuck": {"order": _change(status="processing", certificate=None)},
    "order_invalid": {"order": _failed_order},
    # authorizations
    "authz_other_name": {"authz": _change(identifier={"type": "dns", "value": "evil.test"})},
    "authz_wildcard": {"authz": _change(wildcard=True)},
    "authz_no_dns01": {"authz": _change(challenges=[])},
    "authz_stuck": {"authz": _change(status="pending")},
    "challenge_fails": {"authz": _failed_challenge},
    "token_path": {"authz": _token("../../../../etc/cron.d/x")},
    "token_shell": {"authz": _token("$(reboot)aaaaaaaaaaaa")},
    "token_long": {"authz": _token("a" * 5000)},
    # certificates
    "certificate_other_key": {"certificate": _certificate(other_key=True)},
    "certificate_extra_name": {"certificate": _certificate(names=["one.test", "two.test",
                                                                  "evil.test"])},
    "certificate_one_less": {"certificate": _certificate(names=["one.test"])},
    "certificate_expired": {"certificate": _certificate(days=-5)},
    "certificate_no_chain": {"certificate": _certificate(chain=0)},
    "certificate_long_chain": {"certificate": _certificate(chain=10)},
    "certificate_wrong_chain": {"certificate": _certificate(own_chain=False)},
    "certificate_huge": {"certificate": _raw(b"-" * 300000)},
    "certificate_html": {"certificate": _raw(b"<html>here you are</html>")},
    "certificate_empty": {"certificate": _raw(b"")},
    "certificate_404": {"certificate": _bare(404)},
}

# "url_FIELD": that URL is `evil` (an argument); FIELD is where it stands.
URL_FIELDS = {
    "newNonce": ("directory", lambda evil: _change(newNonce=evil)),
    "newAccount": ("directory", lambda evil: _change(newAccount=evil)),
    "newOrder": ("directory", lambda evil: _change(newOrder=evil)),
    "account": ("account", lambda evil: _bare_header("Location", evil)),
    "order": ("order_new", lambda evil: _bare_header("Location", evil)),
    "authorization": ("order_new", lambda evil: _change(authorizations=[evil])),
    "challenge": ("authz", lambda evil: lambda ca, reply: reply.change(
        challenges=[{**json.loads(reply.body)["challenges"][0], "url": evil}])),
    "finalize": ("order_new", lambda evil: _change(finalize=evil)),
    "certificate": ("order", lambda evil: _change(certificate=evil)),
}


def _bare_header(name, text):
    return lambda ca, reply: reply.headers.update({name: text})


def openssl(*args, **kwargs):
    return subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True,
                          **kwargs).stdout


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.answer(None)

    do_HEAD = do_GET

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        self.answer(json.loads(self.rfile.read(length)))

    def answer(self, jws):
        ca = self.server.ca
        reply = ca.reply(self.command, self.path, jws, self.headers)
        try:
            self.send_reply(reply)
        except OSError:
            self.close_connection = True     # the client has seen enough

    def send_reply(self, reply):
        self.send_response_only(reply.status)
        for name, text in reply.headers.items():
            self.send_header(name, text)
        length = 10**9 if reply.endless else reply.length
        self.send_header("Content-Length", len(reply.body) if length is None else length)
        self.end_headers()
        if self.command == "HEAD":
            return
        if reply.endless:
            while True:
                self.wfile.write(b" " * 4096)
        if reply.pause:
            for byte in reply.body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(reply.pause)
        else:
            self.wfile.write(reply.body)
        if reply.length is not None:
            self.close_connection = True


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class Decoy(threading.Thread):
    """A port that nobody may connect to; counts who does."""

    def __init__(self):
        super().__init__(daemon=True)
        self.visits = 0
        self.port = free_port()
        self.socket = socket.create_server(("127.0.0.1", self.port))

    def run(self):
        while True:
            try:
                self.socket.accept()[0].close()
                self.visits += 1
            except OSError:
                return


class FakeCa:
    def __init__(self, directory, scenario="good", evil=None, eab=False):
        self.dir = pathlib.Path(directory)
        self.root = self.dir / "fake-ca.pem"
        self.key = self.dir / "fake-ca.key"
        self.log = []           # (operation, method, payload)
        self.count = 0          # for scenarios that count
        self.names = []
        self.answered = False
        self.finalized = False
        self.csr = None
        self.eab = eab
        self.nonces = itertools.count(1)
        self.decoy = Decoy()
        self.decoy_url = f"https://127.0.0.1:{self.decoy.port}/x"
        if scenario.startswith("url_"):
            operation, make = URL_FIELDS[scenario[4:]]
            self.scenario = {operation: make(evil or self.decoy_url)}
        else:
            self.scenario = SCENARIOS[scenario]

    def __enter__(self):
        self.make_root()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.root, self.key)
        self.server = Server(("127.0.0.1", free_port()), Handler)
        self.server.ca = self
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.base = f"https://127.0.0.1:{self.server.server_address[1]}"
        self.directory_url = self.base + "/directory"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.decoy.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
        self.decoy.socket.close()

    # What it says

    def reply(self, method, path, jws, headers):
        payload = None
        if jws and jws["payload"]:
            text = jws["payload"] + "=" * (-len(jws["payload"]) % 4)
            payload = json.loads(base64.urlsafe_b64decode(text))
        operation = path.strip("/").split("/")[0]
        self.log.append((operation, method, payload))
        reply = getattr(self, "on_" + operation, self.on_nothing)(path, payload)
        reply.headers.setdefault("Replay-Nonce", f"nonce-{next(self.nonces)}")
        for key in (operation, "post") if method == "POST" else (operation,):
            if key in self.scenario:
                self.scenario[key](self, reply)
        return reply

    def on_nothing(self, path, payload):
        return Reply(404, {"type": URN + "malformed", "detail": "no such page"})

    def on_directory(self, path, payload):
        meta = {"termsOfService": self.base + "/terms",
                "externalAccountRequired": self.eab, "profiles": {"classic": "as ever"},
                "caaIdentities": ["fake-ca.test"]}
        return Reply(200, {"newNonce": self.base + "/nonce",
                           "newAccount": self.base + "/account",
                           "newOrder": self.base + "/order_new", "meta": meta})

    def on_nonce(self, path, payload):
        return Reply(200)

    def on_account(self, path, payload):
        return Reply(201, {"status": "valid"}, Location=self.base + "/account/1")

    def order(self):
        if self.finalized:
            status = "valid"
        else:
            status = "ready" if self.answered else "pending"
        order = {"status": status, "finalize": self.base + "/finalize/1",
                 "identifiers": [{"type": "dns", "value": name} for name in self.names],
                 "authorizations": [f"{self.base}/authz/{n}"
                                    for n in range(len(self.names))]}
        if self.finalized:
            order["certificate"] = self.base + "/certificate/1"
        return order

    def on_order_new(self, path, payload):
        if payload:
            self.names = [item["value"] for item in payload["identifiers"]]
        return Reply(201, self.order(), Location=self.base + "/order/1")

    def on_order(self, path, payload):
        return Reply(200, self.order())

    def on_authz(self, path, payload):
        name = self.names[int(path.split("/")[2])]
        status = "valid" if self.answered else "pending"
        authz = {"status": status,
                 "identifier": {"type": "dns", "value": name.removeprefix("*.")},
                 "challenges": [{"type": "dns-01", "status": status, "token": TOKEN,
                                 "url": self.base + "/challenge/1"}]}
        if name.startswith("*."):
            authz["wildcard"] = True
        return Reply(200, authz)

    def on_challenge(self, path, payload):
        self.answered = True
        return Reply(200, {"type": "dns-01", "status": "processing", "token": TOKEN,
                           "url": self.base + "/challenge/1"})

    def on_finalize(self, path, payload):
        text = payload["csr"]
        self.csr = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        self.finalized = True
        return Reply(200, self.order())

    def on_certificate(self, path, payload):
        reply = Reply(200, Content_Type="application/pem-certificate-chain")
        reply.body = self.issue()
        return reply

    # What it makes

    def make_root(self):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", self.key, "-out", self.root, "-days", 30,
                "-subj", "/CN=Fake CA", "-addext", "subjectAltName=IP:127.0.0.1")

    def issue(self, names=None, other_key=False, days=30, chain=1, own_chain=True):
        csr, ext = self.dir / "csr.der", self.dir / "ext"
        csr.write_bytes(self.csr)
        if other_key:
            openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", self.dir / "other.key", "-subj", "/",
                    "-outform", "DER", "-out", csr)
        san = ",".join("DNS:" + name for name in names or self.names)
        ext.write_text(f"subjectAltName={san}\nbasicConstraints=critical,CA:FALSE\n"
                       "authorityKeyIdentifier=keyid\n")
        leaf = self.sign(csr, ext, time.time() - 20 * 86400, time.time() + days * 86400)
        issuer = self.root.read_bytes()
        if not own_chain:
            self.key, self.root = self.dir / "fake-ca2.key", self.dir / "fake-ca2.pem"
            self.make_root()
            issuer = self.root.read_bytes()
        return leaf + issuer * chain


    def sign(self, csr, ext, start, end):
        """Like openssl x509 -req, which cannot make an expired certificate."""
        config, serial, index = (self.dir / name for name in ("ca.cnf", "serial", "index"))
        config.write_text(f"[ca]\ndefault_ca=a\n[a]\nserial={serial}\ndatabase={index}\n"
                          f"new_certs_dir={self.dir}\ndefault_md=sha256\npolicy=p\n[p]\n")
        serial.write_text("1234\n")
        index.write_text("")
        dates = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(when)) for when in (start, end)]
        return openssl("ca", "-batch", "-config", config, "-cert", self.root, "-keyfile",
                       self.key, "-inform", "DER", "-in", csr, "-notext", "-extfile", ext,
                       "-subj", "/CN=fake", "-startdate", dates[0], "-enddate", dates[1])


def main():
    if sys.argv[1:] == ["list"]:
        print("\n".join([*SCENARIOS, *("url_" + field for field in URL_FIELDS)]))
        return
    scenario = sys.argv[1] if len(sys.argv) > 1 else "good"
    directory = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp()
    with FakeCa(directory, scenario) as ca:
        print(ca.directory_url, ca.root, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
