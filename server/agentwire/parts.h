/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTWIRE_PARTS_H
#define AGENTWIRE_PARTS_H
/*
 * What writer and reader have in common, for this module only. On the wire types, jobs
 * and files count from 1, so that bytes of zero mean nothing.
 */
enum {
	JOB_PAYLOAD = 4, /* job, flags, seconds (two bytes, the higher one first) */
	JOB_RELOAD_ANYWAY = 1,
};

extern const char agentwire_magic[4];
#endif
