/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_TRANSPORT_H
#define STORE_TRANSPORT_H
#include "store.h"

/* transport - which way a host took certificates when it was asked last */
struct host_transport {
	char name[16];    /* "shell", "agent" */
	char version[65]; /* the agent's; "" of a shell */
	int64_t asked_at;
};

bool store_transport_find(struct store *store, const char *host,
                          struct host_transport *out, bool *found,
                          struct err *err) MUST_CHECK;
/* Writes an event where it is another than before. */
bool store_transport_save(struct store *store, const char *host,
                          const struct host_transport *row, struct err *err) MUST_CHECK;
#endif
