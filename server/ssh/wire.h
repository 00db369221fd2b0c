/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SSH_WIRE_H
#define SSH_WIRE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * wire - the frames between ssh and certferry-ssh-worker
 *
 * A frame (base/frame) is one byte, its kind, and fields as in SSH itself (RFC 4251
 * section 5): a uint32 with the most significant byte first, or a string with its
 * length before it. docs/protocol-ssh-worker.md says who sends what when. The reader
 * also reads SSH's own blobs; past the end, or at a length that is not there, it sets
 * `bad` and gives empty fields from then on, so look at it once, after the last field.
 * Both ends judge what they read: the worker is what a hostile server takes over first.
 */
enum wire_kind {
	/* To the worker. */
	WIRE_OPEN =
	    1, /* address, port, user, public key blob, ms, pins, (type, blob)... */
	WIRE_SIGNATURE, /* signature */
	WIRE_EXEC,      /* command */
	WIRE_STDIN,     /* bytes */
	WIRE_STDIN_EOF,
	/* From the worker. */
	WIRE_HOST_KEY, /* blob; scan only, and the end of it */
	WIRE_SIGN,     /* what is to be signed */
	WIRE_READY,    /* logged in */
	WIRE_STDOUT,   /* bytes */
	WIRE_STDERR,   /* bytes */
	WIRE_EXIT,     /* status, name of a signal or "" */
	WIRE_FAILED,   /* wire_failure, text or (WIRE_FAIL_HOST_KEY) the blob shown */
};

enum wire_failure {
	WIRE_FAIL_INTERNAL,
	WIRE_FAIL_CONNECT,
	WIRE_FAIL_ALGORITHMS, /* no host key of a pinned type, or no common algorithm */
	WIRE_FAIL_HOST_KEY,
	WIRE_FAIL_LOGIN,
	WIRE_FAIL_SESSION, /* anything later, or the connection was lost */
	WIRE_FAIL_COUNT
};

enum { WIRE_PINS_MAX = 8, WIRE_DATA_MAX = 32 * 1024 };

void wire_begin(struct buf *frame, enum wire_kind kind);
void wire_add_u32(struct buf *frame, uint32_t number);
void wire_add_string(struct buf *frame, const void *bytes, size_t len);

struct wire_reader {
	const unsigned char *at;
	size_t left;
	bool bad;
};

/* A string inside what is read. */
struct wire_string {
	const unsigned char *bytes;
	size_t len;
};

struct wire_reader wire_read(const void *bytes, size_t len);
uint8_t wire_read_u8(struct wire_reader *reader);
uint32_t wire_read_u32(struct wire_reader *reader);
struct wire_string wire_read_string(struct wire_reader *reader);
/* Copied into out, NUL-terminated; one that does not fit or holds a NUL is bad. */
void wire_read_text(struct wire_reader *reader, char *out, size_t size);

bool wire_string_is(struct wire_string string, const void *bytes, size_t len);
#endif
