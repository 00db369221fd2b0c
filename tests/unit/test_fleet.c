/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "unit.h"

#include "base/clock.h"
#include "fleet/fleet.h"
#include "store/run.h"
#include "store_fixture.h"

/* A configuration made by hand: one certificate on one host. */
struct world {
	struct config_ca ca;
	struct config_dns dns, spare;
	const struct config_dns *dnses[2];
	struct config_host host;
	const struct config_host *hosts[1];
	struct config_certificate certificate;
	struct config config;
	char *names[1];
	char *reload[1];
};

static char text_name[] = "www", text_host[] = "web-1", text_ca[] = "ca",
	    text_dns[] = "dns", text_spare[] = "spare";
static char text_directory[] = "https://ca.test/dir", text_address[] = "192.0.2.1";
static char text_dir[] = "/etc/ssl/www", text_root[] = "root", text_a[] = "a.test";
static char text_alias[] = "_acme-challenge.{name}.acme.test";
static char text_true[] = "true", text_file[] = "test.yaml";

static void make_world(struct world *w)
{
	*w = (struct world){ 0 };
	w->names[0] = text_a;
	w->reload[0] = text_true;
	w->ca = (struct config_ca){ .name = text_ca, .directory = text_directory };
	w->dns = (struct config_dns){ .name = text_dns };
	w->spare = (struct config_dns){ .name = text_spare };
	w->dnses[0] = &w->dns;
	w->dnses[1] = &w->spare;
	w->host = (struct config_host){ .name = text_host,
		                        .address = text_address,
		                        .port = 22 };
	w->hosts[0] = &w->host;
	w->certificate = (struct config_certificate){
		.name = text_name,
		.names = { w->names, 1 },
		.key = KEY_EC_256,
		.ca = &w->ca,
		.dns = &w->dns,
		.dnses = w->dnses,
		.dns_count = 1,
		.hosts = w->hosts,
		.host_count = 1,
		.install = { .directory = text_dir,
		             .owner = text_root,
		             .group = text_root,
		             .mode = 0600 },
		.reload = { w->reload, 1 },
	};
	w->config = (struct config){ .file = text_file,
		                     .hosts = &w->host,
		                     .host_count = 1,
		                     .certificates = &w->certificate,
		                     .certificate_count = 1 };
}

static void enroll(struct fixture *f)
{
	struct host_key key = { .type = "ssh-ed25519", .blob = "blob", .blob_len = 4 };
	const struct event event = { .name = "host.enrolled", .host = text_host };

	OK(f, store_host_keys_replace(f->store, text_host, &key, 1, &event, &f->err));
}

/* What came of the order: a certificate of that age, wanted as the world wants it now. */
static int64_t issue_for(struct fixture *f, const struct world *w, int64_t order_id,
                         int64_t age_s, int64_t life_s)
{
	AUTO_CERTIFICATE struct certificate row = { 0 };
	const struct event event = { .name = "certificate.issued" };
	static unsigned char fill;

	row.order_id = order_id;
	if (w->certificate.key_on != KEY_ON_TARGET)
		row.key_id = fixture_key(f, "certificate");
	row.name = xstrdup(text_name);
	row.host = xstrdup(text_host);
	row.ca = xstrdup(text_ca);
	row.intent = fleet_intent(&w->certificate, &w->host);
	row.serial = xstrdup("01");
	row.issuer = xstrdup("Test");
	row.not_before = row.created_at = clock_now() - age_s;
	row.not_after = row.not_before + life_s;
	row.cert_pem = xstrdup("leaf\n");
	row.chain_pem = xstrdup("");
	row.sha256[0] = ++fill;
	strlist_add(&row.names, "a.test");
	OK(f, store_certificate_add(f->store, &row, &event, &f->err));

	/* The order that it came from knows it. */
	AUTO_ORDER struct order order = { 0 };
	bool found;

	OK(f,
	   store_order_newest(f->store, text_name, text_host, &order, &found, &f->err));
	order.certificate_id = row.id;
	OK(f, store_order_save(f->store, &order, false, &event, &f->err));
	return row.id;
}

