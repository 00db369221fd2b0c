/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin against a zone of one name that is kept here as the API shows it: what it
 * writes for what it read. tests/e2e/test_powerdns.py has the real server.
 */
#include <stdbool.h>
#include <string.h>

#include "plugin_host.h"
#include "unit.h"

extern const struct dns_provider dns_provider_v1;

#define NAME   "_acme-challenge.www.z.test"
#define REC(v) "{\"content\":\"\\\"" v "\\\"\",\"disabled\":false}"
#define SET(ttl, records)                                     \
	"{\"name\":\"z.test.\",\"rrsets\":[{\"name\":\"" NAME \
	".\",\"type\":\"TXT\",\"ttl\":" ttl ",\"records\":[" records "]}]}"
#define BODY(verb, ttl, records)                                                       \
	"{\"rrsets\":[{\"name\":\"" NAME ".\",\"type\":\"TXT\",\"changetype\":\"" verb \
	"\",\"ttl\":" ttl ",\"records\":[" records "]}]}"
#define FOREIGN \
	"{\"content\":\"\\\"a\\\\\\\\ \\\\\\\" b\\\" \\\"two\\\"\",\"disabled\":true}"
#define NONE "{\"name\":\"z.test.\",\"rrsets\":[]}"

enum { READINGS = 5 };

struct fake {
	const char *readings[READINGS]; /* the last is repeated */
	int status;                     /* of a PATCH; 0: 204 */
	const char *reply;
	int reads, writes;
	char body[2000];
	char first_url[300];
};

static struct fake *fake_of(const struct dns_host *services)
{
	return ((struct plugin_host *)services->ctx)->arg;
}

static enum dns_result fake_http(const struct dns_host *services, struct dns_http *io)
{
	struct fake *fake = fake_of(services);
	int last = 0;

	assert_string_equal(io->headers[0], "X-API-Key: the-key-0123456789");
	while (last + 1 < READINGS && fake->readings[last + 1])
		last++;
	if (strcmp(io->method, "GET") == 0) {
		int number = fake->reads < last ? fake->reads : last;

		if (fake->reads++ == 0)
			snprintf(fake->first_url, sizeof(fake->first_url), "%s", io->url);
		io->status = 200;
		io->reply = fake->readings[number];
	} else {
		assert_string_equal(io->method, "PATCH");
		assert_int_equal(io->body_len, strlen(io->body));
		snprintf(fake->body, sizeof(fake->body), "%s", io->body);
		fake->writes++;
		io->status = fake->status ? fake->status : 204;
		io->reply = fake->reply ? fake->reply : "";
	}
	io->reply_len = strlen(io->reply);
	return DNS_OK;
}

static void start(struct plugin_host *host, struct fake *fake)
{
	static const char *const set[][2] = { { "api-url", "http://127.0.0.1:8081/" },
		                              { "api-key", "the-key-0123456789" },
		                              { NULL, NULL } };

	plugin_host_init(host, set);
	host->host.services.http = fake_http;
	host->arg = fake;
}

static const struct {
	const char *name;
	bool remove;
	const char *before, *after, *body; /* body NULL: nothing is to be written */
} rows[] = {
	{ "the first value", false, NONE, SET("60", REC("ours")),
	  BODY("REPLACE", "60", REC("ours")) },
	{ "beside a foreign one, whose TTL stays", false, SET("3600", FOREIGN),
	  SET("3600", FOREIGN "," REC("ours")),
	  BODY("REPLACE", "3600", REC("ours") "," FOREIGN) },
	{ "there already", false, SET("60", REC("ours")), SET("60", REC("ours")), NULL },
	{ "a longer value is another's", false, SET("60", REC("ours2")),
	  SET("60", REC("ours2") "," REC("ours")),
	  BODY("REPLACE", "60", REC("ours") "," REC("ours2")) },
	{ "removed from between others", true,
	  SET("60", REC("a") "," REC("ours") "," FOREIGN),
	  SET("60", REC("a") "," FOREIGN), BODY("REPLACE", "60", REC("a") "," FOREIGN) },
	{ "the last is removed", true, SET("60", REC("ours")), NONE,
	  BODY("DELETE", "60", "") },
	{ "nothing to remove", true, NONE, NONE, NULL },
	{ "not ours to remove", true, SET("60", REC("a")), SET("60", REC("a")), NULL },
	{ "a whole zone is shown", true,
	  "{\"name\":\"z.test.\",\"rrsets\":[{\"name\":\"z.test.\",\"type\":\"TXT\","
	  "\"ttl\":9,\"records\":"
	  "[" REC("ours") "]},{\"name\":\"" NAME
	                  ".\",\"type\":\"A\",\"ttl\":9,\"records\":[]},"
	                  "{\"name\":\"_ACME-challenge.www.z.test.\",\"type\":\"TXT\","
	                  "\"ttl\":5,\"records\":[" REC("ours") "," REC("a") "]}]}",
	  SET("5", REC("a")), BODY("REPLACE", "5", REC("a")) },
};

