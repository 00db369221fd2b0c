# SPDX-License-Identifier: Apache-2.0
"""A server of the fleet that was taken over: it speaks the installer's words as it likes.

It may spoil its own delivery. It must not hold up the others, be shown as done, or put
anything but plain text before the operator.
"""
import time

import pytest

TALK = {
    "says reloaded for ever": (
        "echo 'certferry-1 staged www'; yes 'certferry-1 reloaded' | head -n 9000", "rolled back"),
    "says committed at once": (
        "echo 'certferry-1 staged www'; echo 'certferry-1 committed'", "ended with status 0"),
    "speaks for another slot": ("echo 'certferry-1 staged ../../etc'", "not say"),
    "speaks for no slot": ("echo 'certferry-1 staged other'", "slot 'other'"),
    "says all is well": (
        "echo 'certferry-1 staged www'; echo 'certferry-1 reloaded'; echo 'certferry-1 committed'",
        "rolled back"),
    "paints the terminal": ("printf 'certferry-1 failed \\033[2J\\007owned\\n'", "not say"),
    "floods its complaint": ("yes complaint | head -c 3000000 >&2; exit 3", "complaint"),
}


@pytest.mark.parametrize("talk", TALK)
def test_hostile_server(world, talk):
    script, word = TALK[talk]
    world.standard(2)
    host = world.hosts["web-2"]
    host.write("root/talk", f"#!/bin/sh\n{script}\n", 0o755)
    host.force_command("/root/talk")

    begin = time.monotonic()
    # As one that was taken over after it was looked at.
    result = world.certferry.apply("--no-check", timeout=200)
    assert time.monotonic() - begin < 150
    rows = {name: row for (_, name), row in world.certferry.status().items()}
    assert rows["web-1"]["state"] == "done", result
    assert rows["web-2"]["state"] in ("waiting", "failed"), rows["web-2"]
    assert word in rows["web-2"]["error"]["text"], rows["web-2"]
    assert not rows["web-2"]["installed"]
    assert "\x1b" not in result.out + result.err and "\x07" not in result.out + result.err


LOOKS = {
    "says a slot is well for ever": "yes 'certferry-1 checked www'",
    "says nothing": "exit 0",
    "speaks for another slot": "echo 'certferry-1 checked other'",
    "stops half way": "echo 'certferry-1 checked www'",
    "paints the terminal": "printf 'certferry-1 failed \\033[2J\\007owned\\n'",
    "floods its complaint": "yes complaint | head -c 3000000 >&2; exit 3",
    "says a long line": "head -c 3000000 /dev/zero | tr '\\0' x",
}


@pytest.mark.parametrize("talk", LOOKS)
def test_hostile_server_at_the_look(world, talk):
    """Nothing is issued for it, and the others go on."""
    world.standard(2)
    host = world.hosts["web-2"]
    host.write("root/talk", f"#!/bin/sh\n{LOOKS[talk]}\n", 0o755)
    host.force_command("/root/talk")

    begin = time.monotonic()
    result = world.certferry.apply(timeout=200)
    assert time.monotonic() - begin < 150
    assert result.code == 6, result
    assert "No new certificate for now: www/web-2" in result.out, result
    assert world.certferry.status()["www", "web-1"]["state"] == "done", result
    assert world.pebble.issued() == world.pebble.posts("/order-plz") == 1
    assert len(result.out) < 20000, len(result.out)
    assert "\x1b" not in result.out + result.err and "\x07" not in result.out + result.err
