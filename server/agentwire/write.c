/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agentwire.h"
#include "parts.h"

const char *const agentwire_file_names[] = {
	[AGENTWIRE_CERT] = "cert.pem",
	[AGENTWIRE_CHAIN] = "chain.pem",
	[AGENTWIRE_KEY] = "privkey.pem",
};
_Static_assert(ARRAY_SIZE(agentwire_file_names) == AGENTWIRE_FILE_COUNT,
               "a file has no name");

const char agentwire_magic[4] = { 'C', 'F', 'R', 'A' };

static void add_header(struct buf *out, enum agentwire_type type, size_t len)
{
	const unsigned char rest[] = {
		AGENTWIRE_VERSION,
		(unsigned char)(type + 1),
		0,
		0,
		(unsigned char)(len >> 24),
		(unsigned char)(len >> 16),
		(unsigned char)(len >> 8),
		(unsigned char)len,
	};

	/* The reader's limit, seen here where the buffer is made. */
	out->over = out->over || len > AGENTWIRE_PAYLOAD_MAX;
	buf_add(out, agentwire_magic, sizeof(agentwire_magic));
	buf_add(out, rest, sizeof(rest));
}

static void add_frame(struct buf *out, enum agentwire_type type, const void *bytes,
                      size_t len)
{
	add_header(out, type, len);
	buf_add(out, bytes, len);
}

void agentwire_add_hello(struct buf *out)
{
	add_frame(out, AGENTWIRE_HELLO, "", 0);
}

void agentwire_add_job(struct buf *out, const struct agentwire_start *start)
{
	const unsigned char payload[JOB_PAYLOAD] = {
		(unsigned char)(start->job + 1),
		start->reload_anyway,
		(unsigned char)(start->confirm_timeout_s >> 8),
		(unsigned char)start->confirm_timeout_s,
	};

	add_frame(out, AGENTWIRE_JOB, payload, sizeof(payload));
}

void agentwire_add_slot(struct buf *out, const char *name)
{
	add_frame(out, AGENTWIRE_SLOT, name, strlen(name));
}

void agentwire_add_request(struct buf *out, enum key_type type,
                           const struct strlist *names)
{
	AUTO_BUF struct buf text = BUF_INIT(AGENTWIRE_PAYLOAD_MAX);

	buf_addf(&text, "%s\n", key_type_names[type]);
	for (size_t i = 0; i < names->len; i++)
		buf_addf(&text, "%s\n", names->items[i]);
	out->over = out->over || text.over;
	add_frame(out, AGENTWIRE_REQUEST, text.data, text.len);
}

void agentwire_add_file(struct buf *out, enum agentwire_file file, const char *pem,
                        size_t len)
{
	add_header(out, AGENTWIRE_FILE, len + 1);
	buf_add(out, &(unsigned char){ (unsigned char)(file + 1) }, 1);
	buf_add(out, pem, len);
}

void agentwire_add_end(struct buf *out, const unsigned char digest[AGENTWIRE_DIGEST])
{
	add_frame(out, AGENTWIRE_END, digest, AGENTWIRE_DIGEST);
}

void agentwire_add_word(struct buf *out, enum agentwire_type word)
{
	add_frame(out, word, "", 0);
}
