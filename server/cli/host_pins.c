/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "ssh/known_hosts.h"

/* host import of known_hosts: what would be pinned is shown, then asked. A host that has
 * pins keeps them: that another file says something else is for a person to look at. */

/* What the file has for one host. */
struct found {
	const struct config_host *host;
	const struct known_line *lines[HOST_KEYS_MAX]; /* a key of each type */
	enum known_match how[HOST_KEYS_MAX];
	size_t count;
	bool is_pinned; /* these very keys */
	char *problem;  /* why it is left as it is; NULL: nothing is wrong */
};

struct pins {
	const struct known_hosts *known;
	struct found *found; /* for each host of the configuration */
	size_t count, wanted, problems;
};

static void pins_deinit(struct pins *pins)
{
	for (size_t i = 0; i < pins->count; i++)
		free(pins->found[i].problem);
	free(pins->found);
}

static enum known_match match(const struct known_line *line,
                              const struct config_host *host)
{
	enum known_match by_name = known_line_match(line, host->name, host->port);
	enum known_match by_address = known_line_match(line, host->address, host->port);

	if (by_name == KNOWN_NO || (by_address != KNOWN_NO && by_address < by_name))
		return by_address;
	return by_name;
}

static bool is_same_key(const struct ssh_host_key *a, const void *blob, size_t len)
{
	return a->blob_len == len && memcmp(a->blob, blob, len) == 0;
}

/* Also where other lines have the same key in the clear. */
static const struct known_line *find_revoked(const struct pins *pins,
                                             const struct config_host *host,
                                             const void *blob, size_t len)
{
	for (size_t i = 0; i < pins->known->len; i++) {
		const struct known_line *line = &pins->known->lines[i];

		if (line->mark == KNOWN_REVOKED && is_same_key(&line->key, blob, len) &&
		    match(line, host) != KNOWN_NO)
			return line;
	}
	return NULL;
}

static void set_problem(struct found *found, char *problem)
{
	if (found->problem)
		free(problem);
	else
		found->problem = problem;
}

static void take_line(const struct pins *pins, struct found *found,
                      const struct known_line *line, enum known_match how)
{
	const struct ssh_host_key *key = &line->key;
	const struct known_line *revoked = find_revoked(pins, found->host, key->blob,
	                                                key->blob_len);

	if (revoked) {
		set_problem(found, xasprintf("line %d: the key is revoked by line %d",
		                             line->line, revoked->line));
		return;
	}
	for (size_t i = 0; i < found->count; i++) {
		const struct known_line *other = found->lines[i];

		if (is_same_key(key, other->key.blob, other->key.blob_len))
			return;
		if (str_eq(key->type, other->key.type))
			set_problem(found, xasprintf("lines %d and %d have two different "
			                             "%s keys of it",
			                             other->line, line->line, key->type));
	}
	if (found->count == HOST_KEYS_MAX) {
		set_problem(found, xasprintf("line %d: more than %d keys of it",
		                             line->line, HOST_KEYS_MAX));
		return;
	}
	found->lines[found->count] = line;
	found->how[found->count++] = how;
}

/* A key that the pins do not have. */
static bool is_pin(const struct host_key *pinned, size_t count,
                   const struct known_line *line)
{
	for (size_t i = 0; i < count; i++)
		if (is_same_key(&line->key, pinned[i].blob, pinned[i].blob_len))
			return true;
	return false;
}

static bool compare(struct pins *pins, struct store *store, struct found *found,
                    struct err *err)
{
	AUTO_FREE struct host_key *pinned = xcalloc(HOST_KEYS_MAX, sizeof(*pinned));
	size_t count;

