/* SPDX-License-Identifier: Apache-2.0 */
#include "dns.h"
#include "message.h"
#include "resolve.h"

static bool ask(const struct dns_settings *settings, const char *name, unsigned flags,
                struct dns_reply *reply, struct err *err)
{
	struct dns_question question;

	return dns_question_make(name, DNS_TYPE_SOA, flags, &question, err) &&
	       resolve_all(settings, &question, reply, 1, err);
}

bool dns_security_ask(const struct dns_settings *settings, const char *name,
                      enum dns_security *out, struct err *err)
{
	AUTO_DNS_REPLY struct dns_reply checked = { 0 };
	AUTO_DNS_REPLY struct dns_reply unchecked = { 0 };
	struct err ignored;

	*out = DNS_INSECURE;
	if (ask(settings, name, DNS_RECURSE | DNS_VALIDATE, &checked, err)) {
		*out = checked.is_validated ? DNS_SECURE : DNS_INSECURE;
		return true;
	}
	/* Not answering at all says nothing of signatures, nor does SERVFAIL by itself.
	 */
	if (!str_eq(checked.rcode, "SERVFAIL") ||
	    !ask(settings, name, DNS_RECURSE | DNS_UNCHECKED, &unchecked, &ignored))
		return false;
	*out = DNS_BOGUS;
	return true;
}
