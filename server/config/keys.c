/* SPDX-License-Identifier: Apache-2.0 */
#include "config/table.h"

#include <stddef.h>

#include "base/str.h"
#include "config/grammar.h"

enum { HOUR = 3600, DAY = 24 * HOUR };

const char *const config_propagation_names[] = {
	[PROPAGATION_AUTHORITATIVE] = "authoritative",
	[PROPAGATION_RESOLVERS] = "resolvers",
	[PROPAGATION_SETTLE] = "settle",
	[PROPAGATION_NONE] = "none",
};
_Static_assert(ARRAY_SIZE(config_propagation_names) == PROPAGATION_COUNT,
               "a way has no name");

const char *const config_transport_names[] = {
	[TRANSPORT_AUTO] = "auto",
	[TRANSPORT_AGENT] = "agent",
	[TRANSPORT_SHELL] = "shell",
};
_Static_assert(ARRAY_SIZE(config_transport_names) == TRANSPORT_COUNT,
               "a way has no name");

const char *const config_key_on_names[] = {
	[KEY_ON_ISSUER] = "issuer",
	[KEY_ON_TARGET] = "target",
};
_Static_assert(ARRAY_SIZE(config_key_on_names) == KEY_ON_COUNT, "a place has no name");

#define KEYS(rows) .keys = (rows), .key_count = ARRAY_SIZE(rows)

/* clang-format off */

#define AT(member) .offset = offsetof(struct config_ca, member)
static const struct key eab_keys[] = {
	{ .name = "kid", .kind = VALUE_TEXT, AT(eab_kid), .grammar = &grammar_kid,
	  .is_required = true,
	  .help = "The key identifier the CA gave for the binding." },
	{ .name = "key", .kind = VALUE_SECRET, AT(eab_key), .is_required = true,
	  .help = "The HMAC key that belongs to it, in base64url, as the CA gave it." },
};
static const struct section eab_section = { .title = "cas.NAME.eab", KEYS(eab_keys),
	.help = "External account binding, for CAs that ask for it (RFC 8555, 7.3.4)." };

static const struct key ca_keys[] = {
	{ .name = "directory", .kind = VALUE_TEXT, AT(directory), .is_required = true,
	  .grammar = &grammar_https_url,
	  .help = "The CA's ACME directory (RFC 8555, 7.1.1). Let's Encrypt: "
	          "https://acme-v02.api.letsencrypt.org/directory; to try things out: "
	          "https://acme-staging-v02.api.letsencrypt.org/directory." },
	{ .name = "contact", .kind = VALUE_LIST, AT(contact), .grammar = &grammar_mailto,
	  .min = 0, .max = 10, .otherwise = "no contact",
	  .help = "Where the CA may write to about the account (RFC 8555, 7.3)." },
	{ .name = "agree-to-terms", .kind = VALUE_BOOLEAN, AT(agree_to_terms),
	  .fallback = "false",
	  .help = "Whether you agree to the CA's terms of service. Most CAs make no account "
	          "without it; certferry never agrees by itself." },
	{ .name = "ca-file", .kind = VALUE_FILE, AT(ca_file), .grammar = &grammar_file,
	  .otherwise = "the system's roots",
	  .help = "A PEM file of the roots to trust when talking to this CA, for a CA of "
	          "your own. Relative to the directory of the YAML file." },
	{ .name = "profile", .kind = VALUE_TEXT, AT(profile), .grammar = &grammar_token,
	  .otherwise = "the CA's own default",
	  .help = "The certificate profile to ask for, where the CA offers several "
	          "(draft-ietf-acme-profiles)." },
	{ .name = "eab", .kind = VALUE_SECTION, .section = &eab_section,
	  .otherwise = "no binding", .help = "External account binding, see below." },
};
#undef AT
static const struct section ca_section = { .title = "cas.NAME", KEYS(ca_keys),
	.size = sizeof(struct config_ca), .mark_offset = offsetof(struct config_ca, mark),
	.help = "The certificate authorities, by a name of your choice. Each has one account." };

