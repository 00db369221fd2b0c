# SPDX-License-Identifier: Apache-2.0
"""The presets, each with the service itself, as Debian has it."""

import subprocess

import pytest

from agent_host import put_program
from fleet import SLOT, ZONE
from services import PLACEHOLDER, SERVICES, ServiceHost, wait_for


def give_agent(world, host):
    """What an administrator does: the script, made from the configuration, run there."""
    put_program(host.root)
    (host.root / "var/lib").mkdir(exist_ok=True)
    host.write("setup", world.certferry.good("agent", "script", host.name).out)
    done = subprocess.run(["env", "-i", "/usr/sbin/chroot", host.root, "/bin/sh", "/setup"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done


def make_world(world, services, /, transport="shell", **certificate):
    world.add_dns()
    world.add_ca()
    host = ServiceHost(world.directory / "mx-1", "mx-1", world.net.address(100), world.cache,
                       services)
    world.hosts["mx-1"] = host
    world.config["hosts"]["mx-1"] = {"address": host.address, "port": 2222, "groups": ["web"]}
    install = {"directory": SLOT}
    for service in services:
        install.update(SERVICES[service].install)
    certificate = {"install": install, "reload": None, "probe": {"timeout": "15s"},
                   "names": [ZONE, f"mail.{ZONE}"], "unique-name": None,
                   "services": list(services), **certificate}
    world.add_certificate(**certificate)
    world.set_up()
    if transport == "agent":
        give_agent(world, host)
    return host


def row_of(world):
    return world.certferry.status()["www", "mx-1"]


def assert_served(world, host):
    row = row_of(world)
    assert row["state"] == "done" and row["is_served"], row
    assert host.installed_sha256() == row["sha256"]
    host.assert_served(row["sha256"])
    return row["sha256"]


@pytest.mark.parametrize("name", SERVICES)
def test_service(world, name):
    """From a placeholder to the first certificate, to the next; what is broken goes back."""
    host = make_world(world, [name])
    result = world.certferry.apply()
    assert result.code == 0, (result, host.services[0].server.log_text()[-2000:])
    first = assert_served(world, host)
    assert world.certferry.apply("--force", "www").code == 0
    second = assert_served(world, host)
    assert first != second
    if not host.services[0].test_fails:
        return
    host.services[0].configure(SLOT, broken=True)
    # A look before tells of it; without one, what is new is taken back.
    looked = world.certferry.apply("--force", "www")
    assert looked.code != 0 and "test" in looked.out, looked
    result = world.certferry.apply("--force", "www", "--no-check")
    assert result.code != 0, result
    assert host.installed_sha256() == second
    host.assert_served(second)
    assert "test failed" in str(row_of(world)), row_of(world)
    host.services[0].configure(SLOT)
    assert world.certferry.apply().code == 0
    assert assert_served(world, host) not in (first, second)


MAIL = ["postfix", "dovecot", "apache2"]
TRANSPORTS = pytest.mark.parametrize("transport", ["shell", "agent"])


@TRANSPORTS
def test_mail_host(world, transport):
    """One certificate, three services: all or none."""
    host = make_world(world, MAIL, transport)
    assert world.certferry.apply().code == 0
    first = assert_served(world, host)
    assert row_of(world)["transport"] == transport
    for name in MAIL:
        host.service(name).configure(SLOT, broken=True)
        result = world.certferry.apply("--force", "www", "--no-check")
        assert result.code != 0, name
        assert "test failed" in str(row_of(world)), name
        assert host.installed_sha256() == first
        host.assert_served(first)
        host.service(name).configure(SLOT)
    assert world.certferry.apply().code == 0
    assert assert_served(world, host) != first


@pytest.mark.parametrize("transport", [pytest.param("shell", marks=pytest.mark.full), "agent"])
def test_one_service_does_not_come_back(world, transport):
    """Its test is good, but it serves another certificate: the others go back, too."""
    host = make_world(world, MAIL, transport)
    assert world.certferry.apply().code == 0
    first = assert_served(world, host)
    host.service("apache2").configure(PLACEHOLDER)
    result = world.certferry.apply("--force", "www")
    assert result.code != 0
    text = str(row_of(world))
    assert f"{host.address}:443 serves another certificate" in text, text
    assert host.installed_sha256() == first
    host.assert_served(first, "postfix", "dovecot")
    host.service("apache2").configure(SLOT)
    assert world.certferry.apply().code == 0
    assert assert_served(world, host) != first


def test_second_reload_fails(world):
    """Postfix has reloaded with the new one when dovecot's reload says no: all three go
    back to the old one, postfix by another reload."""
    host = make_world(world, MAIL, "agent")
    assert world.certferry.apply().code == 0
    first = assert_served(world, host)
    log = host.root / "var/log/postfix.log"
    reloads = log.read_text().count("reload -- version")
    doveadm = host.root / "usr/bin/doveadm"
    real = doveadm.with_name("doveadm.real")
    doveadm.rename(real)
    host.write("usr/bin/doveadm", "#!/bin/sh\n[ \"$1\" != reload ] || "
               "{ echo 'the reload says no' >&2; exit 1; }\nexec doveadm.real \"$@\"\n", 0o755)
    result = world.certferry.apply("--force", "www", "--no-check")
    assert result.code != 0
    text = row_of(world)["error"]["text"]
    assert "reload failed" in text and "says no" in text, text
    assert host.installed_sha256() == first
    wait_for("postfix was reloaded and put back",
             lambda: log.read_text().count("reload -- version") >= reloads + 2)
    host.assert_served(first)
    real.replace(doveadm)
    assert world.certferry.apply().code == 0
    assert assert_served(world, host) != first


def test_postfix_map_with_copies(world):
    """hash: and lmdb: maps hold the files themselves: made anew before each reload, also
    that of a rollback."""
    host = make_world(world, ["postfix"], services=[], test=["postfix", "check"], reload=[
        "sh", "-c", "postmap -F hash:/etc/postfix/sni && postfix reload"],
        probe={"ports": ["25/smtp"], "timeout": "15s"})
    main = (host.root / "etc/postfix/main.cf").read_text()
    host.write("etc/postfix/main.cf", main.replace("texthash:", "hash:"))
    assert world.certferry.apply().code == 0
    first = assert_served(world, host)
    probe = world.config["certificates"]["www"]["probe"]
    probe["ports"].append("26/smtp")
    world.write_config()
    assert world.certferry.apply("--force", "www", "--no-check").code != 0
    assert host.installed_sha256() == first
    host.assert_served(first)
    probe["ports"].pop()
    world.write_config()
    assert world.certferry.apply().code == 0
    assert assert_served(world, host) != first


def test_formats(world):
    """DER beside PEM, and a file of them that was changed by hand comes back."""
    host = make_world(world, ["apache2"], install={
        "directory": SLOT, "formats": ["pem", "combined", "der"], "mode": "0600"})
    assert world.certferry.apply().code == 0
    sha256 = assert_served(world, host)
    shown = subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-fingerprint",
                            "-sha256", "-in", host.resolve("cert.der")], check=True,
                           capture_output=True, text=True).stdout
    assert shown.split("=")[1].replace(":", "").strip().lower() == sha256

    def public(*argv):
        return subprocess.run(["openssl", "pkey", "-pubout", *argv], check=True,
                              capture_output=True).stdout

    assert public("-inform", "der", "-in", host.resolve("privkey.der")) == \
        public("-in", host.resolve("privkey.pem"))
    for name, mode in (("cert.der", 0o644), ("privkey.der", 0o600), ("combined.pem", 0o600),
                       ("privkey.pem", 0o600), ("cert.pem", 0o644)):
        assert host.resolve(name).stat().st_mode & 0o7777 == mode, name
    assert host.resolve("combined.pem").read_text() == \
        host.resolve("fullchain.pem").read_text() + host.resolve("privkey.pem").read_text()
    host.resolve("privkey.der").write_bytes(b"changed by hand")
    assert world.certferry.apply().code == 0
    assert public("-inform", "der", "-in", host.resolve("privkey.der")) == \
        public("-in", host.resolve("privkey.pem"))
    # A format less is a change of the setup: the same certificate, delivered again.
    world.config["certificates"]["www"]["install"]["formats"] = ["pem"]
    world.write_config()
    assert world.certferry.apply().code == 0
    assert assert_served(world, host) == sha256
    for name in ("combined.pem", "cert.der", "privkey.der"):
        assert not host.path(name).is_symlink(), name


