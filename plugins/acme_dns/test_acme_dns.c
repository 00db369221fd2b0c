/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin through the services of the real host, but http(): what it posts, and what
 * it says of the answer. */
#include <string.h>

#include "plugin_host.h"
#include "unit.h"

extern const struct dns_provider dns_provider_v1;

struct fake {
	int status, posts;
	const char *reply;
	char got[600]; /* "method url header header body" */
};

static enum dns_result fake_http(const struct dns_host *services, struct dns_http *io)
{
	struct fake *fake = ((struct plugin_host *)services->ctx)->arg;

	snprintf(fake->got, sizeof(fake->got), "%s %s %s %s %.*s", io->method, io->url,
	         io->headers[1], io->headers[2], (int)io->body_len, io->body);
	fake->posts++;
	io->status = fake->status;
	io->reply = fake->reply;
	io->reply_len = strlen(fake->reply);
	return DNS_OK;
}

static void start(struct plugin_host *host, struct fake *fake, const char *subdomain)
{
	const char *const set[][2] = { { "api-url", "https://auth.example.net/" },
		                       { "username", "c36f50e8" },
		                       { "password", "htB9mR9DYgcu9bX_afHF62er" },
		                       { "subdomain", subdomain },
		                       { NULL, NULL } };

	plugin_host_init(host, set);
	host->host.services.http = fake_http;
	host->arg = fake;
}

#define POSTED                                                                  \
	"POST https://auth.example.net/update X-Api-User: c36f50e8 X-Api-Key: " \
	"htB9mR9DYgcu9bX_afHF62er {\"subdomain\":\"d420\",\"txt\":\"v-a_l\"}"
#define GOOD "{\"txt\": \"v-a_l\"}"

static const struct {
	const char *name, *subdomain, *record;
	int status;
	const char *reply;
	enum dns_result result;
	const char *text; /* a piece of it; NULL: it was posted as it should */
} rows[] = {
	{ "first label", "d420", "d420.auth.example.net", 200, GOOD, DNS_OK, NULL },
	{ "whole name", "d420.auth.example.net", "d420.auth.example.net", 200, GOOD,
	  DNS_OK, NULL },
	{ "whole name, final dot", "d420.auth.example.net.", "d420.auth.example.net", 200,
	  GOOD, DNS_OK, NULL },
	{ "capitals", "D420.auth.example.net", "d420.AUTH.example.net", 500, "",
	  DNS_TEMPORARY, "HTTP 500: no reason given" },
	{ "no CNAME", "d420", "_acme-challenge.www.example.org", 0, "", DNS_NO_ZONE,
	  "_acme-challenge.www.example.org. IN CNAME d420.DOMAIN-OF-THE-SERVICE." },
	{ "no CNAME, whole name known", "d420.auth.example.net",
	  "_acme-challenge.www.example.org", 0, "", DNS_NO_ZONE,
	  "_acme-challenge.www.example.org. IN CNAME d420.auth.example.net." },
	{ "another account", "d420", "d421.auth.example.net", 0, "", DNS_NO_ZONE,
	  "not this account's name" },
	{ "a longer label", "d420", "d4200.auth.example.net", 0, "", DNS_NO_ZONE,
	  "not this account's name" },
	{ "below the whole name", "d420.auth.example.net", "d420.auth.example.net.org", 0,
	  "", DNS_NO_ZONE, "not this account's name" },
	{ "refused", "d420", "d420.auth.example.net", 401, "{\"error\": \"forbidden\"}",
	  DNS_DENIED, "username, password and subdomain are not of one account" },
	{ "not acme-dns", "d420", "d420.auth.example.net", 404, "<html>", DNS_BAD_OPTION,
	  "does not lead to acme-dns" },
	{ "a login page", "d420", "d420.auth.example.net", 200, "<html>", DNS_TEMPORARY,
	  "not acme-dns: is api-url right?" },
	{ "200 and no value", "d420", "d420.auth.example.net", 200, "{\"txt\": {}}",
	  DNS_TEMPORARY, "not acme-dns" },
	{ "bad value", "d420", "d420.auth.example.net", 400, "{\"error\": \"bad_txt\"}",
	  DNS_REFUSED, "HTTP 400: bad_txt" },
	{ "too many", "d420", "d420.auth.example.net", 429, "", DNS_TEMPORARY,
	  "HTTP 429" },
	{ "broken", "d420", "d420.auth.example.net", 500, "{\"error\": \"db_error\"}",
	  DNS_TEMPORARY, "/update: HTTP 500: db_error" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct dns_record record = { "auth.example.net", rows[i].record,
			                           "v-a_l", 60 };
		struct fake fake = { .status = rows[i].status, .reply = rows[i].reply };
		struct plugin_host host;

		start(&host, &fake, rows[i].subdomain);
		CHECK(rows[i].name, dns_provider_v1.present(&host.host.services,
		                                            &record) == rows[i].result);
		CHECK(rows[i].name, fake.posts == (rows[i].status ? 1 : 0));
		if (rows[i].text)
			CHECK(rows[i].name, strstr(host.host.text, rows[i].text));
		else
			CHECK(rows[i].name, strcmp(fake.got, POSTED) == 0);
		CHECK(rows[i].name, !strstr(host.host.text, "htB9"));
	}
	DONE();
}

static void test_cleanup(void **state)
{
	const struct dns_record record = { "auth.example.net", "d420.auth.example.net",
		                           "v", 60 };
	struct fake fake = { .status = 500, .reply = "" };
	struct plugin_host host;

	(void)state;
	start(&host, &fake, "d420");
	assert_int_equal(dns_provider_v1.cleanup(&host.host.services, &record), DNS_OK);
	assert_int_equal(fake.posts, 0);
}

/* Two values of one name are posted, those of a second order are not. */
static void test_two(void **state)
{
	struct dns_change changes[5];
	struct fake fake = { .status = 200, .reply = GOOD };
	struct plugin_host host;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		changes[i] = (struct dns_change){ i == 1,
			                          { "auth.example.net",
			                            "d420.auth.example.net", "v", 60 },
			                          DNS_TEMPORARY };
	start(&host, &fake, "d420");
	assert_int_equal(dns_provider_v1.change(&host.host.services, changes, 3), DNS_OK);
	assert_int_equal(fake.posts, 2);
	assert_int_equal(dns_provider_v1.change(&host.host.services, changes, 5),
	                 DNS_TEMPORARY);
	assert_int_equal(fake.posts, 4);
	assert_int_equal(changes[2].result, DNS_OK);
	assert_int_equal(changes[3].result, DNS_TEMPORARY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_cleanup),
		cmocka_unit_test(test_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
