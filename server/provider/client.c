/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "provider.h"
#include "wire.h"

enum { DESCRIBE_S = 10, NAME_TEXT = 80 };

/* One batch, or one question, in its child. */
struct session {
	char name[NAME_TEXT]; /* "provider rfc2136" */
	const char *provider;
	struct child child;
	int64_t deadline;
	size_t logs;
	struct provider_change *changes;
	size_t change_count;
	struct provider_toll *toll; /* may be NULL */
	bool is_answered[PROVIDER_BATCH_MAX];
};

static void session_end(struct session *session)
{
	child_end(&session->child);
}
#define AUTO_SESSION CLEANUP(session_end)

static bool start(struct session *session, const struct provider_home *home,
                  const char *provider, int deadline_s, struct err *err)
{
	session->provider = provider;
	session->deadline = clock_deadline_ms((int64_t)deadline_s * 1000);
	snprintf(session->name, sizeof(session->name), "provider %.60s", provider);
	return child_start(&session->child, home->program, session->name, err);
}

/* True where all went, and also where the child has left: what it says last, or how
 * it ended, is a better text than "broken pipe", and collecting finds it. */
static bool send_batch(struct session *session, const struct buf *request,
                       struct err *err)
{
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	struct err ignored;

	if (!child_send(&session->child, request->data, request->len, session->deadline,
	                &ignored))
		return true;
	for (size_t i = 0; i < session->change_count; i++) {
		if (!wire_put_change(&session->changes[i], &frame, err))
			return false;
		if (!child_send(&session->child, frame.data, frame.len, session->deadline,
		                &ignored))
			return true;
	}
	return true;
}

static bool take_log(struct session *session, const struct wire_answer *answer,
                     struct err *err)
{
	const struct log_about about = { .what = "provider", .name = session->provider };
	AUTO_BUF struct buf shown = BUF_INIT(WIRE_TEXT_MAX * 4 + 10);

	/* One line more than the child may pass on: it says that some were dropped. */
	if (++session->logs > WIRE_LOGS_MAX + 1)
		return err_set(err, ERR_INTERNAL, "%s babbles: more than %d log lines",
		               session->name, WIRE_LOGS_MAX);
	str_add_printable(&shown, answer->text, strlen(answer->text), WIRE_TEXT_MAX);
	log_info(&about, "provider.log", "%s", shown.data);
	return true;
}

static bool take_outcome(struct session *session, const struct wire_answer *answer,
                         struct err *err)
{
	struct err *outcome;

	if (answer->change >= session->change_count ||
	    session->is_answered[answer->change])
		return err_set(err, ERR_INTERNAL,
		               "%s answers change %zu, which is not open", session->name,
		               answer->change);
	outcome = &session->changes[answer->change].outcome;
	wire_result_to_err(answer, outcome);
	if (outcome->kind != ERR_NONE)
		(void)err_context(outcome, "%s", session->name);
	session->is_answered[answer->change] = true;
	return true;
}

static bool take_end(struct session *session, const struct wire_answer *answer,
                     struct err *err)
{
	if (session->toll) {
		session->toll->requests = answer->requests;
		session->toll->window_s = answer->window_s;
	}
	wire_result_to_err(answer, err);
	if (err->kind != ERR_NONE)
		return err_context(err, "%s", session->name);
	for (size_t i = 0; i < session->change_count; i++)
		if (!session->is_answered[i])
			return err_set(err, ERR_INTERNAL,
			               "%s ended without a result for %s", session->name,
			               session->changes[i].name);
	return true;
}

/* One frame of the child; *is_over after its last. */
static bool take_frame(struct session *session, struct wire_answer *answer, bool *is_over,
                       struct err *err)
{
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);

	if (!child_receive(&session->child, &frame, session->deadline, err))
		return false;
	if (!wire_get_answer(&frame, answer, err)) {
		err->kind = ERR_INTERNAL;
		return err_context(err, "%s babbles", session->name);
	}
	if (answer->kind == WIRE_ANSWER_LOG)
		return take_log(session, answer, err);
	if (answer->kind == WIRE_ANSWER_CHANGE)
		return take_outcome(session, answer, err);
	*is_over = true;
	return take_end(session, answer, err);
}

static bool collect(struct session *session, struct provider_info *info, struct err *err)
{
	bool ok = true, is_over = false;

	while (ok && !is_over) {
		struct wire_answer answer = { 0 };

		ok = take_frame(session, &answer, &is_over, err);
		if (ok && is_over && info && answer.info) {
			*info = *answer.info;
			*answer.info = (struct provider_info){ 0 };
		}
		wire_answer_deinit(&answer);
	}
	return ok;
}

static bool run(struct session *session, const struct provider_home *home,
                const struct provider_call *call, int deadline_s, struct err *err)
{
	AUTO_BUF struct buf request = BUF_INIT(FRAME_MAX);

	return wire_put_request(home, call, deadline_s, &request, err) &&
	       start(session, home, call->provider, deadline_s, err) &&
	       send_batch(session, &request, err) && collect(session, NULL, err);
}

bool provider_run(const struct provider_home *home, const struct provider_call *call,
                  int deadline_s, struct err *err)
{
	AUTO_SESSION struct session session = { .child = CHILD_INIT,
		                                .changes = call->changes,
		                                .change_count = call->change_count,
		                                .toll = call->toll };

	if (run(&session, home, call, deadline_s, err))
		return true;
	for (size_t i = 0; i < call->change_count; i++)
		if (i >= PROVIDER_BATCH_MAX || !session.is_answered[i])
			call->changes[i].outcome = *err;
	return false;
}

bool provider_describe(const struct provider_home *home, const char *provider,
                       struct provider_info *out, struct err *err)
{
	AUTO_SESSION struct session session = { .child = CHILD_INIT };
	AUTO_BUF struct buf request = BUF_INIT(FRAME_MAX);

	*out = (struct provider_info){ 0 };
	if (!wire_put_describe(home, provider, DESCRIBE_S, &request, err) ||
	    !start(&session, home, provider, DESCRIBE_S, err) ||
	    !send_batch(&session, &request, err) || !collect(&session, out, err))
		return false;
	if (!out->name)
		return err_set(err, ERR_INTERNAL, "%s says nothing of itself",
		               session.name);
	return true;
}

void provider_info_deinit(struct provider_info *info)
{
	for (size_t i = 0; i < info->option_count; i++) {
		free(info->options[i].name);
		free(info->options[i].help);
	}
	free(info->options);
	free(info->name);
	free(info->summary);
	*info = (struct provider_info){ 0 };
}
