/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "fleet/fleet.h"
#include "fleet/service.h"
#include "sched/sched.h"

#include "internal.h"

enum {
	/* A row that is due this soon is waited for; a later one is left to the next run.
	 */
	PATIENCE_MS = 30 * 1000,
	WORKERS_MAX = 64,
};

static bool wire_ca(struct engine *engine, const struct config_ca *ca, size_t at,
                    struct err *err)
{
	if (ca->eab_kid) {
		engine->eab_keys[at] = config_secret_read(&ca->eab_key, "eab.key", err);
		if (!engine->eab_keys[at])
			return err_context(err, "cas.%s", ca->name);
	}
	engine->cas[at] = (struct issue_ca){
		.name = ca->name,
		.acme = {
			.name = ca->name,
			.directory = ca->directory,
			.ca_file = ca->ca_file,
			.contact = &ca->contact,
			.agree_to_terms = ca->agree_to_terms,
			.eab_kid = ca->eab_kid,
			.eab_key = engine->eab_keys[at],
		},
	};
	return true;
}

static const enum issue_propagation propagations[] = {
	[PROPAGATION_AUTHORITATIVE] = ISSUE_AUTHORITATIVE,
	[PROPAGATION_RESOLVERS] = ISSUE_RESOLVERS,
	[PROPAGATION_SETTLE] = ISSUE_SETTLE,
	[PROPAGATION_NONE] = ISSUE_BLIND,
};
_Static_assert(ARRAY_SIZE(propagations) == PROPAGATION_COUNT, "a way has no row");

static bool wire_dns(struct engine *engine, const struct config_dns *dns, size_t at,
                     struct err *err)
{
	struct provider_option *options = xcalloc(dns->option_count, sizeof(*options));

	engine->options[at] = options;
	for (size_t i = 0; i < dns->option_count; i++) {
		const struct config_option *option = &dns->options[i];
		struct secret *secret = NULL;

		options[i].name = option->name;
		options[i].value = option->value;
		if (option->value)
			continue;
		secret = config_secret_read(&option->secret, option->name, err);
		if (!secret)
			return err_context(err, "dns.%s", dns->name);
		engine->secrets = xrealloc(engine->secrets, engine->secret_count + 1,
		                           sizeof(struct secret *));
		engine->secrets[engine->secret_count++] = secret;
		options[i].secret = secret;
	}
	engine->dns[at] = (struct issue_dns){
		.name = dns->name,
		.provider = dns->provider,
		.options = options,
		.option_count = dns->option_count,
		.zones = &dns->zones,
		.ttl_s = (uint32_t)dns->ttl_s,
		.spread_timeout_s = dns->spread_timeout_s,
		.propagation = propagations[dns->propagation],
		.resolvers = &dns->resolvers,
		.wait_s = dns->wait_s,
		.settle_s = dns->settle_s,
		.by_hand_timeout_s = dns->by_hand_timeout_s,
	};
	return true;
}

/* Which name to ask the server for: what is this host's own, else the first; a wildcard
 * as one of the names it stands for. */
static char *choose_sni(const struct config_certificate *certificate,
                        const struct config_host *host)
{
	AUTO_STRLIST struct strlist names = { 0 };
	const char *name = NULL;

	if (certificate->probe.sni)
		return xstrdup(certificate->probe.sni);
	config_certificate_names(certificate, host, &names);
	for (size_t i = 0; i < names.len; i++)
		if (!name || (certificate->unique_name &&
		              !strlist_has(&certificate->names, names.items[i])))
			name = names.items[i];
	if (name && name[0] == '*')
		return xasprintf("www%s", name + 1);
	return xstrdup(name);
}

static void wire_probes(struct slot_home *home, struct deploy_slot *slot,
                        const struct config_certificate *certificate,
                        const struct config_host *host)
{
	const struct config_probe *probe = &certificate->probe;
	size_t count;
	AUTO_FREE struct fleet_probe *probes = fleet_probes(certificate, &count);

	home->sni = choose_sni(certificate, host);
	home->probes = xcalloc(count + 1, sizeof(*home->probes));
	for (size_t i = 0; i < count; i++)
		home->probes[i] = (struct probe_target){
			.address = probe->address ? probe->address : host->address,
			.port = probes[i].port,
			.protocol = probes[i].protocol,
			.sni = home->sni,
			.timeout_s = probe->timeout_s,
		};
	slot->probes = home->probes;
	slot->probe_count = count;
}

