/* SPDX-License-Identifier: Apache-2.0 */
#include "accept.h"
#include "base/clock.h"
#include "boot.h"
#include "formats.h"
#include "job.h"
#include "request.h"
#include "say.h"

/*
 * install: stage all slots, switch, test, reload, wait for the issuer's look, commit.
 *
 * Whatever goes wrong after the switch puts all of the job back: a failed test or reload,
 * a signal, silence, a lost connection. Services are locked from before the switch to the
 * end, so that no other delivery's test sees files of ours that are not yet kept.
 */

static bool read_cert(struct delivery *delivery, struct err *err)
{
	AUTO_BUF struct buf pem = BUF_INIT(CERT_PEM_MAX);
	size_t len;
	const char *text = secret_reveal(delivery->pem[AGENTWIRE_CERT], &len);

	buf_add(&pem, text, len);
	text = secret_reveal(delivery->pem[AGENTWIRE_CHAIN], &len);
	buf_add(&pem, text, len);
	if (pem.over)
		return err_set(err, ERR_REMOTE, "certificate and chain are too large");
	return cert_parse(pem.data, pem.len, &delivery->cert, err);
}

/* Only where the policy has the key from the issuer. */
static bool check_who_makes_key(const struct delivery *delivery, struct err *err)
{
	bool is_sent = delivery->pem[AGENTWIRE_KEY] != NULL;

	if (delivery->slot->is_key_on_target && is_sent)
		return err_set(err, ERR_DENIED,
		               "this server's policy makes the key here (key-on: "
		               "target), and takes none");
	if (!delivery->slot->is_key_on_target && !is_sent)
		return err_set(err, ERR_DENIED,
		               "no key was sent, and this server's policy makes none for "
		               "the slot (key-on: target)");
	return true;
}

static bool read_sent_key(struct delivery *delivery, struct err *err)
{
	size_t len;
	const char *pem = secret_reveal(delivery->pem[AGENTWIRE_KEY], &len);

	delivery->key = key_parse_pem(pem, len, err);
	return delivery->key != NULL;
}

/* All that can be seen without the slot's directory: what is refused here has not even
 * made it. */
static bool accept_sent(struct delivery *delivery, struct err *err)
{
	const struct policy_slot *slot = delivery->slot;

	if (!accept_names(slot, &delivery->cert.names, err) ||
	    !check_who_makes_key(delivery, err))
		return false;
	return slot->is_key_on_target ||
	       (read_sent_key(delivery, err) &&
	        accept_check(slot, &delivery->cert, delivery->key, NULL, clock_now(),
	                     err));
}

/* The key that came, or the one that was made here for this certificate. */
static bool have_key(struct delivery *delivery, struct err *err)
{
	if (!delivery->key)
		delivery->key = request_key(delivery, err);
	return delivery->key != NULL;
}

/* *installed has a certificate where true is returned and its count is not 0. What is
 * there and cannot be read as one does not stop a better one. */
static void read_installed(const struct delivery *delivery, struct cert *installed)
{
	AUTO_BUF struct buf pem = BUF_INIT(CERT_PEM_MAX);
	struct err err;

	if (*delivery->place.old && place_read(&delivery->place, delivery->place.old,
	                                       "fullchain.pem", &pem, &err))
		(void)!cert_parse(pem.data, pem.len, installed, &err);
}

static bool accept_delivery(struct delivery *delivery, struct err *err)
{
	AUTO_CERT struct cert installed = { 0 };

	read_installed(delivery, &installed);
	return accept_check(delivery->slot, &delivery->cert, delivery->key,
	                    installed.count ? &installed : NULL, clock_now(), err);
}

static bool write_delivery(const struct job *job, struct delivery *delivery,
                           struct err *err)
{
	const struct policy_slot *slot = delivery->slot;
	const struct place_owner owner = { slot->uid, slot->gid };
	AUTO_OUTPUTS struct outputs outputs = { 0 };

	return outputs_make(&outputs, slot, &delivery->cert, delivery->key,
	                    job->passwords ? job->passwords[slot - job->policy->slots]
	                                   : NULL,
	                    err) &&
	       place_stage(&delivery->place, outputs.files, outputs.count, &owner,
	                   &delivery->is_unchanged, err);
}

static bool stage(const struct job *job, struct delivery *delivery, struct err *err)
{
	const struct policy_slot *slot = delivery->slot;

	if (!slot)
		return err_set(err, ERR_DENIED, "this server's policy has no such slot");
	return policy_can_own(slot, err) && read_cert(delivery, err) &&
	       accept_sent(delivery, err) &&
	       place_open(&delivery->place, slot->directory, true, err) &&
	       place_lock(&delivery->place, err) && have_key(delivery, err) &&
	       accept_delivery(delivery, err) && write_delivery(job, delivery, err);
}

/* Services of what was staged; of what is unchanged only where they may run with
 * something else, or were asked for. */
static void stage_all(struct job *job, bool *any)
{
	*any = false;
	for (size_t i = 0; i < job->count; i++) {
		struct delivery *delivery = &job->deliveries[i];
		struct err err = { 0 };

		if (boot_is_stopped() || !stage(job, delivery, &err)) {
			if (err.kind == ERR_NONE)
				(void)err_set(&err, ERR_TEMPORARY, "told to stop");
			job_fail_slot(delivery, &err);
			place_close(&delivery->place);
			continue;
		}
		*any = true;
		delivery->is_staged = !delivery->is_unchanged;
		say("%s %s", delivery->is_staged ? "staged" : "unchanged",
		    delivery->name);
		if (delivery->is_staged || delivery->place.is_unfinished ||
		    job->reload_anyway)
			job->services |= delivery->slot->services;
	}
}

