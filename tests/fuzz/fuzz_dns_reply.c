/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* The first byte chooses the type that was asked for; the rest is the answer. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const enum dns_type types[] = { DNS_TYPE_A, DNS_TYPE_NS, DNS_TYPE_SOA,
		                               DNS_TYPE_TXT, DNS_TYPE_AAAA };
	struct dns_question question;
	struct dns_reply reply = { 0 };
	struct err err = { 0 };

	if (len < 1 || len > 65536)
		return 0;
	if (!dns_question_make("example.test", types[bytes[0] % ARRAY_SIZE(types)], DNS_RECURSE,
	                       &question, &err))
		abort();
	if (!dns_reply_parse(&question, bytes + 1, len - 1, &reply, &err) && !err.msg[0])
		abort();
	/* What was taken is text of a bounded length. */
	for (size_t i = 0; i < reply.values.len; i++)
		if (strlen(reply.values.items[i]) > 65536)
			abort();
	dns_reply_deinit(&reply);
	return 0;
}
