# SPDX-License-Identifier: Apache-2.0
"""No secret in argv, environment, logs, readable files, or plain in the store.

Every execve of a whole run is recorded by strace with all arguments and all of the
environment, /proc is sampled meanwhile, and the log is the most talkative one. Then the
actual bytes of every secret there is are looked for, in each form they could have.
"""

import base64
import pathlib
import re
import subprocess
import threading
import time

import pytest

from certferry import BUILD


def pem_forms(pem):
    """Forms of one private key: lines of PEM, the DER, and the number itself."""
    lines = [line for line in pem.splitlines() if line and not line.startswith("-----")]
    der = base64.b64decode("".join(lines))
    forms = {der}
    if len(der) < 200:  # PKCS#8 of EC or Ed25519: the number stands in it as it is
        begin = 36 if b"\x04\x20" in der[30:40] else len(der) - 32
        number = der[begin:begin + 32]
        forms.update({number, number.hex().encode(), base64.b64encode(number)[:40]})
        # Behind it stands the public one, and that is in the certificate, too: where the
        # length of a serial number makes the lines fall alike, as a whole line.
        lines = [line for at, line in enumerate(lines) if 48 * at < begin + 32]
    else:
        forms.add(der[-40:-4])
    forms |= {line.encode() for line in lines if len(line) >= 24}
    return forms


def split_pems(text):
    return re.findall(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----",
                      text, re.S)


class Sampler(threading.Thread):
    """Reads what ps could see of every process, as quickly as it can."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen = set()
        self.over = False

    def run(self):
        while not self.over:
            for entry in pathlib.Path("/proc").iterdir():
                if not entry.name.isdigit():
                    continue
                for name in ("cmdline", "environ"):
                    try:
                        self.seen.add((entry / name).read_bytes())
                    except OSError:
                        pass
            time.sleep(0.005)


def all_secrets(world):
    """{what it is: forms}"""
    secrets = {}
    for name, host in world.hosts.items():
        secrets[f"the key of {name}"] = pem_forms(host.resolve("privkey.pem").read_text())
    shown = subprocess.run([BUILD / "tests" / "show_keys", world.certferry.config], check=True,
                           capture_output=True, text=True).stdout
    pems = split_pems(shown)
    assert len(pems) >= 2 + len(world.hosts)  # account, SSH, one for each host
    for number, pem in enumerate(pems):
        secrets[f"key {number} of the store"] = pem_forms(pem)
    tsig = world.nameserver.tsig
    secrets["the TSIG key"] = {tsig.secret.encode(), tsig.bytes, tsig.bytes.hex().encode()}
    sealing = (world.directory / "state" / "sealing.key").read_text().strip()
    raw = base64.b64decode(sealing)
    secrets["the sealing key"] = {sealing.encode(), raw, raw.hex().encode()}
    return secrets


def look_for(secrets, data, where, but=()):
    for what, forms in secrets.items():
        if what in but:
            continue
        for form in forms:
            assert form not in data, f"{what} is in {where}"


def state_files(world):
    return [p for p in (world.directory / "state").rglob("*") if p.is_file()]


@pytest.mark.skipif(not (BUILD / "tests" / "show_keys").exists(), reason="no test tools there")
def test_no_secret_anywhere(world):
    world.standard(2)
    trace = world.directory / "trace"
    environment = world.certferry.environment()
    environment["ASAN_OPTIONS"] += ":detect_leaks=0"  # it cannot under ptrace
    sampler = Sampler()
    sampler.start()
    try:
        traced = subprocess.run(
            ["strace", "-f", "-qq", "-v", "-s", "1000000", "-x", "-e", "trace=execve",
             "-o", trace, *world.certferry.argv("-v", "-v", "apply", "--yes")],
            env=environment, capture_output=True, timeout=300)
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"no end, and the last words are:\n{late.stdout[-3000:].decode()}\n"
                             f"{late.stderr[-6000:].decode()}") from None
    sampler.over = True
    sampler.join()
    assert traced.returncode == 0, traced.stderr.decode()
    world.assert_all_served()
    more = [world.certferry.run(*words) for words in (
        ("-v", "-v", "status"), ("events", "--limit", "1000"), ("cert", "show", "www/web-1"),
        ("--json", "cert", "show", "www/web-1"), ("--json", "status"), ("host", "list"))]

    secrets = all_secrets(world)
    executed = trace.read_bytes()
    assert executed.count(b"execve(") >= 3  # certferry, plugin host, ssh worker
    look_for(secrets, executed, "the arguments or environment of a program")
    for seen in sampler.seen:
        look_for(secrets, seen, "/proc/*/cmdline or environ")
    look_for(secrets, traced.stdout + traced.stderr, "the output of apply")
    for result in more:
        look_for(secrets, (result.out + result.err).encode(), str(result.argv))
    look_for(secrets, world.pebble.log.read_bytes(), "what the CA was sent")
    for path in state_files(world):
        own = "the sealing key" if path.name == "sealing.key" else None
        look_for(secrets, path.read_bytes(), path, but=(own,))
    for host in world.hosts.values():
        look_for(secrets, host.sshd.log.read_bytes(), host.sshd.log)

    # The search finds what is there: it is not blind.
    with pytest.raises(AssertionError):
        look_for(secrets, world.hosts["web-1"].resolve("privkey.pem").read_bytes(), "itself")


def test_modes_of_files(world):
    world.standard(1)
    assert world.certferry.apply().code == 0
    state = world.directory / "state"
    assert state.stat().st_mode & 0o077 == 0
    for path in state.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, f"{path} can be read by others"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_secret_files_that_others_can_read_are_refused(world, mode):
    world.add_dns()
    world.add_ca()
    world.add_host("web-1")
    world.add_certificate()
    world.write_config()
    (world.directory / "secrets" / "tsig").chmod(mode)
    result = world.certferry.run("check")
    assert result.code == 2, result
    assert "secrets/tsig" in result.err and "chmod" in result.err, result