/* All links as they were; what failed of that is added to the text. */
static void switch_back(struct job *job, struct buf *text)
{
	for (size_t i = 0; i < job->count; i++) {
		struct delivery *delivery = &job->deliveries[i];
		struct err err = { 0 };

		if (!delivery->is_staged || place_back(&delivery->place, &err))
			continue;
		buf_addf(text, "%s%s", text->len ? "; " : "", err.msg);
		place_leave_unfinished(&delivery->place);
	}
}

static bool is_still_valid(const struct place *place, const char *generation)
{
	AUTO_CERT struct cert cert = { 0 };
	AUTO_BUF struct buf pem = BUF_INIT(CERT_PEM_MAX);
	struct err err;

	return *generation &&
	       place_read(place, generation, "fullchain.pem", &pem, &err) &&
	       cert_parse(pem.data, pem.len, &cert, &err) && cert.not_after > clock_now();
}

/* What a run that was cut short had switched to was never committed: where services do
 * not take it, the one before it is put back. */
static void undo_dead(struct job *job, struct buf *text)
{
	for (size_t i = 0; i < job->count; i++) {
		struct delivery *delivery = &job->deliveries[i];
		struct place *place = &delivery->place;
		struct err err = { 0 };

		if (!delivery->is_unchanged || !is_still_valid(place, place->before))
			continue;
		job->reloaded |= delivery->slot->services;
		if (!place_name_all(place, place->before, &err) ||
		    !place_point(place, place->before, &err))
			buf_addf(text, "%s%s", text->len ? "; " : "", err.msg);
	}
}

/* A service that did not take the old files again may run with either: whatever comes
 * next, though it be the same files, is to be reloaded. */
static void leave_unfinished(struct job *job)
{
	for (size_t i = 0; i < job->count; i++)
		place_leave_unfinished(&job->deliveries[i].place);
}

/* And every service that saw the new files sees the old ones again, also where one of
 * them fails. */
static void undo(struct job *job, struct buf *text)
{
	switch_back(job, text);
	for (size_t i = 0; i < job->policy->service_count; i++) {
		AUTO_BUF struct buf why = BUF_INIT(1024);
		uint64_t bit = UINT64_C(1) << i, done = 0;

		if (!(job->reloaded & bit) ||
		    services_run(job, bit, POLICY_RELOAD, &done, &why))
			continue;
		buf_addf(text, "%sthe reload after it: %s", text->len ? "; " : "",
		         why.data);
		leave_unfinished(job);
	}
}

static bool switch_all(struct job *job, struct err *err)
{
	for (size_t i = 0; i < job->count; i++)
		if (job->deliveries[i].is_staged &&
		    !place_switch(&job->deliveries[i].place, err))
			return false;
	return true;
}

static bool has_staged(const struct job *job)
{
	for (size_t i = 0; i < job->count; i++)
		if (job->deliveries[i].is_staged)
			return true;
	return false;
}

static int give_up(struct job *job, const char *word, struct buf *text, bool reload)
{
	if (reload)
		undo(job, text);
	else
		switch_back(job, text);
	say("%s %.*s", word, SAY_TEXT_MAX, text->data);
	return 1;
}

static int commit(struct job *job)
{
	for (size_t i = 0; i < job->count; i++) {
		struct delivery *delivery = &job->deliveries[i];

		if (delivery->is_staged)
			place_tidy(&delivery->place);
		if (delivery->is_staged || delivery->is_unchanged) {
			request_done(delivery);
			place_settle(&delivery->place);
		}
		place_close(&delivery->place);
	}
	say("committed");
	return 0;
}

static bool is_any(const struct job *job, enum policy_action action)
{
	for (size_t i = 0; i < job->policy->service_count; i++)
		if ((job->services & UINT64_C(1) << i) &&
		    job->policy->services[i].run[action].argv.len > 0)
			return true;
	return false;
}

static int bring_up(struct job *job)
{
	AUTO_BUF struct buf text = BUF_INIT(4096);
	uint64_t tested = 0;

	if (!services_run(job, job->services, POLICY_TEST, &tested, &text)) {
		undo_dead(job, &text);
		return give_up(job, "test-failed", &text, true);
	}
	if (is_any(job, POLICY_TEST))
		say("tested");
	if (!services_run(job, job->services, POLICY_RELOAD, &job->reloaded, &text)) {
		undo_dead(job, &text);
		return give_up(job, "reload-failed", &text, true);
	}
	say("reloaded");
	if (!session_hear_word(job)) {
		/* What is unchanged was not switched: nothing of it is taken back. */
		if (!has_staged(job))
			job->reloaded = 0;
		return give_up(job, "rolled-back", &text, true);
	}
	return commit(job);
}

int install_run(struct job *job)
{
	AUTO_BUF struct buf text = BUF_INIT(4096);
	struct err err = { 0 };
	bool any;

	stage_all(job, &any);
	if (!any) {
		say("failed no slot could be staged");
		return 1;
	}
	if (!runner_lock(job->runner, job->services, &err) || !switch_all(job, &err)) {
		buf_addf(&text, "%s", err.msg);
		return give_up(job, "failed", &text, false);
	}
	if (has_staged(job))
		say("switched");
	return bring_up(job);
}
