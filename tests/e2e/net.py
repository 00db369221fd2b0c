# SPDX-License-Identifier: Apache-2.0
"""A piece of the loopback network for one test: 127.A.B.0/24, held by a lock file.

Every server of a test listens on addresses of its own network only, at fixed ports, so
tests run side by side, and beside whatever else this machine does.
"""

import fcntl
import os
import pathlib
import random
import socket
import time

LOCKS = pathlib.Path("/tmp/certferry-tests-net")


def hold(name):
    """The lock file of that name, held until it is closed; None: another one has it."""
    LOCKS.mkdir(mode=0o700, exist_ok=True)
    lock = open(LOCKS / name, "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


class Net:
    def __init__(self):
        numbers = list(range(0, 4000))
        random.shuffle(numbers)
        for number in numbers:
            a, b = 64 + number // 250, number % 250
            self.lock = hold(f"127.{a}.{b}")
            if self.lock:
                self.prefix = f"127.{a}.{b}"
                return
        raise RuntimeError("no free network in 127.0.0.0/8")

    def address(self, host):
        return f"{self.prefix}.{host}"

    def free(self):
        self.lock.close()


PORTS = []  # locks of those that this process has asked for, until it ends


def free_port():
    """On 127.0.0.1, for UDP and TCP: not one that a client is given by chance, nor that a
    test beside us has asked for, though nobody listens there yet or any more."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
        lock = hold(f"port-{port}")
        if lock:
            PORTS.append(lock)
            return port


def can_connect(address, port):
    try:
        socket.create_connection((address, port), timeout=1).close()
        return True
    except OSError:
        return False


def wait_for(what, condition, seconds=45, step=0.05):
    """Until condition() is true; an error names what never came."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(step)
    raise TimeoutError(f"{what}: not within {seconds} s")