static int64_t issue(struct fixture *f, const struct world *w, int64_t age_s,
                     int64_t life_s)
{
	const int64_t order_id = fixture_order(f, text_name, text_host, "a.test");

	fixture_order_state(f, text_name, text_host, ORDER_DONE, 0);
	return issue_for(f, w, order_id, age_s, life_s);
}

static void deliver(struct fixture *f, const struct world *w, int64_t id)
{
	AUTO_DELIVERY struct delivery row = {
		.certificate = xstrdup(text_name),
		.host = xstrdup(text_host),
		.wanted_id = id,
		.installed_id = id,
		.installed_setup = fleet_setup(&w->certificate, &w->host),
		.state = DELIVERY_DONE,
	};

	OK(f, store_delivery_put(f->store, &row, NULL, &f->err));
}

static struct fleet_item plan_one(struct fixture *f, const struct world *w,
                                  const char *force)
{
	AUTO_FLEET_PLAN struct fleet_plan plan = { 0 };
	AUTO_STRLIST struct strlist only = { 0 }, forced = { 0 };
	const struct fleet_wish wish = { &only, &forced };

	if (force)
		strlist_add(&forced, force);
	OK(f, fleet_plan(&w->config, f->store, &wish, &plan, &f->err));
	assert_int_equal(plan.count, 1);
	return plan.items[0];
}

enum { DAY = 86400 };

static void change_nothing(struct world *w)
{
	(void)w;
}
static void change_key(struct world *w)
{
	w->certificate.key = KEY_RSA_2048;
}
static void change_ca(struct world *w)
{
	static char other[] = "https://other.test/dir";

	w->ca.directory = other;
}
static void change_directory(struct world *w)
{
	static char other[] = "/srv/tls";

	w->certificate.install.directory = other;
}
static void change_address(struct world *w)
{
	static char other[] = "192.0.2.9";

	w->host.address = other;
}
static void change_reload(struct world *w)
{
	static char other[] = "/bin/reload";

	w->reload[0] = other;
}
static void set_renew_after(struct world *w)
{
	w->certificate.renew_after_s = 30 * DAY;
}

static const struct {
	const char *name;
	bool is_enrolled, is_issued, is_delivered;
	int age_days, life_days;
	const char *force;
	void (*change)(struct world *w);
	enum fleet_action want;
	const char *reason;
} places[] = {
	{ "not enrolled", false, false, false, 0, 0, NULL, change_nothing, FLEET_BLOCKED,
	  "host enroll web-1" },
	{ "missing", true, false, false, 0, 0, NULL, change_nothing, FLEET_ISSUE,
	  "missing" },
	{ "not installed", true, true, false, 1, 90, NULL, change_nothing, FLEET_DELIVER,
	  "not installed" },
	{ "all is well", true, true, true, 1, 90, NULL, change_nothing, FLEET_VERIFY,
	  "still" },
	{ "just before two thirds", true, true, true, 59, 90, NULL, change_nothing,
	  FLEET_VERIFY, "still" },
	{ "two thirds", true, true, true, 60, 90, NULL, change_nothing, FLEET_ISSUE,
	  "two thirds" },
	{ "short: before half", true, true, true, 2, 6, NULL, change_nothing,
	  FLEET_VERIFY, "still" },
	{ "short: half", true, true, true, 3, 6, NULL, change_nothing, FLEET_ISSUE,
	  "half" },
	{ "ten days are not short", true, true, true, 5, 10, NULL, change_nothing,
	  FLEET_VERIFY, "still" },
	{ "renew-after not yet", true, true, true, 29, 90, NULL, set_renew_after,
	  FLEET_VERIFY, "still" },
	{ "renew-after", true, true, true, 30, 90, NULL, set_renew_after, FLEET_ISSUE,
	  "renew-after" },
	{ "forced", true, true, true, 1, 90, "www", change_nothing, FLEET_ISSUE,
	  "forced" },
	{ "forced by place", true, true, true, 1, 90, "www/web-1", change_nothing,
	  FLEET_ISSUE, "forced" },
	{ "another key type", true, true, true, 1, 90, NULL, change_key, FLEET_ISSUE,
	  "changed in the configuration" },
	{ "another CA", true, true, true, 1, 90, NULL, change_ca, FLEET_ISSUE,
	  "changed in the configuration" },
	{ "another directory", true, true, true, 1, 90, NULL, change_directory,
	  FLEET_DELIVER, "where or how" },
	{ "another address", true, true, true, 1, 90, NULL, change_address, FLEET_DELIVER,
	  "where or how" },
	{ "another reload", true, true, true, 1, 90, NULL, change_reload, FLEET_DELIVER,
	  "where or how" },
};

