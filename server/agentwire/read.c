/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agentwire.h"
#include "base/dnsname.h"
#include "base/mem.h"
#include "parts.h"

static const char slot_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789._-";

static uint32_t number(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool read_empty(const char *payload, size_t len, struct agentwire_frame *out,
                       struct err *err)
{
	(void)payload, (void)out;
	return len == 0 ||
	       err_set(err, ERR_REMOTE, "%zu bytes in a frame that has none", len);
}

static bool read_job(const char *payload, size_t len, struct agentwire_frame *out,
                     struct err *err)
{
	const unsigned char *bytes = (const unsigned char *)payload;

	if (len != JOB_PAYLOAD || bytes[0] < 1 || bytes[0] > AGENTWIRE_JOB_COUNT ||
	    bytes[1] > JOB_RELOAD_ANYWAY)
		return err_set(err, ERR_REMOTE, "a job that is not known here");
	out->job = (enum agentwire_job)(bytes[0] - 1);
	out->reload_anyway = bytes[1] == JOB_RELOAD_ANYWAY;
	out->confirm_timeout_s = bytes[2] << 8 | bytes[3];
	if (out->confirm_timeout_s < 1 ||
	    out->confirm_timeout_s > AGENTWIRE_CONFIRM_MAX_S)
		return err_set(err, ERR_REMOTE, "a confirm timeout of %d s; 1 to %d go",
		               out->confirm_timeout_s, AGENTWIRE_CONFIRM_MAX_S);
	return true;
}

static bool is_slot_name(const char *name)
{
	return name[0] != '.' && str_is_made_of(name, slot_letters, 1, 64);
}

static bool read_slot(const char *payload, size_t len, struct agentwire_frame *out,
                      struct err *err)
{
	if (len >= sizeof(out->slot) || memchr(payload, '\0', len))
		return err_set(err, ERR_REMOTE, "a slot's name of %zu bytes", len);
	memcpy(out->slot, payload, len);
	out->slot[len] = '\0';
	return is_slot_name(out->slot) ||
	       err_set(err, ERR_REMOTE, "a slot's name of other letters than its own");
}

static bool add_name(struct strlist *names, const char *name, struct err *err)
{
	if (names->len == AGENTWIRE_NAMES_MAX)
		return err_set(err, ERR_REMOTE, "more than %d names in a request",
		               AGENTWIRE_NAMES_MAX);
	if (!dnsname_check(name, DNSNAME_WILDCARD | DNSNAME_ONE_LABEL, err)) {
		err->kind = ERR_REMOTE;
		return err_context(err, "a name in a request");
	}
	if (strlist_has(names, name))
		return err_set(err, ERR_REMOTE, "a name twice in a request");
	strlist_add(names, name);
	return true;
}

static bool read_request_line(const char *line, bool is_first,
                              struct agentwire_frame *out, struct err *err)
{
	if (!is_first)
		return add_name(&out->names, line, err);
	/* Ed25519 is a key for SSH here. */
	return (key_type_parse(line, &out->key_type) && out->key_type != KEY_ED25519) ||
	       err_set(err, ERR_REMOTE, "a request for a kind of key not known here");
}

/* Lines: the kind of key, then names. */
static bool read_request(const char *payload, size_t len, struct agentwire_frame *out,
                         struct err *err)
{
	const char *at = payload, *end = payload + len;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		AUTO_FREE char *line = NULL;

		if (!stop || stop - at > DNSNAME_MAX ||
		    memchr(at, 0, (size_t)(stop - at)))
			return err_set(err, ERR_REMOTE, "a request that is not lines");
		line = xstrndup(at, (size_t)(stop - at));
		if (!read_request_line(line, at == payload, out, err))
			return false;
		at = stop + 1;
	}
	return out->names.len > 0 || err_set(err, ERR_REMOTE, "a request without names");
}

static bool read_file(const char *payload, size_t len, struct agentwire_frame *out,
                      struct err *err)
{
	if (len < 1 || payload[0] < 1 || payload[0] > AGENTWIRE_FILE_COUNT)
		return err_set(err, ERR_REMOTE, "a file that is not known here");
	out->file = (enum agentwire_file)(payload[0] - 1);
	out->text = payload + 1;
	out->len = len - 1;
	for (size_t i = 0; i < out->len; i++)
		if (out->text[i] != '\n' && (out->text[i] < ' ' || out->text[i] > '~'))
			return err_set(err, ERR_REMOTE, "%s is not PEM",
			               agentwire_file_names[out->file]);
	if (out->len ? out->text[out->len - 1] != '\n' : out->file != AGENTWIRE_CHAIN)
		return err_set(err, ERR_REMOTE, "%s does not end with a line",
		               agentwire_file_names[out->file]);
	return true;
}

static bool read_end(const char *payload, size_t len, struct agentwire_frame *out,
                     struct err *err)
{
	if (len != AGENTWIRE_DIGEST)
		return err_set(err, ERR_REMOTE, "a digest of %zu bytes", len);
	out->digest = (const unsigned char *)payload;
	return true;
}

static const struct {
	bool (*read)(const char *payload, size_t len, struct agentwire_frame *out,
	             struct err *err);
} types[] = {
	[AGENTWIRE_HELLO] = { read_empty },  [AGENTWIRE_JOB] = { read_job },
	[AGENTWIRE_SLOT] = { read_slot },    [AGENTWIRE_REQUEST] = { read_request },
	[AGENTWIRE_FILE] = { read_file },    [AGENTWIRE_END] = { read_end },
	[AGENTWIRE_COMMIT] = { read_empty }, [AGENTWIRE_ROLLBACK] = { read_empty },
};
_Static_assert(ARRAY_SIZE(types) == AGENTWIRE_TYPE_COUNT, "a type has no row");

bool agentwire_read_header(const unsigned char header[AGENTWIRE_HEADER],
                           enum agentwire_type *type, size_t *len, struct err *err)
{
	uint32_t size = number(header + 8);

	if (memcmp(header, agentwire_magic, sizeof(agentwire_magic)) != 0)
		return err_set(err, ERR_REMOTE, "this is not the protocol of the agent");
	if (header[4] != AGENTWIRE_VERSION)
		return err_set(err, ERR_REMOTE,
		               "the issuer speaks version %d of the protocol, this agent "
		               "%d: update the older one",
		               header[4], AGENTWIRE_VERSION);
	if (header[5] < 1 || header[5] > AGENTWIRE_TYPE_COUNT || header[6] || header[7])
		return err_set(err, ERR_REMOTE, "a frame of type %d is not known here",
		               header[5]);
	if (size > AGENTWIRE_PAYLOAD_MAX)
		return err_set(err, ERR_REMOTE,
		               "a frame of %u bytes; at most %d are taken",
		               (unsigned)size, AGENTWIRE_PAYLOAD_MAX);
	*type = (enum agentwire_type)(header[5] - 1);
	*len = size;
	return true;
}

bool agentwire_read(enum agentwire_type type, const char *payload, size_t len,
                    struct agentwire_frame *out, struct err *err)
{
	*out = (struct agentwire_frame){ .type = type };
	if (types[type].read(payload, len, out, err))
		return true;
	agentwire_frame_deinit(out);
	return false;
}

void agentwire_frame_deinit(struct agentwire_frame *frame)
{
	strlist_deinit(&frame->names);
}
