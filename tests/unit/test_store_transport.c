/* SPDX-License-Identifier: Apache-2.0 */
#include "store/transport.h"
#include "store_fixture.h"

static bool count_event(void *arg, const struct event *event, struct err *err)
{
	int *count = arg;

	(void)err;
	*count += str_eq(event->name, "host.transport");
	return true;
}

static void it_is_remembered(void **state)
{
	struct fixture *f = *state;
	struct host_transport row = { .name = "agent", .version = "0.1.0" }, got;
	int events = 0;
	bool found;

	OK(f, store_transport_find(f->store, "web-1", &got, &found, &f->err));
	CHECK("not asked yet", !found && !*got.name);
	OK(f, store_transport_save(f->store, "web-1", &row, &f->err));
	/* The same again is no news. */
	row.asked_at = 5;
	OK(f, store_transport_save(f->store, "web-1", &row, &f->err));
	fixture_reopen(f);
	OK(f, store_transport_find(f->store, "web-1", &got, &found, &f->err));
	CHECK("kept", found && str_eq(got.name, "agent") &&
	                  str_eq(got.version, "0.1.0") && got.asked_at == 5);
	row = (struct host_transport){ .name = "shell" };
	OK(f, store_transport_save(f->store, "web-1", &row, &f->err));
	OK(f, store_event_each(f->store, 0, 50, count_event, &events, &f->err));
	CHECK("an event for each change", events == 2);
	OK(f, store_transport_find(f->store, "web-2", &got, &found, &f->err));
	CHECK("another host", !found);
	row = (struct host_transport){ .name = "pigeon" };
	CHECK("no such way", !store_transport_save(f->store, "web-1", &row, &f->err));
	DONE();
}

/* The order keeps the request, and its certificate has no key here. */
static void a_key_on_the_server(void **state)
{
	struct fixture *f = *state;
	AUTO_ORDER struct order order = { 0 }, got = { 0 };
	AUTO_CERTIFICATE struct certificate back = { 0 };
	const struct event event = { .name = "order.created", .text = "made" };
	int64_t id = fixture_certificate(f, fixture_order(f, "mail", "web-1", "a.test"),
	                                 "mail", "web-1", 9);
	struct certificate bare = { 0 };
	bool found;

	fixture_order_fill(&order, "www", "web-1", "a.test");
	order.is_key_on_target = true;
	order.csr = (struct buf)BUF_INIT(100);
	buf_add(&order.csr, "\0DER\0", 5);
	OK(f, store_order_add(f->store, &order, &event, &f->err));
	fixture_reopen(f);
	OK(f, store_order_newest(f->store, "www", "web-1", &got, &found, &f->err));
	CHECK("the request", found && got.is_key_on_target && got.csr.len == 5 &&
	                         !memcmp(got.csr.data, "\0DER\0", 5) && !got.key_id);
	OK(f, store_certificate_load(f->store, id, &bare, &f->err));
	bare.order_id = order.id;
	bare.key_id = 0;
	bare.sha256[0] = 77;
	OK(f, store_certificate_add(f->store, &bare, &event, &f->err));
	OK(f, store_certificate_load(f->store, bare.id, &back, &f->err));
	CHECK("without a key", back.key_id == 0 && back.order_id == order.id);
	certificate_deinit(&bare);
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(it_is_remembered),
		STORE_TEST(a_key_on_the_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
