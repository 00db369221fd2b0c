/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_INTERNAL_H
#define CLI_INTERNAL_H
#include <stdio.h>

#include "base/err.h"
#include "base/str.h"
#include "config/config.h"
#include "engine/engine.h"
#include "store/store.h"

/* internal - what the commands share */

/* The command line, taken apart. */
struct args {
	const char *config;
	bool json;
	int verbose; /* -v adds one, -q takes one away */
	bool yes;
	bool check;                 /* plan: make all checks */
	bool no_check;              /* apply: make none */
	bool status, drop_unproved; /* host rotate-key */
	const char *format, *user;  /* host import */
	const char *fingerprint;
	const char *from, *login, *identity; /* agent */
	int64_t limit;
	struct strlist only, force;
	struct strlist words; /* what is not an option, the command's name left out */
};

typedef bool cmd_fn(const struct args *args, struct err *err);
cmd_fn cmd_init, cmd_check, cmd_host_enroll, cmd_host_list, cmd_host_import,
    cmd_host_rotate, cmd_plan, cmd_apply, cmd_status, cmd_pending, cmd_cert_show,
    cmd_provider_list, cmd_provider_show, cmd_dns_import, cmd_events, cmd_version,
    cmd_help, cmd_completion, cmd_agent_script, cmd_agent_install;

/* Bits of commands, for options that only some of them take. */
enum {
	TAKES_YES = 1 << 0,
	TAKES_FINGERPRINT = 1 << 1,
	TAKES_ONLY = 1 << 2,
	TAKES_FORCE = 1 << 3,
	TAKES_LIMIT = 1 << 4,
	TAKES_JSON = 1 << 5,
	TAKES_CHECK = 1 << 6,
	TAKES_NO_CHECK = 1 << 7,
	TAKES_STATUS = 1 << 8,
	TAKES_DROP = 1 << 9,
	TAKES_FORMAT = 1 << 10,
	TAKES_FROM = 1 << 11,
	TAKES_LOGIN = 1 << 12,
	TAKES_USER = 1 << 13,
};

struct command {
	const char *name; /* "host enroll" */
	const char *args; /* "NAME" */
	int min, max;     /* words */
	unsigned takes;   /* TAKES_*; -h, -v, -q and --config go everywhere */
	cmd_fn *run;
	const char *help;
};
extern const struct command commands[];

struct option_row {
	char letter; /* 0: none */
	const char *name;
	const char *value; /* "FILE"; NULL: a flag */
	unsigned takes;    /* by which commands; 0: all */
	const char *help;
};
extern const struct option_row option_rows[];

/* parse.c: the command and its arguments; NULL with err. */
const struct command *args_parse(int argc, char **argv, struct args *out,
                                 struct err *err) MUST_CHECK;
void args_deinit(struct args *args);
#define AUTO_ARGS CLEANUP(args_deinit)

/* session.c: configuration, paths and store of a command. Problems of the configuration
 * are printed to stderr, all of them. */
struct session {
	struct config *config;
	struct engine_paths paths;
	struct sealer *sealer;
	struct store *store;
};
bool session_config(struct session *session, const struct args *args,
                    struct err *err) MUST_CHECK;
bool session_check(struct session *session, struct err *err) MUST_CHECK;
bool session_store(struct session *session, struct err *err) MUST_CHECK;
void session_deinit(struct session *session);
#define AUTO_SESSION CLEANUP(session_deinit)

/* input.c: the file, or standard input for "-"; more than out's limit is an error. */
bool input_read(const char *name, struct buf *out, struct err *err) MUST_CHECK;

/* cmd_host.c: pins these keys and no others; how: "confirmed". */
struct ssh_host_key;
bool host_pin(struct store *store, const struct config_host *host,
              const struct ssh_host_key *keys, size_t count, const char *how,
              struct err *err) MUST_CHECK;

/* host_pins.c: pins what the text, a known_hosts file, has of our hosts. */
bool host_pins_import(struct session *session, const struct args *args,
                      const struct buf *text, struct err *err) MUST_CHECK;

/* table.c: rows for people. */
struct table;
struct table *table_new(const char *const *columns, size_t count) MUST_CHECK;
/* As many cells as columns; NULL is an empty one. */
void table_add(struct table *table, const char *const *cells);
/* Left out where a terminal is too narrow for all; the one that is named first goes
 * first.
 */
void table_spare(struct table *table, size_t column);
void table_print(struct table *table, FILE *to);
void table_free(struct table *table);
DEFINE_CLEANUP(struct table *, table_free);
#define AUTO_TABLE CLEANUP(table_freep)

/* 0: it is no terminal. */
size_t terminal_width(FILE *to) MUST_CHECK;

/* Adds the text, or null, to a cJSON object. */
void json_add_text(void *object, const char *name, const char *text);
/* Prints JSON to stdout, indented, and frees it. */
void print_json(void *cjson);

/* plan_view.c: with JSON the findings too, in one object. */
struct findings;
void plan_print(const struct fleet_plan *plan, const struct findings *found, bool json);

/* findings_view.c: what is at least as bad as that, each line once; nothing where there
 * is none. */
void findings_print(const struct findings *found, int least, FILE *to);
/* One line: how many there are of each result. */
void findings_sum_up(const struct findings *found, FILE *to);
/* A cJSON array. */
void *findings_json(const struct findings *found);

/* outcome.c: the newest event's id; 0: there is none. */
bool outcome_mark(struct session *session, int64_t *id, struct err *err) MUST_CHECK;
/* After a run, before which `since` was the newest event: says what waits and what
 * failed; err is set, and false returned, where something does. */
bool outcome_print(struct session *session, const struct fleet_plan *plan, int64_t since,
                   bool quiet, struct err *err) MUST_CHECK;

/* live.c: progress while a run lasts. */
struct live;
struct live *live_new(size_t works, int verbose) MUST_CHECK;
struct progress live_progress(struct live *live);
void live_free(struct live *live);
DEFINE_CLEANUP(struct live *, live_free);
#endif
