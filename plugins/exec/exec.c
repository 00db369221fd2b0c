/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec - a program of the operator's adds and removes the records
 *
 * The programs that other clients call for this: four conventions, each a row of a
 * table. exec.md shows them, and what such a program may do.
 */
#include <certferry/dns_provider.h>
#include <string.h>

static const struct dns_option options[] = {
	{ "program", DNS_REQUIRED, "absolute path of the program, or of acme.sh" },
	{ "convention", 0, "lego (default), certbot, dehydrated or acme.sh" },
	{ "cleanup-program", 0, "certbot: the clean-up hook, where it is another" },
	{ "script", 0, "acme.sh: the dnsapi script, say dns_nsupdate" },
	{ "environment", DNS_SECRET,
	  "lines NAME=value for the program, its credentials" },
	{ "user", 0, "whom it runs as (default nobody, where certferry is root)" },
	{ 0 }
};

#define LABEL "_acme-challenge."

enum { SAID_MAX = 240 };

struct call {
	const struct dns_host *host;
	const struct dns_record *record;
	const char *program, *script, *action;
	const char *domain; /* the name without LABEL, or NULL */
	int remove;
};

struct args {
	const char *argv[12], *env[8];
};

static struct args as_lego(const struct call *call)
{
	const char *name = call->host->text(call->host, "%s.", call->record->name);

	return (struct args){ .argv = { call->program, call->action, name,
		                        call->record->value } };
}

static struct args as_certbot(const struct call *call)
{
	const struct dns_host *host = call->host;
	const char *other = host->option(host, "cleanup-program");

	return (struct args){
		.argv = { call->remove && other ? other : call->program },
		.env = { host->text(host, "CERTBOT_DOMAIN=%s", call->domain),
		         host->text(host, "CERTBOT_ALL_DOMAINS=%s", call->domain),
		         host->text(host, "CERTBOT_VALIDATION=%s", call->record->value),
		         "CERTBOT_REMAINING_CHALLENGES=0",
		         call->remove ? "CERTBOT_AUTH_OUTPUT=certferry" : NULL },
	};
}

/* "-": the file of http-01. */
static struct args as_dehydrated(const struct call *call)
{
	return (struct args){ .argv = { call->program, call->action, call->domain, "-",
		                        call->record->value } };
}

/* What acme.sh does itself before it calls such a script; all that is saved is in HOME.
 * Sourced in a function, since it executes the arguments that it sees. */
static const char acme_sh[] =
    "certferry_program=$(readlink -f \"$1\")\n"
    "certferry_api=${certferry_program%/*}/dnsapi/$2.sh\n"
    "certferry_load() { . \"$certferry_program\" >/dev/null; }\n"
    "[ -r \"$certferry_api\" ] || { echo \"$certferry_api: not there\"; exit 127; }\n"
    "mkdir -p \"$HOME/.acme.sh\" && certferry_load && _initpath || exit 126\n"
    ". \"$certferry_api\" || exit 126\n"
    "\"${2}_$3\" \"$4\" \"$5\"\n";

static struct args as_acme_sh(const struct call *call)
{
	return (struct args){ .argv = { "/bin/sh", "-c", acme_sh, "acme.sh",
		                        call->program, call->script, call->action,
		                        call->record->name, call->record->value } };
}

static const struct convention {
	const char *name, *actions[2];
	int wants_domain; /* it says the name without LABEL */
	int wants_script;
	struct args (*make)(const struct call *call);
} conventions[] = {
	{ "lego", { "present", "cleanup" }, 0, 0, as_lego },
	{ "certbot", { NULL, NULL }, 1, 0, as_certbot },
	{ "dehydrated", { "deploy_challenge", "clean_challenge" }, 1, 0, as_dehydrated },
	{ "acme.sh", { "add", "rm" }, 0, 1, as_acme_sh },
	{ NULL, { NULL, NULL }, 0, 0, NULL },
};

static int is_script(const char *name)
{
	return name && strncmp(name, "dns_", 4) == 0 &&
	       name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                         "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

static enum dns_result check(const struct call *call, const struct convention *convention)
{
	const struct dns_host *host = call->host;

	if (!convention->name)
		return host->fail(host, DNS_BAD_OPTION,
		                  "convention '%s' is not lego, certbot, dehydrated or "
		                  "acme.sh",
		                  host->option(host, "convention"));
	if (convention->wants_script && !is_script(call->script))
		return host->fail(
		    host, DNS_BAD_OPTION,
		    "convention acme.sh needs the option script, the name of "
		    "a file in dnsapi without .sh: dns_nsupdate");
	if (convention->wants_domain && !call->domain)
		return host->fail(host, DNS_REFUSED,
		                  "a %s hook is told a domain and puts %s before it by "
		                  "itself, so it cannot set %s; lego's convention can",
		                  convention->name, LABEL, call->record->name);
	return DNS_OK;
}

/* With the last lines of what it said, as one. */
static enum dns_result judge(const struct call *call, const struct dns_program *io)
{
	int is_final = io->status == 126 || io->status == 127; /* it cannot be run */
	char said[SAID_MAX + 1] = "it said nothing";
	size_t len = strlen(io->output), start;

	if (io->status == 0)
		return DNS_OK;
	while (len > 0 && strchr(" \t\r\n", io->output[len - 1]))
		len--;
	start = len > SAID_MAX ? len - SAID_MAX : 0;
	memcpy(said, io->output + start, len - start);
	for (size_t i = 0; i < len - start; i++)
		said[i] = said[i] == '\n' ? '|' : said[i];
	if (len > 0)
		said[len - start] = '\0';
	return call->host->fail(call->host, is_final ? DNS_REFUSED : DNS_TEMPORARY,
	                        "%s could not %s %s: status %d: %s%s", call->program,
	                        call->remove ? "remove" : "add", call->record->name,
	                        io->status, start ? "..." : "", said);
}

static enum dns_result run(const struct dns_host *host, const struct dns_record *record,
                           int remove)
{
	const char *name = host->option(host, "convention");
	const struct convention *convention = conventions;
	struct call call = { .host = host, .record = record, .remove = remove };
	struct dns_program io = { .settings = host->option(host, "environment") };
	enum dns_result result;
	struct args args;

	while (name && convention->name && strcmp(convention->name, name) != 0)
		convention++;
	call.program = host->option(host, "program");
	call.action = convention->actions[remove];
	call.script = host->option(host, "script");
	if (strncmp(record->name, LABEL, strlen(LABEL)) == 0)
		call.domain = record->name + strlen(LABEL);
	result = check(&call, convention);
	if (result != DNS_OK)
		return result;
	args = convention->make(&call);
	io.argv = args.argv;
	io.environment = args.env;
	result = host->run(host, &io);
	return result == DNS_OK ? judge(&call, &io) : result;
}

static enum dns_result present(const struct dns_host *host,
                               const struct dns_record *record)
{
	return run(host, record, 0);
}

static enum dns_result cleanup(const struct dns_host *host,
                               const struct dns_record *record)
{
	return run(host, record, 1);
}

/* clang-format off */
DNS_PROVIDER(
	.name = "exec",
	.summary = "a program of yours: hooks of lego, certbot, dehydrated, acme.sh's dnsapi",
	.options = options,
	.present = present,
	.cleanup = cleanup,
);
