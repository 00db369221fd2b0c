/* SPDX-License-Identifier: Apache-2.0 */
#include "transport.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "internal.h"
#include "store/transport.h"

/* Which way this host takes. It is asked once, and again when it answers otherwise. */

const struct transport *transport_find(const char *name)
{
	static const struct transport *const rows[] = { &transport_shell,
		                                        &transport_agent };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (str_eq(rows[i]->name, name))
			return rows[i];
	return NULL;
}

static bool ask(struct visit *visit, struct err *err)
{
	struct host_transport row = { .asked_at = clock_now() };

	greeting_deinit(&visit->greeting);
	if (visit->host->way != DEPLOY_BY_SHELL &&
	    !agent_hello(visit->ssh, AGENT_ANY, &visit->greeting, err))
		return false;
	visit->transport = visit->greeting.is_agent ? &transport_agent : &transport_shell;
	snprintf(row.name, sizeof(row.name), "%s", visit->transport->name);
	snprintf(row.version, sizeof(row.version), "%s", visit->greeting.version);
	return store_transport_save(visit->deploy->settings.store, visit->host->name,
	                            &row, err);
}

/* A host that must have an agent and had none is asked every time: one may be there now.
 */
static bool recall(struct visit *visit, struct err *err)
{
	enum deploy_way way = visit->host->way;
	struct host_transport row;
	bool found;

	visit->is_recalled = false;
	if (!store_transport_find(visit->deploy->settings.store, visit->host->name, &row,
	                          &found, err))
		return false;
	visit->transport = found ? transport_find(row.name) : NULL;
	if (visit->transport == (way == DEPLOY_BY_AGENT   ? &transport_shell
	                         : way == DEPLOY_BY_SHELL ? &transport_agent
	                                                  : NULL))
		visit->transport = NULL;
	visit->is_recalled = visit->transport != NULL;
	return true;
}

static bool must_be_agent(const struct visit *visit, struct err *err)
{
	const char *host = visit->host->name;

	return visit->host->way != DEPLOY_BY_AGENT ||
	       visit->transport == &transport_agent ||
	       err_set(err, ERR_CONFIG,
	               "%s: no certferry-agent answers there, and hosts.%s.transport is "
	               "agent: install it (certferry agent install %s), or say auto",
	               host, host, host);
}

bool visit_choose(struct visit *visit, bool anew, struct err *err)
{
	visit->transport = NULL;
	if (!anew && !recall(visit, err))
		return false;
	if (!visit->transport && !ask(visit, err))
		return false;
	return must_be_agent(visit, err);
}

bool visit_has_changed(struct visit *visit, struct err *why)
{
	const struct transport *before = visit->transport;
	struct err err = { 0 };

	if (!visit->is_recalled || visit->host->way == DEPLOY_BY_SHELL)
		return false;
	visit->is_recalled = false;
	ssh_close(visit->ssh);
	visit->ssh = visit_connect(visit, &err);
	if (!visit->ssh)
		return false;
	if (!visit_choose(visit, true, &err)) {
		*why = err;
		return false;
	}
	return visit->transport != before;
}
