/* SPDX-License-Identifier: Apache-2.0 */
#include "impl.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "jose/jose.h"

/* What the CA would refuse anyway is refused here, before anything is sent. */
static bool check_allowed(const struct acme *acme, const struct directory *directory,
                          struct err *err)
{
	if (directory->terms && !acme->agree_to_terms)
		return err_set(
		    err, ERR_CONFIG,
		    "%s: the CA has terms of service: read %s and, if you agree, "
		    "set `agree-to-terms: true`",
		    acme->name, directory->terms);
	if (directory->wants_eab && (!acme->eab_kid || !acme->eab_key))
		return err_set(err, ERR_CONFIG,
		               "%s: the CA wants an external account: set `eab.kid` and "
		               "`eab.key` to what it gave you",
		               acme->name);
	return true;
}

static bool add_binding(const struct acme *acme, const struct directory *directory,
                        cJSON *payload, struct err *err)
{
	AUTO_FREE char *text = NULL;
	cJSON *binding = NULL;

	if (!acme->eab_kid || !acme->eab_key)
		return true;
	text = jws_external_binding(acme->key, acme->eab_kid, acme->eab_key,
	                            directory->new_account, err);
	if (!text || !(binding = json_parse(text, strlen(text), err)))
		return err_context(err, "%s: `eab`", acme->name);
	cJSON_AddItemToObject(payload, "externalAccountBinding", binding);
	return true;
}

static char *format_account(const struct acme *acme, const struct directory *directory,
                            struct err *err)
{
	AUTO_JSON cJSON *payload = cJSON_CreateObject();

	if (acme->agree_to_terms)
		cJSON_AddTrueToObject(payload, "termsOfServiceAgreed");
	if (acme->contact.len > 0) {
		cJSON *contact = cJSON_AddArrayToObject(payload, "contact");

		for (size_t i = 0; i < acme->contact.len; i++)
			cJSON_AddItemToArray(contact,
			                     cJSON_CreateString(acme->contact.items[i]));
	}
	return add_binding(acme, directory, payload, err) ? json_format(payload) : NULL;
}

bool account_parse(const char *text, size_t len, struct err *err)
{
	AUTO_JSON cJSON *json = NULL;
	const char *status = NULL;
	char shown[256];

	/* RFC 8555 wants "status"; there are CAs that leave it out of the reply. */
	if (!json_parse_object(text, len, &json, err) ||
	    !json_str_or(json, "status", "valid", &status, err))
		return false;
	if (!str_eq(status, "valid"))
		return err_set(err, ERR_DENIED, "the CA says that the account is '%s'",
		               str_printable(status, shown, sizeof(shown)));
	return true;
}

static bool read_account(struct acme *acme, const struct acme_request *request,
                         struct err *err)
{
	const char *url = request->call.got[ACME_GOT_LOCATION];

	if (!account_parse(request->call.reply.data, request->call.reply.len, err))
		return false;
	if (!url)
		return err_set(err, ERR_REMOTE, "no Location in the reply");
	if (!url_check(acme->directory_url, "Location", url, err))
		return false;
	pthread_mutex_lock(&acme->account_lock);
	free(acme->account_url);
	acme->account_url = xstrdup(url);
	pthread_mutex_unlock(&acme->account_lock);
	return true;
}

bool acme_account_register(struct acme *acme, char **url, struct err *err)
{
	const struct directory *directory = NULL;
	AUTO_ACME_REQUEST struct acme_request request = { .op = ACME_OP_ACCOUNT,
		                                          .by_key = true };
	AUTO_FREE char *payload = NULL;

	if (!acme_directory_get(acme, &directory, err) ||
	    !check_allowed(acme, directory, err) ||
	    !(payload = format_account(acme, directory, err)))
		return false;
	request.url = directory->new_account;
	request.payload = payload;
	if (!acme_post(acme, &request, err))
		return false;
	if (!read_account(acme, &request, err))
		return acme_blame(acme, request.op, err);
	*url = xstrdup(request.call.got[ACME_GOT_LOCATION]);
	return true;
}
