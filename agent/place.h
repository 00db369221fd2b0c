/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_PLACE_H
#define AGENT_PLACE_H
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * place - a slot's directory, exactly as the transport "shell" keeps it
 *
 *     live -> gen-20261121T040000Z-812    the one link that is ever moved, by one rename
 *     gen-.../                            a whole generation; the one before is kept
 *     fullchain.pem -> live/fullchain.pem and the others, for configurations
 *     .lock/                              only while somebody is at work
 *
 * so that both transports can follow each other on one host (docs/protocol-shell.md).
 * What holds at every instant, kill -9 and power cuts included: live points to one whole
 * generation. Files are made in .new-ID, get owner, group and mode, are synced and read
 * back, and only then become gen-ID.
 *
 * A lock of somebody who is dead is taken over, and is_unfinished then says that the last
 * delivery did not come to its end: services may run with either generation. The mark
 * stays, whatever comes between, until a delivery says place_settle(). One process, one
 * thread. Errors are for a line "slot-failed".
 */
struct place {
	const char *path; /* borrowed, for texts */
	int dir;
	char id[48];
	char old[80];    /* the live generation when we came; "": none */
	char before[80]; /* live before a run that was cut short has switched; "": none */
	bool is_locked;
	bool is_unfinished;
	bool has_new;     /* gen-ID is there */
	bool is_switched; /* live points to it */
};
#define PLACE_INIT        \
	{                 \
		.dir = -1 \
	}

/* A file of a generation. */
struct place_file {
	const char *name;
	const void *bytes; /* borrowed */
	size_t len;
	mode_t mode;
	bool is_fresh; /* other bytes each time (PKCS #12): not compared with what is live
	                */
};

struct place_owner {
	uid_t uid;
	gid_t gid;
};

/* Opens the directory; make: where it is not there. */
bool place_open(struct place *place, const char *path, bool make,
                struct err *err) MUST_CHECK;
/* Takes the lock, clears away what a dead run left, and sees what is live. */
bool place_lock(struct place *place, struct err *err) MUST_CHECK;

/* Writes .new-ID; *is_live: these are the live files already, and it was removed again.
 */
bool place_stage(struct place *place, const struct place_file *files, size_t count,
                 const struct place_owner *owner, bool *is_live,
                 struct err *err) MUST_CHECK;

bool place_switch(struct place *place, struct err *err) MUST_CHECK;
/* As it was before place_stage(), switched or not. */
bool place_back(struct place *place, struct err *err) MUST_CHECK;
/* Points live to a generation that is there: for rollback. */
bool place_point(struct place *place, const char *generation, struct err *err) MUST_CHECK;
/* Removes all generations but the live one and the one before. */
void place_tidy(struct place *place);
/* The lock stays behind as that of a run that was cut short: the next one reloads. */
void place_leave_unfinished(struct place *place);
/* Services run with what is live. */
void place_settle(struct place *place);
/* Gives the lock back and closes. May be called twice. */
void place_close(struct place *place);
#define AUTO_PLACE CLEANUP(place_close)

/* DIRECTORY/NAME for all that is in a generation: one of before may hold more files. */
bool place_name_all(struct place *place, const char *generation,
                    struct err *err) MUST_CHECK;

/* The live generation's name; "" where nothing is live. False: not certferry's. */
bool place_live(const struct place *place, char *out, size_t size,
                struct err *err) MUST_CHECK;
/* A file of a generation: ERR_NOT_FOUND where it is not there. */
bool place_read(const struct place *place, const char *generation, const char *name,
                struct buf *out, struct err *err) MUST_CHECK;
/* Are owner, group and mode of a live file these? */
bool place_has_mode(const struct place *place, const char *generation,
                    const struct place_file *file, const struct place_owner *owner);
#endif
