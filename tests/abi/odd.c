/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins against the contract, one a CASE: compiled once for each name in
 * CMakeLists.txt, with -DCASE_name and -DNAME="name". plugins.sh says what must come
 * of each.
 */
#include <certferry/dns_provider.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* No case needs all of what stands here. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-const-variable"

#ifndef PROVIDER_NAME
#define PROVIDER_NAME NAME
#endif

static const struct dns_option options[] = {
	{ "server", 0, "where" },       { "token", DNS_SECRET, "a secret" },
	{ DNS_OPTION_CA, 0, "its CA" }, { "program", 0, "what to run" },
	{ "user", 0, "as whom" },       { 0 }
};

#if defined CASE_json
static const char reply[] =
    "{\"ok\":true,\"none\":null,\"deep\":{\"list\":[{\"id\":\"a\"},{\"id\":\"b\\u00e9\"}]"
    "},"
    "\"whole\":9007199254740991,\"half\":-1.5,\"empty\":\"\",\"\":\"no name\"}";

/* want NULL: there is no text there */
static const struct {
	const char *text, *path, *want;
	size_t count;
} asked[] = {
	{ reply, "ok", "true", 0 },
	{ reply, "none", NULL, 0 },
	{ reply, "deep", NULL, 1 },
	{ reply, "deep.list", NULL, 2 },
	{ reply, "deep.list.1.id", "b\xc3\xa9", 0 },
	{ reply, "deep.list.2.id", NULL, 0 },
	{ reply, "deep.list.-1.id", NULL, 0 },
	{ reply, "deep.list.0x1.id", NULL, 0 },
	{ reply, "deep.list.99999999999999999999", NULL, 0 },
	{ reply, "whole", "9007199254740991", 0 },
	{ reply, "half", "-1.5", 0 },
	{ reply, "empty", "", 0 },
	{ reply, "ok.further", NULL, 0 },
	{ reply, "", NULL, 7 },
	{ "[1e300,1e15]", "0", "1.0000000000000001e+300", 0 },
	{ "[1e300,1e15]", "1", "1000000000000000", 0 },
	{ "[1e300,1e15]", "", NULL, 2 },
	{ "\"alone\"", "", "alone", 0 },
	{ "", "", NULL, 0 },
	{ "<html>", "result", NULL, 0 },
	{ "{} trailing", "", NULL, 0 },
	{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
	  "]]]]]]]]]]]",
	  "", NULL, 0 },
};

static enum dns_result ask_json(const struct dns_host *host)
{
	char buffer[] = "[1]";
	const char *first = host->json(host, buffer, "0"), *quoted;

	/* The same place in memory, another text; and what was given out stays. */
	buffer[1] = '2';
	if (strcmp(host->json(host, buffer, "0"), "2") != 0 || strcmp(first, "1") != 0)
		return host->fail(host, DNS_REFUSED, "the old text was asked");
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		const char *got = host->json(host, asked[i].text, asked[i].path);

		if (!got != !asked[i].want || (got && strcmp(got, asked[i].want) != 0) ||
		    host->json_count(host, asked[i].text, asked[i].path) !=
		        asked[i].count)
			return host->fail(host, DNS_REFUSED, "%s: %s: %s", asked[i].text,
			                  asked[i].path, got ? got : "nothing");
	}
	quoted = host->json_quote(host, "a\"\\\n\t\x01\xc3\xa9");
	if (strcmp(quoted, "\"a\\\"\\\\\\n\\t\\u0001\xc3\xa9\"") != 0)
		return host->fail(host, DNS_REFUSED, "quoted: %s", quoted);
	if (strcmp(host->text(host, "%s-%d", "a", 7), "a-7") != 0)
		return host->fail(host, DNS_REFUSED, "not the text");
	return DNS_OK;
}
#endif

#if defined CASE_cutleak
static void log_cut_secret(const struct dns_host *host)
{
	/* Longer than the host formats: it is cut, and in the midst of a secret. */
	static char text[64 * 1024];
	const char *token = host->option(host, "token");

	size_t len = strlen(token);

	for (size_t at = 0; at < sizeof(text) - 1; at++)
		text[at] = token[at % len];
	host->log(host, "%s", text);
}
#endif

#if defined CASE_files
static enum dns_result reach_out(const struct dns_host *host)
{
	if (open("/etc/shadow", O_RDONLY) >= 0 ||
	    open("/tmp/x", O_RDWR | O_CREAT, 0600) >= 0)
		return host->fail(host, DNS_REFUSED, "a file could be opened");
	if (fork() >= 0)
		return host->fail(host, DNS_REFUSED, "a fork");
	if (getuid() == 0)
		return host->fail(host, DNS_REFUSED, "still root");
	for (const char *const *e = (const char *const *)environ; *e; e++)
		return host->fail(host, DNS_REFUSED, "an environment");
	return DNS_OK;
}
#endif

