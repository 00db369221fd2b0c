/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns_provider - what a DNS provider plugin offers and what it may use
 *
 * A provider is a shared object with one exported symbol, dns_provider_v1,
 * made by DNS_PROVIDER(). It includes this header and the C library, no more.
 *
 * Lifetime. The plugin host is one process for one batch of changes, and exits after
 * it. Whatever dns_host returns stays valid until then, so a provider frees only what
 * it allocated itself. Nothing is kept: there is no later call, and no state beside
 * what the provider's own servers hold. Both calls can be repeated, and will be after
 * a crash. What is given to a dns_host function need only live through the call.
 *
 * Threads. None: every call comes from one thread. Calls block, and the server kills
 * the process at its deadline.
 *
 * Errors. Return host->fail(...) with the result that fits and one sentence an
 * operator can act on: what was refused, by whom, what to change. The server chooses
 * whether to try again by the result, never by the text. A result of a dns_host
 * function that is not DNS_OK has its text already: return it as it is.
 *
 * Output. host->log() and host->fail() only, one line a call. No stdout or stderr
 * (they lead nowhere), no exit(), no signals. Values of DNS_SECRET options are
 * replaced by *** on their way out, but do not rely on it.
 *
 * Surroundings. The process is sandboxed: it can open network connections, and read
 * what resolving names and verifying TLS needs. It cannot read or write other files,
 * start programs, or have children.
 *
 * Growing. New members are added at the ends of dns_host and dns_provider and never
 * moved; `size` says what the other side knows. A provider that uses a member of
 * dns_host that was added later asks DNS_HOST_HAS() first.
 *
 * plugins/README.md is the manual, with an example from folder to configuration.
 */
#ifndef DNS_PROVIDER_H
#define DNS_PROVIDER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DNS_PROVIDER_ABI 1

/* A member that a provider may leave out. C zeroes it without a word; C++ compilers warn
 * of one that has no default. */
#ifdef __cplusplus
#define DNS_OPTIONAL = 0
#else
#define DNS_OPTIONAL
#endif

enum dns_result {
	DNS_OK,
	DNS_BAD_OPTION,   /* an option is missing or malformed */
	DNS_DENIED,       /* the provider refused the credentials */
	DNS_NO_ZONE,      /* these credentials do not reach the zone */
	DNS_RATE_LIMITED, /* the provider asks us to come back later */
	DNS_TEMPORARY,    /* it may work next time: timeout, 5xx */
	DNS_REFUSED,      /* it will not work next time either */
	DNS_BY_HAND       /* a person must do it; the text says what: the order waits */
};

enum dns_option_flag {
	DNS_REQUIRED = 1 << 0,
	DNS_SECRET = 1 << 1 /* never logged, echoed or put in an error text */
};

struct dns_option {
	const char *name;
	unsigned flags; /* enum dns_option_flag */
	const char *help;
};

struct dns_record {
	const char *zone;  /* "example.org", no final dot */
	const char *name;  /* "_acme-challenge.www.example.org" */
	const char *value; /* the TXT value, unquoted */
	uint32_t ttl;      /* seconds, a wish */
};

struct dns_http {
	const char *method;
	const char *url;            /* https; http only to a loopback address */
	const char *const *headers; /* "Name: value"; NULL ends it; may be NULL */
	const char *body;           /* may be NULL */
	size_t body_len;

	int status;        /* from here on the host fills in */
	const char *reply; /* never NULL, NUL-terminated */
	size_t reply_len;
};

struct dns_change {
	uint32_t remove; /* 0: present, 1: clean up */
	struct dns_record record;
	enum dns_result result; /* the provider sets DNS_OK where it is done */
};

/* A dynamic update (RFC 2136) signed with TSIG (RFC 8945): one message, all or nothing.
 */
struct dns_update {
	const char *server; /* "192.0.2.53", "2001:db8::53@5353" */
	const char *zone;
	const char *key_name;
	const char *key_algorithm; /* "hmac-sha256" or "hmac-sha512" */
	const char *key_secret;    /* base64 */
	const struct dns_change *changes;
	size_t count;
};

/*
 * A program to run: outside of the plugin's sandbox, in a looser one (another user where
 * the entry says so, no new privileges, limits, a scratch directory as HOME and TMPDIR
 * that is removed afterwards).
 */
struct dns_program {
	const char *const *argv;        /* argv[0] is its absolute path; NULL ends it */
	const char *const *environment; /* "NAME=value"; NULL ends it; may be NULL */
	/* More of it as an operator writes it down: lines NAME=value, the value bare or
	 * in quotes; values are secrets. May be NULL. */
	const char *settings;

