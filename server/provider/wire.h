/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROVIDER_WIRE_H
#define PROVIDER_WIRE_H
#include "base/frame.h"
#include "provider.h"

/*
 * wire - the frames between the daemon and certferry-dns-host
 *
 * One JSON object a frame; docs/protocol-plugin.md has every one of them. Both ends
 * are here, so that what one writes the other reads. Each side takes the other for a
 * stranger: a member that is unknown, missing, too long or of another type is an
 * error, and there is a limit on each count. Frames are made in a buf of FRAME_MAX;
 * the one with the options holds secrets, so bufs are wiped (AUTO_BUF). Any thread.
 */
enum {
	WIRE_VERSION = 1,
	WIRE_OPTIONS_MAX = 32,
	WIRE_OPTION_NAME_MAX = 64,
	WIRE_OPTION_VALUE_MAX = 16 * 1024,
	WIRE_NAME_MAX = 255,
	WIRE_VALUE_MAX = 1024,
	WIRE_TEXT_MAX = 390,
	WIRE_LOGS_MAX = 100, /* lines of a batch */
	WIRE_DEADLINE_MAX = 3600,
	WIRE_REQUESTS_MAX = 1000000, /* of a rate limit, and in its window */
	WIRE_WINDOW_MAX = 3600,
};

/* What a change, or the batch, came to. One table gives its name and err_kind. */
enum wire_result {
	WIRE_OK,
	WIRE_BAD_OPTION,
	WIRE_DENIED,
	WIRE_NO_ZONE,
	WIRE_RATE_LIMITED,
	WIRE_TEMPORARY,
	WIRE_REFUSED,
	WIRE_BY_HAND,
	WIRE_NOT_LOADED, /* the plugin is not one, or is not to be trusted */
	WIRE_BROKEN,     /* dns-host itself, or a plugin against its contract */
	WIRE_RESULT_COUNT
};

struct wire_option {
	char *name;
	char *value;
	bool is_secret;
};

struct wire_request {
	bool is_describe;
	char *provider;
	char *plugin_dir;
	int deadline_s;
	struct wire_option *options;
	size_t option_count;
	size_t change_count;  /* that many change frames follow */
	int spent, free_in_s; /* of a rate limit; see struct provider_toll */
};

struct wire_change {
	bool remove;
	char *zone;
	char *name;
	char *value;
	uint32_t ttl_s;
	char *challenge; /* whose CNAME leads to name; NULL: name is its own */
};

enum wire_answer_kind { WIRE_ANSWER_LOG, WIRE_ANSWER_CHANGE, WIRE_ANSWER_END };

struct wire_answer {
	enum wire_answer_kind kind;
	size_t change; /* of WIRE_ANSWER_CHANGE */
	enum wire_result result;
	int retry_after;
	int requests, window_s; /* of WIRE_ANSWER_END: what the provider was asked */
	char text[WIRE_TEXT_MAX + 10]; /* as it came: escape it before showing */
	struct provider_info *info;    /* in WIRE_ANSWER_END of a describe; or NULL */
};

/* Daemon to child. The errors are ERR_CONFIG: something of the operator's is too long. */
bool wire_put_request(const struct provider_home *home, const struct provider_call *call,
                      int deadline_s, struct buf *frame, struct err *err) MUST_CHECK;
bool wire_put_describe(const struct provider_home *home, const char *provider,
                       int deadline_s, struct buf *frame, struct err *err) MUST_CHECK;
bool wire_put_change(const struct provider_change *change, struct buf *frame,
                     struct err *err) MUST_CHECK;

bool wire_get_request(const struct buf *frame, struct wire_request *out,
                      struct err *err) MUST_CHECK;
void wire_request_deinit(struct wire_request *request);
bool wire_get_change(const struct buf *frame, struct wire_change *out,
                     struct err *err) MUST_CHECK;
void wire_change_deinit(struct wire_change *change);

/* Child to daemon. Texts are cut to what a frame takes. */
bool wire_put_answer(const struct wire_answer *answer, struct buf *frame,
                     struct err *err) MUST_CHECK;
bool wire_get_answer(const struct buf *frame, struct wire_answer *out,
                     struct err *err) MUST_CHECK;
void wire_answer_deinit(struct wire_answer *answer);

/* The result as an error of the daemon's; ERR_NONE for WIRE_OK. */
void wire_result_to_err(const struct wire_answer *answer, struct err *out);
#endif
