/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_POLICY_H
#define AGENT_POLICY_H
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * policy - what this server lets an issuer do
 *
 * /etc/certferry/agent.yaml, written by the server's owner and by nobody else: slots (a
 * certificate's place: which names, which directory, whose files, which services read
 * them) and services (commands to test and to reload, and how long each may take). The
 * wire has a slot's name and PEM; every path, account and command comes from here.
 *
 * Read once at the start of a session, so that a change takes effect with the next one.
 * All that is wrong is said at once, one line each as FILE:LINE: WHERE: WHAT; a policy
 * with a mistake is not used at all. Data; const after policy_load().
 */
enum {
	POLICY_SLOTS_MAX = 256,
	POLICY_SERVICES_MAX = 64, /* a bit each in a slot's services */
	POLICY_BYTES_MAX = 256 * 1024,
	POLICY_TIMEOUT_MAX_S = 600,
	POLICY_TIMEOUT_S = 30, /* where the policy does not say */
};

#define POLICY_PATH  "/etc/certferry/agent.yaml"
#define POLICY_STATE "/var/lib/certferry-agent"

enum policy_action { POLICY_TEST, POLICY_RELOAD, POLICY_ACTION_COUNT };
extern const char *const policy_action_names[POLICY_ACTION_COUNT];

struct policy_command {
	struct strlist argv; /* empty: none */
	int timeout_s;
};

struct policy_service {
	char *name;
	struct policy_command run[POLICY_ACTION_COUNT];
};

/* More files beside cert.pem, chain.pem, fullchain.pem and privkey.pem: a bit each. */
enum policy_format {
	POLICY_PEM, /* the four; always there */
	POLICY_COMBINED,
	POLICY_PKCS12,
	POLICY_DER,
	POLICY_FORMAT_COUNT
};
extern const char *const policy_format_names[POLICY_FORMAT_COUNT];

struct policy_slot {
	char *name;
	struct strlist names; /* patterns: a name, or "*." and a name */
	char *directory;
	char *owner, *group;
	bool has_accounts; /* both are known on this machine: uid and gid are set */
	bool may_give;     /* and we may give files to them, as root or as themselves */
	uid_t uid;
	gid_t gid;
	mode_t mode;         /* of files that hold the key; others get 0444 added */
	unsigned formats;    /* 1 << enum policy_format */
	char *password_file; /* for PKCS #12; NULL: none */
	bool is_key_on_target;
	bool may_be_older;
	uint64_t services; /* 1 << index */
	struct strlist service_names;
	size_t line;
};

struct policy {
	char *state; /* locks and what was done; our own directory */
	struct policy_slot *slots;
	size_t slot_count;
	struct policy_service *services;
	size_t service_count;
};

/* Checks who could have written the file (and its directories), reads it, and looks up
 * accounts. Problems has every mistake, err the first. */
struct policy *policy_load(const char *path, struct strlist *problems,
                           struct err *err) MUST_CHECK;

/* The bytes alone: for tests and the fuzzer, which have no such file. */
struct policy *policy_parse(const char *file, const char *bytes, size_t len,
                            struct strlist *problems) MUST_CHECK;

void policy_free(struct policy *policy);
DEFINE_CLEANUP(struct policy *, policy_free);
#define AUTO_POLICY CLEANUP(policy_freep)

/* NULL where there is none. */
const struct policy_slot *policy_slot(const struct policy *policy, const char *name);

/* Can files of the slot get their owner and group? ERR_CONFIG: no, and why. */
bool policy_can_own(const struct policy_slot *slot, struct err *err) MUST_CHECK;

/* May a certificate of the slot hold the name? */
bool policy_allows(const struct policy_slot *slot, const char *name);
#endif
