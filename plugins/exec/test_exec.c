/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin through the real services: what it would run, and what it makes of the end.
 */
#include <stdio.h>
#include <string.h>

#include "certferry/dns_provider.h"
#include "plugin_host.h"
#include "unit.h"

extern const struct dns_provider dns_provider_v1;

enum { OPTIONS = 6 };

struct fake {
	char got[2000]; /* "arg|arg NAME=value NAME=value settings:..." */
	int status;
	const char *output;
};

static enum dns_result fake_run(const struct dns_host *services, struct dns_program *io)
{
	const struct plugin_host *self = services->ctx;
	struct fake *fake = self->arg;
	size_t len = 0;

	for (const char *const *arg = io->argv; *arg; arg++)
		len += (size_t)snprintf(fake->got + len, sizeof(fake->got) - len, "%s|",
		                        strncmp(*arg, "certferry_", 10) ? *arg
		                                                        : "SCRIPT");
	for (const char *const *entry = io->environment; *entry; entry++)
		len += (size_t)snprintf(fake->got + len, sizeof(fake->got) - len, " %s",
		                        *entry);
	if (io->settings)
		snprintf(fake->got + len, sizeof(fake->got) - len, " settings:%s",
		         io->settings);
	io->status = fake->status;
	io->output = fake->output ? fake->output : "";
	return DNS_OK;
}

#define CERTBOT                                                        \
	" CERTBOT_DOMAIN=www.example.org CERTBOT_ALL_DOMAINS=www.exam" \
	"ple.org CERTBOT_VALIDATION=v-a_l CERTBOT_REMAINING_CHALLENGES=0"

