/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/mem.h"

struct ssh *deploy_connect(const struct deploy_settings *settings,
                           const struct deploy_host *host, const struct key *key,
                           struct err *err)
{
	AUTO_FREE struct host_key *known = xcalloc(HOST_KEYS_MAX, sizeof(*known));
	AUTO_FREE struct ssh_host_key *pins = xcalloc(HOST_KEYS_MAX, sizeof(*pins));
	size_t count = 0;

	if (!store_host_keys_load(settings->store, host->name, known, &count, err))
		return NULL;
	if (count == 0) {
		(void)err_set(err, ERR_CONFIG,
		              "%s: no host key is known, so nothing is sent: certferry "
		              "host enroll %s",
		              host->name, host->name);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		memcpy(pins[i].type, known[i].type, sizeof(pins[i].type));
		memcpy(pins[i].blob, known[i].blob, known[i].blob_len);
		pins[i].blob_len = known[i].blob_len;
	}
	const struct ssh_target target = {
		.worker = settings->worker,
		.name = host->name,
		.address = host->address,
		.port = host->port,
		.user = host->user,
		.user_key = key,
		.pins = pins,
		.pin_count = count,
		.connect_timeout_s = host->connect_timeout_s,
	};
	return ssh_open(&target, err);
}

struct ssh *visit_connect(struct visit *visit, struct err *err)
{
	return deploy_connect(&visit->deploy->settings, visit->host,
	                      visit->deploy->ssh_key, err);
}
