# SPDX-License-Identifier: Apache-2.0
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fleet import World  # noqa: E402
from hosts import root_template  # noqa: E402

NEEDED = ["pebble", "knotd", "knotc", "named", "dig", "sshd", "nginx", "openssl", "ssh-keygen",
          "busybox", "dropbear", "pdns_server", "strace", "unbound", "nsupdate", "keymgr"]


def pytest_configure(config):
    config.addinivalue_line("markers", "own_mounts: mounts in a namespace of its own")
    config.addinivalue_line("markers", "full: too long for every run; needs --full")


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="every point where a run can be killed")


def pytest_sessionstart(session):
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [name for name in NEEDED if not shutil.which(name)]
    if os.geteuid() != 0:
        pytest.exit("the whole-system tests need root, for port 53 and chroot", 4)
    if missing:
        pytest.exit(f"missing: {' '.join(missing)} (./test.sh packages installs them)", 4)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """One directory for all workers of a run; the roots of hosts are linked from it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    with open(shared / "cache.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (shared / "cache").mkdir(exist_ok=True)
        for flavour in ("debian", "busybox"):
            root_template(shared / "cache", flavour)
    return shared / "cache"


def pytest_runtest_setup(item):
    if item.get_closest_marker("own_mounts") and \
            subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no mount namespaces here (or a chroot whose root is no mount point)")
    if item.get_closest_marker("full") and not item.config.getoption("--full"):
        pytest.skip("too long for every run: --full")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "report_" + call.when, outcome.get_result())


@pytest.fixture
def world(tmp_path, cache, request):
    made = World(tmp_path, cache)
    yield made
    made.stop()
    if getattr(getattr(request.node, "report_call", None), "failed", True):
        for result in made.certferry.results[-4:]:
            print(result)
