/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/*
 * One push: the cargo of one service, in one bundle, over one command of the session.
 *
 * The server says what it did line by line. A table says what each line means for the
 * cargo; when it has reloaded it waits for our word, which is "commit" only if every
 * certificate of the bundle was seen from outside.
 */

enum {
	LINE_MAX_BYTES = 2048,
	SERVICE_TIMEOUT_S = 60,
	CONFIRM_SLACK_S = 15, /* beside the probes, for the way there and back */
	STAGE_TIMEOUT_S = 60, /* until the server says that it has the first slot */
};

struct push {
	struct visit *visit;
	struct cargo **cargo; /* of this service */
	size_t count;
	int64_t deadline_ms;
	unsigned heard; /* a bit for each step of the whole service that was said */
	bool is_told;   /* our word, "commit" */
	bool is_committed;
	struct err err; /* of the push as a whole */
};

static void blame(struct push *push, const struct err *why)
{
	if (push->err.kind == ERR_NONE)
		push->err = *why;
}

static int probe_timeout_s(const struct push *push)
{
	int sum = 0;

	for (size_t i = 0; i < push->count; i++)
		sum += slot_probe_s(push->cargo[i]->slot);
	return sum;
}

static bool send_bundle(struct push *push, struct err *err)
{
	AUTO_BUF struct buf bundle = BUF_INIT(INSTALL_BUNDLE_MAX);
	AUTO_FREE struct install_slot *slots = xcalloc(push->count, sizeof(*slots));
	struct visit *visit = push->visit;
	AUTO_FREE char *command = install_command(!str_eq(visit->host->user, "root"));
	struct install_job job = {
		.slots = slots,
		.slot_count = push->count,
		.tests = push->cargo[0]->slot->tests,
		.reloads = push->cargo[0]->slot->reloads,
		.service_timeout_s = SERVICE_TIMEOUT_S,
		.confirm_timeout_s = probe_timeout_s(push) + CONFIRM_SLACK_S,
	};

	push->deadline_ms = clock_deadline_ms(STAGE_TIMEOUT_S * INT64_C(1000));
	for (size_t i = 0; i < push->count; i++)
		slots[i] = push->cargo[i]->install;
	return install_bundle(&job, &bundle, err) &&
	       ssh_exec(visit->ssh, command, push->deadline_ms, err) &&
	       ssh_write(visit->ssh, bundle.data, bundle.len, push->deadline_ms, err);
}

static struct cargo *find_slot(struct push *push, const char *name)
{
	for (size_t i = 0; i < push->count; i++)
		if (str_eq(push->cargo[i]->slot->certificate, name))
			return push->cargo[i];
	return NULL;
}

static void tell_staged(struct push *push, const char *phase)
{
	for (size_t i = 0; i < push->count; i++)
		if (push->cargo[i]->is_staged)
			visit_tell(push->visit, push->cargo[i], phase);
}

/* The last look before our word. A certificate that is not seen is rolled back with all
 * others of the service. */
static bool all_are_seen(struct push *push)
{
	bool all = true;

	for (size_t i = 0; i < push->count; i++) {
		struct cargo *cargo = push->cargo[i];

		if (!cargo->is_staged)
			continue;
		cargo_probe(cargo, false);
		if (cargo_is_seen(cargo))
			continue;
		all = false;
		(void)err_set(&cargo->err, ERR_TEMPORARY,
		              "installed and reloaded, but %s:%u %s; rolled back",
		              cargo->probe_from->address, cargo->probe_from->port,
		              cargo->probe.text);
		blame(push, &cargo->err);
	}
	return all;
}

typedef void line_fn(struct push *push, const struct install_line *line,
                     struct cargo *cargo);

static void on_staged(struct push *push, const struct install_line *line,
                      struct cargo *cargo)
{
	(void)line;
	cargo->is_staged = true;
	visit_tell(push->visit, cargo, "staged");
}

