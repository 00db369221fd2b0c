# SPDX-License-Identifier: Apache-2.0
"""A server of the fleet with certferry-agent as the forced command of the issuer's key."""

import pathlib
import shutil
import subprocess

from certferry import BUILD
from hosts import SLOT
from servers import ZONE

PROGRAM = BUILD / "sbin" / "certferry-agent"
COMMAND = 'restrict,command="/usr/sbin/certferry-agent session" '

POLICY = """
version: 1
services:
  nginx:
    test: [/usr/bin/test-service]
    reload: [/usr/bin/reload-service]
    test-timeout: %(test_s)d
    reload-timeout: %(reload_s)d
slots:
  %(name)s:
    names: [%(names)s]
    directory: %(slot)s
    services: [nginx]
%(more)s
"""
# While a file is there: a test or reload that fails, that does not end, that is held until
# the file is gone, a reload that does nothing, or fails when all is done. /policy-next is
# the policy that comes meanwhile.
TEST = """#!/bin/sh
[ ! -e /test-fails ] || { echo "the test says no"; exit 1; }
[ ! -e /test-hangs ] || exec sleep 600
[ ! -e /policy-next ] || mv /policy-next /etc/certferry/agent.yaml
nginx -t || exit
[ ! -e /test-held ] || : >/held
while [ -e /test-held ]; do sleep 0.1; done
"""
RELOAD = """#!/bin/sh
[ ! -e /reload-fails ] || { echo "the reload says no"; exit 1; }
[ ! -e /reload-hangs ] || exec sleep 600
[ ! -e /reload-skipped ] || exit 0
[ ! -e /reload-held ] || : >/held
while [ -e /reload-held ]; do sleep 0.1; done
nginx -s reload || exit
[ ! -e /reload-fails-late ] || { echo "the reload says no, late"; exit 1; }
"""


LIBRARIES = subprocess.run(["ldd", PROGRAM], check=False, capture_output=True, text=True).stdout
# The program that is shipped; a build for tests has shared libraries (and sanitizers).
IS_STATIC = "statically linked" in LIBRARIES


def put_program(root):
    """The agent and its libraries, as a package would."""
    target = pathlib.Path(root) / "usr/sbin/certferry-agent"
    target.unlink(missing_ok=True)
    shutil.copy(PROGRAM, target)
    for word in LIBRARIES.split():
        if not word.startswith("/"):
            continue
        library = pathlib.Path(root) / word.lstrip("/")
        library.parent.mkdir(parents=True, exist_ok=True)
        if not library.exists():
            shutil.copy(word, library)


def put_services(host):
    for name, text in (("test-service", TEST), ("reload-service", RELOAD)):
        host.write(f"usr/bin/{name}", text, 0o755)


def give_agent(host, public_key, more=""):
    """Program, policy, services, and the line of authorized_keys."""
    put_program(host.root)
    write_policy(host, more)
    put_services(host)
    (host.root / "var/lib").mkdir(parents=True, exist_ok=True)
    force(host, public_key)


def write_policy(host, more="", path="etc/certferry/agent.yaml", **changes):
    usual = {"name": "www", "names": f'{ZONE}, "*.{ZONE}", "*.srv.{ZONE}"', "slot": SLOT,
             "test_s": 30, "reload_s": 30}
    host.write(path, POLICY % {**usual, **changes, "more": more})


def force(host, public_key):
    host.authorize(COMMAND + public_key)


def take_agent(host, public_key):
    """The key gets a shell again, and there is no such program."""
    (host.root / "usr/sbin/certferry-agent").unlink()
    host.authorize(f"restrict {public_key}")
