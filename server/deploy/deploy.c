/* SPDX-License-Identifier: Apache-2.0 */
#include "deploy.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/key.h"

#include "internal.h"

/* Seconds before a delivery that failed is due again by itself; the last row repeats. */
static const int backoff_s[] = { 10, 60, 300, 1800, 7200, 21600 };

/* One that no repetition mends (a changed host key) waits for a person, or so long. */
enum { HOPELESS_WAIT_S = 86400 };

struct deploy *deploy_new(const struct deploy_settings *settings, struct err *err)
{
	struct key *key = store_ssh_key_load(settings->store, err);
	struct deploy *deploy;

	if (!key)
		return NULL;
	deploy = NEW(struct deploy);
	deploy->settings = *settings;
	deploy->ssh_key = key;
	return deploy;
}

void deploy_free(struct deploy *deploy)
{
	if (!deploy)
		return;
	key_free(deploy->ssh_key);
	free(deploy);
}

void visit_tell(const struct visit *visit, const struct cargo *cargo, const char *phase)
{
	const struct progress *to = &visit->deploy->settings.progress;
	const struct delivery *row = cargo->row;
	AUTO_FREE char *name = xasprintf("%s/%s", row->certificate, row->host);
	const struct log_about about = { .what = "delivery",
		                         .name = name,
		                         .id = row->id };
	const struct progress_event event = { .kind = PROGRESS_STEP,
		                              .what = "delivery",
		                              .certificate = row->certificate,
		                              .host = row->host,
		                              .state = phase };

	log_info(&about, "delivery.phase", "%s", phase);
	if (to->report)
		to->report(to->arg, &event);
}

const struct deploy_host *deploy_find_host(const struct deploy *deploy, const char *name)
{
	for (size_t i = 0; i < deploy->settings.host_count; i++)
		if (str_eq(deploy->settings.hosts[i].name, name))
			return &deploy->settings.hosts[i];
	return NULL;
}

const struct deploy_slot *deploy_find_slot(const struct deploy *deploy,
                                           const char *certificate, const char *host)
{
	for (size_t i = 0; i < deploy->settings.slot_count; i++) {
		const struct deploy_slot *slot = &deploy->settings.slots[i];

		if (str_eq(slot->host, host) && str_eq(slot->certificate, certificate))
			return slot;
	}
	return NULL;
}

/* The whole visit; what went wrong is in the cargo. */
static void run_visit(struct visit *visit)
{
	struct err why = { 0 };
	bool any = false;

	for (size_t i = 0; i < visit->count; i++)
		any |= cargo_load(visit->deploy, &visit->cargo[i]);
	if (!any)
		return;
	visit_tell(visit, &visit->cargo[0], "connect");
	visit->ssh = visit_connect(visit, &why);
	if (visit->ssh && visit_choose(visit, false, &why)) {
		visit_verify(visit);
		visit_push(visit);
	} else {
		for (size_t i = 0; i < visit->count; i++)
			if (visit->cargo[i].err.kind == ERR_NONE)
				visit->cargo[i].err = why;
	}
	ssh_close(TAKE(visit->ssh));
	greeting_deinit(&visit->greeting);
}

static void note_served(struct cargo *cargo)
{
	struct delivery *row = cargo->row;
	bool is_wanted = cargo->probe.seen == PROBE_WANTED;
	bool is_gone = is_wanted && row->state == DELIVERY_PUSH && !cargo->is_done;

	if (!cargo->slot || cargo->slot->probe_count == 0 || !cargo->probe.text[0])
		return;
	memcpy(row->served_sha256, cargo->probe.sha256, sizeof(row->served_sha256));
	free(row->served);
	row->served = xstrdup(is_gone ? "seen, and then rolled back" : cargo->probe.text);
	row->served_at = clock_now();
	row->is_served = is_wanted && !is_gone;
}

static void note_done(struct cargo *cargo, bool was_push)
{
	struct delivery *row = cargo->row;

	row->state = DELIVERY_DONE;
	row->attempts = 0;
	row->last = (struct err){ 0 };
	free(TAKE(row->reason));
	if (!was_push)
		return;
	row->installed_id = row->wanted_id;
	row->installed_at = clock_now();
	free(row->installed_setup);
	row->installed_setup = xstrdup(cargo->slot->setup);
}

static bool is_key_lost(const struct cargo *cargo)
{
	return !cargo->is_done && str_eq(cargo->err.code, DELIVERY_NO_KEY);
}