#define AT(member) .offset = offsetof(struct config_dns, member)
static const struct key propagation_keys[] = {
	{ .name = "resolvers", .kind = VALUE_LIST, AT(resolvers), .min = 1, .max = 20,
	  .grammar = &grammar_resolver,
	  .help = "Only these are asked, until all of them show the record: where port 53 "
	          "to the world is blocked, or the inside sees another zone than the "
	          "outside. They remember for a while that there was no record, so they "
	          "are asked seldom." },
	{ .name = "settle", .kind = VALUE_DURATION, AT(wait_s), .min = 1, .max = DAY,
	  .help = "Nobody is asked; the CA is told after this time." },
};
static const struct section propagation_section = {
	.title = "dns.NAME.propagation", KEYS(propagation_keys),
	.help = "Exactly one of these, where it is neither authoritative (every address of "
	        "every authoritative server is asked) nor none (nobody is, and the CA is "
	        "told at once)." };

static const struct key dns_keys[] = {
	{ .name = "provider", .kind = VALUE_TEXT, AT(provider), .is_required = true,
	  .grammar = &grammar_provider,
	  .help = "The plugin that changes TXT records there, e.g. rfc2136. "
	          "certferry provider list shows those that are installed." },
	{ .name = "zones", .kind = VALUE_LIST, AT(zones), .grammar = &grammar_zone,
	  .min = 0, .max = 1000, .otherwise = "found by SOA queries",
	  .help = "The zones that the provider serves." },
	{ .name = "ttl", .kind = VALUE_DURATION, AT(ttl_s), .min = 1, .max = DAY,
	  .fallback = "60s",
	  .help = "Time to live of the TXT records (RFC 1035, 3.2.1). They live for minutes." },
	{ .name = "spread-timeout", .kind = VALUE_DURATION, AT(spread_timeout_s),
	  .min = 10, .max = DAY, .fallback = "10m",
	  .help = "How long until every authoritative server must show a new TXT record, "
	          "else the order fails with a table of who answered what." },
	{ .name = "propagation", .kind = VALUE_CHOICE, .section = &propagation_section,
	  .also = offsetof(struct config_dns, propagation),
	  .words = config_propagation_names, .word_count = PROPAGATION_COUNT,
	  .fallback = "authoritative",
	  .help = "Who must show a new TXT record before the CA is told to look: "
	          "authoritative, none, or a map, see below. plan says which is in "
	          "force." },
	{ .name = "settle", .kind = VALUE_DURATION, AT(settle_s), .min = 0, .max = DAY,
	  .fallback = "0s",
	  .help = "How long to wait on after all that are asked show the record: for "
	          "anycast services, where the CA reaches other machines than we do." },
	{ .name = "by-hand-timeout", .kind = VALUE_DURATION, AT(by_hand_timeout_s),
	  .min = 10, .max = 30LL * DAY, .fallback = "5d",
	  .help = "How long a person has to set the records, where the provider leaves it "
	          "to one (manual): in place of spread-timeout." },
};
#undef AT
static const struct section dns_section = { .title = "dns.NAME", KEYS(dns_keys),
	.size = sizeof(struct config_dns), .mark_offset = offsetof(struct config_dns, mark),
	.has_options = true,
	.help = "Where TXT records are made. Every further key is an option of the "
	        "provider: certferry provider show NAME lists them. A secret one is a "
	        "reference, see SECRETS." };

#define AT(member) .offset = offsetof(struct config_host, member)
static const struct key host_keys[] = {
	{ .name = "address", .kind = VALUE_TEXT, AT(address), .grammar = &grammar_address,
	  .otherwise = "the entry's name",
	  .help = "Where its SSH server is: an IP address or a host name." },
	{ .name = "port", .kind = VALUE_PORT, AT(port), .min = 1, .max = 65535,
	  .fallback = "22", .help = "Its SSH server's port." },
	{ .name = "user", .kind = VALUE_TEXT, AT(user), .grammar = &grammar_account,
	  .fallback = "root",
	  .help = "Who to log in as. Another user than root needs sudo without password." },
	{ .name = "groups", .kind = VALUE_LIST, AT(groups), .grammar = &grammar_entry,
	  .min = 0, .max = 100, .otherwise = "none",
	  .help = "The groups that the host is in. A group is made by being named here." },
	{ .name = "connect-timeout", .kind = VALUE_DURATION, AT(connect_timeout_s),
	  .min = 1, .max = 300, .fallback = "10s",
	  .help = "How long a connection may take." },
	{ .name = "transport", .kind = VALUE_CHOICE,
	  .also = offsetof(struct config_host, transport),
	  .words = config_transport_names, .word_count = TRANSPORT_COUNT,
	  .fallback = "auto",
	  .help = "How certificates get there. agent: certferry-agent is the key's forced "
	          "command and takes them, by its own policy. shell: a program is sent to "
	          "the login's shell. auto: the agent where one answers, else the shell; "
	          "status says which." },
};
#undef AT
static const struct section host_section = { .title = "hosts.NAME", KEYS(host_keys),
	.size = sizeof(struct config_host), .mark_offset = offsetof(struct config_host, mark),
	.help = "The servers that get certificates, by a name of your choice." };