PASSWORD = "/etc/ssl/private/www.password"


def open_p12(host):
    """The leaf's fingerprint, and the public key of the key in it, as OpenSSL reads it."""
    def pkcs12(*argv):
        return subprocess.run(
            ["openssl", "pkcs12", "-in", host.resolve("cert.p12"), "-passin",
             f"file:{host.root}{PASSWORD}", "-nodes", *argv], check=True, capture_output=True).stdout
    leaf = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"],
                          input=pkcs12("-nokeys", "-clcerts"), check=True, capture_output=True).stdout
    assert pkcs12("-nokeys", "-cacerts").count(b"BEGIN CERTIFICATE") == 1
    public = subprocess.run(["openssl", "pkey", "-pubout"], input=pkcs12("-nocerts"), check=True,
                            capture_output=True).stdout
    return leaf.decode().split("=")[1].replace(":", "").strip().lower(), public


def test_pkcs12(world):
    """By the agent, with a password that the setup made and that never leaves the server."""
    host = make_world(world, ["apache2"], install={
        "directory": SLOT, "formats": ["pem", "pkcs12"],
        "pkcs12-password-file": "/etc/ssl/private/{name}.password"})
    # A shell cannot make it, and that is said before a certificate is spent on it.
    refused = world.certferry.apply()
    assert refused.code != 0 and "pkcs12 is made by certferry-agent" in refused.out, refused
    assert world.pebble.issued() == 0
    give_agent(world, host)
    password = (host.root / PASSWORD.lstrip("/")).read_text()
    assert len(password.strip()) == 32
    assert (host.root / PASSWORD.lstrip("/")).stat().st_mode & 0o7777 == 0o600
    assert world.certferry.apply().code == 0

    def whole():
        sha256 = assert_served(world, host)
        assert host.resolve("cert.p12").stat().st_mode & 0o7777 == 0o600
        leaf, public = open_p12(host)
        assert leaf == sha256
        assert public == subprocess.run(
            ["openssl", "pkey", "-pubout", "-in", host.resolve("privkey.pem")], check=True,
            capture_output=True).stdout
        return sha256

    first = whole()
    give_agent(world, host)
    assert (host.root / PASSWORD.lstrip("/")).read_text() == password
    assert world.certferry.apply("--force", "www").code == 0
    assert whole() != first
    for path in (world.directory / "state").rglob("*"):
        assert not path.is_file() or password.strip().encode() not in path.read_bytes(), path


