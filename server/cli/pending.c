/* SPDX-License-Identifier: Apache-2.0 */
#include "pending.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/order.h"

/* Of an entry that the configuration does not have any more. */
enum { TTL_S = 60 };

/* Orders that are under way, as far as their records are concerned. */
struct waiter {
	int64_t id;
	char *place;
	bool is_looking; /* until when is known: since_ms is when it began */
	int64_t since_ms;
};

struct waiters {
	struct waiter *items;
	size_t len;
};

static void waiters_deinit(struct waiters *waiters)
{
	for (size_t i = 0; i < waiters->len; i++)
		free(waiters->items[i].place);
	free(waiters->items);
}

static bool note_order(void *arg, const struct order *order, struct err *err)
{
	struct waiters *waiters = arg;

	(void)err;
	waiters->items = xrealloc(waiters->items, waiters->len + 1,
	                          sizeof(*waiters->items));
	waiters->items[waiters->len++] = (struct waiter){
		.id = order->id,
		.place = xasprintf("%s/%s", order->certificate, order->host),
		.is_looking = order->state == ORDER_SPREAD,
		.since_ms = order->state_since_ms,
	};
	return true;
}

static const struct waiter *find_waiter(const struct waiters *waiters, int64_t id)
{
	for (size_t i = 0; i < waiters->len; i++)
		if (waiters->items[i].id == id)
			return &waiters->items[i];
	return NULL;
}

static const struct config_dns *find_dns(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->dns_count; i++)
		if (str_eq(config->dns[i].name, name))
			return &config->dns[i];
	return NULL;
}

/* An order that does not look yet will give that much time when it does. */
static void add_wait(struct pending_record *record, const struct waiter *waiter,
                     const struct config_dns *dns)
{
	int64_t since = waiter->is_looking ? waiter->since_ms / 1000 : clock_now();
	int64_t until = since + dns->by_hand_timeout_s;
	char when[CLOCK_TEXT];
	AUTO_FREE char *line = xasprintf("%s waits until %s", waiter->place,
	                                 clock_format(until, when));

	strlist_add(&record->waits, line);
	record->until = until;
}

static void add_record(struct pending *pending, const struct config *config,
                       const struct waiters *waiters, const struct txt *txt)
{
	const struct config_dns *dns = find_dns(config, txt->dns);
	const struct waiter *waiter = find_waiter(waiters, txt->order_id);
	struct pending_record *record;

	pending->records = xrealloc(pending->records, pending->len + 1,
	                            sizeof(*pending->records));
	record = &pending->records[pending->len++];
	*record = (struct pending_record){
		.remove = txt->state == TXT_LEFT,
		.zone = xstrdup(txt->zone),
		.name = xstrdup(txt->name),
		.value = xstrdup(txt->value),
		.dns = xstrdup(txt->dns),
		.ttl_s = dns ? dns->ttl_s : TTL_S,
	};
	if (waiter)
		strlist_add(&record->places, waiter->place);
	/* Without its entry the next apply gives the order up. */
	if (waiter && dns && !record->remove)
		add_wait(record, waiter, dns);
}

static bool add_state(struct pending *pending, const struct config *config,
                      struct store *store, enum txt_state state, struct err *err)
{
	CLEANUP(waiters_deinit) struct waiters waiters = { 0 };
	AUTO_TXT_LIST struct txt_list rows = { 0 };
	const struct txt_filter filter = { .state = state };

	if (!store_txt_list(store, &filter, &rows, err))
		return false;
	if (rows.len && !store_order_each_open(store, note_order, &waiters, err))
		return false;
	for (size_t i = 0; i < rows.len; i++)
		add_record(pending, config, &waiters, &rows.items[i]);
	return true;
}

