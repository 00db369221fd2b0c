/* SPDX-License-Identifier: Apache-2.0 */
#include "impl.h"

#include "base/mem.h"
#include "base/str.h"
#include "crypto/digest.h"

static const unsigned order_states = 1U << ACME_PENDING | 1U << ACME_READY |
                                     1U << ACME_PROCESSING | 1U << ACME_VALID |
                                     1U << ACME_INVALID;

void acme_order_deinit(struct acme_order *order)
{
	free(order->url);
	free(order->finalize);
	free(order->certificate);
	strlist_deinit(&order->identifiers);
	strlist_deinit(&order->authorizations);
	*order = (struct acme_order){ 0 };
}

static bool read_identifiers(const cJSON *json, struct strlist *out, struct err *err)
{
	const cJSON *list = NULL, *item = NULL;

	if (!json_array(json, "identifiers", &list, err))
		return false;
	if (cJSON_GetArraySize(list) > ACME_ITEMS_MAX)
		return err_set(err, ERR_REMOTE, "more than %d identifiers",
		               ACME_ITEMS_MAX);
	cJSON_ArrayForEach (item, list) {
		const char *name = NULL;

		if (!json_identifier(item, &name, err))
			return false;
		strlist_add(out, name);
	}
	strlist_sort(out);
	return true;
}

/* Another name in it, or one less, and a challenge or a certificate would be for what
 * nobody here asked for. */
static bool check_identifiers(const struct strlist *ours, const struct strlist *theirs,
                              struct err *err)
{
	bool same = ours->len == theirs->len;
	AUTO_BUF struct buf list = BUF_INIT(60 * 1024);

	for (size_t i = 0; same && i < ours->len; i++)
		same = str_eq(ours->items[i], theirs->items[i]);
	if (same)
		return true;
	strlist_join(theirs, ", ", &list);
	return err_set(err, ERR_REMOTE, "the order is for other names than ours: %.200s",
	               list.data);
}

static bool read_authorizations(const cJSON *json, const char *origin,
                                struct strlist *out, struct err *err)
{
	const cJSON *list = NULL, *item = NULL;

	if (!json_array(json, "authorizations", &list, err))
		return false;
	if (cJSON_GetArraySize(list) > ACME_ITEMS_MAX)
		return err_set(err, ERR_REMOTE, "more than %d authorizations",
		               ACME_ITEMS_MAX);
	cJSON_ArrayForEach (item, list) {
		if (!cJSON_IsString(item))
			return err_set(err, ERR_REMOTE, "an authorization is no string");
		if (!url_check(origin, "authorizations", item->valuestring, err))
			return false;
		strlist_add(out, item->valuestring);
	}
	return true;
}

static bool check_profile(const cJSON *json, const char *profile, struct err *err)
{
	const char *theirs = NULL;
	char shown[256];

	/* A CA hands out an older order of the same names if it has one. */
	if (!json_str_or(json, "profile", profile, &theirs, err))
		return false;
	if (profile && !str_eq(theirs, profile))
		return err_set(err, ERR_REMOTE, "the order has profile '%s', not ours",
		               str_printable(theirs, shown, sizeof(shown)));
	return true;
}

static bool read_urls(const cJSON *json, const char *origin, struct acme_order *out,
                      struct err *err)
{
	const char *certificate = NULL;

	if (!read_authorizations(json, origin, &out->authorizations, err) ||
	    !json_url(json, origin, "finalize", &out->finalize, err) ||
	    !json_str_or(json, "certificate", NULL, &certificate, err))
		return false;
	if (certificate && !json_url(json, origin, "certificate", &out->certificate, err))
		return false;
	if (out->status == ACME_VALID && !out->certificate)
		return err_set(err, ERR_REMOTE, "a valid order without certificate URL");
	return true;
}

bool order_parse(const struct order_wanted *wanted, const char *text, size_t len,
                 struct acme_order *out, struct err *err)
{
	AUTO_JSON cJSON *json = NULL;

	if (!json_parse_object(text, len, &json, err) ||
	    !json_status(json, order_states, &out->status, err) ||
	    !json_time(json, "expires", &out->expires, err) ||
	    !read_identifiers(json, &out->identifiers, err) ||
	    !check_identifiers(wanted->names, &out->identifiers, err) ||
	    !check_profile(json, wanted->profile, err) ||
	    !read_urls(json, wanted->origin, out, err))
		return false;
	problem_read(cJSON_GetObjectItemCaseSensitive(json, "error"), &out->problem);
	return true;
}

static bool read_order(const struct order_wanted *wanted,
                       const struct acme_request *request, const char *url,
                       struct acme_order *out, struct err *err)
{
	AUTO_ACME_ORDER struct acme_order order = { 0 };

