# SPDX-License-Identifier: Apache-2.0
"""Module acme by itself (tests/acme_try): against pebble, and against a hostile CA.

No DNS: pebble is told to take every challenge for won. What a hostile CA does is in
fake_ca.py; here stands what we must make of it.
"""
import json
import os
import pathlib
import re
import subprocess

import pytest

from fake_ca import SCENARIOS, URL_FIELDS, FakeCa, openssl
from net import can_connect, free_port, wait_for

BUILD = os.environ.get(
    "CERTFERRY_BUILD", os.path.join(os.path.dirname(__file__), "../../build/dev"))
NAMES = ["one.test", "two.test"]
SLOW = os.environ.get("CERTFERRY_SLOW_TESTS")


def acme_try(url, root, *options, names=NAMES, terms=True, timeout=120):
    argv = [BUILD + "/tests/acme_try", *(["-t"] if terms else []), "-p", "20", *options,
            url, str(root), *names]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=timeout)


def error_of(done):
    """(kind, code, retry_after, text) of the last line; None where all went well."""
    match = re.search(r"^error: kind=(\S*) code=(\S*) retry-after=(\d+): (.*)$",
                      done.stdout, re.MULTILINE)
    return match and (match[1], match[2], int(match[3]), match[4])


# Scenario: None (it works), or kind, code, retry_after and words of the error.
EXPECTED = {
    "good": None,
    "nonce_once": None,
    "nonce_always": ("temporary", "badNonce", 0, "registering the account"),
    "nonce_unusable": ("remote", "", 0, "no usable Replay-Nonce"),
    "limit_seconds": ("temporary", "rateLimited", 77, "too many"),
    "limit_date": ("temporary", "rateLimited", range(7100, 7202), "too many"),
    "limit_huge": ("temporary", "rateLimited", 86400, "too many"),
    "limit_zero": ("temporary", "rateLimited", 1, "too many"),
    "limit_nonsense": ("temporary", "rateLimited", 0, "too many"),
    "error_500": ("temporary", "serverInternal", 60, "oops"),
    "error_html": ("temporary", "", 0, "it broke"),
    "error_503": ("temporary", "", 30, "503"),
    "error_finalize": ("remote", "orderNotReady", 0, "not ready"),
    "error_csr": ("remote", "badCSR", 0, "I do not like it"),
    "error_unknown": ("denied", "brandNew", 0, r"who knows\x1b[2J"),
    "account_gone": ("denied", "accountDoesNotExist", 0, "registered anew"),
    "account_deactivated": ("denied", "", 0, "'deactivated'"),
    "terms_changed": ("config", "userActionRequired", 0, "https://ca.test/new"),
    "redirect": ("remote", "", 0, "redirect"),
    "wrong_success": ("remote", "", 0, "204"),
    "body_truncated": ("temporary", "", 0, "in the middle"),
    "body_endless": ("remote", "", 0, "more than 65536 bytes"),
    "body_slow": ("temporary", "", 0, "in time"),
    "body_big_directory": ("remote", "", 0, "more than 65536 bytes"),
    "body_html": ("remote", "", 0, "not JSON"),
    "body_list": ("remote", "", 0, "not a JSON object"),
    "body_deep": ("remote", "", 0, "nested"),
    "body_twice": ("remote", "", 0, "twice"),
    "body_nul": ("remote", "", 0, "NUL"),
    "body_latin1": ("remote", "", 0, r"\xe4"),
    "body_empty": ("remote", "", 0, "not JSON"),
    "headers_flood": ("remote", "", 0, "flood of headers"),
    "header_long_nonce": None,
    "order_other_name": ("remote", "", 0, "other names than ours: evil.test"),
    "order_extra_name": ("remote", "", 0, "other names"),
    "order_one_less": ("remote", "", 0, "other names"),
    "order_turns": ("remote", "", 0, "other names"),
    "order_status": ("remote", "", 0, "'finished'"),
    "order_no_location": ("remote", "", 0, "no Location"),
    "order_stuck": ("temporary", "", 0, "does not become valid"),
    "order_invalid": ("remote", "compound", 0, "one.test: CAA records forbid"),
    "authz_other_name": ("remote", "", 0, "evil.test, not ordered"),
    "authz_wildcard": ("remote", "", 0, "*.one.test, not ordered"),
    "authz_no_dns01": ("remote", "", 0, "no dns-01"),
    "authz_stuck": ("temporary", "", 0, "stays pending"),
    "challenge_fails": ("remote", "unauthorized", 0, "No TXT record found"),
    "token_path": ("remote", "", 0, "token is not"),
    "token_shell": ("remote", "", 0, "token is not"),
    "token_long": ("remote", "", 0, "token is not"),
    "certificate_other_key": ("remote", "", 0, "another key"),
    "certificate_extra_name": ("remote", "", 0, "evil.test"),
    "certificate_one_less": ("remote", "", 0, "two.test"),
    "certificate_expired": ("remote", "", 0, "expired"),
    "certificate_no_chain": None,
    "certificate_long_chain": ("remote", "", 0, "more than 10"),
    "certificate_wrong_chain": ("remote", "", 0, "signature"),
    "certificate_huge": ("remote", "", 0, "more than 262144 bytes"),
    "certificate_html": ("remote", "", 0, "certificate"),
    "certificate_empty": ("remote", "", 0, "no certificate"),
    "certificate_404": ("not-found", "", 0, "404"),
}


