/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/digest.h"

/*
 * A test record: written by the entry's provider where the challenge would be, looked for
 * at the authoritative servers, and removed. In the ledger before it is written, so that
 * what a dying run leaves is removed by the next. Its value has the form of a real one,
 * since providers and update policies look at that; it proves nothing to anybody.
 *
 * Resolvers are not asked for it: they would remember the answer, whether yes or no, for
 * as long as its TTL, and the real values would be seen that much later.
 */

enum { VALUE_BYTES = 32, LOOK_FIRST_MS = 20, LOOK_MOST_MS = 500 };

/* err.code of what could not be tried now. */
static const char held[] = "rate-limited";

struct trial {
	struct issue *issue;
	const struct record_question *question;
	struct check_answer *answer;
	char *subject; /* "dns home" */
	struct txt txt;
};

static void trial_deinit(struct trial *trial)
{
	free(trial->subject);
	free(trial->txt.value);
}

static void say(const struct trial *trial, enum finding_result result, const char *text,
                const char *advice)
{
	check_add(trial->answer, trial->subject, "record", result, text, advice);
}

static bool make_value(char **out, struct err *err)
{
	unsigned char bytes[VALUE_BYTES];
	AUTO_BUF struct buf text = BUF_INIT(64);

	if (!random_bytes(bytes, sizeof(bytes), err))
		return false;
	base64url_add(&text, bytes, sizeof(bytes));
	*out = buf_take(&text);
	return true;
}

/* The one record through the entry's desk; why is the provider's. */
static bool bring(const struct trial *trial, bool remove, struct err *why,
                  struct err *err)
{
	AUTO_BATCH struct batch batch = { .desk = trial->question->desk,
		                          .remove = remove,
		                          .only = &trial->txt };

	if (!issue_batch(trial->issue, &batch, err))
		return false;
	if (batch.failure_count > 0)
		*why = batch.failures[0].why;
	if (batch.held_s == 0)
		return true;
	(void)err_set(why, ERR_TEMPORARY,
	              "the provider's rate limit is used up for %lld s",
	              (long long)(batch.held_s - clock_now()));
	snprintf(why->code, sizeof(why->code), "%s", held);
	return true;
}