	if (!url)
		return err_set(err, ERR_REMOTE, "no Location in the reply");
	if (!url_check(wanted->origin, "Location", url, err) ||
	    !order_parse(wanted, request->call.reply.data, request->call.reply.len,
	                 &order, err))
		return false;
	order.url = xstrdup(url);
	order.retry_after = acme_request_wait(request);
	*out = order;
	order = (struct acme_order){ 0 };
	return true;
}

static char *format_order(const struct strlist *names, const char *profile,
                          const char *replaces)
{
	AUTO_JSON cJSON *payload = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(payload, "identifiers");

	for (size_t i = 0; i < names->len; i++) {
		cJSON *identifier = cJSON_CreateObject();

		cJSON_AddStringToObject(identifier, "type", "dns");
		cJSON_AddStringToObject(identifier, "value", names->items[i]);
		cJSON_AddItemToArray(list, identifier);
	}
	if (profile)
		cJSON_AddStringToObject(payload, "profile", profile);
	if (replaces)
		cJSON_AddStringToObject(payload, "replaces", replaces);
	return json_format(payload);
}

static bool check_offered(const struct acme *acme, const struct directory *directory,
                          const char *profile, struct err *err)
{
	AUTO_BUF struct buf list = BUF_INIT(60 * 1024);

	if (!profile || strlist_has(&directory->profiles, profile))
		return true;
	strlist_join(&directory->profiles, ", ", &list);
	return err_set(err, ERR_CONFIG, "%s: the CA has no profile '%s'; it has: %.200s",
	               acme->name, profile, list.len ? list.data : "none");
}

bool acme_order_new(struct acme *acme, const struct strlist *names, const char *profile,
                    const char *replaces, struct acme_order *out, struct err *err)
{
	const struct order_wanted wanted = { .origin = acme->directory_url,
		                             .names = names,
		                             .profile = profile };
	const struct directory *directory = NULL;
	AUTO_ACME_REQUEST struct acme_request request = { .op = ACME_OP_ORDER_NEW };
	AUTO_FREE char *payload = format_order(names, profile, replaces);

	if (!acme_directory_get(acme, &directory, err) ||
	    !check_offered(acme, directory, profile, err))
		return false;
	request.url = directory->new_order;
	request.payload = payload;
	if (!acme_post(acme, &request, err))
		return false;
	if (!read_order(&wanted, &request, request.call.got[ACME_GOT_LOCATION], out, err))
		return acme_blame(acme, request.op, err);
	return true;
}

bool acme_order_get(struct acme *acme, const char *url, const struct strlist *names,
                    struct acme_order *out, struct err *err)
{
	const struct order_wanted wanted = { .origin = acme->directory_url,
		                             .names = names };
	AUTO_ACME_REQUEST struct acme_request request = { .op = ACME_OP_ORDER,
		                                          .url = url,
		                                          .payload = "" };

	if (!acme_post(acme, &request, err))
		return false;
	if (!read_order(&wanted, &request, url, out, err))
		return acme_blame(acme, request.op, err);
	return true;
}

bool acme_order_finalize(struct acme *acme, const char *finalize_url, const void *csr,
                         size_t csr_len, struct err *err)
{
	AUTO_ACME_REQUEST struct acme_request request = { .op = ACME_OP_FINALIZE,
		                                          .url = finalize_url };
	AUTO_JSON cJSON *json = cJSON_CreateObject();
	AUTO_BUF struct buf text = BUF_INIT(ACME_JSON_MAX);
	AUTO_FREE char *payload = NULL;

	base64url_add(&text, csr, csr_len);
	if (text.over)
		return err_set(err, ERR_INPUT, "a certificate request of %zu bytes",
		               csr_len);
	cJSON_AddStringToObject(json, "csr", text.data);
	payload = json_format(json);
	request.payload = payload;
	/* The reply is the order again; whoever comes next reads it with its checks. */
	return acme_post(acme, &request, err);
}

bool acme_certificate_get(struct acme *acme, const char *url, struct buf *pem,
                          struct err *err)
{
	AUTO_ACME_REQUEST struct acme_request request = { .op = ACME_OP_CERTIFICATE,
		                                          .url = url,
		                                          .payload = "" };

	if (!acme_post(acme, &request, err))
		return false;
	buf_add(pem, request.call.reply.data, request.call.reply.len);
	if (pem->over) {
		(void)err_set(err, ERR_REMOTE, "a chain of more than %zu bytes",
		              pem->max);
		return acme_blame(acme, request.op, err);
	}
	return true;
}
