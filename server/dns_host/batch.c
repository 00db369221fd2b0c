/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

#include <stdio.h>
#include <string.h>

#include "base/dnsname.h"
#include "base/mem.h"
#include "base/str.h"

static const enum wire_result results[] = {
	[DNS_OK] = WIRE_OK,
	[DNS_BAD_OPTION] = WIRE_BAD_OPTION,
	[DNS_DENIED] = WIRE_DENIED,
	[DNS_NO_ZONE] = WIRE_NO_ZONE,
	[DNS_RATE_LIMITED] = WIRE_RATE_LIMITED,
	[DNS_TEMPORARY] = WIRE_TEMPORARY,
	[DNS_REFUSED] = WIRE_REFUSED,
	[DNS_BY_HAND] = WIRE_BY_HAND,
};
_Static_assert(ARRAY_SIZE(results) == DNS_BY_HAND + 1, "a result has no row");

static const struct dns_option *find(const struct dns_option *options, const char *name)
{
	for (; options->name; options++)
		if (str_eq(options->name, name))
			return options;
	return NULL;
}

static bool refuse(struct wire_answer *end, const char *fmt, ...) PRINTF(2, 3);
static bool refuse(struct wire_answer *end, const char *fmt, ...)
{
	va_list ap;

	*end = (struct wire_answer){ .kind = WIRE_ANSWER_END, .result = WIRE_BAD_OPTION };
	va_start(ap, fmt);
	vsnprintf(end->text, WIRE_TEXT_MAX, fmt, ap);
	va_end(ap);
	return false;
}

static bool refuse_unknown(const struct batch *batch, const char *name,
                           struct wire_answer *end)
{
	AUTO_BUF struct buf known = BUF_INIT(WIRE_TEXT_MAX);

	for (const struct dns_option *o = batch->provider->options; o->name; o++)
		buf_addf(&known, "%s%s", known.len ? ", " : "", o->name);
	return refuse(end, "there is no option '%s'; there are: %s", name, known.data);
}

bool batch_check_options(const struct batch *batch, struct wire_answer *end)
{
	const struct dns_option *options = batch->provider->options;
	const struct wire_request *request = batch->host->request;
	const struct dns_host *services = &batch->host->services;

	for (size_t i = 0; i < request->option_count; i++)
		if (!find(options, request->options[i].name))
			return refuse_unknown(batch, request->options[i].name, end);
	for (; options->name; options++)
		if ((options->flags & DNS_REQUIRED) &&
		    !services->option(services, options->name))
			return refuse(end, "option '%s' is missing: %s", options->name,
			              options->help ? options->help : "");
	return true;
}

#define LABEL "_acme-challenge."

static bool has_challenge_label(const char *name)
{
	for (; *name; name = dnsname_parent(name))
		if (str_starts(name, LABEL))
			return true;
	return false;
}

/* A place that a challenge's CNAME leads to may be called anything, but not be the zone
 * itself, whose TXT records are for mail and proofs of ownership. */
static bool is_target(const struct wire_change *change)
{
	struct err err;

	return change->challenge && str_starts(change->challenge, LABEL) &&
	       dnsname_check(change->challenge, DNSNAME_UNDERSCORE, &err) &&
	       !str_eq(change->name, change->zone);
}

/* What a provider never gets to hear of; NULL: nothing against it. */
static const char *objection(const struct wire_change *change)
{
	static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"abcdefghijklmnopqrstuvwxyz0123456789-_";
	struct err err;

	if (!dnsname_check(change->name, DNSNAME_UNDERSCORE, &err) ||
	    !dnsname_check(change->zone, DNSNAME_UNDERSCORE | DNSNAME_ONE_LABEL, &err))
		return "not a DNS name";
	if (!dnsname_is_below(change->name, change->zone))
		return "the name is not in the zone";
	if (!has_challenge_label(change->name) && !is_target(change))
		return "not a challenge's name (_acme-challenge), nor what one leads to";
	if (!str_is_made_of(change->value, base64url, 1, 255))
		return "not a challenge's value (base64url)";
	return NULL;
}

static void answer(size_t number, enum wire_result result, const char *text,
                   int retry_after)
{
	struct wire_answer out = { .kind = WIRE_ANSWER_CHANGE,
		                   .change = number,
		                   .result = result,
		                   .retry_after = retry_after };

	if (result != WIRE_OK)
		snprintf(out.text, sizeof(out.text), "%.*s", WIRE_TEXT_MAX, text);
	host_answer(&out);
}

/* A provider may return any number: what is none of ours is a breach of its contract. */
static void answer_result(struct host *host, size_t number, enum dns_result result)
{
	if ((unsigned)result >= ARRAY_SIZE(results))
		answer(number, WIRE_BROKEN, "the plugin returned a result that is none",
		       0);
	else
		answer(number, results[result], host->text, host->retry_after);
}

static struct dns_change as_change(const struct wire_change *change)
{
	return (struct dns_change){ .remove = change->remove,
		                    .record = { .zone = change->zone,
		                                .name = change->name,
		                                .value = change->value,
		                                .ttl = change->ttl_s },
		                    .result = DNS_TEMPORARY };
}

static void forget_text(struct host *host)
{
	host->text[0] = '\0';
	host->retry_after = 0;
}

static void run_one(const struct batch *batch, size_t number)
{
	struct host *host = batch->host;
	struct dns_change change = as_change(&batch->changes[number]);

	forget_text(host);
	answer_result(host, number,
	              change.remove
	                  ? batch->provider->cleanup(&host->services, &change.record)
	                  : batch->provider->present(&host->services, &change.record));
}

/* All of one zone: numbers[] says which of the batch they are. */
static void run_zone(const struct batch *batch, const size_t *numbers, size_t count)
{
	AUTO_FREE struct dns_change *changes = xcalloc(count, sizeof(*changes));
	struct host *host = batch->host;
	enum dns_result result;

	for (size_t i = 0; i < count; i++)
		changes[i] = as_change(&batch->changes[numbers[i]]);
	forget_text(host);
	result = batch->provider->change(&host->services, changes, count);
	for (size_t i = 0; i < count; i++) {
		if (result == DNS_OK || changes[i].result == DNS_OK)
			answer(numbers[i], WIRE_OK, "", 0);
		else if (result != DNS_REFUSED || count == 1)
			answer_result(host, numbers[i], result);
	}
	if (result != DNS_REFUSED || count == 1)
		return;
	/* One of them is at fault; the others must not pay for it. */
	for (size_t i = 0; i < count; i++)
		if (changes[i].result != DNS_OK)
			run_one(batch, numbers[i]);
}

static void run_by_zone(const struct batch *batch, bool *done)
{
	size_t numbers[PROVIDER_BATCH_MAX];

	for (size_t i = 0; i < batch->count; i++) {
		size_t count = 0;

		for (size_t j = i; j < batch->count; j++)
			if (!done[j] &&
			    str_eq(batch->changes[j].zone, batch->changes[i].zone)) {
				numbers[count++] = j;
				done[j] = true;
			}
		if (count > 0)
			run_zone(batch, numbers, count);
	}
}

void batch_run(const struct batch *batch)
{
	bool done[PROVIDER_BATCH_MAX] = { false };

	for (size_t i = 0; i < batch->count; i++) {
		const char *against = objection(&batch->changes[i]);

		done[i] = against != NULL;
		if (against)
			answer(i, WIRE_BROKEN, against, 0);
	}
	if (batch->provider->change)
		run_by_zone(batch, done);
	else
		for (size_t i = 0; i < batch->count; i++)
			if (!done[i])
				run_one(batch, i);
}
