/* SPDX-License-Identifier: Apache-2.0 */
/* What the host's services do whoever the plugin is, without processes to wait for. */
#include "base/clock.h"
#include "plugin_host.h"
#include "unit.h"

/* However long a plugin would pause, a little of its time is left. What heeds no deadline
 * takes ten seconds. */
static void pause_ends_in_time(void **state)
{
	static const struct {
		const char *name;
		int left_ms, min_ms;
	} rows[] = { { "a near deadline", 1500, 900 }, { "one that has passed", -1, 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const int64_t start = clock_mono_ms();
		struct plugin_host host;
		int64_t took;

		plugin_host_init(&host, NULL);
		host.host.deadline_ms = clock_deadline_ms(rows[i].left_ms);
		host.host.services.pause(&host.host.services, 3600 * 1000);
		took = clock_mono_ms() - start;
		CHECK(rows[i].name, took >= rows[i].min_ms && took < 9500);
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pause_ends_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
