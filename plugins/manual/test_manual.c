/* SPDX-License-Identifier: Apache-2.0 */
/* What a person is told. */
#include <stdbool.h>
#include <string.h>

#include "plugin_host.h"
#include "unit.h"

extern const struct dns_provider dns_provider_v1;

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
		struct plugin_host host;
		const struct dns_host *services = &host.host.services;
		enum dns_result result;

		plugin_host_init(&host, NULL);
		result = rows[i].remove ? dns_provider_v1.cleanup(services, &record)
		                        : dns_provider_v1.present(services, &record);
		CHECK(rows[i].name, result == DNS_BY_HAND);
		CHECK(rows[i].name, strcmp(host.host.text, rows[i].want) == 0);
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