static void what_is_due(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		void *one = NULL;
		struct world w;
		struct fleet_item item;
		int64_t id = 0;

		assert_int_equal(fixture_setup(&one), 0);
		make_world(&w);
		if (places[i].is_enrolled)
			enroll(one);
		if (places[i].is_issued)
			id = issue(one, &w, places[i].age_days * (int64_t)DAY,
			           places[i].life_days * (int64_t)DAY);
		if (places[i].is_delivered)
			deliver(one, &w, id);
		places[i].change(&w);
		item = plan_one(one, &w, places[i].force);
		CHECK(places[i].name, item.action == places[i].want);
		CHECK(places[i].name, strstr(item.reason, places[i].reason));
		fixture_teardown(&one);
	}
	DONE();
}

/* An order that ended without a certificate, with this code of the CA. */
static void end_order(struct fixture *f, const struct world *w, const char *code,
                      int64_t ago_s)
{
	AUTO_ORDER struct order order = { 0 };
	const struct event event = { .name = "order.failed" };

	fixture_order_fill(&order, text_name, text_host, "a.test");
	free(order.intent);
	order.intent = fleet_intent(&w->certificate, &w->host);
	OK(f, store_order_add(f->store, &order, &event, &f->err));
	order.state = ORDER_DONE;
	order.last_at = clock_now() - ago_s;
	order.last.kind = ERR_REMOTE;
	snprintf(order.last.code, sizeof(order.last.code), "%s", code);
	snprintf(order.last.msg, sizeof(order.last.msg), "no TXT record");
	OK(f, store_order_save(f->store, &order, false, &event, &f->err));
}

static const struct {
	const char *name;
	const char *code;
	int refusals;
	int64_t ago_s;
	enum fleet_action want;
	int64_t wait_s; /* from the refusal */
} refusals[] = {
	{ "not the CA's doing", "", 1, 0, FLEET_ISSUE, 0 },
	{ "refused just now", "unauthorized", 1, 0, FLEET_WAIT, 60 },
	{ "a minute ago", "unauthorized", 1, 61, FLEET_ISSUE, 0 },
	{ "refused twice", "unauthorized", 2, 61, FLEET_WAIT, 600 },
	{ "refused three times", "caa", 3, 601, FLEET_WAIT, 6000 },
	{ "refused for ever", "caa", 9, 6001, FLEET_WAIT, 86400 },
};

static void refusals_are_not_repeated_at_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		void *one = NULL;
		struct world w;
		struct fleet_item item;
		int64_t before = 0, after;

		assert_int_equal(fixture_setup(&one), 0);
		make_world(&w);
		enroll(one);
		for (int k = 0; k < refusals[i].refusals; k++) {
			before = clock_now() - refusals[i].ago_s;
			end_order(one, &w, refusals[i].code, refusals[i].ago_s);
		}
		after = clock_now() - refusals[i].ago_s;
		item = plan_one(one, &w, NULL);
		CHECK(refusals[i].name, item.action == refusals[i].want);
		if (item.action == FLEET_WAIT)
			CHECK(refusals[i].name,
			      item.until >= before + refusals[i].wait_s &&
			          item.until <= after + refusals[i].wait_s);
		item = plan_one(one, &w, "www");
		CHECK(refusals[i].name, item.action == FLEET_ISSUE);
		change_key(&w);
		item = plan_one(one, &w, NULL);
		CHECK(refusals[i].name, item.action == FLEET_ISSUE);
		fixture_teardown(&one);
	}
	DONE();
}

