# SPDX-License-Identifier: Apache-2.0
"""The issuer's side of docs/protocol-agent.md for tests, and certificates for it."""
import datetime
import hashlib
import os
import pathlib
import select
import struct
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HELLO, JOB, SLOT, REQUEST, FILE, END, COMMIT, ROLLBACK = range(1, 9)
INSTALL, INSPECT, CHECK, CSR = range(1, 5)
CERT, CHAIN, KEY = range(1, 4)


def frame(kind, payload=b"", magic=b"CFRA", version=1):
    return magic + struct.pack(">BBHI", version, kind, 0, len(payload)) + payload


def job(kind, slots, confirm=60, anyway=False, digest=None):
    """slots: (name, request or None, {file: text}) each."""
    out = frame(JOB, struct.pack(">BBH", kind, int(anyway), confirm))
    for name, request, files in slots:
        out += frame(SLOT, name.encode())
        if request:
            out += frame(REQUEST, "".join(line + "\n" for line in request).encode())
        for file, text in files.items():
            out += frame(FILE, bytes([file]) + text.encode())
    return out + frame(END, digest or hashlib.sha256(out).digest())


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


class Ca:
    def __init__(self, key=None):
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
        self.cert = self._sign("test CA", self.key.public_key(), [], 0, 3650, True)
        self.pem = self.cert.public_bytes(serialization.Encoding.PEM).decode()

    def _sign(self, subject, public, names, begin_days, days, is_ca, digest=hashes.SHA256()):
        now = datetime.datetime.now(datetime.timezone.utc)
        begin = now + datetime.timedelta(days=begin_days, minutes=-5)
        builder = (x509.CertificateBuilder()
                   .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
                   .issuer_name(self.name).public_key(public)
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(begin)
                   .not_valid_after(begin + datetime.timedelta(days=days))
                   .add_extension(x509.BasicConstraints(is_ca, None), critical=True))
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
        return builder.sign(self.key, digest)

    def leaf(self, *names, key=None, public=None, begin_days=0, days=90,
             digest=hashes.SHA256()):
        """The files of a slot; key: another one than the certificate's."""
        own = ec.generate_private_key(ec.SECP256R1())
        cert = self._sign(names[0], public or own.public_key(), names, begin_days, days, False,
                          digest)
        files = {CERT: cert.public_bytes(serialization.Encoding.PEM).decode(), CHAIN: self.pem}
        if not public:
            files[KEY] = key_pem(key or own)
        return files


class Session:
    """One certferry-agent behind two pipes."""

    def __init__(self, program, policy, wrapper=()):
        self.process = subprocess.Popen(
            [*wrapper, program, "--policy", str(policy), "session"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, start_new_session=True,
            env={"SSH_ORIGINAL_COMMAND": "rm -rf /", "LC_ALL": "x", "LD_EVIL": "1"})
        self.lines = []
        self.rest = b""

    def send(self, data):
        try:
            self.process.stdin.write(data)
        except BrokenPipeError:
            pass

    def line(self, timeout=60):
        """The next line; None at the end."""
        end = time.monotonic() + timeout
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.process.stdout], [], [],
                                        max(0, end - time.monotonic()))
            assert ready, f"silent after {self.lines}"
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                return None
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        self.lines.append(line.decode().removeprefix("certferry-1 "))
        return self.lines[-1]

    def wait_for(self, word):
        while (line := self.line()) is not None:
            if line.split(" ")[0] == word:
                return line
        raise AssertionError(f"no {word} in {self.lines}: {self.process.stderr.read()}")

    def end(self, close=True):
        """All lines and the status."""
        if close:
            self.process.stdin.close()
        while self.line() is not None:
            pass
        return self.lines, self.process.wait(60)


def walk(path):
    """Everything below a path, as one value to compare."""
    found = {}
    for at in sorted(pathlib.Path(path).rglob("*")):
        stat = at.lstat()
        what = os.readlink(at) if at.is_symlink() else at.read_bytes() if at.is_file() else ""
        found[str(at)] = (what, stat.st_mode, stat.st_uid, stat.st_gid)
    return found
