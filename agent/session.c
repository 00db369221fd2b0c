/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "boot.h"
#include "crypto/digest.h"
#include "say.h"

enum {
	HEAR_MS = 60 * 1000, /* the job, from its first byte to its last */
	SLICE_MS = 500,      /* how long a signal may wait to be seen */
	SLACK_S = 120,       /* staging, locks, and answers */
};

struct hearing {
	struct job *job;
	struct buf raw; /* the job's frames, for the digest */
	int64_t deadline_ms;
	bool is_over; /* the other side has closed, between two frames */
};

static bool wait_for_bytes(int64_t deadline_ms, struct err *err)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };

	for (;;) {
		int left = clock_left_ms(deadline_ms);
		int n = poll(&pfd, 1, left < SLICE_MS ? left : SLICE_MS);

		if (boot_is_stopped())
			return err_set(err, ERR_TEMPORARY, "told to stop");
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return err_set_errno(err, ERR_INTERNAL, "standard input");
		if (clock_left_ms(deadline_ms) == 0)
			return err_set(err, ERR_TEMPORARY, "the issuer is silent");
	}
}

/* Exactly so many bytes. *ended: it closed before the first of them. */
static bool read_bytes(char *out, size_t len, int64_t deadline_ms, bool *ended,
                       struct err *err)
{
	size_t have = 0;

	*ended = false;
	while (have < len) {
		ssize_t n;

		if (!wait_for_bytes(deadline_ms, err))
			return false;
		n = read(STDIN_FILENO, out + have, len - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, ERR_TEMPORARY, "standard input");
		if (n == 0) {
			*ended = have == 0;
			return *ended ||
			       err_set(err, ERR_TEMPORARY, "the connection was cut");
		}
		have += (size_t)n;
	}
	return true;
}

static struct delivery *add_delivery(struct job *job, const char *name, struct err *err)
{
	struct delivery *delivery;

	for (size_t i = 0; i < job->count; i++) {
		if (!str_eq(job->deliveries[i].name, name))
			continue;
		(void)err_set(err, ERR_REMOTE, "slot %s twice in one job", name);
		return NULL;
	}
	job->deliveries = xrealloc(job->deliveries, job->count + 1,
	                           sizeof(*job->deliveries));
	delivery = &job->deliveries[job->count++];
	*delivery = (struct delivery){ .slot = policy_slot(job->policy, name),
		                       .place = PLACE_INIT };
	snprintf(delivery->name, sizeof(delivery->name), "%s", name);
	return delivery;
}

static bool take_nothing(struct hearing *hearing, struct agentwire_frame *frame,
                         struct err *err)
{
	(void)hearing, (void)frame, (void)err;
	return true;
}

/* Slots and their services, so that the issuer sees what this server has. */
static void say_slot(const struct policy_slot *slot)
{
	say("slot %s %s", slot->name, slot->is_key_on_target ? "target" : "issuer");
	for (size_t i = 0; i < slot->service_names.len; i++)
		say("service %s %s", slot->name, slot->service_names.items[i]);
}

static bool take_hello(struct hearing *hearing, struct agentwire_frame *frame,
                       struct err *err)
{
	const struct policy *policy = hearing->job->policy;

	(void)frame, (void)err;
	say("agent %s %zu", CERTFERRY_VERSION, policy->slot_count);
	for (size_t i = 0; i < policy->slot_count; i++)
		say_slot(&policy->slots[i]);
	return true;
}

static bool take_job(struct hearing *hearing, struct agentwire_frame *frame,
                     struct err *err)
{
	(void)err;
	hearing->job->kind = frame->job;
	hearing->job->reload_anyway = frame->reload_anyway;
	hearing->job->confirm_timeout_s = frame->confirm_timeout_s;
	return true;
}

static bool take_slot(struct hearing *hearing, struct agentwire_frame *frame,
                      struct err *err)
{
	return add_delivery(hearing->job, frame->slot, err) != NULL;
}

static struct delivery *last(struct job *job)
{
	return &job->deliveries[job->count - 1];
}

static bool take_request(struct hearing *hearing, struct agentwire_frame *frame,
                         struct err *err)
{
	struct delivery *delivery = last(hearing->job);

	(void)err;
	delivery->has_request = true;
	delivery->key_type = frame->key_type;
	delivery->names = frame->names;
	frame->names = (struct strlist){ 0 };
	return true;
}

static bool take_file(struct hearing *hearing, struct agentwire_frame *frame,
                      struct err *err)
{
	(void)err;
	last(hearing->job)->pem[frame->file] = secret_new(frame->text, frame->len);
	return true;
}

static bool take_end(struct hearing *hearing, struct agentwire_frame *frame,
                     struct err *err)
{
	unsigned char digest[SHA256_LEN];

	sha256(hearing->raw.data, hearing->raw.len, digest);
	return bytes_equal(digest, frame->digest, sizeof(digest)) ||
	       err_set(err, ERR_REMOTE, "the digest is not that of what was sent");
}

