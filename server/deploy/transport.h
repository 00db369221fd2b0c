/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPLOY_TRANSPORT_H
#define DEPLOY_TRANSPORT_H
#include "deploy.h"
#include "install/install.h"

/*
 * transport - the ways to a server: what is sent there, and how its answers are compared
 *
 * Two rows. "shell" sends the installer as the command of the session and a bundle as its
 * input; "agent" speaks the frames of docs/protocol-agent.md to certferry-agent, which is
 * the forced command of our key. Both say the same lines, so that push, verify and check
 * know of neither. A job is one command of the session. What is appended to out may hold
 * private keys (BUF_INIT(INSTALL_BUNDLE_MAX), which is the agent's limit as well).
 */
struct transport_job {
	struct install_job install;
	/* Of each of install.slots, in this order. */
	const struct deploy_slot *const *wanted;
	bool reload_anyway; /* test and reload though all is unchanged */
};

typedef bool transport_job_fn(const struct transport_job *job, struct buf *out,
                              struct err *err);

struct transport {
	const char *name; /* as the store and people have it */
	/* The command of the session; the caller frees. */
	char *(*command)(const struct deploy_host *host);
	char *(*check_command)(const struct deploy_host *host);
	transport_job_fn *install;
	transport_job_fn *inspect; /* wants install.slots and wanted */
	transport_job_fn *check;   /* the same, and install.tests */
	/* Keys are made there; NULL: it cannot. Wants install.slots and wanted. */
	transport_job_fn *request;
	/* Our word at the end: commit, or roll back. */
	void (*say)(bool is_commit, struct buf *out);
	/* Does an INSTALL_LIVE line say that these files are there? */
	bool (*is_live)(const struct install_slot *slot, const char *text);
	/* Is all unchanged, it may not have reloaded. */
	bool may_skip_reload;
	/* Its own policy says what is tested and reloaded: it may be more than we know
	 * of, and it may be nothing. */
	bool has_own_services;
};

/* How many tests and reloads a policy of its own may have: at most, about. */
enum { OWN_COMMANDS = 16 };

extern const struct transport transport_shell, transport_agent;
/* NULL: no such row. */
const struct transport *transport_find(const char *name);

/* by_agent.c: says HELLO to that command, and fills in the answer, empty before. A policy
 * that is not in order is an error. To AGENT_ANY it answers wherever one can be
 * reached, to AGENT_FORCED only where it is all that our key may run. */
#define AGENT_ANY    "certferry-agent session"
#define AGENT_FORCED "cat >/dev/null"
struct ssh;
struct greeting;
bool agent_hello(struct ssh *ssh, const char *to, struct greeting *out,
                 struct err *err) MUST_CHECK;
#endif
