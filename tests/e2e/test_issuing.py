# SPDX-License-Identifier: Apache-2.0
"""What is asked of the CA, and how often."""

import base64
import secrets
import subprocess

import pytest

from fleet import ZONE
from net import wait_for
from test_happy import names_of


def test_shared_names_are_proved_once(world):
    """12 servers, names shared by all: one challenge for each shared name, one for each
    server's own."""
    world.add_dns()
    world.add_ca(authz_reuse=100)
    for number in range(12):
        world.add_host(f"web-{number:02}")
    world.add_certificate(reload=[], probe=False)
    world.write_config()
    world.public_key = world.certferry.init()["ssh_public_key"]
    for name, host in world.hosts.items():
        host.start_ssh_only(f"restrict {world.public_key}")
        world.running.append(host)
        world.enroll(name)
    result = world.certferry.apply()
    assert result.code == 0, result
    assert world.pebble.issued() == 12
    assert world.pebble.challenges() == 2 + 12
    for name, host in world.hosts.items():
        assert names_of(host) == sorted([f"*.{ZONE}", ZONE, f"{name}.srv.{ZONE}"])
        assert host.pair_matches()
    world.assert_no_residue()


def test_half_of_the_nonces_rejected(world):
    world.standard(2, ca={"nonce_reject": 50})
    result = world.certferry.apply()
    assert result.code == 0, result
    world.assert_all_served()
    assert world.pebble.issued() == 2


def test_external_account_binding(world):
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    world.standard(1, ca={"eab": ("kid-1", key)})
    result = world.certferry.apply()
    assert result.code == 0, result
    world.assert_all_served()


def test_external_account_binding_missing(world):
    """The CA's own words reach the operator, and nothing is tried again and again."""
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    world.standard(1, ca={"eab": ("kid-1", key)})
    del world.config["cas"]["pebble"]["eab"]
    world.write_config()
    result = world.certferry.apply()
    assert result.code == 6, result
    error = world.certferry.status()["www", "web-1"]["error"]
    assert error and "external account" in error["text"].lower(), error
    # Mended in the configuration, it goes on.
    world.config["cas"]["pebble"]["eab"] = {"kid": "kid-1", "key": {"file": "secrets/eab"}}
    world.write_config()
    result = world.certferry.apply()
    assert result.code == 0, result
    world.assert_all_served()


KEY_TYPES = {
    "ec-256": "prime256v1", "ec-384": "secp384r1",
    "rsa-2048": "2048 bit", "rsa-3072": "3072 bit", "rsa-4096": "4096 bit",
}


def test_every_key_type(world):
    """Five certificates on one server: one SSH session, one test and one reload."""
    world.add_dns()
    world.add_ca()
    slots = [f"/etc/ssl/certferry/{kind}" for kind in KEY_TYPES]
    host = world.add_host("web-1", slots=slots)
    for kind, slot in zip(KEY_TYPES, slots):
        world.add_certificate(
            kind, names=[f"{kind}.{ZONE}"], key=kind, install={"directory": slot},
            probe={"port": host.ports[slot], "timeout": "10s"}, **{"unique-name": None})
    world.set_up()
    logins = len(host.logins())
    result = world.certferry.apply()
    assert result.code == 0, result
    for (kind, wanted), slot in zip(KEY_TYPES.items(), slots):
        text = subprocess.run(["openssl", "x509", "-noout", "-text", "-in",
                               host.resolve("cert.pem", slot)],
                              check=True, capture_output=True, text=True).stdout
        assert wanted in text, kind
        world.assert_all_served(kind, slot)
    assert len(host.logins()) - logins <= 2 * len(KEY_TYPES)
    # Again for all at once: they are due together, so they go in one session.
    logins = len(host.logins())
    reloads = host.reloads()
    for slot in slots:
        host.resolve("privkey.pem", slot).write_text("overwritten\n")
    result = world.certferry.apply()
    assert result.code == 0, result
    assert len(host.logins()) - logins == 1
    wait_for("nginx says that it was reloaded", lambda: host.reloads() > reloads)
    assert host.reloads() - reloads == 1
    assert world.pebble.issued() == len(KEY_TYPES)
    for kind, slot in zip(KEY_TYPES, slots):
        world.assert_all_served(kind, slot)


@pytest.mark.parametrize("what, change", [
    ("more names", {"names": [ZONE, f"*.{ZONE}", f"deep.sub.{ZONE}"]}),
    ("another key type", {"key": "ec-384"}),
])
def test_changed_configuration_is_due(world, what, change):
    world.standard(1)
    assert world.certferry.apply().code == 0
    before = world.certferry.status()["www", "web-1"]["serial"]
    world.config["certificates"]["www"].update(change)
    world.write_config()
    assert world.certferry.status()["www", "web-1"]["state"] == "due"
    assert world.certferry.apply().code == 0
    world.assert_all_served()
    assert world.certferry.status()["www", "web-1"]["serial"] != before
    assert world.pebble.issued() == 2


def test_moved_directory_needs_no_new_certificate(world):
    world.standard(1)
    assert world.certferry.apply().code == 0
    slot = "/etc/ssl/elsewhere"
    world.config["certificates"]["www"]["install"]["directory"] = slot
    world.write_config()
    host = world.hosts["web-1"]
    host.slots, host.ports = [slot], {slot: 8443}
    host.write_site()
    assert world.certferry.apply().code == 0
    world.assert_all_served(slot=slot)
    assert world.pebble.issued() == 1


def test_short_lived_certificates_are_renewed(world):
    """An hour of lifetime is halfway over after half an hour; renew-after cannot be less
    than an hour, so the CA's clock is the only one to be moved. Within its 50 s each must be
    delivered."""
    world.standard(1, ca={"validity_s": 50})
    assert world.certferry.apply().code == 0
    wait_for("half of it is over",
             lambda: world.certferry.status()["www", "web-1"]["state"] == "due", step=1)
    assert world.certferry.apply().code == 0
    assert world.pebble.issued() == 2


def test_only_and_force(world):
    world.standard(3)
    assert world.certferry.apply("--only", "web-2").code == 0
    assert world.pebble.issued() == 1
    assert world.hosts["web-2"].served_sha256()
    assert world.hosts["web-1"].served_sha256() is None
    assert world.certferry.apply().code == 0
    assert world.pebble.issued() == 3
    before = {name: h.served_sha256() for name, h in world.hosts.items()}
    assert world.certferry.apply("--force", "www/web-3").code == 0
    assert world.pebble.issued() == 4
    world.assert_all_served()
    after = {name: h.served_sha256() for name, h in world.hosts.items()}
    assert [name for name in after if after[name] != before[name]] == ["web-3"]
