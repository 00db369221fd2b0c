/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin against written exchanges: what it asks, in which order, and what it makes
 * of the replies. tests/e2e/test_cloudflare.py has a whole API and a name server behind
 * it.
 */
#include <stdbool.h>
#include <string.h>

#include "plugin_host.h"
#include "unit.h"

extern const struct dns_provider dns_provider_v1;

#define TOKEN     "token-0123456789-abcdefghijklmnopqrstuv"
#define READER    "reader-0123456789-abcdefghijklmnopqrstu"
#define NAME      "_acme-challenge.www.z.test"
#define OK(what)  "{\"success\":true,\"errors\":[],\"result\":" what "}"
#define ZONE(n)   "{\"id\":\"id-of-" n "\",\"name\":\"" n "\"}"
#define ZONES     "GET /zones?status=active&name=z.test"
#define RECORDS   "/zones/id-of-z.test/dns_records"
#define LIST(p)   "GET " RECORDS "?type=TXT&per_page=100&page=" p "&name.startswith=" NAME
#define REC(i, v) "{\"id\":\"" i "\",\"name\":\"" NAME "\",\"content\":\"" v "\"}"
#define POST(v)                                                                  \
	"{\"type\":\"TXT\",\"name\":\"" NAME "\",\"content\":\"\\\"" v "\\\"\"," \
	"\"ttl\":60,\"comment\":\"certferry\"}"
#define BAD(code, words) \
	"{\"success\":false,\"errors\":[{\"code\":" code ",\"message\":\"" words "\"}]}"
#define PAGE(rows, total)                          \
	"{\"success\":true,\"result\":[" rows "]," \
	"\"result_info\":{\"total_count\":" total "}}"

enum { EXCHANGES = 7, CHANGES = 3 };

struct exchange {
	const char *ask; /* "METHOD /path body" */
	const char *reply;
	int status; /* 0: 200 */
};

struct fake {
	const struct exchange *exchanges;
	size_t asked;
	int pauses;
	const char *row;
};

static enum dns_result fake_http(const struct dns_host *services, struct dns_http *io)
{
	static const char url[] = "https://api.cloudflare.com/client/v4";
	struct fake *fake = ((struct plugin_host *)services->ctx)->arg;
	const struct exchange *now = &fake->exchanges[fake->asked++];
	const bool is_lookup = strstr(io->url, "/zones?") != NULL;
	char ask[2000];

	CHECK(fake->row, strncmp(io->url, url, strlen(url)) == 0);
	snprintf(ask, sizeof(ask), "%s %s%s%s", io->method, io->url + strlen(url),
	         io->body ? " " : "", io->body ? io->body : "");
	CHECK(fake->row,
	      fake->asked <= EXCHANGES && now->ask && strcmp(ask, now->ask) == 0);
	if (fake->asked > EXCHANGES || !now->ask || strcmp(ask, now->ask) != 0)
		fail_msg("[%s] asked %s\n", fake->row, ask);
	CHECK(fake->row, io->body_len == (io->body ? strlen(io->body) : 0));
	CHECK(fake->row,
	      strcmp(io->headers[0], is_lookup && services->option(services, "zone-token")
	                                 ? "Authorization: Bearer " READER
	                                 : "Authorization: Bearer " TOKEN) == 0);
	io->status = now->status ? now->status : 200;
	io->reply = now->reply;
	io->reply_len = strlen(now->reply);
	return DNS_OK;
}

static void fake_pause(const struct dns_host *services, unsigned milliseconds)
{
	struct fake *fake = ((struct plugin_host *)services->ctx)->arg;

	assert_in_range(milliseconds, 1, 10000);
	fake->pauses++;
}

