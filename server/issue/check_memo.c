/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>

#include "base/mem.h"

struct entry {
	struct entry *next;
	char *key;
	bool is_made, is_good;
	struct check_answer answer;
	struct err err;
};

struct check_memo {
	pthread_mutex_t lock;
	pthread_cond_t made;
	struct entry *first;
};

struct check_memo *check_memo_new(void)
{
	struct check_memo *memo = NEW(struct check_memo);

	pthread_mutex_init(&memo->lock, NULL);
	pthread_cond_init(&memo->made, NULL);
	return memo;
}

void check_memo_free(struct check_memo *memo)
{
	if (!memo)
		return;
	while (memo->first) {
		struct entry *entry = memo->first;

		memo->first = entry->next;
		findings_deinit(&entry->answer.found);
		strlist_deinit(&entry->answer.facts);
		free(entry->key);
		free(entry);
	}
	pthread_cond_destroy(&memo->made);
	pthread_mutex_destroy(&memo->lock);
	free(memo);
}

static struct entry *find(struct check_memo *memo, const char *key)
{
	for (struct entry *entry = memo->first; entry; entry = entry->next)
		if (str_eq(entry->key, key))
			return entry;
	return NULL;
}

static struct entry *add(struct check_memo *memo, const char *key)
{
	struct entry *entry = NEW(struct entry);

	entry->key = xstrdup(key);
	findings_init(&entry->answer.found);
	entry->next = memo->first;
	memo->first = entry;
	return entry;
}

const struct check_answer *check_once(struct issue *issue, const char *key,
                                      check_fn *make, const void *arg, struct err *err)
{
	struct check_memo *memo = issue->checks;
	struct entry *entry;
	bool is_ours;

	pthread_mutex_lock(&memo->lock);
	entry = find(memo, key);
	is_ours = !entry;
	if (is_ours)
		entry = add(memo, key);
	while (!is_ours && !entry->is_made)
		pthread_cond_wait(&memo->made, &memo->lock);
	pthread_mutex_unlock(&memo->lock);
	if (is_ours) {
		bool good = make(issue, arg, &entry->answer, &entry->err);

		pthread_mutex_lock(&memo->lock);
		entry->is_good = good;
		entry->is_made = true;
		pthread_cond_broadcast(&memo->made);
		pthread_mutex_unlock(&memo->lock);
	}
	if (!entry->is_good)
		*err = entry->err;
	return entry->is_good ? &entry->answer : NULL;
}

void check_add(struct check_answer *answer, const char *subject, const char *check,
               enum finding_result result, const char *text, const char *advice)
{
	const struct finding row = { .subject = subject,
		                     .check = check,
		                     .result = result,
		                     .text = text,
		                     .advice = advice };

	findings_add(&answer->found, &row);
}

enum finding_result check_result_of(const struct err *why)
{
	return err_infos[why->kind].retry ? FINDING_NOTE : FINDING_FAILED;
}
