/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLUGIN_HOST_H
#define PLUGIN_HOST_H
#include "dns_host/host.h"

/*
 * plugin_host - the real services of certferry-dns-host, for the test of a plugin
 *
 * Options come from a table; json, text, fail and the rest are those of the host, so a
 * test replaces only what would leave the process: host.services.http, update or run
 * (their first argument leads to the struct plugin_host by its first member). After a
 * call host.text has what the plugin said through fail(), and log() keeps its last line.
 * Nothing is ever freed, as in the real one: leaks are not looked for.
 */
struct plugin_host {
	struct host host; /* first: services.ctx is its address */
	struct wire_request request;
	struct wire_option options[WIRE_OPTIONS_MAX];
	char logged[400];
	void *arg; /* the test's own */
};

/* options: pairs of name and value; a name that is NULL ends them, a value that is NULL
 * was not set. What the plugin gets is &out->host.services. */
void plugin_host_init(struct plugin_host *out, const char *const (*options)[2]);
#endif
