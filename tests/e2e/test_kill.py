# SPDX-License-Identifier: Apache-2.0
"""SIGKILL anywhere, then apply again: nothing is issued twice and nothing is left behind.

The log of apply has a line for each change of state of an order or a delivery. A run is
ended after its first line, the next one after its second, and so on, with its children; so
the kill falls into the step that follows. With --full, kills at random instants as well.
"""

import os
import random
import signal
import time

import pytest

from certferry import wait_until_group_is_gone
from net import wait_for


def check_after_kill(world, issued_before, where):
    """The next apply brings what the dead run began to its end, once."""
    result = world.certferry.apply()
    assert result.code == 0, f"killed {where}, then:\n{result}"
    rows = world.assert_all_served()
    issued = world.pebble.issued() - issued_before
    assert issued <= len(rows), f"killed {where}: {issued} issued for {len(rows)} intents"
    world.assert_no_residue()
    for host in world.hosts.values():
        left = [p.name for p in host.path("").iterdir()
                if p.name.startswith(".") or p.name.endswith(".new")]
        assert left == [], f"killed {where}, {host.name}: {left}"
    return issued


def kill_at_each_line(world, force, limit=200):
    """Kills after line 1, 2, ... of the run until one is not killed any more."""
    for line in range(1, limit):
        issued = world.pebble.issued()
        serials = {host: row["serial"] for (_, host), row in world.certferry.status().items()}
        killed, lines = world.certferry.apply_and_kill_after(line, words=force)
        if not killed:
            return line
        where = f"after line {line} ({lines[-1].strip() if lines else ''})"
        began = sum(1 for text in lines if "order" in text)
        new = check_after_kill(world, issued, where)
        if began and new == 0:
            # A run that had begun an order must have finished it, by itself or later.
            now = {host: row["serial"] for (_, host), row in world.certferry.status().items()}
            assert now == serials or world.pebble.issued() > issued, where
    raise AssertionError(f"the run never ended by itself within {limit} lines")


def test_kill_in_the_first_run(world):
    """Each kill point from an empty store on: one certificate in all, ever."""
    world.standard(1)
    line = 0
    while True:
        line += 1
        killed, lines = world.certferry.apply_and_kill_after(line)
        if not killed:
            break
        assert world.pebble.issued() <= 1, f"after line {line}: {''.join(lines)}"
        assert line < 100
    result = world.certferry.apply()
    assert result.code == 0, result
    world.assert_all_served()
    assert world.pebble.issued() == 1
    world.assert_no_residue()


def test_kill_between_any_two_steps(world):
    """A renewal of one certificate, ended after each of its steps in turn. The CA asks for
    a proof each time, so that no step is left out."""
    world.standard(1, ca={"authz_reuse": 0})
    assert world.certferry.apply().code == 0
    count = kill_at_each_line(world, ["--force", "www"])
    assert count >= 15, f"only {count} points: does apply -v say each change of state?"


@pytest.mark.parametrize("line", [6, 14, 22, 30, 38])
def test_kill_with_three_servers(world, line):
    world.standard(3)
    world.certferry.apply_and_kill_after(line)
    check_after_kill(world, 0, f"after line {line}")
    assert world.pebble.issued() == 3


def kill_after_seconds(world, seconds):
    process = world.certferry.start("-q", "apply", "--yes", "--force", "www")
    time.sleep(seconds)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    wait_until_group_is_gone(process.pid)


def kill_at_random(world, rounds, seed):
    chance = random.Random(seed)
    for _ in range(rounds):
        issued = world.pebble.issued()
        seconds = chance.uniform(0, 2.5)
        kill_after_seconds(world, seconds)
        check_after_kill(world, issued, f"after {seconds:.3f} s (seed {seed})")


def test_kill_at_random_instants(world, request):
    world.standard(2)
    assert world.certferry.apply().code == 0
    seed = random.randrange(2**32)
    kill_at_random(world, 200 if request.config.getoption("--full") else 12, seed)


def test_power_goes_at_the_server(world):
    """The server's side dies in mid-delivery, sessions and all: whatever is live there is
    one whole pair, and the next apply completes it."""
    world.standard(1)
    assert world.certferry.apply().code == 0
    host = world.hosts["web-1"]
    for seconds in (0.9, 1.1, 1.3, 1.5):
        process = world.certferry.start("-q", "apply", "--yes", "--force", "www")
        issued = world.pebble.issued()
        wait_for("the certificate", lambda: world.pebble.issued() > issued, 90)
        time.sleep(seconds - 0.8)
        host.end_sessions()
        process.wait(timeout=120)
        assert host.pair_matches()
        result = world.certferry.apply()
        assert result.code == 0, result
        world.assert_all_served()
        assert world.pebble.issued() == issued + 1
