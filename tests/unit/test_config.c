/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/parse_bytes.h"

/* What a certificate needs around it; its lines are 1 to 3. */
#define AROUND                                             \
	"cas: {le: {directory: https://ca.example/dir}}\n" \
	"dns: {home: {provider: rfc2136}}\n"               \
	"hosts: {web-1: {groups: [web]}, web-2: {groups: [web, all]}}\n"
#define WWW AROUND "certificates:\n  www:\n"

#define LABEL_60 "a23456789012345678901234567890123456789012345678901234567890"

static struct config *parse(const char *text, struct strlist *problems)
{
	struct err err = { 0 };

	return config_parse_bytes("f", text, strlen(text), problems, &err);
}

static const struct {
	const char *name, *yaml;
	const char *expected[7]; /* the starts of the lines, all of them */
} bad[] = {
	{ "not YAML", "cas: [\n", { "f:2:1: not YAML" } },
	{ "two documents", "workers: 1\n---\nworkers: 2\n", { "f:1:1: more than one" } },
	{ "unknown key at the top",
	  "worker: 1\n",
	  { "f:1:1: worker: unknown key; did you mean 'workers'?" } },
	{ "nothing near",
	  "zebra: 1\n",
	  { "f:1:1: zebra: unknown key; one of state-dir" } },
	{ "several errors",
	  "workers: 0\nresolver: x\nhosts:\n  web-1: {prot: 22, port: 99999}\n",
	  { "f:2:11: resolver: 'x': not a resolver; ADDRESS",
	    "f:1:10: workers: '0' is out of place; a number of 1 to 256",
	    "f:4:11: hosts.web-1.prot: unknown key; did you mean 'port'?",
	    "f:4:27: hosts.web-1.port: '99999' is out of place; a number of 1 to "
	    "65535" } },
	{ "unknown key of a certificate",
	  WWW "    {names: [a.example.com], hosts: [web], unique-nam: x}\n",
	  { "f:6:44: certificates.www.unique-nam: unknown key; did you mean "
	    "'unique-name'?" } },
	{ "key twice",
	  "workers: 1\nworkers: 2\n",
	  { "f:2:1: workers: stands twice, first at f:1:1; remove" } },
	{ "entry twice",
	  "hosts:\n  a: {}\n  a: {}\n",
	  { "f:3:3: hosts.a: stands twice, first at f:2:3" } },
	{ "merge key",
	  "x: &x {port: 1}\nhosts:\n  a: {<<: *x}\n",
	  { "f:1:1: x: unknown key",
	    "f:3:7: hosts.a: merge keys (<<) are not read; put" } },
	{ "tag", "workers: !vault 1\n", { "f:1:10: workers: the tag '!vault' means" } },
	{ "not a map", "hosts: [a]\n", { "f:1:8: hosts: not a map" } },
	{ "inline secret",
	  "sealing-key: abc\n",
	  { "f:1:14: sealing-key: a secret does not stand in this file; put it" } },
	{ "two places of a secret",
	  "sealing-key: {file: a, credential: b}\n",
	  { "f:1:14: sealing-key: 2 keys; one of" } },
	{ "credential's name",
	  "sealing-key: {credential: ../b}\n",
	  { "f:1:27: sealing-key.credential: not a credential's name" } },
	{ "missing keys",
	  "cas: {x: }\ndns: {y: {}}\n",
	  { "f:1:7: cas.x.directory: missing; ", "f:2:7: dns.y.provider: missing; " } },
	{ "http",
	  "cas: {x: {directory: http://a/}}\n",
	  { "f:1:22: cas.x.directory: 'http://a/': not an https URL; https://" } },
	{ "contact",
	  "cas: {x: {directory: https://a/, contact: [a@b]}}\n",
	  { "f:1:44: cas.x.contact: 'a@b': not a contact; a mail URL" } },
	{ "boolean",
	  "cas: {x: {directory: https://a/, agree-to-terms: yes}}\n",
	  { "f:1:50: cas.x.agree-to-terms: 'yes' is neither; true or false" } },
	{ "duration",
	  "dns: {x: {provider: p, ttl: 60}}\n",
	  { "f:1:29: dns.x.ttl: '60' is no duration; a number and one of" } },
	{ "duration's range",
	  "dns: {x: {provider: p, ttl: 0s}}\n",
	  { "f:1:29: dns.x.ttl: '0s' is out of range" } },
	{ "entry's name",
	  "hosts: {-a: {address: b}}\n",
	  { "f:1:9: hosts.-a: not a name" } },
	{ "address",
	  "hosts: {a: {address: -oProxyCommand=x}}\n",
	  { "f:1:22: hosts.a.address: '-oProxyCommand=x': starts with a hyphen" } },
	{ "transport's words",
	  "hosts:\n  a: {transport: agnet}\n  b: {transport: {agent: x}}\n",
	  { "f:2:18: hosts.a.transport: 'agnet' is unknown; did you mean 'agent'?",
	    "f:3:18: hosts.b.transport: not one value; auto, agent or shell" } },
	{ "where the key is made",
	  WWW "    {names: [a.example.com], hosts: [web], key-on: server}\n",
	  { "f:6:52: certificates.www.key-on: 'server' is unknown; issuer or target" } },
	{ "host and group",
	  "hosts:\n  a: {}\n  b: {groups: [c, a]}\n",
	  { "f:3:19: hosts.b.groups: 'a' is a host and a group; another" } },
	{ "no such host",
	  WWW "    {names: [a.example.com], hosts: [wev-1]}\n",
	  { "f:6:38: certificates.www.hosts: no host or group 'wev-1'; did you mean "
	    "'web-1'?" } },
	{ "no hosts",
	  WWW "    {names: [a.example.com], hosts: []}\n",
	  { "f:6:37: certificates.www.hosts: 0 items; 1 to" } },
	{ "no such CA",
	  WWW "    {names: [a.example.com], hosts: [web], ca: li}\n",
	  { "f:6:48: certificates.www.ca: no 'li' under cas; did you mean 'le'?" } },
	{ "which CA",
	  "cas: {a: {directory: https://a/}, b: {directory: https://b/}}\n"
	  "dns: {d: {provider: p}}\nhosts: {h: }\n"
	  "certificates: {www: {names: [a.example.com], hosts: [h]}}\n",
	  { "f:4:16: certificates.www: ca is missing, and cas has 2 entries; one of a, "
	    "b" } },
	{ "no such DNS entry",
	  WWW "    {names: [a.example.com], hosts: [web], dns: hom}\n",
	  { "f:6:49: certificates.www.dns: no 'hom' under dns; did you mean 'home'?" } },
	{ "no such DNS entry in a list",
	  WWW "    {names: [a.example.com], hosts: [web], dns: [home, hone]}\n",
	  { "f:6:56: certificates.www.dns: no 'hone' under dns; did you mean 'home'?" } },
	{ "a DNS entry twice",
	  WWW "    {names: [a.example.com], hosts: [web], dns: [home, home]}\n",
	  { "f:6:56: certificates.www.dns: 'home' stands twice; remove one of them" } },
	{ "an empty list of DNS entries",
	  WWW "    {names: [a.example.com], hosts: [web], dns: []}\n",
	  { "f:6:49: certificates.www.dns: 0 items; 1 to 100" } },
	{ "DNS entries as a map",
	  WWW "    {names: [a.example.com], hosts: [web], dns: {home: 1}}\n",
	  { "f:6:49: certificates.www.dns: not one value; a name, or a list of names" } },
	{ "no DNS entry at all",
	  "cas: {a: {directory: https://a/}}\nhosts: {h: }\n"
	  "certificates: {www: {names: [a.example.com], hosts: [h]}}\n",
	  { "f:3:16: certificates.www: dns is missing, and dns has 0 entries; there is "
	    "none yet" } },
	{ "a DNS entry of the defaults",
	  AROUND "defaults: {dns: [hoem]}\n"
	         "certificates: {www: {names: [a.example.com], hosts: [web]}}\n",
	  { "f:4:18: certificates.www.dns: no 'hoem' under dns; did you mean" } },
	{ "propagation's words",
	  "dns:\n  a: {provider: p, propagation: autoritative}\n"
	  "  b: {provider: p, propagation: zebra}\n"
	  "  c: {provider: p, propagation: settle}\n"
	  "  d: {provider: p, propagation: }\n"
	  "  e: {provider: p, propagation: [none]}\n",
	  { "f:2:33: dns.a.propagation: 'autoritative' is unknown; did you mean "
	    "'authoritative'?",
	    "f:3:33: dns.b.propagation: 'zebra' is unknown; authoritative, none, "
	    "{resolvers: [ONE, TWO]} or {settle: 90s}",
	    "f:4:33: dns.c.propagation: 'settle' alone; authoritative, none, {resol",
	    "f:5:33: dns.d.propagation: empty; authoritative, none, {resolvers: [",
	    "f:6:33: dns.e.propagation: not one value; authoritative, none, " } },
	{ "propagation's map",
	  "dns:\n  a: {provider: p, propagation: {}}\n"
	  "  b: {provider: p, propagation: {settle: 9s, resolvers: [192.0.2.1]}}\n"
	  "  c: {provider: p, propagation: {resolver: [192.0.2.1]}}\n"
	  "  d: {provider: p, propagation: {resolvers: []}}\n"
	  "  e: {provider: p, propagation: {resolvers: [192.0.2.1, ns.example]}}\n"
	  "  f: {provider: p, propagation: {settle: 0s}}\n",
	  { "f:2:33: dns.a.propagation: 0 keys; authoritative, none, {resolvers: ",
	    "f:3:33: dns.b.propagation: 2 keys; authoritative, none, {resolvers: ",
	    "f:4:34: dns.c.propagation.resolver: unknown key; did you mean 'resolvers'?",
	    "f:5:45: dns.d.propagation.resolvers: 0 items; 1 to 20",
	    "f:6:57: dns.e.propagation.resolvers: 'ns.example': not a resolver; ADDR",
	    "f:7:42: dns.f.propagation.settle: '0s' is out of range; 1s to" } },
	{ "settling after nothing",
	  "dns:\n  a: {provider: p, propagation: none, settle: 5s}\n"
	  "  b: {provider: p, propagation: {settle: 9s}, settle: 5s}\n",
	  { "f:2:47: dns.a.settle: comes after the record was seen, and with this "
	    "propagation nobody looks; propagation: {settle: 5s} alone",
	    "f:3:55: dns.b.settle: comes after the record was seen, and with this "
	    "propagation nobody looks; propagation: {settle: 14s} alone" } },
	{ "a person's time",
	  "dns: {a: {provider: p, by-hand-timeout: 5s}}\n",
	  { "f:1:41: dns.a.by-hand-timeout: '5s' is out of range; 10s to" } },
	{ "aliases that are no names",
	  AROUND
	  "certificates:\n"
	  "  a: {names: [a.example.com], hosts: [web], challenge-alias: 'x-{name}.a'}\n"
	  "  b: {names: [b.example.com], hosts: [web], challenge-alias: "
	  "'{name}.{name}.a'}\n"
	  "  c: {names: [c.example.com], hosts: [web], challenge-alias: "
	  "'_acme-challenge.{name}'}\n"
	  "  d: {names: [d.example.com], hosts: [web], challenge-alias: a}\n"
	  "  e: {names: [e.example.com], hosts: [web], challenge-alias: "
	  "'{nam}.example.net'}\n"
	  "  f: {names: [f.example.com], hosts: [web], challenge-alias: "
	  "'*.example.net'}\n",
	  { "f:5:62: certificates.a.challenge-alias: 'x-{name}.a': {name} may stand in "
	    "it "
	    "once, between dots; such as",
	    "f:6:62: certificates.b.challenge-alias: '{name}.{name}.a': {name} may",
	    "f:7:62: certificates.c.challenge-alias: '_acme-challenge.{name}': no other "
	    "place than that of the challenge; a name such as",
	    "f:8:62: certificates.d.challenge-alias: 'a': only one label; a public name "
	    "has two or more; a name such as _acme-challenge.{name}.acme.example.net",
	    "f:9:62: certificates.e.challenge-alias: '{nam}.example.net': '{nam}' holds",
	    "f:10:62: certificates.f.challenge-alias: '*.example.net': a wildcard is" } },
	{ "an alias that grows too long",
	  WWW "    names: [www." LABEL_60 "." LABEL_60 ".example.com]\n"
	      "    hosts: [web]\n"
	      "    challenge-alias: '_acme-challenge.{name}." LABEL_60 "." LABEL_60
	      ".net'\n",
	  { "f:8:22: certificates.www.challenge-alias: makes a name of 279 bytes of "
	    "'www." } },
	{ "an alias that grows too long for a unique name",
	  WWW "    names: [example.com]\n    hosts: [web]\n"
	      "    unique-name: '{host}." LABEL_60 "." LABEL_60 ".example.com'\n"
	      "    challenge-alias: '{name}." LABEL_60 "." LABEL_60 ".net'\n",
	  { "f:9:22: certificates.www.challenge-alias: makes a name of 265 bytes of "
	    "'web-1." } },
	{ "names",
	  WWW
	  "    {names: [a_b.example.com, localhost, '*.*.com', 'a..b'], hosts: [web]}\n",
	  { "f:6:14: certificates.www.names: 'a_b.example.com': ",
	    "f:6:31: certificates.www.names: 'localhost': ",
	    "f:6:42: certificates.www.names: '*.*.com': ",
	    "f:6:53: certificates.www.names: 'a..b': " } },
	{ "a name twice",
	  WWW "    {names: [a.example.com, A.example.com], hosts: [web]}\n",
	  { "f:6:29: certificates.www.names: 'a.example.com' stands twice" } },
	{ "redundant",
	  WWW "    {names: ['*.example.com', a.example.com], hosts: [web]}\n",
	  { "f:6:31: certificates.www.names: 'a.example.com' is redundant under "
	    "'*.example.com' of the same certificate, and CAs refuse" } },
	{ "unique without host",
	  WWW "    {names: [example.com], hosts: [web], unique-name: a.example.com}\n",
	  { "f:6:55: certificates.www.unique-name: 'a.example.com': must have {host} in "
	    "it "
	    "exactly once" } },
	{ "unique redundant",
	  WWW "    names: ['*.example.com']\n    hosts: [web]\n"
	      "    unique-name: '{host}.example.com'\n",
	  { "f:8:18: certificates.www.unique-name: gives 'web-1.example.com', which "
	    "'*.example.com' of the same certificate makes redundant, and CAs refuse "
	    "that; "
	    "one label more, such as \"{host}.srv.example.com\"" } },
	{ "unique of a host that is no label",
	  "cas: {a: {directory: https://a/}}\ndns: {d: {provider: p}}\n"
	  "hosts: {h_1: {address: h}}\n"
	  "certificates: {www: {names: [a.example.com], hosts: [h_1],\n"
	  "  unique-name: '{host}.example.com'}}\n",
	  { "f:5:16: certificates.www.unique-name: the host name 'h_1' makes no" } },
	{ "mode",
	  WWW "    {names: [a.example.com], hosts: [web], install: {mode: 0644}}\n",
	  { "f:6:60: certificates.www.install.mode: '0644' lets every user" } },
	{ "directory",
	  WWW
	  "    {names: [a.example.com], hosts: [web], install: {directory: /a/../b}}\n",
	  { "f:6:65: certificates.www.install.directory: '/a/../b': not an absolute" } },
	{ "key",
	  WWW "    {names: [a.example.com], hosts: [web], key: ed25519}\n",
	  { "f:6:49: certificates.www.key: 'ed25519' is no kind of key; ec-256" } },
	{ "probe",
	  WWW "    {names: [a.example.com], hosts: [web], probe: true}\n",
	  { "f:6:51: certificates.www.probe: 'true' is neither; a map, or false" } },
	{ "reload in one text",
	  WWW "    {names: [a.example.com], hosts: [web], reload: systemctl reload x}\n",
	  { "f:6:52: certificates.www.reload: 'systemctl reload x': not a preset's" } },
	{ "same directory",
	  AROUND "defaults: {install: {directory: /x}}\ncertificates:\n"
	         "  a: {names: [a.example.com], hosts: [web]}\n"
	         "  b: {names: [b.example.com], hosts: [web-1]}\n",
	  { "f:4:33: certificates.b.install.directory: '/x' on host 'web-1' is "
	    "certificate "
	    "'a''s too" } },
	{ "wrong default is said once",
	  AROUND "defaults: {key: dsa}\ncertificates:\n"
	         "  a: {names: [a.example.com], hosts: [web]}\n"
	         "  b: {names: [b.example.com], hosts: [web-1]}\n",
	  { "f:4:17: defaults.key: 'dsa' is no kind of key" } },
	{ "names are no default",
	  "defaults: {names: [a.example.com]}\n",
	  { "f:1:12: defaults.names: unknown key" } },
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_STRLIST struct strlist problems = { 0 };
		CLEANUP(config_freep)
		struct config *config = parse(bad[i].yaml, &problems);
		size_t count = 0;

		CHECK(bad[i].name, config == NULL);
		for (; count < 7 && bad[i].expected[count]; count++)
			CHECK(bad[i].name,
			      count < problems.len && str_starts(problems.items[count],
			                                         bad[i].expected[count]));
		CHECK(bad[i].name, count == problems.len);
		for (size_t j = 0; unit_failures && j < problems.len; j++)
			print_error("  %s\n", problems.items[j]);
	}
	DONE();
}

