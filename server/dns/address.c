/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

bool dns_address_parse(const char *text, struct dns_address *out, struct err *err)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		                  .ai_socktype = SOCK_DGRAM };
	struct addrinfo *found = NULL;
	const char *at = strchr(text, '@');
	size_t len = at ? (size_t)(at - text) : strlen(text);
	int64_t port = 53;
	char host[80], service[8];

	if (at && !str_to_i64(at + 1, 1, 65535, &port))
		return err_set(err, ERR_CONFIG, "'%.80s': no port number after '@'",
		               text);
	if (len == 0 || len >= sizeof(host))
		return err_set(err, ERR_CONFIG, "'%.80s' is not an IP address", text);
	snprintf(host, sizeof(host), "%.*s", (int)len, text);
	snprintf(service, sizeof(service), "%d", (int)port);
	if (getaddrinfo(host, service, &hints, &found) != 0)
		return err_set(err, ERR_CONFIG,
		               "'%.80s' is not an IP address (192.0.2.53, 2001:db8::53, "
		               "with @port where it is not 53)",
		               text);
	*out = (struct dns_address){ .len = found->ai_addrlen };
	memcpy(&out->sockaddr, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return true;
}
