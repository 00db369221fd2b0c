# SPDX-License-Identifier: Apache-2.0
"""Hosts of the tests have nothing in common that one of them could write into."""

import pytest

from hosts import Host


@pytest.mark.parametrize("flavour", ["debian", "busybox"])
def test_what_a_host_writes_is_its_own(world, flavour):
    one, other = (Host(world.directory / name, name, world.net.address(number), world.cache,
                       flavour=flavour) for number, name in enumerate(("one", "other"), 100))
    before = (other.root / "etc/passwd").read_text()
    with open(one.root / "etc/passwd", "a") as passwd:
        passwd.write("you:x:1600:1500::/home/you:/bin/sh\n")
    assert (other.root / "etc/passwd").read_text() == before
