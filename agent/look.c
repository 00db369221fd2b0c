/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "accept.h"
#include "base/mem.h"
#include "beneath.h"
#include "crypto/digest.h"
#include "formats.h"
#include "job.h"
#include "request.h"
#include "say.h"

/* The two jobs that change nothing: what is live, and could something be installed? */

enum { FOUR = 4, FILES_BYTES_MAX = 1024 * 1024, SPARE_BYTES = 64 * 1024 };

/* SHA-256 over the first files of a generation, as hexadecimal. */
static void sum_of(const struct place *place, size_t count, struct buf *out)
{
	AUTO_BUF struct buf all = BUF_INIT(FILES_BYTES_MAX);
	unsigned char digest[SHA256_LEN];
	struct err err;

	for (size_t i = 0; i < count; i++)
		(void)!place_read(place, place->old, format_files[i].name, &all, &err);
	sha256(all.data, all.len, digest);
	str_add_hex(out, digest, sizeof(digest));
}

/* Also the other formats: a policy that wants one more has it at the next delivery. */
static bool modes_are_right(const struct place *place, const struct policy_slot *slot)
{
	const struct place_owner owner = { slot->uid, slot->gid };

	for (size_t i = 0; i < OUTPUTS_MAX; i++) {
		const struct place_file file = {
			.name = format_files[i].name,
			.mode = format_mode(slot, &format_files[i]),
		};

		if ((slot->formats & 1U << format_files[i].format) &&
		    !place_has_mode(place, place->old, &file, &owner))
			return false;
	}
	return true;
}

static void say_live(const struct delivery *delivery)
{
	const struct place *place = &delivery->place;
	const struct policy_slot *slot = delivery->slot;
	AUTO_BUF struct buf sum = BUF_INIT(100), public_sum = BUF_INIT(100);

	if (!*place->old || (slot->is_key_on_target && !request_has_key(delivery))) {
		say("live %s none", delivery->name);
		return;
	}
	sum_of(place, FOUR, &sum);
	sum_of(place, FOUR - 1, &public_sum);
	if (modes_are_right(place, slot))
		say("live %s %s %04o %s:%s %s", delivery->name, sum.data,
		    (unsigned)slot->mode, slot->owner, slot->group, public_sum.data);
	else
		say("live %s %s other owner or mode %s", delivery->name, sum.data,
		    public_sum.data);
}

static bool inspect(struct delivery *delivery, struct err *err)
{
	struct place *place = &delivery->place;

	if (!delivery->slot)
		return err_set(err, ERR_DENIED, "this server's policy has no such slot");
	if (!place_open(place, delivery->slot->directory, false, err) &&
	    err->kind != ERR_NOT_FOUND)
		return false;
	if (place->dir >= 0 && !place_live(place, place->old, sizeof(place->old), err))
		return false;
	say_live(delivery);
	return true;
}

int inspect_run(struct job *job)
{
	for (size_t i = 0; i < job->count; i++) {
		struct err err = { 0 };

		if (!inspect(&job->deliveries[i], &err))
			job_fail_slot(&job->deliveries[i], &err);
	}
	return 0;
}

/* The directory, or the nearest one above it that is there and is as it must be. */
static int open_nearest(const char *path, struct err *err)
{
	AUTO_FREE char *at = xstrdup(path);
	int fd = beneath_directory(at, BENEATH_OURS, err);

	while (fd < 0 && err->kind == ERR_NOT_FOUND && strrchr(at, '/') > at) {
		*strrchr(at, '/') = '\0';
		fd = beneath_directory(at, 0, err);
	}
	return fd;
}

static bool check_room(int dir, const char *path, struct err *err)
{
	struct statvfs fs;

	if (fstatvfs(dir, &fs) < 0)
		return err_set_errno(err, ERR_TEMPORARY, "%s", path);
	if (fs.f_flag & ST_RDONLY)
		return err_set(err, ERR_CONFIG, "%s is on a read-only file system", path);
	if (fs.f_bavail * fs.f_frsize < SPARE_BYTES)
		return err_set(err, ERR_TEMPORARY, "less than 64 KiB to spare for %s",
		               path);
	return faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) == 0 ||
	       err_set_errno(err, ERR_CONFIG, "%s", path);
}

/* A file of ours that somebody else has put there. */
static bool check_names(int dir, const struct policy_slot *slot, struct err *err)
{
	for (size_t i = 0; i < OUTPUTS_MAX; i++) {
		const char *name = format_files[i].name;
		char found[128], want[64] = "live/";
		ssize_t len;

		if (!(slot->formats & 1U << format_files[i].format))
			continue;
		len = readlinkat(dir, name, found, sizeof(found) - 1);
		memcpy(want + 5, name, strlen(name) + 1);
		found[len < 0 ? 0 : len] = '\0';
		if (len < 0 ? errno != ENOENT : !str_eq(found, want))
			return err_set(err, ERR_TEMPORARY,
			               "%s/%s is there and is not a link of certferry: "
			               "move it away",
			               slot->directory, name);
	}
	return true;
}

static bool check_slot(const struct delivery *delivery, struct err *err)
{
	const struct policy_slot *slot = delivery->slot;
	AUTO_CLOSE int dir = -1;

	if (!slot)
		return err_set(err, ERR_DENIED, "this server's policy has no such slot");
	if (!policy_can_own(slot, err) || !accept_names(slot, &delivery->names, err))
		return false;
	dir = open_nearest(slot->directory, err);
	return dir >= 0 && check_room(dir, slot->directory, err) &&
	       check_names(dir, slot, err);
}

int check_run(struct job *job)
{
	AUTO_BUF struct buf text = BUF_INIT(4096);
	uint64_t tested = 0;
	struct err err = { 0 };

	for (size_t i = 0; i < job->count; i++) {
		struct delivery *delivery = &job->deliveries[i];

		if (!check_slot(delivery, &err)) {
			job_fail_slot(delivery, &err);
			continue;
		}
		job->services |= delivery->slot->services;
		say("checked %s", delivery->name);
	}
	if (!runner_lock(job->runner, job->services, &err)) {
		say("test-failed %.*s", SAY_TEXT_MAX, err.msg);
		return 0;
	}
	if (!services_run(job, job->services, POLICY_TEST, &tested, &text))
		say("test-failed %.*s", SAY_TEXT_MAX, text.data);
	else if (tested)
		say("tested");
	return 0;
}
