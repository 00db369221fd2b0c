/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

static const struct event moved = { .name = "delivery.moved", .text = "moved" };

static void fill(struct delivery *delivery, const char *certificate, const char *host,
                 int64_t run_at_ms)
{
	*delivery = (struct delivery){
		.certificate = xstrdup(certificate),
		.host = xstrdup(host),
		.run_at_ms = run_at_ms,
	};
}

static void put(struct fixture *f, const char *certificate, const char *host,
                int64_t run_at_ms, int64_t wanted_id)
{
	AUTO_DELIVERY struct delivery delivery = { 0 };

	fill(&delivery, certificate, host, run_at_ms);
	delivery.wanted_id = wanted_id;
	delivery.state = wanted_id ? DELIVERY_PUSH : DELIVERY_DONE;
	OK(f, store_delivery_put(f->store, &delivery, &moved, &f->err));
}

static int64_t some_certificate(struct fixture *f)
{
	int64_t order = fixture_order(f, "www", "web-1", "a.test");

	return fixture_certificate(f, order, "www", "web-1", 9);
}

static void certificates_are_kept(void **state)
{
	struct fixture *f = *state;
	struct certificate got = { 0 }, again = { 0 };
	int64_t first = some_certificate(f), second, order;
	bool found;

	fixture_order_state(f, "www", "web-1", ORDER_DONE, 0);
	order = fixture_order(f, "www", "web-1", "a.test");
	second = fixture_certificate(f, order, "www", "web-1", 10);
	fixture_reopen(f);
	OK(f, store_certificate_load(f->store, first, &got, &f->err));
	CHECK("texts", str_eq(got.name, "www") && str_eq(got.host, "web-1") &&
	                   str_eq(got.ca, "ca") && str_eq(got.intent, "intent") &&
	                   str_eq(got.serial, "09") && str_eq(got.issuer, "Test CA") &&
	                   str_eq(got.cert_pem, "leaf\n") &&
	                   str_eq(got.chain_pem, "chain\n"));
	CHECK("numbers", got.id == first && got.not_before == 1 && got.not_after == 100 &&
	                     got.created_at > 0 && got.sha256[0] == 9 &&
	                     got.sha256[31] == 9 && got.key_type == KEY_EC_256);
	CHECK("names", got.names.len == 1 && str_eq(got.names.items[0], "a.test"));
	CHECK("none such", !store_certificate_load(f->store, 99, &again, &f->err) &&
	                       f->err.kind == ERR_NOT_FOUND);
	OK(f,
	   store_certificate_newest(f->store, "www", "web-1", &again, &found, &f->err));
	CHECK("the newest", found && again.id == second);
	got.order_id = order;
	got.id = 0;
	memset(got.sha256, 11, sizeof(got.sha256));
	CHECK("a key belongs to one",
	      !store_certificate_add(f->store, &got, &moved, &f->err) &&
	          f->err.kind == ERR_CONFLICT && got.id == 0);
	certificate_deinit(&got);
	certificate_deinit(&again);
	DONE();
}

static void whole_row_comes_back(void **state)
{
	struct fixture *f = *state;
	AUTO_DELIVERY struct delivery delivery = { 0 }, got = { 0 };
	AUTO_DELIVERY_LIST struct delivery_list list = { 0 };
	int64_t certificate = some_certificate(f);
	bool found;

	OK(f, store_delivery_find(f->store, "www", "web-1", &got, &found, &f->err));
	CHECK("none yet", !found);
	fill(&delivery, "www", "web-1", 5);
	delivery.wanted_id = delivery.installed_id = certificate;
	delivery.installed_at = 6;
	delivery.installed_setup = xstrdup("s0");
	delivery.reason = xstrdup("new");
	memset(delivery.served_sha256, 3, sizeof(delivery.served_sha256));
	delivery.served = xstrdup("the old one");
	delivery.served_at = 7;
	delivery.is_served = true;
	delivery.state = DELIVERY_VERIFY;
	delivery.attempts = 8;
	delivery.last = (struct err){ .kind = ERR_TEMPORARY, .msg = "down" };
	delivery.last_at = 9;
	OK(f, store_delivery_put(f->store, &delivery, &moved, &f->err));
	fixture_reopen(f);
	OK(f, store_delivery_find(f->store, "www", "web-1", &got, &found, &f->err));
	CHECK("ids", found && got.id == delivery.id && got.wanted_id == certificate &&
	                 got.installed_id == certificate);
	CHECK("texts", str_eq(got.installed_setup, "s0") && str_eq(got.reason, "new") &&
	                   str_eq(got.served, "the old one"));
	CHECK("numbers", got.installed_at == 6 && got.served_at == 7 && got.is_served &&
	                     got.attempts == 8 && got.last_at == 9 && got.run_at_ms == 5);
	CHECK("digest", got.served_sha256[0] == 3 && got.served_sha256[31] == 3);
	CHECK("state", got.state == DELIVERY_VERIFY);
	CHECK("last", got.last.kind == ERR_TEMPORARY && str_eq(got.last.msg, "down"));
	put(f, "www", "web-1", 50, certificate);
	put(f, "mail", "web-9", 50, 0);
	OK(f, store_delivery_list(f->store, &list, &f->err));
	CHECK("written over, and listed",
	      list.len == 2 && str_eq(list.items[0].certificate, "mail") &&
	          list.items[1].id == delivery.id && list.items[1].run_at_ms == 50);
	DONE();
}

