/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "deploy/rotate.h"
#include "operator.h"
#include "store/transport.h"

/* host rotate-key: all hosts, or those named, as far as they get; then the switch. */

struct work {
	const struct args *args;
	struct session *session;
	struct deploy_host *hosts; /* all of the configuration */
	struct rotate *rotate;
	bool needs_person;
};

static bool is_wanted(const struct work *work, const char *host)
{
	return work->args->words.len == 0 || strlist_has(&work->args->words, host);
}

static bool check_words(const struct args *args, const struct config *config,
                        struct err *err)
{
	for (size_t i = 0; i < args->words.len; i++)
		if (!config_host_find(config, args->words.items[i]))
			return err_set(err, ERR_NOT_FOUND, "%s has no host '%s'",
			               config->file, args->words.items[i]);
	return true;
}

/* The operator's hands, where the deploy key has none. */
static bool run_there(void *arg, const char *host, const char *command,
                      const struct buf *input, struct buf *output, struct err *err)
{
	const struct work *work = arg;
	const struct config_host *at = config_host_find(work->session->config, host);
	AUTO_OPERATOR struct operator_login login = { 0 };

	return operator_init(&login, work->session->store, at, work->args, err) &&
	       operator_run(&login, command, input, output, err);
}

static struct deploy_host *make_hosts(const struct config *config)
{
	struct deploy_host *hosts = xcalloc(config->host_count + 1, sizeof(*hosts));

	for (size_t i = 0; i < config->host_count; i++)
		engine_host(&config->hosts[i], &hosts[i]);
	return hosts;
}

/* Those that have got that far at least: after the switch nobody is tried twice. */
static bool visit_all(struct work *work, enum rotation_state least, struct err *err)
{
	const struct config *config = work->session->config;

	for (size_t i = 0; i < config->host_count; i++) {
		struct rotation_host row;
		struct err why;

		if (!store_rotation_host_load(work->session->store, work->hosts[i].name,
		                              &row, err))
			return false;
		if (row.state < least || !is_wanted(work, work->hosts[i].name))
			continue;
		if (work->args->verbose >= 0)
			fprintf(stderr, "%s ...\n", work->hosts[i].name);
		if (!rotate_host(work->rotate, &work->hosts[i], &row, &why, err))
			return false;
		work->needs_person |= why.kind != ERR_NONE && why.kind != ERR_TEMPORARY;
	}
	return true;
}

static bool may_switch(struct work *work, bool *may, struct err *err)
{
	const size_t all = work->session->config->host_count;
	size_t unproved;

	*may = false;
	if (!rotate_count_below(work->rotate, ROTATION_PROVED, &unproved, err))
		return false;
	*may = unproved == 0 || work->args->drop_unproved;
	if (*may && all > 0 && unproved == all)
		return err_set(
		    err, ERR_CONFLICT,
		    "the new key is proved on no host at all: the old one stays "
		    "in use");
	return true;
}

/* Everything that can be done now. *is_ended where nothing is left. */
static bool rotate_all(struct work *work, bool *is_ended, struct err *err)
{
	const bool was_switched = rotate_is_switched(work->rotate);
	size_t left;
	bool may;

	*is_ended = false;
	if (!visit_all(work, ROTATION_WAITS, err))
		return false;
	if (!was_switched) {
		if (!may_switch(work, &may, err))
			return false;
		if (!may)
			return true;
		if (!rotate_switch(work->rotate, err) ||
		    !visit_all(work, ROTATION_PROVED, err))
			return false;
	}
	if (!rotate_count_below(work->rotate, ROTATION_DONE, &left, err))
		return false;
	*is_ended = left == 0 || (was_switched && work->args->drop_unproved);
	return true;
}

/* The way: as it answered last. */
static void add_host(cJSON *list, struct table *table, const char *host,
                     const struct rotation_host *row, const char *way)
{
	char time[CLOCK_TEXT];
	const char *at = row->at ? clock_format(row->at, time) : NULL;
	const char *const cells[] = { host, way, rotation_state_names[row->state], at,
		                      row->text };
	cJSON *object = cJSON_CreateObject();

	json_add_text(object, "host", host);
	json_add_text(object, "transport", way);
	json_add_text(object, "state", rotation_state_names[row->state]);
	json_add_text(object, "at", at);
	json_add_text(object, "text", *row->text ? row->text : NULL);
	cJSON_AddItemToArray(list, object);
	table_add(table, cells);
}

/* Lines for who has to edit a file by hand. */
static void print_lines(const struct work *work, size_t by_hand, size_t unproved)
{
	if (by_hand > 0 || unproved > 0)
		printf("\nthe new key's line:\n%s\n", rotate_new_line(work->rotate));
	if (rotate_is_switched(work->rotate))
		printf("\nthe old key's line:\n%s\n", rotate_old_line(work->rotate));
	else
		printf(
		    "\nThe old key is in use until the new one is proved everywhere.\n");
}

/* They were taken out of the configuration meanwhile, and nobody visits them any more. */
static void print_left(const struct work *work, const struct strlist *left)
{
	AUTO_FREE char *fingerprint = rotate_old_fingerprint(work->rotate);
	AUTO_BUF struct buf names = BUF_INIT(64 * 1024);

	if (left->len == 0)
		return;
	strlist_join(left, ", ", &names);
	printf("\nno longer in the configuration, so the old key's line stays there: %s\n"
	       "Remove it by hand, as the login user, and the new key's with it where "
	       "certferry is to\ncome no more. The old key is %s:\n"
	       "    sed -i '\\|%s|d' ~/.ssh/authorized_keys\n",
	       names.data, fingerprint, rotate_old_blob(work->rotate));
}

