/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPLOY_PUSH_PARTS_H
#define DEPLOY_PUSH_PARTS_H
#include "internal.h"

/* push_parts - one push on its way, for push.c and push_lines.c */
struct push {
	struct visit *visit;
	struct cargo **cargo; /* of this service */
	size_t count;
	int64_t deadline_ms;
	unsigned heard; /* a bit for each step that was said, of whatever slot */
	bool is_told;   /* our word, "commit" */
	bool reload_anyway;
	bool is_committed;
	struct err err; /* of the push as a whole */
};

/* The first reason counts. */
void push_blame(struct push *push, const struct err *why);

/* push_lines.c: what the server said, and what that means for the cargo. */
bool push_take_line(struct push *push, const char *text, struct err *err) MUST_CHECK;
#endif
