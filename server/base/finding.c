/* SPDX-License-Identifier: Apache-2.0 */
#include "finding.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "str.h"

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

/* Ours since findings_add(), though rows promise nobody that they may be written to. */
static void drop(const char *text)
{
	free((void *)(uintptr_t)text);
}

static void finding_deinit(struct finding *row)
{
	drop(row->certificate);
	drop(row->host);
	drop(row->subject);
	drop(row->check);
	drop(row->text);
	drop(row->advice);
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
		.is_passing = row->is_passing,
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

struct ranked {
	struct finding row;
	size_t at;
};

static int compare(const void *a, const void *b)
{
	const struct ranked *one = a, *other = b;
	int by_subject = strcmp(one->row.subject, other->row.subject);

	return by_subject != 0       ? by_subject
	       : one->at < other->at ? -1
	                             : one->at > other->at;
}

void findings_sort(struct findings *list)
{
	AUTO_FREE struct ranked *all = xcalloc(list->len + 1, sizeof(*all));

	for (size_t i = 0; i < list->len; i++)
		all[i] = (struct ranked){ list->items[i], i };
	qsort(all, list->len, sizeof(*all), compare);
	for (size_t i = 0; i < list->len; i++)
		list->items[i] = all[i].row;
}

static bool is_same(const struct finding *a, const struct finding *b)
{
	return str_eq(a->check, b->check) && str_eq(a->text, b->text) &&
	       a->result == b->result;
}

bool findings_is_repeat(const struct findings *list, size_t at)
{
	const struct finding *row = &list->items[at];

	for (size_t i = at; i > 0 && str_eq(list->items[i - 1].subject, row->subject);
	     i--)
		if (is_same(&list->items[i - 1], row))
			return true;
	return false;
}