static int by_place(const void *a, const void *b)
{
	const struct pending_record *first = a, *second = b;
	const char *pairs[][2] = { { first->zone, second->zone },
		                   { first->name, second->name },
		                   { first->value, second->value } };
	int order = first->remove - second->remove;

	for (size_t i = 0; i < ARRAY_SIZE(pairs) && !order; i++)
		order = strcmp(pairs[i][0], pairs[i][1]);
	return order;
}

static void record_deinit(struct pending_record *record)
{
	free(record->zone);
	free(record->name);
	free(record->value);
	free(record->dns);
	strlist_deinit(&record->places);
	strlist_deinit(&record->waits);
}

static void add_new(struct strlist *list, const struct strlist *more)
{
	for (size_t i = 0; i < more->len; i++)
		if (!strlist_has(list, more->items[i]))
			strlist_add(list, more->items[i]);
	strlist_sort(list);
}

/* Two orders may want one record: a person sets it once. */
static void merge(struct pending *pending)
{
	size_t kept = 0;

	for (size_t i = 1; i < pending->len; i++) {
		struct pending_record *one = &pending->records[kept];
		struct pending_record *other = &pending->records[i];

		if (by_place(one, other) != 0) {
			pending->records[++kept] = *other;
			continue;
		}
		add_new(&one->places, &other->places);
		add_new(&one->waits, &other->waits);
		if (other->until && (!one->until || other->until < one->until))
			one->until = other->until;
		record_deinit(other);
	}
	pending->len = pending->len ? kept + 1 : 0;
}

bool pending_load(struct pending *pending, const struct config *config,
                  struct store *store, struct err *err)
{
	if (!add_state(pending, config, store, TXT_ASKED, err) ||
	    !add_state(pending, config, store, TXT_LEFT, err))
		return false;
	if (pending->len)
		qsort(pending->records, pending->len, sizeof(*pending->records),
		      by_place);
	merge(pending);
	return true;
}

void pending_deinit(struct pending *pending)
{
	for (size_t i = 0; i < pending->len; i++)
		record_deinit(&pending->records[i]);
	free(pending->records);
	*pending = (struct pending){ 0 };
}

size_t pending_count(const struct pending *pending, bool remove)
{
	size_t count = 0;

	for (size_t i = 0; i < pending->len; i++)
		count += pending->records[i].remove == remove;
	return count;
}

/* What stands above the lines of a zone is a comment in a zone file. */
static void print_zone(const struct pending *pending, size_t at, FILE *to)
{
	const struct pending_record *first = &pending->records[at];
	AUTO_STRLIST struct strlist waits = { 0 };

	for (size_t i = at; i < pending->len; i++)
		if (pending->records[i].remove == first->remove &&
		    str_eq(pending->records[i].zone, first->zone))
			add_new(&waits, &pending->records[i].waits);
	fprintf(to, "\n; zone %s\n", first->zone);
	for (size_t i = 0; i < waits.len; i++)
		fprintf(to, "; %s\n", waits.items[i]);
}

static void print_records(const struct pending *pending, bool remove, FILE *to)
{
	const char *zone = NULL;

	for (size_t i = 0; i < pending->len; i++) {
		const struct pending_record *record = &pending->records[i];

		if (record->remove != remove)
			continue;
		if (!str_eq(zone, record->zone))
			print_zone(pending, i, to);
		zone = record->zone;
		fprintf(to, "%s. %d IN TXT \"%s\"\n", record->name, record->ttl_s,
		        record->value);
	}
	fprintf(to, "\n");
}

void pending_print(const struct pending *pending, FILE *to)
{
	size_t set = pending_count(pending, false), left = pending_count(pending, true);

	if (set) {
		fprintf(
		    to,
		    "Set %s beside what is there; the next apply looks and goes on:\n",
		    set == 1 ? "this TXT record" : "these TXT records");
		print_records(pending, false, to);
	}
	if (left) {
		fprintf(to, "Remove %s, and nothing beside:\n",
		        left == 1 ? "this TXT record" : "these TXT records");
		print_records(pending, true, to);
	}
}
