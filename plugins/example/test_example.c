/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin with the services of the real host, but http(): that one is the service,
 * which has one TXT set and writes down what was asked of it. Copy it with the plugin.
 */
#include <stdbool.h>
#include <string.h>

#include "plugin_host.h"
#include "unit.h"

extern const struct dns_provider dns_provider_v1;

#define URL "https://api.dns.example/v1/zones/example.org/records"
#define GET "GET " URL "?type=TXT&name=_acme-challenge.example.org\n"

struct fake {
	const char *records; /* what the GET shows */
	int fails;           /* the status of every answer; 0: as it should be */
	char asked[600];     /* "METHOD URL BODY", a line each */
};

static enum dns_result fake_http(const struct dns_host *services, struct dns_http *io)
{
	struct fake *fake = ((struct plugin_host *)services->ctx)->arg;
	size_t len = strlen(fake->asked);

	assert_string_equal(io->headers[0], "Authorization: Bearer secret-of-the-test");
	snprintf(fake->asked + len, sizeof(fake->asked) - len, "%s %s%s%.*s\n",
	         io->method, io->url, io->body ? " " : "", (int)io->body_len,
	         io->body ? io->body : "");
	if (strcmp(io->method, "GET") == 0) {
		io->status = 200;
		io->reply = fake->records;
	} else {
		io->status = strcmp(io->method, "POST") == 0 ? 201 : 204;
		io->reply = "";
	}
	if (fake->fails) {
		io->status = fake->fails;
		io->reply = "{\"message\": \"because secret-of-the-test\"}";
	}
	io->reply_len = strlen(io->reply);
	return DNS_OK;
}

static enum dns_result run(struct plugin_host *host, struct fake *fake, bool remove)
{
	static const char *const set[][2] = { { "api-token", "secret-of-the-test" },
		                              { NULL, NULL } };
	const struct dns_record record = { "example.org", "_acme-challenge.example.org",
		                           "ours", 60 };

	plugin_host_init(host, set);
	host_learn_provider(&host->host, &dns_provider_v1);
	host->host.services.http = fake_http;
	host->arg = fake;
	return remove ? dns_provider_v1.cleanup(&host->host.services, &record)
	              : dns_provider_v1.present(&host->host.services, &record);
}

#define NONE   "{\"records\": []}"
#define OTHERS "{\"records\": [{\"id\": 7, \"value\": \"ours2\"}]}"
#define OURS                                                                    \
	"{\"records\": [{\"id\": 7, \"value\": \"x\"}, {\"id\": 8, \"value\": " \
	"\"ours\"}]}"
#define POST                                                                       \
	"POST " URL " {\"type\":\"TXT\",\"name\":\"_acme-challenge.example.org\"," \
	"\"value\":\"ours\",\"ttl\":60}\n"

/* The two promises. */
static const struct {
	const char *name, *records;
	bool remove;
	const char *asked;
} rows[] = {
	{ "the first value", NONE, false, GET POST },
	{ "beside another's", OTHERS, false, GET POST },
	{ "there already", OURS, false, GET },
	{ "removed, and no other", OURS, true, GET "DELETE " URL "/8\n" },
	{ "nothing to remove", NONE, true, GET },
	{ "another's is not ours", OTHERS, true, GET },
};

static void test_promises(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake fake = { .records = rows[i].records };
		struct plugin_host host;

		CHECK(rows[i].name, run(&host, &fake, rows[i].remove) == DNS_OK);
		CHECK(rows[i].name, strcmp(fake.asked, rows[i].asked) == 0);
	}
	DONE();
}

static const struct {
	int status;
	enum dns_result result;
	const char *text;
} answers[] = {
	{ 401, DNS_DENIED,
	  "HTTP 401: the api-token is wrong or has ended (because ***)" },
	{ 403, DNS_DENIED, "zone example.org: HTTP 403: the api-token may not edit" },
	{ 404, DNS_NO_ZONE, "account has no such zone" },
	{ 429, DNS_RATE_LIMITED, "HTTP 429: too many requests (because ***)" },
	{ 503, DNS_TEMPORARY, "HTTP 503: because ***" },
	{ 400, DNS_REFUSED, "HTTP 400: the service refuses (because ***)" },
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct fake fake = { .records = NONE, .fails = answers[i].status };
		struct plugin_host host;

		CHECK(answers[i].text, run(&host, &fake, false) == answers[i].result);
		CHECK(answers[i].text, strstr(host.host.text, answers[i].text));
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_promises),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
