/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "ssh/ssh.h"

enum { SCAN_TIMEOUT_S = 15 };

static const struct config_host *wanted_host(const struct session *session,
                                             const struct args *args, struct err *err)
{
	const struct config_host *host = config_host_find(session->config,
	                                                  args->words.items[0]);

	if (!host)
		(void)err_set(err, ERR_NOT_FOUND, "%s has no host '%s'",
		              session->config->file, args->words.items[0]);
	return host;
}

static void print_keys(const struct config_host *host, const struct ssh_host_key *keys,
                       size_t count, FILE *to)
{
	fprintf(to, "%s (%s port %u) shows:\n", host->name, host->address, host->port);
	for (size_t i = 0; i < count; i++) {
		AUTO_BUF struct buf fingerprint = BUF_INIT(256);

		ssh_fingerprint(&keys[i], &fingerprint);
		fprintf(to, "  %-20s %s\n", keys[i].type, fingerprint.data);
	}
}

/* Keeps the key that has this fingerprint, alone. */
static bool match(struct ssh_host_key *keys, size_t *count, const char *wanted,
                  const struct config_host *host, struct err *err)
{
	for (size_t i = 0; i < *count; i++) {
		AUTO_BUF struct buf fingerprint = BUF_INIT(256);

		ssh_fingerprint(&keys[i], &fingerprint);
		if (!str_eq(fingerprint.data, wanted))
			continue;
		keys[0] = keys[i];
		*count = 1;
		return true;
	}
	print_keys(host, keys, *count, stderr);
	return err_set(err, ERR_DENIED,
	               "%s: no host key has the fingerprint %.100s; nothing was pinned",
	               host->name, wanted);
}

/* Another key than before is either a new server or somebody between. */
static bool print_pinned(struct store *store, const struct config_host *host,
                         struct err *err)
{
	struct host_key keys[HOST_KEYS_MAX];
	size_t count;

	if (!store_host_keys_load(store, host->name, keys, &count, err))
		return false;
	if (count > 0)
		printf("Pinned until now:\n");
	for (size_t i = 0; i < count; i++) {
		AUTO_BUF struct buf fingerprint = BUF_INIT(256);

		sha256_ssh(keys[i].blob, keys[i].blob_len, &fingerprint);
		printf("  %-20s %s\n", keys[i].type, fingerprint.data);
	}
	return true;
}

/* Never silently: a person at a terminal says yes, or gives the fingerprint. */
static bool ask(struct store *store, const struct config_host *host,
                const struct ssh_host_key *keys, size_t count, struct err *err)
{
	char answer[8] = "";

	print_keys(host, keys, count, stdout);
	if (!print_pinned(store, host, err))
		return false;
	if (!isatty(STDIN_FILENO))
		return err_set(
		    err, ERR_INPUT,
		    "%s: no terminal to ask on; certferry host enroll %s --fingerprint "
		    "SHA256:..., as the server's console shows it: ssh-keygen -lf "
		    "/etc/ssh/ssh_host_ed25519_key.pub",
		    host->name, host->name);
	printf("Compare with what the server itself says:\n"
	       "  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n"
	       "Are they the same? [yes/no] ");
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin))
		printf("\n");
	else if (str_eq(str_trim(answer), "yes"))
		return true;
	return err_set(err, ERR_DENIED, "%s: no yes, so nothing was pinned", host->name);
}

bool host_pin(struct store *store, const struct config_host *host,
              const struct ssh_host_key *keys, size_t count, const char *how,
              struct err *err)
{
	AUTO_FREE struct host_key *rows = xcalloc(count, sizeof(*rows));
	struct event event = { .name = "host.enrolled", .host = host->name };
	AUTO_BUF struct buf text = BUF_INIT(sizeof(event.text) - 1);

	for (size_t i = 0; i < count; i++) {
		snprintf(rows[i].type, sizeof(rows[i].type), "%s", keys[i].type);
		memcpy(rows[i].blob, keys[i].blob, keys[i].blob_len);
		rows[i].blob_len = keys[i].blob_len;
		rows[i].enrolled_at = clock_now();
		snprintf(rows[i].how, sizeof(rows[i].how), "%s", how);
		buf_addf(&text, "%s%s ", i ? ", " : "", keys[i].type);
		ssh_fingerprint(&keys[i], &text);
	}
	snprintf(event.text, sizeof(event.text), "%s", text.data);
	return store_host_keys_replace(store, host->name, rows, count, &event, err);
}

