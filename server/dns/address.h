/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_ADDRESS_H
#define DNS_ADDRESS_H
#include <sys/socket.h>

#include "base/err.h"

/*
 * address - where a DNS server listens
 *
 * "192.0.2.1", "192.0.2.1@5353", "2001:db8::53", "fe80::1%eth0@5353": an address,
 * never a name, and a port where it is not 53. Any thread.
 */
struct dns_address {
	struct sockaddr_storage sockaddr;
	socklen_t len;
};

/* What is wrong is ERR_CONFIG. */
bool dns_address_parse(const char *text, struct dns_address *out,
                       struct err *err) MUST_CHECK;
#endif