@pytest.mark.parametrize("change, text", [
    pytest.param({"services": ["postfix", "dovecoat"]}, "no service preset 'dovecoat'", id="service"),
    pytest.param({"install": {"formats": ["pkcs12"]}}, "needs a password that lies on the server",
                 id="pkcs12"),
    pytest.param({"install": {"pkcs12-password-file": "/etc/p"}}, "formats has no pkcs12",
                 id="password"),
    pytest.param({"install": {"formats": ["jks"]}}, "no format 'jks'; there are: pem, combined, der, pkcs12",
                 id="format"),
    pytest.param({"probe": {"ports": ["25/ldap"]}}, "no protocol 'ldap'; there are: tls, smtp",
                 id="protocol"),
    pytest.param({"probe": {"ports": ["smtp"]}}, "not a port; PORT or PORT/PROTOCOL", id="port"),
    pytest.param({"probe": {"ports": ["25/smtp"], "port": 443}}, "stands beside port", id="both"),
    pytest.param({"probe": {"protocol": "smtp"}}, "of which port?", id="no port"),
])
def test_configuration(world, change, text):
    world.add_dns()
    world.config["cas"]["pebble"] = {"directory": "https://ca.test/dir"}
    world.config["hosts"]["mx-1"] = {"address": "127.0.0.1", "groups": ["web"]}
    world.add_certificate(**change)
    world.write_config()
    result = world.certferry.run("check")
    assert result.code != 0
    assert text in result.out + result.err, result
