/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <string.h>

void wire_begin(struct buf *frame, enum wire_kind kind)
{
	const char byte = (char)kind;

	buf_add(frame, &byte, 1);
}

void wire_add_u32(struct buf *frame, uint32_t number)
{
	const unsigned char bytes[4] = { (unsigned char)(number >> 24),
		                         (unsigned char)(number >> 16),
		                         (unsigned char)(number >> 8),
		                         (unsigned char)number };

	buf_add(frame, bytes, sizeof(bytes));
}

void wire_add_string(struct buf *frame, const void *bytes, size_t len)
{
	wire_add_u32(frame, (uint32_t)len);
	buf_add(frame, bytes, len);
}

struct wire_reader wire_read(const void *bytes, size_t len)
{
	return (struct wire_reader){ .at = bytes, .left = len };
}

/* The next len bytes, or NULL and bad. */
static const unsigned char *skip(struct wire_reader *reader, size_t len)
{
	const unsigned char *at = reader->at;

	if (reader->bad || len > reader->left) {
		reader->bad = true;
		return NULL;
	}
	reader->at += len;
	reader->left -= len;
	return at;
}

uint8_t wire_read_u8(struct wire_reader *reader)
{
	const unsigned char *at = skip(reader, 1);

	return at ? *at : 0;
}

uint32_t wire_read_u32(struct wire_reader *reader)
{
	const unsigned char *at = skip(reader, 4);

	if (!at)
		return 0;
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
	       at[3];
}

struct wire_string wire_read_string(struct wire_reader *reader)
{
	static const unsigned char nothing[1];
	uint32_t len = wire_read_u32(reader);
	const unsigned char *at = skip(reader, len);

	return at ? (struct wire_string){ at, len } : (struct wire_string){ nothing, 0 };
}

void wire_read_text(struct wire_reader *reader, char *out, size_t size)
{
	struct wire_string text = wire_read_string(reader);

	if (text.len >= size || memchr(text.bytes, '\0', text.len)) {
		reader->bad = true;
		text.len = 0;
	}
	memcpy(out, text.bytes, text.len);
	out[text.len] = '\0';
}

bool wire_string_is(struct wire_string string, const void *bytes, size_t len)
{
	return string.len == len && memcmp(string.bytes, bytes, len) == 0;
}
