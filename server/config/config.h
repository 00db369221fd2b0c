/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/keytype.h"
#include "base/str.h"

/*
 * config - the configuration file, checked and ready to use
 *
 * One YAML file and conf.d/NAME.yaml beside it, read through one table of keys
 * (keys.c) that also gives defaults, checks, the reference manual (config_write_manual())
 * and schema/certferry.schema.json (config_write_schema()). After config_load() the
 * struct is const, whole and checked: names are A-labels, references are pointers, sizes
 * within their limits. Everything belongs to the struct. Any thread may read it.
 * Secrets are not read here: a config_secret says where one lies.
 */

/* Where something stands, for error texts. */
struct config_mark {
	const char *file; /* borrowed from the config */
	int line, column; /* from 1 */
};

/* {file: PATH}, made absolute against the directory of its YAML file, or
 * {credential: NAME} for $CREDENTIALS_DIRECTORY/NAME (systemd). Both NULL: not set. */
struct config_secret {
	char *file;
	char *credential;
	struct config_mark mark;
};

struct config_ca {
	char *name;
	struct config_mark mark;
	char *directory;        /* https URL */
	struct strlist contact; /* "mailto:..." */
	bool agree_to_terms;
	char *ca_file; /* PEM of the roots to trust; NULL: the system's */
	char *eab_kid; /* external account binding; NULL: none */
	struct config_secret eab_key;
	char *profile; /* NULL: the CA's default */
};

/* One option for the provider plugin, as it stands in the file. */
struct config_option {
	char *name;
	char *value;                 /* this, or */
	struct config_secret secret; /* this */
	struct config_mark mark;
};

/* How certferry learns that a record is there for everybody. */
enum config_propagation {
	PROPAGATION_AUTHORITATIVE, /* every address of every authoritative server */
	PROPAGATION_RESOLVERS,     /* these resolvers, and nobody else */
	PROPAGATION_SETTLE,        /* time alone */
	PROPAGATION_NONE,          /* not at all */
	PROPAGATION_COUNT
};
/* As they stand in the file. */
extern const char *const config_propagation_names[PROPAGATION_COUNT];

struct config_dns {
	char *name;
	struct config_mark mark;
	char *provider;       /* [a-z0-9_]+ */
	struct strlist zones; /* empty: found by SOA */
	int ttl_s;
	int spread_timeout_s; /* how long until all authoritative servers must show it */
	enum config_propagation propagation;
	struct strlist resolvers; /* of PROPAGATION_RESOLVERS */
	int wait_s;               /* of PROPAGATION_SETTLE */
	int settle_s;             /* after it was seen: still so long; 0: no */
	int by_hand_timeout_s;    /* how long a person has to set the records */
	struct config_option *options;
	size_t option_count;
};

/* Which way certificates go to a host. */
enum config_transport {
	TRANSPORT_AUTO,  /* the agent where one answers, else the shell */
	TRANSPORT_AGENT, /* certferry-agent, and nothing else */
	TRANSPORT_SHELL, /* the login's shell; nobody is asked */
	TRANSPORT_COUNT
};
extern const char *const config_transport_names[TRANSPORT_COUNT];

struct config_host {
	char *name;
	struct config_mark mark;
	char *address;
	uint16_t port;
	char *user;
	struct strlist groups;
	int connect_timeout_s;
	enum config_transport transport;
};

struct config_install {
	char *directory; /* absolute */
	char *owner, *group;
	mode_t mode;
	struct strlist formats; /* "combined"; empty: what the services want */
	char *password_file;    /* of pkcs12, on the server; NULL: none */
};

struct config_probe {
	bool is_off;    /* probe: false */
	uint16_t port;  /* 0: those below, or the presets' */
	char *protocol; /* of that port: "smtp"; NULL: as its number says, else TLS */
	struct strlist ports; /* "25/smtp", "993" */
	char *address;        /* NULL: the host's */
	char *sni;            /* NULL: the unique name, else the first name */
	int timeout_s;
};

/* Where the private key is made. */
enum config_key_on {
	KEY_ON_ISSUER, /* here; it is sent with the certificate */
	KEY_ON_TARGET, /* on the server, and it never leaves that */
	KEY_ON_COUNT
};
extern const char *const config_key_on_names[KEY_ON_COUNT];

struct config_certificate {
	char *name;
	struct config_mark mark;
	struct strlist names; /* A-labels, lower case, in the file's order */
	char *unique_name;    /* with "{host}" in it; NULL: none */
	enum key_type key;
	enum config_key_on key_on;
	const struct config_ca *ca;
	char *profile;                /* of the certificate, else of the CA; NULL: none */
	const struct config_dns *dns; /* the first of dnses */
	const struct config_dns **dnses; /* in the order in which they are tried */
	size_t dns_count;
	char *challenge_alias; /* a name, perhaps with "{name}" in it; NULL: none */
	const struct config_host **hosts; /* groups resolved, in the file's order */
	size_t host_count;
	struct config_install install;
	struct strlist services; /* presets' names */
	char *reload_preset;     /* one more, after them: "nginx"; NULL: the argv below */
	struct strlist reload;   /* argv; empty with no preset: no reload */
	struct strlist test;     /* argv; empty: the preset's, or none */
	struct config_probe probe;
	int64_t renew_after_s; /* 0: by lifetime alone */
};

struct config {
	char *file; /* as it was opened */
	char *state_directory;
	struct config_secret sealing_key; /* unset: state_directory/sealing.key */
	char *resolver; /* "ADDRESS" or "ADDRESS@PORT"; NULL: the system's */
	int workers;
	int orders_max; /* in flight at the CAs at the same time */
	int deliveries_max;
	struct config_ca *cas;
	size_t ca_count;
	struct config_dns *dns;
	size_t dns_count;
	struct config_host *hosts;
	size_t host_count;
	struct config_certificate *certificates;
	size_t certificate_count;
	struct strlist sources; /* every file that was read */
};

/*
 * Reads the file and those in conf.d. Errors are appended to problems, one line each:
 * "file:line:column: key.path: what is wrong; what would be right", all of them. NULL
 * with err (ERR_CONFIG, the count of problems) where there was one.
 */
struct config *config_load(const char *file, struct strlist *problems,
                           struct err *err) MUST_CHECK;
void config_free(struct config *config);
DEFINE_CLEANUP(struct config *, config_free);

const struct config_host *config_host_find(const struct config *config, const char *name);
const struct config_certificate *config_certificate_find(const struct config *config,
                                                         const char *name);

/* The names for this host: names and the expanded unique name, sorted. */
void config_certificate_names(const struct config_certificate *certificate,
                              const struct config_host *host, struct strlist *out);

/* Reads the secret it points to; what names it in errors ("dns.home.tsig-key"), NULL
 * where the caller does. */
struct secret;
struct secret *config_secret_read(const struct config_secret *where, const char *what,
                                  struct err *err) MUST_CHECK;

/* From the table: the reference (scdoc of certferry.yaml(5)) and the JSON Schema. */
void config_write_manual(struct buf *out);
void config_write_schema(struct buf *out);
#endif
