/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_JOB_H
#define AGENT_JOB_H
#include "agentwire/agentwire.h"
#include "crypto/cert.h"
#include "place.h"
#include "policy.h"
#include "runner.h"

/*
 * job - what one session was asked to do, and how far it got
 *
 * session.c fills it from frames; one of install, look and request then does it. A
 * delivery is one slot of the job. What fails for one slot ("slot-failed") leaves the
 * others alone; what fails for a service takes all of the job back.
 */
struct delivery {
	char name[65];
	const struct policy_slot *slot;           /* NULL: the policy has no such slot */
	struct secret *pem[AGENTWIRE_FILE_COUNT]; /* as sent; NULL: not sent */
	bool has_request;
	enum key_type key_type;
	struct strlist names; /* of the request */

	struct cert cert;
	struct key *key;
	struct place place;
	bool is_staged;
	bool is_unchanged;
};

struct job {
	const struct policy *policy;
	struct runner *runner;
	enum agentwire_job kind;
	bool reload_anyway;
	int confirm_timeout_s;
	struct delivery *deliveries;
	size_t count;
	struct agentwire_order order;
	uint64_t services; /* that are tested and reloaded */
	uint64_t reloaded;
	const struct secret *const *passwords; /* by the slot's place in the policy */
};

void job_deinit(struct job *job);
#define AUTO_JOB CLEANUP(job_deinit)

/* The code of an error: the certificate is for a key that is not here. */
extern const char job_no_key[];

/* Says "slot-failed", or "no-key". */
void job_fail_slot(const struct delivery *delivery, const struct err *err);

/* The job, said line by line. The status to exit with. */
int install_run(struct job *job);
int inspect_run(struct job *job);
int check_run(struct job *job);
int request_run(struct job *job);

/* Waits for the word behind "reloaded": true is COMMIT. */
bool session_hear_word(struct job *job);

/* One service after the other: test or reload of those in the set. False: *text says
 * which and why. done: those for which it was begun. */
bool services_run(const struct job *job, uint64_t set, enum policy_action action,
                  uint64_t *done, struct buf *text) MUST_CHECK;
#endif