	if (!store_host_keys_load(store, found->host->name, pinned, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct known_line *revoked = find_revoked(
		    pins, found->host, pinned[i].blob, pinned[i].blob_len);

		if (revoked)
			set_problem(found, xasprintf("the pinned %s key is revoked by "
			                             "line %d: certferry host enroll %s",
			                             pinned[i].type, revoked->line,
			                             found->host->name));
	}
	for (size_t i = 0; count > 0 && i < found->count; i++)
		if (!is_pin(pinned, count, found->lines[i]))
			set_problem(
			    found,
			    xasprintf("line %d: the %s key is another one than is "
			              "pinned; where it is right: certferry host "
			              "enroll %s",
			              found->lines[i]->line, found->lines[i]->key.type,
			              found->host->name));
	found->is_pinned = count > 0;
	return true;
}

static bool look(struct pins *pins, struct session *session, struct err *err)
{
	const struct config *config = session->config;

	pins->found = xcalloc(config->host_count + 1, sizeof(*pins->found));
	pins->count = config->host_count;
	for (size_t i = 0; i < pins->count; i++) {
		struct found *found = &pins->found[i];

		found->host = &config->hosts[i];
		for (size_t k = 0; k < pins->known->len; k++) {
			const struct known_line *line = &pins->known->lines[k];
			enum known_match how = line->mark == KNOWN_PLAIN
			                           ? match(line, found->host)
			                           : KNOWN_NO;

			if (how != KNOWN_NO)
				take_line(pins, found, line, how);
		}
		if (!compare(pins, session->store, found, err))
			return false;
		pins->problems += found->problem != NULL;
		pins->wanted += !found->problem && !found->is_pinned && found->count > 0;
	}
	return true;
}

static void add_row(struct table *table, const struct found *found, size_t i)
{
	static const char *const ways[] = { [KNOWN_BY_NAME] = "by name",
		                            [KNOWN_BY_HASH] = "by its hash",
		                            [KNOWN_BY_PATTERN] = "by a pattern" };
	const char *what = found->is_pinned ? "is pinned already" : "would be pinned";
	AUTO_BUF struct buf key = BUF_INIT(256);
	AUTO_FREE char *from = NULL;

	if (i < found->count) {
		buf_addf(&key, "%s ", found->lines[i]->key.type);
		ssh_fingerprint(&found->lines[i]->key, &key);
		from = xasprintf("line %d, %s", found->lines[i]->line,
		                 ways[found->how[i]]);
	} else if (!found->problem) {
		what = "not in this file";
	}
	const char *const cells[] = { i ? "" : found->host->name, key.data, from,
		                      found->problem ? found->problem : what };

	table_add(table, cells);
}

static void print_found(const struct pins *pins)
{
	static const char *const columns[] = { "HOST", "HOST KEY", "FROM", "WHAT" };
	AUTO_TABLE struct table *table = table_new(columns, ARRAY_SIZE(columns));

	for (size_t i = 0; i < pins->known->notes.len; i++)
		printf("left out: %s\n", pins->known->notes.items[i]);
	for (size_t i = 0; i < pins->count; i++)
		for (size_t k = 0; k < pins->found[i].count || k == 0; k++)
			add_row(table, &pins->found[i], k);
	table_print(table, stdout);
}

/* The file may be as old as the servers: it is a person who trusts it. */
static bool ask(const struct pins *pins, const struct args *args, struct err *err)
{
	char answer[8] = "";

	if (pins->wanted == 0 || args->yes)
		return true;
	if (!isatty(STDIN_FILENO))
		return err_set(err, ERR_INPUT,
		               "no terminal to ask on; with --yes the keys above are "
		               "pinned for %zu host%s",
		               pins->wanted, pins->wanted == 1 ? "" : "s");
	printf("Pin these for %zu host%s? [yes/no] ", pins->wanted,
	       pins->wanted == 1 ? "" : "s");
	fflush(stdout);
	if (fgets(answer, sizeof(answer), stdin) && str_eq(str_trim(answer), "yes"))
		return true;
	return err_set(err, ERR_DENIED, "no yes, so nothing was pinned");
}

static bool pin_all(const struct pins *pins, struct store *store, struct err *err)
{
	for (size_t i = 0; i < pins->count; i++) {
		const struct found *found = &pins->found[i];
		AUTO_FREE struct ssh_host_key *keys = xcalloc(HOST_KEYS_MAX,
		                                              sizeof(*keys));

		if (found->problem || found->is_pinned || found->count == 0)
			continue;
		for (size_t k = 0; k < found->count; k++)
			keys[k] = found->lines[k]->key;
		if (!host_pin(store, found->host, keys, found->count, "known_hosts", err))
			return false;
	}
	return true;
}

bool host_pins_import(struct session *session, const struct args *args,
                      const struct buf *text, struct err *err)
{
	AUTO_KNOWN struct known_hosts known = { 0 };
	CLEANUP(pins_deinit) struct pins pins = { .known = &known };

	if (!known_hosts_read(text->data, text->len, &known, err))
		return err_context(err, "%s", args->words.items[0]);
	if (!session_config(session, args, err) || !session_store(session, err) ||
	    !look(&pins, session, err))
		return false;
	print_found(&pins);
	if (!ask(&pins, args, err) || !pin_all(&pins, session->store, err))
		return false;
	printf("%zu host%s enrolled.\n", pins.wanted, pins.wanted == 1 ? " is" : "s are");
	if (pins.problems > 0)
		return err_set(err, ERR_DENIED, "%zu host%s left as %s: see above",
		               pins.problems, pins.problems == 1 ? " was" : "s were",
		               pins.problems == 1 ? "it is" : "they are");
	return true;
}
