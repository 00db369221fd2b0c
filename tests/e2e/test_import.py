# SPDX-License-Identifier: Apache-2.0
"""certferry dns import-credentials: what other clients have, taken over."""

import os
import pathlib
import stat
import subprocess

import pytest

from certferry import CONFLICT, DONE, USAGE, Certferry

TOKEN = "tOkEn_of-40-characters-0123456789abcdefg"
ZONE_TOKEN = "another_of-40-characters-0123456789abcdef"
TSIG = "c2VjcmV0IG9mIGEga2V5IHRoYXQgbm9ib2R5IGhhcw=="
KEY_FILE = f'key "certferry" {{\n\talgorithm hmac-sha256;\n\tsecret "{TSIG}";\n}};\n'

CLOUDFLARE = {"api-token": TOKEN}
RFC2136 = {"server": "192.0.2.53", "tsig-name": "certferry", "tsig-key": TSIG,
           "tsig-algorithm": "hmac-sha512"}
POWERDNS = {"api-url": "http://127.0.0.1:8081", "api-key": "pdns-api-key"}
ACME_DNS = {"api-url": "https://auth.example.net", "username": "u-1", "password": "p-word",
            "subdomain": "d420c923"}

# name: what stands in the file, entry, the options it must become
FORMS = {
    "lego, environment": (
        f"CF_DNS_API_TOKEN={TOKEN}\nCF_ZONE_API_TOKEN={ZONE_TOKEN}\n",
        "cloudflare", {**CLOUDFLARE, "zone-token": ZONE_TOKEN}),
    "lego, the other name": (
        f"export CLOUDFLARE_DNS_API_TOKEN='{TOKEN}'\n", "cloudflare", CLOUDFLARE),
    "lego, both names and one token": (
        f"CF_DNS_API_TOKEN={TOKEN}\nCLOUDFLARE_DNS_API_TOKEN=\"{TOKEN}\"\n",
        "cloudflare", CLOUDFLARE),
    "lego, from a file": (
        "CF_DNS_API_TOKEN_FILE=%DIR%/token\n", "cloudflare", CLOUDFLARE),
    "CRLF, comments, blanks": (
        f"# mine\r\n\r\n  export  CF_DNS_API_TOKEN = \"{TOKEN}\" # the one\r\n",
        "cloudflare", CLOUDFLARE),
    "no newline at the end": (f"CF_DNS_API_TOKEN={TOKEN}", "cloudflare", CLOUDFLARE),
    "lego, rfc2136": (
        "RFC2136_NAMESERVER=192.0.2.53:53\nRFC2136_TSIG_KEY=certferry.\n"
        f"RFC2136_TSIG_SECRET={TSIG}\nRFC2136_TSIG_ALGORITHM=hmac-sha512.\n",
        "rfc2136", RFC2136),
    "lego, rfc2136 by IPv6": (
        "RFC2136_NAMESERVER=[2001:db8::53]:5353\nRFC2136_TSIG_KEY=certferry\n"
        f"RFC2136_TSIG_SECRET={TSIG}\nRFC2136_TSIG_ALGORITHM=hmac-sha512\n",
        "rfc2136", {**RFC2136, "server": "2001:db8::53@5353"}),
    "lego, rfc2136 with a key file": (
        "RFC2136_NAMESERVER=192.0.2.53\nRFC2136_TSIG_FILE=%DIR%/tsig.key\n",
        "rfc2136", {"server": "192.0.2.53", "tsig-key": KEY_FILE.rstrip("\n")}),
    "lego, powerdns": (
        "PDNS_API_URL=http://127.0.0.1:8081/\nPDNS_API_KEY=pdns-api-key\n",
        "powerdns", POWERDNS),
    "certbot, cloudflare": (
        f"[section]\ndns_cloudflare_api_token = {TOKEN}\n", "cloudflare", CLOUDFLARE),
    "certbot, of old": (
        f"certbot_dns_cloudflare:dns_cloudflare_api_token = {TOKEN}\n",
        "cloudflare", CLOUDFLARE),
    "certbot, rfc2136": (
        "; target\ndns_rfc2136_server = 192.0.2.53\ndns_rfc2136_port = 5353\n"
        f"dns_rfc2136_name = certferry.\ndns_rfc2136_secret = {TSIG}\n"
        "dns_rfc2136_algorithm = HMAC-SHA512\n",
        "rfc2136", {**RFC2136, "server": "192.0.2.53@5353"}),
    "certbot, powerdns": (
        "dns_powerdns_api_url = http://127.0.0.1:8081\ndns_powerdns_api_key = pdns-api-key\n",
        "powerdns", POWERDNS),
    "acme.sh, cloudflare": (
        f"SAVED_CF_Token='{TOKEN}'\nSAVED_CF_Zone_ID='023e105f4ecef8ad9ca31a8372d0c353'\n"
        "SAVED_CF_Key=''\n",
        "cloudflare", {**CLOUDFLARE, "zone-id": "023e105f4ecef8ad9ca31a8372d0c353"}),
    "acme.sh, nsupdate": (
        "SAVED_NSUPDATE_SERVER='192.0.2.53'\nSAVED_NSUPDATE_SERVER_PORT='53'\n"
        "SAVED_NSUPDATE_KEY='%DIR%/tsig.key'\n",
        "rfc2136", {"server": "192.0.2.53", "tsig-key": KEY_FILE.rstrip("\n")}),
    "acme.sh, powerdns": (
        "PDNS_Url='http://127.0.0.1:8081'\nPDNS_Token='pdns-api-key'\n"
        "PDNS_ServerId='it''s'\n".replace("'it''s'", "\"it's\""),
        "powerdns", {**POWERDNS, "server-id": "it's"}),
    "acme.sh, acme-dns": (
        "SAVED_ACMEDNS_BASE_URL='https://auth.example.net'\nSAVED_ACMEDNS_USERNAME='u-1'\n"
        "SAVED_ACMEDNS_PASSWORD='p-word'\nSAVED_ACMEDNS_SUBDOMAIN='d420c923'\n",
        "acme-dns", ACME_DNS),
    "acme.sh, acme-dns of old": (
        "ACMEDNS_UPDATE_URL='https://auth.example.net/update'\nACMEDNS_USERNAME='u-1'\n"
        "ACMEDNS_PASSWORD='p-word'\nACMEDNS_SUBDOMAIN='d420c923'\n",
        "acme-dns", ACME_DNS),
    "a dollar between single quotes": (
        "PDNS_API_URL=http://127.0.0.1:8081\nPDNS_API_KEY='pa$$word\"'\n",
        "powerdns", {**POWERDNS, "api-key": 'pa$$word"'}),
}