/* clang-format off */
static const struct row {
	const char *name;
	const char *changes[CHANGES]; /* "+value", "-value" */
	struct exchange exchanges[EXCHANGES];
	enum dns_result want;
	const char *text; /* a piece of it */
	int pauses;
	const char *zone_id, *zone_token, *token;
} rows[] = {
	{ "add one", { "+v" }, {
		{ ZONES, OK("[" ZONE("z.test") "]"), 0 },
		{ "POST " RECORDS " " POST("v"), OK("{}"), 0 } }, DNS_OK, NULL, 0, NULL, NULL, NULL },
	{ "it is there", { "+v" }, {
		{ ZONES, OK("[" ZONE("z.test") "]"), 0 },
		{ "POST " RECORDS " " POST("v"), BAD("81058", "identical"), 400 } }, DNS_OK, NULL, 0, NULL, NULL, NULL },
	{ "it is there, older code", { "+v" }, {
		{ ZONES, OK("[" ZONE("z.test") "]"), 0 },
		{ "POST " RECORDS " " POST("v"), BAD("81057", "exists"), 400 } }, DNS_OK, NULL, 0, NULL, NULL, NULL },
	{ "zone-id", { "+v" }, {
		{ "POST /zones/0123/dns_records " POST("v"), OK("{}"), 0 } }, DNS_OK, NULL, 0, "0123", NULL, NULL },
	{ "zone-token, with space around", { "+v" }, {
		{ ZONES, OK("[" ZONE("z.test") "]"), 0 },
		{ "POST " RECORDS " " POST("v"), OK("{}"), 0 } }, DNS_OK, NULL, 0, NULL, " " READER "\r\n", "\t" TOKEN " \n" },
	{ "filter ignored: the zone is picked by name", { "+v" }, {
		{ ZONES, OK("[" ZONE("a.z.test") "," ZONE("z.test") ",{}," ZONE("test") "]"), 0 },
		{ "POST " RECORDS " " POST("v"), OK("{}"), 0 } }, DNS_OK, NULL, 0, NULL, NULL, NULL },
	{ "two accounts", { "+v" }, {
		{ ZONES, OK("[" ZONE("z.test") "," ZONE("z.test") "]"), 0 } }, DNS_BAD_OPTION, "2 active zones for z.test", 0, NULL, NULL, NULL },
	{ "no zone", { "+v" }, { { ZONES, OK("[]"), 0 } }, DNS_NO_ZONE, "0 active zones for z.test", 0, NULL, NULL, NULL },
	{ "token of other zones", { "+v" }, {
		{ ZONES, BAD("0", "Actor 'x' requires permission 'zone.list'"), 403 } }, DNS_NO_ZONE, "give it Zone:Zone:Read", 0, NULL, NULL, NULL },
	{ "many: those there are left out", { "+a", "+b", "+c" }, {
		{ ZONES, OK("[" ZONE("z.test") "]"), 0 },
		{ LIST("1"), PAGE(REC("1", "\\\"a\\\""), "1"), 0 },
		{ "POST " RECORDS "/batch {\"posts\":[" POST("b") "," POST("c") "]}", OK("{}"), 0 } }, DNS_OK, NULL, 0, NULL, NULL, NULL },
	{ "many, all there", { "+a", "+b" }, {
		{ ZONES, OK("[" ZONE("z.test") "]"), 0 },
		{ LIST("1"), PAGE(REC("1", "a") "," REC("2", "b"), "2"), 0 } }, DNS_OK, NULL, 0, NULL, NULL, NULL },
	{ "add and remove", { "+a", "-b", "+c" }, {
		{ ZONES, OK("[" ZONE("z.test") "]"), 0 },
		{ LIST("1"), PAGE(REC("9", "b"), "1"), 0 },
		{ "POST " RECORDS "/batch {\"deletes\":[{\"id\":\"9\"}]}", OK("{}"), 0 },
		{ "POST " RECORDS "/batch {\"posts\":[" POST("a") "," POST("c") "]}", OK("{}"), 0 } }, DNS_OK, NULL, 0, NULL, NULL, NULL },
	{ "duplicate in a batch: one by one", { "+a", "+b" }, {
		{ ZONES, OK("[" ZONE("z.test") "]"), 0 },
		{ LIST("1"), PAGE("", "0"), 0 },
		{ "POST " RECORDS "/batch {\"posts\":[" POST("a") "," POST("b") "]}", BAD("81058", "identical"), 400 } }, DNS_REFUSED, NULL, 0, NULL, NULL, NULL },
	{ "remove: the second page, without a count", { "-v" }, {
		{ ZONES, OK("[" ZONE("z.test") "]"), 0 },
		{ LIST("1"), OK("[" REC("1", "V") "]"), 0 },
		{ LIST("2"), OK("[" REC("2", "\\\"v\\\"") "]"), 0 },
		{ LIST("3"), OK("[]"), 0 },
		{ "DELETE " RECORDS "/2", OK("{\"id\":\"2\"}"), 0 } }, DNS_OK, NULL, 0, NULL, NULL, NULL },
	{ "remove: gone when it comes to it", { "-v" }, {
		{ ZONES, OK("[" ZONE("z.test") "]"), 0 },
		{ LIST("1"), PAGE(REC("1", "v"), "1"), 0 },
		{ "DELETE " RECORDS "/1", BAD("81044", "Record does not exist."), 404 } }, DNS_OK, NULL, 0, NULL, NULL, NULL },
	{ "remove: not listed at first", { "-v" }, {
		{ ZONES, OK("[" ZONE("z.test") "]"), 0 },
		{ LIST("1"), PAGE("", "0"), 0 }, { LIST("1"), PAGE(REC("0", "vv") "," REC("5", ""), "2"), 0 },
		{ LIST("1"), PAGE(REC("1", "v"), "1"), 0 },
		{ "DELETE " RECORDS "/1", OK("{}"), 0 } }, DNS_OK, NULL, 2, NULL, NULL, NULL },
	{ "remove: never listed is gone", { "-v" }, {
		{ ZONES, OK("[" ZONE("z.test") "]"), 0 },
		{ LIST("1"), PAGE("", "0"), 0 }, { LIST("1"), PAGE("", "0"), 0 },
		{ LIST("1"), PAGE("", "0"), 0 }, { LIST("1"), PAGE("", "0"), 0 } }, DNS_OK, NULL, 3, NULL, NULL, NULL },
	{ "validation error: the reason is in the chain", { "+v" }, {
		{ ZONES, OK("[" ZONE("z.test") "]"), 0 },
		{ "POST " RECORDS " " POST("v"), "{\"success\":false,\"errors\":[{\"code\":1004,\"message\":\"DNS Validation Error\",\"error_chain\":[{\"code\":9021,\"message\":\"Invalid TTL\"}]}]}", 400 } },
		DNS_REFUSED, "(\"Invalid TTL\", code 1004, HTTP 400)", 0, NULL, NULL, NULL },
	{ "unknown code, 403", { "+v" }, { { ZONES, BAD("4711", "no"), 403 } }, DNS_DENIED, "Zone:Zone:Read on z.test by api-token: the token lacks this right", 0, NULL, NULL, NULL },
	{ "unknown code, 401, zone-token", { "+v" }, { { ZONES, BAD("4711", "no"), 401 } }, DNS_DENIED, "by zone-token: the token is wrong", 0, NULL, READER, NULL },
	{ "1038", { "+v" }, {
		{ ZONES, OK("[" ZONE("z.test") "]"), 0 },
		{ "POST " RECORDS " " POST("v"), BAD("1038", "You cannot"), 403 } }, DNS_REFUSED, "docs/providers.md", 0, NULL, NULL, NULL },
	{ "429 as a page", { "+v" }, { { ZONES, "<html>", 429 } }, DNS_RATE_LIMITED, "too many requests", 0, NULL, NULL, NULL },
	{ "429 by code", { "+v" }, { { ZONES, BAD("10100", "More than"), 429 } }, DNS_RATE_LIMITED, "\"More than\", code 10100", 0, NULL, NULL, NULL },
	{ "502", { "+v" }, { { ZONES, "<html>", 502 } }, DNS_TEMPORARY, "HTTP 502 and 6 bytes", 0, NULL, NULL, NULL },
	{ "cut off", { "+v" }, { { ZONES, "{\"success\":tr", 0 } }, DNS_TEMPORARY, "no answer of its API", 0, NULL, NULL, NULL },
	{ "nothing at all", { "+v" }, { { ZONES, "", 0 } }, DNS_TEMPORARY, "0 bytes", 0, NULL, NULL, NULL },
	{ "failure without a reason", { "+v" }, { { ZONES, "{\"success\":false}", 400 } }, DNS_REFUSED, "\"no reason given\", code none, HTTP 400", 0, NULL, NULL, NULL },
	{ "token with a space", { "+v" }, { { NULL, NULL, 0 } }, DNS_BAD_OPTION, "api-token is empty, or has a space", 0, NULL, NULL, "abc def" },
	{ "token with Bearer", { "+v" }, { { NULL, NULL, 0 } }, DNS_BAD_OPTION, "one word", 0, NULL, NULL, "Bearer abc" },
	{ "token of spaces", { "+v" }, { { NULL, NULL, 0 } }, DNS_BAD_OPTION, "api-token is empty", 0, NULL, NULL, " \n" },
	{ "zone-token with a line break", { "+v" }, { { NULL, NULL, 0 } }, DNS_BAD_OPTION, "zone-token is empty, or", 0, NULL, "abc\ndef", NULL },
};
/* clang-format on */

