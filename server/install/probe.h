/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INSTALL_PROBE_H
#define INSTALL_PROBE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * probe - what does a server show to the world?
 *
 * A TLS handshake from here to address:port with SNI, behind STARTTLS or its like where
 * the protocol has that; the leaf that is presented is
 * compared by its SHA-256 and nothing is verified otherwise: we want to see what is
 * there, be it expired or foreign. No data is sent. Ends by its deadline. Any thread.
 * What the server said is in the texts bounded and printable.
 */
enum probe_protocol {
	PROBE_TLS, /* from the first byte */
	PROBE_SMTP,
	PROBE_IMAP,
	PROBE_POP3,
	PROBE_POSTGRESQL,
	PROBE_PROTOCOL_COUNT
};
extern const char *const probe_protocol_names[PROBE_PROTOCOL_COUNT];
bool probe_protocol_find(const char *name, enum probe_protocol *out);

enum probe_seen {
	PROBE_WANTED,      /* the wanted leaf */
	PROBE_OTHER,       /* another one: see serial and not_after */
	PROBE_NO_TLS,      /* connected, but the handshake failed: see text */
	PROBE_UNREACHABLE, /* no connection: see text */
	PROBE_SEEN_COUNT
};
extern const char *const probe_seen_names[PROBE_SEEN_COUNT];

struct probe_target {
	const char *address; /* name or address */
	uint16_t port;
	const char *sni; /* a wildcard is asked for as "www." of it by the caller */
	int timeout_s;
	enum probe_protocol protocol;
	/* SHA-256 of the leaf that was installed before, if any: whoever still serves
	 * that one has not reloaded. */
	const unsigned char *before_sha256;
};

struct probe_result {
	enum probe_seen seen;
	unsigned char sha256[32]; /* of the leaf, where one was shown */
	char serial[48];
	int64_t not_after;
	char text[160]; /* for people, in every case */
};

void probe_run(const struct probe_target *target, const unsigned char wanted_sha256[32],
               struct probe_result *out);
#endif