static void test_small(void **state)
{
	AUTO_STRLIST struct strlist problems = { 0 };
	AUTO_STRLIST struct strlist names = { 0 };
	CLEANUP(config_freep)
	struct config *config = parse(
	    AROUND
	    "defaults: {install: {group: ssl-cert}, reload: nginx, probe: {port: 1}}\n"
	    "certificates:\n"
	    "  www: {names: [B\xc3\xbc"
	    "cher.example, '*.a.example'], hosts: [all, web],\n"
	    "        unique-name: '{host}.srv.example.com', renew-after: 30d,\n"
	    "        probe: {timeout: 3s}}\n"
	    "  two: {names: [b.example.com], hosts: [web-1], reload: [x, -s], probe: "
	    "false,\n"
	    "        install: {group: g, mode: 0600}}\n",
	    &problems);
	const struct config_certificate *www, *two;

	(void)state;
	for (size_t j = 0; j < problems.len; j++)
		print_error("  %s\n", problems.items[j]);
	assert_non_null(config);
	www = config_certificate_find(config, "www");
	two = config_certificate_find(config, "two");
	assert_non_null(www);
	assert_non_null(two);
	assert_int_equal(config->workers, 8);
	assert_string_equal(config->state_directory, "/var/lib/certferry");
	assert_string_equal(www->names.items[0], "xn--bcher-kva.example");
	assert_string_equal(www->names.items[1], "*.a.example");
	assert_ptr_equal(www->ca, &config->cas[0]);
	assert_ptr_equal(www->dns, &config->dns[0]);
	assert_int_equal(www->dns->spread_timeout_s, 600);
	assert_int_equal(www->host_count, 2);
	assert_string_equal(www->hosts[0]->name, "web-2");
	assert_string_equal(www->hosts[1]->address, "web-1");
	assert_int_equal(www->hosts[1]->port, 22);
	assert_string_equal(www->install.directory, "/etc/ssl/certferry/www");
	assert_int_equal(www->install.mode, 0640);
	assert_string_equal(www->reload_preset, "nginx");
	assert_int_equal(www->probe.port, 1);
	assert_int_equal(www->probe.timeout_s, 3);
	assert_int_equal(www->renew_after_s, 30 * 86400);
	assert_int_equal(www->key, KEY_EC_256);
	assert_null(two->reload_preset);
	assert_int_equal(two->reload.len, 2);
	assert_true(two->probe.is_off);
	assert_int_equal(two->install.mode, 0600);
	config_certificate_names(www, www->hosts[0], &names);
	assert_int_equal(names.len, 3);
	assert_string_equal(names.items[1], "web-2.srv.example.com");
}

