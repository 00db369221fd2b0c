/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_fixture - a fresh store in a directory of its own, and rows to put into it
 *
 * Texts in the rows made here are heap copies, as the store's own are. What goes wrong
 * while a row is made ends the test with the store's message.
 */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "crypto/seal.h"
#include "store/delivery.h"
#include "store/order.h"
#include "store/store.h"
#include "unit.h"

struct fixture {
	char directory[64];
	struct sealer *sealer;
	struct store *store;
	struct err err;
};

#define OK(fixture, call)                                                    \
	do {                                                                 \
		if (!(call))                                                 \
			fail_msg("%s:%d: %s: %s", __FILE__, __LINE__, #call, \
			         (fixture)->err.msg);                        \
	} while (0)

static inline struct sealer *fixture_sealer(unsigned char fill)
{
	unsigned char bytes[SEALING_KEY_LEN];
	struct err err = { 0 };

	memset(bytes, fill, sizeof(bytes));
	AUTO_SECRET struct secret *secret = secret_new(bytes, sizeof(bytes));
	struct sealer *sealer = sealer_new(secret, &err);

	if (!sealer)
		fail_msg("%s", err.msg);
	return sealer;
}

static inline void fixture_open(struct fixture *fixture)
{
	fixture->store = store_open(fixture->directory, fixture->sealer, &fixture->err);
	OK(fixture, fixture->store);
}

static inline void fixture_reopen(struct fixture *fixture)
{
	store_close(fixture->store);
	fixture_open(fixture);
}

static inline int fixture_setup(void **state)
{
	struct fixture *fixture = NEW(struct fixture);

	snprintf(fixture->directory, sizeof(fixture->directory),
	         "/tmp/certferry-store-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	fixture->sealer = fixture_sealer(7);
	fixture_open(fixture);
	*state = fixture;
	return 0;
}

static inline int fixture_remove_one(const char *path, const struct stat *st, int flag,
                                     struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	store_close(fixture->store);
	sealer_free(fixture->sealer);
	nftw(fixture->directory, fixture_remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(fixture);
	return 0;
}

#define STORE_TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

static inline int64_t fixture_key(struct fixture *fixture, const char *purpose)
{
	AUTO_KEY struct key *key = key_new(KEY_EC_256, &fixture->err);
	int64_t id = 0;

	OK(fixture, key);
	OK(fixture, store_key_add(fixture->store, key, purpose, &id, &fixture->err));
	return id;
}

static inline int64_t fixture_account(struct fixture *fixture, const char *directory)
{
	struct account account = {
		.directory = xstrdup(directory),
		.key_id = fixture_key(fixture, "account"),
		.url = xstrdup("https://ca.test/account/1"),
	};
	struct event event = { .name = "account.created", .text = "made" };
	int64_t id;

	OK(fixture, store_account_save(fixture->store, &account, &event, &fixture->err));
	id = account.id;
	account_deinit(&account);
	return id;
}

/* names: "a.test b.test", sorted. */
static inline void fixture_order_fill(struct order *order, const char *certificate,
                                      const char *host, const char *names)
{
	AUTO_FREE char *copy = xstrdup(names);
	char *next = NULL;

	*order = (struct order){
		.certificate = xstrdup(certificate),
		.host = xstrdup(host),
		.ca = xstrdup("ca"),
		.dns = xstrdup("dns"),
		.key_type = KEY_EC_256,
		.intent = xstrdup("intent"),
		.reason = xstrdup("missing"),
		.run_at_ms = 1,
	};
	for (char *item = copy; item; item = next) {
		next = strchr(item, ' ');
		if (next)
			*next++ = '\0';
		strlist_add(&order->names, item);
	}
}

static inline int64_t fixture_order(struct fixture *fixture, const char *certificate,
                                    const char *host, const char *names)
{
	AUTO_ORDER struct order order = { 0 };
	struct event event = { .name = "order.created", .text = "made" };

	fixture_order_fill(&order, certificate, host, names);
	OK(fixture, store_order_add(fixture->store, &order, &event, &fixture->err));
	return order.id;
}

/* Puts an order into a state without a claim, as the step before would have. */
static inline void fixture_order_state(struct fixture *fixture, const char *certificate,
                                       const char *host, enum order_state state,
                                       int64_t account_id)
{
	AUTO_ORDER struct order order = { 0 };
	struct event event = { .name = "order.moved", .text = "moved" };
	bool found;

	OK(fixture, store_order_newest(fixture->store, certificate, host, &order, &found,
	                               &fixture->err));
	assert_true(found);
	order.state = state;
	order.account_id = account_id;
	if (account_id && !order.url)
		order.url = xstrdup("https://ca.test/order/1");
	OK(fixture,
	   store_order_save(fixture->store, &order, false, &event, &fixture->err));
}

static inline int64_t fixture_certificate(struct fixture *fixture, int64_t order_id,
                                          const char *name, const char *host,
                                          unsigned char fill)
{
	AUTO_FREE char *serial = xasprintf("%02x", fill);
	struct certificate certificate = {
		.order_id = order_id,
		.key_id = fixture_key(fixture, "certificate"),
		.name = xstrdup(name),
		.host = xstrdup(host),
		.key_type = KEY_EC_256,
		.ca = xstrdup("ca"),
		.intent = xstrdup("intent"),
		.serial = xstrdup(serial),
		.issuer = xstrdup("Test CA"),
		.not_before = 1,
		.not_after = 100,
		.cert_pem = xstrdup("leaf\n"),
		.chain_pem = xstrdup("chain\n"),
	};
	struct event event = { .name = "certificate.issued", .text = "issued" };
	int64_t id;

	strlist_add(&certificate.names, "a.test");
	memset(certificate.sha256, fill, sizeof(certificate.sha256));
	OK(fixture,
	   store_certificate_add(fixture->store, &certificate, &event, &fixture->err));
	id = certificate.id;
	certificate_deinit(&certificate);
	return id;
}
#endif