/* An order under way, for what this world wants. */
static void begin_order(struct fixture *f, const struct world *w, enum order_state state,
                        int attempts)
{
	AUTO_ORDER struct order order = { 0 };
	const struct event event = { .name = "order.planned" };
	int64_t account = fixture_account(f, "https://ca.test/dir");

	fixture_order_fill(&order, text_name, text_host, "a.test");
	free(order.intent);
	order.intent = fleet_intent(&w->certificate, &w->host);
	order.account_id = account;
	order.url = xstrdup("https://ca.test/order/7");
	order.state = state;
	order.attempts = attempts;
	order.run_at_ms = clock_now_ms() + 3600 * 1000;
	if (attempts)
		(void)err_set(&order.last, ERR_TEMPORARY, "later");
	OK(f, store_order_add(f->store, &order, &event, &f->err));
}

static void change_dns(struct world *w)
{
	static char other[] = "other";

	w->dns.name = other;
}

static void add_spare(struct world *w)
{
	w->certificate.dns_count = 2;
}
static void add_alias(struct world *w)
{
	w->certificate.challenge_alias = text_alias;
}

static const struct {
	const char *name;
	enum order_state state;
	int attempts;
	void (*change)(struct world *w);
	enum fleet_action want;
	bool gives_up;
} open_orders[] = {
	{ "goes on", ORDER_SPREAD, 0, change_nothing, FLEET_GO_ON, false },
	{ "goes on after a failure", ORDER_SPREAD, 2, change_nothing, FLEET_GO_ON,
	  false },
	{ "another key type", ORDER_SPREAD, 0, change_key, FLEET_ISSUE, true },
	{ "another CA, not begun", ORDER_WAIT, 0, change_ca, FLEET_ISSUE, true },
	{ "another key type, at the end", ORDER_COLLECT, 0, change_key, FLEET_ISSUE,
	  true },
	{ "another DNS entry", ORDER_PUBLISH, 3, change_dns, FLEET_ISSUE, true },
	{ "another DNS entry, proved", ORDER_FINALIZE, 0, change_dns, FLEET_GO_ON,
	  false },
	{ "a DNS entry more", ORDER_SPREAD, 0, add_spare, FLEET_ISSUE, true },
	{ "a DNS entry more, proved", ORDER_COLLECT, 0, add_spare, FLEET_GO_ON, false },
	{ "an alias", ORDER_SPREAD, 0, add_alias, FLEET_ISSUE, true },
	{ "an alias, proved", ORDER_FINALIZE, 0, add_alias, FLEET_GO_ON, false },
	{ "tidying keeps nobody waiting", ORDER_TIDY, 4, change_nothing, FLEET_ISSUE,
	  false },
};

static void orders_go_on_while_they_are_wanted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(open_orders); i++) {
		void *one = NULL;
		struct world w;
		struct fleet_item item;

		assert_int_equal(fixture_setup(&one), 0);
		make_world(&w);
		enroll(one);
		begin_order(one, &w, open_orders[i].state, open_orders[i].attempts);
		open_orders[i].change(&w);
		item = plan_one(one, &w, NULL);
		CHECK(open_orders[i].name, item.action == open_orders[i].want);
		CHECK(open_orders[i].name,
		      (item.stale_id != 0) == open_orders[i].gives_up);
		fixture_teardown(&one);
	}
	DONE();
}

static void plan_all(struct fixture *f, const struct world *w, struct fleet_plan *plan)
{
	AUTO_STRLIST struct strlist none = { 0 };
	const struct fleet_wish wish = { &none, &none };

	OK(f, fleet_plan(&w->config, f->store, &wish, plan, &f->err));
}

