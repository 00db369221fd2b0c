/* SPDX-License-Identifier: Apache-2.0 */
#include "impl.h"

#include <string.h>

#include "base/clock.h"
#include "base/dnsname.h"
#include "base/mem.h"
#include "base/str.h"

const char *const acme_status_names[] = {
	[ACME_PENDING] = "pending",       [ACME_READY] = "ready",
	[ACME_PROCESSING] = "processing", [ACME_VALID] = "valid",
	[ACME_INVALID] = "invalid",       [ACME_DEACTIVATED] = "deactivated",
	[ACME_EXPIRED] = "expired",       [ACME_REVOKED] = "revoked",
};
_Static_assert(ARRAY_SIZE(acme_status_names) == ACME_STATUS_COUNT, "a status has no row");

bool url_check(const char *origin, const char *what, const char *url, struct err *err)
{
	char shown[800];

	if (strnlen(url, ACME_URL_MAX + 1) <= ACME_URL_MAX &&
	    http_same_origin(origin, url))
		return true;
	return err_set(err, ERR_REMOTE,
	               "\"%s\" leads away from the CA (its own URLs alone are followed): "
	               "%s",
	               what, str_printable(url, shown, sizeof(shown)));
}

bool json_url(const cJSON *json, const char *origin, const char *name, char **out,
              struct err *err)
{
	const char *url = NULL;

	if (!json_str(json, name, &url, err) || !url_check(origin, name, url, err))
		return false;
	free(*out);
	*out = xstrdup(url);
	return true;
}

bool json_status(const cJSON *json, unsigned allowed, enum acme_status *out,
                 struct err *err)
{
	const char *text = NULL;
	char shown[256];

	if (!json_str(json, "status", &text, err))
		return false;
	for (unsigned i = 0; i < ACME_STATUS_COUNT; i++) {
		if (!(allowed & 1U << i) || !str_eq(text, acme_status_names[i]))
			continue;
		*out = (enum acme_status)i;
		return true;
	}
	return err_set(err, ERR_REMOTE, "\"status\" is '%s', which it cannot be",
	               str_printable(text, shown, sizeof(shown)));
}

bool json_time(const cJSON *json, const char *name, int64_t *out, struct err *err)
{
	const char *text = NULL;

	*out = 0;
	if (!json_str_or(json, name, NULL, &text, err))
		return false;
	if (text && !clock_parse_rfc3339(text, out))
		return err_set(err, ERR_REMOTE, "\"%s\" is not a time", name);
	return true;
}

bool json_identifier(const cJSON *identifier, const char **out, struct err *err)
{
	const char *type = NULL;
	struct err why = { 0 };
	char shown[400];

	if (!json_str(identifier, "type", &type, err) ||
	    !json_str(identifier, "value", out, err))
		return false;
	if (!str_eq(type, "dns"))
		return err_set(err, ERR_REMOTE, "an identifier of type '%s', not dns",
		               str_printable(type, shown, sizeof(shown)));
	if (!dnsname_check(*out, DNSNAME_WILDCARD | DNSNAME_ONE_LABEL, &why))
		return err_set(err, ERR_REMOTE, "an identifier that is not a name: %s",
		               str_printable(*out, shown, sizeof(shown)));
	return true;
}

bool json_parse_object(const char *text, size_t len, cJSON **out, struct err *err)
{
	if (len > ACME_JSON_MAX)
		return err_set(err, ERR_REMOTE, "a reply of more than %d bytes",
		               ACME_JSON_MAX);
	*out = json_parse(text, len, err);
	if (*out && !cJSON_IsObject(*out))
		return err_set(err, ERR_REMOTE, "the reply is not a JSON object");
	return *out != NULL;
}