static const struct {
	bool (*take)(struct hearing *hearing, struct agentwire_frame *frame,
	             struct err *err);
} types[] = {
	[AGENTWIRE_HELLO] = { take_hello },    [AGENTWIRE_JOB] = { take_job },
	[AGENTWIRE_SLOT] = { take_slot },      [AGENTWIRE_REQUEST] = { take_request },
	[AGENTWIRE_FILE] = { take_file },      [AGENTWIRE_END] = { take_end },
	[AGENTWIRE_COMMIT] = { take_nothing }, [AGENTWIRE_ROLLBACK] = { take_nothing },
};
_Static_assert(ARRAY_SIZE(types) == AGENTWIRE_TYPE_COUNT, "a type has no row");

/* One frame: header, payload, order, and what it means. */
static bool hear_frame(struct hearing *hearing, struct agentwire_frame *frame,
                       struct err *err)
{
	unsigned char header[AGENTWIRE_HEADER];
	AUTO_FREE char *bytes = NULL;
	enum agentwire_type type;
	size_t len;
	bool ended, good;

	if (!read_bytes((char *)header, sizeof(header), hearing->deadline_ms,
	                &hearing->is_over, err) ||
	    hearing->is_over)
		return hearing->is_over;
	if (!agentwire_read_header(header, &type, &len, err))
		return false;
	bytes = xcalloc(1, len + 1);
	good = read_bytes(bytes, len, hearing->deadline_ms, &ended, err);
	if (good && ended)
		good = err_set(err, ERR_TEMPORARY, "the connection was cut");
	good = good && agentwire_read(type, bytes, len, frame, err) &&
	       agentwire_next(&hearing->job->order, frame, len, err) &&
	       types[type].take(hearing, frame, err);
	if (type != AGENTWIRE_HELLO) {
		buf_add(&hearing->raw, header, sizeof(header));
		buf_add(&hearing->raw, bytes, len);
	}
	explicit_bzero(bytes, len);
	return good;
}

static bool hear_job(struct job *job, bool *is_over, struct err *err)
{
	struct hearing hearing = { .job = job,
		                   .raw = BUF_INIT(AGENTWIRE_JOB_MAX + 4096),
		                   .deadline_ms = clock_deadline_ms(HEAR_MS) };
	bool good = true;

	while (good && !hearing.is_over && !job->order.has_ended) {
		AUTO_AGENTWIRE_FRAME struct agentwire_frame frame = { 0 };

		good = hear_frame(&hearing, &frame, err);
	}
	buf_wipe(&hearing.raw);
	*is_over = hearing.is_over;
	return good;
}

bool session_hear_word(struct job *job)
{
	struct hearing hearing = {
		.job = job,
		.raw = BUF_INIT(4096),
		.deadline_ms = clock_deadline_ms(job->confirm_timeout_s * INT64_C(1000)),
	};
	AUTO_AGENTWIRE_FRAME struct agentwire_frame frame = { 0 };
	struct err err;
	bool good = hear_frame(&hearing, &frame, &err) && !hearing.is_over;

	buf_wipe(&hearing.raw);
	return good && frame.type == AGENTWIRE_COMMIT;
}

/* Test and reload of every service, both twice, and the issuer's time to look. */
static void give_time(const struct job *job)
{
	unsigned seconds = SLACK_S + (unsigned)job->confirm_timeout_s;

	for (size_t i = 0; i < job->policy->service_count; i++)
		for (size_t j = 0; j < POLICY_ACTION_COUNT; j++)
			seconds += 2 *
			           (unsigned)job->policy->services[i].run[j].timeout_s;
	boot_set_alarm(seconds);
}

static const struct {
	int (*run)(struct job *job);
} jobs[] = {
	[AGENTWIRE_INSTALL] = { install_run },
	[AGENTWIRE_INSPECT] = { inspect_run },
	[AGENTWIRE_CHECK] = { check_run },
	[AGENTWIRE_CSR] = { request_run },
};
_Static_assert(ARRAY_SIZE(jobs) == AGENTWIRE_JOB_COUNT, "a job has no row");

/* Whoever has said nothing that we understand may be a person who wanted a command run:
 * "ssh server id". */
static int give_up(const struct job *job, const char *why)
{
	const bool is_known = job->order.is_greeted || job->order.has_job;
	const char *more = is_known ? ""
	                            : "; this key may run certferry-agent and nothing "
	                              "else; nothing was done";

	say("failed %.*s%s", SAY_TEXT_MAX - (int)strlen(more), why, more);
	return 1;
}

int session_run(struct job *job)
{
	struct err err = { 0 };
	bool is_over;

	boot_set_alarm(SLACK_S);
	if (!hear_job(job, &is_over, &err))
		return give_up(job, err.msg);
	if (is_over) {
		if (!job->order.has_job && job->order.is_greeted)
			return 0;
		return give_up(job, job->order.has_job ? "the connection was cut"
		                                       : "nothing was asked");
	}
	give_time(job);
	return jobs[job->kind].run(job);
}
