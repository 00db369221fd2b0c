/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H
#include "deploy/deploy.h"
#include "engine.h"
#include "install/install.h"
#include "install/probe.h"
#include "issue/issue.h"

/* internal - the settings that were made from the configuration, and who works by them;
 * see engine.h */

/* A slot, and what it points to. */
struct slot_home {
	struct strlist names, services;
	struct install_commands tests, reloads;
	struct probe_target *probes;
	char *setup;
	char *sni;
};

struct engine {
	const struct config *config; /* borrowed */
	struct store *store;
	int workers;
	int deliveries_max;

	struct issue_ca *cas;
	struct secret **eab_keys;
	size_t ca_count;
	struct issue_dns *dns;
	struct provider_option **options;
	struct secret **secrets; /* of all options, one after the other */
	size_t dns_count, secret_count;
	struct deploy_host *hosts;
	size_t host_count;
	struct deploy_slot *slots;
	struct slot_home *slot_homes;
	size_t slot_count;

	struct issue *issue;
	struct deploy *deploy;
};
#endif
