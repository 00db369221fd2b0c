/* SPDX-License-Identifier: Apache-2.0 */
#include "agentwire.h"

/*
 * What may come when, as a table: each type has a question that must be answered with
 * yes, and what has happened after it.
 */
enum {
	CERT = 1U << AGENTWIRE_CERT,
	CHAIN = 1U << AGENTWIRE_CHAIN,
	KEY = 1U << AGENTWIRE_KEY,
};

static const struct {
	bool wants_request;
	bool may_have_request;
	unsigned wanted, possible; /* files */
} jobs[] = {
	[AGENTWIRE_INSTALL] = { false, false, CERT | CHAIN, CERT | CHAIN | KEY },
	[AGENTWIRE_INSPECT] = { false, false, 0, 0 },
	[AGENTWIRE_CHECK] = { false, true, 0, 0 },
	[AGENTWIRE_CSR] = { true, true, 0, 0 },
};
_Static_assert(ARRAY_SIZE(jobs) == AGENTWIRE_JOB_COUNT, "a job has no row");

/* The slot that was begun has all that its job needs; also where there is none. */
static bool slot_is_whole(const struct agentwire_order *order)
{
	if (!order->has_slot)
		return true;
	return (order->has_request || !jobs[order->job].wants_request) &&
	       (order->files & jobs[order->job].wanted) == jobs[order->job].wanted;
}

static bool is_open(const struct agentwire_order *order)
{
	return order->has_job && !order->has_ended;
}

static bool may_hello(const struct agentwire_order *order,
                      const struct agentwire_frame *frame)
{
	(void)frame;
	return !order->is_greeted && !order->has_job;
}

static bool may_job(const struct agentwire_order *order,
                    const struct agentwire_frame *frame)
{
	(void)frame;
	return !order->has_job;
}

static bool may_slot(const struct agentwire_order *order,
                     const struct agentwire_frame *frame)
{
	(void)frame;
	return is_open(order) && slot_is_whole(order) &&
	       order->slot_count < AGENTWIRE_SLOTS_MAX;
}

static bool may_request(const struct agentwire_order *order,
                        const struct agentwire_frame *frame)
{
	(void)frame;
	return is_open(order) && order->has_slot && !order->has_request &&
	       jobs[order->job].may_have_request;
}

static bool may_file(const struct agentwire_order *order,
                     const struct agentwire_frame *frame)
{
	unsigned bit = 1U << frame->file;

	return is_open(order) && order->has_slot && !(order->files & bit) &&
	       (jobs[order->job].possible & bit);
}

static bool may_end(const struct agentwire_order *order,
                    const struct agentwire_frame *frame)
{
	(void)frame;
	return is_open(order) && order->has_slot && slot_is_whole(order);
}

static bool may_word(const struct agentwire_order *order,
                     const struct agentwire_frame *frame)
{
	(void)frame;
	return order->has_ended && !order->has_word && order->job == AGENTWIRE_INSTALL;
}

static void after_hello(struct agentwire_order *order,
                        const struct agentwire_frame *frame)
{
	(void)frame;
	order->is_greeted = true;
}

static void after_job(struct agentwire_order *order, const struct agentwire_frame *frame)
{
	order->has_job = true;
	order->job = frame->job;
}

static void after_slot(struct agentwire_order *order, const struct agentwire_frame *frame)
{
	(void)frame;
	order->has_slot = true;
	order->has_request = false;
	order->files = 0;
	order->slot_count++;
}

static void after_request(struct agentwire_order *order,
                          const struct agentwire_frame *frame)
{
	(void)frame;
	order->has_request = true;
}

static void after_file(struct agentwire_order *order, const struct agentwire_frame *frame)
{
	order->files |= 1U << frame->file;
}

static void after_end(struct agentwire_order *order, const struct agentwire_frame *frame)
{
	(void)frame;
	order->has_ended = true;
}

static void after_word(struct agentwire_order *order, const struct agentwire_frame *frame)
{
	(void)frame;
	order->has_word = true;
}

/* clang-format off */
static const struct {
	const char *name;
	bool (*may)(const struct agentwire_order *order, const struct agentwire_frame *frame);
	void (*after)(struct agentwire_order *order, const struct agentwire_frame *frame);
} types[] = {
	[AGENTWIRE_HELLO]    = { "hello",    may_hello,   after_hello   },
	[AGENTWIRE_JOB]      = { "job",      may_job,     after_job     },
	[AGENTWIRE_SLOT]     = { "slot",     may_slot,    after_slot    },
	[AGENTWIRE_REQUEST]  = { "request",  may_request, after_request },
	[AGENTWIRE_FILE]     = { "file",     may_file,    after_file    },
	[AGENTWIRE_END]      = { "end",      may_end,     after_end     },
	[AGENTWIRE_COMMIT]   = { "commit",   may_word,    after_word    },
	[AGENTWIRE_ROLLBACK] = { "rollback", may_word,    after_word    },
};
/* clang-format on */
_Static_assert(ARRAY_SIZE(types) == AGENTWIRE_TYPE_COUNT, "a type has no row");

bool agentwire_next(struct agentwire_order *order, const struct agentwire_frame *frame,
                    size_t payload_len, struct err *err)
{
	size_t bytes = order->bytes + AGENTWIRE_HEADER + payload_len;

	if (!types[frame->type].may(order, frame))
		return err_set(err, ERR_REMOTE,
		               "a frame \"%s\" that does not belong here: out of turn, "
		               "twice, or one too many",
		               types[frame->type].name);
	if (bytes > AGENTWIRE_JOB_MAX)
		return err_set(err, ERR_REMOTE, "a job of more than %d KiB",
		               AGENTWIRE_JOB_MAX / 1024);
	order->bytes = bytes;
	types[frame->type].after(order, frame);
	return true;
}