static void add_left(cJSON *json, const struct work *work, const struct strlist *left)
{
	AUTO_FREE char *fingerprint = rotate_old_fingerprint(work->rotate);
	cJSON *list = cJSON_AddArrayToObject(json, "no_longer_configured");

	json_add_text(json, "old_fingerprint", fingerprint);
	for (size_t i = 0; i < left->len; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(left->items[i]));
}

/* Before the rows are forgotten. */
static bool print_hosts(const struct work *work, bool is_ended, struct err *err)
{
	static const char *const columns[] = { "HOST", "BY", "NEW KEY", "SINCE", "WHY" };
	const struct config *config = work->session->config;
	AUTO_TABLE struct table *table = table_new(columns, ARRAY_SIZE(columns));
	AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(json, "hosts");
	AUTO_STRLIST struct strlist left = { 0 };
	size_t by_hand = 0, unproved = 0, open = 0;

	for (size_t i = 0; i < config->host_count; i++) {
		const char *name = config->hosts[i].name;
		struct host_transport way;
		struct rotation_host row;
		bool is_known;

		if (!store_rotation_host_load(work->session->store, name, &row, err) ||
		    !store_transport_find(work->session->store, name, &way, &is_known,
		                          err))
			return false;
		by_hand += row.state == ROTATION_BY_HAND;
		unproved += row.state < ROTATION_PROVED;
		open += row.state < ROTATION_DONE;
		add_host(list, table, name, &row, is_known ? way.name : NULL);
	}
	if (!rotate_left(work->rotate, &left, err))
		return false;
	cJSON_AddBoolToObject(json, "is_switched", rotate_is_switched(work->rotate));
	cJSON_AddBoolToObject(json, "is_ended", is_ended);
	json_add_text(json, "new_line", rotate_new_line(work->rotate));
	json_add_text(json, "old_line", rotate_old_line(work->rotate));
	add_left(json, work, &left);
	if (work->args->json) {
		print_json(TAKE(json));
		return true;
	}
	table_print(table, stdout);
	if (!is_ended || open > 0)
		print_lines(work, by_hand, unproved);
	print_left(work, &left);
	return true;
}

/* Also those that this run did not visit. */
static bool count_by_hand(const struct work *work, size_t *count, struct err *err)
{
	size_t unproved, before;

	if (!rotate_count_below(work->rotate, ROTATION_PROVED, &unproved, err) ||
	    !rotate_count_below(work->rotate, ROTATION_BY_HAND, &before, err))
		return false;
	*count = unproved - before;
	return true;
}

static bool unfinished(const struct work *work, struct err *err)
{
	const bool is_switched = rotate_is_switched(work->rotate);
	size_t left, by_hand;

	if (!count_by_hand(work, &by_hand, err))
		return false;
	const enum err_kind kind = work->needs_person || by_hand > 0 ? ERR_REMOTE
	                                                             : ERR_TEMPORARY;
	if (!rotate_count_below(
		work->rotate, is_switched ? ROTATION_DONE : ROTATION_PROVED, &left, err))
		return false;
	if (is_switched)
		return err_set(
		    err, kind,
		    "the new key is in use; %zu host%s not done: run certferry "
		    "host rotate-key again, or with --drop-unproved to forget "
		    "the old key as things are",
		    left, left == 1 ? " is" : "s are");
	return err_set(err, kind,
	               "the new key is not proved on %zu host%s, so the old one stays in "
	               "use: run certferry host rotate-key again, or with "
	               "--drop-unproved to go on without them",
	               left, left == 1 ? "" : "s");
}

static bool find(struct work *work, bool *found, struct err *err)
{
	struct rotation rotation;

	return store_rotation_find(work->session->store, &rotation, found, err);
}

static bool show_status(struct work *work, struct err *err)
{
	bool found;

	if (!find(work, &found, err))
		return false;
	if (found)
		return print_hosts(work, false, err);
	if (work->args->json)
		print_json(cJSON_CreateObject());
	else
		printf("No change of the deploy key is under way.\n");
	return true;
}

static bool run(struct work *work, struct err *err)
{
	bool is_ended;

	if (!rotate_all(work, &is_ended, err) || !print_hosts(work, is_ended, err))
		return false;
	if (!is_ended)
		return unfinished(work, err);
	if (!rotate_end(work->rotate, err))
		return false;
	if (!work->args->json)
		printf("The new deploy key is in use; the old one was removed.\n");
	return true;
}

bool cmd_host_rotate(const struct args *args, struct err *err)
{
	AUTO_SESSION struct session session = { 0 };
	AUTO_FREE struct deploy_host *hosts = NULL;
	CLEANUP(rotate_freep) struct rotate *rotate = NULL;
	struct work work = { .args = args, .session = &session };
	bool found;

	if (!session_config(&session, args, err) ||
	    !check_words(args, session.config, err) || !session_store(&session, err) ||
	    !find(&work, &found, err))
		return false;
	work.hosts = hosts = make_hosts(session.config);
	const struct deploy_settings settings = { .store = session.store,
		                                  .worker = session.paths.ssh_worker,
		                                  .hosts = hosts,
		                                  .host_count =
		                                      session.config->host_count };
	const struct rotate_operator person = { run_there, &work };
	const bool is_given = args->login || args->identity;

	if (found || !args->status) {
		work.rotate = rotate = rotate_new(&settings, is_given ? &person : NULL,
		                                  err);
		if (!rotate)
			return false;
	}
	return args->status ? show_status(&work, err) : run(&work, err);
}