static void test_sets(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake fake = { .readings = { rows[i].before, rows[i].after } };
		const struct dns_record record = { "z.test", NAME, "ours", 60 };
		struct plugin_host host;
		enum dns_result result;

		start(&host, &fake);
		result = rows[i].remove
		             ? dns_provider_v1.cleanup(&host.host.services, &record)
		             : dns_provider_v1.present(&host.host.services, &record);
		CHECK(rows[i].name, result == DNS_OK);
		CHECK(rows[i].name, fake.writes == (rows[i].body ? 1 : 0));
		CHECK(rows[i].name, fake.reads == fake.writes + 1);
		CHECK(rows[i].name,
		      strcmp(fake.body, rows[i].body ? rows[i].body : "") == 0);
		CHECK(fake.first_url,
		      strcmp(fake.first_url,
		             "http://127.0.0.1:8081/api/v1/servers/localhost/zones/"
		             "z.test.?rrset_name=" NAME ".&rrset_type=TXT") == 0);
	}
	DONE();
}

/* Somebody else read before our writing and wrote after it: ours is written again, with
 * what they wrote. */
static void test_overwritten(void **state)
{
	struct fake fake = { .readings = { NONE, SET("60", REC("a")),
		                           SET("60", REC("a") "," REC("ours")) } };
	const struct dns_record record = { "z.test", NAME, "ours", 60 };
	struct plugin_host host;

	(void)state;
	start(&host, &fake);
	assert_int_equal(dns_provider_v1.present(&host.host.services, &record), DNS_OK);
	assert_int_equal(fake.writes, 2);
	assert_string_equal(fake.body, BODY("REPLACE", "60", REC("ours") "," REC("a")));
}

static void test_never_there(void **state)
{
	struct fake fake = { .readings = { NONE } };
	const struct dns_record record = { "z.test", NAME, "ours", 60 };
	struct plugin_host host;

	(void)state;
	start(&host, &fake);
	assert_int_equal(dns_provider_v1.present(&host.host.services, &record),
	                 DNS_TEMPORARY);
	assert_non_null(strstr(host.host.text, "what was written is not there"));
	assert_int_equal(fake.writes, 4);
}

/* What cannot be read is not taken for an empty set, which would be written. */
static void test_no_zone_in_the_answer(void **state)
{
	static const char *const replies[] = { "", "<html>", "{}", "{\"rrsets\":[" };

	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct fake fake = { .readings = { replies[i] } };
		const struct dns_record record = { "z.test", NAME, "ours", 60 };
		struct plugin_host host;

		start(&host, &fake);
		CHECK(replies[i], dns_provider_v1.present(&host.host.services, &record) ==
		                      DNS_TEMPORARY);
		CHECK(replies[i], fake.writes == 0);
	}
	DONE();
}

/* A wildcard and its parent: one reading, one writing, one more reading. */
static void test_two_at_once(void **state)
{
	struct fake fake = { .readings = { SET("60", REC("old")),
		                           SET("60", REC("v1") "," REC("v2")) } };
	struct dns_change changes[] = {
		{ 0, { "z.test", NAME, "v1", 60 }, DNS_TEMPORARY },
		{ 1, { "z.test", NAME, "old", 60 }, DNS_TEMPORARY },
		{ 0, { "z.test", NAME, "v2", 60 }, DNS_TEMPORARY }
	};
	struct plugin_host host;

	(void)state;
	start(&host, &fake);
	assert_int_equal(dns_provider_v1.change(&host.host.services, changes, 3), DNS_OK);
	assert_string_equal(fake.body, BODY("REPLACE", "60", REC("v1") "," REC("v2")));
	assert_int_equal(fake.reads, 2);
}

static const struct {
	int status;
	const char *reply;
	enum dns_result result;
	const char *text;
} answers[] = {
	{ 401, "Unauthorized", DNS_DENIED, "the api-key is refused" },
	{ 403, "", DNS_DENIED, "the api-key is refused" },
	{ 404, "Not Found", DNS_NO_ZONE, "no such zone" },
	{ 422, "{\"error\": \"Name is out of zone\"}", DNS_REFUSED,
	  "zones/z.test.: HTTP 422: Name is out of zone" },
	{ 400, "<html>", DNS_REFUSED, "HTTP 400: no reason given" },
	{ 429, "", DNS_TEMPORARY, "HTTP 429" },
	{ 500, "{\"error\": \"database\"}", DNS_TEMPORARY, "HTTP 500: database" },
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct fake fake = { .readings = { NONE },
			             .status = answers[i].status,
			             .reply = answers[i].reply };
		const struct dns_record record = { "z.test", NAME, "ours", 60 };
		struct plugin_host host;

		start(&host, &fake);
		CHECK(answers[i].text,
		      dns_provider_v1.present(&host.host.services, &record) ==
		          answers[i].result);
		CHECK(answers[i].text, strstr(host.host.text, answers[i].text));
		CHECK(answers[i].text, !strstr(host.host.text, "the-key"));
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_overwritten),
		cmocka_unit_test(test_never_there),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_no_zone_in_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