# name: what stands in the file, what the error says
REFUSED = {
    "the global key": (
        "CF_API_EMAIL=me@example.org\nCF_API_KEY=0123456789abcdef-hidden\n",
        "make a token"),
    "certbot's global key": (
        "dns_cloudflare_email = me@example.org\ndns_cloudflare_api_key = abc-hidden\n",
        "dns_cloudflare_email: Cloudflare's global key"),
    "two tokens": (
        f"CF_DNS_API_TOKEN={TOKEN}\nCLOUDFLARE_DNS_API_TOKEN=other-hidden\n",
        "CF_DNS_API_TOKEN and CLOUDFLARE_DNS_API_TOKEN do not say the same"),
    "a token for zones alone": (f"CF_ZONE_API_TOKEN={TOKEN}\n", "nothing gives api-token"),
    "no address": (
        f"RFC2136_NAMESERVER=ns-hidden.example.org:53\nRFC2136_TSIG_SECRET={TSIG}\n",
        "RFC2136_NAMESERVER is no IP address"),
    "a TSIG secret without its name": (
        f"RFC2136_NAMESERVER=192.0.2.53\nRFC2136_TSIG_SECRET={TSIG}\n",
        "rfc2136: nothing gives tsig-name"),
    "no port": (
        f"RFC2136_NAMESERVER=192.0.2.1:hidden\nRFC2136_TSIG_SECRET={TSIG}\n", "port number"),
    "md5": (
        f"dns_rfc2136_server = 192.0.2.53\ndns_rfc2136_secret = {TSIG}\n"
        "dns_rfc2136_algorithm = HMAC-MD5\n",
        "dns_rfc2136_algorithm: certferry has hmac-sha256 and hmac-sha512 only"),
    "no key file": (
        "NSUPDATE_SERVER=192.0.2.53\nNSUPDATE_KEY=/nowhere/key\n",
        "NSUPDATE_KEY names a file that cannot be read: /nowhere/key"),
    "a file that is no key": (
        "NSUPDATE_SERVER=192.0.2.53\nNSUPDATE_KEY=%DIR%/token\n", "not in BIND's form"),
    "half of acme-dns": (
        "ACME_DNS_API_BASE=https://auth.example.net\nACME_DNS_STORAGE_PATH=/x\n",
        "nothing gives username"),
    "nothing that we know": ("AWS_SECRET_ACCESS_KEY=hidden\n", "nothing here that certferry"),
    "an empty file": ("", "nothing here that certferry"),
    "a NUL byte": (f"CF_DNS_API_TOKEN={TOKEN}\nCF_Zone_ID=a\0b\n", "theirs: not a text file"),
    "a value longer than all": (
        f"CF_DNS_API_TOKEN={TOKEN}\nCF_Zone_ID={'z' * 17000}\n", "CF_Zone_ID is too long"),
    "control characters": ("CF_DNS_API_TOKEN=a\x01hidden\n", "no plain text"),
}


