/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_EXCHANGE_H
#define DNS_EXCHANGE_H
#include <stddef.h>

#include "address.h"
#include "base/buf.h"

/*
 * exchange - DNS messages to many servers at once, and what came back
 *
 * Each message goes over a connected UDP socket of its own, so that the kernel drops
 * what another address sends; is sent anew at each third of the time; and is asked
 * again over TCP where the answer was cut. What does not carry our id and our
 * question is passed over, as a forger's guess would be. A query ends after twice
 * timeout_ms at the latest (UDP, then TCP). Any thread.
 *
 * The bytes that come are a stranger's: at most DNS_MESSAGE_MAX of them.
 */
enum { DNS_MESSAGE_MAX = 65535 };

struct dns_asking {
	struct dns_address to;
	const void *wire; /* the message: header and one question, if over UDP */
	size_t len;
	bool tcp_only; /* then what follows the header is not compared */

	struct buf reply; /* BUF_INIT(DNS_MESSAGE_MAX) before; wiped by the caller */
	bool is_answered;
	bool was_cut;      /* over UDP; the reply came over TCP */
	bool has_no_route; /* nothing went out: we have no way to that address */
	char note[80];     /* why there is no answer; or "" */
};

void dns_exchange(struct dns_asking *list, size_t count, int timeout_ms);
#endif