static void wait_ms(int64_t ms)
{
	const struct timespec time = { .tv_sec = ms / 1000,
		                       .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

/* Not seen in time is no clear no: orders wait for longer. */
static bool look(const struct trial *trial, struct dns_place *place, struct buf *lagging,
                 struct err *why)
{
	int64_t deadline = clock_deadline_ms(ISSUE_CHECK_SEEN_S * INT64_C(1000));
	AUTO_STRLIST struct strlist values = { 0 };
	struct dns_look seen = { 0 };

	strlist_add(&values, trial->txt.value);
	for (int64_t pause = LOOK_FIRST_MS;;) {
		if (!dns_txt_look(&trial->issue->settings.dns_settings, &place->zone,
		                  place->name, &values, &seen, why))
			return false;
		if (seen.all_show || clock_left_ms(deadline) < pause)
			break;
		wait_ms(pause);
		pause = pause * 2 < LOOK_MOST_MS ? pause * 2 : LOOK_MOST_MS;
	}
	if (!seen.all_show)
		dns_zone_format(&place->zone, lagging);
	return true;
}

static const char *const unseen[] = {
	[ISSUE_AUTHORITATIVE] = NULL,
	[ISSUE_RESOLVERS] =
	    "written and removed; not looked for, since resolvers remember",
	[ISSUE_SETTLE] = "written and removed; not looked for (propagation: settle)",
	[ISSUE_BLIND] = "written and removed; not looked for (propagation: none)",
};

static void say_seen(const struct trial *trial, const struct dns_zone *zone)
{
	AUTO_BUF struct buf text = BUF_INIT(1024);
	size_t unreached = 0;

	for (size_t i = 0; i < zone->count; i++)
		unreached += zone->servers[i].is_left_out;
	buf_addf(&text, "written, seen at %zu address%s of name servers and removed: %s",
	         zone->count - unreached, zone->count - unreached == 1 ? "" : "es",
	         trial->question->target);
	if (unreached)
		buf_addf(&text, "; %zu more cannot be reached from here", unreached);
	say(trial, FINDING_OK, text.data, "");
}

static void look_and_say(const struct trial *trial)
{
	const struct record_question *question = trial->question;
	AUTO_FREE struct dns_place *place = NEW(struct dns_place);
	AUTO_BUF struct buf lagging = BUF_INIT(4096);
	struct err why = { 0 };
	const char *not_looked = unseen[question->desk->settings->propagation];

	if (not_looked) {
		say(trial, FINDING_NOTE, not_looked, "");
	} else if (!issue_place_of(trial->issue, question->aim, place, &why) ||
	           !look(trial, place, &lagging, &why)) {
		say(trial, check_result_of(&why), why.msg, "");
	} else if (lagging.len) {
		AUTO_FREE char *text = xasprintf("not seen everywhere within %d s: %s",
		                                 ISSUE_CHECK_SEEN_S, lagging.data);

		say(trial, FINDING_NOTE, text, "orders wait for longer (spread-timeout)");
	} else {
		say_seen(trial, &place->zone);
	}
}

/* What cannot be removed now stays in the ledger, and the janitor tries again. */
static bool clean_up(const struct trial *trial, struct err *err)
{
	struct store *store = trial->issue->settings.store;
	struct err why = { 0 };

	if (!store_txt_set_state(store, trial->txt.id, TXT_UNWANTED, err))
		return err->kind == ERR_NOT_FOUND;
	if (!bring(trial, true, &why, err))
		return false;
	if (why.kind != ERR_NONE && !str_eq(why.code, held))
		say(trial, FINDING_FAILED, why.msg,
		    "the test record could not be removed; the next apply tries again");
	return true;
}

/* An entry that is held has worked, or nothing would have been spent. */
static void say_refused(const struct trial *trial, const struct err *why)
{
	const struct finding row = { .subject = trial->subject,
		                     .check = "record",
		                     .result = str_eq(why->code, held) ? FINDING_NOTE
		                                                       : FINDING_FAILED,
		                     .is_passing = err_infos[why->kind].retry,
		                     .text = why->msg };

	findings_add(&trial->answer->found, &row);
}

static bool try_it(struct trial *trial, struct err *err)
{
	struct err why = { 0 };

	if (!make_value(&trial->txt.value, err) ||
	    !store_txt_add(trial->issue->settings.store, &trial->txt, err) ||
	    !bring(trial, false, &why, err))
		return false;
	if (why.kind == ERR_NONE)
		look_and_say(trial);
	else
		say_refused(trial, &why);
	return clean_up(trial, err);
}

static bool try_record(struct issue *issue, const void *arg, struct check_answer *answer,
                       struct err *err)
{
	const struct record_question *question = arg;
	const struct issue_dns *dns = question->desk->settings;
	bool is_aside = !str_eq(question->challenge, question->target);
	CLEANUP(trial_deinit)
	struct trial trial = {
		.issue = issue,
		.question = question,
		.answer = answer,
		.subject = xasprintf("dns %s", dns->name),
	};
	union {
		const char *in;
		char *out;
	} text[4] = { { dns->name },
		      { issue_zone_for(dns, question->target, question->zone) },
		      { question->target },
		      { is_aside ? question->challenge : NULL } };

	trial.txt = (struct txt){ .dns = text[0].out,
		                  .zone = text[1].out,
		                  .name = text[2].out,
		                  .challenge = text[3].out,
		                  .created_at = clock_now() };
	if (!str_eq(dns->provider, "manual"))
		return try_it(&trial, err);
	say(&trial, FINDING_NOTE, "a person sets the records: not tried", "");
	return true;
}

const struct check_answer *check_record(struct issue *issue,
                                        const struct record_question *question,
                                        struct err *err)
{
	AUTO_FREE char *key = xasprintf("record %s %s", question->desk->settings->name,
	                                question->zone);

	return check_once(issue, key, try_record, question, err);
}