@pytest.fixture
def place(tmp_path):
    (tmp_path / "token").write_text(TOKEN + "\n")
    (tmp_path / "tsig.key").write_text(KEY_FILE)
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "certferry.yaml").write_text(f"state-directory: {tmp_path}/state\n")
    return tmp_path


def write(place, text):
    path = place / "theirs"
    path.write_bytes(text.replace("%DIR%", str(place)).encode())
    return path


def everything(place):
    return sorted(path.relative_to(place / "etc") for path in (place / "etc").rglob("*"))


def options_of(place, entry):
    """As YAML says them, secrets read."""
    yaml = pytest.importorskip("yaml")
    file = place / "etc/conf.d" / f"dns-{entry}.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    options = yaml.safe_load(file.read_text())["dns"][entry]
    for name, value in options.items():
        if isinstance(value, dict):
            secret = file.parent / value["file"]
            assert stat.S_IMODE(secret.stat().st_mode) == 0o600
            assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
            assert secret.resolve() == place / "etc/secrets" / f"{entry}-{name}"
            options[name] = secret.read_text().removesuffix("\n")
    return options


@pytest.mark.parametrize("form", FORMS)
def test_form(place, form):
    text, entry, wanted = FORMS[form]
    certferry = Certferry(place / "etc/certferry.yaml")
    result = certferry.good("dns", "import-credentials", write(place, text))
    for secret in (TOKEN, ZONE_TOKEN, TSIG, "pdns-api-key", "p-word", "pa$$word"):
        assert secret not in result.out + result.err
    assert "certferry check" in result.out
    assert options_of(place, entry) == {"provider": entry.replace("-", "_"), **wanted}
    # Ours reads what ours wrote, where the provider is there.
    provider = certferry.run("provider", "show", entry.replace("-", "_"))
    if provider.code == DONE and "hmac-sha512" not in text.lower():
        checked = certferry.run("check")
        assert f"dns.{entry}" not in checked.out + checked.err, str(checked)


@pytest.mark.parametrize("form", REFUSED)
def test_refused(place, form):
    text, said = REFUSED[form]
    before = everything(place)
    certferry = Certferry(place / "etc/certferry.yaml")
    result = certferry.run("dns", "import-credentials", write(place, text))
    assert result.code == USAGE and said in result.err, str(result)
    assert "hidden" not in result.out + result.err and TOKEN not in result.err, str(result)
    assert everything(place) == before


def test_several_at_once(place):
    text = (f"ACCOUNT_EMAIL='me@example.org'\nSAVED_CF_Token='{TOKEN}'\n"
            "SAVED_CF_Account_ID='abc'\nSAVED_PDNS_Url='http://127.0.0.1:8081'\n"
            "SAVED_PDNS_Token='pdns-api-key'\nFOO=\"$SECRET\"\nthis is a password\n")
    certferry = Certferry(place / "etc/certferry.yaml")
    made = certferry.json("dns", "import-credentials", write(place, text))
    etc = str(place / "etc")
    assert made == {
        "entries": [
            {"name": "cloudflare", "provider": "cloudflare",
             "file": f"{etc}/conf.d/dns-cloudflare.yaml"},
            {"name": "powerdns", "provider": "powerdns",
             "file": f"{etc}/conf.d/dns-powerdns.yaml"}],
        "secrets": [f"{etc}/secrets/cloudflare-api-token", f"{etc}/secrets/powerdns-api-key"],
        "not_understood": ["ACCOUNT_EMAIL", "SAVED_CF_Account_ID", "FOO", "line 7"]}


def test_names_only(place):
    """What is left out is named, and its value nowhere."""
    text = f"CF_DNS_API_TOKEN={TOKEN}\nAWS_SECRET=hidden\nhidden line\nCF_API_KEY=hidden\n"
    result = Certferry(place / "etc/certferry.yaml").good(
        "dns", "import-credentials", write(place, text))
    assert "not understood, left out: AWS_SECRET, line 3" in result.out
    assert "hidden" not in result.out + result.err


