/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <signal.h>
#include <unistd.h>

#include "base/log.h"

/* Signals come to one thread that waits for them: the first asks the run to end, with
 * what is running brought to its end; the second ends the process, which loses nothing
 * either. */
static void *watch_signals(void *arg)
{
	struct watch *watch = arg;
	int got;

	while (sigwait(&watch->set, &got) == 0) {
		if (got == SIGUSR1)
			return NULL;
		if (atomic_exchange(&watch->stop, true))
			_exit(130);
		log_warn(NULL, "run.stop",
		         "ending after the steps that are running; once more to "
		         "end at once");
	}
	return NULL;
}

bool watch_start(struct watch *watch, struct err *err)
{
	sigemptyset(&watch->set);
	sigaddset(&watch->set, SIGINT);
	sigaddset(&watch->set, SIGTERM);
	sigaddset(&watch->set, SIGHUP);
	sigaddset(&watch->set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &watch->set, NULL);
	return pthread_create(&watch->thread, NULL, watch_signals, watch) == 0 ||
	       err_set(err, ERR_INTERNAL, "cannot start a thread");
}

void watch_end(struct watch *watch)
{
	pthread_kill(watch->thread, SIGUSR1);
	pthread_join(watch->thread, NULL);
}
