/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/dnsname.h"
#include "dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_list(const struct strlist *list, size_t max)
{
	for (size_t i = 0; i < list->len; i++)
		if (strlen(list->items[i]) > max)
			abort();
}

/* The first byte chooses the type that was asked for; the rest is the answer. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const enum dns_type types[] = { DNS_TYPE_A,    DNS_TYPE_NS,
		                               DNS_TYPE_SOA,  DNS_TYPE_TXT,
		                               DNS_TYPE_AAAA, DNS_TYPE_CNAME,
		                               DNS_TYPE_CAA };
	struct dns_question question;
	struct dns_reply reply = { 0 };
	struct err err = { 0 };

	if (len < 1 || len > 65536)
		return 0;
	if (!dns_question_make("example.test", types[bytes[0] % ARRAY_SIZE(types)],
	                       DNS_RECURSE, &question, &err))
		abort();
	if (!dns_reply_parse(&question, bytes + 1, len - 1, &reply, &err) && !err.msg[0])
		abort();
	/* What was taken is text of a bounded length, and says what it may. */
	check_list(&reply.values, 2 * 65536);
	check_list(&reply.ns, 1024);
	check_list(&reply.glue, 1024);
	if (reply.ttl_s < 0 ||
	    (reply.zone[0] && !dnsname_is_below("example.test", reply.zone)))
		abort();
	if (reply.is_referral && (reply.has_authority || reply.ns.len == 0))
		abort();
	for (size_t i = 0; i < reply.glue.len; i++)
		if (!strchr(reply.glue.items[i], ' '))
			abort();
	dns_reply_deinit(&reply);
	return 0;
}
