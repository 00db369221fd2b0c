/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rfc2136 - dynamic update with TSIG: BIND, Knot, PowerDNS and others
 *
 * The message itself is made by the host (host->update). What is left is to read the
 * key, which people have in one of three shapes; rfc2136.md shows them.
 */
#include <certferry/dns_provider.h>
#include <string.h>

static const struct dns_option options[] = {
	{ "server", DNS_REQUIRED,
	  "primary server of the zone: an IP address, with @port where it is not 53" },
	{ "tsig-key", DNS_REQUIRED | DNS_SECRET,
	  "the key: a key file of tsig-keygen or keymgr, algorithm:name:secret, or the "
	  "secret alone" },
	{ "tsig-name", 0, "name of the key, where tsig-key is the secret alone" },
	{ "tsig-algorithm", 0,
	  "hmac-sha256 (default) or hmac-sha512, where tsig-key is the secret alone" },
	{ 0 }
};

enum { TEXT_MAX = 2048, WORD_MAX = 300 };

struct key {
	char name[WORD_MAX];
	char algorithm[WORD_MAX];
	char secret[TEXT_MAX];
};

/* Copies len bytes as a text; 0 where they do not fit. */
static int copy(char *to, size_t size, const char *from, size_t len)
{
	if (len == 0 || len >= size)
		return 0;
	memcpy(to, from, len);
	to[len] = '\0';
	return 1;
}

/* The word behind `word` in a key file: bare, or in quotes. */
static int read_after(const char *text, const char *word, char *to, size_t size)
{
	static const char space[] = " \t\r\n\"", ends[] = " \t\r\n\";{}";
	size_t len = strlen(word);

	while ((text = strstr(text, word)) != NULL) {
		text += len;
		if (*text && strchr(space, *text)) {
			text += strspn(text, space);
			return copy(to, size, text, strcspn(text, ends));
		}
	}
	return 0;
}

/* BIND's: key "name" { algorithm hmac-sha256; secret "..."; }; */
static int read_bind_file(const char *text, struct key *key)
{
	return read_after(text, "key", key->name, sizeof(key->name)) &&
	       read_after(text, "algorithm", key->algorithm, sizeof(key->algorithm)) &&
	       read_after(text, "secret", key->secret, sizeof(key->secret));
}

/* Knot's: - id: name, algorithm: hmac-sha256, secret: ..., a line each. */
static int read_knot_file(const char *text, struct key *key)
{
	return read_after(text, "id:", key->name, sizeof(key->name)) &&
	       read_after(text, "algorithm:", key->algorithm, sizeof(key->algorithm)) &&
	       read_after(text, "secret:", key->secret, sizeof(key->secret));
}

/* algorithm:name:secret, as kdig -y and knsupdate take it. */
static int read_triple(const char *text, struct key *key)
{
	const char *name = strchr(text, ':');
	const char *secret = name ? strchr(name + 1, ':') : NULL;

	return secret &&
	       copy(key->algorithm, sizeof(key->algorithm), text,
	            (size_t)(name - text)) &&
	       copy(key->name, sizeof(key->name), name + 1,
	            (size_t)(secret - name - 1)) &&
	       copy(key->secret, sizeof(key->secret), secret + 1,
	            strcspn(secret + 1, " \t\r\n"));
}

static int read_alone(const struct dns_host *host, const char *text, struct key *key)
{
	const char *name = host->option(host, "tsig-name");
	const char *algorithm = host->option(host, "tsig-algorithm");

	if (!algorithm)
		algorithm = "hmac-sha256";
	return name && copy(key->name, sizeof(key->name), name, strlen(name)) &&
	       copy(key->algorithm, sizeof(key->algorithm), algorithm,
	            strlen(algorithm)) &&
	       copy(key->secret, sizeof(key->secret), text, strcspn(text, " \t\r\n"));
}

/* Comments of a key file (keymgr -t writes one) come before anything else. */
static const char *skip_comments(const char *text)
{
	for (;;) {
		text += strspn(text, " \t\r\n");
		if (*text != '#' && strncmp(text, "//", 2) != 0)
			return text;
		text += strcspn(text, "\n");
	}
}

static enum dns_result read_key(const struct dns_host *host, struct key *key)
{
	const char *text = skip_comments(host->option(host, "tsig-key"));
	int ok;

	if (strchr(text, '{'))
		ok = read_bind_file(text, key);
	else if (strstr(text, "secret:"))
		ok = read_knot_file(text, key);
	else if (strchr(text, ':'))
		ok = read_triple(text, key);
	else if (!host->option(host, "tsig-name"))
		return host->fail(host, DNS_BAD_OPTION,
		                  "tsig-key is a secret alone: set tsig-name as well, or "
		                  "give a whole key file");
	else
		ok = read_alone(host, text, key);
	if (!ok)
		return host->fail(
		    host, DNS_BAD_OPTION,
		    "tsig-key cannot be read: give a key file (key \"name\" "
		    "{ algorithm hmac-sha256; secret \"...\"; };) or "
		    "hmac-sha256:name:secret");
	return DNS_OK;
}

static enum dns_result change(const struct dns_host *host, struct dns_change *changes,
                              size_t count)
{
	struct key key;
	struct dns_update update = { .server = host->option(host, "server"),
		                     .zone = changes[0].record.zone,
		                     .key_name = key.name,
		                     .key_algorithm = key.algorithm,
		                     .key_secret = key.secret,
		                     .changes = changes,
		                     .count = count };
	enum dns_result result;

	if (!DNS_HOST_HAS(host, update))
		return host->fail(host, DNS_REFUSED,
		                  "this certferry is older than its rfc2136 plugin");
	result = read_key(host, &key);
	if (result != DNS_OK)
		return result;
	result = host->update(host, &update);
	/* Knot says "unknown key" where its acl does not let the key change one of the
	 * names: as a refusal, the host finds out which by trying each alone. */
	return result == DNS_DENIED && count > 1 ? DNS_REFUSED : result;
}

static enum dns_result one(const struct dns_host *host, const struct dns_record *record,
                           uint32_t remove)
{
	struct dns_change only = { .remove = remove, .record = *record };

	return change(host, &only, 1);
}

static enum dns_result present(const struct dns_host *host,
                               const struct dns_record *record)
{
	return one(host, record, 0);
}

static enum dns_result cleanup(const struct dns_host *host,
                               const struct dns_record *record)
{
	return one(host, record, 1);
}

/* clang-format off */
DNS_PROVIDER(
	.name = "rfc2136",
	.summary = "dynamic update with TSIG: BIND, Knot, PowerDNS and others",
	.options = options,
	.present = present,
	.cleanup = cleanup,
	.change = change,
);
