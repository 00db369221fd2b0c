/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certferry-dns-host - one batch of TXT changes through one provider's plugin
 *
 * A life: read the request and the changes; fork the runner of programs where the entry
 * has the option "program"; check that plugin and directory are
 * trusted; become nobody; enter the sandbox; only then load the plugin, whose
 * constructors are the first code in here that is not ours; do the changes; say what
 * came of them; end. docs/protocol-plugin.md is what is spoken.
 */
#include <stdio.h>
#include <string.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "batch.h"
#include "load.h"
#include "sandbox/sandbox.h"

enum {
	START_S = 20, /* until the request is read */
	NOBODY = 65534,
	MEMORY_MAX = 512 << 20,
};

static bool receive(struct buf *frame, struct err *err)
{
	bool ended;

	if (!frame_receive(CHILD_FD, frame, &ended, clock_deadline_ms(START_S * 1000),
	                   err))
		return false;
	return !ended || err_set(err, ERR_INTERNAL, "the daemon has left");
}

static bool read_all(struct wire_request *request, struct wire_change *changes,
                     struct err *err)
{
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);

	if (!receive(&frame, err) || !wire_get_request(&frame, request, err))
		return err_context(err, "request");
	for (size_t i = 0; i < request->change_count; i++)
		if (!receive(&frame, err) || !wire_get_change(&frame, &changes[i], err))
			return err_context(err, "change %zu", i);
	return true;
}

static bool give_up_rights(const struct wire_request *request, struct err *err)
{
	static const char *const here[] = { ".", NULL };
	const struct sandbox_limits limits = { .cpu_s = (unsigned)request->deadline_s + 1,
		                               .memory_max = MEMORY_MAX,
		                               .may_read = here };

	return load_check(request->plugin_dir, request->provider, err) &&
	       sandbox_drop_user(NOBODY, NOBODY, err) &&
	       sandbox_enter(SANDBOX_NET_CLIENT, &limits, err);
}

/* While there is nothing in this process that is not ours. */
static bool start_runner(const struct wire_request *request, struct runner *runner,
                         struct err *err)
{
	const struct runner_settings settings = {
		.program = host_option(request, "program"),
		.user = host_option(request, "user"),
		.deadline_ms = clock_deadline_ms((int64_t)request->deadline_s * 1000),
	};

	return !settings.program || runner_start(runner, &settings, err);
}

static _Noreturn void finish(const struct wire_answer *end)
{
	host_answer(end);
	/* Not exit(): a plugin's destructors have no business any more. */
	_exit(0);
}

static _Noreturn void finish_with(enum wire_result result, const struct err *err)
{
	struct wire_answer end = { .kind = WIRE_ANSWER_END, .result = result };

	snprintf(end.text, sizeof(end.text), "%.*s", WIRE_TEXT_MAX, err->msg);
	finish(&end);
}

static void describe(const struct dns_provider *provider, struct provider_info *out)
{
	const struct dns_option *option = provider->options;

	out->name = xstrdup(provider->name);
	out->summary = xstrdup(provider->summary ? provider->summary : "");
	out->options = xcalloc(WIRE_OPTIONS_MAX, sizeof(*out->options));
	for (; option->name && out->option_count < WIRE_OPTIONS_MAX; option++) {
		struct provider_option_info *info = &out->options[out->option_count++];

		info->name = xstrdup(option->name);
		info->help = xstrdup(option->help ? option->help : "");
		info->is_required = option->flags & DNS_REQUIRED;
		info->is_secret = option->flags & DNS_SECRET;
	}
}

static _Noreturn void describe_and_finish(const struct dns_provider *provider)
{
	struct provider_info info = { 0 };
	const struct wire_answer end = { .kind = WIRE_ANSWER_END, .info = &info };

	describe(provider, &info);
	finish(&end);
}

static _Noreturn void run_and_finish(struct batch *batch)
{
	struct wire_answer end = { .kind = WIRE_ANSWER_END };

	host_learn_provider(batch->host, batch->provider);
	if (batch_check_options(batch, &end))
		batch_run(batch);
	runner_end(&batch->host->runner);
	end.requests = batch->host->pace.requests;
	end.window_s = batch->host->pace.window_s;
	finish(&end);
}

int main(void)
{
	struct wire_request request;
	struct wire_change changes[PROVIDER_BATCH_MAX];
	struct dns_provider provider;
	struct host host;
	struct batch batch = { &host, &provider, changes, 0 };
	struct runner runner = RUNNER_NONE;
	struct err err;

	child_enter(START_S);
	json_init();
	if (!read_all(&request, changes, &err))
		finish_with(WIRE_BROKEN, &err);
	/* The daemon kills us at its deadline; this is for a daemon that is gone. */
	alarm((unsigned)request.deadline_s + 1);
	if (!start_runner(&request, &runner, &err) || !give_up_rights(&request, &err) ||
	    !load_open(request.plugin_dir, request.provider, &provider, &err))
		finish_with(err.kind == ERR_CONFIG ? WIRE_NOT_LOADED : WIRE_BROKEN, &err);
	if (request.is_describe)
		describe_and_finish(&provider);
	host_init(&host, &request);
	host.runner = runner;
	batch.count = request.change_count;
	run_and_finish(&batch);
}