/* The old order is tidied up at once, and the new one begins in the same run. */
static void what_was_changed_is_begun_anew(void **state)
{
	struct fixture *f = *state;
	AUTO_FLEET_PLAN struct fleet_plan plan = { 0 };
	AUTO_ORDER struct order old = { 0 }, new = { 0 };
	struct world w;
	bool found;

	make_world(&w);
	enroll(f);
	begin_order(f, &w, ORDER_SPREAD, 0);
	change_key(&w);
	plan_all(f, &w, &plan);
	OK(f, fleet_adopt(&plan, f->store, &f->err));
	OK(f, store_order_claim(f->store, clock_now_ms(), &old, &found, &f->err));
	assert_true(found);
	assert_int_equal(old.state, ORDER_TIDY);
	OK(f, store_order_claim(f->store, clock_now_ms(), &new, &found, &f->err));
	assert_true(found);
	assert_int_equal(new.state, ORDER_WAIT);
	assert_int_equal(new.key_type, KEY_RSA_2048);
}

/* Changed, and changed back before it was done: what is there is right again. */
static void what_was_changed_back_is_given_up(void **state)
{
	struct fixture *f = *state;
	AUTO_FLEET_PLAN struct fleet_plan plan = { 0 };
	AUTO_ORDER struct order old = { 0 };
	struct world w;
	bool found;

	make_world(&w);
	enroll(f);
	deliver(f, &w, issue(f, &w, DAY, 90 * DAY));
	change_key(&w);
	begin_order(f, &w, ORDER_SPREAD, 0);
	w.certificate.key = KEY_EC_256;
	plan_all(f, &w, &plan);
	assert_int_equal(plan.count, 1);
	assert_int_equal(plan.items[0].action, FLEET_VERIFY);
	OK(f, fleet_adopt(&plan, f->store, &f->err));
	OK(f, store_order_newest(f->store, text_name, text_host, &old, &found, &f->err));
	assert_int_equal(old.state, ORDER_TIDY);
}

static const struct {
	const char *name;
	int life_days;
	void (*change)(struct world *w);
	size_t count;
	enum fleet_action second;
} renewals[] = {
	{ "it is looked at", 90, change_nothing, 2, FLEET_VERIFY },
	{ "it is installed where it is wanted", 90, change_directory, 2, FLEET_DELIVER },
	{ "but not when it is over", 60, change_nothing, 1, FLEET_ACTION_COUNT },
};

/* The CA refuses the next one: the one that is there is still cared for. */
static void a_renewal_that_waits_hides_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(renewals); i++) {
		AUTO_FLEET_PLAN struct fleet_plan plan = { 0 };
		void *one = NULL;
		struct world w;

		assert_int_equal(fixture_setup(&one), 0);
		make_world(&w);
		enroll(one);
		deliver(one, &w,
		        issue(one, &w, 70 * DAY, renewals[i].life_days * (int64_t)DAY));
		end_order(one, &w, "caa", 0);
		renewals[i].change(&w);
		plan_all(one, &w, &plan);
		CHECK(renewals[i].name, plan.count == renewals[i].count);
		CHECK(renewals[i].name, plan.items[0].action == FLEET_WAIT);
		CHECK(renewals[i].name,
		      plan.count < 2 || plan.items[1].action == renewals[i].second);
		CHECK(renewals[i].name,
		      plan.count < 2 || fleet_same_place(&plan.items[0], &plan.items[1]));
		fixture_teardown(&one);
	}
	DONE();
}

