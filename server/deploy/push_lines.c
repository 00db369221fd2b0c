/* SPDX-License-Identifier: Apache-2.0 */
#include "push_parts.h"

#include <stdio.h>

#include "base/mem.h"

/* A table says what each line of the server means for the cargo of a push; when it has
 * reloaded it waits for our word. */

void push_blame(struct push *push, const struct err *why)
{
	if (push->err.kind == ERR_NONE)
		push->err = *why;
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
		push_blame(push, &cargo->err);
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

static void on_unchanged(struct push *push, const struct install_line *line,
                         struct cargo *cargo)
{
	cargo->is_unchanged = true;
	on_staged(push, line, cargo);
}

static void on_slot_failed(struct push *push, const struct install_line *line,
                           struct cargo *cargo)
{
	(void)push;
	(void)err_set(&cargo->err, ERR_TEMPORARY, "%s: %s", cargo->slot->directory,
	              line->text);
}

/* Of one that we have the key of, that is a slot that failed and nothing more. */
static void on_no_key(struct push *push, const struct install_line *line,
                      struct cargo *cargo)
{
	on_slot_failed(push, line, cargo);
	if (cargo->certificate.key_id)
		return;
	(void)err_set(&cargo->err, ERR_TEMPORARY,
	              "%s: the server no longer has the key of this certificate (%.200s)",
	              cargo->slot->directory, line->text);
	snprintf(cargo->err.code, sizeof(cargo->err.code), DELIVERY_NO_KEY);
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
	push_blame(push, &why);
}

static void on_reloaded(struct push *push, const struct install_line *line,
                        struct cargo *cargo)
{
	struct visit *visit = push->visit;
	AUTO_BUF struct buf word = BUF_INIT(100);
	struct err why = { 0 };

	(void)line, (void)cargo;
	tell_staged(push, "reloaded");
	push->is_told = all_are_seen(push);
	visit->transport->say(push->is_told, &word);
	if (!ssh_write(visit->ssh, word.data, word.len, push->deadline_ms, &why))
		push_blame(push, &why);
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
	push_blame(push, &why);
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
	push_blame(push, &why);
	tell_staged(push, "rolled back");
}

static void on_failed(struct push *push, const struct install_line *line,
                      struct cargo *cargo)
{
	struct err why;

	(void)cargo;
	(void)err_set(&why, ERR_TEMPORARY, "%s", line->text);
	push_blame(push, &why);
}

static const struct {
	line_fn *run;
	bool has_slot;
} lines[] = {
	[INSTALL_STAGED] = { on_staged, true },
	[INSTALL_UNCHANGED] = { on_unchanged, true },
	[INSTALL_SLOT_FAILED] = { on_slot_failed, true },
	[INSTALL_NO_KEY] = { on_no_key, true },
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

bool push_take_line(struct push *push, const char *text, struct err *err)
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
	/* Each "reloaded" would cost probes, each "staged" a line before people; a server
	 * has no say in how many. */
	unsigned *heard = cargo ? &cargo->heard : &push->heard;

	if (*heard & 1U << line.step)
		return err_set(err, ERR_REMOTE, "the server said something twice");
	*heard |= 1U << line.step;
	push->heard |= *heard;
	lines[line.step].run(push, &line, cargo);
	return true;
}
