/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FINDING_H
#define BASE_FINDING_H
#include <stdbool.h>
#include <stddef.h>

#include "cleanup.h"
#include "err.h"

/*
 * finding - what a check found, for one table of all checks
 *
 * Checks are made in several modules and from several threads; each adds rows to one
 * list. A row belongs to a certificate, to a host, to both (that certificate on that
 * host), or to neither (everything). The list owns its texts. Adding is safe from any
 * thread between findings_init() and findings_deinit(); reading is for when nobody adds.
 */
enum finding_result {
	FINDING_OK,
	FINDING_NOTE,   /* not certain, or not good but in nobody's way */
	FINDING_FAILED, /* it would fail */
	FINDING_RESULT_COUNT
};
/* "ok", "note", "failed" */
extern const char *const finding_result_names[FINDING_RESULT_COUNT];

struct finding {
	const char *certificate; /* NULL: of no one in particular */
	const char *host;        /* NULL: of no one in particular */
	const char
	    *subject;      /* what was looked at: "*.example.org", "web-1", "dns home" */
	const char *check; /* "zone", "CAA", "login", ... */
	enum finding_result result;
	bool is_passing;  /* of a failure: it may be over by the next run, without anybody
	                   */
	const char *text; /* what was seen; "" */
	const char *advice; /* what to do; "" where nothing is */
};

struct findings {
	void *lock; /* findings_init() makes it */
	struct finding *items;
	size_t len;
};

void findings_init(struct findings *list);
void findings_deinit(struct findings *list);
#define AUTO_FINDINGS CLEANUP(findings_deinit)

/* Copies the row. */
void findings_add(struct findings *list, const struct finding *row);

/* The worst there is. */
enum finding_result findings_worst(const struct findings *list);

/* In a sorted list: does a row before this one say the same? Many certificates share a
 * name, and what fails is a row of each. */
bool findings_is_repeat(const struct findings *list, size_t at);

/* By subject, then in the order in which they were added: threads mix them up. */
void findings_sort(struct findings *list);
#endif
