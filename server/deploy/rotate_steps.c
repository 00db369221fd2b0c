/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "internal.h"
#include "rotate_parts.h"
#include "store/transport.h"

/* One host: each state has the step that leads out of it, and is saved before the next.
 */

static bool is_refused_login(const struct err *why)
{
	return why->kind == ERR_DENIED && str_eq(why->code, "login");
}

static void get_on(struct rotation_host *row, enum rotation_state state)
{
	row->state = state;
	row->text[0] = '\0';
}

/* Is certferry-agent all that our key may run there? As in a delivery it is remembered.
 */
static bool ask_agent(const struct rotate *rotate, const struct deploy_host *host,
                      struct ssh *ssh, bool *is_agent, struct err *why)
{
	struct host_transport row = { .name = "agent", .asked_at = clock_now() };
	AUTO_GREETING struct greeting greeting = { 0 };

	*is_agent = false;
	if (host->way == DEPLOY_BY_SHELL)
		return true;
	if (!agent_hello(ssh, AGENT_FORCED, &greeting, why))
		return err_context(why, "%s", host->name);
	*is_agent = greeting.is_agent;
	snprintf(row.version, sizeof(row.version), "%s", greeting.version);
	return !*is_agent ||
	       store_transport_save(rotate->settings.store, host->name, &row, why);
}

/* By what is known: the old key's line was asked before the new one's was made. */
static bool must_be_agent(const struct rotate *rotate, const struct deploy_host *host,
                          bool *yes, struct err *why)
{
	struct host_transport row;
	bool found;

	if (!store_transport_find(rotate->settings.store, host->name, &row, &found, why))
		return false;
	*yes = host->way == DEPLOY_BY_AGENT ||
	       (found && str_eq(row.name, "agent") && host->way != DEPLOY_BY_SHELL);
	return true;
}

/* A line without the forced command would be more than the old key has. */
static bool is_as_narrow(const struct rotate *rotate, const struct deploy_host *host,
                         struct ssh *ssh, struct err *why)
{
	bool wanted, is_agent = false;

	if (!must_be_agent(rotate, host, &wanted, why) ||
	    (wanted && !ask_agent(rotate, host, ssh, &is_agent, why)))
		return false;
	return wanted == is_agent ||
	       err_set(why, ERR_REMOTE,
	               "the new key is let in, but no certferry-agent answers it: give "
	               "its line the command=\"...\" of the old one, and run this again");
}

/* A login with the new key; where an agent is, it answers. */
static bool prove(const struct rotate *rotate, const struct deploy_host *host,
                  struct rotation_host *row, struct err *why)
{
	struct ssh *ssh = deploy_connect(&rotate->settings, host, rotate->new_key, why);
	bool good;

	if (!ssh)
		return false;
	good = is_as_narrow(rotate, host, ssh, why);
	ssh_close(ssh);
	if (!good)
		return false;
	get_on(row, ROTATION_PROVED);
	*why = (struct err){ 0 };
	return true;
}

/* Perhaps somebody has been there already. */
static bool is_proved(const struct rotate *rotate, const struct deploy_host *host,
                      struct rotation_host *row, struct err *why)
{
	struct err first = { 0 };

	if (!prove(rotate, host, row, &first)) {
		if (!is_refused_login(&first))
			*why = first;
		return false;
	}
	*why = (struct err){ 0 };
	return true;
}

static bool by_hand(const struct rotate *rotate, const struct deploy_host *host,
                    struct rotation_host *row, const char *reason, struct err *why)
{
	(void)err_set(why, ERR_REMOTE,
	              "%.250s: add the line of the new key (below) by hand, with the "
	              "options that the old one has, and run this again",
	              reason);
	row->state = ROTATION_BY_HAND;
	return is_proved(rotate, host, row, why);
}

static bool by_hand_with_agent(const struct rotate *rotate,
                               const struct deploy_host *host, struct rotation_host *row,
                               const char *reason, struct err *why)
{
	(void)err_set(
	    why, ERR_REMOTE,
	    "%.150s: run this again with --login or --identity of your own, or run "
	    "there what certferry agent script %.40s prints (both keys), and then "
	    "this",
	    reason, host->name);
	row->state = ROTATION_BY_HAND;
	return is_proved(rotate, host, row, why);
}

