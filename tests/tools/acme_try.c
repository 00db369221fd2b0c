/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acme_try - one whole order, or many, by module acme alone
 *
 * For tests and measurements: against pebble with PEBBLE_VA_ALWAYS_VALID=1, or against
 * tests/e2e/fake_ca.py. It publishes no TXT record. Each step is a line on stdout; the
 * first error is the last line, and the exit status is that of its kind. -n orders
 * many, in -j threads, and -m prints what they cost.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "acme/acme.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/cert.h"
#include "crypto/csr.h"
#include "crypto/key.h"

struct
try {
	struct acme_settings settings;
	struct acme *acme;
	const char *profile;
	struct strlist names;
	int64_t left; /* orders to make, each for names of its own; -1: one, as named */
	int threads;
	int poll_ms;
	int patience_ms;
	bool measure;
	bool quiet;
	pthread_mutex_t lock;
	struct err first; /* of any thread */
};

static atomic_long requests;

static void count_requests(void *arg, enum log_level level, const char *line)
{
	(void)level;
	if (strstr(line, "acme.request"))
		atomic_fetch_add((atomic_long *)arg, 1);
}

static void nap(int ms)
{
	struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&pause, NULL);
}

#define STEP(try, ...) ((try)->quiet ? (void)0 : (void)printf(__VA_ARGS__))

static bool wait_for_authz(struct try *try, const char *url, struct err *err)
{
	int64_t deadline = clock_deadline_ms(try->patience_ms);

	while (clock_left_ms(deadline) > 0) {
		AUTO_ACME_AUTHZ struct acme_authz authz = { 0 };

		nap(try->poll_ms);
		if (!acme_authz_get(try->acme, url, &authz, err))
			return false;
		STEP(try, "authorization: %s is %s, look again after %d s\n", authz.name,
		     acme_status_names[authz.status], authz.retry_after);
		if (authz.problem.kind != ERR_NONE)
			*err = authz.problem;
		if (authz.status == ACME_VALID || authz.problem.kind != ERR_NONE)
			return authz.status == ACME_VALID;
		if (authz.status != ACME_PENDING)
			return err_set(err, ERR_REMOTE, "the authorization is %s",
			               acme_status_names[authz.status]);
	}
	return err_set(err, ERR_TEMPORARY, "the authorization stays pending");
}

static bool authorize(struct try *try, const char *url, const struct strlist *names,
                      struct err *err)
{
	AUTO_ACME_AUTHZ struct acme_authz authz = { 0 };

	if (!acme_authz_get(try->acme, url, &authz, err))
		return false;
	STEP(try, "authorization: %s is %s\n", authz.name,
	     acme_status_names[authz.status]);
	if (authz.status == ACME_VALID)
		return true;
	if (!strlist_has(names, authz.name))
		return err_set(err, ERR_REMOTE, "an authorization for %s, not ordered",
		               authz.name);
	if (!authz.challenge_url)
		return err_set(err, ERR_REMOTE, "no dns-01 for %s", authz.name);
	STEP(try, "challenge: TXT %s\n", authz.txt_value);
	return acme_challenge_answer(try->acme, authz.challenge_url, err) &&
	       wait_for_authz(try, url, err);
}

static bool wait_for_order(struct try *try, const char *url, const struct strlist *names,
                           char **certificate, struct err *err)
{
	int64_t deadline = clock_deadline_ms(try->patience_ms);

	while (clock_left_ms(deadline) > 0) {
		AUTO_ACME_ORDER struct acme_order order = { 0 };

		nap(try->poll_ms);
		if (!acme_order_get(try->acme, url, names, &order, err))
			return false;
		STEP(try, "order: %s, look again after %d s\n",
		     acme_status_names[order.status], order.retry_after);
		if (order.problem.kind != ERR_NONE) {
			*err = order.problem;
			return false;
		}
		if (order.status == ACME_VALID) {
			*certificate = TAKE(order.certificate);
			return true;
		}
	}
	return err_set(err, ERR_TEMPORARY, "the order does not become valid");
}

static bool collect(struct try *try, const char *url, const struct key *key,
                    const struct strlist *names, struct err *err)
{
	AUTO_BUF struct buf pem = BUF_INIT(CERT_PEM_MAX);
	AUTO_CERT struct cert cert = { 0 };

	if (!acme_certificate_get(try->acme, url, &pem, err) ||
	    !cert_parse(pem.data, pem.len, &cert, err) ||
	    !cert_check(&cert, key, names, clock_now(), err))
		return false;
	STEP(try, "certificate: serial %s, %zu in the chain\n", cert.serial, cert.count);
	return true;
}

static bool finalize(struct try *try, const struct acme_order *order,
                     const struct strlist *names, struct err *err)
{
	AUTO_KEY struct key *key = key_new(KEY_EC_256, err);
	AUTO_BUF struct buf csr = BUF_INIT(64 * 1024);
	AUTO_FREE char *certificate = NULL;

	if (!key || !csr_new(key, names, &csr, err) ||
	    !acme_order_finalize(try->acme, order->finalize, csr.data, csr.len, err))
		return false;
	STEP(try, "finalize: sent\n");
	return wait_for_order(try, order->url, names, &certificate, err) &&
	       collect(try, certificate, key, names, err);
}

static bool order_once(struct try *try, const struct strlist *names, struct err *err)
{
	AUTO_ACME_ORDER struct acme_order order = { 0 };

	if (!acme_order_new(try->acme, names, try->profile, NULL, &order, err))
		return false;
	STEP(try, "order: %s, %zu authorizations\n", acme_status_names[order.status],
	     order.authorizations.len);
	for (size_t i = 0; i < order.authorizations.len; i++)
		if (!authorize(try, order.authorizations.items[i], names, err))
			return false;
	return finalize(try, &order, names, err);
}

