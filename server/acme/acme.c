/* SPDX-License-Identifier: Apache-2.0 */
#include "acme.h"

#include "base/mem.h"
#include "impl.h"

static struct acme *copy_settings(const struct acme_settings *settings)
{
	struct acme *acme = NEW(struct acme);

	acme->name = xstrdup(settings->name);
	acme->directory_url = xstrdup(settings->directory);
	if (settings->contact)
		strlist_copy(&acme->contact, settings->contact);
	acme->agree_to_terms = settings->agree_to_terms;
	acme->eab_kid = xstrdup(settings->eab_kid);
	if (settings->eab_key)
		acme->eab_key = secret_dup(settings->eab_key);
	acme->key = settings->key;
	acme->account_url = xstrdup(settings->account_url);
	nonces_init(&acme->nonces);
	pthread_mutex_init(&acme->directory_lock, NULL);
	pthread_mutex_init(&acme->account_lock, NULL);
	acme->directory_failed_ms = -1;
	return acme;
}

static bool check_settings(const struct acme_settings *settings, struct err *err)
{
	if (!http_same_origin(settings->directory, settings->directory))
		return err_set(err, ERR_CONFIG,
		               "%s: `directory` is not an https URL without user name",
		               settings->name);
	if (settings->account_url &&
	    !http_same_origin(settings->directory, settings->account_url))
		return err_set(err, ERR_CONFIG,
		               "%s: the account that is stored for this CA belongs to "
		               "another `directory`",
		               settings->name);
	return true;
}

struct acme *acme_new(const struct acme_settings *settings, struct err *err)
{
	const struct http_settings wire = {
		.ca_file = settings->ca_file,
		.user_agent = "certferry/" CERTFERRY_VERSION,
		.reply_max = ACME_JSON_MAX,
	};
	struct http *http = NULL;
	struct acme *acme = NULL;

	if (!check_settings(settings, err))
		return NULL;
	if (!(http = http_new(&wire, err))) {
		(void)err_context(err, "%s", settings->name);
		return NULL;
	}
	acme = copy_settings(settings);
	acme->http = http;
	return acme;
}

void acme_free(struct acme *acme)
{
	if (!acme)
		return;
	http_free(acme->http);
	nonces_deinit(&acme->nonces);
	directory_deinit(&acme->directory);
	pthread_mutex_destroy(&acme->directory_lock);
	pthread_mutex_destroy(&acme->account_lock);
	strlist_deinit(&acme->contact);
	secret_free(acme->eab_key);
	free(acme->eab_kid);
	free(acme->account_url);
	free(acme->directory_url);
	free(acme->name);
	free(acme);
}