static void wire_slot(struct engine *engine, const struct config_certificate *certificate,
                      const struct config_host *host)
{
	size_t at = engine->slot_count++;
	struct slot_home *home = &engine->slot_homes[at];
	const struct config_install *install = &certificate->install;

	fleet_service(certificate, &home->tests, &home->reloads);
	home->setup = fleet_setup(certificate, host);
	config_certificate_names(certificate, host, &home->names);
	strlist_copy(&home->services, &certificate->services);
	if (certificate->reload_preset &&
	    !strlist_has(&home->services, certificate->reload_preset))
		strlist_add(&home->services, certificate->reload_preset);
	engine->slots[at] = (struct deploy_slot){
		.certificate = certificate->name,
		.host = host->name,
		.names = &home->names,
		.key_type = certificate->key,
		.is_key_on_target = certificate->key_on == KEY_ON_TARGET,
		.directory = install->directory,
		/* By number: the installer runs as root, whose group is not "root"
		 * everywhere. */
		.owner = install->owner ? install->owner : "0",
		.group = install->group ? install->group : "0",
		.mode = install->mode,
		.formats = fleet_formats(certificate),
		.setup = home->setup,
		.services = &home->services,
		.tests = &home->tests,
		.reloads = &home->reloads,
	};
	wire_probes(home, &engine->slots[at], certificate, host);
}

static const enum deploy_way ways[] = {
	[TRANSPORT_AUTO] = DEPLOY_BY_ANY,
	[TRANSPORT_AGENT] = DEPLOY_BY_AGENT,
	[TRANSPORT_SHELL] = DEPLOY_BY_SHELL,
};
_Static_assert(ARRAY_SIZE(ways) == TRANSPORT_COUNT, "a transport has no row");

void engine_host(const struct config_host *host, struct deploy_host *out)
{
	*out = (struct deploy_host){ .name = host->name,
		                     .address = host->address,
		                     .port = host->port,
		                     .user = host->user,
		                     .connect_timeout_s = host->connect_timeout_s,
		                     .way = ways[host->transport] };
}

static void wire_hosts(struct engine *engine, const struct config *config)
{
	size_t slots = 0;

	engine->hosts = xcalloc(config->host_count, sizeof(*engine->hosts));
	engine->host_count = config->host_count;
	for (size_t i = 0; i < config->host_count; i++)
		engine_host(&config->hosts[i], &engine->hosts[i]);
	for (size_t i = 0; i < config->certificate_count; i++)
		slots += config->certificates[i].host_count;
	engine->slots = xcalloc(slots, sizeof(*engine->slots));
	engine->slot_homes = xcalloc(slots, sizeof(*engine->slot_homes));
	for (size_t i = 0; i < config->certificate_count; i++)
		for (size_t k = 0; k < config->certificates[i].host_count; k++)
			wire_slot(engine, &config->certificates[i],
			          config->certificates[i].hosts[k]);
}

static bool wire(struct engine *engine, const struct config *config, struct err *err)
{
	engine->cas = xcalloc(config->ca_count, sizeof(*engine->cas));
	engine->eab_keys = xcalloc(config->ca_count, sizeof(struct secret *));
	engine->ca_count = config->ca_count;
	engine->dns = xcalloc(config->dns_count, sizeof(*engine->dns));
	engine->options = xcalloc(config->dns_count, sizeof(struct provider_option *));
	engine->dns_count = config->dns_count;
	for (size_t i = 0; i < config->ca_count; i++)
		if (!wire_ca(engine, &config->cas[i], i, err))
			return false;
	for (size_t i = 0; i < config->dns_count; i++)
		if (!wire_dns(engine, &config->dns[i], i, err))
			return false;
	wire_hosts(engine, config);
	return true;
}