/* What DNS entries and certificates say of challenges. */
static void test_challenges(void **state)
{
	AUTO_STRLIST struct strlist problems = { 0 };
	CLEANUP(config_freep)
	struct config *config = parse(
	    "cas: {le: {directory: https://ca.example/dir}}\n"
	    "hosts: {web-1: }\n"
	    "dns:\n"
	    "  home: {provider: p, zones: [_acme-challenge.a.example.com]}\n"
	    "  fast: {provider: p, propagation: none, by-hand-timeout: 2w}\n"
	    "  split: {provider: p, propagation: {resolvers: [192.0.2.1, '::1@53']},\n"
	    "          settle: 20s}\n"
	    "  blind: {provider: p, propagation: {settle: 90s}}\n"
	    "  plain: {provider: p, propagation: authoritative}\n"
	    "defaults: {dns: [blind, home], challenge-alias: '_X1.b\xc3\xbc"
	    "cher.example'}\n"
	    "certificates:\n"
	    "  a: {names: [a.example.com], hosts: [web-1], dns: split}\n"
	    "  b: {names: [b.example.com], hosts: [web-1],\n"
	    "      challenge-alias: '_acme-challenge.{name}.b\xc3\xbc"
	    "cher.example'}\n",
	    &problems);
	const struct config_certificate *a, *b;

	(void)state;
	for (size_t j = 0; j < problems.len; j++)
		print_error("  %s\n", problems.items[j]);
	assert_non_null(config);
	a = config_certificate_find(config, "a");
	b = config_certificate_find(config, "b");
	assert_int_equal(config->dns[0].propagation, PROPAGATION_AUTHORITATIVE);
	assert_string_equal(config->dns[0].zones.items[0],
	                    "_acme-challenge.a.example.com");
	assert_int_equal(config->dns[0].settle_s, 0);
	assert_int_equal(config->dns[0].by_hand_timeout_s, 5 * 86400);
	assert_int_equal(config->dns[1].propagation, PROPAGATION_NONE);
	assert_int_equal(config->dns[1].by_hand_timeout_s, 14 * 86400);
	assert_int_equal(config->dns[2].propagation, PROPAGATION_RESOLVERS);
	assert_int_equal(config->dns[2].resolvers.len, 2);
	assert_string_equal(config->dns[2].resolvers.items[1], "::1@53");
	assert_int_equal(config->dns[2].settle_s, 20);
	assert_int_equal(config->dns[3].propagation, PROPAGATION_SETTLE);
	assert_int_equal(config->dns[3].wait_s, 90);
	assert_int_equal(config->dns[4].propagation, PROPAGATION_AUTHORITATIVE);
	assert_int_equal(a->dns_count, 1);
	assert_ptr_equal(a->dns, &config->dns[2]);
	assert_ptr_equal(a->dnses[0], a->dns);
	assert_string_equal(a->challenge_alias, "_x1.xn--bcher-kva.example");
	assert_int_equal(b->dns_count, 2);
	assert_ptr_equal(b->dns, &config->dns[3]);
	assert_ptr_equal(b->dnses[1], &config->dns[0]);
	assert_string_equal(b->challenge_alias,
	                    "_acme-challenge.{name}.xn--bcher-kva.example");
}

