# SPDX-License-Identifier: Apache-2.0
"""Renewals of nginx under readers that never pause: no failed handshake, no mixed pair.

A few by either transport; the fifty of the promise with --full (-s shows the figures).
"""

import os
import time

import pytest

from agent_host import give_agent
from fleet import SLOT
from hosts import TLS_PORT
from net import wait_for
from readers import WAYS, Reader, mismatch, read_at, tls_reader

PER_SECOND = 110  # asked for, so that a hundred come of it


class Generation:
    """A certificate, and when it may be seen: from the apply that asked for it, to the
    end of the one that brought the next. nginx has both for a moment: its old workers
    end when the new ones have begun."""

    def __init__(self, began):
        self.began = began
        self.sha256 = self.replaced = self.gone = None


class Renewals:
    def __init__(self, world):
        self.world, self.host = world, world.hosts["web-1"]
        self.all = []

    def renew(self, *words):
        now = Generation(time.monotonic())
        result = self.world.certferry.apply(*words)
        assert result.code == 0, result
        if self.all:
            self.all[-1].replaced = time.monotonic()
        wait_for("nginx's old workers are gone", lambda: len(self.host.nginx.children()) == 1, 60)
        if self.all:
            self.all[-1].gone = time.monotonic()
        now.sha256 = self.world.certferry.status()["www", "web-1"]["sha256"]
        assert now.sha256 not in [g.sha256 for g in self.all]
        self.all.append(now)

    def find(self, sha256):
        return next((g for g in self.all if g.sha256 == sha256), None)

    def judge_tls(self, seen):
        """Each connection was whole, with a certificate of its time: none before it was
        asked for, and none after the workers that had it are gone."""
        for begin, end, leaf, wrong, _ in seen:
            assert not wrong, (begin, wrong)
            found = self.find(leaf)
            assert found, f"served, and never issued: {leaf}"
            assert found.began <= end and begin <= (found.gone or begin), \
                f"generation {self.all.index(found)} out of its time"
        return sum(len({g.sha256} & {said[2] for said in seen}) for g in self.all)

    def judge_disk(self, seen):
        """How many mixed pairs the naive reader saw; the others saw none, and no certificate
        came again that had been replaced."""
        mixed, last = 0, {}
        for begin, end, way, leaf, wrong in seen:
            if way == "naive" and wrong == "KEY_VALUES_MISMATCH":
                mixed += 1
                continue
            assert not wrong, (way, wrong)
            found = self.find(leaf)
            assert found, f"on disk, and never issued: {leaf}"
            assert found.began <= end and begin <= (found.replaced or begin), way
            assert self.all.index(found) >= last.get(way, 0), f"{way}: an old one came back"
            last[way] = self.all.index(found)
        for way in WAYS:
            came = {said[3] for said in seen if said[2] == way}
            assert came >= {g.sha256 for g in self.all}, way
        return mixed


@pytest.fixture
def renewals(world, request):
    """One certificate delivered, and formats that have all there is to read."""
    world.standard(1, install={"directory": SLOT, "formats": ["pem", "combined"]},
                   probe={"port": TLS_PORT, "timeout": "60s"})
    if request.param == "agent":
        give_agent(world.hosts["web-1"], world.public_key, more="    formats: [pem, combined]\n")
    made = Renewals(world)
    made.renew()
    assert world.assert_all_served()["web-1"]["transport"] == request.param
    return made


def run(renewals, count):
    world, host = renewals.world, renewals.host
    tls = tls_reader(world, PER_SECOND)
    disk = Reader("disk", host.path(""), ",".join(WAYS), 1000)
    world.running.append(disk)
    for number in range(count + 1):
        if number > 0:
            renewals.renew("--force", "www")
        now = renewals.all[-1].sha256
        tls.wait_for("it is served to the reader", lambda said: said[2] == now)
        for way in WAYS:
            disk.wait_for(f"the {way} reader has it", lambda said: said[2:] == [way, now, None])
    seen, found = tls.finish(), disk.finish()
    assert renewals.judge_tls(seen) == count + 1
    mixed = renewals.judge_disk(found)
    # Two opens around a switch see one of each, whatever it is that switches: no more
    # than once for each, and what nginx read at its reloads was never mixed.
    assert mixed <= count
    errors = (host.root / "var/log/nginx/error.log").read_text()
    assert "[emerg]" not in errors, errors[-2000:]
    assert host.reloads() == count + 1
    assert world.pebble.issued() == count + 1
    world.assert_all_served()
    rate = len(seen) / (seen[-1][1] - seen[0][0])
    print(f"\n{count} renewals: {len(seen)} connections, {rate:.0f} a second, none failed; "
          f"read on disk {disk.counts}, naive reader mixed {mixed}")
    return rate


@pytest.mark.parametrize("renewals, count", [("agent", 8), ("shell", 3)],
                         indirect=["renewals"])
def test_renewals_under_readers(renewals, count):
    run(renewals, count)


@pytest.mark.full
@pytest.mark.parametrize("renewals, count", [("agent", 50), ("shell", 50)],
                         indirect=["renewals"])
def test_fifty_renewals_under_readers(renewals, count):
    assert run(renewals, count) >= 100, "the machine is too slow to prove it"


@pytest.mark.parametrize("renewals", ["agent"], indirect=True)
def test_a_reader_interrupted(renewals):
    """What is promised to one who opens files long apart: below one `live` all is of one
    generation until the second renewal after it. By two paths nothing is."""
    slot = renewals.host.path("")
    live = os.open(slot / "live", os.O_RDONLY | os.O_DIRECTORY)
    chain = read_at(live, "fullchain.pem")
    assert chain == (slot / "fullchain.pem").read_bytes()
    renewals.renew("--force", "www")
    assert mismatch(chain, read_at(live, "privkey.pem")) is None
    assert mismatch(chain, (slot / "privkey.pem").read_bytes()) == "KEY_VALUES_MISMATCH"
    renewals.renew("--force", "www")
    with pytest.raises(FileNotFoundError):
        read_at(live, "privkey.pem")
    os.close(live)