def check(done, expected):
    error = error_of(done)
    if expected is None:
        assert done.returncode == 0 and error is None, done.stdout
        return
    assert done.returncode != 0 and error, done.stdout
    kind, code, retry_after, words = expected
    assert error[:2] == (kind, code), done.stdout
    assert error[2] in (retry_after if isinstance(retry_after, range) else [retry_after])
    assert words in error[3], done.stdout
    assert done.stdout.isascii() and "\x1b" not in done.stdout


def test_every_scenario_has_an_expectation():
    assert set(EXPECTED) == set(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_hostile_ca(tmp_path, scenario):
    if scenario == "body_slow" and not SLOW:
        pytest.skip("takes 20 s: set CERTFERRY_SLOW_TESTS=1")
    with FakeCa(tmp_path, scenario) as ca:
        check(acme_try(ca.directory_url, ca.root, "-w", "1"), EXPECTED[scenario])
        assert ca.decoy.visits == 0


EVIL = ["{decoy}", "http://127.0.0.1:{port}/x", "https://user@127.0.0.1:{ca}/x",
        "https://localhost:{ca}/x", "file:///etc/passwd", "//127.0.0.1:{port}/x",
        "https://169.254.169.254/latest/meta-data", "https://127.0.0.1:{ca}@127.0.0.1:{port}/",
        "https://127.0.0.1:{ca}\\@127.0.0.1:{port}/", "https://[::ffff:127.0.0.1]:{ca}/",
        "", "../../etc/passwd"]


@pytest.mark.parametrize("field", URL_FIELDS)
def test_urls_are_not_followed(tmp_path, field):
    with FakeCa(tmp_path, "url_" + field) as ca:
        operation = URL_FIELDS[field][0]
        ca_port = ca.base.rsplit(":", 1)[1]
        for evil in EVIL:
            url = evil.format(decoy=ca.decoy_url, port=ca.decoy.port, ca=ca_port)
            ca.scenario = {operation: URL_FIELDS[field][1](url)}
            ca.answered = ca.finalized = False
            done = acme_try(ca.directory_url, ca.root, "-w", "1")
            error = error_of(done)
            assert error and error[0] == "remote", (evil, done.stdout)
            # An empty header is no header.
            assert "leads away" in error[3] or (not url and "Location" in error[3])
            assert ca.log[-1][0] == operation, (evil, ca.log[-1])
        assert ca.decoy.visits == 0


def test_terms_come_first(tmp_path):
    with FakeCa(tmp_path) as ca:
        done = acme_try(ca.directory_url, ca.root, terms=False)
        check(done, ("config", "", 0, "agree-to-terms: true"))
        assert ca.base + "/terms" in done.stdout
        assert [entry[0] for entry in ca.log] == ["directory"]


def test_external_account(tmp_path):
    with FakeCa(tmp_path, eab=True) as ca:
        check(acme_try(ca.directory_url, ca.root), ("config", "", 0, "`eab.kid`"))
        assert [entry[0] for entry in ca.log] == ["directory"]
        check(acme_try(ca.directory_url, ca.root, "-k", "kid-1", "-K", "c2VjcmV0" * 8), None)
        account = [entry[2] for entry in ca.log if entry[0] == "account"][0]
        assert set(account["externalAccountBinding"]) == {"protected", "payload", "signature"}


def test_what_is_sent(tmp_path):
    with FakeCa(tmp_path) as ca:
        check(acme_try(ca.directory_url, ca.root, "-c", "mailto:ops@example.org",
                       "-P", "classic"), None)
        sent = {}
        for operation, method, payload in ca.log:
            sent.setdefault(operation, (method, payload))
        assert sent["account"][1] == {"termsOfServiceAgreed": True,
                                      "contact": ["mailto:ops@example.org"]}
        assert sent["order_new"][1] == {
            "identifiers": [{"type": "dns", "value": name} for name in NAMES],
            "profile": "classic"}
        assert sent["challenge"][1] == {}
        assert sent["authz"] == ("POST", None)          # POST-as-GET
        check(acme_try(ca.directory_url, ca.root, "-P", "nosuch"),
              ("config", "", 0, "classic"))


def test_untrusted_certificate(tmp_path):
    """The system's roots do not know the CA: nothing is sent."""
    other = tmp_path / "other.pem"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", tmp_path / "other.key", "-out", other, "-subj", "/CN=other")
    with FakeCa(tmp_path) as ca:
        check(acme_try(ca.directory_url, other), ("config", "", 0, "`ca-file`"))
        check(acme_try(ca.directory_url.replace("127.0.0.1", "localhost"), ca.root),
              ("config", "", 0, "not to be trusted"))
        check(acme_try(ca.directory_url.replace("https", "http"), ca.root),
              ("config", "", 0, "https"))
        check(acme_try(ca.directory_url, tmp_path / "none"), ("config", "", 0, "No such file"))
        assert ca.log == []


def test_ca_is_down(tmp_path):
    root = tmp_path / "fake-ca.pem"
    with FakeCa(tmp_path) as ca:
        url = ca.directory_url
    check(acme_try(url, root), ("temporary", "", 0, "cannot connect"))


class Pebble:
    def __init__(self, directory, eab=False, **environment):
        self.dir = pathlib.Path(directory)
        self.environment = {"PEBBLE_" + name: str(value)
                            for name, value in environment.items()}
        self.cert = self.dir / "pebble.pem"
        self.eab = eab

    def __enter__(self):
        key = self.dir / "pebble.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", key, "-out", self.cert, "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        ports = [free_port(), free_port()]
        settings = {"listenAddress": f"127.0.0.1:{ports[0]}",
                    "managementListenAddress": f"127.0.0.1:{ports[1]}",
                    "certificate": str(self.cert), "privateKey": str(key),
                    "httpPort": 5002, "tlsPort": 5001, "ocspResponderURL": "",
                    "externalAccountBindingRequired": self.eab}
        if self.eab:
            settings["externalAccountMACKeys"] = {
                "kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}
        config = self.dir / "pebble.json"
        config.write_text(json.dumps({"pebble": settings}))
        self.directory_url = f"https://127.0.0.1:{ports[0]}/dir"
        self.log = open(self.dir / "pebble.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            ["pebble", "-config", config, "-strict"], stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=subprocess.STDOUT,
            env={**os.environ, "PEBBLE_VA_ALWAYS_VALID": "1", "PEBBLE_VA_NOSLEEP": "1",
                 **self.environment})
        wait_for(f"pebble at port {ports[0]}", lambda: can_connect("127.0.0.1", ports[0]))
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()

    def requests(self, path):
        """How often it was asked for."""
        self.log.seek(0)
        return self.log.read().count(f" {path} -> calling handler()")


def test_pebble(tmp_path):
    with Pebble(tmp_path, WFE_NONCEREJECT=0, AUTHZREUSE=0) as ca:
        done = acme_try(ca.directory_url, ca.cert, "-c", "mailto:ops@example.org",
                        names=["*.example.org", "example.org", "a.b.example.org"])
        check(done, None)
        assert "authorization: *.example.org is valid" in done.stdout
        assert ca.requests("/order-plz") == 1


def test_pebble_rejects_every_other_nonce(tmp_path):
    with Pebble(tmp_path, WFE_NONCEREJECT=50) as ca:
        for _ in range(5):
            done = acme_try(ca.directory_url, ca.cert)
            # Ten rejects in a row happen to one request in a thousand.
            if error_of(done) and error_of(done)[1] == "badNonce":
                continue
            check(done, None)


def test_pebble_external_account(tmp_path):
    key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    with Pebble(tmp_path, eab=True) as ca:
        check(acme_try(ca.directory_url, ca.cert), ("config", "", 0, "eab.kid"))
        check(acme_try(ca.directory_url, ca.cert, "-k", "kid-1", "-K", key), None)
        done = acme_try(ca.directory_url, ca.cert, "-k", "kid-1", "-K", key[:-4] + "AAAA")
        assert error_of(done)[0] in ("remote", "denied", "config"), done.stdout


def test_pebble_many(tmp_path):
    """Threads share directory, nonces and connections; few requests a certificate."""
    with Pebble(tmp_path, WFE_NONCEREJECT=0, AUTHZREUSE=0) as ca:
        done = acme_try(ca.directory_url, ca.cert, "-m", "-n", "20", "-j", "3",
                        names=["example.org"], timeout=240)
        check(done, None)
        requests = float(re.search(r"orders, ([\d.]+) requests", done.stdout)[1])
        assert requests <= 8, done.stdout
        assert ca.requests("/dir") == 1