#define AT(member) .offset = offsetof(struct config_install, member)
static const struct key install_keys[] = {
	{ .name = "directory", .kind = VALUE_TEXT, AT(directory),
	  .grammar = &grammar_install_directory, .fallback = "/etc/ssl/certferry/{name}",
	  .help = "The directory on the server in which fullchain.pem, chain.pem, cert.pem "
	          "and privkey.pem stand. {name} is the certificate's name." },
	{ .name = "owner", .kind = VALUE_TEXT, AT(owner), .grammar = &grammar_account,
	  .otherwise = "the user that installs, root as a rule",
	  .help = "The owner of the files, by name or number." },
	{ .name = "group", .kind = VALUE_TEXT, AT(group), .grammar = &grammar_account,
	  .otherwise = "the group of the user that installs",
	  .help = "The group of the files, by name or number." },
	{ .name = "mode", .kind = VALUE_MODE, AT(mode),
	  .otherwise = "0640 where a group is given, else 0600",
	  .help = "Who may read the private key, in octal (chmod(1)). Users outside owner "
	          "and group never may." },
	{ .name = "formats", .kind = VALUE_LIST, AT(formats), .grammar = &grammar_format,
	  .min = 1, .max = 10, .otherwise = "pem, and what the services want",
	  .help = "The forms in which the files lie there. pem: the four files, always. "
	          "combined: combined.pem as well, with certificate, chain and key. der: "
	          "cert.der and privkey.der (PKCS #8) as well. pkcs12: cert.p12 as well, "
	          "made by certferry-agent." },
	{ .name = "pkcs12-password-file", .kind = VALUE_TEXT, AT(password_file),
	  .grammar = &grammar_install_directory, .otherwise = "none, and no pkcs12",
	  .help = "The file on the server with the password of cert.p12. It never leaves "
	          "the server: certferry agent script and install make one with a random "
	          "password where there is none. {name} is the certificate's name." },
};
#undef AT
static const struct section install_section = { .title = "certificates.NAME.install",
	KEYS(install_keys), .help = "Where and as whose the files are installed." };

#define AT(member) .offset = offsetof(struct config_probe, member)
static const struct key probe_keys[] = {
	{ .name = "port", .kind = VALUE_PORT, AT(port), .min = 1, .max = 65535,
	  .otherwise = "the services'",
	  .help = "The port on which the certificate is served." },
	{ .name = "protocol", .kind = VALUE_TEXT, AT(protocol), .grammar = &grammar_protocol,
	  .otherwise = "the service's on that port, else tls",
	  .help = "What is spoken on that port before TLS begins: tls (nothing), smtp, imap "
	          "or pop3 (STARTTLS), or postgresql (SSLRequest)." },
	{ .name = "ports", .kind = VALUE_LIST, AT(ports), .grammar = &grammar_port,
	  .min = 1, .max = 10, .otherwise = "the services'",
	  .help = "Several ports in place of port and protocol, all of which must show the "
	          "certificate: [25/smtp, 993/tls]. Without a protocol it is tls." },
	{ .name = "address", .kind = VALUE_TEXT, AT(address), .grammar = &grammar_address,
	  .otherwise = "the host's address",
	  .help = "Where to connect to." },
	{ .name = "sni", .kind = VALUE_TEXT, AT(sni), .grammar = &grammar_server_name,
	  .otherwise = "the unique name, else the first name",
	  .help = "The server name to ask for (RFC 6066, 3)." },
	{ .name = "timeout", .kind = VALUE_DURATION, AT(timeout_s), .min = 1, .max = 300,
	  .fallback = "10s", .help = "How long one look may take." },
};
#undef AT
static const struct section probe_section = { .title = "certificates.NAME.probe",
	KEYS(probe_keys),
	.help = "How to see from outside that the new certificate is served." };

