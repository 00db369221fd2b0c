/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/key.h"

enum { PROBE_AGAIN_FIRST_MS = 50, PROBE_AGAIN_MOST_MS = 1000, PROBE_AGREE_MS = 250 };

static bool load_key(struct deploy *deploy, struct cargo *cargo)
{
	AUTO_KEY struct key *key = store_key_load(deploy->settings.store,
	                                          cargo->certificate.key_id, &cargo->err);

	if (key)
		cargo->key_pem = key_format_pem(key, &cargo->err);
	return cargo->key_pem != NULL;
}

/* Only for what a probe says: without it, that is less. */
static void load_before(struct deploy *deploy, struct cargo *cargo)
{
	CLEANUP(certificate_deinit) struct certificate before = { 0 };
	struct err err = { 0 };

	if (!cargo->row->installed_id ||
	    cargo->row->installed_id == cargo->row->wanted_id ||
	    !store_certificate_load(deploy->settings.store, cargo->row->installed_id,
	                            &before, &err))
		return;
	memcpy(cargo->before, before.sha256, sizeof(cargo->before));
	cargo->has_before = true;
}

bool cargo_load(struct deploy *deploy, struct cargo *cargo)
{
	const struct deploy_slot *slot = cargo->slot;
	struct certificate *certificate = &cargo->certificate;

	if (!slot)
		return err_set(&cargo->err, ERR_CONFIG,
		               "the configuration does not want it there any more");
	if (!store_certificate_load(deploy->settings.store, cargo->row->wanted_id,
	                            certificate, &cargo->err) ||
	    (certificate->key_id && !load_key(deploy, cargo)))
		return false;
	load_before(deploy, cargo);
	cargo->fullchain = xasprintf("%s%s", certificate->cert_pem,
	                             certificate->chain_pem);
	cargo->install = (struct install_slot){
		.name = slot->certificate,
		.directory = slot->directory,
		.owner = slot->owner,
		.group = slot->group,
		.mode = slot->mode,
		.formats = slot->formats,
		.cert_pem = certificate->cert_pem,
		.chain_pem = certificate->chain_pem,
		.fullchain_pem = cargo->fullchain,
		.key_pem = cargo->key_pem,
	};
	return true;
}

void cargo_deinit(struct cargo *cargo)
{
	certificate_deinit(&cargo->certificate);
	secret_free(TAKE(cargo->key_pem));
	free(TAKE(cargo->fullchain));
}

bool slot_same_service(const struct deploy_slot *a, const struct deploy_slot *b)
{
	return install_commands_equal(a->reloads, b->reloads) &&
	       install_commands_equal(a->tests, b->tests);
}

int slot_probe_s(const struct deploy_slot *slot)
{
	int sum = 0;

	for (size_t i = 0; i < slot->probe_count; i++)
		sum += slot->probes[i].timeout_s;
	return sum;
}

static void wait_ms(int64_t ms)
{
	const struct timespec time = { .tv_sec = ms / 1000,
		                       .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

/* A reload returns before the service has turned over. For a moment old and new workers
 * may both take connections, so that one look proves little: it must be the wanted leaf
 * twice, with a pause between that outlasts nginx's. */
static void look_often(struct cargo *cargo, const struct probe_target *target, bool once)
{
	int64_t deadline = clock_deadline_ms(target->timeout_s * INT64_C(1000));
	int64_t pause = PROBE_AGAIN_FIRST_MS;

	for (bool seen_before = false;;) {
		probe_run(target, cargo->certificate.sha256, &cargo->probe);
		bool is_wanted = cargo->probe.seen == PROBE_WANTED;

		if (once || (is_wanted && seen_before) || clock_left_ms(deadline) < pause)
			return;
		wait_ms(is_wanted ? PROBE_AGREE_MS : pause);
		seen_before = is_wanted;
		pause = pause * 2 < PROBE_AGAIN_MOST_MS ? pause * 2 : PROBE_AGAIN_MOST_MS;
	}
}

void cargo_probe(struct cargo *cargo, bool once)
{
	const struct deploy_slot *slot = cargo->slot;
	bool good = true;

	for (size_t i = 0; good && i < slot->probe_count; i++) {
		struct probe_target target = slot->probes[i];

		target.before_sha256 = cargo->has_before ? cargo->before : NULL;
		cargo->probe_from = &slot->probes[i];
		look_often(cargo, &target, once);
		good = cargo->probe.seen == PROBE_WANTED;
	}
}

bool cargo_is_seen(const struct cargo *cargo)
{
	return cargo->slot->probe_count == 0 || cargo->probe.seen == PROBE_WANTED;
}