/* ... and so is one whose successor waits for a person, for days perhaps. */
static void a_renewal_that_waits_for_a_person_hides_nothing(void **state)
{
	struct fixture *f = *state;
	AUTO_FLEET_PLAN struct fleet_plan plan = { 0 };
	AUTO_ORDER struct order order = { 0 };
	const struct event event = { .name = "order.spread" };
	struct world w;
	bool found;

	make_world(&w);
	enroll(f);
	deliver(f, &w, issue(f, &w, 70 * DAY, 90 * DAY));
	begin_order(f, &w, ORDER_SPREAD, 0);
	OK(f,
	   store_order_newest(f->store, text_name, text_host, &order, &found, &f->err));
	order.waits_for = xstrdup("set 1 record: certferry pending");
	OK(f, store_order_save(f->store, &order, false, &event, &f->err));
	plan_all(f, &w, &plan);
	assert_int_equal(plan.count, 2);
	assert_int_equal(plan.items[0].action, FLEET_GO_ON);
	assert_string_equal(plan.items[0].reason, order.waits_for);
	assert_int_equal(plan.items[1].action, FLEET_VERIFY);
}

/* What a check keeps back: nothing is issued, and what is there is cared for. */
static const struct {
	const char *row;
	int age_days; /* of 90; 0: nothing was issued */
	bool is_delivered;
	size_t items;
	enum fleet_action second;
} kept_back_rows[] = {
	{ "nothing there", 0, false, 1, FLEET_BLOCKED },
	{ "installed", 80, true, 2, FLEET_VERIFY },
	{ "issued, not installed", 80, false, 2, FLEET_DELIVER },
	{ "expired", 91, true, 1, FLEET_BLOCKED },
};

static void what_is_kept_back_hides_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kept_back_rows); i++) {
		AUTO_FLEET_PLAN struct fleet_plan plan = { 0 };
		void *one = NULL;
		struct world w;

		assert_int_equal(fixture_setup(&one), 0);
		make_world(&w);
		enroll(one);
		if (kept_back_rows[i].age_days) {
			int64_t id = issue(one, &w,
			                   kept_back_rows[i].age_days * (int64_t)DAY,
			                   90 * (int64_t)DAY);

			if (kept_back_rows[i].is_delivered)
				deliver(one, &w, id);
		}
		plan_all(one, &w, &plan);
		CHECK(kept_back_rows[i].row, plan.items[0].action == FLEET_ISSUE);
		fleet_block(&plan, 0, "no way", false);
		CHECK(kept_back_rows[i].row, plan.count == kept_back_rows[i].items);
		CHECK(kept_back_rows[i].row, plan.items[0].action == FLEET_BLOCKED);
		CHECK(kept_back_rows[i].row, plan.items[0].is_kept_back);
		CHECK(kept_back_rows[i].row, strcmp(plan.items[0].reason, "no way") == 0);
		if (plan.count > 1) {
			CHECK(kept_back_rows[i].row,
			      plan.items[1].action == kept_back_rows[i].second);
			CHECK(kept_back_rows[i].row, plan.items[1].wanted_id != 0);
			CHECK(kept_back_rows[i].row,
			      fleet_same_place(&plan.items[0], &plan.items[1]));
		}
		fixture_teardown(&one);
	}
	DONE();
}

static char text_b[] = "b.test", text_wild[] = "*.a.test", text_one[] = "x.acme.test";
static char *two_names[] = { text_a, text_b }, *one_base[] = { text_a, text_wild };

static const struct {
	const char *name;
	char **names;
	char *alias, *unique_name;
	const char *warning; /* NULL: none */
} aliases[] = {
	{ "none", two_names, NULL, NULL, NULL },
	{ "one for all", two_names, text_one, NULL,
	  "www: challenge-alias x.acme.test holds the records of 2 names" },
	{ "a wildcard and its base", one_base, text_one, NULL, NULL },
	{ "a unique name", one_base, text_one, text_b, "of 2 names" },
	{ "each its own", two_names, text_alias, NULL, NULL },
};

/* The server says that it has no key for the newest one. */
static void lose_key(struct fixture *f, int64_t id, const char *code)
{
	AUTO_DELIVERY struct delivery row = { .certificate = xstrdup(text_name),
		                              .host = xstrdup(text_host),
		                              .wanted_id = id,
		                              .installed_id = id,
		                              .state = DELIVERY_PUSH,
		                              .attempts = 1 };

	(void)err_set(&row.last, ERR_TEMPORARY, "gone");
	snprintf(row.last.code, sizeof(row.last.code), "%s", code);
	OK(f, store_delivery_put(f->store, &row, NULL, &f->err));
}

