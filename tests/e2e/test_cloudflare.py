# SPDX-License-Identifier: Apache-2.0
"""The provider cloudflare against fake_cloudflare, behind which a real Knot serves the zone.

The first part drives the plugin alone, through run_batch of tests/abi; the second the whole
program with pebble, which validates through Knot. The fake is itself judged by certbot.
"""

import os
import re
import subprocess
import threading
import time

import pytest

from certferry import BUILD
from fake_cloudflare import EVERY, FakeCloudflare
from fleet import ZONE
from net import wait_for
from servers import Knot

CHALLENGE = f"_acme-challenge.{ZONE}"
RUN = [BUILD / "tests" / "run_batch", BUILD / "libexec" / "certferry" / "certferry-dns-host",
       BUILD / "lib" / "certferry" / "plugins", "cloudflare"]


def add_cloudflare(world):
    """The fake in front of the world's Knot, with its zone among decoys."""
    world.add_dns()
    fake = FakeCloudflare(world.directory / "cloudflare", world.net, world.nameserver)
    world.run(fake)
    world.zone = fake.add_zone(ZONE)
    for name in (f"sub.{ZONE}", f"my-{ZONE}", f"{ZONE}.example.net", f"x.sub.{ZONE}"):
        fake.add_zone(name)
    world.decoys = [zone for zone in fake.zones.values() if zone is not world.zone]
    return fake


@pytest.fixture
def api(world):
    fake = add_cloudflare(world)
    fake.world = world
    fake.token = fake.add_token(edit=[world.zone], read=[world.zone])
    return fake


def batch(fake, *changes, token=None, seconds=60, spent=0, **options):
    """Lines of run_batch; a change is "+ NAME VALUE" or "- NAME VALUE"."""
    words = [str(seconds), f"api-url={fake.url}", f"api-ca=@{fake.certificate}"]
    secret = {"api-token": fake.token if token is None else token}
    secret |= {k.replace("_", "-"): v for k, v in options.items() if k.endswith("token")}
    for name, value in secret.items():
        path = fake.directory / f"{name}-{threading.get_ident()}"
        path.write_text(value)
        path.chmod(0o600)
        words.append(f"{name}=@{path}")
    words += [f"zone-id={options['zone_id']}"] if "zone_id" in options else []
    for change in changes:
        sign, name, value = change.split()
        words += [sign, options.get("zone", ZONE), name, value]
    done = subprocess.run([*RUN, *words], capture_output=True, text=True, timeout=seconds + 30,
                          env={**os.environ, "CERTFERRY_SPENT": str(spent)})
    for value in secret.values():
        assert not value.strip() or value.strip() not in done.stdout + done.stderr
    assert "Sanitizer" not in done.stderr, done.stderr
    *lines, toll = done.stdout.splitlines()
    assert re.fullmatch(r"\d+ requests in 300 s", toll), done.stdout
    return [line.replace(": provider cloudflare: ", ": ") for line in lines]


def text_of(lines):
    assert lines and all(line == lines[0] for line in lines), lines
    return lines[0]


# -- the plugin alone


def test_present_and_cleanup(api):
    assert batch(api, f"+ {CHALLENGE} first") == ["ok"]
    assert api.values() == {CHALLENGE: ["first"]}
    assert api.world.nameserver.txt() == {CHALLENGE: ["first"]}
    [request] = api.asked("POST", ".*")
    assert request.body["content"] == '"first"' and 60 <= request.body["ttl"] <= 120
    assert batch(api, f"+ {CHALLENGE} first") == ["ok"]  # it is there: adopted
    assert batch(api, f"+ {CHALLENGE} second") == ["ok"]
    assert api.values(CHALLENGE) == ["first", "second"]
    assert batch(api, f"- {CHALLENGE} first") == ["ok"]
    assert api.world.nameserver.txt() == {CHALLENGE: ["second"]}
    assert batch(api, f"- {CHALLENGE} first") == ["ok"]  # it is gone: success
    assert batch(api, f"- {CHALLENGE} second") == ["ok"]
    assert api.world.nameserver.txt() == {}


def test_many_in_one_request(api):
    """Forty records: a look at the zone, one at the list, one batch; and so back."""
    names = [f"_acme-challenge.n{i}.{ZONE}" for i in range(20)]
    changes = [f"{name} {value}" for name in names for value in ("v1", "v2")]
    assert batch(api, *("+ " + change for change in changes)) == ["ok"] * 40
    assert len(api.requests) == 3, api.requests
    assert api.world.nameserver.txt() == {name: ["v1", "v2"] for name in names}
    assert batch(api, *("- " + change for change in changes)) == ["ok"] * 40
    assert len(api.requests) == 6, api.requests
    assert api.world.nameserver.txt() == {}