bool cmd_host_enroll(const struct args *args, struct err *err)
{
	AUTO_SESSION struct session session = { 0 };
	AUTO_FREE struct ssh_host_key *keys = xcalloc(SSH_HOST_KEYS_MAX, sizeof(*keys));
	const struct config_host *host;
	size_t count = 0;

	if (!session_config(&session, args, err))
		return false;
	host = wanted_host(&session, args, err);
	if (!host || !session_store(&session, err))
		return false;
	const struct ssh_target target = { .worker = session.paths.ssh_worker,
		                           .name = host->name,
		                           .address = host->address,
		                           .port = host->port,
		                           .connect_timeout_s = SCAN_TIMEOUT_S };
	if (!ssh_scan(&target, keys, &count, err))
		return false;
	if (args->fingerprint ? !match(keys, &count, args->fingerprint, host, err)
	                      : !ask(session.store, host, keys, count, err))
		return false;
	if (!host_pin(session.store, host, keys, count,
	              args->fingerprint ? "fingerprint" : "confirmed", err))
		return false;
	printf("%s is enrolled with %zu key%s.\n", host->name, count,
	       count == 1 ? "" : "s");
	return true;
}

static void add_json(cJSON *list, const struct config_host *host,
                     const struct host_key *keys, size_t count)
{
	cJSON *object = cJSON_CreateObject(), *pins = cJSON_CreateArray();

	cJSON_AddStringToObject(object, "host", host->name);
	cJSON_AddStringToObject(object, "address", host->address);
	cJSON_AddNumberToObject(object, "port", host->port);
	cJSON_AddStringToObject(object, "user", host->user);
	cJSON_AddItemToObject(object, "host_keys", pins);
	for (size_t i = 0; i < count; i++) {
		AUTO_BUF struct buf fingerprint = BUF_INIT(256);
		char time[CLOCK_TEXT];
		cJSON *pinned = cJSON_CreateObject();

		sha256_ssh(keys[i].blob, keys[i].blob_len, &fingerprint);
		cJSON_AddStringToObject(pinned, "type", keys[i].type);
		cJSON_AddStringToObject(pinned, "fingerprint", fingerprint.data);
		cJSON_AddStringToObject(pinned, "enrolled_at",
		                        clock_format(keys[i].enrolled_at, time));
		cJSON_AddStringToObject(pinned, "how", keys[i].how);
		cJSON_AddItemToArray(pins, pinned);
	}
	cJSON_AddItemToArray(list, object);
}

static void add_rows(struct table *table, const struct config_host *host,
                     const struct host_key *keys, size_t count)
{
	AUTO_BUF struct buf groups = BUF_INIT(4096);
	AUTO_FREE char *login = xasprintf("%s@%s:%u", host->user, host->address,
	                                  host->port);

	strlist_join(&host->groups, ",", &groups);
	for (size_t i = 0; i < count || i == 0; i++) {
		AUTO_BUF struct buf pinned = BUF_INIT(256);

		if (i < count) {
			buf_addf(&pinned, "%s ", keys[i].type);
			sha256_ssh(keys[i].blob, keys[i].blob_len, &pinned);
		} else {
			buf_addf(&pinned, "not enrolled");
		}
		const char *const cells[] = { i ? "" : host->name, i ? "" : login,
			                      i ? "" : groups.data, pinned.data };

		table_add(table, cells);
	}
}

bool cmd_host_list(const struct args *args, struct err *err)
{
	static const char *const columns[] = { "HOST", "LOGIN", "GROUPS", "HOST KEY" };
	AUTO_SESSION struct session session = { 0 };
	AUTO_TABLE struct table *table = table_new(columns, ARRAY_SIZE(columns));
	AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(json, "hosts");

	if (!session_config(&session, args, err) || !session_store(&session, err))
		return false;
	for (size_t i = 0; i < session.config->host_count; i++) {
		struct host_key keys[HOST_KEYS_MAX];
		size_t count;

		if (!store_host_keys_load(session.store, session.config->hosts[i].name,
		                          keys, &count, err))
			return false;
		add_json(list, &session.config->hosts[i], keys, count);
		add_rows(table, &session.config->hosts[i], keys, count);
	}
	if (args->json)
		print_json(TAKE(json));
	else
		table_print(table, stdout);
	return true;
}
