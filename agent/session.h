/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H
#include "job.h"

/*
 * session - frames from standard input, one job, lines to standard output
 *
 * Nothing is done before END and its digest: a connection that is cut in the middle has
 * changed nothing. What cannot be understood ends the session with "failed".
 */
int session_run(struct job *job);
#endif
