/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "accept.h"
#include "base/mem.h"
#include "beneath.h"
#include "crypto/csr.h"
#include "crypto/digest.h"
#include "say.h"

static const char staging[] = ".request", staging_new[] = ".request.new";
static const char key_file[] = "privkey.pem";

enum { KEY_MAX = 16 * 1024, CSR_MAX = 16 * 1024, LINE = 64 };

static struct key *read_key(const struct place *place, const char *directory,
                            struct err *err)
{
	AUTO_BUF struct buf pem = BUF_INIT(KEY_MAX);

	if (!place_read(place, directory, key_file, &pem, err))
		return NULL;
	return key_parse_pem(pem.data, pem.len, err);
}

static bool fits(const struct key *key, const struct cert *cert)
{
	unsigned char print[KEY_FINGERPRINT];
	struct err err;

	return key && key_fingerprint(key, print, &err) &&
	       bytes_equal(print, cert->spki_sha256, sizeof(print));
}

struct key *request_key(const struct delivery *delivery, struct err *err)
{
	const char *const directories[] = { staging, delivery->place.old };

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		AUTO_KEY struct key *key = NULL;

		if (*directories[i])
			key = read_key(&delivery->place, directories[i], err);
		if (fits(key, &delivery->cert))
			return TAKE(key);
	}
	(void)err_set(
	    err, ERR_REMOTE,
	    "the certificate is for a key that is not (or no more) here: ask for "
	    "a new request");
	snprintf(err->code, sizeof(err->code), "%s", job_no_key);
	return NULL;
}

/* Is it the key of the certificate that is live? */
static bool is_live(const struct place *place, const struct key *key)
{
	AUTO_BUF struct buf pem = BUF_INIT(CERT_PEM_MAX);
	AUTO_CERT struct cert cert = { 0 };
	struct err err;

	return key && place_read(place, place->old, "fullchain.pem", &pem, &err) &&
	       cert_parse(pem.data, pem.len, &cert, &err) && fits(key, &cert);
}

bool request_has_key(const struct delivery *delivery)
{
	const struct place *place = &delivery->place;
	struct err err;
	AUTO_KEY struct key *key = read_key(place, place->old, &err);

	return is_live(place, key);
}

void request_done(const struct delivery *delivery)
{
	AUTO_KEY struct key *key = NULL;
	struct err err;

	if (!delivery->slot->is_key_on_target)
		return;
	key = read_key(&delivery->place, staging, &err);
	if (fits(key, &delivery->cert))
		beneath_remove(delivery->place.dir, staging);
}

bool request_is_open(const struct place *place)
{
	struct stat st;

	return fstatat(place->dir, staging, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_young(const struct place *place)
{
	struct stat st;

	return fstatat(place->dir, staging, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode) &&
	       time(NULL) - st.st_mtime < (time_t)REQUEST_DAYS * 24 * 3600;
}

static bool write_key(const struct place *place, int dir, const struct key *key,
                      struct err *err)
{
	AUTO_SECRET struct secret *pem = key_format_pem(key, err);
	AUTO_CLOSE int fd = -1;
	size_t len;
	const char *bytes;

	if (!pem)
		return false;
	bytes = secret_reveal(pem, &len);
	fd = beneath_open(dir, key_file, O_WRONLY | O_CREAT | O_EXCL, 0600);
	return (fd >= 0 && beneath_write(fd, bytes, len) && fsync(fd) == 0 &&
	        fsync(dir) == 0) ||
	       err_set_errno(err, ERR_TEMPORARY, "%s/%s", place->path, staging);
}

/* The directory appears with a whole key in it. */
static bool keep_key(const struct place *place, const struct key *key, struct err *err)
{
	AUTO_CLOSE int dir = -1;

	beneath_remove(place->dir, staging_new);
	if (mkdirat(place->dir, staging_new, 0700) == 0)
		dir = beneath_open(place->dir, staging_new, O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0)
		return err_set_errno(err, ERR_TEMPORARY, "%s/%s", place->path,
		                     staging_new);
	if (!write_key(place, dir, key, err))
		return false;
	beneath_remove(place->dir, staging);
	return (renameat(place->dir, staging_new, place->dir, staging) == 0 &&
	        fsync(place->dir) == 0) ||
	       err_set_errno(err, ERR_TEMPORARY, "%s/%s", place->path, staging);
}

/* One that is live already stayed there when its delivery was cut short at the very end:
 * a renewal has a fresh one. */
static struct key *get_key(const struct delivery *delivery, struct err *err)
{
	const struct place *place = &delivery->place;
	AUTO_KEY struct key *key = NULL;

	if (is_young(place))
		key = read_key(place, staging, err);
	if (key && key_type_get(key) == delivery->key_type &&
	    !(*place->old && is_live(place, key)))
		return TAKE(key);
	key_free(TAKE(key));
	key = key_new(delivery->key_type, err);
	if (!key || !keep_key(&delivery->place, key, err))
		return NULL;
	return TAKE(key);
}

static bool answer(const struct delivery *delivery, const struct key *key,
                   struct err *err)
{
	AUTO_BUF struct buf der = BUF_INIT(CSR_MAX), text = BUF_INIT(2 * CSR_MAX);
	AUTO_BUF struct buf pem = BUF_INIT(2 * CSR_MAX);
	size_t lines = 2;

	if (!csr_new(key, &delivery->names, &der, err))
		return false;
	base64_add(&text, der.data, der.len);
	buf_addf(&pem, "-----BEGIN CERTIFICATE REQUEST-----\n");
	for (size_t i = 0; i < text.len; i += LINE, lines++)
		buf_addf(&pem, "%.*s\n", LINE, text.data + i);
	buf_addf(&pem, "-----END CERTIFICATE REQUEST-----\n");
	if (lines > AGENTWIRE_CSR_LINES)
		return err_set(err, ERR_REMOTE, "too many names for one request");
	say("csr %s %zu", delivery->name, lines);
	say_raw(pem.data);
	return true;
}

static bool make_request(struct delivery *delivery, struct err *err)
{
	const struct policy_slot *slot = delivery->slot;
	AUTO_KEY struct key *key = NULL;

	if (!slot)
		return err_set(err, ERR_DENIED, "this server's policy has no such slot");
	if (!slot->is_key_on_target)
		return err_set(err, ERR_DENIED,
		               "this server's policy has no key-on: target for the slot");
	if (!accept_names(slot, &delivery->names, err) ||
	    !place_open(&delivery->place, slot->directory, true, err) ||
	    !place_lock(&delivery->place, err))
		return false;
	key = get_key(delivery, err);
	return key && answer(delivery, key, err);
}

int request_run(struct job *job)
{
	int status = 0;

	for (size_t i = 0; i < job->count; i++) {
		struct delivery *delivery = &job->deliveries[i];
		struct err err = { 0 };

		if (!make_request(delivery, &err)) {
			job_fail_slot(delivery, &err);
			status = 1;
		}
		place_close(&delivery->place);
	}
	return status;
}
