/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/key.h"

/*
 * The account at a CA: found in the store by the directory's URL, else made. Its key is
 * committed before the CA hears of it, so that a crash in between finds the same account
 * again (newAccount with a known key gives the existing one, RFC 8555 7.3). A CA that has
 * forgotten it (a test CA that was started anew) gets it registered again, with its key.
 */

enum { FAILURE_HOLDS_MS = 3000 };

static bool load_or_make_key(struct store *store, struct account *account,
                             const struct issue_ca *ca, struct key **out, struct err *err)
{
	AUTO_KEY struct key *key = NULL;
	const struct event event = { .name = "account.key", .text = "account key made" };

	if (account->key_id) {
		*out = store_key_load(store, account->key_id, err);
		return *out != NULL;
	}
	key = key_new(KEY_EC_256, err);
	if (!key || !store_begin(store, err))
		return false;
	bool kept = store_key_add(store, key, "account", &account->key_id, err) &&
	            store_account_save(store, account, &event, err);
	struct err end = { 0 };

	if (!store_end(store, kept, kept ? err : &end) || !kept)
		return false;
	log_info(NULL, "account.key", "%s: account key made", ca->name);
	*out = TAKE(key);
	return true;
}

static bool open_acme(struct ca_desk *desk, const struct account *account,
                      struct err *err)
{
	struct acme_settings settings = desk->settings->acme;

	settings.key = desk->key;
	desk->account_url = xstrdup(account->url);
	settings.account_url = desk->account_url;
	desk->acme = acme_new(&settings, err);
	return desk->acme != NULL;
}

static bool register_account(struct store *store, struct ca_desk *desk,
                             struct account *account, struct err *err)
{
	struct event event = { .name = "account.registered" };

	if (account->url)
		return true;
	if (!acme_account_register(desk->acme, &account->url, err))
		return false;
	free(account->eab_kid);
	account->eab_kid = xstrdup(desk->settings->acme.eab_kid);
	snprintf(event.text, sizeof(event.text), "%s: %.300s", desk->settings->name,
	         account->url);
	return store_account_save(store, account, &event, err);
}

/* Others may be using the desk: only the account's URL changes under them. */
static bool register_anew(struct store *store, struct ca_desk *desk, struct err *err)
{
	CLEANUP(account_deinit) struct account account = { 0 };
	bool found;

	if (!store_account_find(store, desk->settings->acme.directory, &account, &found,
	                        err))
		return false;
	free(TAKE(account.url));
	if (!register_account(store, desk, &account, err))
		return false;
	desk->is_lost = false;
	return true;
}

static bool open_desk(struct issue *issue, struct ca_desk *desk, struct err *err)
{
	CLEANUP(account_deinit) struct account account = { 0 };
	struct store *store = issue->settings.store;
	bool found;

	if (desk->account_id)
		return !desk->is_lost || register_anew(store, desk, err);
	issue_ca_close(desk);
	if (!store_account_find(store, desk->settings->acme.directory, &account, &found,
	                        err))
		return false;
	if (!found)
		account.directory = xstrdup(desk->settings->acme.directory);
	if (!load_or_make_key(store, &account, desk->settings, &desk->key, err) ||
	    !open_acme(desk, &account, err) ||
	    !register_account(store, desk, &account, err))
		return false;
	desk->account_id = account.id;
	return true;
}

/* When a CA does not answer, every order would wait for it in turn: what one has found
 * out holds for the others for a moment. */
static bool try_desk(struct issue *issue, struct ca_desk *desk, struct err *err)
{
	if ((!desk->account_id || desk->is_lost) && desk->failed_at_ms &&
	    clock_mono_ms() - desk->failed_at_ms < FAILURE_HOLDS_MS) {
		*err = desk->last;
		return false;
	}
	if (open_desk(issue, desk, err))
		return true;
	desk->last = *err;
	desk->failed_at_ms = clock_mono_ms();
	return false;
}

static struct ca_desk *find_desk(struct issue *issue, const char *name)
{
	for (size_t i = 0; i < issue->settings.ca_count; i++)
		if (str_eq(issue->cas[i].settings->name, name))
			return &issue->cas[i];
	return NULL;
}

struct ca_desk *issue_ca_open(struct issue *issue, const char *name, struct err *err)
{
	struct ca_desk *desk = find_desk(issue, name);
	bool is_open;

	if (!desk) {
		(void)err_set(err, ERR_CONFIG,
		              "the configuration has no CA '%s' any more", name);
		return NULL;
	}
	pthread_mutex_lock(&desk->lock);
	is_open = try_desk(issue, desk, err);
	pthread_mutex_unlock(&desk->lock);
	return is_open ? desk : NULL;
}

void issue_ca_lost(struct issue *issue, const char *name)
{
	struct ca_desk *desk = find_desk(issue, name);

	if (!desk)
		return;
	pthread_mutex_lock(&desk->lock);
	desk->is_lost = true;
	pthread_mutex_unlock(&desk->lock);
}

bool issue_ca_may_repeat(struct issue *issue, const struct order *order)
{
	struct ca_desk *desk = find_desk(issue, order->ca);
	AUTO_FREE char *place = xasprintf("%s/%s", order->certificate, order->host);
	bool may;

	if (!desk)
		return false;
	pthread_mutex_lock(&desk->lock);
	may = !strlist_has(&desk->repeated, place);
	if (may)
		strlist_add(&desk->repeated, place);
	pthread_mutex_unlock(&desk->lock);
	return may;
}

void issue_ca_close(struct ca_desk *desk)
{
	acme_free(TAKE(desk->acme));
	key_free(TAKE(desk->key));
	free(TAKE(desk->account_url));
	desk->account_id = 0;
}