#define DRAFT(member) .offset = offsetof(struct draft_certificate, member)
#define AT(member)    DRAFT(certificate.member)
static const struct key certificate_keys[] = {
	{ .name = "names", .kind = VALUE_LIST, AT(names), .grammar = &grammar_name,
	  .is_required = true, .is_never_default = true, .min = 1, .max = 100,
	  .help = "The host names it is for: example.com, \"*.example.com\". Names of other "
	          "scripts are converted (RFC 5891). A name under a wildcard of the same "
	          "list is refused, as CAs do." },
	{ .name = "unique-name", .kind = VALUE_TEXT, AT(unique_name),
	  .grammar = &grammar_unique_name, .otherwise = "none",
	  .help = "One more name for each server, with {host} in it for the host's name: "
	          "\"{host}.srv.example.com\". It makes each server's set of names its own, "
	          "so that the CA's limit on duplicate certificates does not apply." },
	{ .name = "key", .kind = VALUE_KEY_TYPE, AT(key), .fallback = "ec-256",
	  .help = "The kind of private key. Each issue makes a new one." },
	{ .name = "key-on", .kind = VALUE_CHOICE,
	  .also = offsetof(struct draft_certificate, certificate.key_on),
	  .words = config_key_on_names, .word_count = KEY_ON_COUNT, .fallback = "issuer",
	  .help = "Where the key is made. target: on the server, by certferry-agent, whose "
	          "policy must say so for the slot; it never leaves that server, and only "
	          "the certificate is sent. plan shows where it is in force." },
	{ .name = "ca", .kind = VALUE_TEXT, DRAFT(ca), .grammar = &grammar_entry,
	  .otherwise = "the only one, where cas has one entry",
	  .help = "The CA that issues it: a name under cas." },
	{ .name = "profile", .kind = VALUE_TEXT, AT(profile), .grammar = &grammar_token,
	  .otherwise = "the CA entry's",
	  .help = "The certificate profile to ask the CA for." },
	{ .name = "dns", .kind = VALUE_ONE_OR_LIST, DRAFT(dns), .grammar = &grammar_entry,
	  .min = 1, .max = 100, .otherwise = "all entries of dns, in the file's order",
	  .help = "Where its TXT records are made: a name under dns, or a list of such. "
	          "Each of its names takes the entry whose zones hold it, the longest "
	          "zone first, then those without zones, in this order; an entry that "
	          "refuses for good passes on to the next." },
	{ .name = "challenge-alias", .kind = VALUE_TEXT, AT(challenge_alias),
	  .grammar = &grammar_alias, .otherwise = "the challenge's own name, or where a "
	  "CNAME there leads",
	  .help = "Where the TXT records are made instead: _acme-challenge.NAME of each "
	          "name must be a CNAME to it. {name} in it stands for the name without "
	          "\"*.\": \"_acme-challenge.{name}.acme.example.net\". plan verifies "
	          "the CNAMEs, and prints those that lack." },
	{ .name = "hosts", .kind = VALUE_LIST, DRAFT(hosts), .grammar = &grammar_entry,
	  .is_required = true, .min = 1, .max = 100000,
	  .help = "The hosts or groups of hosts that get it, each a certificate and key of "
	          "its own." },
	{ .name = "install", .kind = VALUE_SECTION, AT(install),
	  .section = &install_section, .otherwise = "as its keys say",
	  .help = "Where and as whose the files are installed, see below." },
	{ .name = "services", .kind = VALUE_LIST, AT(services), .grammar = &grammar_preset,
	  .min = 0, .max = 20, .otherwise = "that of reload alone",
	  .help = "The services on each host that use it, by presets' names: [postfix, "
	          "dovecot, apache2]. All are tested with the new files before the first is "
	          "reloaded, then reloaded in this order, then looked at; where one fails, "
	          "all go back to the old files." },
	{ .name = "reload", .kind = VALUE_PRESET_OR_ARGV, AT(reload_preset),
	  .also = offsetof(struct draft_certificate, certificate.reload),
	  .grammar = &grammar_preset, .otherwise = "nothing is reloaded",
	  .help = "How the service takes the new files: a preset's name, e.g. nginx, or the "
	          "command as a list, which no shell sees. [] for none. With services: one "
	          "more, after them." },
	{ .name = "test", .kind = VALUE_ARGV, AT(test), .otherwise = "the preset's, if any",
	  .help = "A command, as a list, that must succeed before the reload, in place of "
	          "the test of the preset that reload names. The tests of services are run "
	          "as well." },
	{ .name = "probe", .kind = VALUE_SECTION_OR_OFF, AT(probe),
	  .also = offsetof(struct draft_certificate, certificate.probe.is_off),
	  .section = &probe_section, .otherwise = "the services' ports",
	  .help = "How to see it served, see below; false for not at all." },
	{ .name = "renew-after", .kind = VALUE_LONG_DURATION, AT(renew_after_s),
	  .min = HOUR, .max = 3650LL * DAY, .otherwise = "by lifetime alone",
	  .help = "Renew when it is that old, if that comes before two thirds of its "
	          "lifetime (half, under ten days)." },
};
#undef AT
const struct section certificate_section = { .title = "certificates.NAME",
	KEYS(certificate_keys), .size = sizeof(struct draft_certificate),
	.mark_offset = offsetof(struct draft_certificate, certificate.mark),
	.help = "The certificates, by a name of your choice." };
