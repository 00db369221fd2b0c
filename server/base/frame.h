/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FRAME_H
#define BASE_FRAME_H
#include <stdint.h>

#include "buf.h"
#include "err.h"

/*
 * frame - whole messages between a program and its child
 *
 * One frame is one packet of a SOCK_SEQPACKET socket pair: it arrives whole or
 * not at all. Deadlines are those of base/clock. A frame of more than FRAME_MAX
 * bytes, or an empty one, is an error on either side. One thread per socket.
 */
enum { FRAME_MAX = 64 * 1024 };

bool frame_send(int fd, const void *bytes, size_t len, int64_t deadline_ms,
                struct err *err) MUST_CHECK;

/* Replaces what is in frame (made with BUF_INIT(FRAME_MAX)). *ended is set, and
 * true returned, when the other side has closed. */
bool frame_receive(int fd, struct buf *frame, bool *ended, int64_t deadline_ms,
                   struct err *err) MUST_CHECK;
#endif