static void run_row(const struct row *row)
{
	const char *const options[][2] = { { "api-token",
		                             row->token ? row->token : TOKEN },
		                           { "zone-token", row->zone_token },
		                           { "zone-id", row->zone_id },
		                           { NULL, NULL } };
	struct fake fake = { .exchanges = row->exchanges, .row = row->name };
	struct dns_change changes[CHANGES] = { { 0 } };
	struct plugin_host host;
	const struct dns_host *services = &host.host.services;
	enum dns_result result;
	size_t count = 0, expected = 0;

	plugin_host_init(&host, options);
	host.host.services.http = fake_http;
	host.host.services.pause = fake_pause;
	host.arg = &fake;
	for (; count < CHANGES && row->changes[count]; count++)
		changes[count] = (struct dns_change){
			.remove = row->changes[count][0] == '-',
			.record = { "z.test", NAME, row->changes[count] + 1, 1 },
			.result = DNS_TEMPORARY
		};
	if (count > 1)
		result = dns_provider_v1.change(services, changes, count);
	else if (changes[0].remove)
		result = dns_provider_v1.cleanup(services, &changes[0].record);
	else
		result = dns_provider_v1.present(services, &changes[0].record);
	while (expected < EXCHANGES && row->exchanges[expected].ask)
		expected++;
	CHECK(row->name, result == row->want);
	CHECK(row->name, fake.asked == expected);
	CHECK(row->name, fake.pauses == row->pauses);
	CHECK(row->name, !row->text || strstr(host.host.text, row->text));
	CHECK(row->name, !strstr(host.host.text, "0123456789"));
	for (size_t i = 0; i < count && count > 1 && result == DNS_OK; i++)
		CHECK(row->name, changes[i].result == DNS_OK);
}

