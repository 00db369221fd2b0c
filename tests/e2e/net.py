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


class Net:
    def __init__(self):
        LOCKS.mkdir(mode=0o700, exist_ok=True)
        numbers = list(range(0, 4000))
        random.shuffle(numbers)
        for number in numbers:
            a, b = 64 + number // 250, number % 250
            lock = open(LOCKS / f"127.{a}.{b}", "w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            self.lock = lock
            self.prefix = f"127.{a}.{b}"
            return
        raise RuntimeError("no free network in 127.0.0.0/8")

    def address(self, host):
        return f"{self.prefix}.{host}"

    def free(self):
        self.lock.close()


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