/* A failed look leaves the row as it is: it is looked at again, not pushed. */
static void note_failed(struct cargo *cargo)
{
	struct delivery *row = cargo->row;
	size_t last = ARRAY_SIZE(backoff_s) - 1;
	size_t at = (size_t)row->attempts < last ? (size_t)row->attempts : last;
	bool retry = err_infos[cargo->err.kind].retry && !is_key_lost(cargo);
	int64_t wait_s = retry ? backoff_s[at] : HOPELESS_WAIT_S;

	row->attempts++;
	row->last = cargo->err;
	row->last_at = clock_now();
	row->run_at_ms = clock_now_ms() + wait_s * 1000;
}

static bool save(struct deploy *deploy, struct cargo *cargo, bool was_push,
                 struct err *err)
{
	struct delivery *row = cargo->row;
	struct event event = { .certificate = row->certificate, .host = row->host };
	/* That all is still well is in the row, and no event of every run. */
	bool is_news = !cargo->is_done || was_push || row->attempts > 0;

	note_served(cargo);
	if (cargo->is_done)
		note_done(cargo, was_push);
	else
		note_failed(cargo);
	event.name = is_key_lost(cargo) ? "delivery.key-lost"
	             : !cargo->is_done  ? "delivery.failed"
	             : was_push         ? "delivery.done"
	                                : "delivery.seen";
	snprintf(event.text, sizeof(event.text), "%s",
	         !cargo->is_done            ? row->last.msg
	         : cargo->slot->probe_count ? cargo->probe.text
	                                    : "installed; not looked at from outside");
	if (store_delivery_save(deploy->settings.store, row, true,
	                        is_news ? &event : NULL, err))
		return true;
	/* A newer certificate came meanwhile: the row is due for it, and ours is history.
	 */
	return err->kind == ERR_CONFLICT;
}

static void tell_end(const struct visit *visit, const struct cargo *cargo, bool was_push)
{
	const struct progress *to = &visit->deploy->settings.progress;
	const struct delivery *row = cargo->row;
	AUTO_FREE char *name = xasprintf("%s/%s", row->certificate, row->host);
	const struct log_about about = { .what = "delivery",
		                         .name = name,
		                         .id = row->id };
	bool retry = err_infos[row->last.kind].retry;
	const struct progress_event event = {
		.kind = cargo->is_done ? PROGRESS_DONE
		        : retry        ? PROGRESS_WAITS
		                       : PROGRESS_FAILED,
		.what = "delivery",
		.certificate = row->certificate,
		.host = row->host,
		.state = cargo->is_done ? (was_push ? "delivered" : "as it should be")
		                        : "failed",
		.text = cargo->is_done ? row->served : row->last.msg,
		.until = row->run_at_ms / 1000,
	};

	if (cargo->is_done)
		log_info(&about, was_push ? "delivery.done" : "delivery.seen", "%s",
		         row->served ? row->served : "");
	else
		log_line(retry ? LOG_WARN : LOG_ERROR, &about, "delivery.failed", "%s",
		         row->last.msg);
	if (to->report)
		to->report(to->arg, &event);
}

/* Its text goes to whoever watches before anything that is done about it. */
static bool end(const struct visit *visit, struct cargo *cargo, struct err *err)
{
	const struct deploy_settings *settings = &visit->deploy->settings;
	const bool was_push = cargo->row->state == DELIVERY_PUSH;

	if (!save(visit->deploy, cargo, was_push, err))
		return false;
	tell_end(visit, cargo, was_push);
	return !is_key_lost(cargo) || !settings->on_lost_key ||
	       settings->on_lost_key(settings->lost_arg, cargo->row->certificate,
	                             cargo->row->host, err);
}

bool deploy_step(void *arg, int64_t now_ms, bool *did, struct err *err)
{
	struct deploy *deploy = arg;
	AUTO_DELIVERY_LIST struct delivery_list rows = { 0 };
	bool good = true;

	if (!store_delivery_claim(deploy->settings.store, now_ms, &rows, err))
		return false;
	*did = rows.len > 0;
	if (!*did)
		return true;
	AUTO_FREE struct cargo *cargo = xcalloc(rows.len, sizeof(*cargo));
	struct visit visit = { .deploy = deploy,
		               .host = deploy_find_host(deploy, rows.items[0].host),
		               .cargo = cargo,
		               .count = rows.len };

	for (size_t i = 0; i < rows.len; i++) {
		cargo[i].row = &rows.items[i];
		cargo[i].slot = visit.host
		                    ? deploy_find_slot(deploy, rows.items[i].certificate,
		                                       rows.items[i].host)
		                    : NULL;
	}
	run_visit(&visit);
	for (size_t i = 0; i < rows.len; i++) {
		good = good && end(&visit, &cargo[i], err);
		cargo_deinit(&cargo[i]);
	}
	return good;
}

bool deploy_next(void *arg, int64_t *run_at_ms, bool *any, struct err *err)
{
	struct deploy *deploy = arg;

	return store_delivery_next(deploy->settings.store, run_at_ms, any, err);
}
