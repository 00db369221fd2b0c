/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTWIRE_AGENTWIRE_H
#define AGENTWIRE_AGENTWIRE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/keytype.h"
#include "base/str.h"

/*
 * agentwire - what the issuer sends to certferry-agent, and what only the agent says back
 *
 * docs/protocol-agent.md has it in words. Issuer to agent: frames of a header (magic,
 * version, type, length) and a payload; no path and no command is ever among them. One
 * session is at most one HELLO, one job, and one word (COMMIT or ROLLBACK) at its end:
 *
 *         [HELLO]  [JOB  {SLOT [REQUEST] [FILE...]}...  END  [COMMIT | ROLLBACK]]
 *
 * Agent to issuer: the lines of the transport "shell" (install_line_parse()), and the
 * four kinds that agentwire_line_parse() reads. Writers append to a buf made with
 * BUF_INIT(AGENTWIRE_JOB_MAX) and cannot fail; look at `over` once. Readers take bytes of
 * a stranger: errors are ERR_REMOTE and say what was wrong. Nothing here reads, writes or
 * hashes: the digest in END is SHA-256 over all bytes from JOB's header to the last frame
 * before END, and the caller makes it. A frame borrows from the bytes it was read from.
 */
enum {
	AGENTWIRE_VERSION = 1,
	AGENTWIRE_HEADER = 12,
	AGENTWIRE_PAYLOAD_MAX = 256 * 1024,
	AGENTWIRE_JOB_MAX = 1024 * 1024, /* all frames of a job together */
	AGENTWIRE_SLOTS_MAX = 64,        /* in one job */
	AGENTWIRE_NAMES_MAX = 100,       /* in one request */
	AGENTWIRE_CONFIRM_MAX_S = 3600,
	AGENTWIRE_DIGEST = 32
};

enum agentwire_type {
	AGENTWIRE_HELLO,
	AGENTWIRE_JOB,
	AGENTWIRE_SLOT,
	AGENTWIRE_REQUEST,
	AGENTWIRE_FILE,
	AGENTWIRE_END,
	AGENTWIRE_COMMIT,
	AGENTWIRE_ROLLBACK,
	AGENTWIRE_TYPE_COUNT
};

enum agentwire_job {
	AGENTWIRE_INSTALL, /* SLOTs with CERT, CHAIN, and KEY where it was made here */
	AGENTWIRE_INSPECT, /* SLOTs alone: what is live? */
	AGENTWIRE_CHECK,   /* SLOTs, each with a REQUEST or not: could it be installed? */
	AGENTWIRE_CSR,     /* SLOTs, each with a REQUEST: keys are made there */
	AGENTWIRE_JOB_COUNT
};

/* fullchain.pem is the two of them one after the other; it is not sent. */
enum agentwire_file {
	AGENTWIRE_CERT,
	AGENTWIRE_CHAIN, /* may be empty */
	AGENTWIRE_KEY,
	AGENTWIRE_FILE_COUNT
};

/* "cert.pem", "chain.pem", "privkey.pem" */
extern const char *const agentwire_file_names[AGENTWIRE_FILE_COUNT];

/* What a frame says; only the members of its type are set. */
struct agentwire_frame {
	enum agentwire_type type;
	enum agentwire_job job;      /* JOB */
	bool reload_anyway;          /* JOB: test and reload though nothing has changed */
	int confirm_timeout_s;       /* JOB: 1 to AGENTWIRE_CONFIRM_MAX_S */
	char slot[65];               /* SLOT: [A-Za-z0-9._-]{1,64}, no "." in front */
	enum key_type key_type;      /* REQUEST */
	struct strlist names;        /* REQUEST: checked DNS names, lower case; owned */
	enum agentwire_file file;    /* FILE */
	const char *text;            /* FILE: PEM; borrowed, not NUL-terminated */
	size_t len;                  /* FILE */
	const unsigned char *digest; /* END: AGENTWIRE_DIGEST bytes; borrowed */
};

void agentwire_frame_deinit(struct agentwire_frame *frame);
#define AUTO_AGENTWIRE_FRAME CLEANUP(agentwire_frame_deinit)

/* Writing, for the issuer. */
struct agentwire_start {
	enum agentwire_job job;
	bool reload_anyway;
	int confirm_timeout_s;
};

void agentwire_add_hello(struct buf *out);
void agentwire_add_job(struct buf *out, const struct agentwire_start *start);
void agentwire_add_slot(struct buf *out, const char *name);
void agentwire_add_request(struct buf *out, enum key_type type,
                           const struct strlist *names);
void agentwire_add_file(struct buf *out, enum agentwire_file file, const char *pem,
                        size_t len);
/* The digest of what was added since the job's first frame. */
void agentwire_add_end(struct buf *out, const unsigned char digest[AGENTWIRE_DIGEST]);
/* AGENTWIRE_COMMIT or AGENTWIRE_ROLLBACK: sent alone, after "reloaded". */
void agentwire_add_word(struct buf *out, enum agentwire_type word);

/* Reading, for the agent: the header first, then as many bytes as it says. */
bool agentwire_read_header(const unsigned char header[AGENTWIRE_HEADER],
                           enum agentwire_type *type, size_t *len,
                           struct err *err) MUST_CHECK;
bool agentwire_read(enum agentwire_type type, const char *payload, size_t len,
                    struct agentwire_frame *out, struct err *err) MUST_CHECK;

/*
 * Where a session stands: says no to whatever comes out of turn, a second time, or is
 * more than the limits allow. { 0 } is the start. A job's slots have different names; the
 * caller sees to that, since it keeps them.
 */
struct agentwire_order {
	bool is_greeted;
	bool has_job;
	enum agentwire_job job;
	bool has_slot;
	bool has_request; /* of this slot */
	unsigned files;   /* of this slot, a bit each */
	size_t slot_count;
	size_t bytes; /* of the job so far */
	bool has_ended;
	bool has_word;
};

bool agentwire_next(struct agentwire_order *order, const struct agentwire_frame *frame,
                    size_t payload_len, struct err *err) MUST_CHECK;

/*
 * The lines that only the agent says; any other line is for install_line_parse():
 *
 *   certferry-1 agent VERSION COUNT        and COUNT lines of the next kind
 *   certferry-1 slot NAME issuer|target    where the key may be made
 *   certferry-1 service SLOT NAME          behind its slot; what reads the files there
 *   certferry-1 csr SLOT COUNT             and COUNT lines of PEM as they are
 */
enum agentwire_word {
	AGENTWIRE_LINE_AGENT,
	AGENTWIRE_LINE_SLOT,
	AGENTWIRE_LINE_SERVICE,
	AGENTWIRE_LINE_CSR,
	AGENTWIRE_LINE_COUNT
};

struct agentwire_line {
	enum agentwire_word word;
	char name[65];         /* AGENT: the version; else the slot's */
	int count;             /* AGENT: slots; CSR: lines, at most AGENTWIRE_CSR_LINES */
	bool is_key_on_target; /* SLOT */
	char service[65];      /* SERVICE */
};

enum {
	AGENTWIRE_CSR_LINES = 400,
	AGENTWIRE_POLICY_SLOTS_MAX = 256,
	AGENTWIRE_POLICY_SERVICES_MAX = 64
};

/* Does it begin as each line of either transport? */
bool agentwire_is_line(const char *line) MUST_CHECK;

/* *is_ours is false, and true returned, where the line is none of these. */
bool agentwire_line_parse(const char *line, struct agentwire_line *out, bool *is_ours,
                          struct err *err) MUST_CHECK;
#endif
