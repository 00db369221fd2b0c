/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_HOST_HOST_H
#define DNS_HOST_HOST_H
#include <certferry/dns_provider.h>

#include "base/json.h"
#include "base/str.h"
#include "http/http.h"
#include "provider/wire.h"
#include "runner.h"

/*
 * host - what a provider may call, and where its words go
 *
 * One struct host serves one batch in one process, from one thread; what it gives
 * out lives as long as the process. Text of a provider leaves only when each secret in
 * it is replaced by ***, also the longer words of one (a key file's secret inside its
 * text).
 */
enum {
	HOST_HTTP_TIMEOUT_S = 30,
	HOST_REPLY_MAX = 1 << 20,
	HOST_PAUSE_MAX_MS = 10 * 1000
};

/* The text that was asked about last. */
struct host_json {
	char *text;
	cJSON *tree; /* NULL: it is not JSON */
};

/* The service's rate limit, and what is used up of it. max 0: it has none. */
struct host_pace {
	int max, window_s;
	int spent,
	    free_in_s; /* by earlier batches; until the first of it is free again */
	int requests;  /* by this one */
};

struct host {
	struct dns_host services; /* services.ctx is this struct */
	const struct wire_request *request;
	int64_t deadline_ms;
	struct http *http; /* made by the first call */
	struct host_json json;
	struct host_pace pace;
	struct runner runner; /* started before the sandbox, or none */
	struct strlist secrets;
	int logs;

	char text[WIRE_TEXT_MAX + 1]; /* of the last fail(), cleaned */
	int retry_after;
};

/* Wires the services up and learns the request's secrets, by what the daemon says and
 * by the provider's table, and its rate limit. */
void host_init(struct host *host, const struct wire_request *request);
void host_learn_provider(struct host *host, const struct dns_provider *provider);
void host_learn_secret(struct host *host, const char *text);

/* The value of the request's option, or NULL. */
const char *host_option(const struct wire_request *request, const char *name);

/* Sends one frame to the daemon; a daemon that is gone ends the process. */
void host_answer(const struct wire_answer *answer);

struct host *host_of(const struct dns_host *services);

/* The services that have files of their own. */
enum dns_result host_http(const struct dns_host *services, struct dns_http *io);
enum dns_result host_update(const struct dns_host *services,
                            const struct dns_update *update);
const char *host_json(const struct dns_host *services, const char *text,
                      const char *path);
size_t host_json_count(const struct dns_host *services, const char *text,
                       const char *path);
enum dns_result host_run(const struct dns_host *services, struct dns_program *io);
const char *host_json_quote(const struct dns_host *services, const char *text);
#endif