const struct section defaults_section = { .title = "defaults",
	KEYS(certificate_keys), .is_defaults = true,
	.help = "What holds for every certificate that does not say otherwise: any key of "
	        "certificates.NAME but names. install and probe are joined key by key." };

#define AT(member) .offset = offsetof(struct draft, config.member)
#define COUNT(member) .also = offsetof(struct draft, member)
static const struct key root_keys[] = {
	{ .name = "state-directory", .kind = VALUE_TEXT, AT(state_directory),
	  .grammar = &grammar_directory, .fallback = "/var/lib/certferry",
	  .help = "Where certferry keeps its store and its keys." },
	{ .name = "sealing-key", .kind = VALUE_SECRET, AT(sealing_key),
	  .otherwise = "sealing.key in the state directory, made by certferry init",
	  .help = "The key with which private keys are sealed in the store." },
	{ .name = "resolver", .kind = VALUE_TEXT, AT(resolver), .grammar = &grammar_resolver,
	  .otherwise = "those of /etc/resolv.conf",
	  .help = "The recursive resolver, used to find zones and their servers only." },
	{ .name = "workers", .kind = VALUE_INTEGER, AT(workers), .min = 1, .max = 256,
	  .fallback = "8", .help = "Threads that do the steps of orders and deliveries." },
	{ .name = "orders-in-flight", .kind = VALUE_INTEGER, AT(orders_max),
	  .min = 1, .max = 1000, .fallback = "50",
	  .help = "How many orders may be open at the CAs at the same time." },
	{ .name = "deliveries-in-flight", .kind = VALUE_INTEGER, AT(deliveries_max),
	  .min = 1, .max = 1000, .fallback = "16",
	  .help = "How many servers are delivered to at the same time." },
	{ .name = "cas", .kind = VALUE_ENTRIES, AT(cas), COUNT(config.ca_count),
	  .section = &ca_section, .help = "Certificate authorities." },
	{ .name = "dns", .kind = VALUE_ENTRIES, AT(dns), COUNT(config.dns_count),
	  .section = &dns_section, .help = "DNS providers." },
	{ .name = "hosts", .kind = VALUE_ENTRIES, AT(hosts), COUNT(config.host_count),
	  .section = &host_section, .help = "Servers." },
	{ .name = "defaults", .kind = VALUE_SECTION,
	  .offset = offsetof(struct draft, defaults),
	  .section = &defaults_section, .help = "Defaults of certificates." },
	{ .name = "certificates", .kind = VALUE_ENTRIES,
	  .offset = offsetof(struct draft, certificates), COUNT(certificate_count),
	  .section = &certificate_section, .help = "Certificates." },
};
#undef AT
const struct section root_section = { .title = "", KEYS(root_keys),
	.help = "The keys of the file. conf.d/NAME.yaml beside it have the same ones: maps "
	        "are united, and what stands in two files is an error." };
/* clang-format on */

bool section_has(const struct section *section, const struct key *key)
{
	return !section->is_defaults || !key->is_never_default;
}

const struct key *section_find(const struct section *section, const char *name)
{
	for (size_t i = 0; i < section->key_count; i++) {
		const struct key *key = &section->keys[i];

		if (section_has(section, key) && str_eq(key->name, name))
			return key;
	}
	return NULL;
}
