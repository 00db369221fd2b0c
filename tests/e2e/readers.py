# SPDX-License-Identifier: Apache-2.0
"""Readers that look at a server without a pause while its certificate is renewed.

This file is a module and the program of both readers, so that they have a process of
their own. A reader writes a line of JSON for each thing it saw, until its input ends:

  tls:   [begin, end, SHA-256 of the leaf, null, name], or [begin, end, null, what failed,
         name]; each connection is a whole one: handshake, chain and name checked, a
         request. Several servers, ADDRESS/PORT/NAME each, are visited in turn
  disk:  [begin, end, way, first certificate's SHA-256, what is wrong or null]; what is
         right only where it differs from the line before of that way. A way opens files
         as some program would (WAYS). At the end, {way: how often}.

Times are those of the monotonic clock, which all processes share.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from hosts import TLS_PORT
from net import wait_for
from servers import ZONE

THREADS = 8  # connections at once, for nginx takes no more than 64
TIMEOUT_S = 60  # a busy machine is no failed handshake


class Reader:
    """One of them at work, and all that it has said so far."""

    def __init__(self, *words):
        self.process = subprocess.Popen([sys.executable, __file__, *map(str, words)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.seen = []
        self.counts = {}
        self.thread = threading.Thread(target=self._collect)
        self.thread.start()

    def _collect(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if isinstance(said, dict):
                self.counts = said
            else:
                self.seen.append(said)

    def wait_for(self, what, condition):
        """Until something that it saw fulfils the condition."""
        looked = 0

        def found():
            nonlocal looked
            assert self.process.poll() is None, "the reader has ended"
            new = self.seen[looked:]
            looked += len(new)
            return any(condition(said) for said in new)

        wait_for(what, found, 60)

    def stop(self):
        """Ends it; also what World.stop() calls."""
        if self.process.stdin.closed:
            return
        self.process.stdin.close()
        self.thread.join(TIMEOUT_S + 30)
        self.process.kill()
        self.process.wait()

    def finish(self):
        self.stop()
        assert self.process.returncode == 0, self.process.returncode
        return self.seen


def tls_reader(world, rate):
    """Of every host that has a name of its own."""
    roots = world.directory / "roots.pem"
    context = ssl.create_default_context(cafile=world.pebble.ca_file)
    manager = f"https://{world.pebble.address}:15000/roots/0"
    with urllib.request.urlopen(manager, context=context) as answer:
        roots.write_bytes(answer.read())
    reader = Reader("tls", roots, rate, *(f"{host.address}/{TLS_PORT}/{own_name(host)}"
                                          for host in world.hosts.values()))
    world.running.append(reader)
    return reader


def own_name(host):
    return f"{host.name}.srv.{ZONE}"


class Out:
    """Standard output of several threads, and the end of standard input."""

    def __init__(self):
        self.lock = threading.Lock()
        self.ended = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        sys.stdin.read()
        self.ended.set()

    def say(self, said):
        with self.lock:
            print(json.dumps(said), flush=True)


# -- over TLS

def visit(context, address, name):
    """One connection; the leaf's SHA-256."""
    with socket.create_connection(address, timeout=TIMEOUT_S) as plain, \
            context.wrap_socket(plain, server_hostname=name) as tls:
        leaf = hashlib.sha256(tls.getpeercert(True)).hexdigest()
        tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while part := tls.recv(4096):
            answer += part
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise ValueError(f"answered {answer[:60]}")
        return leaf


def visit_again_and_again(out, context, due):
    """due(): when the next connection is to be, of whichever thread is free, and where."""
    while not out.ended.is_set():
        when, (address, port, name) = due()
        out.ended.wait(max(0, when - time.monotonic()))
        begin, leaf, wrong = time.monotonic(), None, None
        try:
            leaf = visit(context, (address, int(port)), name)
        except (OSError, ValueError) as error:
            wrong = f"{type(error).__name__}: {error}"
        out.say([begin, time.monotonic(), leaf, wrong, name])


def read_tls(roots, rate, *servers):
    context = ssl.create_default_context(cafile=roots)
    out, lock, begin, count = Out(), threading.Lock(), time.monotonic(), 0

    def due():
        nonlocal count
        with lock:
            count += 1
            return begin + count / float(rate), servers[count % len(servers)].split("/")

    threads = [threading.Thread(target=visit_again_and_again, args=(out, context, due))
               for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# -- on disk

def read_at(directory, name):
    fd = os.open(name, os.O_RDONLY, dir_fd=directory)
    with open(fd, "rb") as file:
        return file.read()


def careful(slot):
    """Opens `live` once, and certificate and key below it."""
    directory = os.open(slot / "live", os.O_RDONLY | os.O_DIRECTORY)
    try:
        return read_at(directory, "fullchain.pem"), read_at(directory, "privkey.pem")
    finally:
        os.close(directory)


def combined(slot):
    """One file has both."""
    both = (slot / "combined.pem").read_bytes()
    return both, both


def naive(slot):
    """Opens two paths, as nginx does when it is told to reload."""
    return (slot / "fullchain.pem").read_bytes(), (slot / "privkey.pem").read_bytes()


WAYS = {way.__name__: way for way in (careful, combined, naive)}


def mismatch(chain, key):
    """What OpenSSL, with the code of any service, says of a pair."""
    with tempfile.TemporaryDirectory() as at:
        files = pathlib.Path(at, "chain"), pathlib.Path(at, "key")
        for path, data in zip(files, (chain, key)):
            path.write_bytes(data)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)
        except ssl.SSLError as error:
            return error.reason or str(error)
    return None


def leaf_of(chain):
    text = chain.decode()
    end = "-----END CERTIFICATE-----"
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text[:text.index(end) + len(end)])).hexdigest()


def judge(chain, key):
    wrong = mismatch(chain, key)
    return [leaf_of(chain) if b"END CERTIFICATE" in chain else None, wrong]


def read_disk(slot, ways, rate):
    slot, ways, out = pathlib.Path(slot), ways.split(","), Out()
    known, last, counts = {}, {}, dict.fromkeys(ways, 0)
    while not out.ended.is_set():
        for way in ways:
            begin = time.monotonic()
            try:
                pair = WAYS[way](slot)
                end = time.monotonic()
                if pair not in known:
                    known[pair] = judge(*pair)
                found = known[pair]
            except OSError as error:
                end, found = time.monotonic(), [None, str(error)]
            counts[way] += 1
            if found[1] or last.get(way) != found:
                out.say([begin, end, way, *found])
            last[way] = found
        out.ended.wait(1 / float(rate))
    out.say(counts)


if __name__ == "__main__":
    with contextlib.suppress(OSError):
        os.nice(-10)  # what is measured is the server
    {"tls": read_tls, "disk": read_disk}[sys.argv[1]](*sys.argv[2:])