/* The orders' part does not know how to talk to hosts; the deliveries' part does. */
static bool request_csr(void *arg, const char *host, const char *certificate,
                        struct buf *pem, struct err *err)
{
	const struct engine *engine = arg;

	return deploy_request(engine->deploy, host, certificate, pem, err);
}

static bool on_lost_key(void *arg, const char *certificate, const char *host,
                        struct err *err)
{
	const struct engine *engine = arg;

	return fleet_order_anew(engine->config, engine->store, certificate, host, err);
}

static bool start(struct engine *engine, const struct config *config,
                  const struct engine_paths *paths, const struct progress *progress,
                  struct err *err)
{
	const struct issue_settings issue = {
		.store = engine->store,
		.home = { paths->dns_host, paths->plugins },
		.dns_settings = { .resolver = config->resolver },
		.cas = engine->cas,
		.ca_count = engine->ca_count,
		.dns = engine->dns,
		.dns_count = engine->dns_count,
		.orders_max = config->orders_max,
		.request_csr = request_csr,
		.request_arg = engine,
		.progress = *progress,
	};
	const struct deploy_settings deploy = {
		.store = engine->store,
		.worker = paths->ssh_worker,
		.hosts = engine->hosts,
		.host_count = engine->host_count,
		.slots = engine->slots,
		.slot_count = engine->slot_count,
		.progress = *progress,
		.on_lost_key = on_lost_key,
		.lost_arg = engine,
	};

	engine->workers = config->workers;
	engine->deliveries_max = config->deliveries_max;
	engine->issue = issue_new(&issue);
	engine->deploy = deploy_new(&deploy, err);
	return engine->deploy != NULL;
}

struct engine *engine_new(const struct config *config, const struct engine_paths *paths,
                          struct store *store, const struct progress *progress,
                          struct err *err)
{
	CLEANUP(engine_freep) struct engine *engine = NEW(struct engine);

	engine->store = store;
	engine->config = config;
	if (!wire(engine, config, err) || !start(engine, config, paths, progress, err))
		return NULL;
	return TAKE(engine);
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	issue_free(engine->issue);
	deploy_free(engine->deploy);
	for (size_t i = 0; i < engine->ca_count; i++)
		secret_free(engine->eab_keys[i]);
	for (size_t i = 0; i < engine->dns_count; i++)
		free(engine->options[i]);
	for (size_t i = 0; i < engine->secret_count; i++)
		secret_free(engine->secrets[i]);
	for (size_t i = 0; i < engine->slot_count; i++) {
		strlist_deinit(&engine->slot_homes[i].names);
		strlist_deinit(&engine->slot_homes[i].services);
		install_commands_deinit(&engine->slot_homes[i].tests);
		install_commands_deinit(&engine->slot_homes[i].reloads);
		free(engine->slot_homes[i].probes);
		free(engine->slot_homes[i].setup);
		free(engine->slot_homes[i].sni);
	}
	free(engine->cas);
	free(engine->eab_keys);
	free(engine->dns);
	free(engine->options);
	free(engine->secrets);
	free(engine->hosts);
	free(engine->slots);
	free(engine->slot_homes);
	free(engine);
}

bool engine_run(struct engine *engine, const atomic_bool *stop, struct err *err)
{
	/* In the order in which a free worker looks: what is nearest to its end comes
	 * first. */
	const struct sched_queue queues[] = {
		{ "delivery", engine->deploy, engine->deliveries_max, deploy_step,
		  deploy_next },
		{ "order", engine->issue, engine->workers, issue_step, issue_next },
		{ "janitor", engine->issue, 1, issue_janitor_step, issue_janitor_next },
	};
	/* A CA that does not answer must not keep the deliveries waiting, nor the other
	 * way. */
	int workers = engine->workers + engine->deliveries_max;
	const struct sched_limits limits = { .workers = workers < WORKERS_MAX
		                                            ? workers
		                                            : WORKERS_MAX,
		                             .patience_ms = PATIENCE_MS,
		                             .stop = stop };

	return issue_janitor_start(engine->issue, err) &&
	       sched_run(queues, ARRAY_SIZE(queues), &limits, err);
}
