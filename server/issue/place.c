/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/dnsname.h"
#include "base/mem.h"

/*
 * Where challenges lead, and the servers there, are looked up once a minute and not for
 * every look at a TXT record.
 */

enum { PLACES_MAX = 128, KEPT_MS = 60 * 1000 };

struct place_shelf {
	pthread_mutex_t lock;
	struct {
		int64_t at_ms; /* 0: empty */
		bool is_direct;
		char challenge[DNS_NAME_TEXT];
		struct dns_place place;
	} rows[PLACES_MAX];
};

struct place_shelf *place_shelf_new(void)
{
	struct place_shelf *shelf = NEW(struct place_shelf);

	pthread_mutex_init(&shelf->lock, NULL);
	return shelf;
}

void place_shelf_free(struct place_shelf *shelf)
{
	if (!shelf)
		return;
	pthread_mutex_destroy(&shelf->lock);
	free(shelf);
}

static bool is_row_of(const struct place_shelf *shelf, size_t at, const char *challenge,
                      bool is_direct)
{
	return shelf->rows[at].at_ms && shelf->rows[at].is_direct == is_direct &&
	       str_eq(shelf->rows[at].challenge, challenge);
}

static bool take(struct place_shelf *shelf, const char *challenge, bool is_direct,
                 struct dns_place *out)
{
	bool found = false;

	pthread_mutex_lock(&shelf->lock);
	for (size_t i = 0; i < PLACES_MAX && !found; i++) {
		found = is_row_of(shelf, i, challenge, is_direct) &&
		        clock_mono_ms() - shelf->rows[i].at_ms < KEPT_MS;
		if (found)
			*out = shelf->rows[i].place;
	}
	pthread_mutex_unlock(&shelf->lock);
	return found;
}

/* In the place of the same challenge, else of the oldest. */
static void put(struct place_shelf *shelf, const char *challenge, bool is_direct,
                const struct dns_place *place)
{
	size_t at = 0;

	pthread_mutex_lock(&shelf->lock);
	for (size_t i = 0; i < PLACES_MAX; i++) {
		if (is_row_of(shelf, i, challenge, is_direct)) {
			at = i;
			break;
		}
		if (shelf->rows[i].at_ms < shelf->rows[at].at_ms)
			at = i;
	}
	shelf->rows[at].at_ms = clock_mono_ms();
	shelf->rows[at].is_direct = is_direct;
	snprintf(shelf->rows[at].challenge, sizeof(shelf->rows[at].challenge), "%s",
	         challenge);
	shelf->rows[at].place = *place;
	pthread_mutex_unlock(&shelf->lock);
}

char *issue_challenge_of(const char *name)
{
	return xasprintf("_acme-challenge.%s", dnsname_base(name));
}

static bool is_at_alias(const char *challenge, const char *alias,
                        const struct dns_place *place, struct err *err)
{
	if (str_eq(place->name, alias))
		return true;
	if (place->hops == 0)
		return err_set(err, ERR_CONFIG,
		               "%s is no CNAME, but has a challenge-alias; add to its "
		               "zone: %s. CNAME %s.",
		               challenge, challenge, alias);
	return err_set(err, ERR_CONFIG,
	               "%s does not end at its challenge-alias, but: %.150s; it should "
	               "be in its zone: %s. CNAME %s.",
	               challenge, place->chain, challenge, alias);
}

bool issue_place_of(struct issue *issue, const struct issue_aim *aim,
                    struct dns_place *out, struct err *err)
{
	AUTO_FREE char *challenge = issue_challenge_of(aim->name);
	AUTO_FREE char *alias = NULL;

	bool is_kept = take(issue->places, challenge, aim->is_direct, out);

	if (aim->alias) {
		alias = issue_alias_expand(aim->alias, aim->name, err);
		if (!alias)
			return false;
	}
	/* What was kept may be another's, which has no alias. */
	if (is_kept && (!alias || str_eq(out->name, alias)))
		return true;
	if (!dns_place_find(&issue->settings.dns_settings, challenge, aim->is_direct, out,
	                    err) ||
	    (alias && !is_at_alias(challenge, alias, out, err)))
		return false;
	put(issue->places, challenge, aim->is_direct, out);
	return true;
}