def test_mixed_batch_adopts_and_removes(api):
    for value in ("stays", "goes", "there"):
        api.add_record(api.world.zone, CHALLENGE, value)
    assert batch(api, f"- {CHALLENGE} goes", f"+ {CHALLENGE} there", f"+ {CHALLENGE} new",
                 f"+ _acme-challenge.www.{ZONE} new") == ["ok"] * 4
    assert api.values() == {CHALLENGE: ["new", "stays", "there"],
                            f"_acme-challenge.www.{ZONE}": ["new"]}


def test_batch_refused_for_one_spoils_no_other(api):
    api.add_record(api.world.zone, f"_acme-challenge.www.{ZONE}", "elsewhere.example", "CNAME")
    lines = batch(api, f"+ {CHALLENGE} a", f"+ _acme-challenge.www.{ZONE} b",
                  f"+ _acme-challenge.ftp.{ZONE} c")
    assert lines[0] == lines[2] == "ok" and "a CNAME stands there" in lines[1], lines
    assert api.values() == {CHALLENGE: ["a"], f"_acme-challenge.ftp.{ZONE}": ["c"]}


@pytest.mark.parametrize("keeps_quotes", [True, False])
def test_quotes_and_exact_values(api, keeps_quotes):
    """Content comes quoted or not; look-alikes are somebody else's."""
    api.keeps_quotes = keeps_quotes
    foreign = ["abc", "abcde", "abcd-", "Abcd"]
    for value in foreign:
        api.add_record(api.world.zone, CHALLENGE, f'"{value}"')
    api.add_record(api.world.zone, f"_acme-challenge.www.{ZONE}", "abcd")
    assert batch(api, f"+ {CHALLENGE} abcd") == ["ok"]
    assert batch(api, f"- {CHALLENGE} abcd") == ["ok"]
    assert api.values() == {CHALLENGE: sorted(foreign), f"_acme-challenge.www.{ZONE}": ["abcd"]}


def test_one_a_page(api):
    api.page_max = 1
    for i in range(30):
        api.add_record(api.world.zone, CHALLENGE, f"foreign-{i}")
    assert batch(api, f"+ {CHALLENGE} a", f"+ {CHALLENGE} b") == ["ok"] * 2
    assert batch(api, f"- {CHALLENGE} a", f"- {CHALLENGE} b") == ["ok"] * 2
    assert api.values(CHALLENGE) == sorted(f"foreign-{i}" for i in range(30))


def test_ten_thousand_zones(api):
    """The zone is asked for by its name; no list of all is ever read."""
    api.page_max = 1
    for i in range(10000):
        api.add_zone(f"zone-{i}.{'example.org' if i % 2 else 'example.com'}")
    api.token = api.add_token(edit=EVERY, read=EVERY)
    assert batch(api, f"+ {CHALLENGE} a") == ["ok"]
    assert [r.query["name"] for r in api.asked("GET", "/zones")] == [ZONE]
    [post] = api.asked("POST", ".*")
    assert post.path == f"/zones/{api.world.zone.id}/dns_records"


def test_parent_zone_longest_first(api):
    """certferry found a zone that Cloudflare does not have by that name."""
    api.token = api.add_token(edit=EVERY, read=EVERY)
    name = f"_acme-challenge.a.b.sub.{ZONE}"
    assert batch(api, f"+ {name} v", zone=f"b.sub.{ZONE}") == ["ok"]
    assert [r.query["name"] for r in api.asked("GET", "/zones")] == [f"b.sub.{ZONE}",
                                                                     f"sub.{ZONE}"]
    [post] = api.asked("POST", ".*")
    assert post.path == f"/zones/{api.world.decoys[0].id}/dns_records"


def test_zone_in_two_accounts(api):
    api.add_zone(ZONE, account="Second Account")
    api.token = api.add_token(edit=EVERY, read=EVERY)
    assert batch(api, f"+ {CHALLENGE} v") == [
        f"config: Cloudflare shows this token 2 active zones for {ZONE}: give it "
        "Zone:Zone:Read on the one, or set zone-id"]
    assert batch(api, f"+ {CHALLENGE} v", zone_id=api.world.zone.id) == ["ok"]