/* Of many orders each is for names of its own: "n17.NAME". */
static void number_names(const struct strlist *names, int64_t number, struct strlist *out)
{
	for (size_t i = 0; i < names->len; i++) {
		AUTO_FREE char *name = xasprintf("n%lld.%s", (long long)number,
		                                 names->items[i]);

		strlist_add(out, name);
	}
	strlist_sort(out);
}

static void *work(void *arg)
{
	struct try *try = arg;

	for (;;) {
		AUTO_STRLIST struct strlist names = { 0 };
		struct err err = { 0 };
		int64_t number = 0;

		pthread_mutex_lock(&try->lock);
		number = try->first.kind == ERR_NONE ? try->left-- : 0;
		pthread_mutex_unlock(&try->lock);
		if (number <= 0)
			return NULL;
		number_names(&try->names, number, &names);
		if (order_once(try, &names, &err))
			continue;
		pthread_mutex_lock(&try->lock);
		try->first = err;
		pthread_mutex_unlock(&try->lock);
	}
}

static void order_many(struct try *try)
{
	enum { THREADS_MAX = 64 };
	pthread_t threads[THREADS_MAX];
	int count = try->threads < THREADS_MAX ? try->threads : THREADS_MAX;

	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, work, try) != 0)
			abort();
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static double cpu_ms(void)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static bool run(struct try *try, struct err *err)
{
	AUTO_KEY struct key *key = key_new(KEY_EC_256, err);
	CLEANUP(acme_freep) struct acme *acme = NULL;
	AUTO_FREE char *account = NULL;
	long requests_before = 0;
	double cpu_before = 0, count = (double)try->left;
	int64_t started = 0;
	bool done = false;

	try->settings.key = key;
	if (!key || !(acme = acme_new(&try->settings, err)) ||
	    !acme_account_register(acme, &account, err))
		return false;
	try->acme = acme;
	STEP(try, "account: %s\n", account);
	if (try->left < 1)
		return order_once(try, &try->names, err);
	requests_before = atomic_load(&requests);
	cpu_before = cpu_ms();
	started = clock_mono_ms();
	order_many(try);
	done = try->first.kind == ERR_NONE;
	*err = try->first;
	if (try->measure)
		printf("measured: %.0f orders, %.2f requests, %.2f ms CPU, %.2f ms wall "
		       "each\n",
		       count, (double)(atomic_load(&requests) - requests_before) / count,
		       (cpu_ms() - cpu_before) / count,
		       (double)(clock_mono_ms() - started) / count);
	return done;
}

static int64_t number(const char *text, int64_t max)
{
	int64_t out = 0;

	if (str_to_i64(text, 1, max, &out))
		return out;
	fprintf(stderr, "acme_try: '%s' is not a number from 1 to %lld\n", text,
	        (long long)max);
	exit(2);
}

static void read_options(int argc, char **argv, struct try *try, struct strlist *contact)
{
	for (int option = 0; (option = getopt(argc, argv, "c:j:k:K:mn:p:P:tw:")) != -1;) {
		if (option == 'c')
			strlist_add(contact, optarg);
		else if (option == 'j')
			try->threads = (int)number(optarg, 64);
		else if (option == 'k')
			try->settings.eab_kid = optarg;
		else if (option == 'K')
			try->settings.eab_key = secret_new(optarg, strlen(optarg));
		else if (option == 'm')
			try->measure = try->quiet = true;
		else if (option == 'n')
			try->left = number(optarg, 1000000);
		else if (option == 'p')
			try->poll_ms = (int)number(optarg, 60000);
		else if (option == 'P')
			try->profile = optarg;
		else if (option == 't')
			try->settings.agree_to_terms = true;
		else if (option == 'w')
			try->patience_ms = (int)number(optarg, 600) * 1000;
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	struct try try = { .threads = 1,
		           .left = -1,
		           .poll_ms = 50,
		           .patience_ms = 10000,
		           .lock = PTHREAD_MUTEX_INITIALIZER };
	AUTO_STRLIST struct strlist contact = { 0 };
	struct err err = { 0 };
	bool done = false;

	json_init();
	log_set_sink(count_requests, &requests);
	log_set_level(LOG_DEBUG);
	read_options(argc, argv, &try, &contact);
	if (argc - optind < 3) {
		fprintf(stderr,
		        "usage: acme_try [-t] [-c CONTACT] [-k KID -K KEY] [-P PROFILE] "
		        "[-p POLL-MS] [-w SECONDS] [-n ORDERS -j THREADS -m] "
		        "DIRECTORY CA-FILE NAME...\n");
		return 2;
	}
	try.settings.name = "try";
	try.settings.directory = argv[optind];
	try.settings.ca_file = argv[optind + 1];
	try.settings.contact = &contact;
	for (int i = optind + 2; i < argc; i++)
		strlist_add(&try.names, argv[i]);
	strlist_sort(&try.names);
	done = run(&try, &err);
	if (!done)
		printf("error: kind=%s code=%s retry-after=%d: %s\n",
		       err_infos[err.kind].name, err.code, err.retry_after, err.msg);
	secret_free((struct secret *)(uintptr_t)try.settings.eab_key);
	strlist_deinit(&try.names);
	return err_infos[done ? ERR_NONE : err.kind].exit_code;
}
