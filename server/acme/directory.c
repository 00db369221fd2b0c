/* SPDX-License-Identifier: Apache-2.0 */
#include "impl.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

void directory_deinit(struct directory *directory)
{
	free(directory->new_nonce);
	free(directory->new_account);
	free(directory->new_order);
	free(directory->terms);
	strlist_deinit(&directory->profiles);
	strlist_deinit(&directory->caa_identities);
	*directory = (struct directory){ 0 };
}

/* Every text that is only shown is made printable where it comes in. */
static char *printable_dup(const char *text)
{
	char shown[1200];

	return text ? xstrdup(str_printable(text, shown, sizeof(shown))) : NULL;
}

static bool read_profiles(const cJSON *meta, struct directory *out, struct err *err)
{
	const cJSON *profiles = cJSON_GetObjectItemCaseSensitive(meta, "profiles");
	const cJSON *item = NULL;

	if (!profiles || cJSON_IsNull(profiles))
		return true;
	if (!cJSON_IsObject(profiles))
		return err_set(err, ERR_REMOTE, "\"profiles\" is not an object");
	cJSON_ArrayForEach (item, profiles) {
		AUTO_FREE char *name = printable_dup(item->string);

		strlist_add(&out->profiles, name);
	}
	return true;
}

/* RFC 8555 7.1.1: an array of names. */
static bool read_identities(const cJSON *meta, struct directory *out, struct err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(meta, "caaIdentities");
	const cJSON *item = NULL;

	if (!list || cJSON_IsNull(list))
		return true;
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > ACME_ITEMS_MAX)
		return err_set(err, ERR_REMOTE,
		               "\"caaIdentities\" is not a list of names");
	cJSON_ArrayForEach (item, list) {
		AUTO_FREE char *name = printable_dup(cJSON_GetStringValue(item));

		if (!name)
			return err_set(err, ERR_REMOTE,
			               "\"caaIdentities\" is not a list of names");
		strlist_add(&out->caa_identities, name);
	}
	return true;
}

static bool read_meta(const cJSON *json, struct directory *out, struct err *err)
{
	const cJSON *meta = cJSON_GetObjectItemCaseSensitive(json, "meta");
	const char *terms = NULL;

	if (!meta || cJSON_IsNull(meta))
		return true;
	if (!cJSON_IsObject(meta))
		return err_set(err, ERR_REMOTE, "\"meta\" is not an object");
	if (!json_str_or(meta, "termsOfService", NULL, &terms, err) ||
	    !json_bool_or(meta, "externalAccountRequired", false, &out->wants_eab, err))
		return false;
	out->terms = printable_dup(terms);
	return read_profiles(meta, out, err) && read_identities(meta, out, err);
}

bool directory_parse(const char *origin, const char *text, size_t len,
                     struct directory *out, struct err *err)
{
	AUTO_JSON cJSON *json = NULL;

	return json_parse_object(text, len, &json, err) &&
	       json_url(json, origin, "newNonce", &out->new_nonce, err) &&
	       json_url(json, origin, "newAccount", &out->new_account, err) &&
	       json_url(json, origin, "newOrder", &out->new_order, err) &&
	       read_meta(json, out, err);
}

static bool fetch(struct acme *acme, struct err *err)
{
	AUTO_ACME_REQUEST struct acme_request request = { .op = ACME_OP_DIRECTORY,
		                                          .url = acme->directory_url };
	AUTO_DIRECTORY struct directory directory = { 0 };

	if (!acme_fetch(acme, &request, err))
		return false;
	if (!directory_parse(acme->directory_url, request.call.reply.data,
	                     request.call.reply.len, &directory, err))
		return acme_blame(acme, ACME_OP_DIRECTORY, err);
	acme->directory = directory;
	directory = (struct directory){ 0 };
	acme->directory_known = true;
	return true;
}

static bool fetch_once(struct acme *acme, int64_t since_ms, struct err *err)
{
	if (acme->directory_known)
		return true;
	/* Threads that waited for a try that failed share its error: 64 of them that
	 * try one after the other would wait an hour for a CA that is down. */
	if (acme->directory_failed_ms >= since_ms) {
		*err = acme->directory_err;
		return false;
	}
	if (fetch(acme, err))
		return true;
	acme->directory_failed_ms = clock_mono_ms();
	acme->directory_err = *err;
	return false;
}

bool acme_directory_get(struct acme *acme, const struct directory **out, struct err *err)
{
	int64_t since_ms = clock_mono_ms();
	bool known = false;

	pthread_mutex_lock(&acme->directory_lock);
	known = fetch_once(acme, since_ms, err);
	pthread_mutex_unlock(&acme->directory_lock);
	*out = &acme->directory;
	return known;
}

bool acme_caa_identities(struct acme *acme, struct strlist *out, struct err *err)
{
	const struct directory *directory;

	if (!acme_directory_get(acme, &directory, err))
		return false;
	for (size_t i = 0; i < directory->caa_identities.len; i++)
		strlist_add(out, directory->caa_identities.items[i]);
	return true;
}