static void test_exchanges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(&rows[i]);
	DONE();
}

/* A batch that fails half way says what is done: removals go first. */
static void test_half_done(void **state)
{
	static const struct exchange exchanges[EXCHANGES] = {
		{ LIST("1"), PAGE(REC("7", "b"), "1"), 0 },
		{ "POST " RECORDS "/batch {\"deletes\":[{\"id\":\"7\"}]}", OK("{}"), 0 },
		{ "POST " RECORDS "/batch {\"posts\":[" POST("a") "]}", "", 500 },
	};
	const char *const options[][2] = { { "api-token", TOKEN },
		                           { "zone-id", "id-of-z.test" },
		                           { NULL, NULL } };
	struct fake fake = { .exchanges = exchanges, .row = "half" };
	struct dns_change changes[] = { { 0, { "z.test", NAME, "a", 60 }, DNS_REFUSED },
		                        { 1, { "z.test", NAME, "b", 60 }, DNS_REFUSED } };
	struct plugin_host host;

	(void)state;
	plugin_host_init(&host, options);
	host.host.services.http = fake_http;
	host.arg = &fake;
	assert_int_equal(dns_provider_v1.change(&host.host.services, changes, 2),
	                 DNS_TEMPORARY);
	assert_int_equal(changes[0].result, DNS_REFUSED);
	assert_int_equal(changes[1].result, DNS_OK);
}

static void test_old_host(void **state)
{
	const char *const options[][2] = { { "api-token", TOKEN }, { NULL, NULL } };
	const struct dns_record record = { "z.test", NAME, "v", 60 };
	struct plugin_host host;

	(void)state;
	plugin_host_init(&host, options);
	host.host.services.size = offsetof(struct dns_host, pause);
	assert_int_equal(dns_provider_v1.present(&host.host.services, &record),
	                 DNS_REFUSED);
	assert_non_null(strstr(host.host.text, "older"));
	assert_int_equal(dns_provider_v1.requests_max, 1200);
	assert_int_equal(dns_provider_v1.requests_window_s, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchanges),
		cmocka_unit_test(test_half_done),
		cmocka_unit_test(test_old_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
