/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

bool cmd_check(const struct args *args, struct err *err)
{
	AUTO_SESSION struct session session = { 0 };
	const struct config *config;

	if (!session_config(&session, args, err) || !session_check(&session, err))
		return false;
	config = session.config;
	printf(
	    "%s is fine: %zu CA%s, %zu DNS provider%s, %zu host%s, %zu certificate%s\n",
	    config->file, config->ca_count, config->ca_count == 1 ? "" : "s",
	    config->dns_count, config->dns_count == 1 ? "" : "s", config->host_count,
	    config->host_count == 1 ? "" : "s", config->certificate_count,
	    config->certificate_count == 1 ? "" : "s");
	return true;
}
