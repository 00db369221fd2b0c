/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/clock.h"
#include "base/mem.h"

/* Is it still as we left it? First what lies on the server, then what it shows. */

enum { INSPECT_TIMEOUT_S = 30, LINE_MAX_BYTES = 2048 };

static void diverged(struct cargo *cargo, const char *how)
{
	struct delivery *row = cargo->row;

	row->state = DELIVERY_PUSH;
	row->run_at_ms = clock_now_ms();
	row->attempts = 0;
	free(row->reason);
	row->reason = xasprintf("diverged: %s", how);
}

static struct cargo *find_slot(struct visit *visit, const char *name)
{
	for (size_t i = 0; i < visit->count; i++)
		if (visit->cargo[i].slot && visit->cargo[i].err.kind == ERR_NONE &&
		    str_eq(visit->cargo[i].slot->certificate, name))
			return &visit->cargo[i];
	return NULL;
}

static bool take_live(struct visit *visit, const char *text, struct err *err)
{
	struct install_line line;
	struct cargo *cargo;

	if (!install_line_parse(text, &line, err))
		return false;
	if (line.step == INSTALL_FAILED)
		return err_set(err, ERR_TEMPORARY, "%s", line.text);
	cargo = find_slot(visit, line.slot);
	if (!cargo || (line.step != INSTALL_LIVE && line.step != INSTALL_SLOT_FAILED))
		return err_set(err, ERR_REMOTE, "the server said something out of turn");
	if (line.step == INSTALL_SLOT_FAILED) {
		(void)err_set(&cargo->err, ERR_TEMPORARY, "%s", line.text);
		return true;
	}
	if (!visit->transport->is_live(&cargo->install, line.text))
		diverged(cargo, "the files on the server are not those we installed");
	cargo->is_done = true;
	return true;
}

static bool inspect(struct visit *visit, const struct transport_job *job, struct err *err)
{
	AUTO_BUF struct buf bundle = BUF_INIT(INSTALL_BUNDLE_MAX),
			    complaint = BUF_INIT(4096);
	AUTO_FREE char *command = visit->transport->command(visit->host);
	int64_t deadline = clock_deadline_ms(INSPECT_TIMEOUT_S * INT64_C(1000));
	bool ended = false;
	int status;

	if (!visit->transport->inspect(job, &bundle, err) ||
	    !ssh_exec(visit->ssh, command, deadline, err) ||
	    !ssh_write(visit->ssh, bundle.data, bundle.len, deadline, err) ||
	    !ssh_write_eof(visit->ssh, deadline, err))
		return false;
	while (!ended) {
		AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);

		if (!ssh_read_line(visit->ssh, &line, &ended, deadline, err))
			return false;
		if (!ended && !take_live(visit, line.data, err))
			return false;
	}
	if (!ssh_finish(visit->ssh, &status, &complaint, deadline, err))
		return false;
	return status == 0 ||
	       err_set(err, ERR_TEMPORARY, "looking at it ended with status %d: %.300s",
	               status, complaint.data);
}

static void look_from_outside(struct cargo *cargo)
{
	cargo_probe(cargo, true);
	if (cargo->row->state != DELIVERY_VERIFY || cargo_is_seen(cargo))
		return;
	/* A service that is down is not mended by installing the same files again. */
	if (cargo->probe.seen == PROBE_OTHER)
		diverged(cargo, cargo->probe.text);
	else
		(void)err_set(&cargo->err, ERR_TEMPORARY, "%s:%u %s",
		              cargo->probe_from->address, cargo->probe_from->port,
		              cargo->probe.text);
}

/* Nothing was said of any slot, and by asking anew we find why. */
static bool inspect_again(struct visit *visit, const struct transport_job *job,
                          struct err *err)
{
	for (size_t i = 0; i < visit->count; i++)
		if (visit->cargo[i].is_done)
			return false;
	return visit_has_changed(visit, err) && inspect(visit, job, err);
}

static size_t gather(const struct visit *visit, struct install_slot *slots)
{
	size_t count = 0;

	for (size_t i = 0; i < visit->count; i++)
		if (visit->cargo[i].row->state == DELIVERY_VERIFY &&
		    visit->cargo[i].err.kind == ERR_NONE)
			slots[count++] = visit->cargo[i].install;
	return count;
}

/* why: what went wrong while the server was asked, if something did. */
static void judge(struct cargo *cargo, const struct err *why)
{
	bool was_told = cargo->is_done;

	/* What diverged is still to be done in this visit. */
	cargo->is_done = false;
	if (!was_told && why->kind != ERR_NONE)
		cargo->err = *why;
	else if (!was_told)
		(void)err_set(&cargo->err, ERR_REMOTE,
		              "the server did not say what it has");
	else
		look_from_outside(cargo);
	cargo->is_done = cargo->row->state == DELIVERY_VERIFY &&
	                 cargo->err.kind == ERR_NONE;
}

void visit_verify(struct visit *visit)
{
	AUTO_FREE struct install_slot *slots = xcalloc(visit->count, sizeof(*slots));
	size_t count = gather(visit, slots);
	const struct transport_job job = { .install = { .slots = slots,
		                                        .slot_count = count } };
	struct err why = { 0 };

	if (count == 0)
		return;
	if (inspect(visit, &job, &why) || inspect_again(visit, &job, &why))
		why.kind = ERR_NONE;
	for (size_t i = 0; i < visit->count; i++) {
		struct cargo *cargo = &visit->cargo[i];

		if (cargo->is_done ||
		    (cargo->row->state == DELIVERY_VERIFY && cargo->err.kind == ERR_NONE))
			judge(cargo, &why);
	}
}