static int64_t newest_order(struct fixture *f)
{
	AUTO_ORDER struct order order = { 0 };
	bool found;

	OK(f,
	   store_order_newest(f->store, text_name, text_host, &order, &found, &f->err));
	return order.id;
}

static const struct {
	const char *name;
	enum config_key_on key_on;
	const char *code;
	bool is_ordered;
} loss_rows[] = {
	{ "lost", KEY_ON_TARGET, DELIVERY_NO_KEY, true },
	{ "another trouble", KEY_ON_TARGET, "login", false },
	{ "a key of ours", KEY_ON_ISSUER, DELIVERY_NO_KEY, false },
};

static void a_lost_key_is_a_new_certificate(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(loss_rows); i++) {
		void *one = NULL;
		struct fixture *f;
		struct world w;

		assert_int_equal(fixture_setup(&one), 0);
		f = one;
		make_world(&w);
		enroll(f);
		w.certificate.key_on = loss_rows[i].key_on;
		lose_key(f, issue(f, &w, DAY, 90 * DAY), loss_rows[i].code);
		const struct fleet_item item = plan_one(f, &w, NULL);
		const int64_t before = newest_order(f);

		CHECK(loss_rows[i].name,
		      (item.action == FLEET_ISSUE) == loss_rows[i].is_ordered);
		OK(f,
		   fleet_order_anew(&w.config, f->store, text_name, text_host, &f->err));
		CHECK(loss_rows[i].name,
		      (newest_order(f) != before) == loss_rows[i].is_ordered);
		fixture_teardown(&one);
	}
	DONE();
}

/* Lost again and again: at once, after six hours, then every three days. */
static const struct {
	const char *name;
	int64_t age_s;
	bool is_ordered;
} again_rows[] = {
	{ "first, at once", 0, true },
	{ "second, at once", 0, false },
	{ "second, six hours later", 6 * 3600 + 1, true },
	{ "third, six hours later", 6 * 3600 + 1, false },
	{ "third, three days later", 3 * DAY + 1, true },
	{ "fourth, two days later", 2 * DAY, false },
};

static void lost_keys_do_not_use_up_the_ca(void **state)
{
	struct fixture *f = *state;
	bool is_ordered = false;
	struct world w;

	make_world(&w);
	enroll(f);
	w.certificate.key_on = KEY_ON_TARGET;
	for (size_t i = 0; i < ARRAY_SIZE(again_rows); i++) {
		const int64_t order = is_ordered ? newest_order(f)
		                                 : fixture_order(f, text_name, text_host,
		                                                 "a.test");

		fixture_order_state(f, text_name, text_host, ORDER_DONE, 0);
		lose_key(f, issue_for(f, &w, order, again_rows[i].age_s, 90 * DAY),
		         DELIVERY_NO_KEY);
		OK(f,
		   fleet_order_anew(&w.config, f->store, text_name, text_host, &f->err));
		is_ordered = newest_order(f) != order;
		CHECK(again_rows[i].name, is_ordered == again_rows[i].is_ordered);
	}
	DONE();
}

static void an_alias_for_all_is_warned_of(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		AUTO_FLEET_PLAN struct fleet_plan plan = { 0 };
		struct world w;

		make_world(&w);
		w.certificate.names = (struct strlist){ aliases[i].names, 2 };
		w.certificate.challenge_alias = aliases[i].alias;
		w.certificate.unique_name = aliases[i].unique_name;
		plan_all(f, &w, &plan);
		CHECK(aliases[i].name, plan.warnings.len == (aliases[i].warning ? 1 : 0));
		CHECK(aliases[i].name,
		      plan.warnings.len != 1 ||
		          strstr(plan.warnings.items[0], aliases[i].warning));
	}
	DONE();
}