def test_a_note_on_other_defaults(place):
    text = (f"dns_rfc2136_server = 192.0.2.53\ndns_rfc2136_secret = {TSIG}\n"
            "dns_rfc2136_name = k\n")
    result = Certferry(place / "etc/certferry.yaml").good(
        "dns", "import-credentials", write(place, text))
    assert "certbot hmac-md5; such a key must be made anew" in result.out, str(result)


def test_from_standard_input(place):
    argv = Certferry(place / "etc/certferry.yaml").argv("dns", "import-credentials", "-")
    done = subprocess.run(argv, input=f"CF_DNS_API_TOKEN={TOKEN}\n", text=True,
                          capture_output=True, check=True)
    assert "it still holds" not in done.stdout
    assert options_of(place, "cloudflare") == {"provider": "cloudflare", **CLOUDFLARE}


@pytest.mark.parametrize("there", ["conf.d/dns-cloudflare.yaml", "secrets/cloudflare-api-token",
                                   "secrets/cloudflare-zone-token"])
def test_nothing_is_overwritten(place, there):
    file = place / "etc" / there
    file.parent.mkdir()
    file.write_text("# theirs\n")
    before = everything(place)
    certferry = Certferry(place / "etc/certferry.yaml")
    theirs = write(place, f"CF_DNS_API_TOKEN={TOKEN}\nCF_ZONE_API_TOKEN={ZONE_TOKEN}\n")
    result = certferry.run("dns", "import-credentials", theirs)
    assert result.code == CONFLICT and f"{file} exists" in result.err, str(result)
    assert everything(place) == before and file.read_text() == "# theirs\n"


def test_entry_is_there(place):
    """In the configuration itself, under the same name."""
    (place / "key").write_text("x\n")
    os.chmod(place / "key", 0o600)
    config = place / "etc/certferry.yaml"
    config.write_text(config.read_text() + "dns:\n  cloudflare:\n    provider: rfc2136\n"
                      f"    server: 192.0.2.1\n    tsig-key: {{file: {place}/key}}\n")
    before = everything(place)
    result = Certferry(config).run("dns", "import-credentials",
                                   write(place, f"CF_DNS_API_TOKEN={TOKEN}\n"))
    assert "dns.cloudflare exists" in result.err, str(result)
    assert result.code == CONFLICT and everything(place) == before


def test_without_a_configuration(tmp_path):
    """It may be the first thing somebody does; and where the directory cannot be written,
    nothing stays half done."""
    theirs = tmp_path / "theirs"
    theirs.write_text(f"CF_DNS_API_TOKEN={TOKEN}\n")
    certferry = Certferry(tmp_path / "etc/certferry.yaml")
    certferry.good("dns", "import-credentials", theirs)
    assert (tmp_path / "etc/secrets/cloudflare-api-token").read_text() == TOKEN + "\n"

    (tmp_path / "two").mkdir()
    pathlib.Path(tmp_path / "two/conf.d").write_text("a file")
    result = Certferry(tmp_path / "two/certferry.yaml").run("dns", "import-credentials", theirs)
    assert result.code == 1 and not list((tmp_path / "two").rglob("cloudflare*")), str(result)


def test_long_input(place):
    result = Certferry(place / "etc/certferry.yaml").run(
        "dns", "import-credentials", write(place, "A=b\n" * 70000))
    assert result.code != DONE and "theirs" in result.err, str(result)
    assert result.out == ""


def test_all_that_fits(place):
    """The longest values are written whole, quotes doubled."""
    text = f"CF_DNS_API_TOKEN={TOKEN}\nCF_Zone_ID=" + "\"" + "'" * 16000 + "\"\n"
    text += "CLOUDFLARE_BASE_URL=" + "\"" + "'" * 16000 + "\"\n"
    text += 'PDNS_API_URL="' + "'" * 16000 + '"\nPDNS_API_KEY=k\n'
    text += 'PDNS_SERVER_NAME="' + "'" * 16000 + '"\n'
    result = Certferry(place / "etc/certferry.yaml").run(
        "dns", "import-credentials", write(place, text))
    assert result.code == DONE, str(result)
    assert options_of(place, "cloudflare")["zone-id"] == "'" * 16000
    assert options_of(place, "cloudflare")["api-url"] == "'" * 16000
    assert options_of(place, "powerdns")["server-id"] == "'" * 16000
