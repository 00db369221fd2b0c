/* SPDX-License-Identifier: Apache-2.0 */
#include "finding.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

const char *const finding_result_names[] = {
	[FINDING_OK] = "ok",
	[FINDING_NOTE] = "note",
	[FINDING_FAILED] = "failed",
};
_Static_assert(ARRAY_SIZE(finding_result_names) == FINDING_RESULT_COUNT,
               "a result has no name");

void findings_init(struct findings *list)
{
	pthread_mutex_t *lock = NEW(pthread_mutex_t);

	pthread_mutex_init(lock, NULL);
	*list = (struct findings){ .lock = lock };
}

static void finding_deinit(struct finding *row)
{
	free(row->certificate);
	free(row->host);
	free(row->subject);
	free(row->check);
	free(row->text);
	free(row->advice);
}

void findings_deinit(struct findings *list)
{
	for (size_t i = 0; i < list->len; i++)
		finding_deinit(&list->items[i]);
	free(list->items);
	if (list->lock)
		pthread_mutex_destroy(list->lock);
	free(list->lock);
	*list = (struct findings){ 0 };
}

void findings_add(struct findings *list, const struct finding *row)
{
	pthread_mutex_lock(list->lock);
	list->items = xrealloc(list->items, list->len + 1, sizeof(*list->items));
	list->items[list->len++] = (struct finding){
		.certificate = xstrdup(row->certificate),
		.host = xstrdup(row->host),
		.subject = xstrdup(row->subject ? row->subject : ""),
		.check = xstrdup(row->check ? row->check : ""),
		.result = row->result,
		.text = xstrdup(row->text ? row->text : ""),
		.advice = xstrdup(row->advice ? row->advice : ""),
	};
	pthread_mutex_unlock(list->lock);
}

enum finding_result findings_worst(const struct findings *list)
{
	enum finding_result worst = FINDING_OK;

	for (size_t i = 0; i < list->len; i++)
		if (list->items[i].result > worst)
			worst = list->items[i].result;
	return worst;
}

/* Insertion, since it must keep the order of equals; a list is as long as a fleet. */
void findings_sort(struct findings *list)
{
	for (size_t i = 1; i < list->len; i++) {
		struct finding row = list->items[i];
		size_t at = i;

		for (; at > 0 && strcmp(list->items[at - 1].subject, row.subject) > 0;
		     at--)
			list->items[at] = list->items[at - 1];
		list->items[at] = row;
	}
}
