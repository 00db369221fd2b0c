/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_RESOLVE_H
#define DNS_RESOLVE_H
#include "dns.h"
#include "message.h"

/*
 * resolve - asking the resolver, for SOA, NS and addresses
 *
 * Its addresses are the one of the settings, or the first three of
 * /etc/resolv.conf, asked one after the other until one has an answer. Any thread.
 */
enum { RESOLVE_TIMEOUT_MS = 2000 };

/*
 * Asks all the questions at once; answers[i] belongs to questions[i] and is given
 * to dns_reply_deinit() by the caller, also after a failure. A question that no
 * resolver answers, or only with SERVFAIL or REFUSED, is ERR_TEMPORARY.
 */
bool resolve_all(const struct dns_settings *settings,
                 const struct dns_question *questions, struct dns_reply *answers,
                 size_t count, struct err *err) MUST_CHECK;

/* False, ERR_TEMPORARY: nothing more may be asked, it took too long already. */
bool resolve_in_time(const struct dns_settings *settings, struct err *err) MUST_CHECK;

int resolve_timeout_ms(const struct dns_settings *settings);
#endif
