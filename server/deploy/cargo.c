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

bool cargo_load(struct deploy *deploy, struct cargo *cargo)
{
	const struct deploy_slot *slot = cargo->slot;
	struct certificate *certificate = &cargo->certificate;

	if (!slot)
		return err_set(&cargo->err, ERR_CONFIG,
		               "the configuration does not want it there any more");
	if (!store_certificate_load(deploy->settings.store, cargo->row->wanted_id,
	                            certificate, &cargo->err) ||
	    !load_key(deploy, cargo))
		return false;
	cargo->fullchain = xasprintf("%s%s", certificate->cert_pem,
	                             certificate->chain_pem);
	cargo->install = (struct install_slot){
		.name = slot->certificate,
		.directory = slot->directory,
		.owner = slot->owner,
		.group = slot->group,
		.mode = slot->mode,
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

static bool same_list(const struct strlist *a, const struct strlist *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (!str_eq(a->items[i], b->items[i]))
			return false;
	return true;
}

bool slot_same_service(const struct deploy_slot *a, const struct deploy_slot *b)
{
	return same_list(a->reload, b->reload) && same_list(a->test, b->test);
}

static void wait_ms(int64_t ms)
{
	const struct timespec time = { .tv_sec = ms / 1000,
		                       .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

void cargo_probe(struct cargo *cargo, bool once)
{
	const struct deploy_slot *slot = cargo->slot;
	int64_t deadline = clock_deadline_ms(slot->probe_timeout_s * INT64_C(1000));
	int64_t pause = PROBE_AGAIN_FIRST_MS;
	const struct probe_target target = { .address = slot->probe_address,
		                             .port = slot->probe_port,
		                             .sni = slot->probe_sni,
		                             .timeout_s = slot->probe_timeout_s };

	if (!slot->is_probed)
		return;
	/* A reload returns before the service has turned over. For a moment old and new
	 * workers may both take connections, so that one look proves little: it must be
	 * the wanted leaf twice, with a pause between that outlasts nginx's. */
	for (bool seen_before = false;;) {
		probe_run(&target, cargo->certificate.sha256, &cargo->probe);
		bool is_wanted = cargo->probe.seen == PROBE_WANTED;

		if (once || (is_wanted && seen_before) || clock_left_ms(deadline) < pause)
			return;
		wait_ms(is_wanted ? PROBE_AGREE_MS : pause);
		seen_before = is_wanted;
		pause = pause * 2 < PROBE_AGAIN_MOST_MS ? pause * 2 : PROBE_AGAIN_MOST_MS;
	}
}

bool cargo_is_seen(const struct cargo *cargo)
{
	return !cargo->slot->is_probed || cargo->probe.seen == PROBE_WANTED;
}
