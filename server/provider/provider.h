/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"

/*
 * provider - one batch of TXT changes at one DNS provider
 *
 * A batch runs in a child, certferry-dns-host, which loads the plugin, does the
 * changes and exits; it is given this provider's options and nothing else. A
 * plugin that crashes, hangs or babbles costs its batch. Blocks at most
 * deadline_s. Any thread; no state is kept. Wire: docs/protocol-plugin.md.
 */
struct provider_home {
	const char *program; /* path of certferry-dns-host */
	const char *plugin_dir;
};

struct provider_option {
	const char *name;
	const char *value;           /* this, or */
	const struct secret *secret; /* this */
};

struct provider_change {
	bool remove;      /* false: present */
	const char *zone; /* "example.org" */
	const char *name; /* "_acme-challenge.www.example.org" */
	const char *value;
	uint32_t ttl_s;
	const char *challenge; /* "_acme-challenge.NAME" from which a CNAME leads to name;
	                          NULL: name is the challenge's own */

	struct err outcome; /* filled in; kind ERR_NONE: done */
};

/* What a batch may still ask of a service with a rate limit, and what it asked. */
struct provider_toll {
	int spent;     /* in: requests of earlier batches within the window */
	int free_in_s; /* in: until the first of them no longer counts */
	int requests;  /* out: of this batch */
	int window_s;  /* out: the provider's; 0: it has no limit */
};

struct provider_call {
	const char *provider; /* "rfc2136" */
	const struct provider_option *options;
	size_t option_count;
	struct provider_change *changes;
	size_t change_count;        /* at most PROVIDER_BATCH_MAX */
	struct provider_toll *toll; /* NULL: nobody counts */
};
enum { PROVIDER_BATCH_MAX = 100 };

/*
 * True: every change has its outcome. False: the batch as a whole failed (the plugin
 * could not be loaded, crashed, ran out of time), err names the provider, and each
 * change without an outcome carries the same err. What was done before the trouble
 * may have been done: present and cleanup can be repeated.
 */
bool provider_run(const struct provider_home *home, const struct provider_call *call,
                  int deadline_s, struct err *err) MUST_CHECK;

/* What a plugin says of itself, asked in a child as well. */
struct provider_option_info {
	char *name;
	char *help;
	bool is_required;
	bool is_secret;
};

struct provider_info {
	char *name;
	char *summary;
	struct provider_option_info *options;
	size_t option_count;
};

bool provider_describe(const struct provider_home *home, const char *provider,
                       struct provider_info *out, struct err *err) MUST_CHECK;
void provider_info_deinit(struct provider_info *info);
#endif
