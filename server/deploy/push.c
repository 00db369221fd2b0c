/* SPDX-License-Identifier: Apache-2.0 */
#include "push_parts.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/*
 * One push: the cargo of one service, in one bundle, over one command of the session.
 *
 * The server says what it did line by line (push_lines.c); when it has reloaded it waits
 * for our word, which is "commit" only if every certificate of the bundle was seen from
 * outside.
 */

enum {
	LINE_MAX_BYTES = 2048,
	SERVICE_TIMEOUT_S = 60,
	CONFIRM_SLACK_S = 15, /* beside the probes, for the way there and back */
	STAGE_TIMEOUT_S = 60, /* until the server says that it has the first slot */
};

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
	AUTO_FREE char *command = visit->transport->command(visit->host);
	const struct transport_job job = {
		.install = {
			.slots = slots,
			.slot_count = push->count,
			.tests = push->cargo[0]->slot->tests,
			.reloads = push->cargo[0]->slot->reloads,
			.service_timeout_s = SERVICE_TIMEOUT_S,
			.confirm_timeout_s = probe_timeout_s(push) + CONFIRM_SLACK_S,
		},
		.reload_anyway = push->reload_anyway,
	};

	push->deadline_ms = clock_deadline_ms(STAGE_TIMEOUT_S * INT64_C(1000));
	for (size_t i = 0; i < push->count; i++)
		slots[i] = push->cargo[i]->install;
	return visit->transport->install(&job, &bundle, err) &&
	       ssh_exec(visit->ssh, command, push->deadline_ms, err) &&
	       ssh_write(visit->ssh, bundle.data, bundle.len, push->deadline_ms, err);
}

/* A server that talks gets the time for tests and reloads, and for all once more where it
 * rolls back. One that hung in mid-upload has cost STAGE_TIMEOUT_S. */
static void give_time(struct push *push)
{
	const struct deploy_slot *slot = push->cargo[0]->slot;
	size_t known = slot->tests->len + slot->reloads->len;
	size_t commands = push->visit->transport->has_own_services ? known + OWN_COMMANDS
	                                                           : known;
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
		if (!push_take_line(push, line.data, err))
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
		(void)err_set(
		    &push->err, ERR_TEMPORARY, "the %s ended with status %d%s%.300s",
		    push->visit->transport == &transport_agent ? "agent" : "installer",
		    status, complaint.len ? ": " : "", complaint.data);
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
static bool push_once(struct push *push)
{
	struct err why = { 0 };
	bool good = send_bundle(push, &why) && converse(push, &why) &&
	            hear_the_end(push, &why);

	if (!good)
		push_blame(push, &why);
	return good;
}

/* As before the first word. */
static void forget(struct push *push)
{
	push->heard = 0;
	push->is_told = push->is_committed = false;
	push->err = (struct err){ 0 };
	for (size_t i = 0; i < push->count; i++) {
		push->cargo[i]->is_staged = push->cargo[i]->is_unchanged = false;
		push->cargo[i]->heard = 0;
		push->cargo[i]->err = (struct err){ 0 };
	}
}

/* The files are there, but the service shows others: somebody else's reload failed, or
 * was never done. */
static bool was_skipped(const struct push *push)
{
	bool any_old = false;

	for (size_t i = 0; i < push->count; i++) {
		const struct cargo *cargo = push->cargo[i];

		if (!cargo->is_unchanged)
			return false;
		any_old |= !cargo_is_seen(cargo) && cargo->probe.seen == PROBE_OTHER;
	}
	return push->visit->transport->may_skip_reload && any_old &&
	       push->heard & 1U << INSTALL_RELOADED;
}

/* A server that said something of its slots is the one we took it for. */
static bool is_understood(const struct push *push)
{
	return push->is_committed || (push->heard & ~(1U << INSTALL_FAILED)) != 0;
}

static bool push_service(struct push *push)
{
	bool good = push_once(push);

	/* Also where the agent that we remember is not there any more. */
	if (good && !is_understood(push) && visit_has_changed(push->visit, &push->err)) {
		forget(push);
		good = push_once(push);
	}
	if (good && was_skipped(push)) {
		forget(push);
		push->reload_anyway = true;
		good = push_once(push);
	}
	conclude(push);
	return good && push->visit->ssh;
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
	struct err lost;

	(void)err_set(&lost, ERR_TEMPORARY, "the session was lost before the delivery");
	if (!visit->ssh)
		give_up(visit, &lost);
	for (size_t i = 0; i < visit->count; i++) {
		struct push push = { .visit = visit, .cargo = group };

		if (!is_waiting(&visit->cargo[i]))
			continue;
		gather(&push, i);
		if (!push_service(&push))
			give_up(visit, &push.err);
	}
}
