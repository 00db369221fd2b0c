/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/mem.h"

/* When to look, and what was seen. The looks themselves are spread_step.c's. */

enum {
	MACHINE_FIRST_MS = 100,
	MACHINE_MOST_MS = 10 * 1000,
	/* Resolvers remember that there was nothing, so they are not asked too early, nor
	 * again before they forget. */
	RESOLVER_FIRST_MS = 2 * 1000,
	NEGATIVE_MOST_S = 300,
	/* Longer than a run waits for what is not due yet: it ends, and the next goes on.
	 */
	PERSON_FIRST_MS = 60 * 1000,
	PERSON_MOST_MS = 600 * 1000,
	/* One server with one address has no others to lag behind: at once. */
	AGAIN_ONE_MS = 0,
	AGAIN_MS = 1000,
};

struct watch {
	pthread_mutex_t lock;
	struct watch_note **notes;
	size_t len;
};

struct watch *watch_new(void)
{
	struct watch *watch = NEW(struct watch);

	pthread_mutex_init(&watch->lock, NULL);
	return watch;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	for (size_t i = 0; i < watch->len; i++)
		free(watch->notes[i]);
	free(watch->notes);
	pthread_mutex_destroy(&watch->lock);
	free(watch);
}

static struct watch_note *find(const struct watch *watch, int64_t order_id,
                               int64_t authz_id)
{
	for (size_t i = 0; i < watch->len; i++)
		if (watch->notes[i]->order_id == order_id &&
		    watch->notes[i]->authz_id == authz_id)
			return watch->notes[i];
	return NULL;
}

struct watch_note *watch_of(struct watch *watch, int64_t order_id, int64_t authz_id)
{
	struct watch_note *note;

	pthread_mutex_lock(&watch->lock);
	note = find(watch, order_id, authz_id);
	if (!note) {
		note = NEW(struct watch_note);
		note->order_id = order_id;
		note->authz_id = authz_id;
		watch->notes = xrealloc(watch->notes, watch->len + 1,
		                        sizeof(struct watch_note *));
		watch->notes[watch->len++] = note;
	}
	pthread_mutex_unlock(&watch->lock);
	return note;
}

void watch_forget(struct watch *watch, int64_t order_id)
{
	pthread_mutex_lock(&watch->lock);
	for (size_t i = watch->len; i-- > 0;) {
		if (watch->notes[i]->order_id != order_id)
			continue;
		free(watch->notes[i]);
		watch->notes[i] = watch->notes[--watch->len];
	}
	pthread_mutex_unlock(&watch->lock);
}

static int64_t doubled(int64_t first_ms, int64_t most_ms, int times)
{
	int64_t wait_ms = first_ms;

	for (int i = 0; i < times && wait_ms < most_ms; i++)
		wait_ms *= 2;
	return wait_ms < most_ms ? wait_ms : most_ms;
}

int64_t watch_first_ms(const struct watch_rule *rule)
{
	return rule->propagation == ISSUE_RESOLVERS ? RESOLVER_FIRST_MS : 0;
}

static int64_t negative_ms(const struct dns_look *look)
{
	int64_t wait_s = look ? look->negative_ttl_s : 0;

	return 1000 * (wait_s < NEGATIVE_MOST_S ? wait_s : NEGATIVE_MOST_S);
}

/* After `looks` looks that did not see it everywhere. */
static int64_t again_ms(const struct watch_rule *rule, const struct dns_look *look,
                        int looks)
{
	bool is_asking_resolvers = rule->propagation == ISSUE_RESOLVERS;
	int64_t wait_ms;

	if (rule->is_by_hand)
		wait_ms = doubled(PERSON_FIRST_MS, PERSON_MOST_MS, looks);
	else
		wait_ms = doubled(is_asking_resolvers ? RESOLVER_FIRST_MS
		                                      : MACHINE_FIRST_MS,
		                  MACHINE_MOST_MS, looks);
	/* Once they have forgotten the no, they will ask anew, however long we waited. */
	if (is_asking_resolvers && negative_ms(look) > 0 &&
	    (!rule->is_by_hand || negative_ms(look) > wait_ms))
		return negative_ms(look);
	return wait_ms;
}

void watch_saw(struct watch_note *note, const struct watch_rule *rule,
               const struct dns_look *look, int64_t now_ms)
{
	if (!look || !look->all_show) {
		note->look_at_ms = now_ms + again_ms(rule, look, note->looks);
		note->looks++;
		note->shows = 0;
		return;
	}
	note->looks = 0;
	note->shows++;
	note->look_at_ms = now_ms + (rule->addresses > 1 ? AGAIN_MS : AGAIN_ONE_MS);
	if (note->shows >= 2 && !note->agreed_ms)
		note->agreed_ms = now_ms;
}

int64_t watch_left_ms(const struct watch_note *note, const struct watch_rule *rule,
                      int64_t now_ms)
{
	return note->agreed_ms + rule->settle_s * INT64_C(1000) - now_ms;
}