static void test_all_dns(void **state)
{
	AUTO_STRLIST struct strlist problems = { 0 };
	CLEANUP(config_freep)
	struct config *config = parse(
	    "cas: {le: {directory: https://ca.example/dir}}\nhosts: {h: }\n"
	    "dns: {z: {provider: p}, a: {provider: p}, m: {provider: p}}\n"
	    "certificates: {www: {names: [a.example.com], hosts: [h]}}\n",
	    &problems);

	(void)state;
	assert_non_null(config);
	assert_int_equal(config->certificates[0].dns_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(config->certificates[0].dnses[i], &config->dns[i]);
	assert_string_equal(config->certificates[0].dns->name, "z");
	assert_null(config->certificates[0].challenge_alias);
}

/* An alias costs nothing to load: what is counted is the walk. */
static void test_aliases(void **state)
{
	AUTO_BUF struct buf yaml = BUF_INIT(1 << 20);
	AUTO_STRLIST struct strlist problems = { 0 };
	CLEANUP(config_freep) struct config *config = NULL;

	(void)state;
	buf_addf(&yaml, AROUND "defaults: {hosts: &a [web");
	for (int i = 0; i < 2000; i++)
		buf_addf(&yaml, ",web");
	buf_addf(&yaml, "]}\ncertificates:\n");
	for (int i = 0; i < 600; i++)
		buf_addf(&yaml,
		         "  c%d: {names: [c%d.example.com], hosts: *a, probe: false}\n",
		         i, i);
	assert_false(yaml.over);
	config = parse(yaml.data, &problems);
	assert_null(config);
	assert_true(problems.len >= 1);
	assert_non_null(strstr(problems.items[0], "more than 1000000 values"));
}

static char *temporary(void)
{
	char *directory = xstrdup("/tmp/test_config.XXXXXX");

	assert_non_null(mkdtemp(directory));
	return directory;
}

static void put(const char *directory, const char *name, const char *text, mode_t mode)
{
	AUTO_FREE char *path = fs_join(directory, name);
	struct err err = { 0 };

	assert_true(fs_write(path, text, strlen(text), mode, &err));
}

static void test_files(void **state)
{
	AUTO_FREE char *directory = temporary();
	AUTO_FREE char *file = fs_join(directory, "c.yaml");
	AUTO_FREE char *conf_d = fs_join(directory, "conf.d");
	AUTO_FREE char *key = fs_join(directory, "k");
	AUTO_STRLIST struct strlist problems = { 0 };
	struct err err = { 0 };
	struct config *config;

	(void)state;
	assert_true(fs_make_dir(conf_d, 0755, &err));
	put(directory, "c.yaml", "hosts: {a: }\nsealing-key: {file: k}\n", 0644);
	put(conf_d, "1.yaml", "hosts: {b: }\n", 0644);
	put(directory, "k", "secret\n", 0600);
	config = config_load(file, &problems, &err);
	assert_non_null(config);
	assert_int_equal(config->host_count, 2);
	assert_int_equal(config->sources.len, 2);
	assert_string_equal(config->sealing_key.file, key);
	secret_free(config_secret_read(&config->sealing_key, "sealing-key", &err));
	config_free(config);

	put(conf_d, "2.yaml", "hosts: {b: }\nworkers: 1\n", 0644);
	put(conf_d, "3.yaml", "workers: 2\n", 0644);
	put(conf_d, "4.yaml", "workers: 3\n", 0666);
	assert_null(config_load(file, &problems, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_int_equal(problems.len, 3);
	assert_non_null(strstr(problems.items[0], "4.yaml: others can write it"));
	assert_non_null(strstr(problems.items[1], "3.yaml:1:1: workers: stands twice"));
	assert_non_null(strstr(problems.items[2], "2.yaml:1:9: hosts.b: stands twice"));
	assert_non_null(strstr(problems.items[2], "1.yaml:1:9"));
}

static void test_documents(void **state)
{
	AUTO_BUF struct buf printed = BUF_INIT(1 << 20);
	AUTO_BUF struct buf kept = BUF_INIT(1 << 20);
	AUTO_BUF struct buf manual = BUF_INIT(1 << 20);
	AUTO_BUF struct buf example = BUF_INIT(1 << 20);
	AUTO_STRLIST struct strlist problems = { 0 };
	AUTO_JSON cJSON *json = NULL;
	CLEANUP(config_freep) struct config *config = NULL;
	struct err err = { 0 };

	(void)state;
	config_write_schema(&printed);
	assert_true(fs_read(SOURCE_DIR "/schema/certferry.schema.json", &kept, &err));
	assert_string_equal(printed.data, kept.data);
	json = json_parse(kept.data, kept.len, &err);
	assert_non_null(json);
	config_write_manual(&manual);
	assert_non_null(strstr(manual.data, "*unique-name*"));
	assert_true(
	    fs_read(SOURCE_DIR "/packaging/certferry.yaml.example", &example, &err));
	config = config_parse_bytes("example", example.data, example.len, &problems,
	                            &err);
	for (size_t j = 0; j < problems.len; j++)
		print_error("  %s\n", problems.items[j]);
	assert_non_null(config);
	assert_true(config->certificate_count > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),    cmocka_unit_test(test_small),
		cmocka_unit_test(test_aliases),   cmocka_unit_test(test_files),
		cmocka_unit_test(test_documents), cmocka_unit_test(test_challenges),
		cmocka_unit_test(test_all_dns),
	};

	json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
