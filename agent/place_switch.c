/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "beneath.h"
#include "boot.h"
#include "place_parts.h"

/* In the lock of an agent. */
static const char agent_mark[] = ".lock/agent";

static bool leads_nowhere(const struct place *place, const char *name)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;
	char live[80];
	struct err err;

	if (!place_live(place, live, sizeof(live), &err))
		return false;
	if (!*live)
		return true;
	path = xasprintf("%s/%s", live, name);
	fd = beneath_open(place->dir, path, O_PATH, 0);
	return fd < 0 && errno == ENOENT;
}

/* Our names in a slot's directory are links into live/: one that leads to nothing is of a
 * format that is no longer wanted, or of a first delivery that was put back. */
static void drop_name(void *arg, const char *name)
{
	const struct place *place = arg;
	char found[128], want[300];
	ssize_t len = readlinkat(place->dir, name, found, sizeof(found) - 1);

	if (len < 0)
		return;
	found[len] = '\0';
	snprintf(want, sizeof(want), "live/%s", name);
	if (str_eq(found, want) && leads_nowhere(place, name))
		unlinkat(place->dir, name, 0);
}

static bool is_dead(const char *holder, const char *boot)
{
	AUTO_FREE char *copy = xstrdup(holder);
	char *second = strchr(copy, ' ');
	int64_t pid;

	copy[strcspn(copy, "\n")] = '\0';
	if (!second)
		return true;
	*second++ = '\0';
	if (!str_eq(second, boot) || !str_to_i64(copy, 1, INT32_MAX, &pid))
		return true;
	return kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* Agents have the flock as long as they live, and we have it now: the number in such a
 * lock may be another's by now. */
static bool is_agents(const struct place *place)
{
	struct stat st;

	return fstatat(place->dir, agent_mark, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Somebody who holds it and lives; text: who. A lock without a holder is young, or
 * its maker was killed at that very moment: a second decides. */
static bool is_held(const struct place *place, char *text, size_t size)
{
	AUTO_BUF struct buf holder = BUF_INIT(200);
	struct err err;

	if (!place_read(place, ".lock", "holder", &holder, &err) || holder.len == 0) {
		buf_wipe(&holder);
		sleep(1);
		(void)!place_read(place, ".lock", "holder", &holder, &err);
	}
	snprintf(text, size, "%.*s", (int)strcspn(holder.data, " \n"), holder.data);
	return !is_agents(place) && !is_dead(holder.data, boot_id());
}

struct dead {
	struct place *place;
	char end[48]; /* of what it made: "-PID" */
};

static void drop_dead(void *arg, const char *name)
{
	const struct dead *dead = arg;

	if (str_ends(name, dead->end) && !str_eq(name, dead->place->old))
		beneath_remove(dead->place->dir, name);
}

/* Has the run that was cut short switched? Then it is known where it came from; else what
 * it made was never live, and is no generation to go back to. */
static void see_to_dead(struct place *place, const char *who, const char *before)
{
	struct dead dead = { .place = place };
	struct stat st;

	snprintf(dead.end, sizeof(dead.end), "-%s", who);
	if (str_eq(before, place->old))
		beneath_list(place->dir, "gen-", drop_dead, &dead);
	else if (place_is_generation(before) &&
	         fstatat(place->dir, before, &st, AT_SYMLINK_NOFOLLOW) == 0)
		snprintf(place->before, sizeof(place->before), "%s", before);
}

static bool write_lock(struct place *place, const char *name, const char *text,
                       struct err *err)
{
	AUTO_FREE char *path = xasprintf(".lock/%s", name);
	AUTO_FREE char *line = xasprintf("%s\n", text);
	AUTO_CLOSE int fd = beneath_open(place->dir, path, O_WRONLY | O_CREAT | O_TRUNC,
	                                 0600);

	return (fd >= 0 && beneath_write(fd, line, strlen(line))) ||
	       place_error(place, path, err);
}

static bool make_lock(struct place *place, struct err *err)
{
	AUTO_FREE char *holder = xasprintf("%d %s", (int)getpid(), boot_id());

	if (mkdirat(place->dir, ".lock", 0700) < 0)
		return place_error(place, ".lock", err);
	place->is_locked = true;
	return write_lock(place, "holder", holder, err) &&
	       write_lock(place, strchr(agent_mark, '/') + 1, "", err);
}

static void drop_new(void *arg, const char *name)
{
	beneath_remove(((struct place *)arg)->dir, name);
}

/* The generation that was live when the lock was taken; "-": it is not known. */
static void read_old(const struct place *place, char *out, size_t size)
{
	AUTO_BUF struct buf text = BUF_INIT(200);
	struct err err;

	snprintf(out, size, "-");
	if (place_read(place, ".lock", "old", &text, &err) && str_ends(text.data, "\n"))
		snprintf(out, size, "%.*s", (int)text.len - 1, text.data);
}

/* The flock is for agents, and gone with the process; the directory for shells too. */
bool place_lock(struct place *place, struct err *err)
{
	char who[40] = "", before[80] = "-";
	struct stat st;

	if (flock(place->dir, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
		           ? err_set(err, ERR_TEMPORARY, "another agent is at work in %s",
		                     place->path)
		           : err_set_errno(err, ERR_CONFIG, "%s cannot be locked",
		                           place->path);
	if (fstatat(place->dir, ".lock", &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (is_held(place, who, sizeof(who)))
			return err_set(err, ERR_TEMPORARY,
			               "another run (process %s) is at work in %s", who,
			               place->path);
		place->is_unfinished = true;
		read_old(place, before, sizeof(before));
		beneath_remove(place->dir, ".lock");
	}
	if (!make_lock(place, err))
		return false;
	beneath_list(place->dir, ".new-", drop_new, place);
	unlinkat(place->dir, ".live.new", 0);
	unlinkat(place->dir, ".live.old", 0);
	if (!place_live(place, place->old, sizeof(place->old), err))
		return false;
	see_to_dead(place, who, before);
	return write_lock(place, "old", *place->before ? place->before : place->old, err);
}

bool place_point(struct place *place, const char *generation, struct err *err)
{
	char now[80];

	unlinkat(place->dir, ".live.new", 0);
	if (symlinkat(generation, place->dir, ".live.new") < 0 ||
	    renameat(place->dir, ".live.new", place->dir, "live") < 0 ||
	    fsync(place->dir) < 0)
		return place_error(place, "live", err);
	return place_live(place, now, sizeof(now), err) &&
	       (str_eq(now, generation) ||
	        err_set(err, ERR_TEMPORARY, "%s/live does not point to %s", place->path,
	                generation));
}

/* The link for the way back is made before the switch: when it is needed, the disk may be
 * full, and then a name can still be moved, but none be made. */
static bool keep_way_back(struct place *place, struct err *err)
{
	unlinkat(place->dir, ".live.old", 0);
	return !*place->old || symlinkat(place->old, place->dir, ".live.old") == 0 ||
	       place_error(place, ".live.old", err);
}

bool place_switch(struct place *place, struct err *err)
{
	char generation[80];

	if (!keep_way_back(place, err))
		return false;
	snprintf(generation, sizeof(generation), "gen-%s", place->id);
	if (place->is_locked && *place->before &&
	    !write_lock(place, "old", place->old, err))
		return false;
	place->is_switched = true;
	return place_point(place, generation, err);
}

static bool switch_back(struct place *place, struct err *err)
{
	char now[80];

	if (*place->old && renameat(place->dir, ".live.old", place->dir, "live") == 0 &&
	    place_live(place, now, sizeof(now), err) && str_eq(now, place->old))
		return true;
	if (*place->old)
		return place_point(place, place->old, err);
	return unlinkat(place->dir, "live", 0) == 0 || errno == ENOENT ||
	       place_error(place, "live", err);
}

bool place_back(struct place *place, struct err *err)
{
	char generation[80];

	if (place->is_switched && !switch_back(place, err))
		return err_context(err, "it could not be put back");
	place->is_switched = false;
	snprintf(generation, sizeof(generation), "gen-%s", place->id);
	if (place->has_new)
		beneath_remove(place->dir, generation);
	place->has_new = false;
	if (!*place->old)
		beneath_list(place->dir, "", drop_name, place);
	return fsync(place->dir) == 0 || place_error(place, "", err);
}

static void drop_old(void *arg, const char *name)
{
	const struct place *place = arg;
	char live[80];
	struct err err;

	if (place_live(place, live, sizeof(live), &err) && !str_eq(name, live) &&
	    !str_eq(name, place->old))
		beneath_remove(place->dir, name);
}

void place_tidy(struct place *place)
{
	beneath_list(place->dir, "gen-", drop_old, place);
	beneath_list(place->dir, "", drop_name, place);
}

void place_leave_unfinished(struct place *place)
{
	place->is_unfinished = true;
}

void place_settle(struct place *place)
{
	place->is_unfinished = false;
}

/* A lock whose holder is nobody says it to the next one; also where the disk is full, and
 * the holder's name is none. */
void place_close(struct place *place)
{
	struct err err;

	if (place->is_locked)
		unlinkat(place->dir, ".live.old", 0);
	if (place->is_locked && place->is_unfinished)
		(void)!write_lock(place, "holder", "0 unfinished", &err);
	else if (place->is_locked)
		beneath_remove(place->dir, ".lock");
	place->is_locked = false;
	closep(&place->dir);
	place->dir = -1;
}
