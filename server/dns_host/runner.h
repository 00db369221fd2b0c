/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_HOST_RUNNER_H
#define DNS_HOST_RUNNER_H
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/frame.h"

/*
 * runner - dns-host's looser twin, which starts programs of the operator's
 *
 * A plugin's sandbox has no way back to an exec, so whoever runs programs must be
 * there before: a fork of dns-host, made if and only if the entry has the option
 * "program", before any code of a plugin is loaded. It becomes the user that its
 * programs are to run as, and then does one thing: it reads a request (arguments and
 * environment) from its one socket, runs that, and answers with status and output.
 *
 * Each program gets SANDBOX_PROGRAM, a session of its own, and a scratch directory;
 * when it has ended, or the deadline has come, or dns-host is gone, everything that it
 * started is killed and the directory removed. What may be executed is decided here,
 * not by the plugin: a file that only root or our own user can have put there.
 * One thread; one runner for a batch.
 */
enum {
	RUNNER_ARGS_MAX = 64,
	RUNNER_ENV_MAX = 256,
	RUNNER_OUTPUT_MAX = 16 * 1024,
	RUNNER_SPARES_MS = 1500, /* before the batch's deadline: to clean up and tell */
};

struct runner {
	int fd; /* -1: there is none */
};
#define RUNNER_NONE      \
	{                \
		.fd = -1 \
	}

struct runner_settings {
	const char *program; /* the operator's, whatever is executed for its sake */
	const char *user; /* NULL: nobody where we are root, ourselves where we are not */
	int64_t deadline_ms;
};

/* settings are borrowed. */
bool runner_start(struct runner *runner, const struct runner_settings *settings,
                  struct err *err) MUST_CHECK;

/* Ends it and waits until it has cleaned up. */
void runner_end(struct runner *runner);

/* What goes over the socket, in both directions. A request is argc, then that many
 * texts and those of the environment, each with its NUL; an answer is followed by
 * output. */
enum runner_result {
	RUNNER_ENDED,     /* status is its exit status, or 128 + signal */
	RUNNER_TIMED_OUT, /* output is what it had said until then */
	RUNNER_REFUSED,   /* output is why it was not started */
};

struct runner_answer {
	int32_t result; /* enum runner_result */
	int32_t status;
};

struct runner_program {
	char *argv[RUNNER_ARGS_MAX + 1];
	char *env[RUNNER_ENV_MAX + 8]; /* with ours */
	const char *scratch;
	int64_t deadline_ms;
	int parent_fd; /* when it hangs up, nobody wants the program any more */
};

/* program.c: runs it to its end. output has what it said. */
struct runner_answer program_run(struct runner_program *program, struct buf *output);

/* trust.c: true if only root and owner can have put the file there: it, each directory
 * above it and each link on the way. It must be absolute, regular and executable. */
bool trust_program(const char *path, uid_t owner, struct err *err) MUST_CHECK;

/* scratch.c: a new directory that only we can enter; and away with it, whatever is in
 * it. The caller frees the path. */
char *scratch_make(struct err *err) MUST_CHECK;
void scratch_remove(const char *path);
#endif