/* "host:certificate,certificate" of what a claim at that time gives. */
static const char *claim(struct fixture *f, int64_t now_ms, struct delivery_list *list)
{
	static char text[200];
	size_t len = 0;
	bool names[26] = { false };

	OK(f, store_delivery_claim(f->store, now_ms, list, &f->err));
	snprintf(text, sizeof(text), "%s", list->len ? list->items[0].host : "none");
	for (size_t i = 0; i < list->len; i++)
		names[list->items[i].certificate[0] - 'a'] = true;
	len = strlen(text);
	for (int i = 0; i < 26; i++)
		if (names[i])
			len += (size_t)snprintf(text + len, sizeof(text) - len, " %c",
			                        'a' + i);
	return text;
}

static void a_claim_is_all_of_one_host(void **state)
{
	struct fixture *f = *state;
	AUTO_DELIVERY_LIST struct delivery_list two = { 0 }, one = { 0 }, none = { 0 };
	int64_t certificate = some_certificate(f), run_at_ms;
	bool any;

	put(f, "a", "one", 20, certificate);
	put(f, "b", "one", 30, certificate);
	put(f, "c", "two", 10, certificate);
	put(f, "d", "two", 90, certificate);
	put(f, "e", "two", 40, certificate);
	put(f, "f", "six", 1, 0);
	CHECK("due longest", str_eq(claim(f, 50, &two), "two c e"));
	OK(f, store_delivery_next(f->store, &run_at_ms, &any, &f->err));
	CHECK("next is of a free host", any && run_at_ms == 20);
	CHECK("then the other", str_eq(claim(f, 50, &one), "one a b"));
	CHECK("none of a host that is busy", str_eq(claim(f, 99, &none), "none"));
	OK(f, store_delivery_next(f->store, &run_at_ms, &any, &f->err));
	CHECK("nor is it next", !any);
	OK(f, store_delivery_save(f->store, &two.items[0], true, NULL, &f->err));
	delivery_list_deinit(&none);
	CHECK("one of two let go of", str_eq(claim(f, 99, &none), "none"));
	OK(f, store_delivery_save(f->store, &two.items[1], true, NULL, &f->err));
	delivery_list_deinit(&none);
	CHECK("both", str_eq(claim(f, 99, &none), "two c d e"));
	fixture_reopen(f);
	delivery_list_deinit(&none);
	CHECK("claims end with the process", str_eq(claim(f, 99, &none), "two c d e"));
	DONE();
}

/* The order's end puts a new certificate under a push that is under way. */
static void what_was_put_wins(void **state)
{
	struct fixture *f = *state;
	AUTO_DELIVERY_LIST struct delivery_list old = { 0 }, new = { 0 };
	AUTO_DELIVERY struct delivery seen = { 0 };
	int64_t certificate = some_certificate(f);
	bool found;

	put(f, "a", "one", 20, certificate);
	claim(f, 50, &old);
	OK(f, store_delivery_find(f->store, "a", "one", &seen, &found, &f->err));
	CHECK("one who only read it cannot save it",
	      !store_delivery_save(f->store, &seen, false, NULL, &f->err) &&
	          f->err.kind == ERR_CONFLICT);
	put(f, "a", "one", 30, certificate);
	CHECK("the host stays taken", str_eq(claim(f, 50, &new), "none"));
	old.items[0].state = DELIVERY_DONE;
	CHECK("the old one's save is refused",
	      !store_delivery_save(f->store, &old.items[0], true, &moved, &f->err) &&
	          f->err.kind == ERR_CONFLICT);
	delivery_list_deinit(&new);
	CHECK("but lets go", str_eq(claim(f, 50, &new), "one a"));
	CHECK("of what was put", new.len == 1 && new.items[0].run_at_ms == 30);
	OK(f, store_delivery_save(f->store, &new.items[0], true, &moved, &f->err));
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(certificates_are_kept),
		STORE_TEST(whole_row_comes_back),
		STORE_TEST(a_claim_is_all_of_one_host),
		STORE_TEST(what_was_put_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
