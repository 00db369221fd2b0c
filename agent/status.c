/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "beneath.h"
#include "commands.h"
#include "crypto/cert.h"
#include "request.h"

static void count_one(void *arg, const char *name)
{
	(void)name;
	++*(int *)arg;
}

static void print_cert(const struct place *place)
{
	AUTO_CERT struct cert cert = { 0 };
	AUTO_BUF struct buf pem = BUF_INIT(CERT_PEM_MAX), names = BUF_INIT(64 * 1024);
	char until[CLOCK_TEXT], span[CLOCK_TEXT];
	struct err err;

	if (!place_read(place, place->old, "fullchain.pem", &pem, &err) ||
	    !cert_parse(pem.data, pem.len, &cert, &err)) {
		printf("  %-12s %s\n", "WRONG", err.msg);
		return;
	}
	strlist_join(&cert.names, ", ", &names);
	printf("  %-12s %s\n", "names", names.data);
	printf("  %-12s %s (%s), from %s\n", "until", clock_format(cert.not_after, until),
	       clock_format_span(cert.not_after - clock_now(), span), cert.issuer);
	printf("  %-12s %s\n", "serial", cert.serial);
}

static void print_rest(const struct place *place)
{
	struct stat st;
	int generations = 0;

	beneath_list(place->dir, "gen-", count_one, &generations);
	printf("  %-12s %s, %d kept\n", "generation", place->old, generations);
	if (fstatat(place->dir, ".lock", &st, AT_SYMLINK_NOFOLLOW) == 0)
		printf("  %-12s a delivery is at work, or was cut short: the next one "
		       "sees to it\n",
		       "lock");
	if (request_is_open(place))
		printf("  %-12s a key waits for its certificate\n", "request");
}

static bool print_slot(const struct policy_slot *slot)
{
	AUTO_PLACE struct place place = PLACE_INIT;
	struct err err = { 0 };

	printf("slot %s\n", slot->name);
	if (!place_open(&place, slot->directory, false, &err) &&
	    err.kind == ERR_NOT_FOUND) {
		printf("  nothing was delivered yet\n");
		return true;
	}
	if (place.dir < 0 || !place_live(&place, place.old, sizeof(place.old), &err)) {
		printf("  %-12s %s\n", "WRONG", err.msg);
		return false;
	}
	if (*place.old)
		print_cert(&place);
	print_rest(&place);
	return true;
}

int command_status(const struct policy *policy, const char *slot)
{
	bool good = true;

	if (slot && !policy_slot(policy, slot)) {
		fprintf(stderr, "%s: the policy has no such slot\n", slot);
		return err_infos[ERR_NOT_FOUND].exit_code;
	}
	for (size_t i = 0; i < policy->slot_count; i++)
		if (!slot || str_eq(policy->slots[i].name, slot))
			good = print_slot(&policy->slots[i]) && good;
	return good ? 0 : err_infos[ERR_INTERNAL].exit_code;
}