#if defined CASE_run
static enum dns_result run_program(const struct dns_host *host,
                                   const struct dns_record *record)
{
	static const char *const frames[] = { "",
		                              "\xff\xff\xff\xff",
		                              "\1\0\0",
		                              "\1\0\0\0/bin/true",
		                              "\2\0\0\0/bin/true\0",
		                              "\1\0\0\0/bin/true\0NOT A PAIR\0",
		                              "\0\0\0\0A=b\0" };
	static const size_t lengths[] = { 1, 4, 3, 13, 14, 25, 8 };
	if (strcmp(record->value, "garbage") == 0) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
			for (int fd = 4; fd < 12; fd++)
				(void)!send(fd, frames[i], lengths[i], MSG_DONTWAIT);
		return DNS_OK;
	}
	const char *program = host->option(host, "program");
	const char *const by_shell[] = { "/bin/sh", "-c", "\"$0\" fine", program, NULL };
	const char *const argv[] = { program ? program : "/bin/true", record->value,
		                     host->option(host, "server"), NULL };
	const char *const environment[] = { "GIVEN=yes", "LANG=mine", NULL };
	struct dns_program io = { .argv = strcmp(record->value, "shell") ? argv
		                                                         : by_shell,
		                  .environment = environment,
		                  .settings = host->option(host, "token") };
	enum dns_result result = host->run(host, &io);

	if (result != DNS_OK)
		return result;
	host->log(host, "said %zu bytes: %s", strlen(io.output), io.output);
	return io.status == 0 ? DNS_OK
	                      : host->fail(host, DNS_TEMPORARY, "status %d: %s",
	                                   io.status, io.output);
}
#endif

static enum dns_result present(const struct dns_host *host,
                               const struct dns_record *record)
{
#if defined CASE_crash
	abort();
#elif defined CASE_hang
	for (;;)
		pause();
#elif defined CASE_exit0
	_exit(0);
#elif defined CASE_flood
	for (int i = 0; i < 100000; i++)
		host->log(host, "line %d", i);
#elif defined CASE_babble
	if (send(3, "{\"nonsense\":1}", 14, 0) < 0)
		return DNS_TEMPORARY;
#elif defined CASE_liar
	if (send(3, "{\"change\":0,\"result\":\"ok\"}", 26, 0) < 0)
		return DNS_TEMPORARY;
#elif defined CASE_oddresult
	return (enum dns_result)99;
#elif defined CASE_leak
	host->log(host, "using %s now", host->option(host, "token"));
	return host->fail(host, DNS_DENIED, "token %s was refused\nreally\x1b[31m",
	                  host->option(host, "token"));
#elif defined CASE_cutleak
	log_cut_secret(host);
#elif defined CASE_files
	return reach_out(host);
#elif defined CASE_shell
	execl("/bin/sh", "sh", "-c", "true", (char *)NULL);
#elif defined CASE_stdout
	printf("{\"change\":0,\"result\":\"denied\"}\n");
	fflush(stdout);
#elif defined CASE_later
	if (!DNS_HOST_HAS(host, update) || DNS_HOST_HAS(host, size) == 0)
		return host->fail(host, DNS_REFUSED, "no update");
#elif defined CASE_http || defined CASE_limit
	struct dns_http io = { .method = "GET", .url = host->option(host, "server") };
	return host->http(host, &io);
#elif defined CASE_run
	return run_program(host, record);
#elif defined CASE_json
	return ask_json(host);
#elif defined CASE_pause
	host->pause(host, 3600 * 1000);
#elif defined CASE_byhand
	return host->fail(host, DNS_BY_HAND, "set %s", record->name);
#endif
	return DNS_OK;
}

static enum dns_result cleanup(const struct dns_host *host,
                               const struct dns_record *record)
{
	return DNS_OK;
}

#if defined CASE_ctor
__attribute__((constructor)) static void early(void)
{
	if (open("/etc/shadow", O_RDONLY) >= 0)
		_exit(77);
	execl("/bin/sh", "sh", "-c", "true", (char *)NULL);
}
#endif

#if defined CASE_bulk
/* Does the first, refuses the rest; one by one, all but "bad" go. */
static enum dns_result one(const struct dns_host *host, const struct dns_record *record)
{
	if (strcmp(record->value, "bad") == 0)
		return host->fail(host, DNS_DENIED, "bad is not for us");
	return present(host, record);
}

static enum dns_result change(const struct dns_host *host, struct dns_change *changes,
                              size_t count)
{
	changes[0].result = DNS_OK;
	return host->fail(host, DNS_REFUSED, "%zu at once", count);
}
#endif

/* clang-format off */
#if defined CASE_nosymbol
const void *const dummy[] = { (const void *)options, (const void *)present, (const void *)cleanup };
#elif defined CASE_wrongabi || defined CASE_shortstruct
__attribute__((visibility("default"))) extern const struct dns_provider dns_provider_v1;
const struct dns_provider dns_provider_v1 = {
#ifdef CASE_wrongabi
	.abi = DNS_PROVIDER_ABI + 1, .size = sizeof(struct dns_provider),
#else
	.abi = DNS_PROVIDER_ABI, .size = 24,
#endif
	.name = PROVIDER_NAME, .summary = "odd", .options = options,
	.present = present, .cleanup = cleanup, .change = NULL,
};
#else
DNS_PROVIDER(
	.name = PROVIDER_NAME,
	.summary = "odd",
#ifndef CASE_nooptions
	.options = options,
#endif
#ifdef CASE_bulk
	.present = one,
	.change = change,
#elif !defined CASE_nopresent
	.present = present,
#endif
#ifndef CASE_nocleanup
	.cleanup = cleanup,
#endif
#if defined CASE_limit
	.requests_max = 3,
	.requests_window_s = 60,
#elif defined CASE_badlimit
	.requests_max = 3,
#endif
);
#endif
