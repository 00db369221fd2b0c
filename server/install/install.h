/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INSTALL_INSTALL_H
#define INSTALL_INSTALL_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"

/*
 * install - what is sent to a server, and what it says back
 *
 * The transport "shell": a fixed POSIX sh program (shared.sh and installer.sh) is the
 * command of the SSH session and reads one bundle on its standard input. The bundle holds
 * the slots of one service, or of several that are reloaded together: for each a
 * directory, owner, group, mode and the files. The program makes a new generation
 * directory per slot, switches one symlink each, tests and reloads the services, and says
 * so line by line. Then it waits for "commit" or "rollback"; when neither comes in time,
 * or the connection is lost, it rolls back by itself. docs/protocol-shell.md has the
 * bundle and the lines. Nothing here talks to a server.
 */

/* What else than the PEM files lies in the slot's directory; bits of install_slot. */
enum install_format {
	INSTALL_PEM,      /* cert.pem, chain.pem, fullchain.pem, privkey.pem: always */
	INSTALL_COMBINED, /* combined.pem: certificate, chain and key in one */
	INSTALL_DER,      /* cert.der, and privkey.der (PKCS #8) */
	INSTALL_PKCS12,   /* cert.p12: its password is on the server, so an agent makes it
	                   */
	INSTALL_FORMAT_COUNT
};
extern const char *const install_format_names[INSTALL_FORMAT_COUNT];
bool install_format_find(const char *name, enum install_format *out);

struct install_slot {
	const char *name;      /* the certificate's, [A-Za-z0-9._-]{1,64} */
	const char *directory; /* absolute; the live files are in directory/live */
	const char *owner, *group;
	mode_t mode;      /* of files with the key; the others get 0444 added */
	unsigned formats; /* 1U << INSTALL_COMBINED and so on */
	const char *cert_pem, *chain_pem, *fullchain_pem;
	const struct secret *key_pem;
};

/* Commands of one or several services, in order; { 0 } is none. */
struct install_commands {
	struct strlist *items; /* argv */
	size_t len;
};
/* A new one, empty; valid until the next is added. */
struct strlist *install_commands_add(struct install_commands *commands);
bool install_commands_equal(const struct install_commands *a,
                            const struct install_commands *b);
/* "nginx -t; postfix check" */
void install_commands_show(const struct install_commands *commands, struct buf *out);
void install_commands_deinit(struct install_commands *commands);
#define AUTO_COMMANDS CLEANUP(install_commands_deinit)

struct install_job {
	const struct install_slot *slots;
	size_t slot_count;
	const struct install_commands *tests;
	const struct install_commands *reloads;
	int service_timeout_s; /* for each of these commands */
	int confirm_timeout_s; /* without "commit" or "rollback" for so long: roll back */
};

/* The command of the session; sudo: through "sudo -n". The caller frees. */
char *install_command(bool sudo) MUST_CHECK;

/* The same for a look before anything is sent (checker.sh), which changes nothing. */
char *install_check_command(bool sudo) MUST_CHECK;

/* The bundle, appended to out (BUF_INIT(INSTALL_BUNDLE_MAX)). Holds private keys: wipe
 * it. */
enum { INSTALL_BUNDLE_MAX = 1024 * 1024 };
bool install_bundle(const struct install_job *job, struct buf *out,
                    struct err *err) MUST_CHECK;

/* Asks only what is there: for each slot the live certificate and a checksum of the key.
 */
bool install_inspect_bundle(const struct install_slot *slots, size_t count,
                            struct buf *out, struct err *err) MUST_CHECK;

/* For install_check_command(): the job without its files. */
bool install_check_bundle(const struct install_job *job, struct buf *out,
                          struct err *err) MUST_CHECK;

/* A line that the program wrote. */
enum install_step {
	INSTALL_STAGED,      /* slot: files are in a new generation */
	INSTALL_UNCHANGED,   /* slot: the live files are these already */
	INSTALL_SLOT_FAILED, /* slot and text: this slot was left out */
	INSTALL_NO_KEY,   /* the same: the key that was made there is not there any more
	                   */
	INSTALL_SWITCHED, /* all staged slots point to their new generation */
	INSTALL_TESTED,
	INSTALL_TEST_FAILED,   /* text: end of what the test printed; links are back */
	INSTALL_RELOADED,      /* now it waits for "commit" or "rollback" */
	INSTALL_RELOAD_FAILED, /* text; links are back and the service was reloaded again
	                        */
	INSTALL_COMMITTED,
	INSTALL_ROLLED_BACK, /* text: what the reload after it said, if it failed */
	INSTALL_CHECKED,     /* check: slot; it could be installed */
	INSTALL_LIVE,        /* inspect: slot; text is the checksum line to compare */
	INSTALL_FAILED,      /* text: the whole job ended, nothing was changed */
	INSTALL_STEP_COUNT
};

struct install_line {
	enum install_step step;
	char slot[65];
	char text[400]; /* printable */
};

/* An unknown line is ERR_REMOTE. */
bool install_line_parse(const char *line, struct install_line *out,
                        struct err *err) MUST_CHECK;

/* What an INSTALL_LIVE line of this slot must say if the slot's files are the live
 * ones (content, owner and modes are compared on the server's side by checksum). The
 * caller frees. */
char *install_live_text(const struct install_slot *slot) MUST_CHECK;
#endif
