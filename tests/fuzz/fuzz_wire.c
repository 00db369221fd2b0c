/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "provider/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void read_answer(const struct buf *frame)
{
	AUTO_BUF struct buf again = BUF_INIT(FRAME_MAX);
	struct wire_answer answer, same;
	struct err err = { 0 }, shown;

	if (!wire_get_answer(frame, &answer, &err)) {
		if (!err.msg[0])
			abort();
		wire_answer_deinit(&answer);
		return;
	}
	wire_result_to_err(&answer, &shown);
	/* What was taken is written so that it is taken again. */
	if (!wire_put_answer(&answer, &again, &err) ||
	    !wire_get_answer(&again, &same, &err) || same.result != answer.result ||
	    same.requests != (answer.window_s > 0 ? answer.requests : 0) ||
	    strcmp(same.text, answer.text) != 0)
		abort();
	wire_answer_deinit(&same);
	wire_answer_deinit(&answer);
}

/* The first byte chooses who reads the rest. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct buf frame = BUF_INIT(FRAME_MAX);
	struct wire_request request;
	struct wire_change change;
	struct err err = { 0 };

	if (len < 1 || len > FRAME_MAX)
		return 0;
	json_init();
	buf_add(&frame, bytes + 1, len - 1);
	if (bytes[0] % 3 == 0) {
		(void)!wire_get_request(&frame, &request, &err);
		wire_request_deinit(&request);
	} else if (bytes[0] % 3 == 1) {
		(void)!wire_get_change(&frame, &change, &err);
		wire_change_deinit(&change);
	} else {
		read_answer(&frame);
	}
	buf_wipe(&frame);
	return 0;
}
