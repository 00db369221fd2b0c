/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/*
 * The servers of a zone are looked up once a minute and not for every look at a TXT
 * record: a wave of orders in one zone would otherwise ask the resolver the same again
 * and again. What the servers say is never kept.
 */

enum { ZONES_MAX = 32, KEPT_MS = 60 * 1000 };

struct zone_shelf {
	pthread_mutex_t lock;
	struct {
		int64_t at_ms; /* 0: empty */
		struct dns_zone zone;
	} rows[ZONES_MAX];
};

struct zone_shelf *zone_shelf_new(void)
{
	struct zone_shelf *shelf = NEW(struct zone_shelf);

	pthread_mutex_init(&shelf->lock, NULL);
	return shelf;
}

void zone_shelf_free(struct zone_shelf *shelf)
{
	if (!shelf)
		return;
	pthread_mutex_destroy(&shelf->lock);
	free(shelf);
}

static bool take(struct zone_shelf *shelf, const char *name, struct dns_zone *out)
{
	bool found = false;

	pthread_mutex_lock(&shelf->lock);
	for (size_t i = 0; i < ZONES_MAX && !found; i++) {
		found = shelf->rows[i].at_ms &&
		        clock_mono_ms() - shelf->rows[i].at_ms < KEPT_MS &&
		        str_eq(shelf->rows[i].zone.name, name);
		if (found)
			*out = shelf->rows[i].zone;
	}
	pthread_mutex_unlock(&shelf->lock);
	return found;
}

/* In the place of the same zone, else of the oldest. */
static void put(struct zone_shelf *shelf, const struct dns_zone *zone)
{
	size_t at = 0;

	pthread_mutex_lock(&shelf->lock);
	for (size_t i = 0; i < ZONES_MAX; i++) {
		if (shelf->rows[i].at_ms &&
		    str_eq(shelf->rows[i].zone.name, zone->name)) {
			at = i;
			break;
		}
		if (shelf->rows[i].at_ms < shelf->rows[at].at_ms)
			at = i;
	}
	shelf->rows[at].at_ms = clock_mono_ms();
	shelf->rows[at].zone = *zone;
	pthread_mutex_unlock(&shelf->lock);
}

bool issue_zone_of(struct issue *issue, const char *name, struct dns_zone *out,
                   struct err *err)
{
	if (!dns_zone_find(&issue->settings.dns_settings, name, out, err))
		return false;
	put(issue->zones, out);
	return true;
}

bool issue_zone_servers(struct issue *issue, const char *zone, struct dns_zone *out,
                        struct err *err)
{
	return take(issue->zones, zone, out) || issue_zone_of(issue, zone, out, err);
}
