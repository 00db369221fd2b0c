/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agentwire/agentwire.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void add_again(const struct agentwire_frame *frame, struct buf *out)
{
	const struct agentwire_start start = { frame->job, frame->reload_anyway,
		                               frame->confirm_timeout_s };

	if (frame->type == AGENTWIRE_HELLO)
		agentwire_add_hello(out);
	else if (frame->type == AGENTWIRE_JOB)
		agentwire_add_job(out, &start);
	else if (frame->type == AGENTWIRE_SLOT)
		agentwire_add_slot(out, frame->slot);
	else if (frame->type == AGENTWIRE_REQUEST)
		agentwire_add_request(out, frame->key_type, &frame->names);
	else if (frame->type == AGENTWIRE_FILE)
		agentwire_add_file(out, frame->file, frame->text, frame->len);
	else if (frame->type == AGENTWIRE_END)
		agentwire_add_end(out, frame->digest);
	else
		agentwire_add_word(out, frame->type);
}

/* A frame that was taken is written as the same bytes. */
static bool read_one(struct agentwire_order *order, const uint8_t *bytes, size_t len,
                     size_t *used)
{
	AUTO_AGENTWIRE_FRAME struct agentwire_frame frame = { 0 };
	AUTO_BUF struct buf again = BUF_INIT(AGENTWIRE_JOB_MAX);
	enum agentwire_type type;
	struct err err = { 0 };
	size_t size;

	if (len < AGENTWIRE_HEADER || !agentwire_read_header(bytes, &type, &size, &err) ||
	    len - AGENTWIRE_HEADER < size)
		return false;
	if (!agentwire_read(type, (const char *)bytes + AGENTWIRE_HEADER, size, &frame,
	                    &err)) {
		if (err.kind != ERR_REMOTE || !err.msg[0])
			abort();
		return false;
	}
	*used = AGENTWIRE_HEADER + size;
	add_again(&frame, &again);
	if (again.over || again.len != *used || memcmp(again.data, bytes, *used) != 0)
		abort();
	return agentwire_next(order, &frame, size, &err);
}

/* Frames as the agent reads them; or, behind an "L", a line as the issuer does. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct agentwire_order order = { 0 };
	size_t used = 0;

	if (len > 0 && bytes[0] == 'L') {
		AUTO_BUF struct buf line = BUF_INIT(4096);
		struct agentwire_line out;
		struct err err = { 0 };
		bool is_ours;

		buf_add(&line, bytes + 1, len - 1);
		(void)!agentwire_line_parse(line.data, &out, &is_ours, &err);
		return 0;
	}
	while (read_one(&order, bytes, len, &used)) {
		bytes += used;
		len -= used;
	}
	if (order.bytes > AGENTWIRE_JOB_MAX || order.slot_count > AGENTWIRE_SLOTS_MAX)
		abort();
	return 0;
}