static void on_slot_failed(struct push *push, const struct install_line *line,
                           struct cargo *cargo)
{
	(void)push;
	(void)err_set(&cargo->err, ERR_TEMPORARY, "%s: %s", cargo->slot->directory,
	              line->text);
}

static void on_switched(struct push *push, const struct install_line *line,
                        struct cargo *cargo)
{
	(void)line, (void)cargo;
	tell_staged(push, "switched");
}

static void on_tested(struct push *push, const struct install_line *line,
                      struct cargo *cargo)
{
	(void)line, (void)cargo;
	tell_staged(push, "tested");
}

static void on_test_failed(struct push *push, const struct install_line *line,
                           struct cargo *cargo)
{
	struct err why;

	(void)cargo;
	(void)err_set(&why, ERR_TEMPORARY,
	              "the service's own test failed, the old files are back: %s",
	              line->text);
	blame(push, &why);
}

static void on_reloaded(struct push *push, const struct install_line *line,
                        struct cargo *cargo)
{
	struct visit *visit = push->visit;
	struct err why = { 0 };
	const char *word;

	(void)line, (void)cargo;
	tell_staged(push, "reloaded");
	push->is_told = all_are_seen(push);
	word = push->is_told ? "commit\n" : "rollback\n";
	if (!ssh_write(visit->ssh, word, strlen(word), push->deadline_ms, &why))
		blame(push, &why);
}

static void on_reload_failed(struct push *push, const struct install_line *line,
                             struct cargo *cargo)
{
	struct err why;

	(void)cargo;
	(void)err_set(
	    &why, ERR_TEMPORARY,
	    "the reload failed, the old files are back and it was reloaded again: %s",
	    line->text);
	blame(push, &why);
}

/* Of no worth before we have looked and said so. */
static void on_committed(struct push *push, const struct install_line *line,
                         struct cargo *cargo)
{
	(void)line, (void)cargo;
	push->is_committed = push->is_told;
}

static void on_rolled_back(struct push *push, const struct install_line *line,
                           struct cargo *cargo)
{
	struct err why;

	(void)cargo;
	(void)err_set(&why, ERR_TEMPORARY, "rolled back%s%s", *line->text ? ": " : "",
	              line->text);
	blame(push, &why);
	tell_staged(push, "rolled back");
}

static void on_failed(struct push *push, const struct install_line *line,
                      struct cargo *cargo)
{
	struct err why;

	(void)cargo;
	(void)err_set(&why, ERR_TEMPORARY, "%s", line->text);
	blame(push, &why);
}

static const struct {
	line_fn *run;
	bool has_slot;
} lines[] = {
	[INSTALL_STAGED] = { on_staged, true },
	[INSTALL_UNCHANGED] = { on_staged, true },
	[INSTALL_SLOT_FAILED] = { on_slot_failed, true },
	[INSTALL_SWITCHED] = { on_switched, false },
	[INSTALL_TESTED] = { on_tested, false },
	[INSTALL_TEST_FAILED] = { on_test_failed, false },
	[INSTALL_RELOADED] = { on_reloaded, false },
	[INSTALL_RELOAD_FAILED] = { on_reload_failed, false },
	[INSTALL_COMMITTED] = { on_committed, false },
	[INSTALL_ROLLED_BACK] = { on_rolled_back, false },
	[INSTALL_CHECKED] = { NULL, false },
	[INSTALL_LIVE] = { NULL, false },
	[INSTALL_FAILED] = { on_failed, false },
};
_Static_assert(ARRAY_SIZE(lines) == INSTALL_STEP_COUNT, "a step has no row");

static bool take_line(struct push *push, const char *text, struct err *err)
{
	struct install_line line;
	struct cargo *cargo = NULL;

	if (!install_line_parse(text, &line, err))
		return false;
	if (!lines[line.step].run)
		return err_set(err, ERR_REMOTE, "the server said something out of turn");
	if (lines[line.step].has_slot) {
		cargo = find_slot(push, line.slot);
		if (!cargo)
			return err_set(err, ERR_REMOTE,
			               "the server speaks of a slot '%s'", line.slot);
	}
	/* Each "reloaded" would cost probes; a server has no say in how many. */
	if (!lines[line.step].has_slot && push->heard & 1U << line.step)
		return err_set(err, ERR_REMOTE, "the server said something twice");
	push->heard |= 1U << line.step;
	lines[line.step].run(push, &line, cargo);
	return true;
}

