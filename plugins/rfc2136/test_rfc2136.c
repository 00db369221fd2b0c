/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin through a fake dns_host: which key it reads out of which text. */
#include <string.h>

#include "certferry/dns_provider.h"
#include "unit.h"

extern const struct dns_provider dns_provider_v1;

struct fake {
	const char *key, *name, *algorithm;
	char got[600]; /* "name algorithm secret zone count" */
	char text[300];
	enum dns_result answer;
};

static const char *fake_option(const struct dns_host *host, const char *name)
{
	const struct fake *fake = host->ctx;

	if (strcmp(name, "tsig-key") == 0)
		return fake->key;
	if (strcmp(name, "tsig-name") == 0)
		return fake->name;
	if (strcmp(name, "tsig-algorithm") == 0)
		return fake->algorithm;
	return strcmp(name, "server") == 0 ? "192.0.2.53" : NULL;
}

static enum dns_result fake_update(const struct dns_host *host,
                                   const struct dns_update *update)
{
	struct fake *fake = host->ctx;

	assert_string_equal(update->server, "192.0.2.53");
	snprintf(fake->got, sizeof(fake->got), "%s %s %s %s %zu", update->key_name,
	         update->key_algorithm, update->key_secret, update->zone, update->count);
	return fake->answer;
}

static enum dns_result fake_fail(const struct dns_host *host, enum dns_result result,
                                 const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static enum dns_result fake_fail(const struct dns_host *host, enum dns_result result,
                                 const char *fmt, ...)
{
	struct fake *fake = host->ctx;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fake->text, sizeof(fake->text), fmt, ap);
	va_end(ap);
	return result;
}

static struct dns_host make_host(struct fake *fake)
{
	return (struct dns_host){ .size = sizeof(struct dns_host),
		                  .ctx = fake,
		                  .option = fake_option,
		                  .fail = fake_fail,
		                  .update = fake_update };
}

#define BIND_FILE \
	"key \"k.example\" {\n\talgorithm hmac-sha512;\n\tsecret \"QUJD/+==\";\n};\n"
#define KNOT_FILE                                                                     \
	"# hmac-sha256:kq:Q0VF\nkey:\n- id: kq\n  algorithm: hmac-sha256\n  secret: " \
	"Q0VF\n"

/* want: what reaches update(), or NULL and a piece of the text */
static const struct {
	const char *name, *key, *tsig_name, *algorithm, *want, *text;
} rows[] = {
	{ "BIND file", BIND_FILE, NULL, NULL, "k.example hmac-sha512 QUJD/+== z 1",
	  NULL },
	{ "BIND file in a line", "key kq { algorithm hmac-sha256; secret QUJD; };", NULL,
	  NULL, "kq hmac-sha256 QUJD z 1", NULL },
	{ "BIND file with a comment", "// made by tsig-keygen\n" BIND_FILE, NULL, NULL,
	  "k.example hmac-sha512 QUJD/+== z 1", NULL },
	{ "Knot file", KNOT_FILE, NULL, NULL, "kq hmac-sha256 Q0VF z 1", NULL },
	{ "triple", "hmac-sha256:kq:Q0VF\n", NULL, NULL, "kq hmac-sha256 Q0VF z 1",
	  NULL },
	{ "alone", "Q0VF\n", "kq", NULL, "kq hmac-sha256 Q0VF z 1", NULL },
	{ "alone, sha512", "Q0VF", "kq", "hmac-sha512", "kq hmac-sha512 Q0VF z 1", NULL },
	{ "alone, no name", "Q0VF", NULL, NULL, NULL, "set tsig-name" },
	{ "empty", "", "kq", NULL, NULL, "cannot be read" },
	{ "BIND file without secret", "key kq { algorithm hmac-sha256; };", NULL, NULL,
	  NULL, "cannot be read" },
	{ "BIND file cut short", "key kq {", NULL, NULL, NULL, "cannot be read" },
	{ "two of three", "hmac-sha256:kq", NULL, NULL, NULL, "cannot be read" },
	{ "three, one empty", "hmac-sha256::Q0VF", NULL, NULL, NULL, "cannot be read" },
};

static void test_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake fake = { .key = rows[i].key,
			             .name = rows[i].tsig_name,
			             .algorithm = rows[i].algorithm };
		const struct dns_host host = make_host(&fake);
		const struct dns_record record = { "z", "_acme-challenge.z", "v", 60 };
		enum dns_result result = dns_provider_v1.present(&host, &record);

		CHECK(rows[i].name, result == (rows[i].want ? DNS_OK : DNS_BAD_OPTION));
		CHECK(rows[i].name, !rows[i].want || strcmp(fake.got, rows[i].want) == 0);
		CHECK(rows[i].name, !rows[i].text || strstr(fake.text, rows[i].text));
		CHECK(rows[i].name,
		      !strstr(fake.text, "Q0VF") && !strstr(fake.text, "QUJD"));
	}
	DONE();
}

/* An unknown key, when several names went at once, is for the host to look into. */
static void test_denied(void **state)
{
	struct fake fake = { .key = KNOT_FILE, .answer = DNS_DENIED };
	const struct dns_host host = make_host(&fake);
	struct dns_change changes[2] = { { 0, { "z", "a.z", "v", 60 }, DNS_TEMPORARY },
		                         { 1, { "z", "b.z", "w", 60 }, DNS_TEMPORARY } };

	(void)state;
	assert_int_equal(dns_provider_v1.change(&host, changes, 2), DNS_REFUSED);
	assert_string_equal(fake.got, "kq hmac-sha256 Q0VF z 2");
	assert_int_equal(dns_provider_v1.change(&host, changes, 1), DNS_DENIED);
	assert_int_equal(dns_provider_v1.cleanup(&host, &changes[1].record), DNS_DENIED);
}

static void test_old_host(void **state)
{
	struct fake fake = { .key = KNOT_FILE };
	struct dns_host host = make_host(&fake);
	const struct dns_record record = { "z", "_acme-challenge.z", "v", 60 };

	(void)state;
	host.size = offsetof(struct dns_host, update);
	assert_int_equal(dns_provider_v1.present(&host, &record), DNS_REFUSED);
	assert_non_null(strstr(fake.text, "older"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_old_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