static const struct row {
	const char *name;
	const char *options[OPTIONS][2];
	bool remove;
	const char *record; /* NULL: _acme-challenge.www.example.org */
	int status;
	const char *output;
	enum dns_result want;
	const char *got, *text;
} rows[] = {
	{ .name = "lego by default",
	  .got = "/p|present|_acme-challenge.www.example.org.|v-a_l|" },
	{ .name = "lego removes",
	  .options = { { "convention", "lego" } },
	  .remove = true,
	  .got = "/p|cleanup|_acme-challenge.www.example.org.|v-a_l|" },
	{ .name = "lego, elsewhere",
	  .record = "x.acme.net",
	  .got = "/p|present|x.acme.net.|v-a_l|" },
	{ .name = "certbot",
	  .options = { { "convention", "certbot" }, { "cleanup-program", "/c" } },
	  .got = "/p|" CERTBOT },
	{ .name = "certbot cleans up",
	  .options = { { "convention", "certbot" }, { "cleanup-program", "/c" } },
	  .remove = true,
	  .got = "/c|" CERTBOT " CERTBOT_AUTH_OUTPUT=certferry" },
	{ .name = "certbot cleans up with the same",
	  .options = { { "convention", "certbot" } },
	  .remove = true,
	  .got = "/p|" CERTBOT " CERTBOT_AUTH_OUTPUT=certferry" },
	{ .name = "certbot, elsewhere",
	  .options = { { "convention", "certbot" } },
	  .record = "x.acme.net",
	  .want = DNS_REFUSED,
	  .text = "cannot set x.acme.net" },
	{ .name = "dehydrated",
	  .options = { { "convention", "dehydrated" } },
	  .got = "/p|deploy_challenge|www.example.org|-|v-a_l|" },
	{ .name = "dehydrated cleans up",
	  .options = { { "convention", "dehydrated" } },
	  .remove = true,
	  .got = "/p|clean_challenge|www.example.org|-|v-a_l|" },
	{ .name = "dehydrated, in the midst of a name",
	  .options = { { "convention", "dehydrated" } },
	  .record = "a._acme-challenge.example.org",
	  .want = DNS_REFUSED,
	  .text = "cannot set a._acme-challenge.example.org" },
	{ .name = "acme.sh",
	  .options = { { "convention", "acme.sh" },
	               { "script", "dns_nsupdate" },
	               { "environment", "A=b\n" } },
	  .got = "/bin/sh|-c|SCRIPT|acme.sh|/p|dns_nsupdate|add|_acme-challenge.www."
	         "example.org|v-a_l| settings:A=b\n" },
	{ .name = "acme.sh removes",
	  .options = { { "convention", "acme.sh" }, { "script", "dns_x" } },
	  .remove = true,
	  .got = "/bin/sh|-c|SCRIPT|acme.sh|/p|dns_x|rm|_acme-challenge.www.example.org|"
	         "v-a_l|" },
	{ .name = "acme.sh without a script",
	  .options = { { "convention", "acme.sh" } },
	  .want = DNS_BAD_OPTION,
	  .text = "needs the option script" },
	{ .name = "acme.sh, a path",
	  .options = { { "convention", "acme.sh" }, { "script", "dns_../../x" } },
	  .want = DNS_BAD_OPTION,
	  .text = "needs the option script" },
	{ .name = "acme.sh, a command",
	  .options = { { "convention", "acme.sh" }, { "script", "dns_x;id" } },
	  .want = DNS_BAD_OPTION,
	  .text = "needs the option script" },
	{ .name = "another convention",
	  .options = { { "convention", "win-acme" } },
	  .want = DNS_BAD_OPTION,
	  .text = "'win-acme' is not lego, certbot" },
	{ .name = "it fails",
	  .status = 1,
	  .output = "asking\nno such zone\n\n",
	  .want = DNS_TEMPORARY,
	  .text = "/p could not add _acme-challenge.www.example.org: status 1: "
	          "asking|no such zone" },
	{ .name = "it fails to remove without a word",
	  .remove = true,
	  .status = 137,
	  .output = " \n",
	  .want = DNS_TEMPORARY,
	  .text = "could not remove _acme-challenge.www.example.org: status 137: it said "
	          "nothing" },
	{ .name = "it cannot be run",
	  .status = 126,
	  .output = "/p: Permission denied",
	  .want = DNS_REFUSED,
	  .text = "status 126: /p: Permission denied" },
	{ .name = "it is not there",
	  .status = 127,
	  .want = DNS_REFUSED,
	  .text = "status 127" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		const char *options[OPTIONS + 2][2] = { { "program", "/p" } };
		struct dns_record record = { "example.org",
			                     "_acme-challenge.www.example.org", "v-a_l",
			                     60 };
		struct fake fake = { .status = row->status, .output = row->output };
		struct plugin_host self;
		enum dns_result got;

		for (size_t j = 0; j < OPTIONS; j++)
			memcpy(options[j + 1], row->options[j], sizeof(options[0]));
		if (row->record)
			record.name = row->record;
		plugin_host_init(&self, options);
		self.host.services.run = fake_run;
		self.arg = &fake;
		got = (row->remove ? dns_provider_v1.cleanup : dns_provider_v1.present)(
		    &self.host.services, &record);
		CHECK(row->name, got == row->want);
		CHECK(row->name, !row->got || strcmp(fake.got, row->got) == 0);
		CHECK(row->name, !row->text || strstr(self.host.text, row->text));
		if ((row->got && strcmp(fake.got, row->got) != 0) ||
		    (row->text && !strstr(self.host.text, row->text)))
			print_error("[%s] %s / %s\n", row->name, fake.got,
			            self.host.text);
	}
	DONE();
}

/* The last words of a long story. */
static void test_long_output(void **state)
{
	static char output[3000];
	const char *options[][2] = { { "program", "/p" }, { NULL, NULL } };
	const struct dns_record record = { "example.org", "_acme-challenge.example.org",
		                           "v", 60 };
	struct fake fake = { .status = 1, .output = output };
	struct plugin_host self;

	(void)state;
	memset(output, 'x', sizeof(output) - 1);
	memcpy(output + sizeof(output) - sizeof("end\n"), "end\n", sizeof("end\n"));
	plugin_host_init(&self, options);
	self.host.services.run = fake_run;
	self.arg = &fake;
	assert_int_equal(dns_provider_v1.present(&self.host.services, &record),
	                 DNS_TEMPORARY);
	assert_non_null(strstr(self.host.text, "status 1: ...xxx"));
	assert_non_null(strstr(self.host.text, "xend"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_long_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
