/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_batch - one batch through certferry-dns-host, from the command line
 *
 *     run_batch HOST DIR PROVIDER describe
 *     run_batch HOST DIR PROVIDER [SECONDS] [OPTION=VALUE | OPTION=@FILE]... \
 *               [+|-][CHALLENGE] ZONE NAME VALUE...
 *
 * For the tests of this folder and for trying a plugin by hand. @FILE is a secret;
 * +_acme-challenge.x says whose CNAME leads to NAME; CERTFERRY_SPENT=5 in the
 * environment that five requests were made, the first of which is free again in 17 s.
 * Prints a line a change, "ok" or "denied: text", and the batch's; the status is 0 where
 * all is well. Lines of the plugin's log go to stderr.
 */
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "provider/wire.h"

enum { OPTIONS_MAX = 16 };

/* A temporary trouble is told from another by its code. */
static int failed(const struct err *err)
{
	if (err->retry_after > 0)
		printf("%s for %d s: %s\n", err->code, err->retry_after, err->msg);
	else if (err->kind == ERR_TEMPORARY && err->code[0])
		printf("%s: %s\n", err->code, err->msg);
	else
		printf("%s: %s\n", err_infos[err->kind].name, err->msg);
	return 1;
}

static int describe(const struct provider_home *home, const char *provider)
{
	struct provider_info info;
	struct err err;

	if (!provider_describe(home, provider, &info, &err))
		return failed(&err);
	printf("%s: %s\n", info.name, info.summary);
	for (size_t i = 0; i < info.option_count; i++)
		printf("  %s%s%s: %s\n", info.options[i].name,
		       info.options[i].is_required ? " required" : "",
		       info.options[i].is_secret ? " secret" : "", info.options[i].help);
	provider_info_deinit(&info);
	return 0;
}

static bool read_option(char *arg, struct provider_option *out, struct err *err)
{
	char *value = strchr(arg, '=');

	*value++ = '\0';
	*out = (struct provider_option){ .name = arg, .value = value };
	if (*value != '@')
		return true;
	out->value = NULL;
	out->secret = fs_read_secret(value + 1, true, err);
	return out->secret != NULL;
}

static int run(const struct provider_home *home, const struct provider_call *call,
               int deadline_s)
{
	struct err err;
	bool ok = provider_run(home, call, deadline_s, &err);
	int status = ok ? 0 : 1;

	for (size_t i = 0; i < call->change_count; i++) {
		const struct err *outcome = &call->changes[i].outcome;

		if (outcome->kind != ERR_NONE)
			status = failed(outcome);
		else
			printf("ok\n");
	}
	if (call->toll->window_s > 0)
		printf("%d requests in %d s\n", call->toll->requests,
		       call->toll->window_s);
	return ok ? status : failed(&err);
}

static void read_changes(int count, char **words, struct provider_call *call)
{
	for (; count > 3 && call->change_count < PROVIDER_BATCH_MAX;
	     count -= 4, words += 4)
		call->changes[call->change_count++] = (struct provider_change){
			.remove = words[0][0] == '-',
			.zone = words[1],
			.name = words[2],
			.value = words[3],
			.ttl_s = 60,
			.challenge = words[0][1] ? words[0] + 1 : NULL
		};
}

static void free_secrets(const struct provider_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		union {
			const struct secret *borrowed;
			struct secret *ours;
		} secret = { .borrowed = options[i].secret };

		if (secret.borrowed)
			secret_free(secret.ours);
	}
}

int main(int argc, char **argv)
{
	struct provider_option options[OPTIONS_MAX] = { 0 };
	struct provider_change changes[PROVIDER_BATCH_MAX] = { 0 };
	struct provider_toll toll = { 0 };
	struct provider_call call = { .options = options,
		                      .changes = changes,
		                      .toll = &toll };
	const char *spent = getenv("CERTFERRY_SPENT");
	int64_t deadline_s = 10, requests = 0;
	struct err err;
	int i = 4, status;

	json_init();
	log_set_level(LOG_INFO);
	if (argc < 4)
		return 2;
	const struct provider_home home = { argv[1], argv[2] };
	call.provider = argv[3];
	if (argc == 5 && str_eq(argv[4], "describe"))
		return describe(&home, argv[3]);
	if (i < argc && str_to_i64(argv[i], 1, 100, &deadline_s))
		i++;
	if (spent && !str_to_i64(spent, 0, WIRE_REQUESTS_MAX, &requests))
		return 2;
	toll = (struct provider_toll){ .spent = (int)requests, .free_in_s = 17 };
	for (; i < argc && strchr(argv[i], '=') && call.option_count < OPTIONS_MAX; i++)
		if (!read_option(argv[i], &options[call.option_count++], &err))
			return failed(&err);
	read_changes(argc - i, argv + i, &call);
	status = run(&home, &call, (int)deadline_s);
	free_secrets(options, call.option_count);
	return status;
}