def test_list_lacks_the_newest(api):
    """What was written a moment ago is not listed yet: cleanup looks again."""
    api.list_lag_s = 3
    assert batch(api, f"+ {CHALLENGE} v") == ["ok"]
    assert batch(api, f"- {CHALLENGE} v") == ["ok"]
    assert api.values() == {}


@pytest.mark.parametrize("count", [1, 3])
def test_lost_replies(api, count):
    """The work was done, the reply never came (nor at libcurl's own second try, on a new
    connection); once more, and it is as wanted."""
    adds = [f"+ {CHALLENGE} v{i}" for i in range(count)]
    api.next("POST", ".*", "lose", 2)
    assert text_of(batch(api, *adds)).startswith("temporary: ")
    assert len(api.values(CHALLENGE)) == count
    assert batch(api, *adds) == ["ok"] * count
    removals = [add.replace("+", "-") for add in adds]
    api.next("DELETE" if count == 1 else "POST", ".*", "lose", 2)
    assert text_of(batch(api, *removals)).startswith("temporary: ")
    assert api.values() == {}
    assert batch(api, *removals) == ["ok"] * count


def test_lost_reply_and_a_list_that_lags(api):
    """A batch of duplicates that the list does not show: each alone is adopted."""
    api.list_lag_s = 1000
    adds = [f"+ {CHALLENGE} v{i}" for i in range(3)]
    api.next("POST", ".*", "lose", 2)
    batch(api, *adds)
    assert batch(api, *adds) == ["ok"] * 3
    assert api.values(CHALLENGE) == ["v0", "v1", "v2"]


def test_somebody_else_removed_it_first(api):
    """Between the look at the list and the removal."""
    record = api.add_record(api.world.zone, CHALLENGE, "v")
    shown = api.show(record)
    api.delete(api.world.zone, record["id"])
    real, api.list_records = api.list_records, lambda zone, query: ([shown], {"total_count": 1})
    assert batch(api, f"- {CHALLENGE} v") == ["ok"]
    api.list_records = real
    assert [r.status for r in api.asked("DELETE", ".*")] == [404]


WHERE = f"Zone:DNS:Edit on {ZONE} by api-token"
LOOKUP = f"Zone:Zone:Read on {ZONE} by api-token"
WRONG = ("the token is wrong, expired, revoked, or lacks this right, or is not for our "
         "address")