/* A server that talks gets the time for tests and reloads, and for all once more where it
 * rolls back. One that hung in mid-upload has cost STAGE_TIMEOUT_S. */
static void give_time(struct push *push)
{
	const struct deploy_slot *slot = push->cargo[0]->slot;
	size_t commands = slot->tests->len + slot->reloads->len;
	int seconds = STAGE_TIMEOUT_S + 2 * (int)commands * SERVICE_TIMEOUT_S +
	              probe_timeout_s(push) + CONFIRM_SLACK_S;

	push->deadline_ms = clock_deadline_ms(seconds * INT64_C(1000));
}

static bool converse(struct push *push, struct err *err)
{
	bool is_alive = false;

	for (;;) {
		AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);
		bool ended;

		if (!ssh_read_line(push->visit->ssh, &line, &ended, push->deadline_ms,
		                   err))
			return false;
		if (ended)
			return true;
		if (!take_line(push, line.data, err))
			return false;
		if (!is_alive)
			give_time(push);
		is_alive = true;
	}
}

static bool hear_the_end(struct push *push, struct err *err)
{
	AUTO_BUF struct buf complaint = BUF_INIT(4096);
	int status;

	if (!ssh_finish(push->visit->ssh, &status, &complaint, push->deadline_ms, err))
		return false;
	if (!push->is_committed && push->err.kind == ERR_NONE)
		return err_set(err, ERR_TEMPORARY,
		               "the installer ended with status %d%s%.300s", status,
		               complaint.len ? ": " : "", complaint.data);
	return true;
}

static void conclude(struct push *push)
{
	for (size_t i = 0; i < push->count; i++) {
		struct cargo *cargo = push->cargo[i];

		cargo->is_done = cargo->is_staged && push->is_committed &&
		                 cargo_is_seen(cargo);
		if (!cargo->is_done && cargo->err.kind == ERR_NONE)
			cargo->err = push->err;
		if (!cargo->is_done && cargo->err.kind == ERR_NONE)
			(void)err_set(&cargo->err, ERR_TEMPORARY,
			              "the server did not confirm it");
	}
}

/* Returns false when the session is of no more use. */
static bool push_service(struct push *push)
{
	struct err why = { 0 };
	bool good = send_bundle(push, &why) && converse(push, &why) &&
	            hear_the_end(push, &why);

	if (!good)
		blame(push, &why);
	conclude(push);
	return good;
}

static bool is_waiting(const struct cargo *cargo)
{
	return cargo->row->state == DELIVERY_PUSH && !cargo->is_done &&
	       cargo->err.kind == ERR_NONE;
}

/* All that is left, in one service with the one at `first`. */
static void gather(struct push *push, size_t first)
{
	struct visit *visit = push->visit;

	for (size_t i = first; i < visit->count; i++)
		if (is_waiting(&visit->cargo[i]) &&
		    slot_same_service(visit->cargo[first].slot, visit->cargo[i].slot))
			push->cargo[push->count++] = &visit->cargo[i];
}

static void give_up(struct visit *visit, const struct err *why)
{
	for (size_t i = 0; i < visit->count; i++)
		if (is_waiting(&visit->cargo[i]))
			visit->cargo[i].err = *why;
}

void visit_push(struct visit *visit)
{
	AUTO_FREE struct cargo **group = xcalloc(visit->count, sizeof(struct cargo *));

	for (size_t i = 0; i < visit->count; i++) {
		struct push push = { .visit = visit, .cargo = group };

		if (!is_waiting(&visit->cargo[i]))
			continue;
		gather(&push, i);
		if (!push_service(&push))
			give_up(visit, &push.err);
	}
}
