/* SPDX-License-Identifier: Apache-2.0 */
#include "sight.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum { LAGGING_MAX = 16 * 1024 };

void sight_deinit(struct sight *sight)
{
	strlist_deinit(&sight->values);
}

/* The servers to ask. The place is perhaps kept; it must be the one of the record. */
static bool find_servers(struct issue *issue, const struct order *order,
                         const struct sight *sight, struct dns_zone *out, struct err *err)
{
	const struct authz *authz = sight->authz;
	const struct issue_aim aim = { .name = authz->name,
		                       .alias = order->alias,
		                       .is_direct = sight->is_direct };
	struct dns_place place;

	if (sight->rule.propagation == ISSUE_RESOLVERS)
		return dns_resolvers(sight->desk->settings->resolvers, out, err);
	if (!issue_place_of(issue, &aim, &place, err))
		return false;
	if (!str_eq(place.name, authz->target))
		return err_set(err, ERR_CONFIG,
		               "%s now leads to %s; the record was made at %s",
		               authz->txt_name, place.name, authz->target);
	*out = place.zone;
	return true;
}

/* A large set is cut over UDP, and some networks have no TCP for DNS. */
static bool warn_of_size(struct issue *issue, const struct order *order,
                         const struct sight *sight, const struct dns_look *look,
                         struct err *err)
{
	struct event event = { .name = "txt.large",
		               .certificate = order->certificate,
		               .host = order->host,
		               .order_id = order->id };
	struct dns_desk *desk = issue_dns_find(issue, sight->authz->dns, err);
	int ours = 0;

	if (!look->is_cut || sight->note->is_large)
		return true;
	if (!desk ||
	    !store_txt_count(issue->settings.store, sight->authz->target, &ours, err))
		return false;
	sight->note->is_large = true;
	snprintf(event.text, sizeof(event.text),
	         "%.250s has %d TXT values, too many for one answer over UDP; certferry "
	         "knows %d of them",
	         sight->authz->target, look->values_max, ours);
	log_warn(NULL, event.name, "%s", event.text);
	return store_event_add(issue->settings.store, &event, err) &&
	       issue_clean_name(issue, desk, sight->authz->target, err);
}

/* Only those that lack it: who has it is of no interest to who waits. */
static void note_lagging(const struct dns_zone *zone, struct watch_note *note)
{
	AUTO_FREE struct dns_zone *late = NEW(struct dns_zone);
	AUTO_BUF struct buf text = BUF_INIT(LAGGING_MAX);

	for (size_t i = 0; i < zone->count; i++)
		if (zone->servers[i].answer != DNS_SHOWS && !zone->servers[i].is_left_out)
			late->servers[late->count++] = zone->servers[i];
	dns_zone_format(late, &text);
	snprintf(note->text, sizeof(note->text), "%s",
	         late->count ? text.data : "seen, is looked at again");
}

static void note_table(const struct sight *sight, const struct dns_zone *zone,
                       struct buf *table)
{
	buf_addf(table, "%s%s: ", table->len ? "; " : "", sight->authz->target);
	dns_zone_format(zone, table);
}

bool sight_look(struct issue *issue, const struct order *order, struct sight *sight,
                struct buf *table, struct err *err)
{
	AUTO_FREE struct dns_zone *zone = NEW(struct dns_zone);
	struct dns_look seen = { 0 };
	struct err why = { 0 };

	if (!find_servers(issue, order, sight, zone, &why) ||
	    !dns_txt_look(&issue->settings.dns_settings, zone, sight->authz->target,
	                  &sight->values, &seen, &why)) {
		*err = why;
		if (!err_infos[why.kind].retry)
			return false;
		*err = (struct err){ 0 };
		watch_saw(sight->note, &sight->rule, NULL, clock_mono_ms());
		snprintf(sight->note->text, sizeof(sight->note->text), "%.150s", why.msg);
		buf_addf(table, "%s%s", table->len ? "; " : "", why.msg);
		return true;
	}
	sight->rule.addresses = zone->count;
	watch_saw(sight->note, &sight->rule, &seen, clock_mono_ms());
	sight->note->is_somewhere = seen.any_shows;
	note_lagging(zone, sight->note);
	note_table(sight, zone, table);
	return warn_of_size(issue, order, sight, &seen, err);
}