static bool judge_added(const struct rotate *rotate, const struct deploy_host *host,
                        struct rotation_host *row, const struct authorize_line *line,
                        struct err *why)
{
	if (line->result == AUTHORIZE_ELSEWHERE)
		return by_hand(rotate, host, row, line->text, why);
	if (line->result != AUTHORIZE_ADDED && line->result != AUTHORIZE_PRESENT)
		return err_set(why, ERR_TEMPORARY, "%s", line->text);
	get_on(row, ROTATION_ADDED);
	return true;
}

/* reason: why the deploy key cannot do it. */
static bool add_by_operator(const struct rotate *rotate, const struct deploy_host *host,
                            struct rotation_host *row, const char *reason,
                            struct err *why)
{
	const struct rotate_edit edit = { false, rotate->old_blob, rotate->new_blob };
	struct authorize_line line;

	if (!rotate->person)
		return by_hand_with_agent(rotate, host, row, reason, why);
	if (rotate_edit_by_operator(&edit, rotate->person, host, &line, why))
		return judge_added(rotate, host, row, &line, why);
	if (why->kind == ERR_INTERNAL)
		return false;
	AUTO_FREE char *failure = xstrdup(why->msg);

	return by_hand_with_agent(rotate, host, row, failure, why);
}

static const char agent_only[] =
    "our key may run certferry-agent there, and nothing else";

/* Over the old key. */
static bool add(const struct rotate *rotate, const struct deploy_host *host,
                struct rotation_host *row, struct err *why)
{
	CLEANUP(ssh_closep)
	struct ssh *ssh = deploy_connect(&rotate->settings, host, rotate->old_key, why);
	const struct rotate_edit edit = { false, rotate->old_blob, rotate->new_blob };
	struct authorize_line line;
	bool is_agent;

	/* Somebody may have changed one for the other there. */
	if (!ssh && is_refused_login(why))
		return is_proved(rotate, host, row, why);
	if (!ssh || !ask_agent(rotate, host, ssh, &is_agent, why))
		return false;
	if (is_agent)
		return add_by_operator(rotate, host, row, agent_only, why);
	if (rotate_edit_by_key(&edit, ssh, &line, why))
		return judge_added(rotate, host, row, &line, why);
	if (why->kind != ERR_REMOTE)
		return false;
	AUTO_FREE char *reason = xstrdup(why->msg);

	return rotate->person ? add_by_operator(rotate, host, row, reason, why)
	                      : by_hand(rotate, host, row, reason, why);
}

/* What came of taking the old line away, and what to do where it is still there. */
struct leftover {
	struct authorize_line line;
	const char *advice;
};

/* Is the old key let in no more? */
static bool is_shut_out(const struct rotate *rotate, const struct deploy_host *host,
                        const struct leftover *left, struct err *why)
{
	struct ssh *ssh = deploy_connect(&rotate->settings, host, rotate->old_key, why);

	if (ssh) {
		ssh_close(ssh);
		return err_set(why, ERR_REMOTE, "the old key is still let in%s%.200s: %s",
		               *left->line.text ? "; " : "", left->line.text,
		               left->advice);
	}
	if (!is_refused_login(why))
		return false;
	*why = (struct err){ 0 };
	return true;
}

/* By whom can. What a person's login could not do needs a person. */
static bool edit_out(const struct rotate *rotate, const struct deploy_host *host,
                     struct ssh *ssh, struct leftover *left, struct err *why)
{
	const struct rotate_edit edit = { true, rotate->old_blob, rotate->new_blob };
	bool is_agent;

