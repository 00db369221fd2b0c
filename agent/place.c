/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "beneath.h"
#include "place_parts.h"

enum { FILE_MAX = 1024 * 1024 };

static void make_id(char *out, size_t size)
{
	time_t now = time(NULL);
	struct tm tm = { 0 };
	char when[32];

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(out, size, "%s-%d", when, (int)getpid());
}

bool place_open(struct place *place, const char *path, bool make, struct err *err)
{
	*place = (struct place){ .path = path, .dir = -1 };
	make_id(place->id, sizeof(place->id));
	place->dir = beneath_directory(path, BENEATH_OURS | (make ? BENEATH_MAKE : 0),
	                               err);
	return place->dir >= 0;
}

bool place_error(const struct place *place, const char *name, struct err *err)
{
	return err_set_errno(err, ERR_TEMPORARY, "%s/%s", place->path, name);
}

bool place_is_generation(const char *name)
{
	return str_starts(name, "gen-") &&
	       str_is_made_of(name + 4, "0123456789TZ-", 1, 64);
}

bool place_live(const struct place *place, char *out, size_t size, struct err *err)
{
	char target[128];
	ssize_t len = readlinkat(place->dir, "live", target, sizeof(target) - 1);

	*out = '\0';
	if (len < 0 && errno == ENOENT)
		return true;
	target[len < 0 ? 0 : len] = '\0';
	if (len < 0 || !place_is_generation(target) || strlen(target) >= size)
		return err_set(err, ERR_TEMPORARY,
		               "%s/live is there and is not a link of certferry: move it "
		               "away",
		               place->path);
	snprintf(out, size, "%s", target);
	return true;
}

static bool write_file(const struct place *place, int dir, const struct place_file *file,
                       const struct place_owner *owner, struct err *err)
{
	AUTO_CLOSE int fd = beneath_open(dir, file->name, O_WRONLY | O_CREAT | O_EXCL,
	                                 0600);
	int r;

	if (fd < 0 || !beneath_write(fd, file->bytes, file->len) ||
	    fchown(fd, owner->uid, owner->gid) < 0 || fchmod(fd, file->mode) < 0 ||
	    fsync(fd) < 0)
		return place_error(place, file->name, err);
	r = close(TAKE_FD(fd));
	return r == 0 || place_error(place, file->name, err);
}

static bool is_same(const struct place *place, int dir, const struct place_file *file,
                    struct err *err)
{
	AUTO_CLOSE int fd = beneath_open(dir, file->name, O_RDONLY, 0);
	AUTO_BUF struct buf bytes = BUF_INIT(FILE_MAX);

	return (fd >= 0 && beneath_read(fd, &bytes) && bytes.len == file->len &&
	        memcmp(bytes.data, file->bytes, file->len) == 0) ||
	       err_set(err, ERR_TEMPORARY,
	               "%s/%s is not what was written: is the disk full?", place->path,
	               file->name);
}

static bool write_generation(struct place *place, const char *name,
                             const struct place_file *files, size_t count,
                             const struct place_owner *owner, struct err *err)
{
	AUTO_CLOSE int dir = -1;

	if (mkdirat(place->dir, name, 0700) < 0)
		return place_error(place, name, err);
	dir = beneath_open(place->dir, name, O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0)
		return place_error(place, name, err);
	for (size_t i = 0; i < count; i++)
		if (!write_file(place, dir, &files[i], owner, err) ||
		    !is_same(place, dir, &files[i], err))
			return false;
	return (fchmod(dir, 0755) == 0 && fsync(dir) == 0) ||
	       place_error(place, name, err);
}

bool place_read(const struct place *place, const char *generation, const char *name,
                struct buf *out, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", generation, name);
	AUTO_CLOSE int fd = beneath_open(place->dir, path, O_RDONLY | O_NONBLOCK, 0);

	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "%s/%s is not there", place->path,
		               path);
	return (fd >= 0 && beneath_read(fd, out)) || place_error(place, path, err);
}

bool place_has_mode(const struct place *place, const char *generation,
                    const struct place_file *file, const struct place_owner *owner)
{
	AUTO_FREE char *path = xasprintf("%s/%s", generation, file->name);
	AUTO_CLOSE int fd = beneath_open(place->dir, path, O_PATH, 0);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_uid == owner->uid && st.st_gid == owner->gid &&
	       (st.st_mode & 07777) == file->mode;
}

/* Is this file live as it was to be written? */
static bool file_is_live(const struct place *place, const struct place_file *file,
                         const struct place_owner *owner)
{
	AUTO_BUF struct buf bytes = BUF_INIT(FILE_MAX);
	struct err err;

	return place_has_mode(place, place->old, file, owner) &&
	       place_read(place, place->old, file->name, &bytes, &err) &&
	       (file->is_fresh || (bytes.len == file->len &&
	                           memcmp(bytes.data, file->bytes, file->len) == 0));
}

static bool all_are_live(const struct place *place, const struct place_file *files,
                         size_t count, const struct place_owner *owner)
{
	if (!*place->old)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!file_is_live(place, &files[i], owner))
			return false;
	return true;
}

/* DIRECTORY/fullchain.pem and so on; they never change again. */
static bool make_name(struct place *place, const char *name, struct err *err)
{
	AUTO_FREE char *want = xasprintf("live/%s", name);
	char found[128];
	ssize_t len = readlinkat(place->dir, name, found, sizeof(found) - 1);

	if (len >= 0) {
		found[len] = '\0';
		if (str_eq(found, want))
			return true;
	}
	if (len >= 0 || errno != ENOENT)
		return err_set(err, ERR_TEMPORARY,
		               "%s/%s is there and is not a link of certferry: move it "
		               "away",
		               place->path, name);
	return symlinkat(want, place->dir, name) == 0 || place_error(place, name, err);
}

struct naming {
	struct place *place;
	struct err err;
};

static void name_one(void *arg, const char *name)
{
	struct naming *naming = arg;

	if (naming->err.kind == ERR_NONE)
		(void)!make_name(naming->place, name, &naming->err);
}

bool place_name_all(struct place *place, const char *generation, struct err *err)
{
	AUTO_CLOSE int dir = beneath_open(place->dir, generation, O_RDONLY | O_DIRECTORY,
	                                  0);
	struct naming naming = { .place = place };

	if (dir < 0)
		return place_error(place, generation, err);
	beneath_list(dir, "", name_one, &naming);
	*err = naming.err;
	return err->kind == ERR_NONE;
}

static bool make_names(struct place *place, const struct place_file *files, size_t count,
                       struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (!make_name(place, files[i].name, err))
			return false;
	return true;
}

static bool keep_generation(struct place *place, const char *from, struct err *err)
{
	char to[80];

	snprintf(to, sizeof(to), "gen-%s", place->id);
	if (renameat(place->dir, from, place->dir, to) < 0 || fsync(place->dir) < 0)
		return place_error(place, to, err);
	place->has_new = true;
	return true;
}

bool place_stage(struct place *place, const struct place_file *files, size_t count,
                 const struct place_owner *owner, bool *is_live, struct err *err)
{
	char name[80];
	struct err ignored;
	bool done;

	snprintf(name, sizeof(name), ".new-%s", place->id);
	*is_live = all_are_live(place, files, count, owner);
	if (*is_live)
		return make_names(place, files, count, err);
	done = write_generation(place, name, files, count, owner, err) &&
	       make_names(place, files, count, err) && keep_generation(place, name, err);
	if (!done) {
		beneath_remove(place->dir, name);
		(void)!place_back(place, &ignored);
	}
	return done;
}
