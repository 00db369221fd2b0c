/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin through a fake dns_host: what a person is told. */
#include <stdbool.h>
#include <string.h>

#include "certferry/dns_provider.h"
#include "unit.h"

extern const struct dns_provider dns_provider_v1;

static enum dns_result fake_fail(const struct dns_host *host, enum dns_result result,
                                 const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static enum dns_result fake_fail(const struct dns_host *host, enum dns_result result,
                                 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(host->ctx, 400, fmt, ap);
	va_end(ap);
	return result;
}

static const struct {
	const char *name;
	bool remove;
	const char *want;
} rows[] = {
	{ "present", false,
	  "add to zone example.org, beside what is there: "
	  "_acme-challenge.www.example.org. "
	  "60 IN TXT \"v-a_l\" (certferry pending shows all)" },
	{ "cleanup", true,
	  "remove from zone example.org: _acme-challenge.www.example.org. IN TXT "
	  "\"v-a_l\" "
	  "(certferry pending shows all)" },
};

static void test_texts(void **state)
{
	const struct dns_record record = { "example.org",
		                           "_acme-challenge.www.example.org", "v-a_l",
		                           60 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[400] = "";
		const struct dns_host host = { .size = sizeof(host),
			                       .ctx = text,
			                       .fail = fake_fail };
		enum dns_result result = rows[i].remove
		                             ? dns_provider_v1.cleanup(&host, &record)
		                             : dns_provider_v1.present(&host, &record);

		CHECK(rows[i].name, result == DNS_BY_HAND);
		CHECK(rows[i].name, strcmp(text, rows[i].want) == 0);
	}
	DONE();
}

/* `dns: {hand: {provider: manual}}` is the whole configuration. */
static void test_no_options(void **state)
{
	(void)state;
	assert_null(dns_provider_v1.options[0].name);
	assert_null(dns_provider_v1.change);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_no_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