	if (!ask_agent(rotate, host, ssh, &is_agent, why))
		return false;
	if (!is_agent && rotate_edit_by_key(&edit, ssh, &left->line, why))
		return true;
	if (!is_agent && (why->kind != ERR_REMOTE || !rotate->person))
		return false;
	left->advice =
	    "run this again with --login or --identity of your own, or run there "
	    "what certferry agent script prints, and then this";
	if (!rotate->person ||
	    rotate_edit_by_operator(&edit, rotate->person, host, &left->line, why))
		return true;
	if (why->kind != ERR_INTERNAL)
		why->kind = ERR_REMOTE;
	return false;
}

/* Over the new key: that it is let in is what allows us to take the other one away. */
static bool remove_old(const struct rotate *rotate, const struct deploy_host *host,
                       struct rotation_host *row, struct err *why)
{
	struct ssh *ssh = deploy_connect(&rotate->settings, host, rotate->new_key, why);
	struct leftover left = {
		.advice = "remove its line (below) by hand, and run this again"
	};
	bool done;

	if (!ssh)
		return false;
	done = edit_out(rotate, host, ssh, &left, why);
	ssh_close(ssh);
	if (!done && why->kind != ERR_REMOTE)
		return false;
	if (!done)
		snprintf(left.line.text, sizeof(left.line.text), "%.290s", why->msg);
	if (left.line.result == AUTHORIZE_FAILED)
		return err_set(why, ERR_TEMPORARY, "%s", left.line.text);
	if (!is_shut_out(rotate, host, &left, why))
		return false;
	get_on(row, ROTATION_DONE);
	return true;
}

static const struct {
	bool (*take)(const struct rotate *, const struct deploy_host *,
	             struct rotation_host *, struct err *);
	bool after_switch;
} steps[] = {
	[ROTATION_WAITS] = { add, false },   [ROTATION_ADDED] = { prove, false },
	[ROTATION_BY_HAND] = { add, false }, [ROTATION_PROVED] = { remove_old, true },
	[ROTATION_DONE] = { NULL, true },
};
_Static_assert(ARRAY_SIZE(steps) == ROTATION_STATE_COUNT, "a state has no step");

static bool save(struct rotate *rotate, const struct deploy_host *host,
                 struct rotation_host *row, bool is_new, struct err *err)
{
	const struct {
		const char *name, *text;
	} events[] = {
		[ROTATION_WAITS] = { NULL, NULL },
		[ROTATION_ADDED] = { "ssh.rotation.added",
		                     "the new key's line is beside the old one's" },
		[ROTATION_BY_HAND] = { "ssh.rotation.by-hand", row->text },
		[ROTATION_PROVED] = { "ssh.rotation.proved", "the new key is let in" },
		[ROTATION_DONE] = { "ssh.rotation.removed", "the old key is refused" },
	};
	struct event event = { .name = events[row->state].name, .host = host->name };

	_Static_assert(ARRAY_SIZE(events) == ROTATION_STATE_COUNT,
	               "a state has no event");
	snprintf(event.text, sizeof(event.text), "%s",
	         event.name ? events[row->state].text : "");
	row->at = clock_now();
	return store_rotation_host_save(rotate->settings.store, host->name, row,
	                                is_new && event.name ? &event : NULL, err);
}

/* An added line that is not let in was taken away again, or does not count: once more. */
static void think_again(struct rotation_host *row, const struct err *why)
{
	if (row->state == ROTATION_ADDED && is_refused_login(why))
		row->state = ROTATION_WAITS;
}

bool rotate_host(struct rotate *rotate, const struct deploy_host *host,
                 struct rotation_host *row, struct err *why, struct err *err)
{
	bool is_on = true;

	*why = (struct err){ 0 };
	if (!store_rotation_host_load(rotate->settings.store, host->name, row, err))
		return false;
	while (is_on && steps[row->state].take &&
	       (!steps[row->state].after_switch || rotate->rotation.is_switched)) {
		const enum rotation_state before = row->state;

		is_on = steps[before].take(rotate, host, row, why);
		if (!is_on && why->kind == ERR_INTERNAL) {
			*err = *why;
			return false;
		}
		if (!is_on)
			snprintf(row->text, sizeof(row->text), "%s", why->msg);
		think_again(row, why);
		if (!save(rotate, host, row, row->state > before, err))
			return false;
	}
	return true;
}