/* Only refusals count, and the CA's own word on when to come back. */
static void the_ca_says_how_long(void **state)
{
	struct fixture *f = *state;
	AUTO_ORDER struct order order = { 0 };
	const struct event event = { .name = "order.failed" };
	struct fleet_item item;
	struct world w;
	bool found;

	make_world(&w);
	enroll(f);
	for (int i = 0; i < 3; i++)
		end_order(f, &w, "", 0);
	end_order(f, &w, "rateLimited", 0);
	item = plan_one(f, &w, NULL);
	assert_int_equal(item.action, FLEET_WAIT);
	assert_true(item.until <= clock_now() + 60);
	OK(f,
	   store_order_newest(f->store, text_name, text_host, &order, &found, &f->err));
	order.last.retry_after = 7200;
	OK(f, store_order_save(f->store, &order, false, &event, &f->err));
	item = plan_one(f, &w, NULL);
	assert_true(item.until >= clock_now() + 7100);
}

static void an_unknown_name_is_an_error(void **state)
{
	struct fixture *f = *state;
	AUTO_FLEET_PLAN struct fleet_plan plan = { 0 };
	AUTO_STRLIST struct strlist only = { 0 }, forced = { 0 };
	const struct fleet_wish wish = { &only, &forced };
	struct world w;

	make_world(&w);
	strlist_add(&only, "web-2");
	assert_false(fleet_plan(&w.config, f->store, &wish, &plan, &f->err));
	assert_int_equal(f->err.kind, ERR_INPUT);
	assert_non_null(strstr(f->err.msg, "web-2"));
	strlist_deinit(&only);
	strlist_add(&forced, "www/web-9");
	assert_false(fleet_plan(&w.config, f->store, &wish, &plan, &f->err));
	assert_int_equal(f->err.kind, ERR_INPUT);
}

static void what_is_adopted_is_claimed(void **state)
{
	struct fixture *f = *state;
	AUTO_FLEET_PLAN struct fleet_plan plan = { 0 };
	AUTO_STRLIST struct strlist only = { 0 }, forced = { 0 };
	AUTO_ORDER struct order first = { 0 }, second = { 0 };
	const struct fleet_wish wish = { &only, &forced };
	struct world w;
	bool found;

	make_world(&w);
	add_spare(&w);
	add_alias(&w);
	enroll(f);
	/* Under way, but not in the configuration any more: only to be tidied. */
	(void)fixture_order(f, "old", "web-9", "b.test");
	OK(f, fleet_plan(&w.config, f->store, &wish, &plan, &f->err));
	OK(f, fleet_adopt(&plan, f->store, &f->err));
	OK(f, store_order_claim(f->store, clock_now_ms(), &first, &found, &f->err));
	assert_true(found);
	assert_string_equal(first.certificate, "old");
	assert_int_equal(first.state, ORDER_TIDY);
	OK(f, store_order_claim(f->store, clock_now_ms(), &second, &found, &f->err));
	assert_true(found);
	assert_string_equal(second.certificate, "www");
	assert_string_equal(second.names.items[0], "a.test");
	assert_string_equal(second.dns, "dns,spare");
	assert_string_equal(second.alias, text_alias);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_due),
		cmocka_unit_test(refusals_are_not_repeated_at_once),
		cmocka_unit_test(orders_go_on_while_they_are_wanted),
		STORE_TEST(what_was_changed_is_begun_anew),
		STORE_TEST(what_was_changed_back_is_given_up),
		cmocka_unit_test(a_renewal_that_waits_hides_nothing),
		STORE_TEST(a_renewal_that_waits_for_a_person_hides_nothing),
		cmocka_unit_test(what_is_kept_back_hides_nothing),
		cmocka_unit_test(a_lost_key_is_a_new_certificate),
		cmocka_unit_test_setup_teardown(lost_keys_do_not_use_up_the_ca,
		                                fixture_setup, fixture_teardown),
		STORE_TEST(an_alias_for_all_is_warned_of),
		STORE_TEST(the_ca_says_how_long),
		STORE_TEST(an_unknown_name_is_an_error),
		STORE_TEST(what_is_adopted_is_claimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