	int status; /* the host fills in: exit status, or 128 + signal */
	/* stdout and stderr as they came, the last 16 KiB; never NULL. */
	const char *output;
};

/* http() trusts the PEM certificates in the option of this name instead of the system's
 * roots, where a provider declares it and the operator set it. */
#define DNS_OPTION_CA "api-ca"

struct dns_host {
	uint32_t size;
	void *ctx;

	/* The value of a declared option, or NULL where it was not set. */
	const char *(*option)(const struct dns_host *host, const char *name);

	/*
	 * One exchange. DNS_OK: a reply came, whatever its status. Anything else
	 * is already reported: return it as it is.
	 */
	enum dns_result (*http)(const struct dns_host *host, struct dns_http *io);

	void (*log)(const struct dns_host *host, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

	/* Records the text and returns the result: return host->fail(...); */
	enum dns_result (*fail)(const struct dns_host *host, enum dns_result result,
	                        const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

	/*
	 * Adds and deletes TXT values by dynamic update, over TCP; the answer's MAC is
	 * verified. A delete takes away that one value, never the whole set.
	 */
	enum dns_result (*update)(const struct dns_host *host,
	                          const struct dns_update *update);

	/*
	 * What stands in a JSON text (RFC 8259) at a path of member names and numbers,
	 * "result.0.id": a string's text, a number or truth value as text, NULL where
	 * there is none, where it is null, an object or an array, or where the text is
	 * not JSON. The text last asked about is kept parsed.
	 */
	const char *(*json)(const struct dns_host *host, const char *text,
	                    const char *path);

	/* How many members the array or object at the path has; 0 where there is none. */
	size_t (*json_count)(const struct dns_host *host, const char *text,
	                     const char *path);

	/* The text as a JSON string, with its quotation marks. */
	const char *(*json_quote)(const struct dns_host *host, const char *text);

	/* A text made as by printf. */
	const char *(*text)(const struct dns_host *host, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

	/* Waits, for a service that is slow to show what it did: at most 10 s a call, and
	 * the batch has its deadline all the same. */
	void (*pause)(const struct dns_host *host, unsigned milliseconds);

	/*
	 * Runs a program of the operator's, only for an entry that has the option
	 * "program"; see struct dns_program. DNS_OK: it was started and has ended,
	 * whatever its status.
	 */
	enum dns_result (*run)(const struct dns_host *host, struct dns_program *io);

	/* New members go below. */
};

/* True if this host has that member of struct dns_host. */
#define DNS_HOST_HAS(host, member) \
	((host)->size >= offsetof(struct dns_host, member) + sizeof((host)->member))

struct dns_provider {
	uint32_t abi;     /* set by DNS_PROVIDER() */
	uint32_t size;    /* set by DNS_PROVIDER() */
	const char *name; /* "cloudflare"; also the file's name */
	const char *summary;
	const struct dns_option *options; /* a row without a name ends it */

	/*
	 * Adds the TXT record beside any other of that name: a wildcard and its
	 * parent have both at once. A record that is there already is success.
	 */
	enum dns_result (*present)(const struct dns_host *host,
	                           const struct dns_record *record);

	/* Removes exactly that name and value. Nothing to remove is success. */
	enum dns_result (*cleanup)(const struct dns_host *host,
	                           const struct dns_record *record);

	/*
	 * Optional: many changes of one zone in one go, for providers with a bulk
	 * call. Sets `result` to DNS_OK at each change that is done, and returns
	 * DNS_OK when all are. Else what it returns is the outcome of the rest; after
	 * DNS_REFUSED the host tries the rest one by one, so that a record the provider
	 * does not take spoils no other.
	 */
	enum dns_result (*change)(const struct dns_host *host, struct dns_change *changes,
	                          size_t count) DNS_OPTIONAL;

	/*
	 * Optional: the service's limit, so many requests (http() calls) in so many
	 * seconds per credential. certferry counts over all batches and runs, and answers
	 * DNS_RATE_LIMITED by itself before the limit is passed. 0: none.
	 */
	uint32_t requests_max DNS_OPTIONAL;
	uint32_t requests_window_s DNS_OPTIONAL; /* 1 to 3600 where there is a limit */

	/* New members go below, and are DNS_OPTIONAL. */
};

#define DNS_PROVIDER(...)                                                             \
	__attribute__((                                                               \
	    visibility("default"))) extern const struct dns_provider dns_provider_v1; \
	const struct dns_provider dns_provider_v1 = { .abi = DNS_PROVIDER_ABI,        \
		                                      .size = sizeof(                 \
							  struct dns_provider),       \
		                                      __VA_ARGS__ }

#ifdef __cplusplus
}
#endif
#endif