ERRORS = {
    "wrong token": (
        lambda api: {"token": "x" * 40},
        f'denied: Cloudflare refuses {LOOKUP}: {WRONG} ("Invalid access token", code 9109, '
        "HTTP 403)"),
    "expired": (
        lambda api: {"token": api.add_token(edit=EVERY, read=EVERY, status="expired")},
        f'denied: Cloudflare refuses {LOOKUP}: {WRONG} ("Invalid access token", code 9109, '
        "HTTP 403)"),
    "half a token": (
        lambda api: {"token": api.token[:37]},
        f"denied: Cloudflare refuses {LOOKUP}: this is no whole API token (nor is the Global "
        'API Key one) ("Invalid format for Authorization header", code 6003, HTTP 400)'),
    "space inside": (
        lambda api: {"token": "abcdef ghijkl"},
        "config: api-token is empty, or has a space or a line break inside: it is one word"),
    "line break inside": (
        lambda api: {"token": "abcdef\nghijkl"},
        "config: api-token is empty, or has a space or a line break inside: it is one word"),
    "only spaces": (
        lambda api: {"token": "   "},
        "config: api-token is empty, or has a space or a line break inside: it is one word"),
    "DNS:Edit alone, no zone-id": (
        lambda api: {"token": api.add_token(edit=[api.world.zone])},
        f'denied: Cloudflare refuses {LOOKUP}: {WRONG} ("Unauthorized to access requested '
        'resource", code 9109, HTTP 403)'),
    "Zone:Read alone": (
        lambda api: {"token": api.add_token(read=[api.world.zone])},
        f"denied: Cloudflare refuses {WHERE}: the token is wrong, or lacks this right "
        '("Authentication error", code 10000, HTTP 403)'),
    "zone-token may not read": (
        lambda api: {"zone_token": api.add_token(edit=[api.world.zone])},
        f"denied: Cloudflare refuses Zone:Zone:Read on {ZONE} by zone-token: {WRONG} "
        '("Unauthorized to access requested resource", code 9109, HTTP 403)'),
    "other zones only": (
        lambda api: {"token": api.add_token(edit=api.world.decoys, read=api.world.decoys)},
        f"config: Cloudflare shows this token 0 active zones for {ZONE}: give it "
        "Zone:Zone:Read on the one, or set zone-id"),
    "zone-id of a stranger": (
        lambda api: {"zone_id": "0" * 32},
        f"denied: Cloudflare refuses {WHERE}: the token is wrong, or lacks this right "
        '("Authentication error", code 10000, HTTP 403)'),
    "zone-id that is none": (
        lambda api: {"zone_id": "example.org"},
        f'config: Cloudflare refuses {WHERE}: is zone-id right? ("No route for that URI", code '
        "7003, HTTP 404)"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_error_texts(api, case):
    options, want = ERRORS[case]
    assert batch(api, f"+ {CHALLENGE} v", **options(api)) == [want]
    assert api.values() == {}


def test_free_top_level_domain(api):
    zone = api.add_zone("example.tk")
    api.token = api.add_token(edit=[zone], read=[zone])
    line = text_of(batch(api, "+ _acme-challenge.example.tk v", zone="example.tk"))
    assert line.startswith(
        "remote: Cloudflare refuses Zone:DNS:Edit on example.tk by api-token: use the provider "
        "manual, or delegate by a CNAME to a zone that has an API (docs/providers.md) "
        '("You cannot use this API for domains with a ')


def test_full_zone(api):
    api.world.zone.room = 0
    line = text_of(batch(api, f"+ {CHALLENGE} v"))
    assert "the zone is full: remove records, or change its plan" in line


NONSENSE = {
    "html": (f"temporary: asked about zone {ZONE}, Cloudflare gave no answer of its API, but "
             "HTTP 200 and 18 bytes (is api-url right?)"),
    "truncate": f"temporary: asked about zone {ZONE}, Cloudflare gave no answer of its API, but",
    503: f"temporary: asked about zone {ZONE}, Cloudflare gave no answer of its API, but HTTP 503",
    "bare": "Cloudflare's manual may know why (\"no reason given\", code none, HTTP 400)",
}


@pytest.mark.parametrize("kind", NONSENSE)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_answers_that_are_none(api, kind, method):
    api.next(method, ".*", kind)
    line = text_of(batch(api, f"+ {CHALLENGE} v"))
    assert NONSENSE[kind] in line
    assert batch(api, f"+ {CHALLENGE} v") == ["ok"]


def test_token_with_space_around(api):
    assert batch(api, f"+ {CHALLENGE} v", token=f"  {api.token} \r\n\n") == ["ok"]


def test_zone_id_with_dns_edit_alone(api):
    token = api.add_token(edit=[api.world.zone])
    assert batch(api, f"+ {CHALLENGE} v", token=token, zone_id=api.world.zone.id) == ["ok"]
    assert batch(api, f"- {CHALLENGE} v", token=token, zone_id=api.world.zone.id) == ["ok"]
    assert api.asked("GET", "/zones") == [] and api.values() == {}


def test_zone_token(api):
    token = api.add_token(edit=[api.world.zone])
    reader = api.add_token(read=[api.world.zone])
    assert batch(api, f"+ {CHALLENGE} v", token=token, zone_token=reader) == ["ok"]
    assert {r.token for r in api.asked("GET", "/zones")} == {reader}
    assert {r.token for r in api.asked("POST", ".*")} == {token}


def test_too_many_requests(api):
    api.next("POST", ".*", 429, **{"retry-after": "17"})
    line = text_of(batch(api, f"+ {CHALLENGE} v"))
    assert "too many requests in 5 minutes, by all tools and windows of this user" in line


def test_own_pace(api):
    """1,200 requests in 5 minutes are never passed: certferry stops before it asks."""
    [line] = batch(api, f"+ {CHALLENGE} v", spent=1199)
    assert "limit of 1200 requests in 300 s" in line, line
    assert len(api.requests) == 1 and api.values() == {}
    assert batch(api, f"+ {CHALLENGE} v", spent=1198) == ["ok"]
    assert len(api.requests) == 3


def test_foreign_values_survive_a_thousand_cycles(api):
    names = [CHALLENGE] + [f"_acme-challenge.n{i}.{ZONE}" for i in range(4)]
    foreign = {name: [f"foreign-{i}" for i in range(3)] for name in names}
    for name, values in foreign.items():
        for value in values:
            api.add_record(api.world.zone, name, value)
    for cycle in range(20):
        mine = [f"{name} {cycle}-{i}" for name in names for i in range(10)]
        assert batch(api, *("+ " + m for m in mine)) == ["ok"] * 50
        assert batch(api, *("- " + m for m in mine)) == ["ok"] * 50
        assert api.values() == foreign
    assert {n: sorted(v) for n, v in api.world.nameserver.txt().items()} == foreign


def test_concurrent_batches_on_one_name(api):
    """Sixteen at once on one name: each adds and removes its own."""
    lines = []

    def cycle(number):
        lines.extend(batch(api, f"+ {CHALLENGE} v{number}", seconds=100))
        lines.extend(batch(api, f"- {CHALLENGE} v{number}", seconds=100))

    api.add_record(api.world.zone, CHALLENGE, "foreign")
    threads = [threading.Thread(target=cycle, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lines == ["ok"] * 32
    assert api.world.nameserver.txt() == {CHALLENGE: ["foreign"]}


# -- the whole program, with pebble


def order_world(world, hosts=1, api_token=None, certificate=None, ca=None, **entry):
    """One certificate a host, its challenges at the fake."""
    fake = add_cloudflare(world)
    fake.token = fake.add_token(edit=[world.zone], read=[world.zone])
    world.config["dns"]["home"] = {
        "provider": "cloudflare", "api-url": fake.url, "api-ca": {"file": str(fake.certificate)},
        "api-token": {"file": "secrets/token"}, **entry}
    write_secret(world, "token", api_token(fake) if api_token else fake.token)
    world.add_ca(**(ca or {}))
    for number in range(hosts):
        world.add_host(f"web-{number + 1}")
    world.add_certificate(**(certificate or {}))
    world.set_up()
    return fake


def write_secret(world, name, text):
    path = world.directory / "secrets" / name
    path.write_text(text + "\n")
    path.chmod(0o600)


def apply(world, fake, *words):
    """No token is ever in what certferry says."""
    result = world.certferry.apply(*words)
    shown = result.out + result.err + world.certferry.run("--json", "status").out
    for token in fake.tokens:
        assert token not in shown
    return result


def error_of(world):
    return world.certferry.status()["www", "web-1"]["error"]["text"]


def test_issues(world):
    """Three orders at once, each with values of its own for apex and wildcard on the one name;
    of theirs nothing is left behind. (Debian's pebble does not ask again by TCP: four orders
    would be more than fits its UDP.)"""
    fake = order_world(world, hosts=3, ca={"authz_reuse": 0})
    fake.add_record(world.zone, CHALLENGE, "foreign")
    result = apply(world, fake)
    assert result.code == 0, result
    world.assert_all_served()
    assert world.pebble.challenges() > 5  # that were all, if the orders shared theirs
    assert fake.values() == {CHALLENGE: ["foreign"]}
    assert world.nameserver.txt() == {CHALLENGE: ["foreign"]}
    assert all("name" in r.query for r in fake.asked("GET", "/zones"))


def test_issues_from_ten_thousand_zones_and_one_a_page(world):
    fake = order_world(world)
    for i in range(10000):
        fake.add_zone(f"zone-{i}.example.org")
    write_secret(world, "token", fake.add_token(edit=EVERY, read=EVERY))
    fake.page_max = 1
    fake.list_lag_s = 1
    result = apply(world, fake)
    assert result.code == 0, result
    world.assert_all_served()
    assert fake.values() == {}


def test_issues_while_replies_get_lost(world):
    fake = order_world(world)
    fake.next("POST", ".*", "lose", 2)
    result = apply(world, fake, "--no-check")
    assert result.code == 0, result
    world.assert_all_served()
    assert fake.values() == {}


def test_issues_with_two_tokens(world):
    fake = order_world(world, api_token=lambda fake: fake.add_token(edit=[world.zone]),
                       **{"zone-token": {"file": "secrets/reader"}},
                       certificate={"names": [ZONE], "unique-name": None})
    write_secret(world, "reader", fake.add_token(read=[world.zone]))
    assert apply(world, fake).code == 0
    world.assert_all_served()


def test_issues_with_zone_id(world):
    fake = order_world(world, api_token=lambda fake: fake.add_token(edit=[world.zone]),
                       certificate={"names": [ZONE], "unique-name": None})
    world.config["dns"]["home"]["zone-id"] = world.zone.id
    world.write_config()
    assert apply(world, fake).code == 0
    world.assert_all_served()
    assert fake.asked("GET", "/zones") == []


def test_wrong_token_stops_and_goes_on(world):
    fake = order_world(world, api_token=lambda fake: "x" * 40)
    text = ERRORS["wrong token"][1].split(": ", 1)[1]
    result = apply(world, fake)  # the preflight sees it, and nothing is asked of the CA
    assert result.code == 6 and text in result.out, result
    assert "x" * 40 not in result.out + result.err
    assert world.pebble.posts("/order-plz") == 0
    result = apply(world, fake, "--no-check")
    assert result.code in (6, 7), result
    assert "x" * 40 not in result.out + result.err
    assert text in error_of(world)
    assert world.pebble.challenges() == 0
    write_secret(world, "token", fake.token)
    assert apply(world, fake).code == 0
    world.assert_all_served()


def test_429_is_obeyed(world):
    """retry-after of the first refusal is waited for; no request comes before."""
    fake = order_world(world, certificate={"names": [ZONE], "unique-name": None})
    fake.next("POST", ".*", 429, **{"retry-after": "6"})
    result = apply(world, fake, "--no-check")
    posts = fake.asked("POST", ".*")
    assert posts[0].status == 429
    after = [r for r in fake.requests if r.time > posts[0].time]
    if result.code == 7:
        assert after == [] or after[0].time - posts[0].time >= 6
        time.sleep(max(0, posts[0].time + 7 - time.monotonic()))
        result = apply(world, fake)
    assert result.code == 0, result
    after = [r for r in fake.requests if r.time > posts[0].time]
    assert after[0].time - posts[0].time >= 6, after[0].time - posts[0].time
    world.assert_all_served()


# -- the fake is judged by somebody else


def test_fake_speaks_with_certbot(world):
    """Debian's certbot and its Cloudflare plugin (python3-cloudflare) issue through the fake,
    and remove what they added."""
    fake = add_cloudflare(world)
    world.add_ca()
    token = fake.add_token(edit=[world.zone], read=[world.zone])
    fake.add_record(world.zone, CHALLENGE, "foreign")
    credentials = world.directory / "credentials.ini"
    credentials.write_text(f"dns_cloudflare_api_token = {token}\n")
    credentials.chmod(0o600)
    trust = world.directory / "trust.pem"
    trust.write_text(fake.certificate.read_text() + world.pebble.ca_file.read_text())
    home = world.directory / "certbot"
    done = subprocess.run(
        ["certbot", "certonly", "--non-interactive", "--agree-tos", "--email", "ops@example.org",
         "--server", world.pebble.url, "--dns-cloudflare", "--dns-cloudflare-credentials",
         credentials, "--dns-cloudflare-propagation-seconds", "1", "-d", ZONE, "-d", f"*.{ZONE}",
         "--config-dir", home / "config", "--work-dir", home / "work", "--logs-dir", home / "logs"],
        env={"PATH": os.environ["PATH"], "HOME": str(world.directory),
             "CLOUDFLARE_API_URL": fake.url, "CF_API_URL": fake.url,
             "REQUESTS_CA_BUNDLE": str(trust)},
        capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.pebble.issued() == 1
    assert [r.status for r in fake.asked("POST", ".*")] == [200, 200]
    assert [r.status for r in fake.asked("DELETE", ".*")] == [200, 200]
    assert fake.values() == {CHALLENGE: ["foreign"]}


def test_fake_speaks_with_certbot_of_errors(world):
    """Its plugin knows the codes of a bad token."""
    fake = add_cloudflare(world)
    script = ("import sys; from certbot_dns_cloudflare._internal.dns_cloudflare import "
              "_CloudflareClient; _CloudflareClient(api_token=sys.argv[1])"
              f".add_txt_record('{ZONE}', '{CHALLENGE}', 'v', 120)")
    for token, hint in (("x" * 40, "Did you enter a valid Cloudflare Token?"),
                        ("short", "Did you copy your entire API token/key?"),
                        (fake.add_token(edit=EVERY, read=world.decoys),
                         "your Cloudflare Token has access to the domain"),
                        (fake.add_token(edit=world.decoys, read=EVERY), "Authentication error")):
        done = subprocess.run(
            ["/usr/bin/python3", "-c", script, token], capture_output=True, text=True, timeout=60,
            env={"PATH": os.environ["PATH"], "HOME": str(world.directory),
                 "CLOUDFLARE_API_URL": fake.url, "CF_API_URL": fake.url,
                 "REQUESTS_CA_BUNDLE": str(fake.certificate)})
        assert done.returncode == 1 and hint in done.stderr, done.stderr
