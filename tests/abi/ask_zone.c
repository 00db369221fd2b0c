/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask_zone - what each name server of a zone shows
 *
 *     ask_zone RESOLVER NAME VALUE...
 *
 * Prints the zone and a server a word list; the status is 0 where all show all values.
 */
#include <stdio.h>

#include "dns/dns.h"

int main(int argc, char **argv)
{
	const struct dns_settings settings = { .resolver = argc > 1 ? argv[1] : NULL };
	AUTO_STRLIST struct strlist values = { 0 };
	AUTO_BUF struct buf text = BUF_INIT(65536);
	struct dns_zone zone;
	struct err err;
	bool all_show = false;

	if (argc < 4)
		return 2;
	for (int i = 3; i < argc; i++)
		strlist_add(&values, argv[i]);
	if (!dns_zone_find(&settings, argv[2], &zone, &err) ||
	    !dns_txt_ask(&settings, &zone, argv[2], &values, &all_show, &err)) {
		printf("%s: %s\n", err_infos[err.kind].name, err.msg);
		return 2;
	}
	dns_zone_format(&zone, &text);
	printf("%s: %s\n", zone.name, text.data);
	return all_show ? 0 : 1;
}
